//! Which files are being delivered.

use std::collections::HashSet;
use std::sync::Mutex;

use pointsman_store::TransferId;

use super::mutex::locked;

/// The deliveries under way. Each file is delivered by one task at a time.
#[derive(Debug, Default)]
pub struct Deliveries {
    under_way: Mutex<HashSet<TransferId>>,
}

impl Deliveries {
    pub(crate) fn take(&self, id: TransferId) -> bool {
        locked(&self.under_way).insert(id)
    }

    pub(crate) fn release(&self, id: TransferId) {
        locked(&self.under_way).remove(&id);
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        locked(&self.under_way).is_empty()
    }
}
