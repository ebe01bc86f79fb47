//! The elements of something small, with definite lengths, that is in memory.

use crate::error::Problem;

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// Its tag.
    pub(crate) tag: u8,
    /// Its content.
    pub(crate) body: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

/// Elements, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(crate) fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next element has that tag.
    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self, what: &'static str) -> Result<Element<'a>, Problem> {
        let (&tag, rest) = self.0.split_first().ok_or(Problem::Element(what))?;
        let (length, header) = length(rest).ok_or(Problem::Length)?;
        let end = header.checked_add(length).ok_or(Problem::Length)?;
        let (whole, rest) = self.0.split_at_checked(end).ok_or(Problem::Length)?;
        let body = whole.get(header..).ok_or(Problem::Length)?;
        self.0 = rest;
        Ok(Element { tag, body, whole })
    }

    /// The next element, which has that tag.
    pub(crate) fn next(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, Problem> {
        if !self.next_is(tag) {
            return Err(Problem::Element(what));
        }
        self.any(what)
    }

    /// The content of the next element, which has that tag, as elements.
    pub(crate) fn inside(&mut self, tag: u8, what: &'static str) -> Result<Self, Problem> {
        Ok(Self(self.next(tag, what)?.body))
    }

    /// That nothing follows.
    pub(crate) fn end(&self, what: &'static str) -> Result<(), Problem> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(Problem::Element(what)),
        }
    }
}

/// The length in the octets after a tag, and how many octets tag and length have.
fn length(after_tag: &[u8]) -> Option<(usize, usize)> {
    let (&first, rest) = after_tag.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), 2));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let octets = rest.get(..count)?;
    let length = octets
        .iter()
        .fold(0, |sum, &octet| sum << 8 | usize::from(octet));
    Some((length, 2 + count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_one_after_the_other() {
        let mut elements = Elements::of(&[2, 1, 7, 0x30, 0x81, 2, 5, 0]);
        let number = elements.next(2, "number").unwrap();
        assert_eq!((number.body, number.whole), (&[7][..], &[2, 1, 7][..]));
        let mut inside = elements.inside(0x30, "sequence").unwrap();
        assert_eq!(inside.any("null").unwrap().whole, [5, 0]);
        assert!(inside.is_empty() && elements.is_empty());
        assert_eq!(elements.any("more"), Err(Problem::Element("more")));
    }

    #[test]
    fn lengths_beyond_the_slice_are_refused() {
        for octets in [
            &[4, 2, 1][..],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 1, 1],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[4],
            &[4, 0x82, 1],
        ] {
            assert_eq!(
                Elements::of(octets).any("x"),
                Err(Problem::Length),
                "{octets:x?}"
            );
        }
    }

    #[test]
    fn another_tag_is_refused_by_name() {
        assert_eq!(
            Elements::of(&[4, 0]).next(2, "number"),
            Err(Problem::Element("number"))
        );
        assert_eq!(
            Elements::of(&[4, 0]).end("end"),
            Err(Problem::Element("end"))
        );
    }
}
