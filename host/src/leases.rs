//! What sessions could not give back when they ended, since the ledger could not write: its disk was full, or failed.
//! Their leases would end by themselves, but late.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pointsman_store::{Ledger, TransferId};

/// How long a claim holds without a sign of life: a session that lost its machine gives its files back by itself.
pub const LEASE: Duration = Duration::from_secs(15 * 60);

/// Files and receipts that wait to be given back.
#[derive(Debug, Default)]
pub struct Unreturned(Mutex<Vec<Left>>);

#[derive(Debug)]
struct Left {
    id: TransferId,
    why: String,
    since: Instant,
}

impl Unreturned {
    /// Keeps in mind that this is to be given back.
    pub fn remember(&self, id: TransferId, why: &str) {
        self.add(Left {
            id,
            why: why.to_owned(),
            since: Instant::now(),
        });
    }

    /// Gives back what the ledger can write now.
    pub async fn give_back(&self, ledger: &dyn Ledger) {
        let left = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for left in left {
            let given = ledger.put_back(left.id, SystemTime::now(), &left.why).await;
            // A lease that has run out may be another session's by now.
            if given.is_err() && left.since.elapsed() < LEASE / 2 {
                self.add(left);
            }
        }
    }

    fn add(&self, left: Left) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(left);
    }
}

#[cfg(test)]
mod tests {
    use oftp::{Counts, DatasetName, FileHeader, FileKey, FileStamp, OdetteId};
    use pointsman_store::{Files, Longest, NewFile, SqliteLedger};

    use super::*;

    #[tokio::test]
    async fn what_a_session_could_not_give_back_is_given_back_later() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let key = FileKey {
            dataset: DatasetName::new("ORDER").unwrap(),
            stamp: FileStamp::new("20261122", "0815300001").unwrap(),
            originator: OdetteId::new("O0013US").unwrap(),
            destination: OdetteId::new("O0013THEM").unwrap(),
        };
        let file = NewFile {
            id: TransferId::new(),
            partner: "them".to_owned(),
            header: FileHeader::plain(key, 1),
            octets: 1,
            digest: "d".to_owned(),
            layout: None,
            counts: Counts::default(),
            priority: NewFile::PRIORITY,
        };
        let id = file.id;
        ledger.enqueue(file).await.unwrap();
        let claim = async || {
            let until = SystemTime::now() + LEASE;
            let claimed = ledger
                .claim("them", "us", until, Longest::UNKNOWN, Files::Any)
                .await;
            claimed.unwrap().is_some()
        };
        assert!(claim().await);
        let unreturned = Unreturned::default();
        unreturned.give_back(&ledger).await;
        assert!(!claim().await, "a session still has it");
        unreturned.remember(id, "the connection was lost");
        unreturned.give_back(&ledger).await;
        assert!(claim().await);
        unreturned.give_back(&ledger).await;
        assert!(!claim().await, "it was given back once");
    }
}
