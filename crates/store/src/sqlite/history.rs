//! The history of a transfer: its timeline.

use std::time::SystemTime;

use rusqlite::{Connection, params};

use super::failed::database;
use crate::committing::of_session;
use crate::error::LedgerError;
use crate::note::Note;
use crate::row::Row;
use crate::transfer::TransferId;
use crate::words::millis;

/// Adds the lines of a row to its history.
pub(super) fn keep(db: &Connection, row: &Row) -> Result<(), LedgerError> {
    for line in &row.history {
        let add = if line.often { note_often } else { note };
        add(db, row.id, line.session.as_deref(), line.event, &line.note)?;
    }
    Ok(())
}

/// Adds a line to a transfer's history.
pub(super) fn note(
    db: &Connection,
    id: TransferId,
    session: Option<&str>,
    event: &'static str,
    detail: &Note,
) -> Result<(), LedgerError> {
    db.prepare_cached(
        "INSERT INTO timeline (transfer, at, session, event, detail, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            id.to_string(),
            millis(SystemTime::now()),
            session.or(of_session().as_ref().map(|of| of.id.as_str())),
            event,
            detail.text,
            detail.data,
        ])
    })
    .map(drop)
    .map_err(database(event))
}

/// Lines of one event that a partner can cause as often as it likes, in one history.
const OFTEN: u32 = 50;

/// The same for an event that a partner can cause as often as it likes: after some, no more are written down.
pub(super) fn note_often(
    db: &Connection,
    id: TransferId,
    session: Option<&str>,
    event: &'static str,
    detail: &Note,
) -> Result<(), LedgerError> {
    let before: u32 = db
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM timeline WHERE transfer = ?1 AND event = ?2 LIMIT ?3)",
        )
        .and_then(|mut count| {
            count.query_row(params![id.to_string(), event, OFTEN], |row| row.get(0))
        })
        .map_err(database(event))?;
    match OFTEN.saturating_sub(before) {
        0 => Ok(()),
        1 => {
            let text = &detail.text;
            let last = format!("{text}; this may continue, and is not written down any more");
            note(db, id, session, event, &detail.with_text(last))
        }
        _ => note(db, id, session, event, detail),
    }
}
