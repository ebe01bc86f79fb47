//! The partials of broken files, by partner. Their number is bounded.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pointsman_store::TransferId;

/// Which partials there are.
#[derive(Debug)]
pub struct Partials {
    most: AtomicUsize,
    by_partner: Mutex<HashMap<String, BTreeSet<TransferId>>>,
}

impl Partials {
    /// So many of each partner.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            by_partner: Mutex::default(),
        }
    }

    /// From now on keeps so many of each partner.
    pub fn limit(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Notes that a partial is kept.
    pub fn keep(&self, partner: &str, id: TransferId) {
        let mut by_partner = self.lock();
        by_partner.entry(partner.to_owned()).or_default().insert(id);
    }

    /// The oldest partials of a partner that has too many. They stay on the list until they are forgotten.
    pub fn surplus(&self, partner: &str) -> Vec<TransferId> {
        let by_partner = self.lock();
        let Some(kept) = by_partner.get(partner) else {
            return Vec::new();
        };
        let surplus = kept.len().saturating_sub(self.most.load(Ordering::Relaxed));
        kept.iter().copied().take(surplus).collect()
    }

    /// The file is whole, or starts over.
    pub fn forget(&self, partner: &str, id: TransferId) {
        let mut by_partner = self.lock();
        if let Some(kept) = by_partner.get_mut(partner) {
            kept.remove(&id);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, BTreeSet<TransferId>>> {
        self.by_partner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
