//! The lock of a storage: who has it may change what lies in it.

use std::fs::File;
use std::path::{Path, PathBuf};

use pointsman_folder::{EntryKind, Folder};
use rustix::fs::FlockOperation;

use super::error::{ErrorCode, OperatorError};
use crate::config::Plan;
use crate::config::files::{LOCK, SOCKET, socket};
use crate::station::storage::keep_state;

/// Why this process does not get the storage to itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another server has this storage.
    #[error("another server runs on {0}; stop it first, or give this one another storage.state")]
    Taken(PathBuf),
    /// A folder stands in the socket's place.
    #[error("{path}: this is a folder, where the control socket belongs: move it away")]
    SocketFolder { path: PathBuf },
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl From<LockError> for OperatorError {
    fn from(error: LockError) -> Self {
        match &error {
            LockError::Taken(_) => ErrorCode::ServerRuns.because(error),
            _ => ErrorCode::Storage.because(error),
        }
    }
}

/// The storage is this process's as long as this is kept.
#[derive(Debug)]
pub(crate) struct StorageLock(
    #[expect(dead_code, reason = "the lock goes with the open file")] File,
);

impl StorageLock {
    /// Takes the storage of this configuration for this process.
    ///
    /// # Errors
    /// Another server has it, or the folder cannot be written.
    pub fn take(config: &Plan) -> Result<Self, LockError> {
        let state = &config.storage.state;
        let folder = keep_state(config).map_err(|error| io(state)(error.into_io()))?;
        let path = state.join(LOCK);
        let (file, _) = folder
            .own_file(LOCK)
            .map_err(|error| io(&path)(error.into_io()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::Taken(state.clone())),
            Err(error) => Err(io(&path)(error.into())),
        }
    }

    /// Looks whether [`StorageLock::take`] could do it, and the control socket be made, where no other server runs, and takes nothing.
    ///
    /// # Errors
    /// What stands in their places is something else.
    pub fn look(config: &Plan) -> Result<(), LockError> {
        let state = &config.storage.state;
        let folder = Folder::look_home(state).map_err(|error| io(state)(error.into_io()))?;
        let Some(folder) = folder else { return Ok(()) };
        let path = state.join(LOCK);
        folder
            .look_own_file(LOCK)
            .map_err(|error| io(&path)(error.into_io()))?;
        let path = socket(config);
        let there = folder.look(SOCKET);
        match there.map_err(|error| io(&path)(error.into_io()))? {
            Some(look) if look.kind == EntryKind::Folder => Err(LockError::SocketFolder { path }),
            _ => Ok(()),
        }
    }
}

/// Whether a server runs on this configuration, or is about to. It is not asked anything.
#[must_use]
pub(crate) fn is_served(config: &Plan) -> bool {
    std::os::unix::net::UnixStream::connect(socket(config)).is_ok()
}

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> LockError + use<> {
    let path = path.to_owned();
    move |source| LockError::Io { path, source }
}
