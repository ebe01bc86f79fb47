//! Writes a file on a thread that may block, while the next octets arrive.

use async_trait::async_trait;
use tokio::task::{JoinHandle, spawn_blocking};

use super::thread::{lost_thread, of_the_spool, on_thread};
use super::{ContentSyncer, ContentWriter, WholeContent};
use crate::content::Hold;
use crate::spool::{BlobWriter, SpoolError, Syncer};

/// Writes to the disk, with at most one write under way, so that the disk limits how fast octets are taken.
#[derive(Debug)]
pub(super) struct DiskWriter {
    state: Writing,
    /// Octets handed over so far.
    octets: u64,
}

#[derive(Debug)]
enum Writing {
    Idle(Box<BlobWriter>),
    Busy(JoinHandle<Written>),
    /// A write failed or was lost: what the file holds is unknown.
    Failed,
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
            state: Writing::Idle(Box::new(writer)),
        }
    }
}

impl DiskWriter {
    /// Waits for the write under way. Returns the writer, and the buffer of that write.
    async fn idle(&mut self) -> Result<(Box<BlobWriter>, Option<Vec<u8>>), SpoolError> {
        match std::mem::replace(&mut self.state, Writing::Failed) {
            Writing::Idle(writer) => Ok((writer, None)),
            Writing::Busy(task) => {
                let written = task.await.map_err(|lost| lost_thread(&lost))?;
                written.outcome?;
                Ok((written.writer, Some(written.spent)))
            }
            Writing::Failed => Err(of_the_spool("an earlier write failed")),
        }
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
        let (writer, _) = self.idle().await?;
        let whole = if writer.is_being_read() {
            on_thread(move || writer.finish_with(rest)).await?
        } else {
            // Little enough to take its digest here.
            writer.finish_with(rest)?
        };
        Ok(Box::new(whole))
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
        let (writer, _) = self.idle().await?;
        on_thread(move || writer.discard()).await
    }
}

#[async_trait]
impl ContentSyncer for Syncer {
    async fn sync(self: Box<Self>) -> Result<u64, SpoolError> {
        on_thread(move || Self::sync(*self)).await
    }
}
