//! The encrypted keys of contents, in a table of their own.

use rusqlite::{Connection, Row, params};

use super::failed::database;
use super::verbs::SidecarLine;
use super::{look, row};
use crate::error::LedgerError;
use crate::sidecar::{Entry, Record};
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::transition::VerbName;

const VERB: &str = VerbName::ContentKey.as_str();

/// The key is kept. The file's sidecar has it, too, where the file is opened by it: it may outlive the one that had the key first.
pub(super) fn keep(
    db: &Connection,
    id: TransferId,
    sha256: [u8; 32],
    digest: &str,
) -> Result<(Option<TransferId>, Option<SidecarLine>), LedgerError> {
    insert(db, id, sha256, digest)?;
    let sql = "SELECT transfer, digest FROM content_keys WHERE hash = ?1";
    let read = |found: &Row<'_>| Ok((row::id(found, 0)?, found.get::<_, String>(1)?));
    let (first, content) = db
        .prepare_cached(sql)
        .and_then(|mut select| select.query_row([&sha256[..]], read))
        .map_err(database(VERB))?;
    Ok(match content == digest {
        true => (
            None,
            Some((Direction::Inbound, id, Entry::ContentKey(sha256))),
        ),
        false => (Some(first), None),
    })
}

/// The key stays with the content that had it first.
fn insert(
    db: &Connection,
    id: TransferId,
    sha256: [u8; 32],
    digest: &str,
) -> Result<(), LedgerError> {
    let sql = "INSERT INTO content_keys (hash, transfer, digest) VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO NOTHING";
    db.prepare_cached(sql)
        .and_then(|mut insert| insert.execute(params![&sha256[..], id.to_string(), digest]))
        .map_err(database(VERB))
        .map(drop)
}

/// Keeps the keys that a sidecar has.
pub(super) fn restore(db: &Connection, record: &Record) -> Result<(), LedgerError> {
    let sidecar = &record.sidecar;
    record
        .content_keys()
        .try_for_each(|sha256| insert(db, sidecar.id, sha256, &sidecar.measure.digest))
}

/// The lines that a sidecar of the transfer has for its keys.
pub(super) fn entries(db: &Connection, id: TransferId) -> Result<Vec<Entry>, LedgerError> {
    let sql = "SELECT hash FROM content_keys WHERE transfer = ?1";
    let read = |found: &Row<'_>| found.get(0).map(Entry::ContentKey);
    look::all(db, sql, [id.to_string()], read, VERB)
}
