//! The verbs of files to send and of the receipts that answer them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use oftp::{Counts, FileKey, FileStamp, Response};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::due::{due, latest};
use super::failed::{database, identity};
use super::history::{note, note_often};
use super::inbound::{Whose, insert_header, set_layout};
use super::state::{state_of, wrong_state};
use super::{look, row};
use crate::committing::of_session;
use crate::error::LedgerError;
use crate::persisted::InDoubt;
use crate::planted;
use crate::queue::{Acknowledgement, Files, Longest, Naming, Order, Waiting};
use crate::state::{OutboundState, State};
use crate::transfer::{NewFile, OutboundFile, Queued, TransferId};
use crate::words::{from_millis, millis};

pub(super) fn enqueue(db: &Connection, file: &NewFile) -> Result<(), LedgerError> {
    const VERB: &str = "enqueue";
    let of = Whose {
        partner: &file.partner,
        state: OutboundState::Ready.into(),
        // Each file of ours has an identity of its own.
        edition: 0,
    };
    insert_header(db, file.id, of, &file.header, VERB)?;
    db.prepare_cached(
        "UPDATE transfers SET octets = ?2, digest = ?3, records = ?4, virtual_octets = ?5, priority = ?6,
         labels = ?7 WHERE id = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            file.id.to_string(),
            file.octets as i64,
            file.digest,
            file.counts.records as i64,
            file.counts.octets as i64,
            file.priority.min(NewFile::URGENT),
            row::labels_to(&file.labels),
        ])
    })
    .map_err(database(VERB))?;
    set_layout(db, file.id, file.layout, VERB)?;
    note(
        db,
        file.id,
        None,
        "queued",
        &format!("{} octets for {}", file.octets, file.partner),
    )
}

pub(super) fn waiting(
    db: &Connection,
    partner: &str,
    limit: u32,
) -> Result<Vec<OutboundFile>, LedgerError> {
    let sql = format!(
        "{} WHERE direction = 'out' AND state = 'ready' AND partner = ?1
         ORDER BY priority DESC, ordered, id LIMIT ?2",
        select()
    );
    look::all(db, &sql, params![partner, limit], outbound_file, "outbound")
}

/// The first file for the partner that may go and that nobody holds, leased, its attempt counted.
pub(super) fn claim_file(
    db: &Connection,
    partner: &str,
    session: &str,
    longest: Duration,
    files: &Files,
    breaks: u32,
) -> Result<Option<OutboundFile>, LedgerError> {
    let next = |only| next_due(db, partner, longest, only, breaks);
    let file = match files {
        Files::None => None,
        Files::Any => next(None)?,
        Files::Only(ids) => ids
            .iter()
            .find_map(|id| next(Some(*id)).transpose())
            .transpose()?,
    };
    if let Some(file) = &file {
        db.prepare_cached("UPDATE transfers SET leased_to = ?2, attempts = attempts + 1, breaks = breaks + 1 WHERE id = ?1")
            .and_then(|mut update| update.execute(params![file.id.to_string(), session]))
            .map_err(database("claim"))?;
        let attempt = file.attempts + 1;
        let what = match of_session() {
            Some(of) => format!(
                "attempt {attempt}, policies of generation {}",
                of.generation
            ),
            None => format!("attempt {attempt}"),
        };
        note(db, file.id, None, "claimed", &what)?;
    }
    Ok(file)
}

/// Sessions after which a file or a receipt that was begun in each lets all others go first: it may be what ends them.
pub(super) const LUCKLESS: u32 = 2;

fn next_due(
    db: &Connection,
    partner: &str,
    longest: Duration,
    only: Option<TransferId>,
    breaks: u32,
) -> Result<Option<OutboundFile>, LedgerError> {
    let sql = format!(
        "{} WHERE direction = 'out' AND state = 'ready' AND {}
         AND (?4 IS NULL OR id = ?4) AND breaks < ?5 ORDER BY priority DESC, ordered, id LIMIT 1",
        select(),
        due("transfers"),
    );
    let now = millis(SystemTime::now());
    let who = params![
        partner,
        now,
        latest(now, longest),
        only.map(|id| id.to_string()),
        breaks,
    ];
    db.prepare_cached(&sql)
        .and_then(|mut select| select.query_row(who, outbound_file).optional())
        .map_err(database("claim"))
}

