//! Files that are one holder's, in this program and any other.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FlockOperation;

use super::error::{SpoolError, at};
use crate::transition::reached;

/// An open file with a lock on it. It is unlocked by name: closing alone leaves the lock to a child process that was
/// forked in between and has not come to its exec.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    pub(super) fn new(file: File, path: &Path) -> Result<Self, SpoolError> {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(SpoolError::Busy(path.to_owned())),
            Err(error) => Err(at(path)(error.into())),
        }
    }

    /// Opens a file and locks it. Its last holder may have removed or renamed it in between; a lock on a file that is
    /// not at `path` any more does not protect the one that is, so it is opened again then.
    pub(super) fn at(path: &Path, options: &OpenOptions) -> Result<Self, SpoolError> {
        loop {
            let file = options.open(path).map_err(at(path))?;
            reached("spool.partial.opened");
            let locked = Self::new(file, path)?;
            let ours = locked.0.metadata().map_err(at(path))?;
            match path.symlink_metadata() {
                Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                    return Ok(locked);
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at(path)(error));
                }
                _ => {}
            }
        }
    }

    pub(super) fn file(&self) -> &File {
        &self.0
    }

    pub(super) fn file_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file is what is left if even this fails.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}
