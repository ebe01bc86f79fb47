//! Quotas of parallel sessions: what one was allowed, the next must see.
//!
//! The ledger knows what a partner sent, and counts files under way with the size that they announced. A file that gets
//! larger than that takes what it needs of the same quota before it is kept, in steps; what is taken so is counted here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pointsman_store::TransferId;
use tokio::sync::OwnedMutexGuard;

/// Octets that a file takes at least when it gets larger than it announced, as long as there are so many.
pub const STEP: u64 = 1 << 20;

/// What files under way take beyond what they announced.
#[derive(Debug, Default)]
pub struct Quotas {
    gates: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    beyond: Arc<Mutex<Beyond>>,
}

/// By the number of the allowance: a session that had the file before may end when another has it already.
#[derive(Debug, Default)]
struct Beyond {
    begun: u64,
    granted: HashMap<u64, Granted>,
}

#[derive(Debug)]
struct Granted {
    partner: String,
    id: TransferId,
    octets: u64,
}

/// What a file under way has of its partner's quota; dropping it gives back what the ledger does not count.
#[derive(Debug)]
pub struct Allowance {
    beyond: Arc<Mutex<Beyond>>,
    number: u64,
    partner: String,
    id: TransferId,
    announced: u64,
}

impl Quotas {
    /// Whoever has the gate decides alone what files of that partner may have.
    pub async fn gate(&self, partner: &str) -> OwnedMutexGuard<()> {
        let gate = Arc::clone(lock(&self.gates).entry(partner.to_owned()).or_default());
        gate.lock_owned().await
    }

    /// Octets that the partner's files under way have beyond what they announced, all but this one.
    #[must_use]
    pub fn beyond(&self, partner: &str, but: Option<TransferId>) -> u64 {
        let beyond = lock(&self.beyond);
        let granted = beyond.granted.values();
        let others = granted.filter(|one| one.partner == partner && Some(one.id) != but);
        others.map(|one| one.octets).sum()
    }

    /// A file begins that the ledger counts with so many octets.
    #[must_use]
    pub fn begin(&self, partner: &str, id: TransferId, announced: u64) -> Allowance {
        let mut beyond = lock(&self.beyond);
        beyond.begun += 1;
        Allowance {
            beyond: Arc::clone(&self.beyond),
            number: beyond.begun,
            partner: partner.to_owned(),
            id,
            announced,
        }
    }
}

impl Allowance {
    /// The file may have so many octets from now on.
    pub fn grant(&self, octets: u64) {
        let granted = Granted {
            partner: self.partner.clone(),
            id: self.id,
            octets: octets.saturating_sub(self.announced),
        };
        lock(&self.beyond).granted.insert(self.number, granted);
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        lock(&self.beyond).granted.remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_a_file_late_gives_back_nothing_of_the_session_that_has_it() {
        let quotas = Quotas::default();
        let id = TransferId::new();
        let first = quotas.begin("mueller", id, 100);
        first.grant(150);
        let second = quotas.begin("mueller", id, 100);
        second.grant(300);
        drop(first);
        assert_eq!(quotas.beyond("mueller", None), 200);
        assert_eq!(quotas.beyond("mueller", Some(id)), 0, "its own");
        assert_eq!(quotas.beyond("schmidt", None), 0);
        drop(second);
        assert_eq!(quotas.beyond("mueller", None), 0);
    }
}
