//! What the spool has of one transfer, and how it is thrown away.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use super::error::{SpoolError, at};
use super::layout::{INCOMING, OUTGOING, SEALED, Spool, folder_of, length, remove};
use super::lock::Locked;
use crate::sidecar::Sidecar;
use crate::state::Direction;
use crate::transfer::TransferId;

/// What the spool has of one transfer: the length of each blob, and whether there is a sidecar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// In `incoming`.
    pub incoming: Option<u64>,
    /// In `sealed`.
    pub sealed: Option<u64>,
    /// In `outgoing`.
    pub outgoing: Option<u64>,
    /// In `sealed`.
    pub inbound_sidecar: bool,
    /// In `outgoing`.
    pub outbound_sidecar: bool,
}

impl Spool {
    /// Gives the content of `from`, a file to send, to another transfer: the same octets under a second name.
    ///
    /// # Errors
    /// The content of `from` is not there any more, or the spool cannot be written.
    pub fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let (old, new) = (self.path(OUTGOING, from), self.path(OUTGOING, sidecar.id));
        std::fs::hard_link(&old, &new).map_err(at(&old))?;
        self.describe(sidecar)?;
        self.list(Direction::Outbound, sidecar.id);
        Ok(())
    }

    /// Takes a file to send back that was not queued after all.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn withdraw(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Outbound, id)?;
        remove(&self.path(OUTGOING, id))
    }

    /// What the spool has of one transfer.
    ///
    /// # Errors
    /// Something of it cannot be looked at.
    pub fn pieces(&self, id: TransferId) -> Result<Pieces, SpoolError> {
        Ok(Pieces {
            incoming: length(&self.path(INCOMING, id))?,
            sealed: length(&self.path(SEALED, id))?,
            outgoing: length(&self.path(OUTGOING, id))?,
            inbound_sidecar: length(&self.sidecar_path(Direction::Inbound, id))?.is_some(),
            outbound_sidecar: length(&self.sidecar_path(Direction::Outbound, id))?.is_some(),
        })
    }

    /// Where the sealed content of a transfer lies, if it is here.
    #[must_use]
    pub fn place_of(&self, direction: Direction, id: TransferId) -> Option<PathBuf> {
        Some(self.path(folder_of(direction), id)).filter(|path| path.exists())
    }

    /// Whether somebody is at work on a blob of this transfer, in this program or any other.
    #[must_use]
    pub fn is_busy(&self, id: TransferId) -> bool {
        [INCOMING, SEALED].into_iter().any(|part| {
            let path = self.path(part, id);
            File::open(&path).is_ok_and(|file| Locked::new(file, &path).is_err())
        })
    }

    /// Removes what was begun of a file that is here already. Its sidecar stays.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_surplus(&self, id: TransferId) -> Result<(), SpoolError> {
        let path = self.path(INCOMING, id);
        let _mine = Locked::at(&path, OpenOptions::new().read(true))?;
        remove(&path)
    }

    /// Whether a sidecar says that a row had the file as received. One that is not whole says nothing.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_received(&self, id: TransferId) -> Result<bool, SpoolError> {
        match self.record(Direction::Inbound, id) {
            Ok(record) => Ok(record.is_some_and(|record| record.is_received())),
            Err(SpoolError::Sidecar { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// BLAKE3 of a sealed or outgoing blob as it lies on the disk, hexadecimal.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn digest(&self, direction: Direction, id: TransferId) -> Result<String, SpoolError> {
        let path = self.path(folder_of(direction), id);
        let mut file = File::open(&path).map_err(at(&path))?;
        let hasher = hash_of(&mut file).map_err(at(&path))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Removes a partial that no row knows, and a sidecar that was written for it before its rename; not one that
    /// says that the file was received.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError> {
        let path = self.path(INCOMING, id);
        let _mine = Locked::at(&path, OpenOptions::new().read(true))?;
        if length(&self.path(SEALED, id))?.is_none() && !self.is_received(id)? {
            self.forget(Direction::Inbound, id)?;
        }
        if length(&self.path(OUTGOING, id))?.is_none() {
            self.forget(Direction::Outbound, id)?;
        }
        remove(&path)
    }

    /// Removes a sealed blob nothing positive was said about, and its sidecar: that first, for without its
    /// blob it would mean that the file is delivered.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn discard(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Inbound, id)?;
        remove(&self.path(SEALED, id))
    }

    /// Removes the content of a file that its NERP has refused; its sidecar stays, so that the file is known.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn discard_content(&self, id: TransferId) -> Result<(), SpoolError> {
        remove(&self.path(SEALED, id))
    }
}

pub(super) fn hash_of(file: &mut File) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0))?;
    io::copy(file, &mut hasher)?;
    Ok(hasher)
}
