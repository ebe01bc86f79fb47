//! NERP, Negative End Response: 128 octets at level 1.4; text, hash and signature follow at 2.0
//! (RFC 5024, 5.3.14). Levels 1.2 and 1.3 do not have it.
//!
//! It has no user data and a reserve of six, so nothing after octet 27 stands where EERP has it.

use crate::{FileKey, Leniency, Level, Nerp, NerpReason};

use super::eerp::decode_proof;
use super::field::{Fields, Layout, Malformed, Spoils};
use super::sfid::{decode_full_stamp, encode_full_stamp};

pub(super) fn encode(nerp: &Nerp, level: Level, layout: &mut Layout<'_>) {
    layout.alphanumeric(nerp.key.dataset.as_str(), 26);
    layout.reserved(6);
    encode_full_stamp(&nerp.key.stamp, layout);
    layout.alphanumeric(nerp.key.originator.as_str(), 25);
    layout.alphanumeric(nerp.key.destination.as_str(), 25);
    layout.alphanumeric(nerp.creator.as_str(), 25);
    layout.number(u64::from(nerp.reason.at_level(level).code()), 2);
    if level >= Level::V20 {
        layout.text(&nerp.text);
        layout.binary(&nerp.hash);
        layout.binary(&nerp.signature);
    }
}

/// As for EERP.
pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<Nerp, Malformed> {
    let whole = fields.left() >= 127;
    read(level, fields).map_err(|fault| fault.spoiling(Spoils::Response).where_whole(whole))
}

fn read(level: Level, fields: &mut Fields<'_>) -> Result<Nerp, Malformed> {
    let dataset = fields.dataset("NERPDSN")?;
    fields.reserved("NERPRSV1", 6)?;
    let stamp = decode_full_stamp("NERP", fields)?;
    let originator = fields.odette_id("NERPDEST")?;
    let destination = fields.odette_id("NERPORIG")?;
    let creator = fields.odette_id("NERPCREA")?;
    let key = FileKey {
        dataset,
        stamp,
        originator,
        destination,
    };
    let reason = reason(fields)?;
    let text = if level < Level::V20 {
        String::new()
    } else {
        fields.text("NERPREAST")?
    };
    let (hash, signature) = decode_proof("NERP", level, fields)?;
    Ok(Nerp {
        key,
        creator,
        reason,
        text,
        hash,
        signature,
    })
}

/// Some partners write the code of SFNA here. 01, 02, 05 and 06 can only be meant so; 03 and 04
/// keep the meaning the RFC gives them.
fn reason(fields: &mut Fields<'_>) -> Result<NerpReason, Malformed> {
    let code = fields.code("NERPREAS")?;
    if matches!(code, 1 | 2 | 5 | 6) {
        fields.tolerate(Leniency::ResponseReasons, "NERPREAS")?;
        return Ok(NerpReason::from_code(code + 10));
    }
    Ok(NerpReason::from_code(code))
}
