//! A ledger that is rebuilt once those that had it open have gone.

use std::path::Path;
use std::time::Duration;

use pointsman_store::{LedgerError, Rebuilt, Spool, rebuild};

/// What a rebuild makes of the spool, as soon as nobody has the ledger open.
pub fn rebuilt(database: &Path, spool: &Spool) -> Rebuilt {
    for _ in 0..100 {
        match rebuild(database, spool) {
            Err(LedgerError::InUse(_)) => std::thread::sleep(Duration::from_millis(20)),
            other => return other.unwrap(),
        }
    }
    panic!("the ledger is still open");
}
