//! Looking at the ledger.

use oftp::FileKey;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::connection::database;
use super::{from_millis, row};
use crate::ledger::{Filter, LedgerError};
use crate::transfer::{Direction, TimelineEntry, Transfer, TransferId};

const COLUMNS: &str = "t.id, t.direction, t.partner, t.state, t.dataset, t.date, t.time, t.originator, t.destination, \
     t.octets, t.digest, t.path, coalesce(r.state, 'none'), t.reason, t.created \
     FROM transfers t LEFT JOIN receipts r ON r.transfer = t.id";

pub(super) fn show(db: &Connection, id: TransferId) -> Result<Option<Transfer>, LedgerError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE t.id = ?1"))
        .and_then(|mut select| {
            select
                .query_row(params![id.to_string()], transfer)
                .optional()
        })
        .map_err(database("show"))
}

pub(super) fn find(
    db: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<Vec<Transfer>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE (?2 IS NULL OR t.partner = ?2) AND (?3 IS NULL OR t.state = ?3)
         AND (?4 IS NULL OR t.direction = ?4) AND (?5 IS NULL OR t.dataset GLOB ?5)
         ORDER BY t.id DESC LIMIT ?1"
    );
    let Filter {
        partner,
        state,
        direction,
        name,
    } = filter;
    let direction = direction.map(Direction::as_str);
    // `[` begins a set in a GLOB, and is a character like others to us.
    let name = name.as_ref().map(|name| name.replace('[', "[[]"));
    let wanted = params![limit, partner, state, direction, name];
    all(db, &sql, wanted, transfer, "find")
}

pub(super) fn timeline(db: &Connection, id: TransferId) -> Result<Vec<TimelineEntry>, LedgerError> {
    let sql = "SELECT at, session, event, detail FROM timeline WHERE transfer = ?1 ORDER BY seq";
    let entry = |row: &Row<'_>| {
        Ok(TimelineEntry {
            at: from_millis(row.get(0)?),
            session: row.get(1)?,
            event: row.get(2)?,
            detail: row.get(3)?,
        })
    };
    all(db, sql, params![id.to_string()], entry, "timeline")
}

/// Every row of a query.
pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    verb: &'static str,
) -> Result<Vec<T>, LedgerError> {
    db.prepare_cached(sql)
        .and_then(|mut select| select.query_map(params, read)?.collect())
        .map_err(database(verb))
}

fn transfer(found: &Row<'_>) -> rusqlite::Result<Transfer> {
    let direction: String = found.get(1)?;
    let key: FileKey = row::key(found, 4)?;
    Ok(Transfer {
        id: row::id(found, 0)?,
        direction: if direction == "in" {
            Direction::Inbound
        } else {
            Direction::Outbound
        },
        partner: found.get(2)?,
        state: found.get(3)?,
        key,
        octets: row::number(found, 9)?,
        digest: found.get(10)?,
        path: found.get(11)?,
        receipt: found.get(12)?,
        reason: found.get(13)?,
        created: from_millis(found.get(14)?),
    })
}
