//! EFPA, End File Positive Answer: 2 octets at every level (RFC 5024, 5.3.9).

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(change_direction: bool, layout: &mut Layout<'_>) {
    layout.flag(change_direction);
}

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<bool, Malformed> {
    fields.flag("EFPACD")
}
