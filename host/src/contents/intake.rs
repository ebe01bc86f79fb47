//! A received file on its way to the spool: written on a blocking thread while the next octets arrive.

use super::blocking::{blocking, lost_thread};
use oftp::Position;
use pointsman_store::{BlobWriter, SpoolError, Whole};
use tokio::task::{JoinHandle, spawn_blocking};

/// Octets between two points a broken file may be resumed at. The sync runs beside the transfer, so it also
/// keeps the last sync, which the peer waits for, short.
const CHECKPOINT: u64 = 64 << 20;

/// Octets of small buffers that are gathered into one write: a hop to another thread costs more than their copy.
const GATHERED: usize = 64 << 10;

/// Takes the octets of one file. One write is under way at most: the disk sets the pace.
#[derive(Debug)]
pub struct Intake {
    hand: Hand,
    /// Small buffers that wait for the next write.
    gathered: Vec<u8>,
    /// Octets handed over so far, those that wait included.
    octets: u64,
    /// The sync under way, and what will be durable with it.
    sync: Option<(JoinHandle<Result<u64, SpoolError>>, Position)>,
    synced: u64,
}

#[derive(Debug)]
enum Hand {
    Free(Box<BlobWriter>),
    Writing(JoinHandle<Written>),
    /// A write failed or was lost; nothing more can be said of the blob.
    Broken,
}

#[derive(Debug)]
struct Written {
    writer: Box<BlobWriter>,
    spent: Vec<u8>,
    outcome: Result<(), SpoolError>,
}

impl Intake {
    /// Takes over `writer`.
    #[must_use]
    pub fn new(writer: BlobWriter) -> Self {
        let octets = writer.octets();
        Self {
            hand: Hand::Free(Box::new(writer)),
            gathered: Vec::new(),
            octets,
            sync: None,
            synced: octets,
        }
    }

    /// Hands octets to the disk, after what was handed over before is there. Returns a buffer that is free again.
    ///
    /// # Errors
    /// An earlier write failed.
    pub async fn write(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError> {
        self.octets += octets.len() as u64;
        if self.gathered.len() + octets.len() <= GATHERED {
            self.gathered.extend_from_slice(&octets);
            return Ok(Some(octets));
        }
        if !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            self.begin_write(gathered).await?;
        }
        self.begin_write(octets).await
    }

    async fn begin_write(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError> {
        let (mut writer, spent) = self.take().await?;
        self.hand = Hand::Writing(spawn_blocking(move || {
            let outcome = writer.append(&octets);
            Written {
                writer,
                spent: octets,
                outcome,
            }
        }));
        Ok(spent)
    }

    /// Octets so far, those of earlier sessions included.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Waits until everything handed over is written, but what is gathered. Where an earlier `boundary` has become durable
    /// meanwhile, gives it back: from there the file may go on.
    ///
    /// # Errors
    /// A write or a sync failed.
    pub async fn settle(&mut self, boundary: Position) -> Result<Option<Position>, SpoolError> {
        if self.octets - self.synced >= CHECKPOINT && !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            self.begin_write(gathered).await?;
        }
        let (writer, _) = self.take().await?;
        let reached = match self.sync.take_if(|(sync, _)| sync.is_finished()) {
            Some((sync, boundary)) => {
                sync.await.unwrap_or_else(|lost| Err(lost_thread(&lost)))?;
                Some(boundary)
            }
            None => None,
        };
        if self.sync.is_none() && self.octets - self.synced >= CHECKPOINT {
            self.synced = self.octets;
            let syncer = writer.syncer()?;
            self.sync = Some((spawn_blocking(move || syncer.sync()), boundary));
        }
        self.hand = Hand::Free(writer);
        Ok(reached)
    }

    /// Ends the file: its digest is known, and nothing of it need be durable yet. [`Whole::keep`] seals it, or
    /// [`Whole::discard`] removes it, when the policies have answered. Of a file that went on, what was here before may
    /// still be being read for its digest; this waits for that.
    ///
    /// # Errors
    /// A write failed, or a sync that ran beside the transfer, or what was here before cannot be read: the blob is not to
    /// be trusted.
    pub async fn finish(mut self) -> Result<Whole, SpoolError> {
        let (writer, _) = self.take().await?;
        self.end_sync().await?;
        let gathered = self.gathered;
        if writer.is_being_read() {
            return blocking(move || writer.finish_with(gathered)).await;
        }
        // Little enough to take its digest here.
        writer.finish_with(gathered)
    }

    /// Stops in the middle; all that came is durable then. Gives the writer back, which holds the lock: it is to be kept
    /// until the row says how much is here, else whoever takes the partial next is told an older position.
    ///
    /// # Errors
    /// As for [`Intake::finish`].
    pub async fn pause(mut self) -> Result<Box<BlobWriter>, SpoolError> {
        let (mut writer, _) = self.take().await?;
        self.end_sync().await?;
        blocking(move || {
            writer.append(&self.gathered)?;
            writer.sync()?;
            Ok(writer)
        })
        .await
    }

    /// Gives the file up.
    ///
    /// # Errors
    /// The partial cannot be removed.
    pub async fn discard(mut self) -> Result<(), SpoolError> {
        let (writer, _) = self.take().await?;
        blocking(move || writer.discard()).await
    }

    /// The kernel tells of a failed write once: if the sync beside the transfer heard it, that is final.
    async fn end_sync(&mut self) -> Result<(), SpoolError> {
        match self.sync.take() {
            Some((sync, _)) => sync
                .await
                .unwrap_or_else(|lost| Err(lost_thread(&lost)))
                .map(drop),
            None => Ok(()),
        }
    }

    async fn take(&mut self) -> Result<(Box<BlobWriter>, Option<Vec<u8>>), SpoolError> {
        match std::mem::replace(&mut self.hand, Hand::Broken) {
            Hand::Free(writer) => Ok((writer, None)),
            Hand::Writing(task) => {
                let written = task.await.map_err(|lost| lost_thread(&lost))?;
                written.outcome?;
                Ok((written.writer, Some(written.spent)))
            }
            Hand::Broken => Err(SpoolError::Io {
                path: "the spool".into(),
                source: std::io::Error::other("an earlier write failed"),
            }),
        }
    }
}
