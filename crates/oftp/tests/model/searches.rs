//! Bounds, and that nothing goes wrong within them.

use std::time::Instant;

use stateright::{Checker, Model};

use super::completion;
use super::properties::DONE;
use super::world::Setup;

/// Bounds that `cargo test` searches whole.
const SMALL: [Setup; 6] = [
    Setup {
        files: [1, 0],
        records: 2,
        window: 1,
        faults: 2,
        free: true,
    },
    Setup {
        files: [1, 1],
        records: 1,
        window: 2,
        faults: 1,
        free: true,
    },
    Setup {
        files: [1, 1],
        records: 2,
        window: 1,
        faults: 2,
        free: false,
    },
    Setup {
        files: [2, 1],
        records: 1,
        window: 2,
        faults: 2,
        free: false,
    },
    Setup {
        files: [0, 2],
        records: 3,
        window: 2,
        faults: 2,
        free: false,
    },
    Setup {
        files: [1, 1],
        records: 2,
        window: 2,
        faults: 2,
        free: true,
    },
];

/// Bounds for the long run.
const LARGE: [Setup; 6] = [
    Setup {
        files: [1, 1],
        records: 3,
        window: 2,
        faults: 3,
        free: true,
    },
    Setup {
        files: [2, 2],
        records: 2,
        window: 2,
        faults: 3,
        free: false,
    },
    Setup {
        files: [2, 1],
        records: 3,
        window: 1,
        faults: 2,
        free: true,
    },
    Setup {
        files: [2, 2],
        records: 2,
        window: 2,
        faults: 2,
        free: true,
    },
    Setup {
        files: [2, 2],
        records: 3,
        window: 2,
        faults: 3,
        free: true,
    },
    Setup {
        files: [2, 1],
        records: 3,
        window: 2,
        faults: 3,
        free: true,
    },
];

#[test]
fn nothing_goes_wrong_within_small_bounds() {
    let states: usize = SMALL.into_iter().map(search).sum();
    println!("{states} states");
}

#[test]
#[ignore = "takes minutes: cargo xtask model --long"]
fn nothing_goes_wrong_within_large_bounds() {
    let states: usize = LARGE.into_iter().map(search).sum();
    println!("{states} states");
}

/// Searches everything within bounds; gives back how many states there are.
fn search(setup: Setup) -> usize {
    let began = Instant::now();
    let checker = setup.checker().threads(2).spawn_bfs().join();
    let found = checker.discoveries();
    for (property, path) in found {
        assert_eq!(property, DONE, "{setup:?}: {:?}", path.into_actions());
    }
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    let depth = checker.max_depth();
    drop(checker);
    let search = completion::stuck(&setup);
    assert_eq!(search.states, states, "both searches see the same");
    assert_eq!(search.stuck, 0, "{setup:?}");
    let took = began.elapsed().as_secs_f32();
    println!("{setup:?}: {states} states, {steps} steps, depth {depth}, {took:.1} s");
    states
}
