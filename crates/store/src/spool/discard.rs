//! Removes contents and sidecars from the spool. The sidecar is always removed first, since a sidecar without its
//! content means that the file is delivered.

use std::fs::OpenOptions;

use super::error::SpoolError;
use super::files::{length, remove};
use super::layout::Spool;
use super::lock::Locked;
use super::names::{INCOMING, PLAIN, folder_of};
use crate::content::{Content, ContentKey};
use crate::state::Direction;
use crate::transfer::TransferId;

impl Spool {
    /// Removes a file to send that was not queued after all.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn withdraw(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Outbound, id)?;
        self.discard_contents(Direction::Outbound, id)
    }

    /// Removes a sealed file for which no EFPA was sent, and its sidecar.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn discard(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Inbound, id)?;
        self.discard_contents(Direction::Inbound, id)
    }

    /// Removes the sealed contents of a transfer; its sidecar stays, so that the file is known. Received files are
    /// treated so when a NERP refused them.
    ///
    /// # Errors
    /// One is there and cannot be removed.
    pub fn discard_contents(&self, direction: Direction, id: TransferId) -> Result<(), SpoolError> {
        let key = ContentKey::wire(direction, id);
        // The one on the wire goes last: by it a start finds what a crash left.
        let mut contents = Content::ALL.into_iter().rev();
        contents.try_for_each(|content| self.discard_content(key.with(content)))
    }

    /// Removes one sealed content. Once the plain content of a received file is sealed, the content on the wire is not
    /// needed any more: the plain one proves the delivery by leaving the spool.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn discard_content(&self, key: ContentKey) -> Result<(), SpoolError> {
        remove(&self.sealed_path(key))
    }

    /// Removes the partial of a file that is here already. Its sidecar stays.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_surplus(&self, id: TransferId) -> Result<(), SpoolError> {
        // Both directions write under the same name.
        let path = self.partial_path(ContentKey::wire_received(id));
        let _mine = Locked::at(&path, OpenOptions::new().read(true))?;
        remove(&path)
    }

    /// Removes a partial that has no row, and the sidecar that was written for it before its rename, unless that says
    /// that the file was received.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError> {
        let (received, to_send) = (ContentKey::wire_received(id), ContentKey::wire_to_send(id));
        let path = self.partial_path(received);
        let _mine = Locked::at(&path, OpenOptions::new().read(true))?;
        if length(&self.sealed_path(received))?.is_none() && !self.is_received(id)? {
            self.forget(Direction::Inbound, id)?;
        }
        if length(&self.sealed_path(to_send))?.is_none() {
            self.forget(Direction::Outbound, id)?;
        }
        remove(&path)
    }

    /// Removes partials of plain contents: each is made again from the content as on the wire. Returns how many there were.
    ///
    /// # Errors
    /// The folder cannot be read, or one of them cannot be removed.
    pub(crate) fn discard_plain_partials(&self) -> Result<u64, SpoolError> {
        let mut removed = 0;
        for id in self.ids(INCOMING, PLAIN)? {
            let path = self.root.join(INCOMING).join(format!("{id}{PLAIN}"));
            removed += u64::from(self.remove_unless_busy(&path)?);
        }
        Ok(removed)
    }

    /// Removes the plain content of a transfer where it is sealed without its line in the sidecar: it is made again.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// The sidecar cannot be read, or the content cannot be removed.
    pub(crate) fn discard_uncounted_plain(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<bool, SpoolError> {
        let key = ContentKey {
            direction,
            id,
            content: Content::Plain,
        };
        let path = self.sealed_path(key);
        if length(&path)?.is_none() {
            return Ok(false);
        }
        match self.record(direction, id) {
            Ok(Some(record)) if record.plain().is_none() => self.remove_unless_busy(&path),
            // A sidecar that is missing or cannot be read is left alone: an audit names it.
            Ok(_) | Err(SpoolError::Sidecar { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Does both for every transfer; lists folders that grow with the number of files ever received. Returns how many
    /// contents were removed.
    ///
    /// # Errors
    /// See [`Spool::discard_plain_partials`] and [`Spool::discard_uncounted_plain`].
    pub fn discard_unfinished_plain(&self) -> Result<u64, SpoolError> {
        let mut removed = self.discard_plain_partials()?;
        for direction in [Direction::Inbound, Direction::Outbound] {
            for id in self.ids(folder_of(direction), PLAIN)? {
                removed += u64::from(self.discard_uncounted_plain(direction, id)?);
            }
        }
        Ok(removed)
    }

    fn remove_unless_busy(&self, path: &std::path::Path) -> Result<bool, SpoolError> {
        match Locked::at(path, OpenOptions::new().read(true)) {
            Ok(_mine) => remove(path).map(|()| true),
            Err(SpoolError::Busy(_)) => Ok(false),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
