//! DATA, Data Exchange Buffer: `D` and subrecords, at every level alike (RFC 5024, 5.3.6, 7.2).
//!
//! The only command that is not taken apart into a value: [`crate::buffer`] reads and writes its
//! subrecords in place.

use crate::SessionReason;

use super::field::Malformed;

pub(super) fn not_here() -> Malformed {
    Malformed::new(SessionReason::ProtocolViolation, "DATA: no file is open")
}
