//! AUCH, Authentication Challenge: 3 octets and a CMS EnvelopedData, level 2.0 only
//! (RFC 5024, 5.3.17).

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(challenge: &[u8], layout: &mut Layout<'_>) {
    layout.binary(challenge);
}

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Vec<u8>, Malformed> {
    fields.binary("AUCHCHAL")
}
