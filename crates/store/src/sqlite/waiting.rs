//! What waits for partners, and who has what.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::due::{due, latest};
use super::failed::database;
use super::{look, row, rows};
use crate::error::LedgerError;
use crate::queue::{Longest, Waiting};
use crate::transfer::{NewFile, OutboundFile, Queued};
use crate::transition::VerbName;
use crate::words::{from_millis, millis};

pub(super) fn waiting(
    db: &Connection,
    partner: &str,
    limit: u32,
) -> Result<Vec<OutboundFile>, LedgerError> {
    let which = "t.direction = 'out' AND t.state = 'ready' AND t.partner = ?1
         ORDER BY t.priority DESC, t.ordered, t.id LIMIT ?2";
    let waiting = rows::all(db, which, params![partner, limit], "outbound")?;
    Ok(waiting.iter().filter_map(|row| row.to_send()).collect())
}

/// The partners that are to be called: an item for them is due.
pub(super) fn waiting_for(
    db: &Connection,
    partners: Vec<(String, Longest)>,
    now: SystemTime,
) -> Result<BTreeMap<String, Waiting>, LedgerError> {
    let now = millis(now);
    let mut waiting = BTreeMap::new();
    for (partner, longest) in partners {
        if let Some(found) = waits(db, &partner, longest, now)? {
            waiting.insert(partner, found);
        }
    }
    Ok(waiting)
}

fn waits(
    db: &Connection,
    partner: &str,
    longest: Longest,
    now: i64,
) -> Result<Option<Waiting>, LedgerError> {
    let files = files_wait(db, params![partner, now, latest(now, longest.file)])?;
    let receipts = receipts_wait(db, params![partner, now, latest(now, longest.receipt)])?;
    Ok(match (files, receipts) {
        (Some(files), Some(receipts)) => Some(Waiting {
            since: files.since.max(receipts.since),
            oldest: files.oldest.min(receipts.oldest),
            ordered: files.ordered,
        }),
        (files, receipts) => files.or(receipts),
    })
}

/// Since when a row is due. A time in the future was written while the clock was ahead, and is taken as 0.
const SINCE: &str = "max(iif(created > ?2, 0, created), iif(not_before > ?2, 0, not_before))";

fn files_wait(db: &Connection, who: &[&dyn ToSql]) -> Result<Option<Waiting>, LedgerError> {
    let files = format!(
        "FROM transfers WHERE direction = 'out' AND state = 'ready' AND {}",
        due("transfers")
    );
    let ask = |sql: String| -> Result<Option<i64>, LedgerError> {
        db.prepare_cached(&sql)
            .and_then(|mut select| select.query_row(who, |found| found.get(0)).optional())
            .map(Option::flatten)
            .map_err(database("waiting-for"))
    };
    // The item that is sent first, and the one that was queued last: a file that is kept back must not hide a new one.
    let first = ask(format!(
        "SELECT {SINCE} {files} ORDER BY priority DESC, ordered, id LIMIT 1"
    ))?;
    let Some(first) = first else {
        return Ok(None);
    };
    let last = ask(format!("SELECT {SINCE} {files} ORDER BY id DESC LIMIT 1"))?;
    let since = last.map_or(first, |last| last.max(first));
    let oldest = ask(format!("SELECT created {files} ORDER BY id LIMIT 1"))?;
    let urgent = NewFile::URGENT;
    let ordered = ask(format!(
        "SELECT max(iif(ordered > ?2, 0, ordered)) {files} AND priority = {urgent}"
    ))?;
    Ok(Some(Waiting {
        since: from_millis(since),
        oldest: from_millis(oldest.unwrap_or(since)),
        ordered: ordered.filter(|at| *at > 0).map(from_millis),
    }))
}

fn receipts_wait(db: &Connection, who: &[&dyn ToSql]) -> Result<Option<Waiting>, LedgerError> {
    let sql = format!(
        "SELECT max({SINCE}), min(created) FROM receipts WHERE state = 'owed' AND {}",
        due("receipts")
    );
    let read = |found: &Row<'_>| {
        let (since, oldest): (Option<i64>, Option<i64>) = (found.get(0)?, found.get(1)?);
        Ok(since.zip(oldest))
    };
    let found = db
        .prepare_cached(&sql)
        .and_then(|mut select| select.query_row(who, read))
        .map_err(database("waiting-for"))?;
    Ok(found.map(|(since, oldest)| Waiting {
        since: from_millis(since),
        oldest: from_millis(oldest),
        ordered: None,
    }))
}

/// Whether [`overdue`] would change anything.
pub(super) fn is_late(
    db: &Connection,
    partner: &str,
    deadline: Duration,
    now: SystemTime,
) -> Result<bool, LedgerError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM transfers WHERE direction = 'out' AND state = 'sent' AND partner = ?1
         AND (sent_at <= ?2 OR sent_at > ?3))",
    )
    .and_then(|mut select| {
        let who = params![partner, before(now, deadline), millis(now)];
        select.query_row(who, |row| row.get(0))
    })
    .map_err(database(VerbName::Overdue.as_str()))
}

pub(super) fn before(now: SystemTime, deadline: Duration) -> i64 {
    now.checked_sub(deadline).map_or(0, millis)
}

/// The sessions that have claimed something.
pub(super) fn lessees(db: &Connection) -> Result<Vec<String>, LedgerError> {
    let sql = "SELECT leased_to FROM transfers WHERE leased_to IS NOT NULL
               UNION SELECT leased_to FROM receipts WHERE leased_to IS NOT NULL";
    look::all(db, sql, [], |found| found.get(0), "lessees")
}

pub(super) fn queue(db: &Connection, partner: Option<&str>) -> Result<Vec<Queued>, LedgerError> {
    let sql = "SELECT id, partner, state, dataset, date, time, originator, destination, octets, priority,
         attempts, not_before, leased_to IS NOT NULL, in_doubt, reason, created FROM transfers
         WHERE direction = 'out' AND state IN ('ready', 'held', 'parked') AND (?1 IS NULL OR partner = ?1)
         ORDER BY partner, state = 'ready' DESC, priority DESC, ordered, id";
    let now = millis(SystemTime::now());
    let read = |found: &Row<'_>| {
        Ok(Queued {
            id: row::id(found, 0)?,
            partner: found.get(1)?,
            state: row::outbound_state(found, 2)?,
            key: row::key(found, 3)?,
            octets: row::number(found, 8)?,
            priority: found.get(9)?,
            attempts: found.get(10)?,
            backs_off_until: row::backs_off_until(found, 11, now)?,
            in_session: found.get(12)?,
            in_doubt: found.get(13)?,
            reason: found.get(14)?,
            queued: from_millis(found.get(15)?),
        })
    };
    look::all(db, sql, params![partner], read, "queue")
}
