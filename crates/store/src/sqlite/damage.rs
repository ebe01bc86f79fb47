//! Whether the ledger's file is what was written into it.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::failed::database;
use super::schema::migrate;
use super::{look, sums};
use crate::error::LedgerError;
use crate::finding::{Finding, Weight};

const REMEDY: &str = "the disk or its file system changed the ledger: stop the server, see to the disk, and run `pointsman store rebuild`, which rebuilds the ledger from the spool";

/// See [`super::SqliteLedger::damage`].
pub(super) fn damage(db: &Connection, indexes: bool) -> Vec<Finding> {
    let looks = [structure(db, indexes), schema(db), rows(db)];
    let mut found = Vec::new();
    for look in looks {
        match look {
            Ok(findings) => found.extend(findings),
            Err(error) => found.push(unreadable(&error)),
        }
    }
    found
}

/// SQLite's own check: whether its pages are consistent and each row is in each index. A wrong index gives wrong
/// answers though each row is right.
fn structure(db: &Connection, indexes: bool) -> Result<Vec<Finding>, LedgerError> {
    let check = if indexes {
        "PRAGMA integrity_check"
    } else {
        "PRAGMA quick_check"
    };
    let said: Vec<String> = look::all(db, check, [], |row| row.get(0), "integrity-check")?;
    let damage = said.into_iter().filter(|line| line != "ok");
    Ok(damage
        .map(|what| wrong("ledger-structure", "", what))
        .collect())
}

/// Checks that tables, indexes and triggers are those that this program creates. Additional ones are ignored.
fn schema(db: &Connection) -> Result<Vec<Finding>, LedgerError> {
    let mut fresh = Connection::open_in_memory().map_err(database("schema"))?;
    migrate(&mut fresh, ":memory:".as_ref())?;
    let here = definitions(db)?;
    let mut found = Vec::new();
    for (name, meant) in definitions(&fresh)? {
        let what = match here.get(&name) {
            Some(definition) if *definition == meant => continue,
            Some(_) => "it is not defined as this program defines it",
            None => "it is not there",
        };
        found.push(wrong("ledger-schema", &name, what.to_owned()));
    }
    Ok(found)
}

/// The definition of each table, index and trigger, without comments and indents.
fn definitions(db: &Connection) -> Result<BTreeMap<String, String>, LedgerError> {
    let sql =
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'";
    let read = |found: &Row<'_>| {
        let text: String = found.get(1)?;
        let lines = text
            .lines()
            .map(|line| line.split_once("--").map_or(line, |(meant, _)| meant));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        Ok((found.get(0)?, words.join(" ")))
    };
    let found = look::all(db, sql, [], read, "schema")?;
    Ok(found.into_iter().collect())
}

fn rows(db: &Connection) -> Result<Vec<Finding>, LedgerError> {
    let finding = |rotten: sums::Rotten| {
        let what = format!("the row of {} is not what was written", rotten.row);
        let id = rotten.transfer.and_then(|id| id.parse().ok());
        Finding {
            id,
            ..wrong("row-changed", rotten.table, what)
        }
    };
    Ok(sums::rotten(db)?.into_iter().map(finding).collect())
}

pub(super) fn unreadable(error: &LedgerError) -> Finding {
    wrong("ledger-unreadable", "", error.to_string())
}

fn wrong(kind: &'static str, place: &str, what: String) -> Finding {
    Finding {
        id: None,
        weight: Weight::Discrepancy,
        kind,
        file: format!("ledger.db {place}").trim_end().to_owned(),
        what,
        remedy: REMEDY,
    }
}
