//! Quotas of parallel sessions: what one was allowed, the next must see.
//!
//! The ledger knows what a partner has sent, and counts files that are being received with their announced size. A file
//! that gets larger takes more of the quota in steps before its octets are kept; these steps are counted here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pointsman_store::TransferId;
use tokio::sync::OwnedMutexGuard;

use super::mutex::locked;

/// The octets of a step, where the quota has so many left.
pub const STEP: u64 = 1 << 20;

/// What files that are being received take beyond their announced size.
#[derive(Debug, Default)]
pub struct Quotas {
    gates: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    beyond: Arc<Mutex<Beyond>>,
}

/// The entries have the number of their allowance, since a session that had the file before may end when another has it
/// already.
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

/// What a file that is being received has of its partner's quota. Dropping it releases what the ledger does not count.
#[derive(Debug)]
pub struct Allowance {
    beyond: Arc<Mutex<Beyond>>,
    number: u64,
    partner: String,
    id: TransferId,
    announced: u64,
}

impl Quotas {
    /// Locks the quota of a partner: only the holder may decide what files of this partner may take.
    pub async fn gate(&self, partner: &str) -> OwnedMutexGuard<()> {
        let gate = Arc::clone(locked(&self.gates).entry(partner.to_owned()).or_default());
        gate.lock_owned().await
    }

    /// Octets that the partner's files, except `but`, take beyond their announced size.
    #[must_use]
    pub fn beyond(&self, partner: &str, but: Option<TransferId>) -> u64 {
        let beyond = locked(&self.beyond);
        let granted = beyond.granted.values();
        let others = granted.filter(|one| one.partner == partner && Some(one.id) != but);
        others.map(|one| one.octets).sum()
    }

    /// Begins an allowance for a file that the ledger counts with so many octets.
    #[must_use]
    pub fn begin(&self, partner: &str, id: TransferId, announced: u64) -> Allowance {
        let mut beyond = locked(&self.beyond);
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
    /// From now on the file may have so many octets.
    pub fn grant(&self, octets: u64) {
        let granted = Granted {
            partner: self.partner.clone(),
            id: self.id,
            octets: octets.saturating_sub(self.announced),
        };
        locked(&self.beyond).granted.insert(self.number, granted);
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        locked(&self.beyond).granted.remove(&self.number);
    }
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
