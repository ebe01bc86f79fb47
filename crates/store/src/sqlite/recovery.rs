//! What a start finds in the ledger.

use rusqlite::Connection;

use super::failed::database;
use super::verbs;
use crate::error::LedgerError;
use crate::planted;
use crate::request::Recovery;
use crate::transition::VerbName;

/// Mistakes to plant: what a start forgets.
const FORGETFUL: [(&str, &str); 3] = [
    (
        "doubt-forgotten",
        "UPDATE transfers SET in_doubt = 0 WHERE direction = 'out' AND state = 'ready'",
    ),
    (
        "owed-receipts-forgotten",
        "UPDATE receipts SET state = 'given' WHERE state = 'owed'",
    ),
    (
        "doubted-files-under-a-new-identity",
        "UPDATE transfers SET time = substr(time, 1, 6) || substr(abs(random()), 1, 4)
         WHERE direction = 'out' AND state = 'ready' AND in_doubt = 1",
    ),
];

pub(super) fn recover(db: &Connection) -> Result<Recovery, LedgerError> {
    const VERB: &str = VerbName::Recover.as_str();
    let count = |sql: &str| {
        db.query_row(sql, [], |row| row.get::<_, i64>(0))
            .map(|n| n as u64)
            .map_err(database(VERB))
    };
    for (mistake, sql) in FORGETFUL {
        if planted(mistake) {
            db.execute(sql, []).map_err(database(VERB))?;
        }
    }
    verbs::clock_put_back(db)?;
    Ok(Recovery {
        receiving: count(
            "SELECT count(*) FROM transfers WHERE direction = 'in' AND state = 'receiving'",
        )?,
        unopened: count(
            "SELECT count(*) FROM transfers WHERE direction = 'in' AND state = 'opening'",
        )?,
        undelivered: count(
            "SELECT count(*) FROM transfers WHERE direction = 'in' AND state IN ('received', 'placing')",
        )?,
        owed: count("SELECT count(*) FROM receipts WHERE state = 'owed'")?,
        ready: count("SELECT count(*) FROM transfers WHERE direction = 'out' AND state = 'ready'")?,
    })
}
