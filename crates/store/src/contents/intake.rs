//! A received file on its way to where contents are kept: written while the next octets arrive.

use oftp::Position;
use tokio::task::JoinHandle;

use super::thread::lost_thread;
use super::{ContentWriter, WholeContent};
use crate::content::Hold;
use crate::spool::SpoolError;

/// Octets between two points at which a broken file may be resumed. These syncs run beside the transfer; they also keep
/// the last sync short, for which the partner waits.
const CHECKPOINT: u64 = 64 << 20;

/// Octets of small buffers that are gathered into one write, since passing each to another thread costs more than
/// copying it.
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

    /// Passes octets to the writer, once those before them are written. Returns a buffer that can be used again.
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

    /// Octets so far, including those of earlier sessions.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.writer.octets() + self.gathered.len() as u64
    }

    /// Waits until all octets that were passed on are written; those that are still gathered, at most 64 KiB, are not.
    /// Returns an earlier `boundary` that has become durable by now: the file can be resumed there.
    ///
    /// # Errors
    /// A write or a sync failed.
    pub async fn catch_up(&mut self, boundary: Position) -> Result<Option<Position>, SpoolError> {
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

    /// Ends the file. Its digest is known then, and nothing of it need be durable yet: it is sealed or discarded when
    /// the policies have answered. Where a file was resumed and its beginning is still being read for the digest, this
    /// waits.
    ///
    /// # Errors
    /// A write failed, or a sync that ran beside the transfer, or the beginning of a resumed file cannot be read: the
    /// content cannot be trusted, and nothing of it is left.
    pub async fn finish(mut self) -> Result<Box<dyn WholeContent>, SpoolError> {
        if let Err(error) = self.all_written().await {
            // The failure itself is what is told; what cannot be removed is in the log.
            let _ = self.writer.discard().await;
            return Err(error);
        }
        self.writer.finish(self.gathered).await
    }

    async fn all_written(&mut self) -> Result<(), SpoolError> {
        self.writer.written().await?;
        self.end_sync().await
    }

    /// Stops in the middle of the file; all octets that came are durable then. The caller keeps the lock that is
    /// returned until the row says how much is here: otherwise the next session that takes the partial is given an
    /// older position.
    ///
    /// # Errors
    /// As for [`Intake::finish`], but what is there stays: up to the last checkpoint it is durable.
    pub async fn pause(mut self) -> Result<Hold, SpoolError> {
        self.all_written().await?;
        self.writer.pause(self.gathered).await
    }

    /// Removes what was received of the file, whatever failed before.
    ///
    /// # Errors
    /// The partial cannot be removed. That is in the log, too.
    pub async fn discard(self) -> Result<(), SpoolError> {
        self.writer.discard().await
    }

    /// The kernel reports a failed write once, so a failure of the sync beside the transfer is final.
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

#[cfg(test)]
mod tests;
