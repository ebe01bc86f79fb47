//! SFPA, Start File Positive Answer: 10 octets up to level 1.4, 18 at 2.0 (RFC 5024, 5.3.4).

use crate::Level;

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(restart: u64, level: Level, layout: &mut Layout<'_>) {
    layout.number(restart, digits(level));
}

pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<u64, Malformed> {
    fields.number("SFPAACNT", digits(level))
}

fn digits(level: Level) -> usize {
    if level < Level::V20 { 9 } else { 17 }
}
