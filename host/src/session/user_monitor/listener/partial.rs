//! The partial of a file: whose it is, and from where the file is resumed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oftp::{BLOCK, FileAnswer, FileHeader, Format, Position, RecordLayout, RecordWriter};
use pointsman_store::contents::{Intake, PartialContent, WholeContent};
use pointsman_store::{ContentKey, Offer, SpoolError, TransferId};

use crate::session::user_monitor::context::SessionContext;
use crate::station::holders::{Holding, STILL};

/// How long a session that is ended may take to let its file go.
const LEAVING: Duration = Duration::from_secs(8);

/// Opens the partial of that file for this session alone. Where an earlier session of the partner has it, and the file
/// does not move there, that session is ended. Where it moves, the file is refused for now (SFNA 12).
pub(super) async fn open(
    context: &SessionContext,
    id: TransferId,
) -> Result<(Box<dyn PartialContent>, Holding), SpoolError> {
    let began = Instant::now();
    let mut ends = false;
    loop {
        let contents = &context.station.contents;
        match contents.partial(ContentKey::wire_received(id)).await {
            Ok(partial) => {
                let overtaken = Arc::clone(&context.overtaken);
                return Ok((partial, context.station.holders.enter(id, overtaken)));
            }
            Err(SpoolError::Busy(path)) => {
                ends |= context.station.holders.end_if_it_stands_still(id);
                // Long enough to see whether the file moves there; a session that is ended needs some time to leave.
                let patience = if ends { LEAVING } else { STILL + STILL / 4 };
                if began.elapsed() >= patience {
                    return Err(SpoolError::Busy(path));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// From where a file is resumed: as far as its row says that it is durable and the spool has its octets, and not beyond
/// `most`, which its sender or a policy set. Records are resumed at the row's position or at the start: where others end
/// is not known.
pub(super) fn resume_at(offer: &Offer, row: Position, octets: u64, most: u64) -> Position {
    let format = offer.header.format;
    match wire_layout(&offer.header, offer.layout) {
        // Text that is kept with line ends of ours has no blocks to count: it starts over.
        Some(_) if format == Format::Text => Position::default(),
        Some(layout) => whole_records(format, layout, row, octets, most),
        None => whole_blocks(row.octets.min(octets), most),
    }
}

/// How the records of what is on the wire are kept: those of a secured file come when it is opened.
fn wire_layout(header: &FileHeader, layout: Option<RecordLayout>) -> Option<RecordLayout> {
    layout.filter(|_| !header.is_secured())
}

/// Whole blocks, and never more than was asked for (RFC 5024, 5.3.4).
fn whole_blocks(octets: u64, most: u64) -> Position {
    let octets = (octets / BLOCK).min(most) * BLOCK;
    Position { octets, records: 0 }
}

/// The same of a file of records. Where fewer are asked for than are here, only records of fixed length
/// can be found; others are resumed at the start.
fn whole_records(
    format: Format,
    layout: RecordLayout,
    row: Position,
    octets: u64,
    most: u64,
) -> Position {
    if octets < row.octets {
        return Position::default();
    }
    if row.records <= most {
        return row;
    }
    layout.end_of(format, most).unwrap_or_default()
}

/// Writes what comes of one file: as it comes, or in records as its layout has them.
#[derive(Debug)]
pub(super) struct FileWriter {
    pub intake: Intake,
    /// A file of records: how they stand in the spool, and what puts them there.
    records: Option<(RecordLayout, RecordWriter)>,
    /// What was here before this session.
    held: Position,
}

impl FileWriter {
    /// Takes over the partial, which is cut where the file is resumed.
    pub async fn new(
        partial: Box<dyn PartialContent>,
        header: &FileHeader,
        layout: Option<RecordLayout>,
        held: Position,
    ) -> Result<Self, SpoolError> {
        let writer = partial.resume(held.octets).await?;
        let layout = wire_layout(header, layout);
        let of_records = |layout| (layout, RecordWriter::new(layout, header.format, held));
        Ok(Self {
            intake: Intake::new(writer),
            records: layout.map(of_records),
            held,
        })
    }

    /// SFPA: from where the file is resumed, in records or blocks.
    pub fn sfpa(&self) -> FileAnswer {
        FileAnswer::Accept {
            restart: match self.records {
                Some(_) => self.held.records,
                None => self.held.octets / BLOCK,
            },
            octets_held: self.octets_held(),
        }
    }

    /// Octets of the virtual file that were here before this session.
    pub fn octets_held(&self) -> u64 {
        self.virtual_octets(self.held)
    }

    /// Octets of the virtual file up to that position.
    pub fn virtual_octets(&self, at: Position) -> u64 {
        match &self.records {
            Some((layout, _)) => layout.virtual_octets(at),
            None => at.octets,
        }
    }

    /// From where the file could be resumed if it broke off now.
    pub fn boundary(&self) -> Position {
        match &self.records {
            Some((_, writer)) => writer.boundary(),
            None => Position {
                octets: self.intake.octets(),
                records: 0,
            },
        }
    }

    /// The octets as they are kept.
    pub fn arrange(&mut self, data: oftp::FileData) -> Vec<u8> {
        match &mut self.records {
            Some((_, writer)) => writer.write(data),
            None => data.octets,
        }
    }

    /// What is wrong with the records that came.
    pub fn problem(&self) -> Option<String> {
        let (_, writer) = self.records.as_ref()?;
        writer.problem().map(|problem| problem.to_string())
    }

    /// Ends the octets of a file, with those that its layout adds at its end.
    pub async fn finish(self) -> Result<Box<dyn WholeContent>, SpoolError> {
        let mut intake = self.intake;
        let last = self
            .records
            .map_or_else(Vec::new, |(_, mut writer)| writer.finish());
        if !last.is_empty() {
            intake.write(last).await?;
        }
        intake.finish().await
    }
}
