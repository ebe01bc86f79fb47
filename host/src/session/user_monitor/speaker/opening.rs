//! SFPA: the file is opened in the spool, and the place found from where the partner wants it.

use std::sync::Arc;

use oftp::{Position, RecordLayout, RecordReader};
use pointsman_store::{Blob, OutboundFile, Spool, SpoolError};

use super::sending::{OpenFile, Sending, Stage};
use crate::contents::blocking::{blocking, lost_thread};
use crate::contents::records::{self, PositionsCheck, RecordError};
use crate::events::Event as Happening;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::session::user_monitor::listener::BLOCK;

/// From where a file is sent, what finds its records, and a check of the positions that the place was found by.
type Start = (u64, Option<Box<RecordReader>>, Option<PositionsCheck>);

impl Sending {
    /// The partner takes the file from that position on.
    pub async fn accepted(
        &mut self,
        context: &mut SessionContext,
        restart: u64,
    ) -> Result<(), InternalError> {
        if self.file.in_doubt {
            // It takes it once more, so it has not got it: what breaks now leaves no doubt.
            context.station.ledger.not_there(self.id()).await?;
            self.file.in_doubt = false;
        }
        match self.open(context, restart).await {
            Ok(open) => {
                context.log(Happening::Sending {
                    session: context.talk(),
                    transfer: self.id(),
                    file: self.name(),
                    from: open.position,
                    octets: self.file.octets,
                });
                self.stage = Stage::Open(open);
                Ok(())
            }
            Err(Unopened::Unreadable(error)) => self.unreadable(context, error).await,
            Err(Unopened::Damaged(why)) => self.park_damaged(context, why).await,
        }
    }

    async fn open(&self, context: &SessionContext, restart: u64) -> Result<OpenFile, Unopened> {
        let (spool, id, expected) = (context.station.spool.clone(), self.id(), self.file.octets);
        let (blob, octets) = blocking(move || {
            let blob = spool.outgoing(id)?;
            let octets = blob.octets()?;
            Ok((blob, octets))
        })
        .await?;
        if octets != expected {
            let why = format!("it has {octets} octets of {expected}");
            return Err(Unopened::Damaged(why));
        }
        let blob = Arc::new(blob);
        let spool = context.station.spool.clone();
        let (position, records, positions) = start(&self.file, spool, &blob, restart).await?;
        let checks = &context.station.late_checks;
        Ok(OpenFile {
            check: checks.begin(id, &blob, position, positions),
            blob,
            position,
            records,
        })
    }
}

/// Why a file cannot be opened.
enum Unopened {
    /// It cannot be read at the moment, or is gone.
    Unreadable(SpoolError),
    /// It is not what was queued.
    Damaged(String),
}

impl From<SpoolError> for Unopened {
    fn from(error: SpoolError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<RecordError> for Unopened {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Spool(error) => Self::Unreadable(error),
            problem => Self::Damaged(problem.to_string()),
        }
    }
}

async fn start(
    file: &OutboundFile,
    spool: Spool,
    blob: &Arc<Blob>,
    restart: u64,
) -> Result<Start, RecordError> {
    let Some(layout) = file.layout else {
        return Ok(((restart * BLOCK).min(file.octets), None, None));
    };
    let (reader, check) = find(layout, file, spool, Arc::clone(blob), restart).await?;
    let position = reader.position().octets;
    Ok((position, Some(Box::new(reader)), check))
}

/// A reader at the end of the records that the partner has; and a check of the positions that it was found by.
async fn find(
    layout: RecordLayout,
    file: &OutboundFile,
    spool: Spool,
    blob: Arc<Blob>,
    restart: u64,
) -> Result<(RecordReader, Option<PositionsCheck>), RecordError> {
    let mut reader = RecordReader::new(layout, file.header.format);
    if let Some(end) = layout.end_of(file.header.format, restart) {
        // The last line may lack its end.
        let octets = end.octets.min(file.octets);
        reader.go_to(Position { octets, ..end });
        return Ok((reader, None));
    }
    if restart == 0 {
        return Ok((reader, None));
    }
    let id = file.id;
    let read = move || {
        let positions = spool.positions(id);
        let check = PositionsCheck::new(reader.clone(), &positions);
        if records::find_from(&blob, &mut reader, &positions, restart)? {
            return Ok((reader, Some(check)));
        }
        records::read_on(&blob, &mut reader, restart)?;
        Ok((reader, None))
    };
    let found = tokio::task::spawn_blocking(read).await;
    found.unwrap_or_else(|lost| Err(lost_thread(&lost).into()))
}
