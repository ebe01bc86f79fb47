//! Looking at the ledger.

use std::time::SystemTime;

use oftp::Position;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::failed::database;
use super::row;
use crate::error::LedgerError;
use crate::request::Filter;
use crate::state::{Direction, OutboundState, State};
use crate::state_reason::StateReason;
use crate::transfer::{
    CONTENT_REMOVED, Details, Question, Target, TimelineEntry, Transfer, TransferId,
};
use crate::words::{from_millis, millis};

/// How many of the newest lines of all histories a start searches for contents that were to be removed. The sessions
/// that a crash interrupted have fewer lines.
const NEWEST_LINES: u32 = 10_000;

const COLUMNS: &str = "t.id, t.direction, t.state, t.partner, t.dataset, t.date, t.time, t.originator, t.destination, \
     t.octets, t.digest, t.path, r.state, t.reason, t.created \
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

/// The newest first, in the order of their rows and not of their ids, since those follow the clock, which may have been
/// ahead.
pub(super) fn find(
    db: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<Vec<Transfer>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE (?2 IS NULL OR t.partner = ?2) AND (?3 IS NULL OR t.direction = ?3)
         AND (?4 IS NULL OR t.dataset GLOB ?4) {} ORDER BY t.rowid DESC LIMIT ?1",
        in_one_of(&filter.states)
    );
    let Filter {
        partner,
        direction,
        name,
        ..
    } = filter;
    let direction = direction.map(Direction::as_str);
    let name = name.as_deref().map(glob);
    let wanted = params![limit, partner, direction, name];
    all(db, &sql, wanted, transfer, "find")
}

/// The condition that a row is in one of these states.
fn in_one_of(states: &[State]) -> String {
    if states.is_empty() {
        return String::new();
    }
    let words = |state: &State| format!("('{}', '{}')", state.direction(), state);
    let words: Vec<String> = states.iter().map(words).collect();
    format!(
        "AND (t.direction, t.state) IN (VALUES {})",
        words.join(", ")
    )
}

/// The pattern in the syntax of SQLite's GLOB, where `^` negates a set of characters and `!` is an ordinary one.
fn glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        glob.push(c);
        if c != '[' {
            continue;
        }
        let mut set: String = rest.by_ref().take(1).collect();
        let is_of_others = set == "!";
        if is_of_others {
            set = rest.by_ref().take(1).collect();
        }
        // A bracket that comes first is one of the set.
        let mut is_closed = false;
        set.extend(rest.by_ref().take_while(|c| {
            is_closed = *c == ']';
            !is_closed
        }));
        if is_of_others {
            glob.push('^');
        } else if let Some(others) = set.strip_prefix('^') {
            set = format!("{others}^");
        }
        glob.push_str(&set);
        if is_closed {
            glob.push(']');
        }
    }
    glob
}

pub(super) fn details(db: &Connection, id: TransferId) -> Result<Option<Details>, LedgerError> {
    let sql = format!(
        "SELECT {}, direction, state, layout, position, position_records, labels, wire_hash, plain_octets, plain_digest,
         directory, file_name, overwrite, confirmed, priority,
         attempts, refusals, breaks, in_doubt, not_before, leased_to, sent_at, receipt_later, ask_at, asked, hand_over,
         (SELECT created FROM receipts WHERE transfer = id) AS receipt_since,
         (SELECT tries FROM receipts WHERE transfer = id) AS receipt_tries
         FROM transfers WHERE id = ?1",
        row::HEADER
    );
    db.prepare_cached(&sql)
        .and_then(|mut select| select.query_row(params![id.to_string()], detail).optional())
        .map_err(database("details"))
}

fn detail(found: &Row<'_>) -> rusqlite::Result<Details> {
    let now = millis(SystemTime::now());
    let sent: i64 = found.get("sent_at")?;
    let holder: Option<String> = found.get("leased_to")?;
    // Neither matters for a transfer that has ended; and the session that is sending it now has not broken off.
    let is_to_be_sent = matches!(
        row::state(found, 16)?,
        State::Outbound(OutboundState::Ready | OutboundState::Held | OutboundState::Parked)
    );
    let in_doubt = is_to_be_sent && found.get("in_doubt")?;
    let breaks = match is_to_be_sent {
        true => found
            .get::<_, u32>("breaks")?
            .saturating_sub(u32::from(holder.is_some())),
        false => 0,
    };
    Ok(Details {
        header: row::header(found, 0)?,
        layout: row::layout(found, 18)?,
        position: Position {
            octets: row::number(found, 19)?,
            records: row::number(found, 20)?,
        },
        labels: row::labels(found, 21)?,
        wire_hash: row::wire_hash(found, 22)?,
        plain: row::plain(found, 23)?,
        target: Target {
            directory: found.get("directory")?,
            file_name: found.get("file_name")?,
            overwrite: found.get("overwrite")?,
        },
        confirmed: found.get("confirmed")?,
        priority: found.get("priority")?,
        attempts: found.get("attempts")?,
        refusals: found.get("refusals")?,
        breaks,
        in_doubt,
        backs_off_until: row::backs_off_until(found, "not_before", now)?,
        holder,
        sent: (sent > 0).then(|| from_millis(sent)),
        question: question(found)?,
        receipt_since: row::moment(found, "receipt_since")?,
        receipt_tries: found.get::<_, Option<u32>>("receipt_tries")?.unwrap_or(0),
    })
}

