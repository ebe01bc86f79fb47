//! The octets of a virtual file, of a local file that has its records in a layout of its own: what is secured, and what
//! the hash of a receipt is made of.

use std::io::{self, Read, Write};

use oftp::{Counts, Format, RecordLayout, RecordProblem, RecordReader};
use pointsman_cms::{RecordHeaderError, RecordHeaderWriter};

/// Octets that are read at once: more than any layout has between two records.
const CHUNK: usize = 256 * 1024;

/// How the records of a local file stand in it, and how they leave it.
#[derive(Clone, Copy, Debug)]
pub struct VirtualShape {
    /// What SFIDFMT says.
    pub format: Format,
    /// How records stand in the local file; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// What its octets are for.
    pub purpose: VirtualPurpose,
}

/// What the octets of a virtual file are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualPurpose {
    /// They are secured: each record of format V gets its length before it (RFC 5024, 6.5), and line ends must be CR LF.
    Securing,
    /// They are what a receipt's hash is made of: without lengths, and whatever the line ends are.
    Hashing,
}

/// What a virtual file was, once all of it has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualFound {
    /// Records, and octets without their headers.
    pub counts: Counts,
    /// Octets of the longest record.
    pub longest: u32,
    /// Octets that were written: record headers count.
    pub written: u64,
}

