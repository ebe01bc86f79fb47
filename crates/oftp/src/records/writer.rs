//! From the records that came to a local file.

use crate::{FileData, Format};

use super::layout::{LINE_END, Length, Position, RecordLayout, RecordProblem};

/// Turns the records that were received into a local file.
///
/// ```
/// use oftp::{FileData, Format, Position, RecordLayout, RecordWriter};
///
/// let mut writer = RecordWriter::new(RecordLayout::Lines, Format::Variable(80), Position::default());
/// let data = FileData { octets: b"UNAUNB".to_vec(), record_ends: vec![3, 6] };
/// assert_eq!(writer.write(data), b"UNA\r\nUNB\r\n");
/// assert_eq!(writer.boundary(), Position { octets: 10, records: 2 });
/// ```
#[derive(Debug)]
pub struct RecordWriter {
    layout: RecordLayout,
    length: Length,
    /// Octets of the record that has begun.
    begun: u64,
    /// The same octets, where their number must be written before them.
    held: Vec<u8>,
    /// The end of the last whole record.
    boundary: Position,
    problem: Option<RecordProblem>,
    /// A file of format T whose partner ends records where lines end.
    text: bool,
    /// The last two octets of the record.
    last: [u8; 2],
}

impl RecordWriter {
    /// A writer that continues at the end of a record.
    pub fn new(layout: RecordLayout, format: Format, from: Position) -> Self {
        Self {
            layout,
            length: Length::of(format, layout),
            begun: 0,
            held: Vec::new(),
            boundary: from,
            problem: None,
            text: format == Format::Text,
            last: [0; 2],
        }
    }

    /// The next octets of the local file. After a [`problem`](Self::problem) nothing more.
    pub fn write(&mut self, data: FileData) -> Vec<u8> {
        let mut local = Vec::with_capacity(data.octets.len());
        let mut from = 0;
        for end in data.record_ends {
            self.add(data.octets.get(from..end).unwrap_or_default(), &mut local);
            self.end(&mut local);
            from = end;
        }
        self.add(data.octets.get(from..).unwrap_or_default(), &mut local);
        local
    }

    /// The file is at its end: what is still to be written. The last line of a file of format T whose partner leaves the
    /// last end of record out is ended all the same; in other formats the end of the file ends the record before this.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut local = Vec::new();
        if self.text && self.begun > 0 {
            self.end(&mut local);
        }
        local
    }

    /// The end of the last whole record: from there the file may continue in another session. A file of format T continues
    /// from its start: its blocks cannot be found among line ends that were added.
    pub fn boundary(&self) -> Position {
        if self.text {
            Position::default()
        } else {
            self.boundary
        }
    }

    /// The first record that has not the length announced, if there was one.
    pub fn problem(&self) -> Option<&RecordProblem> {
        self.problem.as_ref()
    }

    fn add(&mut self, octets: &[u8], local: &mut Vec<u8>) {
        if self.problem.is_some() {
            return;
        }
        self.begun += octets.len() as u64;
        for octet in octets.iter().rev().take(2).rev() {
            self.last = [self.last[1], *octet];
        }
        if self.begun > self.length.most() {
            self.problem = self.length.check(self.boundary, self.begun).err();
        } else if self.layout == RecordLayout::LengthPrefixed {
            self.held.extend_from_slice(octets);
        } else {
            local.extend_from_slice(octets);
        }
    }

    fn end(&mut self, local: &mut Vec<u8>) {
        if self.problem.is_some() {
            return;
        }
        if let Err(problem) = self.length.check(self.boundary, self.begun) {
            self.problem = Some(problem);
            return;
        }
        match self.layout {
            RecordLayout::Raw => {}
            RecordLayout::Lines if self.text && self.last == LINE_END => {}
            RecordLayout::Lines => local.extend_from_slice(LINE_END),
            RecordLayout::LengthPrefixed => {
                local.extend_from_slice(&(self.begun as u16).to_be_bytes());
                local.append(&mut self.held);
            }
        }
        self.boundary.octets += self.begun + self.layout.overhead();
        self.boundary.records += 1;
        self.begun = 0;
        self.last = [0; 2];
    }
}
