//! SSID, Start Session: 61 octets at every level (RFC 5024, 5.3.2).
//!
//! It is read before a level is agreed, so it judges itself by the level it names.

use crate::{Leniency, Level, Mode, Password, Ssid};

use super::field::{Fields, Layout, Malformed};

pub(super) fn encode(offer: &Ssid, layout: &mut Layout<'_>) {
    layout.number(u64::from(offer.level), 1);
    layout.alphanumeric(offer.code.as_str(), 25);
    layout.alphanumeric(offer.password.expose(), 8);
    layout.number(u64::from(offer.buffer_size), 5);
    layout.octets(&[mode_letter(offer.mode)]);
    layout.flag(offer.compression);
    layout.flag(offer.restart);
    layout.flag(offer.special_logic);
    layout.number(u64::from(offer.credit), 3);
    if offer.level >= Level::V20.code() {
        layout.flag(offer.authentication);
        layout.reserved(4);
    } else {
        layout.reserved(5);
    }
    layout.alphanumeric(offer.user.as_str(), 8);
    layout.carriage_return();
}

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Ssid, Malformed> {
    let level = level(fields)?;
    let code = fields.odette_id("SSIDCODE")?;
    let octets = fields.padded("SSIDPSWD", Password::LIMIT)?;
    let password =
        Password::from_wire(octets).map_err(|error| fields.invalid("SSIDPSWD", &error))?;
    let buffer_size = u32::try_from(fields.number("SSIDSDEB", 5)?).unwrap_or(u32::MAX);
    let mode = mode(fields)?;
    let compression = fields.flag("SSIDCMPR")?;
    let restart = fields.flag("SSIDREST")?;
    let special_logic = fields.flag("SSIDSPEC")?;
    let credit = u16::try_from(fields.number("SSIDCRED", 3)?).unwrap_or(u16::MAX);
    let authentication = authentication(level, fields)?;
    let user = fields.spare_user_data("SSIDUSER")?;
    fields.carriage_return("SSIDCR")?;
    Ok(Ssid {
        level,
        code,
        password,
        user,
        buffer_size,
        mode,
        compression,
        restart,
        special_logic,
        credit,
        authentication,
    })
}

/// Levels above 5 are to come and to be negotiated down; there is no level 0 or 3.
fn level(fields: &mut Fields<'_>) -> Result<u8, Malformed> {
    match fields.octet("SSIDLEV")? {
        level @ (b'1' | b'2' | b'4'..=b'9') => Ok(level - b'0'),
        _ => Err(fields.wrong("SSIDLEV is not a release level: 1, 2, 4, 5 and up are".into())),
    }
}

fn mode(fields: &mut Fields<'_>) -> Result<Mode, Malformed> {
    match fields.octet("SSIDSR")? {
        b'S' => Ok(Mode::SendOnly),
        b'R' => Ok(Mode::ReceiveOnly),
        b'B' => Ok(Mode::Both),
        _ => Err(fields.wrong("SSIDSR is none of S, R, B".into())),
    }
}

fn mode_letter(mode: Mode) -> u8 {
    match mode {
        Mode::SendOnly => b'S',
        Mode::ReceiveOnly => b'R',
        Mode::Both => b'B',
    }
}

/// SSIDAUTH is part of the reserve below level 5, and partners write into it there.
fn authentication(level: u8, fields: &mut Fields<'_>) -> Result<bool, Malformed> {
    let reserve = fields.octets("SSIDAUTH", 5)?;
    match reserve.first() {
        _ if level < Level::V20.code() => Ok(false),
        Some(b'Y') => Ok(true),
        Some(b'N') => Ok(false),
        Some(b' ') => fields
            .tolerate(Leniency::BlankFlags, "SSIDAUTH")
            .map(|()| false),
        _ => Err(fields.wrong("SSIDAUTH is neither Y nor N".into())),
    }
}
