//! What SQLite says, as an error of the ledger.

use std::fmt::Display;

use rusqlite::ErrorCode;

use crate::error::LedgerError;

/// Names the verb in which SQLite failed.
pub(super) fn database(verb: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Database {
        verb,
        full: is_full(&source),
        source: Box::new(source),
    }
}

/// The same where the verb writes an identity, which another transfer may have.
pub(super) fn identity(
    verb: &'static str,
    key: &dyn Display,
) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => LedgerError::IdentityTaken(key.to_string()),
        _ => database(verb)(error),
    }
}

/// Whether SQLite found the disk full. It says so, or reports an I/O error where the index of its log cannot grow.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull
            || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}
