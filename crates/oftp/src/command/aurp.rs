//! AURP, Authentication Response: 21 octets, level 2.0 only (RFC 5024, 5.3.18). No length field.

use crate::Challenge;

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(response: &Challenge, layout: &mut Layout<'_>) {
    layout.octets(response.expose());
}

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Challenge, Malformed> {
    let mut response = [0; Challenge::LENGTH];
    response.copy_from_slice(fields.octets("AURPRSP", Challenge::LENGTH)?);
    Ok(Challenge::new(response))
}
