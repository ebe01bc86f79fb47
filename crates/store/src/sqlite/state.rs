//! The state of a row.

use rusqlite::{Connection, OptionalExtension, params};

use super::failed::database;
use super::row;
use crate::error::LedgerError;
use crate::state::State;
use crate::transfer::TransferId;

/// The state of a row, or the error that there is none.
pub(super) fn state_of(
    db: &Connection,
    id: TransferId,
    verb: &'static str,
) -> Result<State, LedgerError> {
    db.prepare_cached("SELECT direction, state FROM transfers WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row(params![id.to_string()], |found| row::state(found, 0))
                .optional()
        })
        .map_err(database(verb))?
        .ok_or(LedgerError::NotFound(id))
}

/// Why `verb` changes nothing: the row is in a state that it does not lead on from, or is not there.
pub(super) fn wrong_state(db: &Connection, id: TransferId, verb: &'static str) -> LedgerError {
    match state_of(db, id, verb) {
        Ok(state) => LedgerError::WrongState { id, state, verb },
        Err(error) => error,
    }
}
