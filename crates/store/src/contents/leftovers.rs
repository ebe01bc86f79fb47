//! The contents that the last run left, as a start finds them.

use async_trait::async_trait;

use super::thread::on_thread;
use crate::sidecar::Record;
use crate::spool::{Spool, SpoolError};
use crate::state::Direction;
use crate::transfer::TransferId;

/// What a start looks at and removes of contents. What it knows of their transfers is in the ledger.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// The transfers with a partial on the wire: received in part, imported in part, or in use at the moment.
    ///
    /// # Errors
    /// They cannot be listed.
    async fn partials(&self) -> Result<Vec<TransferId>, SpoolError>;

    /// The transfers of one direction that were described last, so many at most, with their sidecars; no sidecar where it
    /// is missing, was not whole when a crash came, or is damaged. Those with a content in use, by this program or any
    /// other, are left out: whoever is at work on one has a row for it by and by.
    ///
    /// # Errors
    /// They cannot be listed, or one cannot be read.
    async fn newest(
        &self,
        direction: Direction,
        most: usize,
    ) -> Result<Vec<(TransferId, Option<Record>)>, SpoolError>;

    /// Whether the sidecar says that a row had the file as received. One that is not complete does not.
    ///
    /// # Errors
    /// It cannot be read.
    async fn is_received(&self, id: TransferId) -> Result<bool, SpoolError>;

    /// Removes the sealed contents of a file whose row says that it is still received, and first its sidecar.
    ///
    /// # Errors
    /// One of them is there and cannot be removed.
    async fn discard(&self, id: TransferId) -> Result<(), SpoolError>;

    /// Removes the partial of a file that is here already. Its sidecar stays.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while a session writes it.
    async fn discard_surplus(&self, id: TransferId) -> Result<(), SpoolError>;

    /// Removes the plain partials that no program writes: they are made again from the content on the wire. Returns how
    /// many.
    ///
    /// # Errors
    /// They cannot be listed, or one of them cannot be removed.
    async fn discard_plain_partials(&self) -> Result<u64, SpoolError>;

    /// Removes a sealed plain content that the sidecar does not name, since its line came too late for a crash. Returns
    /// whether there was one.
    ///
    /// # Errors
    /// It cannot be removed, or the sidecar cannot be read.
    async fn discard_uncounted_plain(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<bool, SpoolError>;

    /// Removes the sidecar of a received content that was about to be sealed and is not, unless a session is at it.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    async fn forget_unsealed(&self, id: TransferId) -> Result<(), SpoolError>;
}

#[async_trait]
impl Leftovers for Spool {
    async fn partials(&self) -> Result<Vec<TransferId>, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.partials()).await
    }

    async fn newest(
        &self,
        direction: Direction,
        most: usize,
    ) -> Result<Vec<(TransferId, Option<Record>)>, SpoolError> {
        let spool = self.clone();
        // All of them in one piece of work: a start waits for it.
        on_thread(move || {
            let mut newest = Vec::new();
            for id in spool.newest(direction, most)? {
                if spool.is_busy(id)? {
                    continue;
                }
                match spool.record(direction, id) {
                    Ok(record) => newest.push((id, record)),
                    Err(SpoolError::Sidecar { .. }) => newest.push((id, None)),
                    Err(error) => return Err(error),
                }
            }
            Ok(newest)
        })
        .await
    }

    async fn is_received(&self, id: TransferId) -> Result<bool, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.is_received(id)).await
    }

    async fn discard(&self, id: TransferId) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.discard(id)).await
    }

    async fn discard_surplus(&self, id: TransferId) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.discard_surplus(id)).await
    }

    async fn discard_plain_partials(&self) -> Result<u64, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.discard_plain_partials()).await
    }

    async fn discard_uncounted_plain(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<bool, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.discard_uncounted_plain(direction, id)).await
    }

    async fn forget_unsealed(&self, id: TransferId) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || {
            let pieces = spool.pieces(id)?;
            let is_begun = pieces.inbound_sidecar && pieces.wire.sealed.is_none();
            match is_begun && !spool.is_busy(id)? {
                true => spool.forget(Direction::Inbound, id),
                false => Ok(()),
            }
        })
        .await
    }
}
