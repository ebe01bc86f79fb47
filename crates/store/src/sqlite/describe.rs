//! Sidecars for rows that have none.

use super::{SqliteLedger, keys_table, look};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::replay;
use crate::spool::Spool;

impl SqliteLedger {
    /// Writes a sidecar for every row that has none: ledgers from before there were sidecars have such rows. Returns
    /// how many were written.
    ///
    /// # Errors
    /// Ledger or spool failed.
    pub async fn describe(&self, spool: &Spool) -> Result<u64, LedgerError> {
        let mut written = 0;
        for id in self.reader.run(look::ids).await? {
            // Read again just before, since a row that has just changed writes its own sidecar.
            let Some(row) = self.row(id).await? else {
                continue;
            };
            let direction = row.state().direction();
            let Some(record) = replay::described(&row) else {
                continue;
            };
            if spool.record(direction, id)?.is_some() {
                continue;
            }
            spool.describe(&record.sidecar)?;
            let keys = self.reader.run(move |db| keys_table::entries(db, id));
            let keys = keys.await?;
            for entry in record.entries.iter().chain(&keys) {
                spool.append(direction, id, entry)?;
            }
            written += 1;
        }
        Ok(written)
    }
}
