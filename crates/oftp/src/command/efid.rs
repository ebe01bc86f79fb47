//! EFID, End File: 22 octets up to level 1.4, 35 at 2.0 (RFC 5024, 5.3.8).

use crate::{Counts, Level};

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(counts: Counts, level: Level, layout: &mut Layout<'_>) {
    let (records, octets) = digits(level);
    layout.number(counts.records, records);
    layout.number(counts.octets, octets);
}

pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<Counts, Malformed> {
    let (records, octets) = digits(level);
    Ok(Counts {
        records: fields.number("EFIDRCNT", records)?,
        octets: fields.number("EFIDUCNT", octets)?,
    })
}

fn digits(level: Level) -> (usize, usize) {
    if level < Level::V20 {
        (9, 12)
    } else {
        (17, 17)
    }
}
