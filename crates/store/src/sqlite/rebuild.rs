//! Rebuilds the ledger from what is in the spool.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};

use super::door::{self, file};
use super::failed::database;
use super::history::note;
use super::schema::migrate;
use super::{keys_table, rows};
use crate::content::{Content, ContentKey};
use crate::error::LedgerError;
use crate::replay;
use crate::sidecar::Record;
use crate::spool::{Pieces, Spool, SpoolError};
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::words::millis;

/// What a rebuilt ledger holds.
#[derive(Clone, Debug, Default)]
pub struct Rebuilt {
    /// Received files.
    pub inbound: u64,
    /// Files to send, and files sent.
    pub outbound: u64,
    /// Partials that were removed: their senders have no answer yet, and send the files again.
    pub partials: u64,
    /// Transfers that could not be restored; they stay in the spool as they are.
    pub left: Vec<Left>,
    /// Whether values of policies and timelines were copied from the old ledger.
    pub kept_history: bool,
    /// Where the old ledger is now, if there was one.
    pub aside: Option<PathBuf>,
}

/// A file of the spool that has no row.
#[derive(Clone, Debug)]
pub struct Left {
    /// The transfer that its name in the spool says.
    pub id: TransferId,
    /// Why no row could be made of it.
    pub why: String,
}

/// Rebuilds the ledger at `path`. The file that is there is kept under another name.
///
/// A crash in between leaves the old ledger or none; [`Spool::is_used`] then says that there must be one.
///
/// # Errors
/// A program has the old ledger open, or the new one cannot be written. The old one is unchanged then.
pub fn rebuild(path: &Path, spool: &Spool) -> Result<Rebuilt, LedgerError> {
    fold(path)?;
    let new = with_ending(path, "new");
    remove(&new)?;
    let mut rebuilt = fill(&new, path, spool)?;
    rebuilt.aside = set_aside(path)?;
    std::fs::rename(&new, path).map_err(file(path))?;
    door::sync_folder_of(path)?;
    Ok(rebuilt)
}

/// Copies the old ledger's log into its main file. A damaged ledger is left as it is.
fn fold(path: &Path) -> Result<(), LedgerError> {
    if !path.try_exists().map_err(file(path))? {
        return Ok(());
    }
    let folded = door::open(path, OpenFlags::default()).and_then(|db| {
        db.busy_timeout(Duration::from_secs(1))?;
        db.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT; PRAGMA journal_mode = DELETE;",
        )
    });
    match folded {
        Err(error) if is_locked(&error) => Err(LedgerError::InUse(path.display().to_string())),
        _ => Ok(()),
    }
}

fn is_locked(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked)
    )
}

fn fill(new: &Path, old: &Path, spool: &Spool) -> Result<Rebuilt, LedgerError> {
    let mut db = door::open(new, OpenFlags::default()).map_err(database("rebuild"))?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        .map_err(database("rebuild"))?;
    migrate(&mut db, new)?;
    let mut rebuilt = Rebuilt::default();
    let step = db.transaction().map_err(database("rebuild"))?;
    spool.discard_unfinished_plain()?;
    for id in spool.transfers()? {
        take_in(&step, spool, id, &mut rebuilt)?;
    }
    step.commit().map_err(database("rebuild"))?;
    rebuilt.kept_history = old.try_exists().map_err(file(old))? && copy_history(&db, old).is_ok();
    Ok(rebuilt)
}

/// Copies what only the old ledger has, where it can still be read.
fn copy_history(db: &Connection, old: &Path) -> rusqlite::Result<()> {
    db.execute("ATTACH DATABASE ?1 AS old", [old.display().to_string()])?;
    // An older program's ledger has no data of decisions.
    let has_data = "SELECT count(*) FROM pragma_table_info('timeline', 'old') WHERE name = 'data'";
    let data = match db.query_row(has_data, [], |found| found.get::<_, bool>(0))? {
        true => "data",
        false => "NULL",
    };
    // Those of files that were refused before their EFPA have no sidecar.
    let has_keys =
        "SELECT count(*) FROM pragma_table_info('content_keys', 'old') WHERE name = 'digest'";
    let keys = match db.query_row(has_keys, [], |found| found.get::<_, bool>(0))? {
        true => {
            "INSERT OR IGNORE INTO content_keys (hash, transfer, digest) SELECT hash, transfer, digest FROM old.content_keys;"
        }
        false => "",
    };
    // The old ledger has all lines of receipts that were not taken; a sidecar has the first.
    let copied = db.execute_batch(&format!(
        "BEGIN;
         DELETE FROM main.timeline WHERE event = 'receipt-invalid'
             AND transfer IN (SELECT transfer FROM old.timeline WHERE event = 'receipt-invalid');
         INSERT INTO policy_values (policy, key, value) SELECT policy, key, value FROM old.policy_values;
         INSERT INTO timeline (transfer, at, session, event, detail, data)
             SELECT transfer, at, session, event, detail, {data} FROM old.timeline
             WHERE transfer IN (SELECT id FROM transfers) ORDER BY seq;
         {keys}
         COMMIT;"
    ));
    if copied.is_err() && !db.is_autocommit() {
        db.execute_batch("ROLLBACK")?;
    }
    db.execute_batch("DETACH DATABASE old")?;
    copied
}

