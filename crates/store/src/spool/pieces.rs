//! What the spool has of one transfer.

use std::fs::File;
use std::io;
use std::path::Path;

use super::error::{SpoolError, at};
use super::files::length;
use super::layout::Spool;
use super::lock::Locked;
use crate::content::{Content, ContentKey};
use crate::sidecar::{Entry, Sidecar};
use crate::state::Direction;
use crate::transfer::TransferId;

impl Spool {
    /// The files of one transfer in the spool.
    ///
    /// # Errors
    /// Something of it cannot be looked at.
    pub fn pieces(&self, id: TransferId) -> Result<Pieces, SpoolError> {
        let (received, to_send) = (ContentKey::wire_received(id), ContentKey::wire_to_send(id));
        let lengths = |content| {
            Ok::<_, SpoolError>(Lengths {
                incoming: length(&self.partial_path(received.with(content)))?,
                sealed: length(&self.sealed_path(received.with(content)))?,
                outgoing: length(&self.sealed_path(to_send.with(content)))?,
            })
        };
        Ok(Pieces {
            wire: lengths(Content::Wire)?,
            plain: lengths(Content::Plain)?,
            inbound_sidecar: length(&self.sidecar_path(Direction::Inbound, id))?.is_some(),
            outbound_sidecar: length(&self.sidecar_path(Direction::Outbound, id))?.is_some(),
        })
    }

    /// Whether a content of this transfer is in use, by this program or any other.
    ///
    /// # Errors
    /// One that is there cannot be opened or locked.
    pub fn is_busy(&self, id: TransferId) -> Result<bool, SpoolError> {
        let received = ContentKey::wire_received(id);
        for content in Content::ALL {
            let key = received.with(content);
            if is_locked(&self.partial_path(key))? || is_locked(&self.sealed_path(key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a sidecar says that a row had the file as received. A sidecar that is not complete does not.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn is_received(&self, id: TransferId) -> Result<bool, SpoolError> {
        match self.record(Direction::Inbound, id) {
            Ok(record) => Ok(record.is_some_and(|record| record.is_received())),
            Err(SpoolError::Sidecar { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Links the contents of `from`, a file to send, under the id of another transfer: the same octets have a second
    /// name.
    ///
    /// # Errors
    /// What is sent of `from` is not there any more, or the spool cannot be written.
    pub fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let (from, to) = (
            ContentKey::wire_to_send(from),
            ContentKey::wire_to_send(sidecar.id),
        );
        let old = self.sealed_path(from);
        std::fs::hard_link(&old, self.sealed_path(to)).map_err(at(&old))?;
        let plain = self.sealed_path(from.plain());
        let has_plain = length(&plain)?.is_some();
        if has_plain {
            std::fs::hard_link(&plain, self.sealed_path(to.plain())).map_err(at(&plain))?;
        }
        self.describe(sidecar)?;
        self.list(Direction::Outbound, sidecar.id);
        let record = match self.record(Direction::Outbound, from.id) {
            Err(SpoolError::Sidecar { .. }) => None,
            read => read?,
        };
        if has_plain && let Some(measure) = record.as_ref().and_then(|record| record.plain()) {
            let entry = Entry::Plain(measure.clone());
            self.append_synced(Direction::Outbound, sidecar.id, &entry)?;
        }
        Ok(())
    }
}

/// Whether somebody has the lock of a file, which need not be there.
fn is_locked(path: &Path) -> Result<bool, SpoolError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(at(path))?,
    };
    match Locked::new(file, path) {
        Ok(_) => Ok(false),
        Err(SpoolError::Busy(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The files of one transfer in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Of its content as it is on the wire.
    pub wire: Lengths,
    /// Of its plain content.
    pub plain: Lengths,
    /// Whether there is the sidecar of a received file.
    pub inbound_sidecar: bool,
    /// Whether there is the sidecar of a file to send.
    pub outbound_sidecar: bool,
}

impl Pieces {
    /// Where this one of the two contents lies, and how long it is there.
    #[must_use]
    pub fn of(&self, content: Content) -> &Lengths {
        match content {
            Content::Wire => &self.wire,
            Content::Plain => &self.plain,
        }
    }
}

/// The length of a content in each folder that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// As a partial, in the folder `incoming`.
    pub incoming: Option<u64>,
    /// As a received file, in the folder `sealed`.
    pub sealed: Option<u64>,
    /// As a file to send, in the folder `outgoing`.
    pub outgoing: Option<u64>,
}

impl Lengths {
    /// Its length in the folder of the sealed contents of this direction.
    #[must_use]
    pub fn sealed(&self, direction: Direction) -> Option<u64> {
        match direction {
            Direction::Inbound => self.sealed,
            Direction::Outbound => self.outgoing,
        }
    }
}
