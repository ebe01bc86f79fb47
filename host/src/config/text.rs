//! Decodes text as editors save it: with a byte order mark, in UTF-16, or in an old encoding of Windows.

use std::borrow::Cow;

/// The octets as UTF-8 without a byte order mark. UTF-16 is recognized by its own mark.
fn unmarked(octets: &[u8]) -> Cow<'_, [u8]> {
    match octets {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(from_utf_16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(from_utf_16(rest, u16::from_be_bytes)),
        plain => Cow::Borrowed(plain),
    }
}

fn from_utf_16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, _) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units)
        .map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

/// An octet that no UTF-8 has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) octet: u8,
    /// Line and column, from 1.
    pub(super) place: (usize, usize),
}

/// The text, or the first octet that is not valid.
pub(super) fn decoded(octets: &[u8]) -> Result<String, Foreign> {
    let octets = unmarked(octets);
    match std::str::from_utf8(&octets) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let (good, bad) = octets.split_at(error.valid_up_to());
            let before = String::from_utf8_lossy(good);
            let line = before.matches('\n').count() + 1;
            let column = before
                .rsplit('\n')
                .next()
                .map_or(0, |row| row.chars().count())
                + 1;
            Err(Foreign {
                octet: bad.first().copied().unwrap_or_default(),
                place: (line, column),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_no_text() {
        assert_eq!(decoded(b"\xef\xbb\xbfa: 1"), Ok("a: 1".to_owned()));
        assert_eq!(decoded(b"\xff\xfea\0\xfc\0"), Ok("a\u{fc}".to_owned()));
        assert_eq!(decoded(b"\xfe\xff\0a\0\xfc"), Ok("a\u{fc}".to_owned()));
        let place = (2, 5);
        assert_eq!(
            decoded(b"a: 1\nb: M\xfcller"),
            Err(Foreign { octet: 0xfc, place })
        );
    }
}
