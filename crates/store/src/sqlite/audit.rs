//! Rows as the audit sees them, and sidecars for rows that have none.

use std::time::SystemTime;

use oftp::{Counts, Response};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed::database;
use super::history::note;
use super::{inbound, look, outbound, row};
use crate::book::Book;
use crate::error::LedgerError;
use crate::seal::Seal;
use crate::sidecar::{Entry, Record, Sidecar, Way};
use crate::state::{InboundState, OutboundState, ReceiptState, State};
use crate::transfer::{Target, TransferId};
use crate::verdict::Verdict;
use crate::words::{from_millis, millis};

const COLUMNS: &str = "SELECT t.id, t.direction, t.state, t.partner, t.dataset, t.date, t.time, t.originator,
     t.destination, t.octets, t.digest, t.position, t.path, t.receipt_later, r.state, r.partner = t.partner,
     t.state = 'rejected' AND EXISTS (SELECT 1 FROM timeline l WHERE l.transfer = t.id AND l.event = 'content-removed'),
     t.edition
     FROM transfers t LEFT JOIN receipts r ON r.transfer = t.id";

/// Every row.
pub(super) fn books(db: &Connection) -> Result<Vec<Book>, LedgerError> {
    look::all(db, &format!("{COLUMNS} ORDER BY t.id"), [], book, "audit")
}

/// One row.
pub(super) fn one(db: &Connection, id: TransferId) -> Result<Option<Book>, LedgerError> {
    db.query_row(
        &format!("{COLUMNS} WHERE t.id = ?1"),
        params![id.to_string()],
        book,
    )
    .optional()
    .map_err(database("audit"))
}

fn book(found: &Row<'_>) -> rusqlite::Result<Book> {
    Ok(Book {
        id: row::id(found, 0)?,
        state: row::state_or_word(found, 1)?,
        partner: found.get(3)?,
        key: row::key(found, 4)?,
        octets: row::number(found, 9)?,
        digest: found.get(10)?,
        position: row::number(found, 11)?,
        path: found.get(12)?,
        waits: found.get(13)?,
        receipt: row::receipt(found, 14)?,
        receipt_fits: found.get::<_, Option<bool>>(15)?.unwrap_or(true),
        content_removed: found.get(16)?,
        edition: found.get(17)?,
    })
}

/// What the sidecar of a row would say. None for a file that is not all here, or is not there.
pub(super) fn record(db: &Connection, id: TransferId) -> Result<Option<Record>, LedgerError> {
    let sql = format!(
        "SELECT t.direction, t.state, t.partner, t.octets, t.digest, t.created, t.directory, t.file_name,
         t.overwrite, t.path, t.receipt_later, t.ask_at, t.priority, t.in_doubt, t.reason,
         t.layout, t.records, t.virtual_octets, t.hand_over, t.edition, t.labels, {}
         FROM transfers t WHERE t.id = ?1 AND t.state <> 'receiving'",
        row::HEADER
    );
    let response = response(db, id)?;
    db.query_row(&sql, params![id.to_string()], |found| {
        let state = row::state(found, 0)?;
        let mut sidecar = Sidecar {
            id,
            partner: found.get(2)?,
            header: row::header(found, 21)?,
            edition: found.get(19)?,
            labels: row::labels(found, 20)?,
            seal: Seal {
                octets: row::number(found, 3)?,
                digest: found.get(4)?,
            },
            session: String::new(),
            at: from_millis(found.get(5)?),
            way: Way::Outbound {
                priority: found.get(12)?,
                layout: row::layout(found, 15)?,
                counts: Counts {
                    records: row::number(found, 16)?,
                    octets: row::number(found, 17)?,
                },
            },
        };
        let entries = match state {
            State::Inbound(_) => {
                sidecar.way = Way::Inbound {
                    target: Target {
                        directory: found.get(6)?,
                        file_name: found.get(7)?,
                        overwrite: found.get(8)?,
                    },
                    verdict: verdict(found, response.as_ref())?,
                };
                received_entries(found, response.as_ref())?
            }
            State::Outbound(state) => sent_entries(found, state, response)?,
        };
        Ok(Record { sidecar, entries })
    })
    .optional()
    .map_err(database("describe"))
}

fn verdict(
    found: &Row<'_>,
    response: Option<&(ReceiptState, Response)>,
) -> rusqlite::Result<Verdict> {
    if found.get(10)? {
        let when = row::moment(found, 11)?;
        return Ok(match when {
            Some(when) if found.get(18)? => Verdict::HandOver(when),
            _ => Verdict::Later(when),
        });
    }
    Ok(match response {
        Some((_, Response::Negative(nerp))) => Verdict::Negative(Box::new(nerp.clone())),
        _ => Verdict::Positive,
    })
}

fn received_entries(
    found: &Row<'_>,
    response: Option<&(ReceiptState, Response)>,
) -> rusqlite::Result<Vec<Entry>> {
    let path: Option<String> = found.get(9)?;
    let given = response.is_some_and(|(state, _)| *state == ReceiptState::Given);
    let forwarded = response
        .map(|(_, response)| response)
        .filter(|response| matches!(response, Response::Positive(eerp) if !(eerp.hash.is_empty() && eerp.signature.is_empty())))
        .cloned();
    Ok([Entry::Received]
        .into_iter()
        .chain(path.map(Entry::Placing))
        .chain(forwarded.map(Entry::Forwarded))
        .chain(given.then_some(Entry::Given))
        .collect())
}

