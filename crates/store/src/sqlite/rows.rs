//! Whole rows: read, inserted, and stored where they were changed.

use std::borrow::Cow;
use std::time::SystemTime;

use oftp::{Counts, Eerp, FileKey, Nerp, NerpReason, OdetteId, Position, Response, UserData};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, OptionalExtension, Params, ToSql, params, params_from_iter};

use super::failed::{database, identity};
use super::{history, row};
use crate::error::LedgerError;
use crate::measure::Measure;
use crate::row::{Course, Inbound, Outbound, Receipt, ReceiptDecision, Row};
use crate::state::{ReceiptState, State};
use crate::state_reason::StateReason;
use crate::transfer::{Target, TransferId};
use crate::words::{format_to, from_millis, millis, security_to};

/// What [`read`] reads, after the columns of [`row::HEADER`].
const COLUMNS: &str = "t.direction, t.state, t.id, t.version, t.partner, t.edition, t.octets, t.digest, t.records,
     t.virtual_octets, t.layout, t.labels, t.reason, t.created, t.position, t.position_records, t.directory, t.file_name,
     t.overwrite, t.path, t.confirmed, t.received_at, t.receipt_later, t.ask_at, t.asked, t.hand_over, t.priority, t.ordered,
     t.attempts, t.refusals, t.breaks, t.in_doubt, t.may_have, t.not_before, t.leased_to, t.sent_at,
     t.wire_hash, t.plain_octets, t.plain_digest,
     r.state, r.positive, r.user, r.creator, r.reason, r.text, r.hash, r.signature, r.not_before, r.leased_to, r.tries,
     r.created";

/// Where they are read from.
pub(super) const TABLES: &str = "FROM transfers t LEFT JOIN receipts r ON r.transfer = t.id";

/// Where the columns of direction and state begin, the column of the id, and how many columns there are.
pub(super) const STATE: usize = 16;
const ID: usize = 18;
pub(super) const WIDTH: usize = 67;

/// The columns of the receipt begin here.
const RECEIPT: usize = 55;

/// The row of a transfer.
pub(super) fn load(
    db: &Connection,
    id: TransferId,
    verb: &'static str,
) -> Result<Option<Row>, LedgerError> {
    find(db, "t.id = ?1", params![id.to_string()], verb)
}

/// The first row that fits; `t` is its transfer.
pub(super) fn find(
    db: &Connection,
    which: &str,
    params: impl Params,
    verb: &'static str,
) -> Result<Option<Row>, LedgerError> {
    db.prepare_cached(&select(which))
        .and_then(|mut select| select.query_row(params, read).optional())
        .map_err(database(verb))
}

/// Every row that fits.
pub(super) fn all(
    db: &Connection,
    which: &str,
    params: impl Params,
    verb: &'static str,
) -> Result<Vec<Row>, LedgerError> {
    db.prepare_cached(&select(which))
        .and_then(|mut select| select.query_map(params, read)?.collect())
        .map_err(database(verb))
}

fn select(which: &str) -> String {
    format!("SELECT {} {TABLES} WHERE {which}", columns())
}

/// What [`read`] reads, in its order.
pub(super) fn columns() -> String {
    format!("{}, {COLUMNS}", row::header_of("t"))
}

/// The id alone.
pub(super) fn id(found: &rusqlite::Row<'_>) -> rusqlite::Result<TransferId> {
    row::id(found, ID)
}

pub(super) fn read(found: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let header = row::header(found, 0)?;
    let course = course(found)?;
    Ok(Row {
        id: id(found)?,
        version: row::number(found, 19)?,
        partner: found.get(20)?,
        edition: found.get(21)?,
        measure: Measure {
            octets: row::number(found, 22)?,
            digest: found.get(23)?,
        },
        wire_hash: row::wire_hash(found, 52)?,
        counts: Counts {
            records: row::number(found, 24)?,
            octets: row::number(found, 25)?,
        },
        layout: row::layout(found, 26)?,
        labels: row::labels(found, 27)?,
        reason: found.get::<_, Option<String>>(28)?.map(StateReason::kept),
        created: from_millis(found.get(29)?),
        receipt: row::receipt(found, RECEIPT)?
            .map(|state| receipt(found, state, &header.key))
            .transpose()?,
        header,
        course,
        history: Vec::new(),
    })
}

