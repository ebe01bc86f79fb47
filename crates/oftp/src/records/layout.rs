//! How records stand in a local file, and how long they may be.

use std::fmt;

use crate::Format;

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

pub(super) const LINE_END: &[u8] = b"\r\n";
/// Octets of the length before a record.
pub(super) const PREFIX: usize = 2;

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
    pub(super) fn overhead(self) -> u64 {
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
pub(super) enum Length {
    Exactly(u64),
    AtMost(u64),
}

impl Length {
    pub(super) fn of(format: Format, layout: RecordLayout) -> Self {
        let most = layout.longest();
        match format {
            Format::Fixed(length) => Self::Exactly(u64::from(length)),
            // SFIDLRECL 0 names no limit.
            Format::Variable(length) if length > 0 => Self::AtMost(most.min(length.into())),
            _ => Self::AtMost(most),
        }
    }

    pub(super) fn most(self) -> u64 {
        match self {
            Self::Exactly(length) | Self::AtMost(length) => length,
        }
    }

    pub(super) fn check(self, position: Position, length: u64) -> Result<(), RecordProblem> {
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
