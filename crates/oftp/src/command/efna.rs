//! EFNA, End File Negative Answer: 3 octets up to level 1.4, 6 and a text at 2.0
//! (RFC 5024, 5.3.10).

use crate::{FileReason, Level};

use super::field::{Fields, Layout, Malformed};

/// Why a file is not taken after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Efna {
    /// EFNAREAS.
    pub reason: FileReason,
    /// EFNAREAST, level 2.0 only.
    pub text: String,
}

pub(super) fn encode(efna: &Efna, level: Level, layout: &mut Layout<'_>) {
    layout.number(u64::from(efna.reason.at_level(level).code()), 2);
    if level >= Level::V20 {
        layout.text(&efna.text);
    }
}

pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<Efna, Malformed> {
    let reason = FileReason::from_code(fields.code("EFNAREAS")?);
    let text = if level < Level::V20 {
        String::new()
    } else {
        fields.text("EFNAREAST")?
    };
    Ok(Efna { reason, text })
}