fn take_in(
    db: &Connection,
    spool: &Spool,
    id: TransferId,
    rebuilt: &mut Rebuilt,
) -> Result<(), LedgerError> {
    let pieces = spool.pieces(id)?;
    let wire = pieces.wire;
    // The crash came before the rename, so the partner has no answer. Beside a delivered file the partial does not
    // matter.
    let unsealed = wire.incoming.is_some() && wire.sealed.is_none() && wire.outgoing.is_none();
    if unsealed && !spool.is_received(id)? {
        return drop_partial(spool, id, rebuilt);
    }
    let direction = if pieces.inbound_sidecar {
        Direction::Inbound
    } else {
        Direction::Outbound
    };
    let outcome = match spool.record(direction, id) {
        Ok(Some(record)) => match wrong_content(spool, &record, pieces)? {
            Some(why) => Err(why),
            None => said(restore_one(db, &record, pieces))?,
        },
        Ok(None) => Err("there is no sidecar beside it".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    match (outcome, direction) {
        (Ok(()), Direction::Inbound) => rebuilt.inbound += 1,
        (Ok(()), Direction::Outbound) => rebuilt.outbound += 1,
        (Err(why), _) => {
            // So that a start knows that this ledger knows of it.
            note(db, id, None, "left-out", &why.as_str().into())?;
            rebuilt.left.push(Left { id, why });
        }
    }
    // What is left in `incoming` beside a sealed blob belongs to nobody.
    if wire.incoming.is_some() {
        drop_partial(spool, id, rebuilt)?;
    }
    Ok(())
}

fn drop_partial(spool: &Spool, id: TransferId, rebuilt: &mut Rebuilt) -> Result<(), LedgerError> {
    match spool.discard_partial(id) {
        Ok(()) => rebuilt.partials += 1,
        Err(SpoolError::Busy(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// A damaged blob is neither delivered nor sent.
fn wrong_content(
    spool: &Spool,
    record: &Record,
    pieces: Pieces,
) -> Result<Option<String>, LedgerError> {
    let direction = record.sidecar.direction();
    for content in Content::ALL {
        let here = pieces.of(content).sealed(direction);
        let (Some(octets), Some(measure)) = (here, record.measure_of(content)) else {
            continue;
        };
        if octets != measure.octets {
            return Ok(Some(format!(
                "its content has {octets} octets, its sidecar says {}",
                measure.octets
            )));
        }
        let key = ContentKey::wire(direction, record.sidecar.id).with(content);
        let digest = spool.digest(key)?;
        if digest != measure.digest {
            return Ok(Some(format!(
                "its content is not what was sealed: blake3 {digest}, its sidecar says {}",
                measure.digest
            )));
        }
    }
    Ok(None)
}

/// An identity that another row has is reported in the result; any other failure is an error.
fn said(outcome: Result<(), LedgerError>) -> Result<Result<(), String>, LedgerError> {
    match outcome {
        Err(LedgerError::IdentityTaken(key)) => {
            Ok(Err(format!("another transfer has its identity: {key}")))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(Ok(())),
    }
}

/// A content to deliver that has left `sealed` is in its folder, since only the rename takes it away. The other content
/// of a file that has two proves nothing.
fn restore_one(db: &Connection, record: &Record, pieces: Pieces) -> Result<(), LedgerError> {
    let here = match record.sidecar.direction() {
        Direction::Inbound => {
            let content = record.delivered_content().unwrap_or(Content::Wire);
            pieces.of(content).sealed
        }
        Direction::Outbound => pieces.wire.outgoing,
    };
    let row = replay::rebuilt(record, here.is_some(), SystemTime::now());
    rows::insert(db, &row, "rebuild")?;
    keys_table::restore(db, record)
}

fn set_aside(path: &Path) -> Result<Option<PathBuf>, LedgerError> {
    let aside = with_ending(path, &format!("old-{}", millis(SystemTime::now())));
    // A log is moved with its ledger, even where the ledger itself is gone: SQLite would replay it into the new one.
    for ending in ["-wal", "-shm"] {
        let log = joined(path, ending);
        if log.try_exists().map_err(file(&log))? {
            std::fs::rename(&log, joined(&aside, ending)).map_err(file(&log))?;
        }
    }
    if !path.try_exists().map_err(file(path))? {
        return Ok(None);
    }
    // The old ledger has both names until the new one replaces it, so that there is a ledger at any moment.
    std::fs::hard_link(path, &aside).map_err(file(path))?;
    Ok(Some(aside))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    joined(path, &format!(".{ending}"))
}

fn joined(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> Result<(), LedgerError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(path)(error)),
        _ => Ok(()),
    }
}