/// The decision about its receipt that is still to come.
fn question(found: &Row<'_>) -> rusqlite::Result<Option<Question>> {
    if !found.get::<_, bool>("receipt_later")? {
        return Ok(None);
    }
    Ok(Some(Question {
        asked_at: row::moment(found, "ask_at")?,
        asked: found.get("asked")?,
        hand_over: found.get("hand_over")?,
    }))
}

pub(super) fn resembling(
    db: &Connection,
    part: &str,
    limit: u32,
) -> Result<Vec<TransferId>, LedgerError> {
    let sql = "SELECT id FROM transfers WHERE id GLOB ?1 || '*' OR id GLOB '*' || ?1 ORDER BY id DESC LIMIT ?2";
    let read = |found: &Row<'_>| row::id(found, 0);
    all(db, sql, params![part, limit], read, "resembling")
}

/// The query uses five indexes, each of which has only rows that are wanted.
pub(super) fn unsettled(db: &Connection, limit: u32) -> Result<Vec<Transfer>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE t.id IN (
             SELECT id FROM transfers WHERE direction = 'out' AND state IN ('ready', 'held', 'parked') AND state <> 'ready'
             UNION ALL SELECT id FROM transfers WHERE direction = 'out' AND state = 'overdue'
             UNION ALL SELECT id FROM transfers WHERE direction = 'out' AND state = 'sent' AND reason LIKE 'receipt invalid:%'
             UNION ALL SELECT id FROM transfers WHERE receipt_later = 1 AND ask_at IS NULL
             UNION ALL SELECT id FROM transfers WHERE direction = 'in' AND state = 'opening'
             UNION ALL SELECT id FROM transfers WHERE direction = 'in' AND state IN ('received', 'placing'))
         ORDER BY t.id LIMIT ?1"
    );
    all(db, &sql, params![limit], transfer, "unsettled")
}

/// The query uses the index of files that are being received and the end of the histories, so it does not read every
/// row.
pub(super) fn unfinished(db: &Connection) -> Result<Vec<TransferId>, LedgerError> {
    const VERB: &str = "unfinished";
    let read = |found: &Row<'_>| row::id(found, 0);
    let receiving = "SELECT id FROM transfers WHERE direction = 'in' AND state = 'receiving'";
    let mut ids = all(db, receiving, [], read, VERB)?;
    let removed = "SELECT transfer FROM timeline WHERE seq > (SELECT max(seq) FROM timeline) - ?1 AND event = ?2";
    ids.extend(all(
        db,
        removed,
        params![NEWEST_LINES, CONTENT_REMOVED],
        read,
        VERB,
    )?);
    Ok(ids)
}

/// Each partner is found from the one before it by the index of identities, so that not every row is read.
pub(super) fn partners(db: &Connection) -> Result<Vec<String>, LedgerError> {
    let sql = "WITH RECURSIVE way (word) AS (VALUES ('in'), ('out')),
         found (word, name) AS (
             SELECT word, (SELECT min(partner) FROM transfers WHERE direction = word) FROM way
             UNION ALL
             SELECT word, (SELECT min(partner) FROM transfers WHERE direction = word AND partner > name)
             FROM found WHERE name IS NOT NULL)
         SELECT DISTINCT name FROM found WHERE name IS NOT NULL ORDER BY name";
    all(db, sql, [], |found| found.get(0), "partners")
}

/// Every transfer, in order.
pub(super) fn ids(db: &Connection) -> Result<Vec<TransferId>, LedgerError> {
    let sql = "SELECT id FROM transfers ORDER BY id";
    all(db, sql, [], |found| row::id(found, 0), "ids")
}

pub(super) fn timeline(db: &Connection, id: TransferId) -> Result<Vec<TimelineEntry>, LedgerError> {
    let sql =
        "SELECT at, session, event, detail, data FROM timeline WHERE transfer = ?1 ORDER BY seq";
    let entry = |row: &Row<'_>| {
        Ok(TimelineEntry {
            at: from_millis(row.get(0)?),
            session: row.get(1)?,
            event: row.get(2)?,
            detail: row.get(3)?,
            data: row.get(4)?,
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
    Ok(Transfer {
        id: row::id(found, 0)?,
        state: row::state(found, 1)?,
        partner: found.get(3)?,
        key: row::key(found, 4)?,
        octets: row::number(found, 9)?,
        digest: found.get(10)?,
        path: found.get(11)?,
        receipt: row::receipt(found, 12)?,
        reason: found.get::<_, Option<String>>(13)?.map(StateReason::kept),
        created: from_millis(found.get(14)?),
    })
}
