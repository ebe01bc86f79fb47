//! ESID, End Session: 4 octets up to level 1.4, 7 and a text at 2.0 (RFC 5024, 5.3.11).

use crate::{Leniency, Level, SessionReason};

use super::field::{Fields, Layout, Malformed};

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Esid {
    /// ESIDREAS.
    pub reason: SessionReason,
    /// ESIDREAST, level 2.0 only.
    pub text: String,
}

pub(super) fn encode(esid: &Esid, level: Level, layout: &mut Layout<'_>) {
    layout.number(u64::from(esid.reason.at_level(level).code()), 2);
    if level >= Level::V20 {
        layout.text(&esid.text);
    }
    layout.carriage_return();
}

/// Either form at any level: it may come before a level is agreed, and it is the last chance to
/// learn why.
pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Esid, Malformed> {
    let reason = SessionReason::from_code(fields.code("ESIDREAS")?);
    let rest = fields.remainder();
    let (text, end) = match rest {
        [] | [_] => (&[][..], rest),
        _ => long_form(rest).unwrap_or((rest, &[])),
    };
    if !matches!(end, [0x0D | 0x8D]) {
        fields.tolerate(Leniency::LineEnds, "ESIDCR")?;
    }
    Ok(Esid {
        reason,
        text: String::from_utf8_lossy(text).into_owned(),
    })
}

fn long_form(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = rest.split_at_checked(3)?;
    let length = std::str::from_utf8(length).ok()?.parse().ok()?;
    rest.split_at_checked(length)
}
