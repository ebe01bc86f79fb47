//! Rows by the identities of files.

use std::time::SystemTime;

use oftp::{FileKey, Response};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::failed::database;
use super::{row, rows};
use crate::error::LedgerError;
use crate::offer::{Arrived, Repeated};
use crate::planted;
use crate::queue::Naming;
use crate::row::Row;
use crate::state::InboundState;
use crate::transfer::TransferId;
use crate::transition::VerbName;
use crate::verb;
use crate::words::millis;

/// The newest of the received files that a partner sent under one identity.
pub(super) fn newest(
    db: &Connection,
    partner: &str,
    key: &FileKey,
) -> Result<Option<Row>, LedgerError> {
    let which =
        "t.direction = 'in' AND t.partner = ?1 AND t.dataset = ?2 AND t.date = ?3 AND t.time = ?4
         AND t.originator = ?5 AND t.destination = ?6 ORDER BY t.edition DESC LIMIT 1";
    let named: [&dyn ToSql; 6] = [
        &partner,
        &key.dataset.as_str(),
        &key.stamp.date(),
        &key.stamp.time(),
        &key.originator.as_str(),
        &key.destination.as_str(),
    ];
    let found = rows::find(db, which, named, VerbName::Offer.as_str())?;
    let is_receiving = |row: &Row| row.state() == InboundState::Receiving.into();
    Ok(found.filter(|row| !planted("identity-not-unique") || is_receiving(row)))
}

pub(super) fn arrived(
    db: &Connection,
    partner: &str,
    since: SystemTime,
    beside: &FileKey,
    repeated: Repeated,
) -> Result<Arrived, LedgerError> {
    let same = newest(db, partner, beside)?
        .filter(|row| !verb::lets_another_be_received(row, beside, repeated));
    db.prepare_cached(
        "SELECT count(*), coalesce(sum(iif(state = 'receiving', max(position, size_blocks * 1024), octets)), 0)
         FROM transfers
         WHERE direction = 'in' AND partner = ?1 AND max(created, received_at) BETWEEN ?2 AND ?4
         AND id IS NOT ?3",
    )
    .and_then(|mut select| {
        let which = params![
            partner,
            millis(since),
            same.map(|known| known.id.to_string()),
            // What came while the clock was ahead would count until then.
            millis(SystemTime::now()),
        ];
        select.query_row(which, |found| {
            Ok(Arrived {
                files: row::number(found, 0)?,
                octets: row::number(found, 1)?,
            })
        })
    })
    .map_err(database("arrived"))
}

/// The file that a receipt answers, if there is one.
pub(super) fn meant(
    db: &Connection,
    partner: &str,
    response: &Response,
    by: Naming,
) -> Result<Option<TransferId>, LedgerError> {
    match by {
        Naming::Exact => exactly(db, partner, response.key()),
        Naming::Loose => loosely(db, partner, response.key()),
    }
}

/// The file with exactly this identity that the partner may have (the ledger says so before its EFID is sent). Below
/// level 1.4 a time has no counter (RFC 2204): the receipt then has 0000, which no file of ours has, and means the
/// first file of that second without a receipt.
fn exactly(
    db: &Connection,
    partner: &str,
    key: &FileKey,
) -> Result<Option<TransferId>, LedgerError> {
    let (from, to) = times(key.stamp.time());
    db.prepare_cached(
        "SELECT id FROM transfers WHERE direction = 'out' AND partner = ?1 AND dataset = ?2 AND date = ?3
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
            .query_row(who, |found| row::id(found, 0))
            .optional()
    })
    .map_err(database(VerbName::Acknowledged.as_str()))
}

/// The only file that waits for its receipt and that this one matches but for the case of letters, blanks around names,
/// and blanks for the counter of its time. Where two files match, it is not known which is meant, so neither is
/// returned.
fn loosely(
    db: &Connection,
    partner: &str,
    key: &FileKey,
) -> Result<Option<TransferId>, LedgerError> {
    let (from, to) = times(&key.stamp.time().replace(' ', "0"));
    let fits = "date = ?2 AND time BETWEEN ?3 AND ?4 AND upper(trim(dataset)) = upper(trim(?5))
         AND upper(trim(originator)) = upper(trim(?6)) AND upper(trim(destination)) = upper(trim(?7))";
    // Each state has an index of its own, since few of the files ever sent still wait.
    let waiting = |state| {
        format!(
            "SELECT id FROM transfers WHERE direction = 'out' AND partner = ?1 AND state = '{state}' AND {fits}"
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
            select
                .query_map(who, |found| row::id(found, 0))?
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(database(VerbName::Acknowledged.as_str()))?;
    let mut found = found.into_iter();
    Ok(found.next().filter(|_| found.next().is_none()))
}

/// The first and last time that a receipt's time may stand for: without a counter (0000), any of that second.
fn times(time: &str) -> (String, String) {
    let last = match time.strip_suffix("0000") {
        Some(second) => format!("{second}9999"),
        None => time.to_owned(),
    };
    (time.to_owned(), last)
}
