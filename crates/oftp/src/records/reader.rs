//! From a local file to the records that are to be sent.

use crate::{Counts, Format};

use super::layout::{LINE_END, Length, PREFIX, Position, RecordLayout, RecordProblem};

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
