//! Names of certificates as they are compared (RFC 5280, 7.1): a name that was encoded once more, with another string type, is
//! the same name.

use crate::ber::{Elements, tag};
use crate::error::Problem;

/// The string types of a name's values.
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;

/// An attribute of a name: the octets of its object identifier, and its value.
type Attribute = (Vec<u8>, Value);

/// A name: for each of its parts, in their order, its attributes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ComparedName(Vec<Vec<Attribute>>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// In small letters, with single blanks between its words.
    Text(String),
    /// A whole element that is no text.
    Other(Vec<u8>),
}

impl ComparedName {
    /// Reads a Name (RFC 5280, 4.1.2.4), a whole element; none if it is not one.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Self::read(name).ok()
    }

    fn read(name: &[u8]) -> Result<Self, Problem> {
        let mut parts = Elements::of(name).inside(tag::SEQUENCE, "name")?;
        let mut read = Vec::new();
        while !parts.is_empty() {
            let mut set = parts.inside(tag::SET, "part of a name")?;
            let mut attributes = Vec::new();
            while !set.is_empty() {
                let mut attribute = set.inside(tag::SEQUENCE, "attribute of a name")?;
                let kind = attribute.next(tag::OBJECT_ID, "attribute of a name")?;
                let value = attribute.any("value of a name")?;
                attribute.end("end of an attribute")?;
                let value = match text(value.tag, value.body) {
                    Some(text) => Value::Text(folded(&text)),
                    None => Value::Other(value.whole.to_vec()),
                };
                attributes.push((kind.body.to_vec(), value));
            }
            // DER sorts a set by its octets, which differ with the string types.
            attributes.sort_unstable();
            read.push(attributes);
        }
        Ok(Self(read))
    }
}

/// The text of a string; none if it is another type, or its octets are none of its type.
fn text(tag: u8, octets: &[u8]) -> Option<String> {
    match tag {
        UTF8 | PRINTABLE | IA5 => String::from_utf8(octets.to_vec()).ok(),
        // What writers mean by it is Latin 1 (RFC 5280, 4.1.2.4 only says that it is not ASCII).
        TELETEX => Some(octets.iter().map(|&octet| char::from(octet)).collect()),
        BMP => {
            let (units, rest) = octets.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.ok().filter(|_| rest.is_empty())
        }
        UNIVERSAL => {
            let (units, rest) = octets.as_chunks::<4>();
            let units = units.iter().map(|unit| u32::from_be_bytes(*unit));
            let text: Option<String> = units.map(char::from_u32).collect();
            text.filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// In small letters, without blanks around it, and with single ones inside.
fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::element;

    fn name(string: u8, text: &[u8]) -> Option<ComparedName> {
        let value = element(string, &[text]);
        let attribute = element(tag::SEQUENCE, &[&[6, 3, 0x55, 4, 3], &value]);
        ComparedName::of(&element(
            tag::SEQUENCE,
            &[&element(tag::SET, &[&attribute])],
        ))
    }

    #[test]
    fn a_name_is_the_same_in_every_string_type() {
        let expected = name(UTF8, "Söhne Werk".as_bytes());
        assert!(expected.is_some());
        let wide = |width: usize| -> Vec<u8> {
            let units = "Söhne Werk".chars().map(u32::from);
            let units = units.map(|unit| unit.to_be_bytes()[4 - width..].to_vec());
            units.collect::<Vec<_>>().concat()
        };
        for (string, text) in [
            (TELETEX, b"S\xf6hne Werk".to_vec()),
            (BMP, wide(2)),
            (UNIVERSAL, wide(4)),
            (UTF8, " söhne  WERK ".as_bytes().to_vec()),
        ] {
            assert_eq!(name(string, &text), expected, "{string:x}");
        }
        for (string, text) in [
            (UTF8, &b"Sohne Werk"[..]),
            (PRINTABLE, b"SohneWerk"),
            (BMP, b"a"),
            (4, b"S"),
        ] {
            assert_ne!(name(string, text), expected, "{string:x}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for octets in [&b""[..], &[0x31, 0], &[0x30, 2, 4, 0], &[0x30, 5, 0x31, 3]] {
            assert_eq!(ComparedName::of(octets), None, "{octets:x?}");
        }
    }
}