/// The stamp that a file must get where times have no counter: none where its second is its own already, or where the
/// partner may have it under the one it has. The first of a second keeps it.
pub(super) fn second_for(
    db: &Connection,
    id: TransferId,
) -> Result<Option<FileStamp>, LedgerError> {
    const VERB: &str = "stamp";
    let sql = "SELECT in_doubt, dataset, date, time, originator, destination FROM transfers
               WHERE id = ?1 AND direction = 'out' AND state = 'ready'";
    let found = db
        .prepare_cached(sql)
        .and_then(|mut select| {
            let read = |found: &Row<'_>| Ok((found.get::<_, bool>(0)?, row::key(found, 1)?));
            select.query_row(params![id.to_string()], read).optional()
        })
        .map_err(database(VERB))?;
    let Some((false, key)) = found else {
        return Ok(None);
    };
    let offered = "attempts > 0";
    if !second_is_taken(db, id, &key, offered)? {
        return Ok(None);
    }
    let mut key = key;
    // Not one that another is queued with, either: that may be offered next.
    for _ in 0..NEARBY {
        key.stamp = key.stamp.next_second();
        if !second_is_taken(db, id, &key, "1")? {
            return Ok(Some(key.stamp));
        }
    }
    Ok(Some(latest_stamp(db, id, &key)?.next_second()))
}

/// How many seconds are tried one by one before the first one behind all others is taken.
const NEARBY: u32 = 100;

/// The latest stamp among the files to the same partner that have the name and the stations of `key`.
fn latest_stamp(db: &Connection, id: TransferId, key: &FileKey) -> Result<FileStamp, LedgerError> {
    db.prepare_cached(
        "SELECT dataset, date, time, originator, destination FROM transfers WHERE direction = 'out'
         AND partner = (SELECT partner FROM transfers WHERE id = ?1) AND dataset = ?2
         AND originator = ?3 AND destination = ?4 ORDER BY date DESC, time DESC LIMIT 1",
    )
    .and_then(|mut select| {
        let (originator, destination) = (key.originator.as_str(), key.destination.as_str());
        let who = params![
            id.to_string(),
            key.dataset.as_str(),
            originator,
            destination
        ];
        select.query_row(who, |found| Ok(row::key(found, 0)?.stamp))
    })
    .map_err(database("stamp"))
}

/// Whether another file to the same partner has the name and the second of `key`.
fn second_is_taken(
    db: &Connection,
    id: TransferId,
    key: &FileKey,
    which: &str,
) -> Result<bool, LedgerError> {
    let second = key.stamp.time().get(..6).unwrap_or_default();
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM transfers WHERE direction = 'out'
         AND partner = (SELECT partner FROM transfers WHERE id = ?1) AND dataset = ?2 AND date = ?3
         AND time BETWEEN ?4 || '0000' AND ?4 || '9999' AND originator = ?5 AND destination = ?6 AND id <> ?1 AND {which})"
    );
    db.prepare_cached(&sql)
        .and_then(|mut select| {
            let who = params![
                id.to_string(),
                key.dataset.as_str(),
                key.stamp.date(),
                second,
                key.originator.as_str(),
                key.destination.as_str()
            ];
            select.query_row(who, |found| found.get(0))
        })
        .map_err(database("stamp"))
}

/// A file that the partner cannot have gets another date and time.
pub(super) fn stamp(db: &Connection, id: TransferId, stamp: &FileStamp) -> Result<(), LedgerError> {
    const VERB: &str = "stamp";
    let changed = db
        .prepare_cached(
            "UPDATE transfers SET date = ?2, time = ?3 WHERE id = ?1 AND state = 'ready' AND in_doubt = 0",
        )
        .and_then(|mut update| update.execute(params![id.to_string(), stamp.date(), stamp.time()]))
        .map_err(identity(VERB, stamp))?;
    if changed == 0 {
        return Err(wrong_state(db, id, VERB));
    }
    let what = format!("{stamp}: the partner's level has no counter to tell it from another");
    note(db, id, None, "stamped", &what)
}

/// Which partners are worth a call: something waits and is due.
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

/// Since when a row is due. A time to come is one that the clock was ahead at: it says nothing about when.
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
    // What goes first, and what was queued last: a file that is held back must not hide a new one.
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
    .map_err(database("overdue"))
}