fn course(found: &rusqlite::Row<'_>) -> rusqlite::Result<Course> {
    // Numbers are places among `columns()`. A column of the other direction is never read, so it may hold anything.
    Ok(match row::state(found, STATE)? {
        State::Inbound(state) => Course::Inbound(Inbound {
            state,
            position: Position {
                octets: row::number(found, 30)?,
                records: row::number(found, 31)?,
            },
            plain: row::plain(found, 53)?,
            target: Target {
                directory: found.get(32)?,
                file_name: found.get(33)?,
                overwrite: found.get(34)?,
            },
            path: found.get(35)?,
            confirmed: found.get(36)?,
            received_at: row::moment_or_0(found, 37)?,
            decision: ReceiptDecision {
                waits: found.get(38)?,
                ask_at: row::moment(found, 39)?,
                asked: found.get(40)?,
                hand_over: found.get(41)?,
            },
        }),
        State::Outbound(state) => Course::Outbound(Outbound {
            state,
            priority: found.get(42)?,
            ordered: row::moment_or_0(found, 43)?,
            attempts: found.get(44)?,
            refusals: found.get(45)?,
            breaks: found.get(46)?,
            in_doubt: found.get(47)?,
            may_have: found.get(48)?,
            not_before: row::moment_or_0(found, 49)?,
            leased_to: found.get(50)?,
            sent_at: row::moment_or_0(found, 51)?,
        }),
    })
}

fn receipt(
    found: &rusqlite::Row<'_>,
    state: ReceiptState,
    key: &FileKey,
) -> rusqlite::Result<Receipt> {
    Ok(Receipt {
        state,
        response: response(found, RECEIPT + 1, key)?,
        not_before: row::moment_or_0(found, RECEIPT + 8)?,
        leased_to: found.get(RECEIPT + 9)?,
        tries: found.get(RECEIPT + 10)?,
        created: from_millis(found.get(RECEIPT + 11)?),
    })
}

/// The EERP or NERP in the columns from `positive` on.
fn response(found: &rusqlite::Row<'_>, at: usize, key: &FileKey) -> rusqlite::Result<Response> {
    let wire = |at| found.get::<_, String>(at).map(String::into_bytes);
    let key = key.clone();
    let (hash, signature) = (found.get(at + 5)?, found.get(at + 6)?);
    if found.get(at)? {
        let user = UserData::from_wire(&wire(at + 1)?);
        return Ok(Response::Positive(Eerp {
            key,
            user: user.map_err(|error| row::unreadable(at + 1, error))?,
            hash,
            signature,
        }));
    }
    let creator = OdetteId::from_wire(&wire(at + 2)?);
    Ok(Response::Negative(Nerp {
        key,
        creator: creator.map_err(|error| row::unreadable(at + 2, error))?,
        reason: NerpReason::from_code(found.get(at + 3)?),
        text: found.get(at + 4)?,
        hash,
        signature,
    }))
}

/// A column and its value.
type Column<'a> = (&'static str, ToSqlOutput<'a>);

/// Adds a row, its receipt and its history.
pub(super) fn insert(db: &Connection, row: &Row, verb: &'static str) -> Result<(), LedgerError> {
    let mut columns = vec![
        ("id", text(row.id.to_string())),
        ("direction", word(row.state().direction().as_str())),
        ("partner", word(&row.partner)),
        ("edition", number(row.edition)),
        ("created", number(millis(row.created))),
    ];
    columns.extend(changing(row));
    insert_into(db, "transfers", columns).map_err(identity(verb, &row.header.key))?;
    if let Some(receipt) = &row.receipt {
        insert_receipt(db, row, receipt).map_err(database(verb))?;
    }
    history::keep(db, row)
}

fn insert_receipt(db: &Connection, row: &Row, receipt: &Receipt) -> rusqlite::Result<()> {
    let mut columns = vec![
        ("transfer", text(row.id.to_string())),
        ("partner", word(&row.partner)),
        ("created", number(millis(receipt.created))),
    ];
    columns.extend(changing_of_receipt(receipt));
    insert_into(db, "receipts", columns)
}

