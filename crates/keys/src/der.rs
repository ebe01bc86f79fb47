//! Elements of ASN.1 in memory. Certificates and most stores are DER; some programs write PFX and P7B as BER, which
//! [`definite`] makes definite first.

use std::borrow::Cow;

use crate::error::StoreFault;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]` and `[3]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
pub(crate) const CONTEXT_3: u8 = 0xa3;
/// `[0]`, primitive.
pub(crate) const CONTEXT_0_PRIMITIVE: u8 = 0x80;

const CONSTRUCTED_OCTETS: u8 = 0x24;
const CONSTRUCTED: u8 = 0x20;

/// The deepest nesting of what is made definite.
const MOST_DEPTH: usize = 32;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DerElement<'a> {
    pub(crate) tag: u8,
    /// Its content.
    pub(crate) body: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    /// Where its content begins.
    at: usize,
}

impl<'a> DerElement<'a> {
    /// Its content as elements.
    pub(crate) fn elements(self) -> DerElements<'a> {
        DerElements {
            rest: self.body,
            at: self.at,
        }
    }
}

/// Elements, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DerElements<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> DerElements<'a> {
    pub(crate) fn of(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            at: 0,
        }
    }

    /// What there is of the content of the sequence that the octets begin with, even if its end is missing.
    pub(crate) fn beginning(octets: &'a [u8]) -> Option<Self> {
        let (at, length) = header(octets)?;
        let rest = octets.get(at..)?;
        let rest = length.and_then(|length| rest.get(..length)).unwrap_or(rest);
        Some(Self { rest, at })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next element.
    pub(crate) fn next_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.next_tag() == Some(tag)
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self, what: &'static str) -> Result<DerElement<'a>, StoreFault> {
        let damaged = StoreFault::damaged(what, self.at);
        self.take().ok_or(damaged)
    }

    /// The next element; none if there is not all of it, or its length is indefinite.
    fn take(&mut self) -> Option<DerElement<'a>> {
        let (header, length) = header(self.rest)?;
        let end = header.checked_add(length?)?;
        let (whole, rest) = self.rest.split_at_checked(end)?;
        let element = DerElement {
            tag: *whole.first()?,
            body: whole.get(header..)?,
            whole,
            at: self.at + header,
        };
        self.rest = rest;
        self.at += end;
        Some(element)
    }

    /// The next element, which has that tag.
    pub(crate) fn next(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<DerElement<'a>, StoreFault> {
        match self.next_is(tag) {
            true => self.any(what),
            false => Err(StoreFault::damaged(what, self.at)),
        }
    }

    /// The content of the next element, which has that tag, as elements.
    pub(crate) fn inside(&mut self, tag: u8, what: &'static str) -> Result<Self, StoreFault> {
        Ok(self.next(tag, what)?.elements())
    }

    /// The next element, an integer that is not negative and has at most eight octets.
    pub(crate) fn number(&mut self, what: &'static str) -> Result<u64, StoreFault> {
        let at = self.at;
        let body = self.next(INTEGER, what)?.body;
        let digits = match body {
            [0, rest @ ..] => rest,
            _ => body,
        };
        if body.is_empty()
            || digits.len() > 8
            || body.first().is_some_and(|octet| octet & 0x80 != 0)
        {
            return Err(StoreFault::damaged(what, at));
        }
        Ok(digits
            .iter()
            .fold(0, |sum, &octet| sum << 8 | u64::from(octet)))
    }
}

/// How many octets tag and length have, and the length; none where it is indefinite.
fn header(octets: &[u8]) -> Option<(usize, Option<usize>)> {
    let (&tag, rest) = octets.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return Some((2, Some(usize::from(first))));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 {
        return Some((2, None));
    }
    if count > 4 {
        return None;
    }
    let length = rest
        .get(..count)?
        .iter()
        .fold(0, |sum, &octet| sum << 8 | usize::from(octet));
    Some((2 + count, Some(length)))
}

/// Writes an element.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut octets = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => octets.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let digits: Vec<u8> = digits.into_iter().skip_while(|&octet| octet == 0).collect();
            octets.push(0x80 | digits.len() as u8);
            octets.extend(digits);
        }
    }
    parts.iter().for_each(|part| octets.extend(*part));
    octets
}

/// The same elements with definite lengths and whole octet strings. What is DER already stays as it is, octet for octet.
///
/// # Errors
/// [`StoreFault::Damaged`], also for what is nested deeper than 32 levels.
pub(crate) fn definite(octets: &[u8]) -> Result<Cow<'_, [u8]>, StoreFault> {
    let mut written = Vec::with_capacity(octets.len());
    rewrite(octets, 0, MOST_DEPTH, &mut written)?;
    match written == octets {
        true => Ok(Cow::Borrowed(octets)),
        false => Ok(Cow::Owned(written)),
    }
}

