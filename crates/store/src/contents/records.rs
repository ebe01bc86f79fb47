//! Contents that are files of records, read through.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use oftp::{
    Counts, Format, Position, Positions, PositionsFinder, RecordLayout, RecordProblem, RecordReader,
};

use super::StoredContent;
use super::thread::{of_the_spool, on_thread};
use crate::spool::SpoolError;

/// Octets that are examined at once: more than any layout has between two records.
const CHUNK: usize = 256 * 1024;

/// Why a file of records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A record is not as announced.
    #[error(transparent)]
    Record(#[from] RecordProblem),
    /// The file cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// What was found in a file of records when it was read.
#[derive(Clone, Debug)]
pub struct RecordsFound {
    /// The totals of the virtual file.
    pub counts: Counts,
    /// Octets of the longest record.
    pub longest: u32,
    /// Where some of its records end, where that cannot be calculated.
    pub positions: Positions,
}

impl RecordsFound {
    /// A file without records.
    #[must_use]
    pub fn none(octets: u64) -> Self {
        Self {
            counts: Counts { records: 0, octets },
            longest: 0,
            positions: Positions::default(),
        }
    }
}

/// Counts the records of a content.
///
/// # Errors
/// A record is not as announced, or a read failed.
pub async fn count(
    content: Arc<dyn StoredContent>,
    layout: RecordLayout,
    format: Format,
) -> Result<RecordsFound, RecordError> {
    on_thread(move || {
        let mut reader = RecordReader::new(layout, format).without_bare_line_feeds();
        let mut finder = PositionsFinder::default();
        let mut ended = |end| finder.record_ended(end);
        read(content.as_ref(), &mut reader, u64::MAX, &mut ended)?;
        let is_calculated = layout.end_of(format, 0).is_some();
        Ok(RecordsFound {
            counts: reader.counts(),
            longest: u32::try_from(reader.longest()).unwrap_or(u32::MAX),
            positions: match is_calculated {
                true => Positions::default(),
                false => finder.found(),
            },
        })
    })
    .await
}

/// Moves a reader from the start of a content to the end of this record. It starts at the nearest position before the
/// record, and then returns a check of the positions; without a position it reads everything before the record.
///
/// # Errors
/// A record is not as announced, or a read failed.
pub async fn find(
    content: Arc<dyn StoredContent>,
    mut reader: RecordReader,
    positions: Positions,
    records: u64,
) -> Result<(RecordReader, Option<PositionsCheck>), RecordError> {
    on_thread(move || {
        let check = PositionsCheck::new(reader.clone(), &positions);
        if find_from(content.as_ref(), &mut reader, &positions, records)? {
            return Ok((reader, Some(check)));
        }
        read(content.as_ref(), &mut reader, records, &mut |_| {})?;
        Ok((reader, None))
    })
    .await
}

/// Moves to the end of this record from the nearest position before it. Returns false where the file shows that the
/// position is wrong; the reader is where it was before then.
fn find_from(
    content: &dyn StoredContent,
    reader: &mut RecordReader,
    positions: &Positions,
    records: u64,
) -> Result<bool, SpoolError> {
    let mut near = reader.clone();
    near.go_to(positions.before(records));
    match read(content, &mut near, records, &mut |_| {}) {
        Ok(()) if near.position().records == records => {
            *reader = near;
            Ok(true)
        }
        Ok(()) | Err(RecordError::Record(_)) => Ok(false),
        Err(RecordError::Spool(error)) => Err(error),
    }
}

/// Reads to the end of this record, counted from the start of the file, or to the end of the file.
fn read(
    content: &dyn StoredContent,
    reader: &mut RecordReader,
    records: u64,
    ended: &mut impl FnMut(Position),
) -> Result<(), RecordError> {
    let size = content.octets()?;
    let mut chunk = vec![0; CHUNK];
    while reader.position().octets < size && reader.position().records < records {
        let at = reader.position().octets;
        let count = content.read_now(at, &mut chunk)?;
        let octets = chunk.get(..count).unwrap_or_default();
        let last = at + count as u64 >= size;
        if pass(reader, octets, last, records, ended)? == 0 {
            return Err(got_shorter().into());
        }
    }
    Ok(())
}

/// Skips the records in these octets, up to this one. Returns how many octets were skipped.
fn pass(
    reader: &mut RecordReader,
    octets: &[u8],
    last: bool,
    records: u64,
    ended: &mut impl FnMut(Position),
) -> Result<usize, RecordProblem> {
    let mut rest = octets;
    while reader.position().records < records {
        let piece = reader.peek(rest, last)?;
        let consumed = reader.advance(&piece, piece.length);
        if consumed == 0 {
            break;
        }
        if piece.ends {
            ended(reader.position());
        }
        rest = rest.get(consumed..).unwrap_or_default();
    }
    Ok(octets.len() - rest.len())
}

/// Compares positions with the records of the file that they are said to be of, while it is read from its start.
#[derive(Debug)]
pub struct PositionsCheck {
    reader: RecordReader,
    /// Positions that the reading has not reached yet.
    left: Peekable<vec::IntoIter<Position>>,
    wrong: bool,
}

impl PositionsCheck {
    /// A check of these, with a reader at the start of the file.
    pub(super) fn new(reader: RecordReader, positions: &Positions) -> Self {
        Self {
            reader,
            left: positions.points().to_vec().into_iter().peekable(),
            wrong: false,
        }
    }

    /// Examines the next octets; they are the last of the file if `last`. Returns how many of them are done with. The
    /// caller passes the others again, with more octets behind them.
    pub(super) fn look(&mut self, octets: &[u8], last: bool) -> usize {
        let Self {
            reader,
            left,
            wrong,
        } = self;
        // Of what is wrong already nothing more need be known.
        if *wrong || left.peek().is_none() {
            return octets.len();
        }
        let mut ended = |end: Position| {
            if let Some(next) = left.next_if(|next| next.records <= end.records) {
                *wrong |= next != end;
            }
        };
        match pass(reader, octets, last, u64::MAX, &mut ended) {
            Ok(done) if done > 0 => done,
            _ => {
                *wrong = true;
                octets.len()
            }
        }
    }

    /// Whether all positions are ends of records. It is known once the file was read to its end.
    pub(super) fn agrees(mut self) -> bool {
        !self.wrong && self.left.peek().is_none()
    }
}

/// The first line, counted from 1, that ends in a line feed without a carriage return before it.
///
/// # Errors
/// A failed read.
pub async fn bare_line_feed(content: Arc<dyn StoredContent>) -> Result<Option<u64>, SpoolError> {
    on_thread(move || first_bare_line_feed(content.as_ref())).await
}

fn first_bare_line_feed(content: &dyn StoredContent) -> Result<Option<u64>, SpoolError> {
    let size = content.octets()?;
    let mut chunk = vec![0; CHUNK];
    let (mut at, mut line, mut before) = (0, 1, 0);
    while at < size {
        let count = content.read_now(at, &mut chunk)?;
        if count == 0 {
            return Err(got_shorter());
        }
        for octet in chunk.iter().take(count) {
            match (before, *octet) {
                (b'\r', b'\n') => line += 1,
                (_, b'\n') => return Ok(Some(line)),
                _ => {}
            }
            before = *octet;
        }
        at += count as u64;
    }
    Ok(None)
}

fn got_shorter() -> SpoolError {
    of_the_spool("a file got shorter while it was read")
}

#[cfg(test)]
mod tests;