pub(super) fn overdue(
    db: &Connection,
    partner: &str,
    deadline: Duration,
    now: SystemTime,
) -> Result<Vec<TransferId>, LedgerError> {
    const VERB: &str = "overdue";
    // It was sent while the clock was ahead: when, nobody knows, but not before this.
    db.prepare_cached(
        "UPDATE transfers SET sent_at = ?2 WHERE direction = 'out' AND state = 'sent' AND partner = ?1 AND sent_at > ?2",
    )
    .and_then(|mut update| update.execute(params![partner, millis(now)]))
    .map_err(database(VERB))?;
    let sql = "SELECT id FROM transfers WHERE direction = 'out' AND state = 'sent' AND partner = ?1
               AND sent_at <= ?2 ORDER BY sent_at";
    let who = params![partner, before(now, deadline)];
    let ids = look::all(db, sql, who, |found| row::id(found, 0), VERB)?;
    for id in &ids {
        db.prepare_cached("UPDATE transfers SET state = 'overdue' WHERE id = ?1")
            .and_then(|mut update| update.execute(params![id.to_string()]))
            .map_err(database(VERB))?;
        note(db, *id, None, VERB, "its receipt has not come in time")?;
    }
    Ok(ids)
}

fn before(now: SystemTime, deadline: Duration) -> i64 {
    now.checked_sub(deadline).map_or(0, millis)
}

/// Who has something.
pub(super) fn lessees(db: &Connection) -> Result<Vec<String>, LedgerError> {
    let sql = "SELECT leased_to FROM transfers WHERE leased_to IS NOT NULL
               UNION SELECT leased_to FROM receipts WHERE leased_to IS NOT NULL";
    look::all(db, sql, [], |found| found.get(0), "lessees")
}

pub(super) fn free(db: &Connection, lessees: &[String]) -> Result<u64, LedgerError> {
    const VERB: &str = "free";
    let now = millis(SystemTime::now());
    let mut freed = 0;
    for lessee in lessees {
        for (mistake, select, update) in [
            (
                "leases-of-files-kept",
                "SELECT id FROM transfers WHERE leased_to = ?1",
                "UPDATE transfers SET leased_to = NULL, not_before = ?2 WHERE leased_to = ?1",
            ),
            (
                "leases-of-receipts-kept",
                "SELECT transfer FROM receipts WHERE leased_to = ?1",
                "UPDATE receipts SET leased_to = NULL, not_before = ?2 WHERE leased_to = ?1",
            ),
        ] {
            if planted(mistake) {
                continue;
            }
            for id in look::all(db, select, params![lessee], |found| row::id(found, 0), VERB)? {
                note(db, id, None, "freed", "the session that had it is gone")?;
                freed += 1;
            }
            db.execute(update, params![lessee, now])
                .map_err(database(VERB))?;
        }
    }
    Ok(freed)
}

pub(super) fn in_doubt(db: &Connection, id: TransferId) -> Result<InDoubt, LedgerError> {
    const VERB: &str = "in-doubt";
    let changed = db
        .prepare_cached(
            "UPDATE transfers SET in_doubt = 1, may_have = 1 WHERE id = ?1 AND state = 'ready'",
        )
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map_err(database(VERB))?;
    if changed == 0 {
        // Somebody decided otherwise: its EFID must not leave.
        return Err(wrong_state(db, id, VERB));
    }
    note(db, id, None, VERB, "EFID leaves")?;
    Ok(InDoubt(id))
}

pub(super) fn not_there(db: &Connection, id: TransferId) -> Result<(), LedgerError> {
    db.prepare_cached("UPDATE transfers SET in_doubt = 0 WHERE id = ?1 AND state = 'ready'")
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map_err(database("not-there"))?;
    note(db, id, None, "not-there", "the partner says so")
}

