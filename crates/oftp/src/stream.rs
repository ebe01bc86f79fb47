//! Stream Transmission Buffers: how exchange buffers travel over TCP (RFC 5024, 8).

use std::fmt;

/// Octets of a Stream Transmission Header.
pub const HEADER: usize = 4;

const VERSION_AND_FLAGS: u8 = 0x10;

/// The header of an exchange buffer of `length` octets; it counts itself (RFC 5024, 8.2).
pub fn header(length: usize) -> [u8; HEADER] {
    let whole = u32::try_from(length + HEADER).unwrap_or(u32::MAX);
    let [_, high, middle, low] = whole.to_be_bytes();
    [VERSION_AND_FLAGS, high, middle, low]
}

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Fewer octets than a header.
    Incomplete,
    /// A header of this protocol; the command octet is still to come.
    Announced {
        /// Octets of the exchange buffer.
        length: usize,
    },
    /// A header of this protocol, and the command octet behind it.
    Buffer {
        /// Octets of the exchange buffer.
        length: usize,
        /// Its first octet.
        code: u8,
    },
    /// A header that leaves no room for a command.
    Empty,
    /// Version or flags are wrong: something else than this protocol, or out of step.
    Foreign(ForeignHeader),
}

/// Reads the header at the start of `octets`.
pub fn head(octets: &[u8]) -> Head {
    let [first, high, middle, low, rest @ ..] = octets else {
        return Head::Incomplete;
    };
    if *first != VERSION_AND_FLAGS {
        return Head::Foreign(ForeignHeader([*first, *high, *middle, *low]));
    }
    let whole = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
    match (whole.checked_sub(HEADER), rest.first()) {
        (None | Some(0), _) => Head::Empty,
        (Some(length), None) => Head::Announced { length },
        (Some(length), Some(&code)) => Head::Buffer { length, code },
    }
}

/// Four octets that are no Stream Transmission Header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForeignHeader(pub [u8; HEADER]);

impl ForeignHeader {
    /// What they look like, if it is something that often knocks at the wrong port.
    pub fn looks_like(self) -> Option<&'static str> {
        match &self.0 {
            [0x16, 0x03, ..] => Some("a TLS hello: TLS on a port without TLS?"),
            [0x15, 0x03, ..] => Some("a TLS alert: TLS on a port without TLS?"),
            b"GET " | b"HEAD" | b"POST" | b"PUT " | b"OPTI" | b"CONN" | b"PRI " | b"HTTP" => {
                Some("HTTP")
            }
            b"SSH-" => Some("SSH"),
            _ => None,
        }
    }
}

impl fmt::Display for ForeignHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "not OFTP: {a:02X} {b:02X} {c:02X} {d:02X}")?;
        self.looks_like()
            .map_or(Ok(()), |guess| write!(f, " looks like {guess}"))
    }
}