/// Why a local file is not the virtual file that it is said to be, or does not get through.
#[derive(Debug, thiserror::Error)]
pub enum VirtualError {
    /// It cannot be read, or what it is written to fails.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A record is not as announced.
    #[error(transparent)]
    Record(#[from] RecordProblem),
    /// A record is longer than its header can say.
    #[error(transparent)]
    Header(#[from] RecordHeaderError),
    /// A line of a text file ends in LF alone; which one, from 1 on.
    #[error("line {0} ends in LF alone")]
    Line(u64),
}

/// Reads a local file and writes the octets of its virtual file, some at a time.
pub struct VirtualFile<R, W: Write> {
    source: R,
    buffer: Vec<u8>,
    /// The local file was read to its end.
    ended: bool,
    content: Content,
    out: Out<W>,
}

/// What is looked at in the octets that pass.
enum Content {
    Octets {
        octets: u64,
    },
    /// Lines must end in CR LF: where the file stands.
    Text {
        octets: u64,
        line: u64,
        before: u8,
    },
    Records(Box<RecordReader>),
}

/// Where they go.
enum Out<W: Write> {
    As(Counted<W>),
    Headers(RecordHeaderWriter<Counted<W>>),
}

/// Counts what is written.
struct Counted<W> {
    out: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.out.write(octets)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<R: Read, W: Write> VirtualFile<R, W> {
    /// Reads the local file from its start, and writes to that.
    pub fn new(source: R, shape: VirtualShape, out: W) -> Self {
        let is_checked = shape.purpose == VirtualPurpose::Securing;
        let content = match (shape.layout, shape.format) {
            (Some(layout), format) => {
                let reader = RecordReader::new(layout, format);
                Content::Records(Box::new(match is_checked {
                    true => reader.without_bare_line_feeds(),
                    false => reader,
                }))
            }
            (None, Format::Text) if is_checked => Content::Text {
                octets: 0,
                line: 1,
                before: 0,
            },
            (None, _) => Content::Octets { octets: 0 },
        };
        let out = Counted { out, written: 0 };
        let has_headers =
            is_checked && shape.layout.is_some() && matches!(shape.format, Format::Variable(_));
        Self {
            source,
            buffer: Vec::new(),
            ended: false,
            content,
            out: match has_headers {
                true => Out::Headers(RecordHeaderWriter::new(out)),
                false => Out::As(out),
            },
        }
    }

    /// Passes all of it.
    ///
    /// # Errors
    /// As for [`VirtualFile::step`].
    pub fn pass(mut self) -> Result<(W, VirtualFound), VirtualError> {
        while self.step()? {}
        self.finish()
    }

    /// Passes the next octets. False at the end of the file.
    ///
    /// # Errors
    /// [`VirtualError`].
    pub fn step(&mut self) -> Result<bool, VirtualError> {
        if self.ended && self.buffer.is_empty() {
            return Ok(false);
        }
        self.fill()?;
        let done = match &mut self.content {
            Content::Records(reader) => records(reader, &self.buffer, self.ended, &mut self.out)?,
            Content::Text {
                octets,
                line,
                before,
            } => {
                look_at_lines(&self.buffer, line, before)?;
                *octets += self.buffer.len() as u64;
                self.out.put(&self.buffer)?
            }
            Content::Octets { octets } => {
                *octets += self.buffer.len() as u64;
                self.out.put(&self.buffer)?
            }
        };
        if self.ended && done == 0 && !self.buffer.is_empty() {
            return Err(RecordHeaderError::EndsEarly { missing: 1 }.into());
        }
        self.buffer.drain(..done);
        Ok(true)
    }

    /// Reads until there is a chunk, or the end of the file.
    fn fill(&mut self) -> io::Result<()> {
        let wanted = CHUNK.saturating_sub(self.buffer.len()) as u64;
        let mut more = self.source.by_ref().take(wanted);
        let count = more.read_to_end(&mut self.buffer)?;
        self.ended = (count as u64) < wanted;
        Ok(())
    }

    /// Ends it, and gives back where it was written to.
    ///
    /// # Errors
    /// [`VirtualError::Header`] where it ends within a record.
    pub fn finish(self) -> Result<(W, VirtualFound), VirtualError> {
        let Counted { out, written } = match self.out {
            Out::As(out) => out,
            Out::Headers(writer) => writer.finish()?,
        };
        let (counts, longest) = match self.content {
            Content::Records(reader) => (reader.counts(), reader.longest()),
            Content::Octets { octets } | Content::Text { octets, .. } => {
                (Counts { records: 0, octets }, 0)
            }
        };
        let found = VirtualFound {
            counts,
            longest: u32::try_from(longest).unwrap_or(u32::MAX),
            written,
        };
        Ok((out, found))
    }
}

impl<W: Write> Out<W> {
    /// All of these, within a record; returns how many they are.
    fn put(&mut self, octets: &[u8]) -> Result<usize, VirtualError> {
        match self {
            Self::As(out) => out.write_all(octets)?,
            Self::Headers(writer) => writer.add(octets)?,
        }
        Ok(octets.len())
    }

    fn end_record(&mut self) -> Result<(), VirtualError> {
        match self {
            Self::As(_) => Ok(()),
            Self::Headers(writer) => Ok(writer.end_record()?),
        }
    }
}

/// The records in these octets, the last of the file if `last`; returns how many octets of the local file are done with.
fn records<W: Write>(
    reader: &mut RecordReader,
    octets: &[u8],
    last: bool,
    out: &mut Out<W>,
) -> Result<usize, VirtualError> {
    let mut done = 0;
    loop {
        let rest = octets.get(done..).unwrap_or_default();
        let piece = reader.peek(rest, last)?;
        if piece.needs_more() {
            return Ok(done);
        }
        let content = rest.get(piece.from..piece.from + piece.length);
        out.put(content.unwrap_or_default())?;
        if piece.ends {
            out.end_record()?;
        }
        let consumed = reader.advance(&piece, piece.length);
        if consumed == 0 && !piece.ends {
            return Ok(done);
        }
        done += consumed;
    }
}

fn look_at_lines(octets: &[u8], line: &mut u64, before: &mut u8) -> Result<(), VirtualError> {
    for octet in octets {
        if *octet == b'\n' {
            if *before != b'\r' {
                return Err(VirtualError::Line(*line));
            }
            *line += 1;
        }
        *before = *octet;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::VirtualPurpose::{Hashing, Securing};
    use super::*;

    fn passed(
        file: &[u8],
        layout: Option<RecordLayout>,
        format: Format,
        purpose: VirtualPurpose,
    ) -> Result<(Vec<u8>, VirtualFound), VirtualError> {
        let shape = VirtualShape {
            format,
            layout,
            purpose,
        };
        VirtualFile::new(file, shape, Vec::new()).pass()
    }

    #[test]
    fn records_of_format_v_get_their_lengths_and_those_of_format_f_none() {
        let lines = Some(RecordLayout::Lines);
        let file = b"UNA\r\n\r\nUNB+X";
        let (octets, found) = passed(file, lines, Format::Variable(80), Securing).unwrap();
        assert_eq!(octets, b"\0\x03UNA\0\0\0\x05UNB+X");
        let counts = Counts {
            records: 3,
            octets: 8,
        };
        assert_eq!(
            (found.counts, found.longest, found.written),
            (counts, 5, 14)
        );
        let (octets, _) = passed(file, lines, Format::Variable(80), Hashing).unwrap();
        assert_eq!(octets, b"UNAUNB+X");
        let (octets, _) = passed(b"AAA\r\nBBB\r\n", lines, Format::Fixed(3), Securing).unwrap();
        assert_eq!(octets, b"AAABBB");
    }

    #[test]
    fn a_file_of_many_chunks_is_the_same_however_it_is_cut() {
        let line = [vec![b'x'; 40_000], b"\r\n".to_vec()].concat();
        let file = line.repeat(100);
        let (octets, found) = passed(
            &file,
            Some(RecordLayout::Lines),
            Format::Variable(0),
            Securing,
        )
        .unwrap();
        let record = [vec![0x9C, 0x40], vec![b'x'; 40_000]].concat();
        assert!(octets == record.repeat(100));
        assert_eq!(found.counts.records, 100);
        let (octets, found) = passed(&file, None, Format::Unstructured, Securing).unwrap();
        assert!(octets == file);
        assert_eq!(found.written, file.len() as u64);
    }

    #[test]
    fn an_empty_file_has_no_octets_and_no_records() {
        for (layout, format) in [
            (None, Format::Unstructured),
            (None, Format::Text),
            (Some(RecordLayout::Lines), Format::Variable(80)),
            (Some(RecordLayout::Raw), Format::Fixed(80)),
        ] {
            let (octets, found) = passed(b"", layout, format, Securing).unwrap();
            assert!(octets.is_empty());
            assert_eq!((found.counts, found.written), (Counts::default(), 0));
        }
    }

    #[test]
    fn what_is_not_as_announced_is_refused() {
        let text = |purpose| passed(b"one\r\ntwo\nthree", None, Format::Text, purpose);
        assert!(matches!(text(Securing), Err(VirtualError::Line(2))));
        assert!(text(Hashing).is_ok(), "it came so");
        let cut = passed(b"AAAB", Some(RecordLayout::Raw), Format::Fixed(3), Securing);
        assert!(matches!(cut, Err(VirtualError::Record(_))));
        let long = [vec![b'x'; 70_000], b"\r\n".to_vec()].concat();
        let long = passed(
            &long,
            Some(RecordLayout::Lines),
            Format::Variable(99_999),
            Securing,
        );
        assert!(matches!(long, Err(VirtualError::Header(_))));
    }
}
