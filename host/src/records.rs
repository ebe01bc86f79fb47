//! Files of records in the spool, read through.

use oftp::{RecordProblem, RecordReader};
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
    let size = blob.octets()?;
    let mut chunk = vec![0; CHUNK];
    while reader.position().octets < size && reader.position().records < records {
        let at = reader.position().octets;
        let count = blob.read_at(at, &mut chunk)?;
        let mut rest = chunk.get(..count).unwrap_or_default();
        let last = at + count as u64 >= size;
        while reader.position().records < records {
            let piece = reader.peek(rest, last)?;
            let consumed = reader.advance(&piece, piece.length);
            if consumed == 0 {
                break;
            }
            rest = rest.get(consumed..).unwrap_or_default();
        }
        if reader.position().octets == at {
            return Err(got_shorter().into());
        }
    }
    Ok(())
}

/// Reads to the end of the file.
///
/// # Errors
/// As for [`read_on`].
pub fn read_all(blob: &Blob, reader: &mut RecordReader) -> Result<(), RecordError> {
    read_on(blob, reader, u64::MAX)
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
