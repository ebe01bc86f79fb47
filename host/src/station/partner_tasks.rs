//! Files that tasks have, each by one task, and so many of each partner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pointsman_store::TransferId;

use super::mutex::locked;

/// Files of one partner that have a task at a time: whatever takes long with it, such as a folder that does not answer,
/// holds up its own partner.
const TASKS: usize = 64;

/// The files that have a task, and their partners.
#[derive(Debug, Default)]
pub struct PartnerTasks(Mutex<HashMap<TransferId, String>>);

/// A file that is one task's, until this is dropped.
#[derive(Debug)]
pub struct TaskClaim {
    tasks: Arc<PartnerTasks>,
    id: TransferId,
}

impl PartnerTasks {
    /// Takes a file for one task. None where another has it.
    pub(crate) fn take(self: &Arc<Self>, id: TransferId, partner: &str) -> Option<TaskClaim> {
        let mut tasks = locked(&self.0);
        if tasks.contains_key(&id) {
            return None;
        }
        tasks.insert(id, partner.to_owned());
        let tasks = Arc::clone(self);
        Some(TaskClaim { tasks, id })
    }

    /// Whether so many files of the partner have a task that others have to wait.
    pub(crate) fn is_crowded(&self, partner: &str) -> bool {
        let tasks = locked(&self.0);
        tasks.values().filter(|name| *name == partner).count() >= TASKS
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        locked(&self.0).is_empty()
    }
}

impl Drop for TaskClaim {
    fn drop(&mut self) {
        locked(&self.tasks.0).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_with_very_many_files_leaves_tasks_to_others() {
        let tasks = Arc::new(PartnerTasks::default());
        let many: Vec<_> = (0..TASKS).map(|_| TransferId::new()).collect();
        let mut claims = Vec::new();
        for id in &many {
            assert!(!tasks.is_crowded("many"));
            claims.push(tasks.take(*id, "many").unwrap());
        }
        assert!(tasks.take(many[0], "many").is_none(), "a task has it");
        assert!(tasks.is_crowded("many") && !tasks.is_crowded("other"));
        drop(claims.remove(0));
        assert!(!tasks.is_crowded("many") && !tasks.is_idle());
        let again = tasks.take(many[0], "many");
        assert!(again.is_some(), "it is free again");
        drop((again, claims));
        assert!(tasks.is_idle());
    }
}
