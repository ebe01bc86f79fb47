//! The only place that opens SQLite. Failures that SQLite tolerates without an error for its caller are logged here.

use std::ffi::c_int;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use pointsman_log::emit;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};
use rustix::fs::{AtFlags, CWD};

use super::failed::database;
use super::schema::is_known;
use super::sums;
use crate::error::LedgerError;
use crate::events::StoreEvent;
use crate::private::private_file;

/// How long a verb waits for another program that changes the ledger.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pages of the write-ahead log from which they are copied into the ledger's file: SQLite's own number.
const PAGES: c_int = 1000;
/// Statements that a connection keeps for the next time: more than all verbs together have.
const STATEMENTS: usize = 256;

/// Opens the ledger at `path`, or makes it where `flags` allow that.
pub(super) fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(listen);
    if flags.contains(OpenFlags::SQLITE_OPEN_CREATE) {
        make_private(path);
    }
    let mut db = Connection::open_with_flags(path, flags)?;
    // A verb has several statements, and one that changes a row is long because of the triggers.
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Bound values must not change a query plan: SQLite would plan again each time that a partial index might apply,
    // which takes longer than reading a row.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    sums::know(&db)?;
    db.busy_handler(Some(wait(PATIENCE)))?;
    db.wal_hook(Some(|log: &mut rusqlite::hooks::Wal, pages| {
        if pages >= PAGES {
            // What was committed stays in the log, and the next commit tries again, as with SQLite's own hook, which
            // reports nothing.
            let copied = log.checkpoint();
            copied.unwrap_or_else(|error| {
                emit(&StoreEvent::CheckpointFailed {
                    reason: error.to_string(),
                })
            });
        }
        Ok(())
    }))?;
    Ok(db)
}

/// The first octets of a database file.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The size of its header, and the position of `PRAGMA user_version` in it (SQLite, Database File Format, 1.3).
const HEADER: usize = 100;
const VERSION: std::ops::Range<usize> = 60..64;

/// See [`SqliteLedger::look`](super::SqliteLedger::look). SQLite itself would create files beside it.
pub(super) fn look(path: &Path) -> Result<bool, LedgerError> {
    let path = &std::path::absolute(path).map_err(file(path))?;
    if let Some(folder) = path.parent()
        && let Err(error) = folder.metadata()
    {
        match error.kind() {
            ErrorKind::NotFound => return Ok(false),
            ErrorKind::PermissionDenied => {
                let why = format!(
                    "{error}: SQLite goes there by the whole path, so this user must be able to enter each folder on the way"
                );
                return Err(file(folder)(std::io::Error::new(error.kind(), why)));
            }
            _ => return Err(file(folder)(error)),
        }
    }
    for beside in ["-wal", "-shm", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        let each = Path::new(&name);
        let there = match each.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound && !beside.is_empty() => continue,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            there => there.map_err(file(each))?,
        };
        if !there.is_file() {
            let why = std::io::Error::other("this is not a file: move it away");
            return Err(file(each)(why));
        }
        let may = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
        rustix::fs::accessat(CWD, each, may, AtFlags::EACCESS)
            .map_err(|error| file(each)(error.into()))?;
    }
    let mut header = Vec::with_capacity(HEADER);
    let opened = std::fs::File::open(path).map_err(file(path))?;
    let read = opened.take(HEADER as u64).read_to_end(&mut header);
    read.map_err(file(path))?;
    // One that was just made, and nothing written into it.
    if header.is_empty() {
        return Ok(true);
    }
    let version = header
        .get(VERSION)
        .and_then(|octets| octets.try_into().ok());
    let Some(found) = version.filter(|_| header.starts_with(MAGIC)) else {
        return Err(LedgerError::NoLedger(path.display().to_string()));
    };
    is_known(path, u32::from_be_bytes(found))?;
    Ok(true)
}

/// SQLite creates its file by the umask, and its log and index with the permissions of that file. Where the file cannot
/// be created, SQLite reports it. A file that is there is not opened, since closing it would release the locks of other
/// connections to it.
fn make_private(path: &Path) {
    let _ = private_file().write(true).create_new(true).open(path);
}

/// Turns the write-ahead log on. Where that fails, SQLite continues with a rollback journal, whose removal it does not
/// sync: a power cut could bring the journal back and undo what was committed.
pub(super) fn be_write_ahead(db: &Connection, path: &Path) -> Result<(), LedgerError> {
    let mode = || -> rusqlite::Result<String> {
        // The statement is run to its end: the change is committed after its row, which says `wal` already.
        let mut change = db.prepare("PRAGMA journal_mode = WAL")?;
        let mut rows = change.query([])?;
        while rows.next()?.is_some() {}
        db.query_row("PRAGMA journal_mode", [], |row| row.get(0))
    };
    let mode = mode().map_err(database("open"))?;
    if mode == "wal" {
        return Ok(());
    }
    let left = format!("its journal stays `{mode}` where it must be `wal`");
    Err(file(path)(std::io::Error::other(left)))
}

/// Makes durable that the ledger and its log are in their folder: SQLite syncs it, and does not look at the answer.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), LedgerError> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let folder = above.unwrap_or(Path::new("."));
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(file(folder))
}

pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> LedgerError + '_ {
    move |source| LedgerError::File {
        path: path.display().to_string(),
        source,
    }
}

/// From now on SQLite's own messages are logged: a file that it cannot sync, remove or look for.
#[allow(
    unsafe_code,
    reason = "SQLite takes the function before anything else is asked of it, which `open` sees to: nobody else opens anything"
)]
fn listen() {
    // SAFETY: once in the process, before the first connection; `hear` asks nothing of SQLite and may run on any thread.
    let heard = unsafe { rusqlite::trace::config_log(Some(hear)) };
    heard.unwrap_or_else(|error| {
        emit(&StoreEvent::LogUnheard {
            reason: error.to_string(),
        })
    });
}

fn hear(code: c_int, said: &str) {
    match code & 0xFF {
        // Statements that may fail by design (UNIQUE); their verbs report it.
        ffi::SQLITE_CONSTRAINT | ffi::SQLITE_SCHEMA | ffi::SQLITE_BUSY => {}
        ffi::SQLITE_NOTICE => emit(&StoreEvent::Notice {
            said: said.to_owned(),
        }),
        _ => emit(&StoreEvent::LedgerTrouble {
            sqlite: code.unsigned_abs(),
            said: said.to_owned(),
        }),
    }
}

/// Tries again and again to get a lock. SQLite takes every error of a lock for a lock of another program, so it is
/// logged.
fn wait(patience: Duration) -> impl FnMut(i32) -> bool + Send {
    let mut began = Instant::now();
    move |asked| {
        if asked == 0 {
            began = Instant::now();
            emit(&StoreEvent::Locked { patience });
        }
        if began.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(
            u64::from(asked.unsigned_abs().min(100)).max(1),
        ));
        true
    }
}
