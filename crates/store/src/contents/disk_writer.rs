//! Writes a file on a thread that may block, while the next octets arrive.

use async_trait::async_trait;
use pointsman_log::emit;
use tokio::task::{JoinHandle, spawn_blocking};

use super::thread::{lost_thread, of_the_spool, on_thread};
use super::{ContentSyncer, ContentWriter, WholeContent};
use crate::content::{ContentKey, Hold};
use crate::events::StoreEvent;
use crate::spool::{BlobWriter, Spool, SpoolError, Syncer};

/// Writes to the disk, with at most one write under way, so that the disk limits how fast octets are taken.
#[derive(Debug)]
pub(super) struct DiskWriter {
    state: Writing,
    /// Octets handed over so far.
    octets: u64,
    /// Where the file is found again if its writer is lost.
    spool: Spool,
    key: ContentKey,
}

#[derive(Debug)]
enum Writing {
    Idle(Box<BlobWriter>),
    Busy(JoinHandle<Written>),
    /// A write failed or was lost: what the file holds is unknown. Its writer, which has its lock, unless that is lost.
    Failed(Option<Box<BlobWriter>>),
}

#[derive(Debug)]
struct Written {
    writer: Box<BlobWriter>,
    spent: Vec<u8>,
    outcome: Result<(), SpoolError>,
}

impl From<BlobWriter> for DiskWriter {
    fn from(writer: BlobWriter) -> Self {
        Self {
            octets: writer.octets(),
            spool: writer.spool().clone(),
            key: writer.key(),
            state: Writing::Idle(Box::new(writer)),
        }
    }
}

impl DiskWriter {
    /// Waits for the write under way. Returns the writer, and the buffer of that write.
    async fn idle(&mut self) -> Result<(Box<BlobWriter>, Option<Vec<u8>>), SpoolError> {
        match std::mem::replace(&mut self.state, Writing::Failed(None)) {
            Writing::Idle(writer) => Ok((writer, None)),
            Writing::Busy(task) => {
                let written = task.await.map_err(|lost| lost_thread(&lost))?;
                if let Err(error) = written.outcome {
                    self.state = Writing::Failed(Some(written.writer));
                    return Err(error);
                }
                Ok((written.writer, Some(written.spent)))
            }
            failed @ Writing::Failed(_) => {
                self.state = failed;
                Err(of_the_spool("an earlier write failed"))
            }
        }
    }

    /// Removes the content, whatever failed before.
    async fn remove(&mut self) -> Result<(), SpoolError> {
        let writer = match self.idle().await {
            Ok((writer, _)) => Some(writer),
            Err(_) => match std::mem::replace(&mut self.state, Writing::Failed(None)) {
                Writing::Failed(writer) => writer,
                Writing::Idle(_) | Writing::Busy(_) => None,
            },
        };
        let (spool, key) = (self.spool.clone(), self.key);
        on_thread(move || match writer {
            Some(writer) => writer.discard(),
            None => spool.partial(key)?.remove(),
        })
        .await
    }

    async fn finish_with(&mut self, rest: Vec<u8>) -> Result<Box<dyn WholeContent>, SpoolError> {
        let (writer, _) = self.idle().await?;
        let whole = if writer.is_being_read() {
            on_thread(move || writer.finish_with(rest)).await?
        } else {
            // Little enough to take its digest here.
            writer.finish_with(rest)?
        };
        Ok(Box::new(whole))
    }
}

#[async_trait]
impl ContentWriter for DiskWriter {
    fn octets(&self) -> u64 {
        self.octets
    }

    async fn append(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError> {
        let (mut writer, spent) = self.idle().await?;
        self.octets += octets.len() as u64;
        self.state = Writing::Busy(spawn_blocking(move || {
            let outcome = writer.append(&octets);
            Written {
                writer,
                spent: octets,
                outcome,
            }
        }));
        Ok(spent)
    }

    async fn written(&mut self) -> Result<(), SpoolError> {
        let (writer, _) = self.idle().await?;
        self.state = Writing::Idle(writer);
        Ok(())
    }

    async fn syncer(&mut self) -> Result<Box<dyn ContentSyncer>, SpoolError> {
        let (writer, _) = self.idle().await?;
        let syncer = writer.syncer();
        self.state = Writing::Idle(writer);
        Ok(Box::new(syncer?))
    }

    async fn finish(
        mut self: Box<Self>,
        rest: Vec<u8>,
    ) -> Result<Box<dyn WholeContent>, SpoolError> {
        let finished = self.finish_with(rest).await;
        if finished.is_err() {
            // The failure itself is what is told; what cannot be removed is in the log.
            let _ = self.discard().await;
        }
        finished
    }

    async fn pause(mut self: Box<Self>, rest: Vec<u8>) -> Result<Hold, SpoolError> {
        let (mut writer, _) = self.idle().await?;
        on_thread(move || {
            writer.append(&rest)?;
            writer.sync()?;
            Ok(writer.into_hold())
        })
        .await
    }

    async fn discard(mut self: Box<Self>) -> Result<(), SpoolError> {
        let removed = self.remove().await;
        if let Err(error) = &removed {
            emit(&StoreEvent::UnsealedLeft {
                transfer: self.key.id,
                reason: error.to_string(),
            });
        }
        removed
    }
}

#[async_trait]
impl ContentSyncer for Syncer {
    async fn sync(self: Box<Self>) -> Result<u64, SpoolError> {
        on_thread(move || Self::sync(*self)).await
    }
}
