//! Dates and times that are free, where times have no counter.

use oftp::{FileKey, FileStamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed::database;
use super::row;
use crate::error::LedgerError;
use crate::transfer::TransferId;

/// The stamp that a file must get where times have no counter. None where no other file has its second, or where the
/// partner may have the file under its old stamp. The first file of a second keeps it.
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