fn insert_into(db: &Connection, table: &str, columns: Vec<Column<'_>>) -> rusqlite::Result<()> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    let sql = format!(
        "INSERT INTO {table} ({}) VALUES ({marks})",
        names.join(", ")
    );
    let values = columns.iter().map(|(_, value)| value);
    db.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Writes the columns that have changed, if the row in the ledger is still the one that was read.
pub(super) fn store(
    db: &Connection,
    before: &Row,
    after: &Row,
    verb: &'static str,
) -> Result<(), LedgerError> {
    let changed = differing(changing(before), changing(after));
    let of_receipt = match (&before.receipt, &after.receipt) {
        (Some(before), Some(after)) => {
            differing(changing_of_receipt(before), changing_of_receipt(after))
        }
        _ => Vec::new(),
    };
    let is_new = before.receipt.is_none() && after.receipt.is_some();
    // The version is checked and counted first, even where only the receipt has changed: it guards all of the row.
    if !changed.is_empty() || !of_receipt.is_empty() || is_new {
        update(
            db,
            "transfers",
            "id = ? AND version = ?",
            changed,
            &[&after.id.to_string(), &(before.version as i64)],
        )
        .map_err(identity(verb, &after.header.key))
        .and_then(|rows| match rows {
            1 => Ok(()),
            _ => Err(LedgerError::Outrun(after.id)),
        })?;
    }
    if !of_receipt.is_empty() {
        update(
            db,
            "receipts",
            "transfer = ?",
            of_receipt,
            &[&after.id.to_string()],
        )
        .map_err(database(verb))?;
    }
    if let Some(receipt) = after.receipt.as_ref().filter(|_| is_new) {
        insert_receipt(db, after, receipt).map_err(database(verb))?;
    }
    history::keep(db, after)
}

/// Sets the columns, and increments the version of a transfer. Returns how many rows were changed.
fn update(
    db: &Connection,
    table: &str,
    which: &str,
    columns: Vec<Column<'_>>,
    named: &[&dyn ToSql],
) -> rusqlite::Result<usize> {
    let mut sets: Vec<Cow<'_, str>> = Vec::with_capacity(columns.len() + 1);
    if table == "transfers" {
        sets.push("version = version + 1".into());
    }
    sets.extend(columns.iter().map(|(name, _)| format!("{name} = ?").into()));
    let sql = format!("UPDATE {table} SET {} WHERE {which}", sets.join(", "));
    let values = columns.iter().map(|(_, value)| value as &dyn ToSql);
    let values = values.chain(named.iter().copied());
    db.prepare_cached(&sql)?.execute(params_from_iter(values))
}

/// Both lists have the same columns.
fn differing<'a, 'b>(
    before: impl IntoIterator<Item = Column<'b>>,
    after: impl IntoIterator<Item = Column<'a>>,
) -> Vec<Column<'a>> {
    let pairs = before.into_iter().zip(after);
    pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|(_, after)| after)
        .collect()
}

/// The columns of a transfer that verbs change.
fn changing(row: &Row) -> Vec<Column<'_>> {
    let header = &row.header;
    let key = &header.key;
    let (format, record) = format_to(header.format);
    let mut columns = vec![
        ("state", word(row.state().as_str())),
        ("dataset", word(key.dataset.as_str())),
        ("date", word(key.stamp.date())),
        ("time", word(key.stamp.time())),
        ("originator", word(key.originator.as_str())),
        ("destination", word(key.destination.as_str())),
        ("user", word(header.user.as_str())),
        ("format", word(format)),
        ("record", number(record)),
        ("size_blocks", count(header.size_blocks)),
        ("original_blocks", count(header.original_size_blocks)),
        ("security", number(security_to(header.security))),
        ("cipher", number(header.cipher.number())),
        ("compressed", number(header.compressed)),
        ("enveloped", number(header.enveloped)),
        ("signed_receipt", number(header.signed_receipt)),
        ("description", word(&header.description)),
        ("octets", count(row.measure.octets)),
        ("digest", word(&row.measure.digest)),
        ("wire_hash", text(row::wire_hash_to(row.wire_hash.as_ref()))),
        ("records", count(row.counts.records)),
        ("virtual_octets", count(row.counts.octets)),
        ("layout", word(row::layout_to(row.layout))),
        ("labels", text(row::labels_to(&row.labels))),
        ("reason", maybe_displayed(row.reason.as_ref())),
    ];
    match &row.course {
        Course::Inbound(file) => columns.extend(changing_of_inbound(file)),
        Course::Outbound(file) => columns.extend(changing_of_outbound(file)),
    }
    columns
}

