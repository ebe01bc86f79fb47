//! Received files whose transfer has not ended: those to deliver, and those whose receipt waits for a decision.

use std::time::SystemTime;

use oftp::Counts;
use rusqlite::{Connection, Row, params};

use super::{look, row};
use crate::error::LedgerError;
use crate::transfer::{OpenQuestion, Target, TransferId, Undelivered};
use crate::words::{from_millis, millis};

/// The questions that are still to be asked, and when each was put off: that is the time of its history line.
pub(super) fn put_off(db: &Connection) -> Result<Vec<(TransferId, SystemTime)>, LedgerError> {
    let sql = "SELECT id, (SELECT at FROM timeline WHERE transfer = transfers.id
             AND event IN ('received', 'decided', 'rebuilt') ORDER BY seq DESC LIMIT 1) AS put_off
         FROM transfers WHERE receipt_later = 1 AND ask_at > ?1 AND put_off > ?1";
    let read = |found: &Row<'_>| Ok((row::id(found, 0)?, from_millis(found.get(1)?)));
    let now = millis(SystemTime::now());
    look::all(db, sql, params![now], read, "clock-put-back")
}

pub(super) fn open_questions(
    db: &Connection,
    of_partner: u32,
) -> Result<Vec<OpenQuestion>, LedgerError> {
    let sql = format!(
        "SELECT id, partner, octets, digest, path, asked, hand_over, records,
         iif(virtual_octets = 0, octets, virtual_octets), created, labels, {} FROM
         (SELECT *, row_number() OVER (PARTITION BY partner ORDER BY ask_at, id) AS place FROM transfers
          WHERE receipt_later = 1 AND ask_at <= ?1 AND state = 'delivered')
         WHERE place <= ?2 ORDER BY ask_at, id",
        row::HEADER
    );
    let read = |found: &Row<'_>| {
        Ok(OpenQuestion {
            id: row::id(found, 0)?,
            partner: found.get(1)?,
            octets: row::number(found, 2)?,
            counts: Counts {
                records: row::number(found, 7)?,
                octets: row::number(found, 8)?,
            },
            offered: from_millis(found.get(9)?),
            digest: found.get(3)?,
            path: found.get::<_, Option<String>>(4)?.unwrap_or_default(),
            asked: found.get(5)?,
            hand_over: found.get(6)?,
            labels: row::labels(found, 10)?,
            header: row::header(found, 11)?,
        })
    };
    let now = millis(SystemTime::now());
    look::all(db, &sql, params![now, of_partner], read, "open-questions")
}

pub(super) fn undelivered(db: &Connection) -> Result<Vec<Undelivered>, LedgerError> {
    let sql = format!(
        "SELECT id, partner, directory, file_name, overwrite, path, {} FROM transfers
         WHERE direction = 'in' AND state IN ('received', 'placing') ORDER BY id",
        row::HEADER
    );
    let read = |found: &Row<'_>| {
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
    look::all(db, &sql, [], read, "undelivered")
}
