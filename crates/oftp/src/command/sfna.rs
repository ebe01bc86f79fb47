//! SFNA, Start File Negative Answer: 4 octets up to level 1.4, 7 and a text at 2.0
//! (RFC 5024, 5.3.5).

use crate::{FileReason, Level};

use super::field::{Fields, Layout, Malformed};

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sfna {
    /// SFNAREAS.
    pub reason: FileReason,
    /// SFNARRTR: whether to try again in a later session.
    pub retry: bool,
    /// SFNAREAST, level 2.0 only.
    pub text: String,
}

pub(super) fn encode(sfna: &Sfna, level: Level, layout: &mut Layout<'_>) {
    layout.number(u64::from(sfna.reason.at_level(level).code()), 2);
    layout.flag(sfna.retry);
    if level >= Level::V20 {
        layout.text(&sfna.text);
    }
}

pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<Sfna, Malformed> {
    let reason = FileReason::from_code(fields.code("SFNAREAS")?);
    let retry = fields.flag("SFNARRTR")?;
    let text = if level < Level::V20 {
        String::new()
    } else {
        fields.text("SFNAREAST")?
    };
    Ok(Sfna {
        reason,
        retry,
        text,
    })
}
