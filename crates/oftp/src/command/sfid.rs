//! SFID, Start File: 128 octets up to level 1.4, 165 and a description at 2.0
//! (RFC 5024, 5.3.3; RFC 2204, 5.3.3).

use crate::{CipherSuite, FileHeader, FileKey, FileReason, FileStamp, Format, Level, Security};

use super::field::{Fields, Layout, Malformed, Spoils};

pub(super) fn encode(header: &FileHeader, level: Level, layout: &mut Layout<'_>) {
    layout.alphanumeric(header.key.dataset.as_str(), 26);
    encode_stamp(&header.key.stamp, level, layout);
    layout.alphanumeric(header.user.as_str(), 8);
    layout.alphanumeric(header.key.destination.as_str(), 25);
    layout.alphanumeric(header.key.originator.as_str(), 25);
    let (letter, length) = format_fields(header.format);
    layout.octets(&[letter]);
    layout.number(u64::from(length), 5);
    if level < Level::V20 {
        layout.number(header.size_blocks, 7);
        layout.number(header.restart, 9);
        return;
    }
    layout.number(header.size_blocks, 13);
    layout.number(header.original_size_blocks, 13);
    layout.number(header.restart, 17);
    layout.number(u64::from(security_code(header.security)), 2);
    layout.number(u64::from(header.cipher.number()), 2);
    layout.number(u64::from(header.compressed), 1);
    layout.number(u64::from(header.enveloped), 1);
    layout.flag(header.signed_receipt);
    layout.text(&header.description);
}

/// A fault in a field's content is the file's alone, where the layout can be read all the same.
pub(super) fn decode(level: Level, fields: &mut Fields<'_>) -> Result<FileHeader, Malformed> {
    let whole = if level < Level::V20 {
        fields.left() == 127
    } else {
        fields.left() >= 161
    };
    read(level, fields).map_err(|fault| fault.where_whole(whole))
}

fn read(level: Level, fields: &mut Fields<'_>) -> Result<FileHeader, Malformed> {
    let because = |reason| move |fault: Malformed| fault.spoiling(Spoils::File(reason));
    let dataset = fields.dataset("SFIDDSN");
    let dataset = dataset.map_err(because(FileReason::InvalidFilename))?;
    let stamp = decode_stamp("SFID", level, fields);
    let stamp = stamp.map_err(because(FileReason::InvalidFilename))?;
    let user = fields.user_data("SFIDUSER");
    let user = user.map_err(because(FileReason::Unspecified))?;
    let destination = fields.odette_id("SFIDDEST");
    let destination = destination.map_err(because(FileReason::InvalidDestination))?;
    let originator = fields.odette_id("SFIDORIG");
    let originator = originator.map_err(because(FileReason::InvalidOrigin))?;
    let key = FileKey {
        dataset,
        stamp,
        originator,
        destination,
    };
    let format = format(fields).map_err(because(FileReason::RecordFormat))?;
    let header = FileHeader {
        user,
        format,
        ..FileHeader::plain(key, 0)
    };
    read_rest(header, level, fields).map_err(because(FileReason::Unspecified))
}

/// Sizes, restart, and what level 2.0 added.
fn read_rest(
    mut header: FileHeader,
    level: Level,
    fields: &mut Fields<'_>,
) -> Result<FileHeader, Malformed> {
    if level < Level::V20 {
        header.size_blocks = fields.number("SFIDFSIZ", 7)?;
        header.original_size_blocks = header.size_blocks;
        header.restart = fields.number("SFIDREST", 9)?;
        return Ok(header);
    }
    header.size_blocks = fields.number("SFIDFSIZ", 13)?;
    header.original_size_blocks = fields.number("SFIDOSIZ", 13)?;
    header.restart = fields.number("SFIDREST", 17)?;
    header.security = security(fields)?;
    header.cipher = CipherSuite::new(fields.code("SFIDCIPH")?).unwrap_or(CipherSuite::NONE);
    header.compressed = choice("SFIDCOMP", fields)?;
    header.enveloped = choice("SFIDENV", fields)?;
    header.signed_receipt = fields.flag("SFIDSIGN")?;
    header.description = fields.text("SFIDDESC")?;
    Ok(header)
}

