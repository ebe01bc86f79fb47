//! The eighteen commands by name (RFC 5024, 5.3).

use std::fmt;

use crate::Level;

/// Which command an exchange buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Start Session Ready Message, `I`.
    Ssrm,
    /// Start Session, `X`.
    Ssid,
    /// Start File, `H`.
    Sfid,
    /// Start File Positive Answer, `2`.
    Sfpa,
    /// Start File Negative Answer, `3`.
    Sfna,
    /// Data Exchange Buffer, `D`.
    Data,
    /// Set Credit, `C`.
    Cdt,
    /// End File, `T`.
    Efid,
    /// End File Positive Answer, `4`.
    Efpa,
    /// End File Negative Answer, `5`.
    Efna,
    /// End Session, `F`.
    Esid,
    /// Change Direction, `R`.
    Cd,
    /// End to End Response, `E`.
    Eerp,
    /// Negative End Response, `N`.
    Nerp,
    /// Ready To Receive, `P`.
    Rtr,
    /// Security Change Direction, `J`.
    Secd,
    /// Authentication Challenge, `A`.
    Auch,
    /// Authentication Response, `S`.
    Aurp,
}

impl Kind {
    /// All of them: the command, its code, its name, the longest exchange buffer that holds it.
    const TABLE: [(Self, u8, &'static str, usize); 18] = [
        (Self::Ssrm, b'I', "SSRM", 19),
        (Self::Ssid, b'X', "SSID", 61),
        (Self::Sfid, b'H', "SFID", 165 + 999),
        (Self::Sfpa, b'2', "SFPA", 18),
        (Self::Sfna, b'3', "SFNA", 7 + 999),
        (Self::Data, b'D', "DATA", 99_999),
        (Self::Cdt, b'C', "CDT", 3),
        (Self::Efid, b'T', "EFID", 35),
        (Self::Efpa, b'4', "EFPA", 2),
        (Self::Efna, b'5', "EFNA", 6 + 999),
        (Self::Esid, b'F', "ESID", 7 + 999),
        (Self::Cd, b'R', "CD", 1),
        (Self::Eerp, b'E', "EERP", 108 + 65_535 + 2 + 65_535),
        (
            Self::Nerp,
            b'N',
            "NERP",
            131 + 999 + 2 + 65_535 + 2 + 65_535,
        ),
        (Self::Rtr, b'P', "RTR", 1),
        (Self::Secd, b'J', "SECD", 1),
        (Self::Auch, b'A', "AUCH", 3 + 65_535),
        (Self::Aurp, b'S', "AURP", 21),
    ];

    /// The command of a first octet, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::TABLE
            .iter()
            .find(|row| row.1 == code)
            .map(|row| row.0)
    }

    /// The first octet.
    pub fn code(self) -> u8 {
        self.row().map_or(0, |row| row.1)
    }

    /// The RFC's name for it.
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }

    /// Octets of the longest exchange buffer that can hold it, at any level.
    ///
    /// A signed EERP or NERP may be longer than SSIDSDEB and even than 99,999 octets: SSIDSDEB is
    /// about DATA alone (RFC 5024, 5.3.2, 5.3.13).
    pub fn longest(self) -> usize {
        self.row().map_or(0, |row| row.3)
    }

    /// Whether that level has the command: NERP came with 1.4, authentication with 2.0.
    pub fn exists_at(self, level: Level) -> bool {
        match self {
            Self::Nerp => level >= Level::V14,
            Self::Secd | Self::Auch | Self::Aurp => level >= Level::V20,
            _ => true,
        }
    }

    fn row(self) -> Option<&'static (Self, u8, &'static str, usize)> {
        Self::TABLE.iter().find(|row| row.0 == self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