fn sent_entries(
    found: &Row<'_>,
    state: OutboundState,
    response: Option<(ReceiptState, Response)>,
) -> rusqlite::Result<Vec<Entry>> {
    let doubt = Entry::InDoubt(found.get(13)?);
    Ok([doubt, Entry::State(state, found.get(14)?)]
        .into_iter()
        .chain(response.map(|(_, response)| Entry::Answered(response)))
        .collect())
}

/// The receipt of a transfer, and its state.
pub(super) fn response(
    db: &Connection,
    id: TransferId,
) -> Result<Option<(ReceiptState, Response)>, LedgerError> {
    let sql = format!(
        "SELECT t.id, r.positive, r.user, r.creator, r.reason, r.text, r.hash, r.signature, {}, r.state
         FROM receipts r JOIN transfers t ON t.id = r.transfer WHERE t.id = ?1",
        inbound::header_of_t()
    );
    db.query_row(&sql, params![id.to_string()], |found| {
        let state = row::receipt(found, 24)?;
        let response = inbound::owed_response(found)?.response;
        Ok(state.map(|state| (state, response)))
    })
    .optional()
    .map(Option::flatten)
    .map_err(database("describe"))
}

/// The row of a file, made from its sidecar alone.
pub(super) fn restore(
    db: &Connection,
    record: &Record,
    state: Restored<'_>,
) -> Result<(), LedgerError> {
    const VERB: &str = "rebuild";
    let sidecar = &record.sidecar;
    let whole = match state {
        Restored::In(state) => State::Inbound(state),
        Restored::Out(state, _) => State::Outbound(state),
    };
    let header = oftp::FileHeader {
        key: record.key(),
        ..sidecar.header.clone()
    };
    let of = inbound::Whose {
        partner: &sidecar.partner,
        state: whole,
        edition: sidecar.edition,
    };
    inbound::insert_header(db, sidecar.id, of, &header, VERB)?;
    let id = sidecar.id.to_string();
    db.execute(
        "UPDATE transfers SET octets = ?2, digest = ?3, created = ?4, labels = ?5 WHERE id = ?1",
        params![
            id,
            sidecar.seal.octets as i64,
            sidecar.seal.digest,
            millis(sidecar.at),
            row::labels_to(&sidecar.labels),
        ],
    )
    .map_err(database(VERB))?;
    match (&sidecar.way, state) {
        (Way::Inbound { target, .. }, Restored::In(state)) => {
            inbound::set_target(db, sidecar.id, target, VERB)?;
            db.execute(
                "UPDATE transfers SET position = octets, path = ?2 WHERE id = ?1",
                params![id, record.path()],
            )
            .map_err(database(VERB))?;
            restore_receipt(db, record, state)?;
        }
        (
            Way::Outbound {
                priority,
                layout,
                counts,
            },
            Restored::Out(_, why),
        ) => {
            // Whether an EFID left is asked of the partner: an SFNA 13 to the old identity is its yes.
            db.execute(
                "UPDATE transfers SET priority = ?2, in_doubt = 1, may_have = 1, attempts = 1, reason = ?3,
                 layout = ?4, records = ?5, virtual_octets = ?6, sent_at = ?7 WHERE id = ?1",
                params![
                    id,
                    priority,
                    why,
                    row::layout_to(*layout),
                    counts.records as i64,
                    counts.octets as i64,
                    millis(SystemTime::now()),
                ],
            )
            .map_err(database(VERB))?;
            if let Some(response) = record.answer() {
                outbound::record(db, sidecar.id, &sidecar.partner, response)?;
            }
        }
        _ => {}
    }
    note(db, sidecar.id, None, "rebuilt", "from its sidecar")
}

/// The state a rebuilt row gets, and why.
#[derive(Clone, Copy, Debug)]
pub(super) enum Restored<'a> {
    /// A received file.
    In(InboundState),
    /// A file to send.
    Out(OutboundState, Option<&'a str>),
}

/// The receipt is owed again unless it is known to be given: to give one twice changes nothing.
fn restore_receipt(
    db: &Connection,
    record: &Record,
    state: InboundState,
) -> Result<(), LedgerError> {
    const VERB: &str = "rebuild";
    let id = record.sidecar.id;
    // What was written down while the clock was ahead waits no longer.
    let now = SystemTime::now();
    let due = |when: SystemTime| if record.sidecar.at > now { now } else { when };
    match (state, record.verdict()) {
        _ if let Some(response) = record.forwarded() => {
            inbound::owe_forwarded(db, id, response, VERB)?;
        }
        (_, Some(Verdict::Negative(nerp))) => inbound::reject(db, id, nerp, VERB)?,
        (_, Some(Verdict::HandOver(when))) => inbound::hand_over(db, id, due(*when))?,
        (_, Some(Verdict::Later(when))) => inbound::ask_later(db, id, when.map(due))?,
        (InboundState::Delivered, _) => inbound::owe_positive(db, id, VERB)?,
        _ => {}
    }
    if record.is_given() {
        db.execute(
            "UPDATE receipts SET state = 'given' WHERE transfer = ?1",
            params![id.to_string()],
        )
        .map_err(database(VERB))?;
    }
    Ok(())
}