/// Reserve, date and time: levels 1.2 and 1.3 have YYMMDD and HHMMSS at the end of the same space.
pub(super) fn encode_stamp(stamp: &FileStamp, level: Level, layout: &mut Layout<'_>) {
    if level < Level::V14 {
        layout.reserved(9);
        layout.alphanumeric(stamp.date().get(2..).unwrap_or_default(), 6);
        layout.alphanumeric(stamp.time(), 6);
    } else {
        layout.reserved(3);
        encode_full_stamp(stamp, layout);
    }
}

pub(super) fn encode_full_stamp(stamp: &FileStamp, layout: &mut Layout<'_>) {
    layout.alphanumeric(stamp.date(), 8);
    layout.alphanumeric(stamp.time(), 10);
}

pub(super) fn decode_stamp(
    command: &str,
    level: Level,
    fields: &mut Fields<'_>,
) -> Result<FileStamp, Malformed> {
    if level >= Level::V14 {
        fields.reserved(&format!("{command}RSV1"), 3)?;
        return decode_full_stamp(command, fields);
    }
    fields.reserved(&format!("{command}RSV1"), 9)?;
    let short_date = fields.octets(&format!("{command}DATE"), 6)?;
    let short_time = fields.octets(&format!("{command}TIME"), 6)?;
    let date = [century(short_date), short_date].concat();
    let time = [short_time, b"0000"].concat();
    FileStamp::from_wire(&date, &time).map_err(|error| fields.invalid(command, &error))
}

pub(super) fn decode_full_stamp(
    command: &str,
    fields: &mut Fields<'_>,
) -> Result<FileStamp, Malformed> {
    let date = fields.octets(&format!("{command}DATE"), 8)?;
    let time = fields.octets(&format!("{command}TIME"), 10)?;
    FileStamp::from_wire(date, time)
        .map_err(|error| fields.invalid(&format!("{command}DATE or {command}TIME"), &error))
}

/// Years 70 to 99 are of the twentieth century: the RFCs have no rule, this one is ours.
fn century(short_date: &[u8]) -> &'static [u8] {
    match short_date.first() {
        Some(b'7'..=b'9') => b"19",
        _ => b"20",
    }
}

/// SFIDLRECL means nothing for U and T, and partners write anything there.
fn format(fields: &mut Fields<'_>) -> Result<Format, Malformed> {
    let letter = fields.octet("SFIDFMT")?;
    let length = u32::try_from(fields.number("SFIDLRECL", 5)?).unwrap_or(99_999);
    match letter {
        b'U' => Ok(Format::Unstructured),
        b'T' => Ok(Format::Text),
        b'F' => Ok(Format::Fixed(length)),
        b'V' => Ok(Format::Variable(length)),
        _ => Err(fields.wrong("SFIDFMT is none of U, T, F, V".into())),
    }
}

fn format_fields(format: Format) -> (u8, u32) {
    match format {
        Format::Unstructured => (b'U', 0),
        Format::Text => (b'T', 0),
        Format::Fixed(length) => (b'F', length),
        Format::Variable(length) => (b'V', length),
    }
}

fn security(fields: &mut Fields<'_>) -> Result<Security, Malformed> {
    match fields.number("SFIDSEC", 2)? {
        0 => Ok(Security::None),
        1 => Ok(Security::Encrypted),
        2 => Ok(Security::Signed),
        3 => Ok(Security::EncryptedAndSigned),
        _ => Err(fields.wrong("SFIDSEC is none of 00, 01, 02, 03".into())),
    }
}

fn security_code(security: Security) -> u8 {
    match security {
        Security::None => 0,
        Security::Encrypted => 1,
        Security::Signed => 2,
        Security::EncryptedAndSigned => 3,
    }
}

fn choice(field: &str, fields: &mut Fields<'_>) -> Result<bool, Malformed> {
    match fields.number(field, 1)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(fields.wrong(format!("{field} is neither 0 nor 1"))),
    }
}