fn changing_of_inbound(file: &Inbound) -> [Column<'_>; 14] {
    let decision = &file.decision;
    let plain = file.plain.as_ref();
    [
        ("plain_octets", count(plain.map_or(0, |plain| plain.octets))),
        (
            "plain_digest",
            word(plain.map_or("", |plain| &plain.digest)),
        ),
        ("position", count(file.position.octets)),
        ("position_records", count(file.position.records)),
        ("directory", word(&file.target.directory)),
        ("file_name", word(&file.target.file_name)),
        ("overwrite", number(file.target.overwrite)),
        ("path", maybe(file.path.as_deref())),
        ("confirmed", number(file.confirmed)),
        ("received_at", moment_or_0(file.received_at)),
        ("receipt_later", number(decision.waits)),
        ("ask_at", moment(decision.ask_at)),
        ("asked", number(decision.asked)),
        ("hand_over", number(decision.hand_over)),
    ]
}

fn changing_of_outbound(file: &Outbound) -> [Column<'_>; 10] {
    [
        ("priority", number(file.priority)),
        ("ordered", moment_or_0(file.ordered)),
        ("attempts", number(file.attempts)),
        ("refusals", number(file.refusals)),
        ("breaks", number(file.breaks)),
        ("in_doubt", number(file.in_doubt)),
        ("may_have", number(file.may_have)),
        ("not_before", moment_or_0(file.not_before)),
        ("leased_to", maybe(file.leased_to.as_deref())),
        ("sent_at", moment_or_0(file.sent_at)),
    ]
}

/// The columns of a receipt that verbs change.
fn changing_of_receipt(receipt: &Receipt) -> [Column<'_>; 11] {
    let (user, creator, reason, said) = match &receipt.response {
        Response::Positive(eerp) => (eerp.user.as_str(), "", 0, ""),
        Response::Negative(nerp) => ("", nerp.creator.as_str(), nerp.reason.code(), &*nerp.text),
    };
    let (positive, hash, signature) = match &receipt.response {
        Response::Positive(eerp) => (true, &eerp.hash, &eerp.signature),
        Response::Negative(nerp) => (false, &nerp.hash, &nerp.signature),
    };
    [
        ("state", word(receipt.state.as_str())),
        ("positive", number(positive)),
        ("user", word(user)),
        ("creator", word(creator)),
        ("reason", number(reason)),
        ("text", word(said)),
        ("hash", octets(hash)),
        ("signature", octets(signature)),
        ("not_before", moment_or_0(receipt.not_before)),
        ("leased_to", maybe(receipt.leased_to.as_deref())),
        ("tries", number(receipt.tries)),
    ]
}

fn word(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::from(text)
}

fn text(text: String) -> ToSqlOutput<'static> {
    ToSqlOutput::from(text)
}

fn maybe(text: Option<&str>) -> ToSqlOutput<'_> {
    text.map_or(ToSqlOutput::Owned(Value::Null), word)
}

fn maybe_displayed(reason: Option<&StateReason>) -> ToSqlOutput<'static> {
    reason.map_or(ToSqlOutput::Owned(Value::Null), |reason| {
        ToSqlOutput::Owned(Value::Text(reason.to_string()))
    })
}

fn octets(octets: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::from(octets)
}

fn number(number: impl Into<i64>) -> ToSqlOutput<'static> {
    ToSqlOutput::from(number.into())
}

/// SQLite's integers have a sign, ours do not.
fn count(number: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::from(number as i64)
}

fn moment(at: Option<SystemTime>) -> ToSqlOutput<'static> {
    at.map_or(ToSqlOutput::Owned(Value::Null), |at| number(millis(at)))
}

fn moment_or_0(at: Option<SystemTime>) -> ToSqlOutput<'static> {
    number(at.map_or(0, millis))
}

#[cfg(test)]
mod tests;
