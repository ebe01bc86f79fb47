//! Which files are being delivered.

use std::collections::HashMap;
use std::sync::Mutex;

use pointsman_store::TransferId;

use super::mutex::locked;

/// Files of one partner that the server delivers at a time, beside those of its sessions: a folder that does not answer
/// holds up its own partner.
const TASKS: usize = 64;

/// The deliveries under way, and their partners. Each file is delivered by one task at a time.
#[derive(Debug, Default)]
pub struct Deliveries {
    under_way: Mutex<HashMap<TransferId, String>>,
}

impl Deliveries {
    /// Takes a file for one task. False where another has it.
    pub(crate) fn take(&self, id: TransferId, partner: &str) -> bool {
        let mut under_way = locked(&self.under_way);
        let is_free = !under_way.contains_key(&id);
        if is_free {
            under_way.insert(id, partner.to_owned());
        }
        is_free
    }

    pub(crate) fn release(&self, id: TransferId) {
        locked(&self.under_way).remove(&id);
    }

    /// Whether so many files of the partner are being delivered that others have to wait.
    pub(crate) fn is_crowded(&self, partner: &str) -> bool {
        let under_way = locked(&self.under_way);
        under_way.values().filter(|name| *name == partner).count() >= TASKS
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        locked(&self.under_way).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_with_very_many_files_leaves_tasks_to_others() {
        let deliveries = Deliveries::default();
        let many: Vec<_> = (0..TASKS).map(|_| TransferId::new()).collect();
        for id in &many {
            assert!(!deliveries.is_crowded("many") && deliveries.take(*id, "many"));
        }
        assert!(!deliveries.take(many[0], "many"), "a task has it");
        assert!(deliveries.is_crowded("many") && !deliveries.is_crowded("other"));
        deliveries.release(many[0]);
        assert!(!deliveries.is_crowded("many") && !deliveries.is_idle());
    }
}