pub(super) fn sent(db: &Connection, id: TransferId, detail: &str) -> Result<(), LedgerError> {
    const VERB: &str = "sent";
    let state = state_of(db, id, VERB)?;
    match state {
        // That an operator took it out of the queue does not undo that the partner has it.
        State::Outbound(
            OutboundState::Ready
            | OutboundState::Held
            | OutboundState::Parked
            | OutboundState::Cancelled,
        ) => {}
        // A receipt may overtake EFPA where two sessions run at once.
        State::Outbound(
            OutboundState::Sent
            | OutboundState::Overdue
            | OutboundState::Acknowledged
            | OutboundState::Rejected,
        ) => {
            return Ok(());
        }
        State::Inbound(_) => return Err(wrong_state(db, id, VERB)),
    }
    finish(db, id, OutboundState::Sent, None, VERB)?;
    db.prepare_cached("UPDATE transfers SET sent_at = ?2 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string(), millis(SystemTime::now())]))
        .map_err(database(VERB))?;
    note(db, id, None, VERB, detail)
}

pub(super) fn acknowledged(
    db: &Connection,
    partner: &str,
    response: &Response,
    by: Naming,
    detail: &str,
) -> Result<Acknowledgement, LedgerError> {
    const VERB: &str = "acknowledged";
    let found = match by {
        Naming::Exact => meant(db, partner, response.key())?,
        Naming::Loose => meant_loosely(db, partner, response.key())?,
    };
    let Some((id, state)) = found else {
        return Ok(Acknowledgement::Unknown);
    };
    if matches!(state, OutboundState::Acknowledged | OutboundState::Rejected) {
        let positive = state == OutboundState::Acknowledged;
        if positive != matches!(response, Response::Positive(_)) {
            let what = format!(
                "not taken: {} came for a file that is `{state}`",
                said(response)
            );
            note_often(db, id, None, "receipt-contradicts", &what.into())?;
        }
        return Ok(Acknowledgement::Repeated(id));
    }
    record(db, id, partner, response)?;
    let (state, why) = match response {
        Response::Positive(_) => (OutboundState::Acknowledged, None),
        Response::Negative(nerp) => (
            OutboundState::Rejected,
            Some(format!("{:02} {}", nerp.reason.code(), nerp.text)),
        ),
    };
    finish(db, id, state, why.as_deref(), VERB)?;
    note(
        db,
        id,
        None,
        state.as_str(),
        &why.map_or_else(|| detail.to_owned(), |why| format!("{why}; {detail}")),
    )?;
    Ok(Acknowledgement::Recorded(id))
}

fn said(response: &Response) -> String {
    match response {
        Response::Positive(_) => "an EERP".to_owned(),
        Response::Negative(nerp) => format!("NERP {:02} {}", nerp.reason.code(), nerp.text),
    }
}

/// The file that a receipt is about, and its state: one the partner may have, for its doubt is written down before its
/// EFID leaves. Before level 1.4 a time has no counter (RFC 2204): the receipt
/// then has 0000, which no file of ours has, and means the first of that second that has no receipt yet.
fn meant(
    db: &Connection,
    partner: &str,
    key: &FileKey,
) -> Result<Option<(TransferId, OutboundState)>, LedgerError> {
    let (from, to) = times(key.stamp.time());
    db.prepare_cached(
        "SELECT id, state FROM transfers WHERE direction = 'out' AND partner = ?1 AND dataset = ?2 AND date = ?3
         AND time BETWEEN ?4 AND ?5 AND originator = ?6 AND destination = ?7
         AND (may_have = 1 OR state IN ('sent', 'overdue', 'acknowledged', 'rejected'))
         ORDER BY state IN ('acknowledged', 'rejected'), time LIMIT 1",
    )
    .and_then(|mut select| {
        let who = params![
            partner,
            key.dataset.as_str(),
            key.stamp.date(),
            from,
            to,
            key.originator.as_str(),
            key.destination.as_str()
        ];
        select
            .query_row(who, |found| Ok((row::id(found, 0)?, row::outbound_state(found, 1)?)))
            .optional()
    })
    .map_err(database("acknowledged"))
}

/// The only file that waits for its receipt and that this one fits but for the case of letters, blanks around names, and
/// blanks for the counter of its time. Where two fit, nobody can say which of them is meant.
fn meant_loosely(
    db: &Connection,
    partner: &str,
    key: &FileKey,
) -> Result<Option<(TransferId, OutboundState)>, LedgerError> {
    let (from, to) = times(&key.stamp.time().replace(' ', "0"));
    let fits = "date = ?2 AND time BETWEEN ?3 AND ?4 AND upper(trim(dataset)) = upper(trim(?5))
         AND upper(trim(originator)) = upper(trim(?6)) AND upper(trim(destination)) = upper(trim(?7))";
    // Each by an index of its own: files that wait are few among all that was ever sent.
    let waiting = |state| {
        format!(
            "SELECT id, state FROM transfers WHERE direction = 'out' AND partner = ?1 AND state = '{state}' AND {fits}"
        )
    };
    let sql = format!(
        "{} UNION ALL {} LIMIT 2",
        waiting("sent"),
        waiting("overdue")
    );
    let found = db
        .prepare_cached(&sql)
        .and_then(|mut select| {
            let who = params![
                partner,
                key.stamp.date(),
                from,
                to,
                key.dataset.as_str(),
                key.originator.as_str(),
                key.destination.as_str()
            ];
            let read = |found: &Row<'_>| Ok((row::id(found, 0)?, row::outbound_state(found, 1)?));
            select.query_map(who, read)?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(database("acknowledged"))?;
    let mut found = found.into_iter();
    Ok(found.next().filter(|_| found.next().is_none()))
}

/// The times that a receipt's may stand for: without its counter (0000) every one of that second.
fn times(time: &str) -> (String, String) {
    let last = match time.strip_suffix("0000") {
        Some(second) => format!("{second}9999"),
        None => time.to_owned(),
    };
    (time.to_owned(), last)
}

pub(super) fn record(
    db: &Connection,
    id: TransferId,
    partner: &str,
    response: &Response,
) -> Result<(), LedgerError> {
    let (positive, user, creator, reason, text, hash, signature) = match response {
        Response::Positive(e) => (true, e.user.as_str(), "", 0, "", &e.hash, &e.signature),
        Response::Negative(n) => (
            false,
            "",
            n.creator.as_str(),
            n.reason.code(),
            n.text.as_str(),
            &n.hash,
            &n.signature,
        ),
    };
    db.prepare_cached(
        "INSERT INTO receipts (transfer, partner, state, positive, user, creator, reason, text, hash, signature, created)
         VALUES (?1, ?2, 'received', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            id.to_string(), partner, positive, user, creator, reason, text, hash, signature, millis(SystemTime::now())
        ])
    })
    .map(drop)
    .map_err(database("acknowledged"))
}

pub(super) fn put_back(
    db: &Connection,
    id: TransferId,
    when: SystemTime,
    why: &str,
) -> Result<(), LedgerError> {
    const VERB: &str = "put-back";
    for sql in [
        "UPDATE transfers SET leased_to = NULL, not_before = ?2, reason = ?3
         WHERE id = ?1 AND direction = 'out' AND state = 'ready'",
        "UPDATE receipts SET leased_to = NULL, not_before = ?2 WHERE transfer = ?1 AND state = 'owed' AND ?3 = ?3",
    ] {
        db.prepare_cached(sql)
            .and_then(|mut update| update.execute(params![id.to_string(), millis(when), why]))
            .map_err(database(VERB))?;
    }
    note(db, id, None, VERB, why)
}

pub(super) fn refused(
    db: &Connection,
    id: TransferId,
    when: SystemTime,
    why: &str,
) -> Result<(), LedgerError> {
    db.prepare_cached("UPDATE transfers SET refusals = refusals + 1, breaks = 0 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![id.to_string()]))
        .map_err(database("refused"))?;
    put_back(db, id, when, why)
}

pub(super) fn park(db: &Connection, id: TransferId, why: &str) -> Result<(), LedgerError> {
    const VERB: &str = "park";
    let state = state_of(db, id, VERB)?;
    match state {
        State::Outbound(OutboundState::Ready | OutboundState::Parked) => {}
        _ => return Err(wrong_state(db, id, VERB)),
    }
    finish(db, id, OutboundState::Parked, Some(why), VERB)?;
    note(db, id, None, VERB, why)
}

pub(super) fn order(
    db: &Connection,
    id: TransferId,
    order: Order,
    why: &str,
) -> Result<OutboundState, LedgerError> {
    use OutboundState::{Cancelled, Held, Parked, Ready};
    let verb = order.as_str();
    let state = state_of_outbound(db, id, verb)?;
    let (from, to): (&[OutboundState], _) = match order {
        Order::Hold => (&[Ready, Held], Held),
        Order::Release => (&[Ready, Held, Parked], Ready),
        Order::Park => (&[Ready, Held, Parked], Parked),
        Order::Cancel => (&[Ready, Held, Parked, Cancelled], Cancelled),
        Order::SendNow => (&[Ready], Ready),
    };
    if !from.contains(&state) {
        return Err(wrong_state(db, id, verb));
    }
    // Due from this moment on, not since ever: then it is news to whoever decides about calls.
    let now = millis(SystemTime::now());
    if order == Order::SendNow {
        db.execute(
            "UPDATE transfers SET not_before = ?3, ordered = ?3, priority = ?2, breaks = 0 WHERE id = ?1",
            params![id.to_string(), NewFile::URGENT, now],
        )
        .map_err(database(verb))?;
    } else if state == to {
        return Ok(state);
    } else {
        refuse_leased(db, id, verb)?;
        let why = (to != Ready).then_some(why);
        // What the partner has of it may be of a content that was damaged here: it is not gone on from.
        let begins_anew = order == Order::Release && state == Parked;
        finish(db, id, to, why, verb)?;
        db.execute(
            "UPDATE transfers SET not_before = ?2, refusals = iif(?3, 0, refusals), attempts = iif(?4, 0, attempts),
             breaks = 0 WHERE id = ?1",
            params![id.to_string(), now, order == Order::Release, begins_anew],
        )
        .map_err(database(verb))?;
    }
    note(db, id, None, verb, why)?;
    Ok(to)
}

/// Whoever sends the file decides about it as long as it sends.
fn refuse_leased(db: &Connection, id: TransferId, verb: &'static str) -> Result<(), LedgerError> {
    let is_leased = db
        .query_row(
            "SELECT leased_to IS NOT NULL FROM transfers WHERE id = ?1",
            params![id.to_string()],
            |row| row.get(0),
        )
        .map_err(database(verb))?;
    if is_leased {
        return Err(LedgerError::InSession(id));
    }
    Ok(())
}

fn state_of_outbound(
    db: &Connection,
    id: TransferId,
    verb: &'static str,
) -> Result<OutboundState, LedgerError> {
    match state_of(db, id, verb)? {
        State::Outbound(state) => Ok(state),
        state @ State::Inbound(_) => Err(LedgerError::WrongState { id, state, verb }),
    }
}

pub(super) fn resend(db: &Connection, old: TransferId, file: &NewFile) -> Result<(), LedgerError> {
    const VERB: &str = "resend";
    let state = state_of_outbound(db, old, VERB)?;
    if matches!(state, OutboundState::Ready | OutboundState::Held) {
        return Err(wrong_state(db, old, VERB));
    }
    enqueue(db, file)?;
    note(
        db,
        file.id,
        None,
        "resent",
        &format!("again what was transfer {old}"),
    )?;
    note(
        db,
        old,
        None,
        "resent",
        &format!("again as transfer {}", file.id),
    )
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
            rests_until: row::rests_until(found, 11, now)?,
            in_session: found.get(12)?,
            in_doubt: found.get(13)?,
            reason: found.get(14)?,
            queued: from_millis(found.get(15)?),
        })
    };
    look::all(db, sql, params![partner], read, "queue")
}

