//! A string of octets as it passes: in one piece or in segments, in each other even.

use crate::error::{CmsError, Problem};

use super::reader::BerReader;
use super::tag;

/// The most empty segments in a row. A writer may end with one; a file that has nothing else has no end.
const MOST_EMPTY: u32 = 16;

/// How far a string was read.
#[derive(Debug)]
pub(crate) struct OctetString {
    /// Octets left of the segment that is being read.
    left: u64,
    /// How many containers were open before the string.
    base: usize,
    empty_in_a_row: u32,
    done: bool,
}

impl OctetString {
    /// Opens the next element, which is a string whose primitive form has that tag.
    pub(crate) fn open(
        reader: &mut BerReader,
        primitive: u8,
        what: &'static str,
    ) -> Result<Self, CmsError> {
        let header = reader.header()?;
        let base = reader.depth();
        let left = match header.length {
            Some(length) if header.tag == primitive => length,
            _ if header.tag == primitive | tag::CONSTRUCTED => {
                reader.open(header)?;
                0
            }
            _ => return Err(reader.error(Problem::Element(what))),
        };
        Ok(Self {
            left,
            base,
            empty_in_a_row: 0,
            done: false,
        })
    }

    /// The next octets; none at the end of the string.
    pub(crate) fn read(
        &mut self,
        reader: &mut BerReader,
        room: &mut [u8],
    ) -> Result<usize, CmsError> {
        while self.left == 0 && !self.done {
            self.next_segment(reader)?;
        }
        if self.done || room.is_empty() {
            return Ok(0);
        }
        self.empty_in_a_row = 0;
        reader.take(room, &mut self.left)
    }

    /// Fills the room as far as the string goes.
    pub(crate) fn read_full(
        &mut self,
        reader: &mut BerReader,
        room: &mut [u8],
    ) -> Result<usize, CmsError> {
        let mut filled = 0;
        loop {
            let rest = room.get_mut(filled..).unwrap_or_default();
            match self.read(reader, rest)? {
                0 => return Ok(filled),
                count => filled += count,
            }
        }
    }

    fn next_segment(&mut self, reader: &mut BerReader) -> Result<(), CmsError> {
        while reader.depth() > self.base && reader.has_ended()? {
            reader.close();
        }
        if reader.depth() == self.base {
            self.done = true;
            return Ok(());
        }
        let header = reader.header()?;
        match header.length {
            Some(length) if header.tag == tag::OCTET_STRING => self.left = length,
            _ if header.tag == tag::OCTET_STRING | tag::CONSTRUCTED => reader.open(header)?,
            _ => return Err(reader.error(Problem::Element("segment of a string"))),
        }
        self.empty_in_a_row += 1;
        if self.left == 0 && self.empty_in_a_row > MOST_EMPTY {
            return Err(reader.error(Problem::TooMany("empty segments")));
        }
        Ok(())
    }
}
