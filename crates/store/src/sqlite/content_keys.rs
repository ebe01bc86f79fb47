//! The encrypted keys of contents, in a table of their own.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteLedger;
use super::failed::database;
use super::row;
use crate::content_keys::ContentKeys;
use crate::error::LedgerError;
use crate::transfer::TransferId;
use crate::transition::VerbName;

const VERB: &str = VerbName::ContentKey.as_str();

#[async_trait]
impl ContentKeys for SqliteLedger {
    async fn content_key(&self, id: TransferId, hash: [u8; 32]) -> Result<TransferId, LedgerError> {
        let keep = move |db: &rusqlite::Connection| {
            let sql = "INSERT INTO content_keys (hash, transfer) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
            db.prepare_cached(sql)
                .and_then(|mut insert| insert.execute(params![&hash[..], id.to_string()]))
                .map_err(database(VERB))?;
            let sql = "SELECT transfer FROM content_keys WHERE hash = ?1";
            db.prepare_cached(sql)
                .and_then(|mut select| select.query_row([&hash[..]], |found| row::id(found, 0)))
                .map_err(database(VERB))
        };
        self.writer.run(VerbName::ContentKey, keep).await
    }
}
