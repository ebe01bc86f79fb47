//! Rows as the audit sees them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed::database;
use super::{look, row, rows};
use crate::book::{Book, Read};
use crate::error::LedgerError;
use crate::transfer::TransferId;

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
