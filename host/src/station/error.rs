//! Why a station cannot start.

use std::path::PathBuf;

use pointsman_store::{LedgerError, SpoolError, TransferId, is_full};

use super::policies::LoadPoliciesError;

/// Why the station cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A policy cannot be loaded, or the engine cannot run.
    #[error(transparent)]
    Policies(#[from] LoadPoliciesError),
    /// A folder cannot be created or opened.
    #[error("{path}: {source}")]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The spool has files, and there is no ledger.
    #[error(
        "the ledger {0} is gone, and the spool has files: where it was moved, set `storage.ledger` to its folder; else run `pointsman store rebuild`, which rebuilds the ledger from the spool"
    )]
    LedgerGone(PathBuf),
    /// The spool has a file that the ledger does not have.
    #[error(
        "the ledger {ledger} is an older copy: it knows nothing, or not everything, of transfer {id}, and the partner may have this file, or its acknowledgement. Run `pointsman store rebuild`, which rebuilds it from the spool"
    )]
    LedgerBehind {
        /// Which ledger.
        ledger: PathBuf,
        /// The newest such file.
        id: TransferId,
    },
    /// Partners' files would be delivered among the server's own files, or two of its own files would have one path.
    #[error("{key}: {why}")]
    Misplaced {
        /// The key of the folder.
        key: String,
        /// Why it cannot be there, and what to do.
        why: String,
    },
    /// Spool and inbox are on different file systems.
    #[error(
        "storage.state ({state}) and {inbox}, of storage.inbox, lie on different file systems: a delivery must be one rename; put both on one"
    )]
    Apart {
        /// `storage.state`, the folder of the spool.
        state: PathBuf,
        /// `storage.inbox`, the folder of received files.
        inbox: PathBuf,
    },
}

impl StartError {
    /// Whether a disk is full; with free space, the start will succeed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Spool(error) => error.is_full(),
            Self::Ledger(error) => error.is_full(),
            Self::Folder { source, .. } => is_full(source),
            _ => false,
        }
    }
}
