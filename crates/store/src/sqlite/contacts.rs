//! What is remembered of partners, and what waits for each.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Row, params};

use super::due::latest;
use super::failed::database;
use super::{look, row};
use crate::contact::{Backlog, Contact, ContactKind};
use crate::error::LedgerError;
use crate::transition::VerbName;
use crate::words::{from_millis, millis};

/// Where two programs note the same partner, the later note stays. A note with a time in the future was made while the
/// clock was ahead, and counts as older than any new one.
pub(super) fn note(db: &Connection, contacts: &[Contact]) -> Result<(), LedgerError> {
    let now = millis(SystemTime::now());
    let sql = "INSERT INTO contacts (partner, kind, at, dialled, remote, words, stayed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (partner, kind) DO UPDATE SET at = excluded.at, dialled = excluded.dialled,
               remote = excluded.remote, words = excluded.words, stayed = excluded.stayed WHERE excluded.at >= at";
    for contact in contacts {
        let at = millis(contact.at);
        db.prepare_cached(
            "UPDATE contacts SET at = ?2 - 1 WHERE partner = ?1 AND at > max(?2, ?3)",
        )
        .and_then(|mut update| update.execute(params![contact.partner, at, now]))
        .map_err(database(VerbName::NoteContacts.as_str()))?;
        db.prepare_cached(sql)
            .and_then(|mut insert| {
                insert.execute(params![
                    contact.partner,
                    contact.kind.as_str(),
                    at,
                    contact.dialled,
                    contact.remote,
                    contact.words,
                    contact.stayed.as_deref().unwrap_or_default()
                ])
            })
            .map_err(database(VerbName::NoteContacts.as_str()))?;
    }
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<Contact>, LedgerError> {
    let sql = "SELECT partner, kind, at, dialled, remote, words, stayed FROM contacts ORDER BY partner, kind";
    let read = |found: &Row<'_>| {
        let kind: String = found.get(1)?;
        Ok(Contact {
            partner: found.get(0)?,
            kind: ContactKind::parse(&kind).unwrap_or(ContactKind::Session),
            at: from_millis(found.get(2)?),
            dialled: found.get(3)?,
            remote: found.get(4)?,
            words: found.get(5)?,
            stayed: found
                .get::<_, Option<String>>(6)?
                .filter(|why| !why.is_empty()),
        })
    };
    look::all(db, sql, [], read, "contacts")
}

/// What waits, by partner. Each query uses an index that has only rows that wait.
pub(super) fn backlog(
    db: &Connection,
    longest: &BTreeMap<String, Duration>,
) -> Result<BTreeMap<String, Backlog>, LedgerError> {
    let now = millis(SystemTime::now());
    let mut backlog = queued(db, now)?;
    for (name, until, queued) in backing_off(db, now)? {
        let bound = longest.get(&name).map(|longest| latest(now, *longest));
        let is_over = bound.is_some_and(|bound| until > bound);
        back_off(backlog.entry(name).or_default(), until, queued, is_over);
    }
    for (name, reason) in reasons(db)? {
        backlog.entry(name).or_default().reason = reason;
    }
    for (name, count) in counts(db, OWED)? {
        backlog.entry(name).or_default().owed = count;
    }
    for (name, count) in counts(db, AWAITED)? {
        backlog.entry(name).or_default().awaited = count;
    }
    for (name, count, since) in overdue(db)? {
        let partner = backlog.entry(name).or_default();
        partner.overdue = count;
        partner.overdue_since = Some(from_millis(since));
    }
    for (name, count) in counts(db, UNANSWERED)? {
        backlog.entry(name).or_default().unanswered = count;
    }
    Ok(backlog)
}

const OWED: &str = "SELECT partner, count(*) FROM receipts WHERE state = 'owed' GROUP BY partner";
const AWAITED: &str = "SELECT partner, count(*) FROM transfers WHERE direction = 'out' AND state = 'sent' GROUP BY partner";
const UNANSWERED: &str = "SELECT partner, count(*) FROM transfers WHERE receipt_later = 1 AND ask_at IS NULL GROUP BY partner";

/// Adds a file that backs off; one whose wait is over is ready since it was queued.
fn back_off(partner: &mut Backlog, until: i64, queued: i64, is_over: bool) {
    if is_over {
        let (since, queued) = (partner.ready_since, from_millis(queued));
        partner.ready_since = Some(since.map_or(queued, |since| since.min(queued)));
        return;
    }
    let (first, until) = (partner.backs_off_until, from_millis(until));
    partner.backing_off += 1;
    partner.backs_off_until = Some(first.map_or(until, |first| first.min(until)));
}

/// Why one of the files that may be sent was last put back.
fn reasons(db: &Connection) -> Result<Vec<(String, Option<String>)>, LedgerError> {
    let sql = "SELECT partner, reason, min(id) FROM transfers WHERE direction = 'out' AND state IN ('ready', 'held', 'parked')
         AND state = 'ready' AND reason IS NOT NULL AND leased_to IS NULL GROUP BY partner";
    let read = |found: &Row<'_>| Ok((found.get(0)?, found.get(1)?));
    look::all(db, sql, [], read, "backlog")
}

/// How many files are overdue, and since when the first of them.
fn overdue(db: &Connection) -> Result<Vec<(String, u64, i64)>, LedgerError> {
    let sql = "SELECT partner, count(*), min(sent_at) FROM transfers WHERE direction = 'out' AND state = 'overdue'
         GROUP BY partner";
    let read = |found: &Row<'_>| Ok((found.get(0)?, row::number(found, 1)?, found.get(2)?));
    look::all(db, sql, [], read, "backlog")
}

/// The files that back off: their partner, until when, and when they were queued. Without the index and its three
/// states, the query would read all files that were ever sent.
fn backing_off(db: &Connection, now: i64) -> Result<Vec<(String, i64, i64)>, LedgerError> {
    let sql = "SELECT partner, not_before, created FROM transfers INDEXED BY transfers_queued
         WHERE direction = 'out' AND state IN ('ready', 'held', 'parked') AND state = 'ready' AND leased_to IS NULL
         AND not_before > ?1";
    let read = |found: &Row<'_>| Ok((found.get(0)?, found.get(1)?, found.get(2)?));
    look::all(db, sql, params![now], read, "backlog")
}

/// Those that back off are left out.
fn queued(db: &Connection, now: i64) -> Result<BTreeMap<String, Backlog>, LedgerError> {
    let sql = "SELECT partner, count(*), sum(octets), sum(leased_to IS NOT NULL),
         sum(state = 'held'), sum(state = 'parked'), min(created),
         min(iif(state = 'ready' AND not_before <= ?1, created, NULL))
         FROM transfers WHERE direction = 'out' AND state IN ('ready', 'held', 'parked') GROUP BY partner";
    let read = |found: &Row<'_>| {
        let backlog = Backlog {
            files: row::number(found, 1)?,
            octets: row::number(found, 2)?,
            in_session: row::number(found, 3)?,
            held: row::number(found, 4)?,
            parked: row::number(found, 5)?,
            oldest: row::moment(found, 6)?,
            ready_since: row::moment(found, 7)?,
            ..Backlog::default()
        };
        Ok((found.get(0)?, backlog))
    };
    let rows = look::all(db, sql, params![now], read, "backlog")?;
    Ok(rows.into_iter().collect())
}

fn counts(db: &Connection, sql: &str) -> Result<Vec<(String, u64)>, LedgerError> {
    let read = |found: &Row<'_>| Ok((found.get(0)?, row::number(found, 1)?));
    look::all(db, sql, [], read, "backlog")
}
