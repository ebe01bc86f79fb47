//! Release levels of the protocol.

use std::fmt;

/// A release level of the protocol (SSIDLEV, RFC 5024, 5.3.2). Ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 1.2, on the wire 1; by RFC 2204 also 1.3. Both are the same but for this number.
    V12,
    /// 1.3, on the wire 2.
    V13,
    /// 1.4, on the wire 4.
    V14,
    /// 2.0, on the wire 5.
    V20,
}

impl Level {
    /// The digit on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::V12 => 1,
            Self::V13 => 2,
            Self::V14 => 4,
            Self::V20 => 5,
        }
    }

    /// The highest level that is not above that digit: levels to come are negotiated down.
    pub fn at_most(code: u8) -> Self {
        match code {
            0 | 1 => Self::V12,
            2 | 3 => Self::V13,
            4 => Self::V14,
            _ => Self::V20,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
            Self::V14 => "1.4",
            Self::V20 => "2.0",
        })
    }
}
