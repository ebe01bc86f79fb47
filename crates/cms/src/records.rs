//! Record lengths in files of format V that are secured (RFC 5024, 6.5): two octets before each record, most significant
//! first, which do not count themselves.

use std::io::{self, Write};

/// The longest record that two octets can say, in octets. The RFC's text says 65,536 for the file, and its field cannot.
pub const LONGEST_RECORD: usize = 65_535;

/// Puts record lengths before records on their way to a writer.
#[derive(Debug)]
pub struct RecordHeaderWriter<W> {
    out: W,
    record: Vec<u8>,
}

/// Why records cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordHeaderError {
    /// A record has more than [`LONGEST_RECORD`] octets.
    #[error("a record has more than 65535 octets, and its header can say no more")]
    TooLong,
    /// The file ends inside a record, or inside its header.
    #[error("the file ends inside a record, {missing} octets before its end at the least")]
    EndsEarly {
        /// Octets that are missing, as far as can be told.
        missing: usize,
    },
    /// The writer failed.
    #[error("the records cannot be written: {0}")]
    Write(#[from] io::Error),
}

impl<W: Write> RecordHeaderWriter<W> {
    /// Writes to that.
    pub fn new(out: W) -> Self {
        let record = Vec::new();
        Self { out, record }
    }

    /// Adds octets to the record that is being gathered: it is held in memory, since its length stands before it.
    ///
    /// # Errors
    /// [`RecordHeaderError::TooLong`].
    pub fn add(&mut self, octets: &[u8]) -> Result<(), RecordHeaderError> {
        if octets.len() > LONGEST_RECORD - self.record.len() {
            return Err(RecordHeaderError::TooLong);
        }
        self.record.extend_from_slice(octets);
        Ok(())
    }

    /// Ends the record and writes it; one of no octets, too.
    ///
    /// # Errors
    /// [`RecordHeaderError::Write`].
    pub fn end_record(&mut self) -> Result<(), RecordHeaderError> {
        let length = u16::try_from(self.record.len()).map_err(|_| RecordHeaderError::TooLong)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.record)?;
        self.record.clear();
        Ok(())
    }

    /// Ends the file, and gives back where it was written to.
    ///
    /// # Errors
    /// [`RecordHeaderError::EndsEarly`] if octets were added and their record did not end.
    pub fn finish(self) -> Result<W, RecordHeaderError> {
        match self.record.is_empty() {
            true => Ok(self.out),
            false => Err(RecordHeaderError::EndsEarly { missing: 0 }),
        }
    }
}

/// Takes record lengths away again. Octets go in as they come.
#[derive(Debug, Default)]
pub struct RecordHeaderReader {
    /// The first octet of a header whose second one is not there yet.
    half: Option<u8>,
    /// Octets left of the record; none between two records.
    left: Option<u16>,
}

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPart<'a> {
    /// Its octets: none of an empty record.
    pub octets: &'a [u8],
    /// Whether the record ends with it.
    pub ends_record: bool,
}

impl RecordHeaderReader {
    /// The next part of a record that is in `input`, which is shortened by it; none when more input is needed.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<RecordPart<'a>> {
        let left = self.header(input)?;
        let (octets, rest) = input
            .split_at_checked(usize::from(left))
            .unwrap_or((input, &[]));
        let ends_record = octets.len() == usize::from(left);
        if octets.is_empty() && !ends_record {
            return None;
        }
        *input = rest;
        let taken = u16::try_from(octets.len()).unwrap_or(left);
        self.left = (!ends_record).then(|| left - taken);
        Some(RecordPart {
            octets,
            ends_record,
        })
    }

    /// Octets left of the record that is being read, or of the next one, whose header is taken from the input.
    fn header(&mut self, input: &mut &[u8]) -> Option<u16> {
        while self.left.is_none() {
            let (&octet, rest) = input.split_first()?;
            *input = rest;
            match self.half.take() {
                None => self.half = Some(octet),
                Some(first) => self.left = Some(u16::from_be_bytes([first, octet])),
            }
        }
        self.left
    }

    /// That the file ends here, between two records.
    ///
    /// # Errors
    /// [`RecordHeaderError::EndsEarly`].
    pub fn finish(self) -> Result<(), RecordHeaderError> {
        match (self.half, self.left) {
            (None, None) => Ok(()),
            (Some(_), _) => Err(RecordHeaderError::EndsEarly { missing: 1 }),
            (None, Some(left)) => Err(RecordHeaderError::EndsEarly {
                missing: usize::from(left),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(records: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = RecordHeaderWriter::new(Vec::new());
        for record in records {
            record
                .chunks(100)
                .for_each(|part| writer.add(part).unwrap());
            writer.end_record().unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(file: &[u8], step: usize) -> Result<Vec<Vec<u8>>, RecordHeaderError> {
        let (mut reader, mut records, mut record) = (RecordHeaderReader::default(), vec![], vec![]);
        for mut part in file.chunks(step) {
            while let Some(found) = reader.next(&mut part) {
                record.extend_from_slice(found.octets);
                if found.ends_record {
                    records.push(std::mem::take(&mut record));
                }
            }
        }
        reader.finish().map(|()| records)
    }

    #[test]
    fn a_header_is_the_length_without_itself_most_significant_first() {
        assert_eq!(
            write(&[b"AB".to_vec(), vec![], vec![7; 258]])[..8],
            [0, 2, b'A', b'B', 0, 0, 1, 2]
        );
        assert_eq!(write(&[]), b"");
    }

    #[test]
    fn records_come_back_however_the_file_is_cut() {
        let records: Vec<Vec<u8>> = [0, 1, 2, 0, 0, 255, 256, LONGEST_RECORD, 3, 0]
            .iter()
            .map(|length| vec![b'r'; *length])
            .collect();
        let file = write(&records);
        for step in [1, 2, 3, 7, 1000, file.len()] {
            assert_eq!(read(&file, step).unwrap(), records, "{step}");
        }
    }

    #[test]
    fn a_record_longer_than_its_header_can_say_is_refused() {
        let mut writer = RecordHeaderWriter::new(Vec::new());
        writer.add(&[0; LONGEST_RECORD]).unwrap();
        assert!(matches!(writer.add(&[0]), Err(RecordHeaderError::TooLong)));
    }

    #[test]
    fn a_file_ends_between_two_records_alone() {
        let file = write(&[vec![1; 5], vec![2; 3]]);
        for length in 0..=file.len() {
            let outcome = read(&file[..length], 4);
            assert_eq!(
                outcome.is_ok(),
                [0, 7, 12].contains(&length),
                "{length}: {outcome:?}"
            );
        }
        let mut writer = RecordHeaderWriter::new(Vec::new());
        writer.add(b"x").unwrap();
        assert!(matches!(
            writer.finish(),
            Err(RecordHeaderError::EndsEarly { .. })
        ));
    }
}
