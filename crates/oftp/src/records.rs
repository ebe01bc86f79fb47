//! Records in local files: how a file of format F or V, which travels record by record (RFC 5024,
//! 1.5.3), stands in a file that is nothing but octets.
//!
//! [`RecordWriter`] makes a local file of what [`Event::Data`](crate::Event::Data) brings,
//! [`RecordReader`] finds in a local file what [`send_data`](crate::Session::send_data) wants.

use std::fmt;

use crate::{Counts, FileData, Format};

/// How records stand in a local file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordLayout {
    /// One after the other with nothing between: for records of fixed length only.
    Raw,
    /// Each is a line, ended by CR LF. The last line may lack its end. A record that contains CR LF
    /// cannot be told from two.
    Lines,
    /// Before each its length, two octets with the high one first, themselves not counted: as
    /// files are prepared for security (RFC 5024, 6.5). Records of at most 65,535 octets.
    LengthPrefixed,
}

const LAYOUTS: [RecordLayout; 3] = [
    RecordLayout::Raw,
    RecordLayout::Lines,
    RecordLayout::LengthPrefixed,
];

const LINE_END: &[u8] = b"\r\n";
const PREFIX: usize = 2;

impl RecordLayout {
    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Lines => "lines",
            Self::LengthPrefixed => "length-prefixed",
        }
    }

    /// The layout of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        LAYOUTS.into_iter().find(|layout| layout.name() == name)
    }

    /// Whether records of that format can be kept so, and be found again.
    pub fn suits(self, format: Format) -> bool {
        match format {
            Format::Fixed(length) => length > 0 && u64::from(length) <= self.longest(),
            Format::Variable(_) => self != Self::Raw,
            Format::Unstructured | Format::Text => false,
        }
    }

    /// The octets of the virtual file in so many octets and records of the local one.
    pub fn virtual_octets(self, local: Position) -> u64 {
        local
            .octets
            .saturating_sub(local.records.saturating_mul(self.overhead()))
    }

    /// Where `records` records of fixed length end in the local file; none for other formats.
    pub fn end_of(self, format: Format, records: u64) -> Option<Position> {
        let Format::Fixed(length) = format else {
            return None;
        };
        let octets = records.checked_mul(u64::from(length) + self.overhead())?;
        Some(Position { octets, records })
    }

    /// Octets that a record may have, whatever was announced.
    fn longest(self) -> u64 {
        match self {
            Self::LengthPrefixed => u64::from(u16::MAX),
            Self::Raw | Self::Lines => u64::MAX,
        }
    }

    /// Octets beside each record.
    fn overhead(self) -> u64 {
        match self {
            Self::Raw => 0,
            Self::Lines => LINE_END.len() as u64,
            Self::LengthPrefixed => PREFIX as u64,
        }
    }
}

impl fmt::Display for RecordLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A place between two records of a local file; in one without records, any place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// Octets of the local file before it, line ends and lengths included.
    pub octets: u64,
    /// Records before it.
    pub records: u64,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {number} {what}")]
pub struct RecordProblem {
    /// Which one, from 1 on.
    pub number: u64,
    /// What it has and what it should have.
    pub what: String,
}

/// How long a record may be (SFIDLRECL).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Exactly(u64),
    AtMost(u64),
}

impl Length {
    fn of(format: Format, layout: RecordLayout) -> Self {
        let most = layout.longest();
        match format {
            Format::Fixed(length) => Self::Exactly(u64::from(length)),
            // SFIDLRECL 0 names no limit.
            Format::Variable(length) if length > 0 => Self::AtMost(most.min(length.into())),
            _ => Self::AtMost(most),
        }
    }

    fn most(self) -> u64 {
        match self {
            Self::Exactly(length) | Self::AtMost(length) => length,
        }
    }

