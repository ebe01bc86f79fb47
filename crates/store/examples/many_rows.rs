//! Fills a store with many rows and the files that belong to them: `many_rows STATE FINISHED OPEN`.
//!
//! `STATE` is the state folder of a station that ran once. Finished files are received ones, receipted and taken from
//! the inbox; open ones are in turn queued to send, half received, and received with their receipt owed. For the
//! benchmark of a start (`cargo xtask bench start`): nothing is synced.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};

/// Times in the rows; what they are does not matter.
const THEN: i64 = 1_760_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [state, finished, open] = arguments.as_slice() else {
        return Err("usage: many_rows STATE FINISHED OPEN".into());
    };
    let state = PathBuf::from(state);
    let (finished, open): (u64, u64) = (finished.parse()?, open.parse()?);
    let mut db = Connection::open(state.join("ledger.db"))?;
    db.execute_batch("PRAGMA synchronous = OFF;")?;
    // Checksums of rows are the program's own to make. A start does not look at them.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let step = db.transaction()?;
    for number in 0..finished + open {
        let kind = match number % 3 {
            _ if number < finished => Kind::Finished,
            0 => Kind::Queued,
            1 => Kind::Receiving,
            _ => Kind::Owed,
        };
        row(&step, number, kind)?;
        files(&state.join("spool"), number, kind)?;
    }
    step.commit()?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Finished,
    Queued,
    Receiving,
    Owed,
}

fn id(number: u64) -> String {
    format!("01900000-0000-7000-8000-{number:012x}")
}

fn row(db: &Connection, number: u64, kind: Kind) -> rusqlite::Result<()> {
    let (direction, state) = match kind {
        Kind::Finished | Kind::Owed => ("in", "delivered"),
        Kind::Queued => ("out", "ready"),
        Kind::Receiving => ("in", "receiving"),
    };
    let id = id(number);
    db.prepare_cached(
        "INSERT INTO transfers (id, direction, partner, state, dataset, date, time, originator, destination, user,
         format, record, size_blocks, original_blocks, security, cipher, compressed, enveloped, signed_receipt,
         description, position, octets, digest, directory, file_name, path, created)
         VALUES (?1, ?2, 'mueller', ?3, ?4, '20261122', '0815300001', 'O0013000007MUELLER', 'O0013000001NORDWERK', '',
         'U', 0, 1, 1, 0, 0, 0, 0, 0, '', 8, 8, ?5, 'mueller', ?4, ?6, ?7)",
    )?
    .execute(params![
        id,
        direction,
        state,
        format!("F{number:012}"),
        format!("{number:064x}"),
        (direction == "in" && state == "delivered").then(|| format!("mueller/F{number:012}")),
        THEN + number as i64,
    ])?;
    let receipt = match kind {
        Kind::Finished => Some("given"),
        Kind::Owed => Some("owed"),
        _ => None,
    };
    if let Some(receipt) = receipt {
        db.prepare_cached("INSERT INTO receipts (transfer, partner, state, positive, created) VALUES (?1, 'mueller', ?2, 1, ?3)")?
            .execute(params![id, receipt, THEN])?;
    }
    let events: &[&str] = match kind {
        Kind::Finished => &[
            "offered",
            "received",
            "placing",
            "delivered",
            "response-taken",
        ],
        Kind::Owed => &["offered", "received", "placing", "delivered"],
        Kind::Queued => &["queued"],
        Kind::Receiving => &["offered"],
    };
    for event in events {
        db.prepare_cached("INSERT INTO timeline (transfer, at, session, event, detail) VALUES (?1, ?2, 'S1', ?3, 'policy route (generation 1): accepted')")?
            .execute(params![id, THEN, event])?;
    }
    Ok(())
}

/// The sidecar stays where the content has gone.
fn files(spool: &Path, number: u64, kind: Kind) -> std::io::Result<()> {
    let id = id(number);
    let sidecar =
        format!("{{\"version\":1,\"id\":\"{id}\",\"octets\":8,\"blake3\":\"{number:064x}\"}}\n");
    match kind {
        Kind::Finished | Kind::Owed => fs::write(spool.join(format!("sealed/{id}.jsonl")), sidecar),
        Kind::Receiving => fs::write(spool.join("incoming").join(id), "8 octets"),
        Kind::Queued => {
            fs::write(spool.join("outgoing").join(&id), "8 octets")?;
            fs::write(spool.join(format!("outgoing/{id}.jsonl")), sidecar)
        }
    }
}
