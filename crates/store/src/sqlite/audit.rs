//! Rows as the audit sees them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed::database;
use super::{SqliteLedger, damage, look, row, rows};
use crate::book::{Book, Books, Read};
use crate::error::LedgerError;
use crate::finding::Finding;
use crate::transfer::TransferId;

#[async_trait]
impl Books for SqliteLedger {
    /// Rows that were damaged on the disk, and what SQLite finds wrong in its pages. With `thorough`, each row is also
    /// looked up in each index, which takes several times as long.
    async fn damage(&self, thorough: bool) -> Vec<Finding> {
        let look = move |db: &Connection| Ok(damage::damage(db, thorough));
        let found = self.reader.run(look).await;
        found.unwrap_or_else(|error| vec![damage::unreadable(&error)])
    }

    async fn books(&self) -> Result<BTreeMap<TransferId, Read>, LedgerError> {
        self.reader.run(books).await
    }

    async fn book(&self, id: TransferId) -> Result<Option<Read>, LedgerError> {
        self.reader.run(move |db| one(db, id)).await
    }
}

/// The query for rows: the columns of a row, then what the audit needs beside them.
fn select(which: &str) -> String {
    format!(
        "SELECT {}, coalesce(r.partner = t.partner, 1),
         t.state = 'rejected' AND EXISTS (SELECT 1 FROM timeline l WHERE l.transfer = t.id AND l.event = 'content-removed')
         {} {which}",
        rows::columns(),
        rows::TABLES
    )
}

/// Every row, as the audit sees it.
pub(super) fn books(db: &Connection) -> Result<BTreeMap<TransferId, Read>, LedgerError> {
    let read = |found: &Row<'_>| Ok((rows::id(found)?, book(found)?));
    let books = look::all(db, &select("ORDER BY t.id"), [], read, "audit")?;
    Ok(books.into_iter().collect())
}

/// The row of this transfer as the audit sees it; none where it has none.
pub(super) fn one(db: &Connection, id: TransferId) -> Result<Option<Read>, LedgerError> {
    db.query_row(&select("WHERE t.id = ?1"), params![id.to_string()], book)
        .optional()
        .map_err(database("audit"))
}

fn book(found: &Row<'_>) -> rusqlite::Result<Read> {
    if let Err(word) = row::state_or_word(found, rows::STATE)? {
        return Ok(Err(word));
    }
    Ok(Ok(Book {
        row: rows::read(found)?,
        receipt_fits: found.get(rows::WIDTH)?,
        content_removed: found.get(rows::WIDTH + 1)?,
    }))
}
