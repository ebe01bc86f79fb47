//! Small operations on files and folders of the spool.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::error::{SpoolError, at};
use crate::transition::reached;

/// The length of a file; none where it is not there.
pub(super) fn length(path: &Path) -> Result<Option<u64>, SpoolError> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Reads all of a file. (`std::fs::read` asks for its length first, and tells nobody where the disk fails at that.)
pub(super) fn read_all(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(u64::MAX).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Removes a file that may be there.
pub(super) fn remove(path: &Path) -> Result<(), SpoolError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => {
            reached("spool.blob.removed");
            Ok(())
        }
    }
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
