//! The content of a layer as strings: in segments, or in one piece.

use crate::ber::{header, tag};
use crate::error::CmsError;
use crate::sink::{LengthForm, Sink, gather};

/// Octets of a segment. Readers hold a segment in memory, the least of them.
pub(crate) const SEGMENT: usize = 256 * 1024;

/// Makes strings of what is put in.
pub(crate) struct Segments {
    gathered: Vec<u8>,
    lengths: LengthForm,
}

impl Segments {
    pub(crate) fn new(lengths: LengthForm) -> Self {
        let gathered = match lengths {
            LengthForm::Indefinite => Vec::with_capacity(SEGMENT),
            LengthForm::Definite(_) => Vec::new(),
        };
        Self { gathered, lengths }
    }

    /// Writes octets on: as they come if they have one header for all, else in full segments.
    pub(crate) fn put<W>(
        &mut self,
        mut octets: &[u8],
        to: &mut dyn Sink<W>,
    ) -> Result<(), CmsError> {
        if self.lengths != LengthForm::Indefinite {
            return to.put(octets);
        }
        while !octets.is_empty() {
            octets = gather(&mut self.gathered, SEGMENT, octets);
            if self.gathered.len() == SEGMENT {
                self.end(to)?;
            }
        }
        Ok(())
    }

    /// Writes the last segment, if one is begun.
    pub(crate) fn end<W>(&mut self, to: &mut dyn Sink<W>) -> Result<(), CmsError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        to.put(&header(tag::OCTET_STRING, self.gathered.len() as u64))?;
        to.put(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}
