//! The schema of the ledger, and how an older one becomes it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::failed::database;
use super::sums;
use crate::error::LedgerError;
use crate::planted;

pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema-1.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
    include_str!("schema-6.sql"),
    include_str!("schema-7.sql"),
    include_str!("schema-8.sql"),
    include_str!("schema-9.sql"),
    include_str!("schema-10.sql"),
    include_str!("schema-11.sql"),
    include_str!("schema-12.sql"),
    include_str!("schema-13.sql"),
    include_str!("schema-14.sql"),
    include_str!("schema-15.sql"),
    include_str!("schema-16.sql"),
    include_str!("schema-17.sql"),
];

pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let version = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
    let before = db.query_row("PRAGMA user_version", [], version);
    let before = before.map_err(database("migrate"))?;
    // Somebody else's, or one of which not all was put back.
    if before > 0
        && !db
            .table_exists(None, "transfers")
            .map_err(database("migrate"))?
    {
        return Err(LedgerError::NoLedger(path.display().to_string()));
    }
    // Nothing is written where there is nothing to migrate, so that a ledger on a full disk can be read.
    if before as usize == MIGRATIONS.len() {
        return Ok(());
    }
    let step = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database("migrate"))?;
    let found: u32 = step
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(database("migrate"))?;
    let known = is_known(path, found)?;
    for script in MIGRATIONS.iter().skip(found as usize) {
        if planted("identity-not-unique") {
            let script = script.replace("UNIQUE (direction, partner,", "CHECK (1) -- (");
            step.execute_batch(&script).map_err(database("migrate"))?;
            continue;
        }
        step.execute_batch(script).map_err(database("migrate"))?;
    }
    sums::keep(&step)?;
    step.pragma_update(None, "user_version", known)
        .map_err(database("migrate"))?;
    step.commit().map_err(database("migrate"))
}

