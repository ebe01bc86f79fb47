//! What fails on our side: the session ends, and the server stays up.

use pointsman_store::contents::RecordError;
use pointsman_store::{LedgerError, SpoolError};

use crate::policy::ask::NoConnection;
use crate::security::OpenError;

/// Why a session cannot be continued although the partner did nothing wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum InternalError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("a file of records in the spool: {0}")]
    Records(#[from] RecordError),
    #[error(transparent)]
    Connection(#[from] NoConnection),
    /// A secured file is not opened, since the server is about to stop.
    #[error(transparent)]
    Opening(#[from] OpenError),
    /// The engine reports what does not belong to what the session is doing.
    #[error("{0}")]
    OutOfStep(&'static str),
    /// The file that is being sent cannot be sent to its end; what becomes of it is written down.
    #[error("{0}")]
    NotSendable(&'static str),
}
