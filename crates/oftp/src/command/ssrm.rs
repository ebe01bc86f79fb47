//! SSRM, Start Session Ready Message: 19 octets at every level (RFC 5024, 5.3.1).

use crate::Leniency;

use super::field::{Fields, Layout, Malformed};

const MESSAGE: &[u8] = b"ODETTE FTP READY ";

pub(super) fn encode(layout: &mut Layout<'_>) {
    layout.octets(MESSAGE);
    layout.carriage_return();
}

/// The message ends in a blank and a carriage return; partners drop either, or both.
pub(super) fn decode(fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let message = fields.remainder();
    let (text, end) = message
        .split_at_checked(MESSAGE.len())
        .unwrap_or((message, &[]));
    if text == MESSAGE && matches!(end, [0x0D | 0x8D]) {
        return Ok(());
    }
    if message.trim_ascii() != MESSAGE.trim_ascii() {
        fields.tolerate(Leniency::ReadyMessages, "SSRMMSG")
    } else {
        fields.tolerate(Leniency::LineEnds, "SSRMCR")
    }
}
