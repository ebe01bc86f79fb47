//! A received file on its way to where contents are kept: written while the next octets arrive.

use oftp::Position;
use tokio::task::JoinHandle;

use super::thread::lost_thread;
use super::{ContentWriter, WholeContent};
use crate::content::Hold;
use crate::spool::SpoolError;

/// Octets between two points a broken file may be resumed at. The sync runs beside the transfer, so it also
/// keeps the last sync, which the partner waits for, short.
const CHECKPOINT: u64 = 64 << 20;

/// Octets of small buffers that are gathered into one write: to hand them to another thread costs more than their copy.
const GATHERED: usize = 64 << 10;

/// Takes the octets of one file.
#[derive(Debug)]
pub struct Intake {
    writer: Box<dyn ContentWriter>,
    /// Small buffers that wait for the next write.
    gathered: Vec<u8>,
    /// The sync under way, and what will be durable with it.
    sync: Option<(JoinHandle<Result<u64, SpoolError>>, Position)>,
    synced: u64,
}

impl Intake {
    /// Takes over `writer`.
    #[must_use]
    pub fn new(writer: Box<dyn ContentWriter>) -> Self {
        let synced = writer.octets();
        Self {
            writer,
            gathered: Vec::new(),
            sync: None,
            synced,
        }
    }

    /// Hands octets over, after what was handed over before is written. Returns a buffer that is free again.
    ///
    /// # Errors
    /// An earlier write failed.
    pub async fn write(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError> {
        if self.gathered.len() + octets.len() <= GATHERED {
            self.gathered.extend_from_slice(&octets);
            return Ok(Some(octets));
        }
        self.write_gathered().await?;
        self.writer.append(octets).await
    }

    async fn write_gathered(&mut self) -> Result<(), SpoolError> {
        if !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            self.writer.append(gathered).await?;
        }
        Ok(())
    }

    /// Octets so far, those of earlier sessions included.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.writer.octets() + self.gathered.len() as u64
    }

    /// Waits until everything handed over is written, but what is gathered. Where an earlier `boundary` has become durable
    /// by now, returns it: from there the file can be resumed.
    ///
    /// # Errors
    /// A write or a sync failed.
    pub async fn settle(&mut self, boundary: Position) -> Result<Option<Position>, SpoolError> {
        let is_due = self.octets() - self.synced >= CHECKPOINT;
        if is_due {
            self.write_gathered().await?;
        }
        self.writer.written().await?;
        let reached = match self.sync.take_if(|(sync, _)| sync.is_finished()) {
            Some((sync, boundary)) => {
                sync.await.unwrap_or_else(|lost| Err(lost_thread(&lost)))?;
                Some(boundary)
            }
            None => None,
        };
        if self.sync.is_none() && is_due {
            self.synced = self.octets();
            let syncer = self.writer.syncer().await?;
            self.sync = Some((tokio::spawn(syncer.sync()), boundary));
        }
        Ok(reached)
    }

    /// Ends the file: its digest is known, and nothing of it need be durable yet. It is sealed or discarded when the
    /// policies have answered. Of a file that was resumed, what was here before may still be being read for its digest;
    /// this waits for that.
    ///
    /// # Errors
    /// A write failed, or a sync that ran beside the transfer, or what was here before cannot be read: the content is not
    /// to be trusted.
    pub async fn finish(mut self) -> Result<Box<dyn WholeContent>, SpoolError> {
        self.writer.written().await?;
        self.end_sync().await?;
        self.writer.finish(self.gathered).await
    }

    /// Stops in the middle; all that came is durable then. What is returned holds the lock: it is to be kept
    /// until the row says how much is here, else whoever takes the partial next is told an older position.
    ///
    /// # Errors
    /// As for [`Intake::finish`].
    pub async fn pause(mut self) -> Result<Hold, SpoolError> {
        self.writer.written().await?;
        self.end_sync().await?;
        self.writer.pause(self.gathered).await
    }

    /// Gives the file up.
    ///
    /// # Errors
    /// The partial cannot be removed.
    pub async fn discard(self) -> Result<(), SpoolError> {
        self.writer.discard().await
    }

    /// The kernel reports a failed write once: if the sync beside the transfer was told, that is final.
    async fn end_sync(&mut self) -> Result<(), SpoolError> {
        match self.sync.take() {
            Some((sync, _)) => sync
                .await
                .unwrap_or_else(|lost| Err(lost_thread(&lost)))
                .map(drop),
            None => Ok(()),
        }
    }
}
