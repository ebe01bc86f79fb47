//! Values as the ledger and the sidecars write them.

use std::time::{Duration, SystemTime};

use oftp::{Format, Security};

/// Milliseconds since 1970.
pub(crate) fn millis(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// Reads what [`millis`] gave.
pub(crate) fn from_millis(at: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.max(0) as u64)
}

/// The letter of SFIDFMT and its record length (RFC 5.3.3).
pub(crate) fn format_to(format: Format) -> (&'static str, u32) {
    match format {
        Format::Unstructured => ("U", 0),
        Format::Text => ("T", 0),
        Format::Fixed(length) => ("F", length),
        Format::Variable(length) => ("V", length),
    }
}

pub(crate) fn format_from(letter: &str, record: u32) -> Format {
    match letter {
        "T" => Format::Text,
        "F" => Format::Fixed(record),
        "V" => Format::Variable(record),
        _ => Format::Unstructured,
    }
}

/// The value of SFIDSEC (RFC 5.3.3).
pub(crate) fn security_to(security: Security) -> u8 {
    match security {
        Security::None => 0,
        Security::Encrypted => 1,
        Security::Signed => 2,
        Security::EncryptedAndSigned => 3,
    }
}

pub(crate) fn security_from(value: u8) -> Security {
    match value {
        1 => Security::Encrypted,
        2 => Security::Signed,
        3 => Security::EncryptedAndSigned,
        _ => Security::None,
    }
}
