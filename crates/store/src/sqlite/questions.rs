//! Received files whose transfer has not ended: those to open, those to deliver, and those whose receipt waits for a decision.

use std::time::SystemTime;

use rusqlite::{Connection, params};

use super::{look, row, rows};
use crate::error::LedgerError;
use crate::row::Row;
use crate::transfer::{OpenQuestion, REBUILT, Target, TransferId, Undelivered, Unopened};
use crate::transition::VerbName;
use crate::words::{from_millis, millis};

/// The questions that are still to be asked, and when each was put off: that is the time of its history line.
pub(super) fn put_off(db: &Connection) -> Result<Vec<(TransferId, SystemTime)>, LedgerError> {
    let [received, decided] = [VerbName::Received, VerbName::Decided].map(VerbName::in_history);
    let sql = format!(
        "SELECT id, (SELECT at FROM timeline WHERE transfer = transfers.id
             AND event IN ('{received}', '{decided}', '{REBUILT}') ORDER BY seq DESC LIMIT 1) AS put_off
         FROM transfers WHERE receipt_later = 1 AND ask_at > ?1 AND put_off > ?1"
    );
    let read = |found: &rusqlite::Row<'_>| Ok((row::id(found, 0)?, from_millis(found.get(1)?)));
    let now = millis(SystemTime::now());
    look::all(
        db,
        &sql,
        params![now],
        read,
        VerbName::ClockPutBack.as_str(),
    )
}

pub(super) fn open_questions(
    db: &Connection,
    of_partner: u32,
) -> Result<Vec<OpenQuestion>, LedgerError> {
    let now = SystemTime::now();
    let which = "t.id IN (SELECT id FROM
             (SELECT id, row_number() OVER (PARTITION BY partner ORDER BY ask_at, id) AS place FROM transfers
              WHERE receipt_later = 1 AND ask_at <= ?1 AND state = 'delivered') WHERE place <= ?2)
         ORDER BY t.ask_at, t.id";
    let due = rows::all(
        db,
        which,
        params![millis(now), of_partner],
        "open-questions",
    )?;
    let asked = due.iter().filter(|row| row.is_to_be_asked(now));
    Ok(asked.filter_map(Row::question).collect())
}

pub(super) fn unopened_after(
    db: &Connection,
    after: Option<TransferId>,
    most: u32,
) -> Result<Vec<Unopened>, LedgerError> {
    let which = "t.direction = 'in' AND t.state = 'opening' AND t.id > ?1 ORDER BY t.id LIMIT ?2";
    let after = after.map_or_else(String::new, |id| id.to_string());
    let found = rows::all(db, which, params![after, most], "unopened")?;
    Ok(found.iter().filter_map(Row::unopened).collect())
}

pub(super) fn undelivered_after(
    db: &Connection,
    after: Option<TransferId>,
    most: u32,
) -> Result<Vec<Undelivered>, LedgerError> {
    let sql = format!(
        "SELECT id, partner, directory, file_name, overwrite, path, {} FROM transfers
         WHERE direction = 'in' AND state IN ('received', 'placing') AND id > ?1 ORDER BY id LIMIT ?2",
        row::HEADER
    );
    let read = |found: &rusqlite::Row<'_>| {
        Ok(Undelivered {
            id: row::id(found, 0)?,
            partner: found.get(1)?,
            target: Target {
                directory: found.get(2)?,
                file_name: found.get(3)?,
                overwrite: found.get(4)?,
            },
            placing: found.get(5)?,
            header: row::header(found, 6)?,
        })
    };
    let after = after.map_or_else(String::new, |id| id.to_string());
    look::all(db, &sql, params![after, most], read, "undelivered")
}
