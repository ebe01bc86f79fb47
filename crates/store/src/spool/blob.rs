//! Contents that are read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::digest::hash_of;
use super::error::{SpoolError, at};
use super::layout::Spool;
use crate::content::ContentKey;

impl Spool {
    /// Opens a sealed content.
    ///
    /// # Errors
    /// It is not there.
    pub fn blob(&self, key: ContentKey) -> Result<Blob, SpoolError> {
        Blob::open(&self.sealed_path(key))
    }

    /// BLAKE3 of a sealed content as it lies on the disk, hexadecimal.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn digest(&self, key: ContentKey) -> Result<String, SpoolError> {
        let path = self.sealed_path(key);
        let mut file = File::open(&path).map_err(at(&path))?;
        let hasher = hash_of(&mut file).map_err(at(&path))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Where a sealed content lies, to be shown; none where it is not there.
    #[must_use]
    pub fn shown(&self, key: ContentKey) -> Option<String> {
        let path = self.sealed_path(key);
        path.exists().then(|| path.display().to_string())
    }
}

/// A content that is open to be read.
#[derive(Debug)]
pub struct Blob {
    path: PathBuf,
    file: File,
}

impl Blob {
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let file = File::open(path).map_err(at(path))?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    /// Its size in octets.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn octets(&self) -> Result<u64, SpoolError> {
        let meta = self.file.metadata().map_err(at(&self.path))?;
        Ok(meta.len())
    }

    /// Fills `buffer` from octet `position` on; fewer octets come only at the end of the file.
    ///
    /// # Errors
    /// The read failed.
    pub fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, SpoolError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, position + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(at(&self.path)(error)),
            }
        }
        Ok(filled)
    }
}
