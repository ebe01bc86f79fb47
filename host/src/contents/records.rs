//! Files of records in the spool, read through.

use std::iter::Peekable;
use std::vec;

use oftp::{Position, Positions, PositionsFinder, RecordProblem, RecordReader};
use pointsman_store::{Blob, SpoolError};

/// Octets looked at once: more than any layout has between records.
const CHUNK: usize = 256 * 1024;

/// Why a file of records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A record is not as announced.
    #[error(transparent)]
    Record(#[from] RecordProblem),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Reads on to the end of that record, counted from the start, or to the end of the file.
///
/// # Errors
/// A record that is not as announced, or a failed read.
pub fn read_on(blob: &Blob, reader: &mut RecordReader, records: u64) -> Result<(), RecordError> {
    read(blob, reader, records, &mut |_| {})
}

/// Reads to the end of the file, and notes where some of its records end.
///
/// # Errors
/// As for [`read_on`].
pub fn read_all(blob: &Blob, reader: &mut RecordReader) -> Result<Positions, RecordError> {
    let mut finder = PositionsFinder::default();
    read(blob, reader, u64::MAX, &mut |end| finder.record_ended(end))?;
    Ok(finder.found())
}

/// Goes to the end of that record from the nearest position before it. False where the file says that the position is
/// none; the reader is where it was then.
///
/// # Errors
/// A failed read.
pub fn find_from(
    blob: &Blob,
    reader: &mut RecordReader,
    positions: &Positions,
    records: u64,
) -> Result<bool, SpoolError> {
    let mut near = reader.clone();
    near.go_to(positions.before(records));
    match read_on(blob, &mut near, records) {
        Ok(()) if near.position().records == records => {
            *reader = near;
            Ok(true)
        }
        Ok(()) | Err(RecordError::Record(_)) => Ok(false),
        Err(RecordError::Spool(error)) => Err(error),
    }
}

fn read(
    blob: &Blob,
    reader: &mut RecordReader,
    records: u64,
    ended: &mut impl FnMut(Position),
) -> Result<(), RecordError> {
    let size = blob.octets()?;
    let mut chunk = vec![0; CHUNK];
    while reader.position().octets < size && reader.position().records < records {
        let at = reader.position().octets;
        let count = blob.read_at(at, &mut chunk)?;
        let octets = chunk.get(..count).unwrap_or_default();
        let last = at + count as u64 >= size;
        if pass(reader, octets, last, records, ended)? == 0 {
            return Err(got_shorter().into());
        }
    }
    Ok(())
}

/// Passes over the records in these octets, up to that one; gives how many of the octets that was.
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

/// Holds positions against the records of the file that they are said to be of, while it is read from its start.
#[derive(Debug)]
pub struct PositionsCheck {
    reader: RecordReader,
    /// Those that are still to come.
    left: Peekable<vec::IntoIter<Position>>,
    wrong: bool,
}

impl PositionsCheck {
    /// A check of these, with a reader at the start of the file.
    #[must_use]
    pub fn new(reader: RecordReader, positions: &Positions) -> Self {
        Self {
            reader,
            left: positions.points().to_vec().into_iter().peekable(),
            wrong: false,
        }
    }

    /// Looks at the next octets, and to the end of the file if `last`; gives how many of them are done with. The others
    /// are to be shown again, with more behind them.
    pub fn look(&mut self, octets: &[u8], last: bool) -> usize {
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

    /// Whether all of them are ends of records, as far as the file was looked at to its end.
    #[must_use]
    pub fn agrees(mut self) -> bool {
        !self.wrong && self.left.peek().is_none()
    }
}

/// The first line, counted from 1, that ends in a line feed without a carriage return before it.
///
/// # Errors
/// A failed read.
pub fn bare_line_feed(blob: &Blob) -> Result<Option<u64>, SpoolError> {
    let size = blob.octets()?;
    let mut chunk = vec![0; CHUNK];
    let (mut at, mut line, mut before) = (0, 1, 0);
    while at < size {
        let count = blob.read_at(at, &mut chunk)?;
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
    SpoolError::Io {
        path: "the spool".into(),
        source: std::io::Error::other("a file got shorter while it was read"),
    }
}
