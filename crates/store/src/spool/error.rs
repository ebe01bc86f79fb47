//! Why the spool could not do something.

use std::io;
use std::path::{Path, PathBuf};

use crate::sidecar_json::SidecarError;
use crate::transfer::TransferId;

/// Why the spool could not do it.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The operating system says so.
    #[error("spool: {path}: {source}")]
    Io {
        /// The file of the spool.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A sidecar is not one.
    #[error("spool: {path}: {source}")]
    Sidecar {
        /// The file of the spool.
        path: PathBuf,
        /// What is wrong with its text.
        source: SidecarError,
    },
    /// There is free space, but no more files (inodes) can be created beside the reserve.
    #[error(
        "spool: the file system of {folder} can take {left} more files (inodes) and {reserve} of them are kept free; remove files there, or make it with more inodes"
    )]
    NoFilesLeft {
        /// A folder of that file system.
        folder: PathBuf,
        /// How many there are left.
        left: u64,
        /// How many are kept free.
        reserve: u64,
    },
    /// The disk has only its reserve left.
    #[error(
        "the disk of {folder} has {room} octets left, of which {reserve} are kept for receipts and the ledger (limits.reserve): {octets} more do not fit; free some space"
    )]
    NoRoom {
        /// The folder that was to be written to.
        folder: PathBuf,
        /// Octets that are left.
        room: u64,
        /// Octets that were to be written.
        octets: u64,
        /// Octets that stay free.
        reserve: u64,
    },
    /// A secured file is not opened, so nothing of it may be delivered.
    #[error("spool: transfer {0} is secured on the wire and is not opened yet")]
    NotOpened(TransferId),
    /// Another session of this file is still open.
    #[error("spool: {0} is being written by another session")]
    Busy(PathBuf),
    /// The partial has lost octets that were durable.
    #[error("spool: {path} has {length} octets where its checkpoint says {expected}")]
    Short {
        /// The file of the spool.
        path: PathBuf,
        /// Its octets.
        length: u64,
        /// The octets it had when it was sealed.
        expected: u64,
    },
}

impl SpoolError {
    /// Whether the file is not there, so that a second attempt is useless.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the disk or the quota is full, so that the partner may try again later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_full(source),
            Self::NoRoom { .. } | Self::NoFilesLeft { .. } => true,
            _ => false,
        }
    }
}

/// Whether an error of the operating system means that the disk or the quota is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Names the file that an error of the operating system is about.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> SpoolError + '_ {
    move |source| SpoolError::Io {
        path: path.to_owned(),
        source,
    }
}
