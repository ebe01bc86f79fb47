//! The plain content as it is kept: records of a file that was secured stand as its partner's layout has them.

use oftp::{Counts, FileData, Format, Position, RecordLayout, RecordWriter};
use pointsman_cms::RecordHeaderReader;

use super::open_error::OpenError;

/// Arranges the plain octets of one file, and counts them.
#[derive(Debug)]
pub(super) struct PlainWriter {
    octets: u64,
    records: Option<Records>,
}

/// The end of a plain file.
#[derive(Debug)]
pub(super) struct PlainFile {
    /// The last octets as they are kept.
    pub last: Vec<u8>,
    /// Of the virtual file.
    pub counts: Counts,
}

/// Finds the ends of records, and writes these.
#[derive(Debug)]
struct Records {
    ends: Ends,
    writer: RecordWriter,
    count: u64,
}

/// Where records of a secured file end (RFC 5024, 6.5): of format V each has its length before it, of format F nothing.
#[derive(Debug)]
enum Ends {
    Headers(RecordHeaderReader),
    Each { length: u64, begun: u64 },
}

impl PlainWriter {
    /// For a file of that format; `layout` says how its records are kept, where records count.
    pub fn new(format: Format, layout: Option<RecordLayout>) -> Self {
        let ends = match format {
            Format::Variable(_) => Some(Ends::Headers(RecordHeaderReader::default())),
            Format::Fixed(length) if length > 0 => Some(Ends::Each {
                length: length.into(),
                begun: 0,
            }),
            Format::Fixed(_) | Format::Unstructured | Format::Text => None,
        };
        let records = ends.zip(layout).map(|(ends, layout)| Records {
            ends,
            writer: RecordWriter::new(layout, format, Position::default()),
            count: 0,
        });
        Self { octets: 0, records }
    }

    /// The octets as they are kept.
    pub fn write(&mut self, octets: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let Some(records) = &mut self.records else {
            self.octets += octets.len() as u64;
            return Ok(octets);
        };
        let data = records.ends.find(octets);
        self.octets += data.octets.len() as u64;
        records.count += data.record_ends.len() as u64;
        let kept = records.writer.write(data);
        records.check()?;
        Ok(kept)
    }

    /// The file is at its end.
    pub fn finish(self) -> Result<PlainFile, OpenError> {
        let mut file = PlainFile {
            last: Vec::new(),
            counts: Counts {
                records: 0,
                octets: self.octets,
            },
        };
        if let Some(mut records) = self.records {
            records.ends.finish()?;
            file.last = records.writer.finish();
            records.check()?;
            file.counts.records = records.count;
        }
        Ok(file)
    }
}

impl Records {
    fn check(&self) -> Result<(), OpenError> {
        match self.writer.problem() {
            Some(problem) => Err(OpenError::Records(problem.to_string())),
            None => Ok(()),
        }
    }
}

impl Ends {
    /// The octets of records, and where records end in them.
    fn find(&mut self, octets: Vec<u8>) -> FileData {
        match self {
            Self::Headers(reader) => {
                let mut found = FileData {
                    octets: Vec::with_capacity(octets.len()),
                    record_ends: Vec::new(),
                };
                let mut input = octets.as_slice();
                while let Some(part) = reader.next(&mut input) {
                    found.octets.extend_from_slice(part.octets);
                    if part.ends_record {
                        found.record_ends.push(found.octets.len());
                    }
                }
                found
            }
            Self::Each { length, begun } => {
                let all = *begun + octets.len() as u64;
                let ends = (1..=all / *length).map(|record| record * *length - *begun);
                let record_ends = ends.map(|end| end as usize).collect();
                *begun = all % *length;
                FileData {
                    octets,
                    record_ends,
                }
            }
        }
    }

    /// That the file ends here, between two records.
    fn finish(&mut self) -> Result<(), OpenError> {
        match self {
            Self::Headers(reader) => std::mem::take(reader).finish().map_err(OpenError::Headers),
            Self::Each { begun: 0, .. } => Ok(()),
            Self::Each { length, begun } => Err(OpenError::Records(format!(
                "the last record has {begun} octets, and exactly {length} were announced"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(
        format: Format,
        layout: Option<RecordLayout>,
        content: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, Counts), OpenError> {
        let mut writer = PlainWriter::new(format, layout);
        let mut kept = Vec::new();
        for piece in content.chunks(step) {
            kept.append(&mut writer.write(piece.to_vec())?);
        }
        let mut file = writer.finish()?;
        kept.append(&mut file.last);
        Ok((kept, file.counts))
    }

    #[test]
    fn records_with_their_lengths_become_lines_or_keep_their_lengths() {
        let content = b"\0\x03UNA\0\0\0\x04UNBX";
        let (format, counts) = (
            Format::Variable(80),
            Counts {
                records: 3,
                octets: 7,
            },
        );
        for step in 1..=content.len() {
            let (lines, counted) = kept(format, Some(RecordLayout::Lines), content, step).unwrap();
            assert_eq!((&lines[..], counted), (&b"UNA\r\n\r\nUNBX\r\n"[..], counts));
            let prefixed = Some(RecordLayout::LengthPrefixed);
            let (same, counted) = kept(format, prefixed, content, step).unwrap();
            assert_eq!((&same[..], counted), (&content[..], counts));
        }
    }

    #[test]
    fn records_of_fixed_length_follow_each_other_without_lengths() {
        let format = Format::Fixed(3);
        for step in 1..=6 {
            let (lines, counts) = kept(format, Some(RecordLayout::Lines), b"UNAUNB", step).unwrap();
            assert_eq!(lines, b"UNA\r\nUNB\r\n");
            assert_eq!((counts.records, counts.octets), (2, 6));
        }
        let short = kept(format, Some(RecordLayout::Raw), b"UNAUN", 4);
        assert!(matches!(short, Err(OpenError::Records(_))), "{short:?}");
    }

    #[test]
    fn records_that_are_cut_or_too_long_are_refused() {
        let lines = Some(RecordLayout::Lines);
        let cut = kept(Format::Variable(80), lines, b"\0\x03UN", 9);
        assert!(matches!(cut, Err(OpenError::Headers(_))), "{cut:?}");
        let long = kept(Format::Variable(2), lines, b"\0\x03UNA", 9);
        assert!(matches!(long, Err(OpenError::Records(_))), "{long:?}");
    }

    #[test]
    fn a_stream_stays_as_it_is() {
        for format in [Format::Unstructured, Format::Text] {
            let (same, counts) = kept(format, None, b"\0\x03A\nB", 2).unwrap();
            assert_eq!(same, b"\0\x03A\nB");
            assert_eq!((counts.records, counts.octets), (0, 5));
        }
    }
}