/// Writes the element at the start of `octets`, and returns how many octets it has there.
fn rewrite(octets: &[u8], at: usize, depth: usize, out: &mut Vec<u8>) -> Result<usize, StoreFault> {
    let damaged = || StoreFault::damaged("element", at);
    let (header, length) = header(octets).ok_or_else(damaged)?;
    let tag = *octets.first().ok_or_else(damaged)?;
    let end = length
        .map(|length| header.checked_add(length).ok_or_else(damaged))
        .transpose()?;
    let known = octets
        .get(..end.unwrap_or(octets.len()))
        .ok_or_else(damaged)?;
    if tag & CONSTRUCTED == 0 {
        end.ok_or_else(damaged)?;
        out.extend(known);
        return Ok(known.len());
    }
    if depth == 0 {
        return Err(damaged());
    }
    let mut body = Vec::new();
    let mut position = header;
    loop {
        let rest = known.get(position..).ok_or_else(damaged)?;
        match (end, rest) {
            (Some(_), []) => break,
            (None, [0, 0, ..]) => {
                position += 2;
                break;
            }
            _ => position += rewrite(rest, at + position, depth - 1, &mut body)?,
        }
    }
    let unchanged = end.is_some() && known.get(header..) == Some(&body);
    match (tag, unchanged) {
        (CONSTRUCTED_OCTETS, _) => out.extend(element(OCTET_STRING, &[&joined(&body)?])),
        (_, true) => out.extend(known),
        (_, false) => out.extend(element(tag, &[&body])),
    }
    Ok(position)
}

/// The octets of an octet string that comes in segments.
pub(crate) fn joined(segments: &[u8]) -> Result<Vec<u8>, StoreFault> {
    let mut segments = DerElements::of(segments);
    let mut octets = Vec::new();
    while !segments.is_empty() {
        octets.extend(
            segments
                .next(OCTET_STRING, "segment of an octet string")?
                .body,
        );
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_one_after_the_other_and_say_where_one_is_missing() {
        let mut elements = DerElements::of(&[2, 1, 7, 0x30, 0x81, 3, 2, 1, 9, 0x04]);
        assert_eq!(elements.number("number"), Ok(7));
        let mut inside = elements.inside(SEQUENCE, "sequence").unwrap();
        assert_eq!(
            inside.next(OCTET_STRING, "octets").map(|_| ()),
            Err(StoreFault::damaged("octets", 6))
        );
        assert_eq!(inside.number("number"), Ok(9));
        assert_eq!(
            elements.any("more").map(|_| ()),
            Err(StoreFault::damaged("more", 9))
        );
    }

    #[test]
    fn numbers_are_small_and_not_negative() {
        for (octets, number) in [
            (&[2, 1, 0][..], Some(0)),
            (&[2, 2, 0, 0x80], Some(128)),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
            (
                &[2, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8],
                Some(0x0102_0304_0506_0708),
            ),
            (&[2, 9, 1, 1, 2, 3, 4, 5, 6, 7, 8], None),
        ] {
            assert_eq!(
                DerElements::of(octets).number("n").ok(),
                number,
                "{octets:x?}"
            );
        }
    }

    #[test]
    fn lengths_beyond_the_octets_are_refused() {
        for octets in [
            &[4, 2, 1][..],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 1, 1],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 1, 0, 0],
            &[4],
        ] {
            assert!(DerElements::of(octets).any("x").is_err(), "{octets:x?}");
        }
    }

    #[test]
    fn what_is_written_is_read_at_every_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let body = vec![7; length];
            let written = element(OCTET_STRING, &[&body]);
            let mut read = DerElements::of(&written);
            assert_eq!(read.any("x").unwrap().body, body);
            assert!(read.is_empty());
        }
    }

    #[test]
    fn indefinite_lengths_and_segments_become_definite() {
        let ber = [
            0x30, 0x80, 0x24, 0x80, 4, 1, 1, 4, 2, 2, 3, 0, 0, 0xa0, 0x80, 2, 1, 5, 0, 0, 0, 0,
        ];
        let der = [0x30, 10, 4, 3, 1, 2, 3, 0xa0, 3, 2, 1, 5];
        assert_eq!(definite(&ber).unwrap(), &der[..]);
        assert!(matches!(definite(&der).unwrap(), Cow::Borrowed(_)));
        for end in 0..ber.len() {
            assert!(definite(&ber[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn lengths_that_der_would_write_shorter_stay() {
        let long = [0x30, 0x82, 0, 3, 2, 1, 5];
        assert_eq!(definite(&long).unwrap(), &long[..]);
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |depth: usize| [[0x30, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
        assert!(definite(&nested(MOST_DEPTH)).is_ok());
        assert!(definite(&nested(MOST_DEPTH + 1)).is_err());
    }
}