    fn check(self, position: Position, length: u64) -> Result<(), RecordProblem> {
        let what = match self {
            Self::Exactly(wanted) if length != wanted => {
                format!("has {length} octets, and exactly {wanted} were announced")
            }
            Self::AtMost(most) if length > most => {
                format!("has {length} octets, and at most {most} are possible")
            }
            _ => return Ok(()),
        };
        let number = position.records + 1;
        Err(RecordProblem { number, what })
    }
}

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

/// The next octets of a record, as [`RecordReader::peek`] finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where they begin in what was looked at.
    pub from: usize,
    /// How many they are: 0 in an empty record, or where more must be looked at.
    pub length: usize,
    /// Whether the record ends with them.
    pub ends: bool,
    /// Octets behind them that belong to the layout.
    trailer: usize,
    /// Octets of the whole record, where they are known before.
    whole: Option<u64>,
}

impl Piece {
    const NOTHING: Self = Self {
        from: 0,
        length: 0,
        ends: false,
        trailer: 0,
        whole: None,
    };

    /// Whether nothing can be said before more of the file is looked at.
    pub fn needs_more(&self) -> bool {
        self.length == 0 && !self.ends
    }
}

/// Finds the records of a local file.
///
/// ```
/// use oftp::{Format, RecordLayout, RecordReader};
///
/// let file = b"UNA\r\nUNB";
/// let mut reader = RecordReader::new(RecordLayout::Lines, Format::Variable(80));
/// let piece = reader.peek(file, true)?;
/// assert_eq!((&file[piece.from..piece.from + piece.length], piece.ends), (b"UNA".as_slice(), true));
/// assert_eq!(reader.advance(&piece, 3), 5);
/// # Ok::<(), oftp::RecordProblem>(())
/// ```
#[derive(Debug, Clone)]
pub struct RecordReader {
    layout: RecordLayout,
    length: Length,
    /// Octets of the record that has begun, and how many it has in all where that is known.
    begun: Option<(u64, Option<u64>)>,
    position: Position,
    /// Octets of the virtual file up to there.
    octets: u64,
    /// Octets of the longest record so far.
    longest: u64,
    /// Whether a line feed may stand in a line without a carriage return before it.
    bare_line_feeds: bool,
}

impl RecordReader {
    /// A reader from the start of a file.
    pub fn new(layout: RecordLayout, format: Format) -> Self {
        let length = match Length::of(format, layout) {
            // SFIDLRECL has five digits.
            Length::AtMost(most) => Length::AtMost(most.min(99_999)),
            exactly => exactly,
        };
        Self {
            layout,
            length,
            begun: None,
            position: Position::default(),
            octets: 0,
            longest: 0,
            bare_line_feeds: true,
        }
    }

    /// The same, but a line feed in a line is a problem where no carriage return is before it: such a file was made
    /// where lines end in LF, and each of its lines was to be a record. Of files kept as lines alone.
    #[must_use]
    pub fn without_bare_line_feeds(mut self) -> Self {
        self.bare_line_feeds = false;
        self
    }

    /// How far it has come: octets of the local file, and whole records.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Goes to the end of a record that is known to be there.
    pub fn go_to(&mut self, position: Position) {
        self.begun = None;
        self.position = position;
        self.octets = self.layout.virtual_octets(position);
    }

    /// The totals of the virtual file so far.
    pub fn counts(&self) -> Counts {
        Counts {
            records: self.position.records,
            octets: self.octets,
        }
    }

    /// Octets of the longest record so far: what SFIDLRECL has to announce at least.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// Looks at `octets`, which begin at [`position`](Self::position), and to the end of the file
    /// if `last`.
    ///
    /// # Errors
    /// A record is longer or shorter than announced, or the file ends within one.
    pub fn peek(&self, octets: &[u8], last: bool) -> Result<Piece, RecordProblem> {
        if octets.is_empty() && self.begun.is_none() {
            return Ok(Piece::NOTHING);
        }
        match self.layout {
            RecordLayout::Lines => self.peek_line(octets, last),
            RecordLayout::Raw => self.peek_counted(octets, last, 0, Some(self.length.most())),
            RecordLayout::LengthPrefixed if self.begun.is_some() => {
                self.peek_counted(octets, last, 0, None)
            }
            RecordLayout::LengthPrefixed => {
                let prefix = octets.first_chunk::<PREFIX>();
                let whole = prefix.map(|prefix| u64::from(u16::from_be_bytes(*prefix)));
                self.peek_counted(octets, last, PREFIX, whole)
            }
        }
    }

