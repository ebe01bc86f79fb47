//! SFPA: the file is opened in the spool, and the place found from where the partner wants it.

use std::sync::Arc;

use oftp::{BLOCK, Position, RecordLayout, RecordReader};
use pointsman_store::contents::{self, Contents, PositionsCheck, RecordError, StoredContent};
use pointsman_store::{ContentKey, OutboundFile, SpoolError};

use super::sending::{OpenFile, Sending, Stage};
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;

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
            // The partner takes the file again, so it has not got it: a break from now on leaves no doubt.
            context.station.ledger.not_there(self.id()).await?;
            self.file.in_doubt = false;
        }
        match self.open(context, restart).await {
            Ok(open) => {
                context.log(Event::Sending {
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
        let (contents, id, expected) = (&context.station.contents, self.id(), self.file.octets);
        let content = contents.open(ContentKey::wire_to_send(id)).await?;
        let octets = content.octets()?;
        if octets != expected {
            let why = format!("it has {octets} octets of {expected}");
            return Err(Unopened::Damaged(why));
        }
        let start = start(&self.file, contents.as_ref(), &content, restart);
        let (position, records, positions) = start.await?;
        let checks = &context.station.late_checks;
        Ok(OpenFile {
            check: checks.begin(id, &content, position, positions),
            content,
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
    contents: &dyn Contents,
    content: &Arc<dyn StoredContent>,
    restart: u64,
) -> Result<Start, RecordError> {
    let Some(layout) = file.layout else {
        return Ok(((restart * BLOCK).min(file.octets), None, None));
    };
    let (reader, check) = find(layout, file, contents, content, restart).await?;
    let position = reader.position().octets;
    Ok((position, Some(Box::new(reader)), check))
}

/// A reader at the end of the records that the partner has; and a check of the positions that it was found by.
async fn find(
    layout: RecordLayout,
    file: &OutboundFile,
    contents: &dyn Contents,
    content: &Arc<dyn StoredContent>,
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
    let positions = contents.positions(file.id).await;
    contents::find(Arc::clone(content), reader, positions, restart).await
}
