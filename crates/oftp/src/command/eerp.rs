//! EERP, End to End Response: 106 octets up to level 1.4; hash and signature follow at 2.0
//! (RFC 5024, 5.3.13).
//!
//! EERPDEST is the file's originator and EERPORIG its destination: the response travels back.

use crate::{Eerp, FileKey, Level};

use super::field::{Fields, Layout, Malformed, Spoils};
use super::sfid::{decode_stamp, encode_stamp};

pub(super) fn encode(eerp: &Eerp, level: Level, layout: &mut Layout<'_>) {
    layout.alphanumeric(eerp.key.dataset.as_str(), 26);
    encode_stamp(&eerp.key.stamp, level, layout);
    layout.alphanumeric(eerp.user.as_str(), 8);
    layout.alphanumeric(eerp.key.originator.as_str(), 25);
    layout.alphanumeric(eerp.key.destination.as_str(), 25);
    if level >= Level::V20 {
        layout.binary(&eerp.hash);
        layout.binary(&eerp.signature);
    }
}

/// A fault in a field's content is this response's alone, where the layout can be read all the same.
pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<Eerp, Malformed> {
    let whole = fields.left() >= 105;
    read(level, fields).map_err(|fault| fault.spoiling(Spoils::Response).where_whole(whole))
}

fn read(level: Level, fields: &mut Fields<'_>) -> Result<Eerp, Malformed> {
    let dataset = fields.dataset("EERPDSN")?;
    let stamp = decode_stamp("EERP", level, fields)?;
    let user = fields.spare_user_data("EERPUSER")?;
    let originator = fields.odette_id("EERPDEST")?;
    let destination = fields.odette_id("EERPORIG")?;
    let key = FileKey {
        dataset,
        stamp,
        originator,
        destination,
    };
    let (hash, signature) = decode_proof("EERP", level, fields)?;
    Ok(Eerp {
        key,
        user,
        hash,
        signature,
    })
}

/// Hash and signature; partners that do not sign leave them out, lengths and all.
pub(super) fn decode_proof(
    command: &str,
    level: Level,
    fields: &mut Fields<'_>,
) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
    if level < Level::V20 || fields.ends_early(&format!("{command}HSHL"))? {
        return Ok((Vec::new(), Vec::new()));
    }
    let hash = fields.binary(&format!("{command}HSH"))?;
    if fields.ends_early(&format!("{command}SIGL"))? {
        return Ok((hash, Vec::new()));
    }
    Ok((hash, fields.binary(&format!("{command}SIG"))?))
}