/// Whether this program knows the schema of that ledger; gives its own.
pub(super) fn is_known(path: &Path, found: u32) -> Result<u32, LedgerError> {
    let known = MIGRATIONS.len() as u32;
    match found <= known {
        true => Ok(known),
        false => Err(LedgerError::TooNew {
            path: path.display().to_string(),
            found,
            known,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every row of a table, each value as SQLite writes it, by the names of its columns.
    fn rows(db: &Connection, table: &str) -> rusqlite::Result<Vec<BTreeMap<String, String>>> {
        let mut select = db.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
        let names: Vec<String> = select.column_names().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            let value = |(at, name): (usize, &String)| {
                Ok((name.clone(), format!("{:?}", row.get_ref(at)?)))
            };
            names.iter().enumerate().map(value).collect()
        };
        select.query_map([], read)?.collect()
    }

    /// Indexes and triggers, but for blanks.
    fn shape(db: &Connection) -> rusqlite::Result<Vec<String>> {
        let sql = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema
                   WHERE type <> 'table' ORDER BY 1";
        let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut select = db.prepare(sql)?;
        select.query_map([], |row| row.get(0).map(plain))?.collect()
    }

    /// A ledger as the program of that schema wrote it, with a file received, one sent, their receipts, a history.
    fn of_schema(version: usize) -> rusqlite::Result<Connection> {
        let db = Connection::open_in_memory()?;
        db.execute_batch("PRAGMA foreign_keys = ON;")?;
        for script in MIGRATIONS.iter().take(version) {
            db.execute_batch(script)?;
        }
        // From the tenth on rows have checksums, which triggers keep.
        match version {
            ..10 => Ok(()),
            10..17 => sums::keep_first_six(&db),
            _ => sums::keep(&db),
        }
        .map_err(|_| rusqlite::Error::InvalidQuery)?;
        db.pragma_update(None, "user_version", version as u32)?;
        for (id, direction, state) in [("a", "in", "rejected"), ("b", "out", "acknowledged")] {
            db.execute(
                "INSERT INTO transfers (id, direction, partner, state, dataset, date, time, originator, destination, user,
                 format, record, size_blocks, original_blocks, security, cipher, compressed, enveloped, signed_receipt,
                 description, octets, digest, attempts, created)
                 VALUES (?1, ?2, 'them', ?3, 'ORDER', '20261122', '0815300001', 'O1', 'O2', 'user', 'F', 80, 5, 6, 0, 0, 0,
                 1, 0, 'an order', 4711, 'd1', 3, 42)",
                [id, direction, state],
            )?;
        }
        db.execute_batch(
            "INSERT INTO receipts (transfer, partner, state, positive, reason, text, hash, created)
             VALUES ('a', 'them', 'given', 0, 34, 'no good', x'0102', 43), ('b', 'them', 'received', 1, 0, '', x'', 44);
             INSERT INTO timeline (transfer, at, event, detail) VALUES ('a', 42, 'offered', 'why');
             INSERT INTO policy_values (policy, key, value) VALUES ('p', 'k', x'07');",
        )?;
        Ok(db)
    }

    #[test]
    fn a_ledger_of_every_older_schema_keeps_its_rows() -> Result<(), LedgerError> {
        let sql = database("test");
        let mut newest = Connection::open_in_memory().map_err(&sql)?;
        migrate(&mut newest, Path::new("ledger.db"))?;
        for version in 1..MIGRATIONS.len() {
            let mut db = of_schema(version).map_err(&sql)?;
            let tables = ["transfers", "receipts", "timeline", "policy_values"];
            let all = |db: &Connection| tables.map(|table| rows(db, table));
            let before = all(&db);
            migrate(&mut db, Path::new("ledger.db"))?;
            for (before, after) in before.into_iter().zip(all(&db)) {
                let (before, after) = (before.map_err(&sql)?, after.map_err(&sql)?);
                assert_eq!(before.len(), after.len(), "of schema {version}");
                for (old, new) in before.iter().zip(&after) {
                    // Columns that are gone, or called otherwise, held nothing here.
                    let lost = old.iter().filter(|(name, value)| {
                        !name.starts_with("lease_") && new.get(*name) != Some(*value)
                    });
                    let lost: Vec<_> = lost.collect();
                    let filled_in = ["virtual_octets", "sent_at", "may_have", "checksum"];
                    assert!(
                        lost.iter()
                            .all(|(name, _)| filled_in.contains(&name.as_str())),
                        "of schema {version}: {lost:?}"
                    );
                }
            }
            assert_eq!(shape(&db).map_err(&sql)?, shape(&newest).map_err(&sql)?);
            assert!(sums::rotten(&db)?.is_empty(), "of schema {version}");
            let broken = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
            let broken = db.query_row("PRAGMA foreign_key_check", [], broken);
            assert!(matches!(broken, Err(rusqlite::Error::QueryReturnedNoRows)));
            let orphan = "INSERT INTO receipts (transfer, partner, state, positive, created) VALUES ('x', 'p', 'owed', 1, 1)";
            assert!(db.execute(orphan, []).is_err(), "of schema {version}");
            let twice = "UPDATE transfers SET direction = 'in'";
            assert!(db.execute(twice, []).is_err(), "of schema {version}");
        }
        Ok(())
    }

    /// The ninth step made both tables once more: none of their columns, triggers and indexes is missing.
    #[test]
    fn recreated_tables_have_all_that_they_had() -> Result<(), LedgerError> {
        let sql = database("test");
        let columns = |db: &Connection, table: &str| {
            let named = "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '-') || ' ' || pk
                         FROM pragma_table_info(?1) ORDER BY 1";
            let mut select = db.prepare(named)?;
            let found = select.query_map([table], |row| row.get::<_, String>(0))?;
            found.collect::<rusqlite::Result<Vec<_>>>()
        };
        let before = of_schema(8).map_err(&sql)?;
        let after = of_schema(9).map_err(&sql)?;
        assert_eq!(shape(&before).map_err(&sql)?, shape(&after).map_err(&sql)?);
        for (table, new) in [
            ("transfers", Some("edition INTEGER 1 0 0")),
            ("receipts", None),
        ] {
            let mut had = columns(&before, table).map_err(&sql)?;
            had.extend(new.map(str::to_owned));
            had.sort();
            assert_eq!(columns(&after, table).map_err(&sql)?, had);
        }
        Ok(())
    }
}
