//! Which received files have a content that is damaged on the disk.

use std::collections::BTreeSet;
use std::sync::Mutex;

use pointsman_store::TransferId;

use super::mutex::locked;

/// Files that wait to be opened or delivered, and whose content is not what was received. They are not read again before
/// the next start.
#[derive(Debug, Default)]
pub struct Damaged {
    files: Mutex<BTreeSet<TransferId>>,
}

impl Damaged {
    pub(crate) fn give_up(&self, id: TransferId) {
        locked(&self.files).insert(id);
    }

    pub(crate) fn is_given_up(&self, id: TransferId) -> bool {
        locked(&self.files).contains(&id)
    }
}
