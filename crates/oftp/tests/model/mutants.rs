//! Bugs that are planted one by one, and by what each is found.

use std::collections::BTreeSet;

use oftp::mutants::{Mutant, plant};
use stateright::{Checker, Model};

use super::completion;
use super::properties::DONE;
use super::world::Setup;

const SETUPS: [Setup; 3] = [
    Setup {
        files: [1, 1],
        records: 2,
        window: 1,
        faults: 0,
        free: true,
    },
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
        window: 1,
        faults: 2,
        free: false,
    },
];

/// Each bug, and the property that it breaks.
const FOUND_BY: [(Mutant, &str); 18] = [
    (Mutant::SpeaksBeforeCd, "never two speakers"),
    (Mutant::CdAfterCd, FAULT),
    (Mutant::TurnGoesRound, COMPLETION),
    (Mutant::KeepsTheTurn, FAULT),
    (Mutant::MissesTheTurn, "something can happen"),
    (Mutant::OneBeyondTheWindow, FAULT),
    (Mutant::DataWithoutCredit, FAULT),
    (Mutant::CreditNotCounted, FAULT),
    (Mutant::EfidWithoutCredit, FAULT),
    (Mutant::RestartNotTold, WHOLE),
    (Mutant::HeldNotCounted, WHOLE),
    (Mutant::StaysInRtrp, FAULT),
    (
        Mutant::RtrBeforeKept,
        "receipted only what the sender knows",
    ),
    (
        Mutant::EfpaBeforeStored,
        "sent only what the partner has whole",
    ),
    (Mutant::ReleasesOutOfTurn, FAULT),
    (Mutant::LosesTheTurnAtSfna, "something can happen"),
    (Mutant::TurnNotTold, "something can happen"),
    (Mutant::WaitsForEver, "something can happen"),
];
const FAULT: &str = "no end finds fault with the other";
const WHOLE: &str = "each record where it belongs, and all of them";
const COMPLETION: &str = "completion stays within reach";

#[test]
fn every_planted_bug_is_found() {
    assert_eq!(FOUND_BY.map(|(mutant, _)| mutant), Mutant::ALL);
    for (mutant, property) in FOUND_BY {
        plant(Some(mutant));
        let broken = broken_properties();
        plant(None);
        println!("{:20} {}", format!("{mutant:?}"), broken.join("; "));
        assert!(
            broken.contains(&property),
            "{mutant:?} does not break: {property}"
        );
    }
    println!("{} of {} found", FOUND_BY.len(), Mutant::ALL.len());
}

fn broken_properties() -> Vec<&'static str> {
    let broken: BTreeSet<_> = SETUPS.iter().flat_map(broken_within).collect();
    if broken.is_empty() && SETUPS.iter().any(never_ends) {
        return vec![COMPLETION];
    }
    broken.into_iter().collect()
}

fn broken_within(setup: &Setup) -> Vec<&'static str> {
    let checker = setup.checker().threads(2).spawn_bfs().join();
    let found = checker.discoveries().into_keys();
    found.filter(|property| *property != DONE).collect()
}

fn never_ends(setup: &Setup) -> bool {
    let search = completion::stuck(setup);
    println!(
        "{setup:?}: no way to the end from {} of {} states",
        search.stuck, search.states
    );
    search.stuck > 0
}
