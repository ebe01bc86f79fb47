//! Rows to values and back.

use std::time::SystemTime;

use oftp::{
    CipherSuite, DatasetName, FileHeader, FileKey, FileStamp, OdetteId, RecordLayout, UserData,
};
use rusqlite::{Row, RowIndex};

use crate::measure::Measure;
use crate::state::{Direction, OutboundState, ReceiptState, State};
use crate::transfer::{Labels, TransferId};
use crate::wire_hash::WireHash;
use crate::words::{format_from, from_millis, security_from};

/// The columns of [`header`], in its order.
pub(super) const HEADER: &str = "dataset, date, time, originator, destination, user, format, record, size_blocks, \
     original_blocks, security, cipher, compressed, enveloped, signed_receipt, description";

/// The same columns with the name that a table has in a query.
pub(super) fn header_of(table: &str) -> String {
    let columns = HEADER.split(", ").map(|column| format!("{table}.{column}"));
    columns.collect::<Vec<_>>().join(", ")
}

/// Reads the id in column `at`.
pub(super) fn id(row: &Row<'_>, at: usize) -> rusqlite::Result<TransferId> {
    row.get::<_, String>(at)?
        .parse()
        .map_err(|e| unreadable(at, e))
}

/// Reads which way the file goes, and its state, from the columns `at` and `at + 1`.
pub(super) fn state(row: &Row<'_>, at: usize) -> rusqlite::Result<State> {
    let (way, word): (String, String) = (row.get(at)?, row.get(at + 1)?);
    let direction = Direction::parse(&way).ok_or_else(|| unreadable(at, NoWord(way)))?;
    State::of(direction, &word).ok_or_else(|| unreadable(at + 1, NoWord(word)))
}

/// The same; or the word in the column, where it names no state.
pub(super) fn state_or_word(row: &Row<'_>, at: usize) -> rusqlite::Result<Result<State, String>> {
    let (way, word): (String, String) = (row.get(at)?, row.get(at + 1)?);
    let state = Direction::parse(&way).and_then(|direction| State::of(direction, &word));
    Ok(state.ok_or(word))
}

/// Reads the state of a file that is known to be one to send.
pub(super) fn outbound_state(row: &Row<'_>, at: usize) -> rusqlite::Result<OutboundState> {
    let word: String = row.get(at)?;
    OutboundState::parse(&word).ok_or_else(|| unreadable(at, NoWord(word)))
}

/// Reads the state of a receipt, if there is one.
pub(super) fn receipt(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<ReceiptState>> {
    let word = row.get::<_, Option<String>>(at)?;
    let read =
        |word: String| ReceiptState::parse(&word).ok_or_else(|| unreadable(at, NoWord(word)));
    word.map(read).transpose()
}

/// A word that names no state: it was damaged, or a newer program wrote it.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no state")]
struct NoWord(String);

/// Reads a file's identity from the five columns from `at` on.
pub(super) fn key(row: &Row<'_>, at: usize) -> rusqlite::Result<FileKey> {
    let text = |n: usize| row.get::<_, String>(at + n);
    Ok(FileKey {
        dataset: DatasetName::from_wire(text(0)?.as_bytes()).map_err(|e| unreadable(at, e))?,
        stamp: FileStamp::from_wire(text(1)?.as_bytes(), text(2)?.as_bytes())
            .map_err(|e| unreadable(at + 1, e))?,
        originator: OdetteId::from_wire(text(3)?.as_bytes()).map_err(|e| unreadable(at + 3, e))?,
        destination: OdetteId::from_wire(text(4)?.as_bytes()).map_err(|e| unreadable(at + 4, e))?,
    })
}

/// Reads the columns of [`HEADER`] from column `at` on.
pub(super) fn header(row: &Row<'_>, at: usize) -> rusqlite::Result<FileHeader> {
    Ok(FileHeader {
        key: key(row, at)?,
        user: UserData::from_wire(row.get::<_, String>(at + 5)?.as_bytes())
            .map_err(|e| unreadable(at + 5, e))?,
        format: format_from(&row.get::<_, String>(at + 6)?, row.get(at + 7)?),
        size_blocks: number(row, at + 8)?,
        original_size_blocks: number(row, at + 9)?,
        restart: 0,
        security: security_from(row.get(at + 10)?),
        cipher: CipherSuite::new(row.get(at + 11)?).unwrap_or(CipherSuite::NONE),
        compressed: row.get(at + 12)?,
        enveloped: row.get(at + 13)?,
        signed_receipt: row.get(at + 14)?,
        description: row.get(at + 15)?,
    })
}

/// A count: SQLite's integers have a sign, ours do not.
pub(super) fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(|n| n.max(0) as u64)
}

/// Reads a time; none where the column is null.
pub(super) fn moment(row: &Row<'_>, at: impl RowIndex) -> rusqlite::Result<Option<SystemTime>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(from_millis))
}

/// Reads a time; none where the column is 0.
pub(super) fn moment_or_0(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<SystemTime>> {
    let at: i64 = row.get(at)?;
    Ok((at != 0).then(|| from_millis(at)))
}

/// Until when a file backs off, from its `not_before`; none where that is over.
pub(super) fn backs_off_until(
    row: &Row<'_>,
    at: impl RowIndex,
    now: i64,
) -> rusqlite::Result<Option<SystemTime>> {
    let not_before: i64 = row.get(at)?;
    Ok((not_before > now).then(|| from_millis(not_before)))
}

/// The word of a record layout; empty where records do not count.
pub(super) fn layout_to(layout: Option<RecordLayout>) -> &'static str {
    layout.map_or("", RecordLayout::name)
}

/// Reads what [`layout_to`] gave.
pub(super) fn layout(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<RecordLayout>> {
    Ok(RecordLayout::from_name(&row.get::<_, String>(at)?))
}

/// The hash of the file as it was transmitted; nothing where there is none.
pub(super) fn wire_hash_to(hash: Option<&WireHash>) -> String {
    hash.map(WireHash::to_string).unwrap_or_default()
}

/// Reads what [`wire_hash_to`] gave.
pub(super) fn wire_hash(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<WireHash>> {
    let text: String = row.get(at)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|e| unreadable(at, e))
}

/// Reads the measure of a plain content from two columns; none where its digest is empty.
pub(super) fn plain(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Measure>> {
    let plain = Measure {
        octets: number(row, at)?,
        digest: row.get(at + 1)?,
    };
    Ok((!plain.digest.is_empty()).then_some(plain))
}

/// Labels as the ledger keeps them: JSON; nothing where there are none.
pub(super) fn labels_to(labels: &Labels) -> String {
    if labels.is_empty() {
        return String::new();
    }
    serde_json::to_string(labels).unwrap_or_default()
}

/// Reads what [`labels_to`] gave.
pub(super) fn labels(row: &Row<'_>, at: usize) -> rusqlite::Result<Labels> {
    let text: String = row.get(at)?;
    if text.is_empty() {
        return Ok(Labels::new());
    }
    serde_json::from_str(&text).map_err(|e| unreadable(at, e))
}

pub(super) fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
