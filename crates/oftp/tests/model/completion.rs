//! From everywhere the end can still be reached, without further faults.
//!
//! The search for paths that never end is our own: every state and every step is kept, and one goes
//! back from where all is done. What is not met on the way back is stuck.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use stateright::Model;

use super::world::{Setup, World};

pub struct Search {
    pub states: usize,
    /// States from which completion is out of reach.
    pub stuck: usize,
}

pub fn stuck(setup: &Setup) -> Search {
    let graph = Graph::explore(setup);
    let reached = graph.back_from(&graph.done);
    let stuck = reached.iter().filter(|&&reached| !reached).count();
    Search {
        states: graph.states,
        stuck,
    }
}

/// States by number.
#[derive(Default)]
struct Graph {
    states: usize,
    /// Steps that are no faults: from, to.
    edges: Vec<(u32, u32)>,
    done: Vec<u32>,
}

impl Graph {
    fn explore(setup: &Setup) -> Self {
        let mut graph = Self::default();
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut todo: VecDeque<(u32, World)> = VecDeque::new();
        for world in setup.init_states() {
            seen.insert(fingerprint(&world), 0);
            todo.push_back((0, world));
        }
        let mut steps = Vec::new();
        while let Some((from, world)) = todo.pop_front() {
            if world.is_done() {
                graph.done.push(from);
            }
            setup.actions(&world, &mut steps);
            for step in steps.drain(..) {
                let Some(next) = setup.next_state(&world, step) else {
                    continue;
                };
                let number = seen.len() as u32;
                let to = match seen.entry(fingerprint(&next)) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => {
                        todo.push_back((number, next));
                        *entry.insert(number)
                    }
                };
                if !step.is_fault() {
                    graph.edges.push((from, to));
                }
            }
        }
        graph.states = seen.len();
        graph.edges.sort_unstable_by_key(|&(_, to)| to);
        graph
    }

    fn back_from(&self, goals: &[u32]) -> Vec<bool> {
        let mut reached = vec![false; self.states];
        let mut todo = goals.to_vec();
        while let Some(to) = todo.pop() {
            if std::mem::replace(&mut reached[to as usize], true) {
                continue;
            }
            let first = self.edges.partition_point(|edge| edge.1 < to);
            let into = self.edges[first..].iter().take_while(|edge| edge.1 == to);
            todo.extend(
                into.map(|edge| edge.0)
                    .filter(|&from| !reached[from as usize]),
            );
        }
        reached
    }
}

fn fingerprint(world: &World) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(world)
}
