//! Files that policies do not want to be queued yet: each is asked about again after a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pointsman_store::TransferId;

/// How long the same policies are left alone with a file.
const AGAIN: Duration = Duration::from_secs(60);

/// The files, and what was answered about them.
#[derive(Default)]
pub(super) struct DelayedFiles(BTreeMap<TransferId, Answer>);

struct Answer {
    when: Instant,
    /// The generation of the policies.
    generation: u64,
    why: String,
}

impl DelayedFiles {
    /// The policies of this generation do not want the file to be queued now.
    pub(super) fn note(&mut self, id: TransferId, generation: u64, why: String) {
        let when = Instant::now();
        let answer = Answer {
            when,
            generation,
            why,
        };
        self.0.insert(id, answer);
    }

    /// Why the file is not queued, while it is too early to ask again. Other policies are asked at once.
    pub(super) fn why_it_waits(&self, id: TransferId, generation: u64) -> Option<&str> {
        let answer = self.0.get(&id)?;
        let waits = answer.when.elapsed() < AGAIN && answer.generation == generation;
        waits.then_some(&answer.why)
    }

    /// Forgets files that are not here any more.
    pub(super) fn retain(&mut self, here: &[(TransferId, String)]) {
        let here: BTreeSet<TransferId> = here.iter().map(|(id, _)| *id).collect();
        self.0.retain(|id, _| here.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_policies_are_asked_at_once_and_the_same_ones_after_a_while() {
        let (mut delayed, id) = (DelayedFiles::default(), TransferId::new());
        assert_eq!(delayed.why_it_waits(id, 1), None);
        delayed.note(id, 1, "at night".to_owned());
        assert_eq!(delayed.why_it_waits(id, 1), Some("at night"));
        assert_eq!(delayed.why_it_waits(id, 2), None);
        delayed.retain(&[(id, "ORDERS".to_owned())]);
        assert_eq!(delayed.why_it_waits(id, 1), Some("at night"));
        delayed.0.get_mut(&id).unwrap().when = Instant::now().checked_sub(AGAIN).unwrap();
        assert_eq!(delayed.why_it_waits(id, 1), None);
        delayed.note(id, 1, "at night".to_owned());
        delayed.retain(&[]);
        assert_eq!(delayed.why_it_waits(id, 1), None, "it is gone");
    }
}
