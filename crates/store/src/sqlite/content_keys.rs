//! The encrypted keys of contents, as files are opened by them.

use async_trait::async_trait;
use rusqlite::Connection;

use super::{SqliteLedger, keys_table};
use crate::content_keys::ContentKeys;
use crate::error::LedgerError;
use crate::transfer::TransferId;
use crate::transition::VerbName;

#[async_trait]
impl ContentKeys for SqliteLedger {
    async fn content_key(
        &self,
        id: TransferId,
        sha256: [u8; 32],
        digest: &str,
    ) -> Result<Option<TransferId>, LedgerError> {
        let digest = digest.to_owned();
        let keep = move |db: &Connection| keys_table::keep(db, id, sha256, &digest);
        let kept = self.run(VerbName::ContentKey, keep).await?;
        Ok(kept.into_inner())
    }
}
