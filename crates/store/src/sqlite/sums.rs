//! A checksum in every row, so that a row that rots on the disk is found.
//!
//! Triggers maintain it, whichever verb changes a row. They call a function of ours that every connection of
//! [`super::door`] has. Other programs do not have it, so they can read the ledger and cannot change a row.
//!
//! `checksum` is the hash of the row's columns. A change folds the hash of the old values out of it and that of the new
//! ones in. So a row that was damaged on the disk stays recognizable whatever is changed in it later.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed::database;
use super::look;
use crate::error::LedgerError;

/// Every table, in the order of the schemas that made them.
const TABLES: [&str; 7] = [
    "transfers",
    "receipts",
    "timeline",
    "policy_values",
    "policy_kept",
    "contacts",
    "content_keys",
];

/// `row_checksum(BEFORE, COLUMN, ...)`: what `BEFORE` is with the hash of the columns folded into it.
const FUNCTION: &str = "row_checksum";

/// The column. It is part of no sum.
const COLUMN: &str = "checksum";

/// The most rows of a table that are named: where there are more, the table is lost anyway.
const MOST: usize = 100;

/// A row that is not what was written.
#[derive(Clone, Debug)]
pub(super) struct Rotten {
    pub table: &'static str,
    /// The transfer that the row belongs to, by its own column, where its table has one.
    pub transfer: Option<String>,
    /// The row, by its key.
    pub row: String,
}

/// Makes the function known to a connection.
pub(super) fn know(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    db.create_scalar_function(FUNCTION, -1, flags, fold)
}

fn fold(arguments: &Context<'_>) -> rusqlite::Result<i64> {
    let before = match arguments.get_raw(0) {
        ValueRef::Integer(number) => number,
        // Its type rotted: no sum is right then.
        _ => 0,
    };
    let mut hasher = blake3::Hasher::new();
    for at in 1..arguments.len() {
        let (kind, octets) = match arguments.get_raw(at) {
            ValueRef::Null => (0, &[][..]),
            ValueRef::Integer(number) => (1, &number.to_le_bytes()[..]),
            ValueRef::Real(number) => (2, &number.to_le_bytes()[..]),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(octets) => (4, octets),
        };
        hasher.update(&[kind]);
        hasher.update(&(octets.len() as u64).to_le_bytes());
        hasher.update(octets);
    }
    let mut hash = [0; 8];
    hasher.finalize_xof().fill(&mut hash);
    Ok(before ^ i64::from_le_bytes(hash))
}

/// After a migration: creates the triggers of each table that has none yet or whose columns have changed, and the
/// checksums of its rows. The present values count as right.
pub(super) fn keep(db: &Connection) -> Result<(), LedgerError> {
    keep_those(db, &TABLES)
}

/// The same of a ledger of the schemas 10 to 16, which has six tables.
#[cfg(test)]
pub(super) fn keep_first_six(db: &Connection) -> Result<(), LedgerError> {
    keep_those(db, TABLES.first_chunk::<6>().unwrap())
}

fn keep_those(db: &Connection, tables: &[&'static str]) -> Result<(), LedgerError> {
    know(db).map_err(database("checksums"))?;
    for table in tables {
        let table = Table::of(db, table)?;
        if !table.is_kept(db)? {
            table.keep(db)?;
        }
    }
    Ok(())
}

/// The damaged rows of all tables, at most [`MOST`] of each.
pub(super) fn rotten(db: &Connection) -> Result<Vec<Rotten>, LedgerError> {
    let mut found = Vec::new();
    for name in TABLES {
        let table = Table::of(db, name)?;
        let transfer = match name {
            "transfers" => "id",
            "receipts" | "timeline" | "content_keys" => "transfer",
            _ => "NULL",
        };
        let sql = format!(
            "SELECT CAST({transfer} AS BLOB), {} FROM {name} WHERE {} <> 0 LIMIT {MOST}",
            table.shown(),
            table.sum(COLUMN, "")
        );
        let read = |row: &Row<'_>| {
            let transfer: Option<Vec<u8>> = row.get(0)?;
            Ok(Rotten {
                table: name,
                transfer: transfer.map(|word| String::from_utf8_lossy(&word).into_owned()),
                row: String::from_utf8_lossy(&row.get::<_, Vec<u8>>(1)?).into_owned(),
            })
        };
        found.extend(look::all(db, &sql, [], read, "checksums")?);
    }
    Ok(found)
}

/// A table, and its columns but for the checksum.
struct Table {
    name: &'static str,
    columns: Vec<String>,
    key: Vec<String>,
}

impl Table {
    fn of(db: &Connection, name: &'static str) -> Result<Self, LedgerError> {
        let sql = "SELECT name, pk > 0 FROM pragma_table_info(?1) WHERE name <> ?2 ORDER BY cid";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: Vec<(String, bool)> =
            look::all(db, sql, params![name, COLUMN], read, "checksums")?;
        let key = found.iter().filter(|(_, is_key)| *is_key);
        Ok(Self {
            name,
            key: key.map(|(column, _)| column.clone()).collect(),
            columns: found.into_iter().map(|(column, _)| column).collect(),
        })
    }

    /// The columns of `row`, folded into `before`.
    fn sum(&self, before: &str, row: &str) -> String {
        let columns = self.columns.iter();
        let columns: String = columns.map(|column| format!(", {row}{column}")).collect();
        format!("{FUNCTION}({before}{columns})")
    }

    /// The key of a row in words.
    fn shown(&self) -> String {
        let parts = self.key.iter();
        let parts: Vec<_> = parts
            .map(|column| format!("'{column} ' || quote({column})"))
            .collect();
        format!("CAST({} AS BLOB)", parts.join(" || ', ' || "))
    }

    fn triggers(&self) -> [(String, String); 2] {
        let Self { name, key, .. } = self;
        let same = key.iter().map(|column| format!("{column} = new.{column}"));
        let same = same.collect::<Vec<_>>().join(" AND ");
        let before = self.sum(&format!("old.{COLUMN}"), "old.");
        [
            ("summed", "INSERT".to_owned(), self.sum("0", "new.")),
            (
                "summed_again",
                format!("UPDATE OF {}", self.columns.join(", ")),
                self.sum(&before, "new."),
            ),
        ]
        .map(|(ending, event, sum)| {
            let trigger = format!("{name}_{ending}");
            let text = format!(
                "CREATE TRIGGER {trigger} AFTER {event} ON {name} BEGIN UPDATE {name} SET {COLUMN} = {sum} WHERE {same}; END"
            );
            (trigger, text)
        })
    }

    fn is_kept(&self, db: &Connection) -> Result<bool, LedgerError> {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1";
        for (trigger, text) in self.triggers() {
            let there: Option<String> = db
                .query_row(sql, [&trigger], |row| row.get(0))
                .optional()
                .map_err(database("checksums"))?;
            if there != Some(text) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn keep(&self, db: &Connection) -> Result<(), LedgerError> {
        let name = self.name;
        let triggers = self.triggers();
        let mut steps: Vec<String> = triggers
            .iter()
            .map(|(trigger, _)| format!("DROP TRIGGER IF EXISTS {trigger}"))
            .collect();
        steps.push(format!(
            "UPDATE {name} SET {COLUMN} = {}",
            self.sum("0", "")
        ));
        steps.extend(triggers.map(|(_, text)| text));
        db.execute_batch(&steps.join(";\n"))
            .map_err(database("checksums"))
    }
}