fn finish(
    db: &Connection,
    id: TransferId,
    state: OutboundState,
    why: Option<&str>,
    verb: &'static str,
) -> Result<(), LedgerError> {
    db.prepare_cached(
        "UPDATE transfers SET state = ?2, reason = ?3, leased_to = NULL WHERE id = ?1",
    )
    .and_then(|mut update| update.execute(params![id.to_string(), state.as_str(), why]))
    .map(drop)
    .map_err(database(verb))
}

fn select() -> String {
    format!(
        "SELECT id, partner, octets, attempts, in_doubt, created, layout, records, virtual_octets, refusals, may_have, digest, labels, {} FROM transfers",
        row::HEADER
    )
}

fn outbound_file(found: &Row<'_>) -> rusqlite::Result<OutboundFile> {
    Ok(OutboundFile {
        id: row::id(found, 0)?,
        partner: found.get(1)?,
        octets: row::number(found, 2)?,
        attempts: found.get(3)?,
        in_doubt: found.get(4)?,
        queued: from_millis(found.get(5)?),
        layout: row::layout(found, 6)?,
        counts: Counts {
            records: row::number(found, 7)?,
            octets: row::number(found, 8)?,
        },
        refusals: found.get(9)?,
        may_have: found.get(10)?,
        digest: found.get(11)?,
        labels: row::labels(found, 12)?,
        header: row::header(found, 13)?,
    })
}
