//! BER and DER as they pass: one source, one stack of open containers, a limit on everything.

use crate::error::{CmsError, Layer, Problem};
use crate::source::{Source, hand_out};

use super::copied::ElementCopy;
use super::{header, tag};

/// The most elements in each other, of one layer.
pub const MOST_DEPTH: usize = 16;

/// The same of an element that is copied and mostly passed over: a certificate's name or a timestamp in an attribute has
/// some twenty in each other.
const MOST_COPIED_DEPTH: usize = 64;

/// Octets that are read from the source at a time.
const BUFFER: usize = 64 * 1024;

/// Tag and length of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its tag: one octet, since CMS has no higher ones.
    pub(crate) tag: u8,
    /// Its length; none if it is indefinite.
    pub(crate) length: Option<u64>,
}

/// Reads the elements of one layer.
pub(crate) struct BerReader {
    source: Box<dyn Source>,
    layer: Layer,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not yet taken.
    at: usize,
    end: usize,
    /// Octets taken since the start of the layer.
    position: u64,
    /// The open containers: where each ends, none if it is indefinite.
    open: Vec<Option<u64>>,
}

impl BerReader {
    pub(crate) fn new(source: Box<dyn Source>, layer: Layer) -> Self {
        Self {
            source,
            layer,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            end: 0,
            position: 0,
            open: Vec::with_capacity(MOST_DEPTH),
        }
    }

    /// An error of this layer.
    pub(crate) fn error(&self, problem: Problem) -> CmsError {
        self.layer.error(problem)
    }

    /// The layer that is read.
    pub(crate) fn layer(&self) -> Layer {
        self.layer
    }

    /// The source, for what it knows at the end.
    pub(crate) fn into_source(self) -> Box<dyn Source> {
        self.source
    }

    /// How many containers are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Reads on if nothing is left in the buffer. False at the end of the source.
    fn fill(&mut self) -> Result<bool, CmsError> {
        if self.at == self.end {
            self.end = self.source.pull(&mut self.buffer)?;
            self.at = 0;
        }
        Ok(self.at < self.end)
    }

    fn octet(&mut self) -> Result<u8, CmsError> {
        let octet = match self.fill()? {
            true => self.buffer.get(self.at).copied(),
            false => None,
        };
        let octet = octet.ok_or_else(|| self.error(Problem::Truncated))?;
        self.at += 1;
        self.position += 1;
        Ok(octet)
    }

    /// Where the innermost container ends that has a definite length.
    fn limit(&self) -> Option<u64> {
        self.open.iter().rev().flatten().next().copied()
    }

