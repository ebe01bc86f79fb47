//! Writing a content.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::digest::Sum;
use super::error::{SpoolError, at};
use super::files::remove;
use super::layout::Spool;
use super::lock::Locked;
use super::names::INCOMING;
use super::whole::Whole;
use crate::content::{Content, ContentKey, Hold};
use crate::measure::Measure;
use crate::transition::reached;

/// Writes one content; holds its lock.
#[derive(Debug)]
pub struct BlobWriter {
    pub(super) spool: Spool,
    pub(super) key: ContentKey,
    pub(super) path: PathBuf,
    pub(super) file: Locked,
    pub(super) sum: Sum,
    pub(super) octets: u64,
}

impl BlobWriter {
    /// Adds octets at the end.
    ///
    /// # Errors
    /// The write failed, or the disk has only its reserve left. The caller discards the content, or resumes it at its
    /// last checkpoint.
    pub fn append(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.spool.note_written(octets.len())?;
        let written = self.file.file_mut().write_all(octets);
        written.map_err(at(&self.path))?;
        reached("spool.octets.written");
        self.octets += octets.len() as u64;
        let summed = self.sum.written(self.file.file(), octets, self.octets);
        summed.map_err(at(&self.path))
    }

    /// The spool that it writes to.
    pub(crate) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Which content it writes.
    pub(crate) fn key(&self) -> ContentKey {
        self.key
    }

    /// Octets so far.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Makes what was written durable, and returns how many octets that are.
    ///
    /// # Errors
    /// A failed sync is final for this content: its state on the disk is unknown from then on.
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.syncer()?.sync()
    }

    /// A duplicated handle, to sync what is written so far while more is written.
    ///
    /// # Errors
    /// No further handle can be had.
    pub(crate) fn syncer(&self) -> Result<Syncer, SpoolError> {
        let file = self.file.file().try_clone().map_err(at(&self.path))?;
        Ok(Syncer {
            spool: self.spool.clone(),
            path: self.path.clone(),
            file,
            octets: self.octets,
        })
    }

    /// Whether its beginning, which was there before, is still being read: [`BlobWriter::finish`] waits for that.
    #[must_use]
    pub(crate) fn is_being_read(&self) -> bool {
        matches!(self.sum, Sum::Behind(_))
    }

    /// Ends the content. It still has its first name and is not durable yet: the caller seals or discards it.
    ///
    /// # Errors
    /// Its beginning could not be read.
    pub fn finish(self) -> Result<Whole, SpoolError> {
        self.finish_with(Vec::new())
    }

    /// The same with these octets at the end. They are written when the content is sealed, so that a small file is
    /// written and synced at once.
    ///
    /// # Errors
    /// As for [`BlobWriter::finish`].
    pub fn finish_with(mut self, rest: Vec<u8>) -> Result<Whole, SpoolError> {
        let caught_up = self.sum.caught_up(self.file.file(), self.octets);
        let mut hasher = caught_up.map_err(at(&self.path))?;
        hasher.update(&rest);
        let measure = Measure {
            octets: self.octets + rest.len() as u64,
            digest: hasher.finalize().to_hex().to_string(),
        };
        Ok(Whole {
            spool: self.spool,
            key: self.key,
            path: self.path,
            file: self.file,
            measure,
            rest,
        })
    }

    /// Stops writing, and keeps the exclusive access.
    #[must_use]
    pub fn into_hold(self) -> Hold {
        Hold::new(self.key, self.file)
    }

    /// Removes the content.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.forget_begun(self.key)?;
        remove(&self.path)
    }
}

/// Makes durable what a [`BlobWriter`] had written when this was made.
#[derive(Debug)]
pub(crate) struct Syncer {
    spool: Spool,
    path: PathBuf,
    file: File,
    octets: u64,
}

impl Syncer {
    /// Syncs; returns how many octets are durable now.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub(crate) fn sync(self) -> Result<u64, SpoolError> {
        self.file.sync_data().map_err(at(&self.path))?;
        self.spool.sync(INCOMING)?;
        reached("spool.octets.synced");
        Ok(self.octets)
    }
}

impl Spool {
    /// Removes the sidecar that was written for a content before it was sealed. A plain content has no sidecar of its
    /// own, only a line that is written last.
    pub(super) fn forget_begun(&self, key: ContentKey) -> Result<(), SpoolError> {
        match key.content {
            Content::Wire => self.forget(key.direction, key.id),
            Content::Plain => Ok(()),
        }
    }
}