    /// So many octets of the piece were used; gives back how many of the local file that is. A
    /// record ends only when all of its last piece was used.
    pub fn advance(&mut self, piece: &Piece, used: usize) -> usize {
        let (begun, whole) = self.begun.unwrap_or((0, piece.whole));
        let consumed = if used == piece.length && piece.ends {
            self.begun = None;
            self.longest = self.longest.max(begun + used as u64);
            self.position.records += 1;
            piece.from + used + piece.trailer
        } else if used > 0 {
            self.begun = Some((begun + used as u64, whole));
            piece.from + used
        } else {
            return 0;
        };
        self.octets += used as u64;
        self.position.octets += consumed as u64;
        consumed
    }

    /// A record whose length is known before it.
    fn peek_counted(
        &self,
        octets: &[u8],
        last: bool,
        from: usize,
        whole: Option<u64>,
    ) -> Result<Piece, RecordProblem> {
        let (begun, whole) = match self.begun {
            Some((begun, known)) => (begun, known.or(whole)),
            None => (0, whole),
        };
        let here = octets.len().saturating_sub(from);
        let Some(whole) = whole else {
            return self.cut_off(octets, last);
        };
        self.length.check(self.position, whole)?;
        let left = usize::try_from(whole - begun).unwrap_or(usize::MAX);
        if left > here && last {
            let what = format!("is cut off: {whole} octets were to come, and the file ends");
            return Err(self.problem(what));
        }
        Ok(Piece {
            from,
            length: left.min(here),
            ends: left <= here,
            trailer: 0,
            whole: Some(whole),
        })
    }

    fn peek_line(&self, octets: &[u8], last: bool) -> Result<Piece, RecordProblem> {
        let begun = self.begun.map_or(0, |(begun, _)| begun);
        let end = octets
            .windows(LINE_END.len())
            .position(|pair| pair == LINE_END);
        // A CR at the end of what can be seen may be the first half of a line end.
        let open = match octets.last() {
            Some(b'\r') if !last => octets.len() - 1,
            _ => octets.len(),
        };
        let length = end.unwrap_or(open);
        let ends = end.is_some() || last;
        let so_far = begun + length as u64;
        if ends || so_far > self.length.most() {
            self.length
                .check(self.position, so_far)
                .map_err(|problem| self.hint(problem, octets))?;
        }
        // One that follows a CR is in `end`, so any other stands alone.
        let line = octets.get(..length).unwrap_or_default();
        if !self.bare_line_feeds && line.contains(&b'\n') {
            let what =
                "has a line feed in it; lines must end in CR LF, and here they end in LF alone";
            return Err(self.problem(what.to_owned()));
        }
        let trailer = end.map_or(0, |_| LINE_END.len());
        Ok(Piece {
            from: 0,
            length,
            ends,
            trailer,
            whole: None,
        })
    }

    /// The length of a record is not there.
    fn cut_off(&self, octets: &[u8], last: bool) -> Result<Piece, RecordProblem> {
        if last && !octets.is_empty() {
            return Err(self.problem("is cut off: the file ends within its length".into()));
        }
        Ok(Piece::NOTHING)
    }

    fn problem(&self, what: String) -> RecordProblem {
        let number = self.position.records + 1;
        RecordProblem { number, what }
    }

    /// The usual reason for lines that are too long.
    fn hint(&self, mut problem: RecordProblem, octets: &[u8]) -> RecordProblem {
        if octets.contains(&b'\n') && !octets.windows(2).any(|pair| pair == LINE_END) {
            problem
                .what
                .push_str("; lines must end in CR LF, and here they end in LF alone");
        }
        problem
    }
}