    /// The tag of the next element, without taking it; none at the end of the innermost container.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, CmsError> {
        if self.open.last() == Some(&Some(self.position)) {
            return Ok(None);
        }
        if !self.fill()? {
            return Err(self.error(Problem::Truncated));
        }
        Ok(self.buffer.get(self.at).copied())
    }

    /// Tag and length of the next element.
    pub(crate) fn header(&mut self) -> Result<Header, CmsError> {
        let tag = self.octet()?;
        if tag & 0x1f == 0x1f {
            return Err(self.error(Problem::Element("tag of one octet")));
        }
        let length = match self.octet()? {
            short @ 0..=0x7f => Some(u64::from(short)),
            0x80 if tag & tag::CONSTRUCTED != 0 => None,
            long @ 0x81..=0x88 => Some(self.long_length(long & 0x7f)?),
            _ => return Err(self.error(Problem::Length)),
        };
        self.check_length(length)?;
        Ok(Header { tag, length })
    }

    fn long_length(&mut self, octets: u8) -> Result<u64, CmsError> {
        let mut length = 0;
        for _ in 0..octets {
            length = length << 8 | u64::from(self.octet()?);
        }
        Ok(length)
    }

    fn check_length(&self, length: Option<u64>) -> Result<(), CmsError> {
        let furthest = self.limit().unwrap_or(i64::MAX.cast_unsigned());
        let fits = furthest
            .checked_sub(self.position)
            .is_some_and(|left| length.is_none_or(|length| length <= left));
        match fits {
            true => Ok(()),
            false => Err(self.error(Problem::Length)),
        }
    }

    /// Opens the container of that header.
    pub(crate) fn open(&mut self, header: Header) -> Result<(), CmsError> {
        self.open_within(header, MOST_DEPTH)
    }

    fn open_within(&mut self, header: Header, depth: usize) -> Result<(), CmsError> {
        if self.open.len() >= depth {
            return Err(self.error(Problem::TooDeep));
        }
        let end = header.length.map(|length| self.position + length);
        self.open.push(end);
        Ok(())
    }

    /// Opens the next element, which has that tag.
    pub(crate) fn enter(&mut self, tag: u8, what: &'static str) -> Result<(), CmsError> {
        let header = self.header()?;
        if header.tag != tag {
            return Err(self.error(Problem::Element(what)));
        }
        self.open(header)
    }

    /// Whether the innermost container has ended. What ends an indefinite one is taken, so that it must be closed then.
    pub(crate) fn has_ended(&mut self) -> Result<bool, CmsError> {
        match self.open.last().copied().flatten() {
            Some(end) => Ok(self.position == end),
            None if self.peek()? == Some(0) => {
                let end = self.header()?;
                match end.length {
                    Some(0) => Ok(true),
                    _ => Err(self.error(Problem::Length)),
                }
            }
            None => Ok(false),
        }
    }

    /// Closes the innermost container, which has been seen to end.
    pub(crate) fn close(&mut self) {
        self.open.pop();
    }

    /// Closes the innermost container, which ends here.
    pub(crate) fn leave(&mut self, what: &'static str) -> Result<(), CmsError> {
        if !self.has_ended()? {
            return Err(self.error(Problem::Element(what)));
        }
        self.close();
        Ok(())
    }

    /// Takes some of the next `left` octets, as many as fit and are there.
    pub(crate) fn take(&mut self, room: &mut [u8], left: &mut u64) -> Result<usize, CmsError> {
        if !self.fill()? {
            return Err(self.error(Problem::Truncated));
        }
        let there = self.buffer.get(self.at..self.end).unwrap_or_default();
        let most = usize::try_from(*left).unwrap_or(usize::MAX);
        let count = hand_out(there.get(..most).unwrap_or(there), room);
        self.at += count;
        self.position += count as u64;
        *left -= count as u64;
        Ok(count)
    }

    /// The next element whole, rewritten in definite lengths and its strings in one piece: at most `most` octets of it.
    pub(crate) fn element(&mut self, what: &'static str, most: usize) -> Result<Vec<u8>, CmsError> {
        self.copy(what, most, MOST_DEPTH)
    }

    /// As [`Self::element`], of one that may be nested deeper than the structure is, since most of it is passed over.
    pub(crate) fn deep_element(
        &mut self,
        what: &'static str,
        most: usize,
    ) -> Result<Vec<u8>, CmsError> {
        self.copy(what, most, MOST_COPIED_DEPTH)
    }

    fn copy(&mut self, what: &'static str, most: usize, depth: usize) -> Result<Vec<u8>, CmsError> {
        let mut copied = ElementCopy::default();
        loop {
            let header = self.header()?;
            match header.length {
                Some(length) if header.tag & tag::CONSTRUCTED == 0 => {
                    let left = most.checked_sub(copied.octets.len());
                    let left = left.ok_or_else(|| self.error(Problem::TooBig(what)))?;
                    self.copy_primitive(header.tag, length, what, left, &mut copied.octets)?;
                }
                _ => {
                    self.open_within(header, depth)?;
                    copied.open(header.tag);
                }
            }
            while copied.is_open() && self.has_ended()? {
                self.close();
                copied
                    .close(what, most)
                    .map_err(|problem| self.error(problem))?;
            }
            if !copied.is_open() {
                return Ok(copied.octets);
            }
        }
    }

    fn copy_primitive(
        &mut self,
        tag: u8,
        length: u64,
        what: &'static str,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CmsError> {
        let fits = usize::try_from(length).ok();
        let length = fits
            .filter(|length| *length <= most)
            .ok_or_else(|| self.error(Problem::TooBig(what)))?;
        out.extend(header(tag, length as u64));
        let (mut left, start) = (length as u64, out.len());
        out.resize(start + length, 0);
        while left > 0 {
            let done = out.len() - usize::try_from(left).unwrap_or(0);
            let room = out.get_mut(done..).unwrap_or_default();
            self.take(room, &mut left)?;
        }
        Ok(())
    }

    /// Passes over the next element, which has at most `most` octets, however deep it is nested: one of a definite length
    /// is not looked into, and of indefinite ones in each other only their number matters.
    pub(crate) fn skip(&mut self, what: &'static str, most: u64) -> Result<(), CmsError> {
        let start = self.position;
        let mut open = 0u64;
        loop {
            let header = self.header()?;
            match header.length {
                Some(0) if header.tag == 0 && open > 0 => open -= 1,
                Some(_) if header.tag == 0 && open > 0 => return Err(self.error(Problem::Length)),
                Some(length) if length <= most => self.discard(length)?,
                Some(_) => return Err(self.error(Problem::TooBig(what))),
                None => open += 1,
            }
            if self.position - start > most {
                return Err(self.error(Problem::TooBig(what)));
            }
            if open == 0 {
                return Ok(());
            }
        }
    }

    fn discard(&mut self, mut left: u64) -> Result<(), CmsError> {
        let mut room = [0; 512];
        while left > 0 {
            self.take(&mut room, &mut left)?;
        }
        Ok(())
    }

    /// Closes all containers, which end here, and sees that nothing follows, which is when the layer around this one
    /// has been read to its end, too.
    pub(crate) fn finish(&mut self, what: &'static str) -> Result<(), CmsError> {
        while self.depth() > 0 {
            self.leave(what)?;
        }
        if self.fill()? && !planted!(TrailingOctetsTaken) {
            return Err(self.error(Problem::Trailing));
        }
        Ok(())
    }
}
