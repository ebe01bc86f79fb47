//! CDT, Set Credit: 3 octets at every level (RFC 5024, 5.3.7).

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(layout: &mut Layout<'_>) {
    layout.reserved(2);
}

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<(), Malformed> {
    if fields.ends_early("CDTRSV1")? {
        return Ok(());
    }
    fields.reserved("CDTRSV1", 2)
}
