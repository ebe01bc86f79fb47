//! Contents that are files: the spool, with what waits on threads that may.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use oftp::Positions;
use pointsman_log::emit;

use super::disk_writer::DiskWriter;
use super::thread::on_thread;
use super::{ContentWriter, Contents, Handing, PartialContent, StoredContent, WholeContent};
use crate::content::{ContentKey, Hold};
use crate::events::StoreEvent;
use crate::measure::Measure;
use crate::sealed::Sealed;
use crate::sidecar::{Record, Sidecar};
use crate::spool::{Blob, Partial, Pieces, PlaceError, Spool, SpoolError, Whole};
use crate::state::Direction;
use crate::transfer::TransferId;

#[async_trait]
impl Contents for Spool {
    async fn partial(&self, key: ContentKey) -> Result<Box<dyn PartialContent>, SpoolError> {
        let spool = self.clone();
        let partial = on_thread(move || spool.partial(key)).await?;
        Ok(Box::new(partial))
    }

    async fn import(
        &self,
        id: TransferId,
        mut source: Box<dyn Read + Send>,
    ) -> Result<Box<dyn WholeContent>, SpoolError> {
        let spool = self.clone();
        let whole = on_thread(move || {
            let whole = spool.import(id, &mut source);
            // Half a copy; where that cannot be removed, the next start does it.
            if whole.is_err()
                && let Err(error) = spool.discard_partial(id)
                && !error.is_gone()
            {
                emit(&StoreEvent::UnsealedLeft {
                    transfer: id,
                    reason: error.to_string(),
                });
            }
            whole
        });
        Ok(Box::new(whole.await?))
    }

    async fn open(&self, key: ContentKey) -> Result<Arc<dyn StoredContent>, SpoolError> {
        let spool = self.clone();
        let blob = on_thread(move || spool.blob(key)).await?;
        Ok(Arc::new(DiskContent::from(blob)))
    }

    async fn shown(&self, key: ContentKey) -> Option<String> {
        let spool = self.clone();
        let shown = on_thread(move || Ok::<_, SpoolError>(spool.shown(key))).await;
        shown.ok().flatten()
    }

    async fn digest(&self, key: ContentKey) -> Result<String, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.digest(key)).await
    }

    async fn hold(&self, key: ContentKey) -> Result<Option<Hold>, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.hold(key)).await
    }

    async fn hold_to_deliver(&self, id: TransferId) -> Result<Option<Hold>, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.hold_to_deliver(id)).await
    }

    async fn opened(&self, id: TransferId) -> Result<Option<Sealed>, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.opened(id)).await
    }

    async fn hand_to(
        &self,
        inbox: &Path,
        path: &str,
        key: ContentKey,
        how: Handing,
    ) -> Result<(), PlaceError> {
        let (spool, inbox, below) = (self.clone(), inbox.to_owned(), path.to_owned());
        let placing = move || spool.place(key, &inbox, &below, how.overwrite, how.access);
        placed(path, placing).await
    }

    async fn confirm_handed(&self, inbox: &Path, path: &str) -> Result<(), PlaceError> {
        let (spool, inbox, below) = (self.clone(), inbox.to_owned(), path.to_owned());
        placed(path, move || spool.settle_placed(&inbox, &below)).await
    }

    async fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let (spool, sidecar) = (self.clone(), sidecar.clone());
        on_thread(move || spool.send_again(from, &sidecar)).await
    }

    async fn describe(&self, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let (spool, sidecar) = (self.clone(), sidecar.clone());
        on_thread(move || spool.describe(&sidecar)).await
    }

    async fn record(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<Option<Record>, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.record(direction, id)).await
    }

    async fn keep_positions(&self, id: TransferId, measure: &Measure, positions: &Positions) {
        if positions.points().is_empty() {
            return;
        }
        let (spool, measure, positions) = (self.clone(), measure.clone(), positions.clone());
        let keeping = move || {
            spool.keep_positions(id, &measure, &positions);
            Ok::<_, SpoolError>(())
        };
        // The thread is lost only where the program ends.
        let _ = on_thread(keeping).await;
    }

    async fn positions(&self, id: TransferId) -> Positions {
        let spool = self.clone();
        let found = on_thread(move || Ok::<_, SpoolError>(spool.positions(id))).await;
        found.unwrap_or_default()
    }

    async fn pieces(&self, id: TransferId) -> Result<Pieces, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.pieces(id)).await
    }

    async fn withdraw(&self, id: TransferId) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.withdraw(id)).await
    }

    async fn discard_contents(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.discard_contents(direction, id)).await
    }

    async fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.discard_partial(id)).await
    }

    async fn has_room_for(&self, octets: u64) -> Result<(), SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.has_room_for(octets)).await
    }

    async fn make_room(&self, octets: u64) -> Result<Vec<TransferId>, SpoolError> {
        let spool = self.clone();
        on_thread(move || spool.make_room(octets)).await
    }
}

async fn placed(
    path: &str,
    placing: impl FnOnce() -> Result<(), PlaceError> + Send + 'static,
) -> Result<(), PlaceError> {
    let placed = tokio::task::spawn_blocking(placing).await;
    placed.unwrap_or_else(|lost| {
        Err(PlaceError::Io {
            path: path.to_owned(),
            source: io::Error::other(format!("the delivery was cut off: {lost}")),
        })
    })
}

#[async_trait]
impl PartialContent for Partial {
    async fn octets(&self) -> Result<u64, SpoolError> {
        // Of a file that is open already: no disk is asked.
        Self::octets(self)
    }

    async fn resume(self: Box<Self>, octets: u64) -> Result<Box<dyn ContentWriter>, SpoolError> {
        let writer = on_thread(move || Self::resume(*self, octets)).await?;
        Ok(Box::new(DiskWriter::from(writer)))
    }

    async fn remove(self: Box<Self>) -> Result<(), SpoolError> {
        on_thread(move || Self::remove(*self)).await
    }
}

#[async_trait]
impl WholeContent for Whole {
    fn measure(&self) -> &Measure {
        Self::measure(self)
    }

    async fn open(&self) -> Result<Arc<dyn StoredContent>, SpoolError> {
        Ok(Arc::new(DiskContent::from(self.blob()?)))
    }

    async fn seal(self: Box<Self>, sidecar: &Sidecar) -> Result<Sealed, SpoolError> {
        let sidecar = sidecar.clone();
        on_thread(move || Self::seal(*self, &sidecar)).await
    }

    async fn seal_plain(self: Box<Self>) -> Result<Sealed, SpoolError> {
        on_thread(move || Self::seal_plain(*self)).await
    }

    async fn discard(self: Box<Self>) -> Result<(), SpoolError> {
        on_thread(move || Self::discard(*self)).await
    }
}

/// A file that is open.
#[derive(Debug)]
struct DiskContent(Arc<Blob>);

impl From<Blob> for DiskContent {
    fn from(blob: Blob) -> Self {
        Self(Arc::new(blob))
    }
}

#[async_trait]
impl StoredContent for DiskContent {
    fn octets(&self) -> Result<u64, SpoolError> {
        self.0.octets()
    }

    async fn read_at(&self, position: u64, octets: usize) -> Result<Vec<u8>, SpoolError> {
        let blob = Arc::clone(&self.0);
        on_thread(move || {
            let mut buffer = vec![0; octets];
            let count = blob.read_at(position, &mut buffer)?;
            buffer.truncate(count);
            Ok(buffer)
        })
        .await
    }

    fn read_now(&self, position: u64, buffer: &mut [u8]) -> Result<usize, SpoolError> {
        self.0.read_at(position, buffer)
    }
}
