//! CompressedData as it passes: inflated, within limits.

use flate2::{Decompress, FlushDecompress, Status};

use crate::algorithm::names_without_parameters;
use crate::ber::{BerReader, OctetString, tag};
use crate::error::{CmsError, Layer, Problem};
use crate::found::{CompressedFound, Found};
use crate::limits::Limits;
use crate::oid;
use crate::source::Source;

/// Octets that are read before they are inflated.
const BUFFER: usize = 64 * 1024;
/// The ratio counts from that many octets of output on: small files may be of one letter.
const RATIO_FROM: u64 = 1024 * 1024;
/// What a signed layer may have around the largest content.
const MOST_AROUND: u64 = 2 * 1024 * 1024;

/// Reads the content of a CompressedData.
pub(crate) struct CompressedReader {
    reader: BerReader,
    limits: Limits,
    deflated: Option<OctetString>,
    zlib: Decompress,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    is_done: bool,
}

impl CompressedReader {
    pub(crate) fn new(source: Box<dyn Source>, limits: Limits) -> Self {
        Self {
            reader: BerReader::new(source, Layer::Compressed),
            limits,
            deflated: None,
            zlib: Decompress::new(true),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            end: 0,
            is_done: false,
        }
    }

    /// Reads all that stands before the zlib stream.
    fn open(&mut self) -> Result<OctetString, CmsError> {
        crate::content_info::enter(&mut self.reader, oid::COMPRESSED_DATA)?;
        if self.reader.element("version", 16)? != [tag::INTEGER, 1, 0] {
            return Err(self.reader.error(Problem::Version));
        }
        let algorithm = self.reader.element("algorithm", 64)?;
        if !names_without_parameters(&algorithm, oid::ZLIB) {
            return Err(self.reader.error(Problem::Algorithm("compression")));
        }
        self.reader.enter(tag::SEQUENCE, "content")?;
        // RFC 5024, 6.1 prescribes id-data for the other two layers only: writers differ here.
        let content_type = self.reader.element("content type", 64)?;
        if content_type.first() != Some(&tag::OBJECT_ID) || self.reader.has_ended()? {
            return Err(self.reader.error(Problem::Content));
        }
        self.reader.enter(tag::CONTEXT_0, "content")?;
        OctetString::open(&mut self.reader, tag::OCTET_STRING, "content")
    }

    fn refill(&mut self) -> Result<(), CmsError> {
        if self.at == self.end {
            let mut deflated = match self.deflated.take() {
                Some(deflated) => deflated,
                None => self.open()?,
            };
            self.at = 0;
            self.end = deflated.read(&mut self.reader, &mut self.buffer)?;
            self.deflated = Some(deflated);
        }
        Ok(())
    }

    /// Inflates some; at the end of the stream sees that it is the end of everything.
    fn inflate(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        loop {
            self.refill()?;
            // With no input left there may still be output pending.
            let is_dry = self.end == 0;
            let input = self.buffer.get(self.at..self.end).unwrap_or_default();
            let (taken, made) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self.zlib.decompress(input, room, FlushDecompress::None);
            let status = status.map_err(|_| self.reader.error(Problem::Zlib))?;
            self.at += usize::try_from(self.zlib.total_in() - taken).unwrap_or(0);
            let made = usize::try_from(self.zlib.total_out() - made).unwrap_or(0);
            self.check_size()?;
            if status == Status::StreamEnd {
                self.finish()?;
                return Ok(made);
            }
            if made > 0 {
                return Ok(made);
            }
            if is_dry {
                return Err(self.reader.error(Problem::Zlib));
            }
        }
    }

    fn check_size(&self) -> Result<(), CmsError> {
        let (deflated, inflated) = (self.zlib.total_in(), self.zlib.total_out());
        let limit = self.limits.largest;
        if inflated > limit.saturating_add(MOST_AROUND) && !planted!(LargestNotLimited) {
            return Err(CmsError::TooLarge { limit });
        }
        let most = deflated.saturating_mul(u64::from(self.limits.ratio));
        if inflated > RATIO_FROM && inflated > most && !planted!(RatioNotLimited) {
            return Err(self.reader.error(Problem::Ratio(self.limits.ratio)));
        }
        Ok(())
    }

    /// That nothing follows the zlib stream, and nothing the layer.
    fn finish(&mut self) -> Result<(), CmsError> {
        let mut rest = [0; 1];
        let mut follows = self.at < self.end;
        if let Some(deflated) = &mut self.deflated {
            while deflated.read(&mut self.reader, &mut rest)? > 0 {
                follows = true;
                if !planted!(ZlibTrailerTaken) {
                    break;
                }
            }
        }
        if follows && !planted!(ZlibTrailerTaken) {
            return Err(self.reader.error(Problem::Zlib));
        }
        self.reader.finish("end of the compressed layer")?;
        self.is_done = true;
        Ok(())
    }
}

impl Source for CompressedReader {
    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        if self.is_done || room.is_empty() {
            return Ok(0);
        }
        self.inflate(room)
    }

    fn report(self: Box<Self>, found: &mut Found) {
        found.compressed = Some(CompressedFound {
            deflated: self.zlib.total_in(),
            inflated: self.zlib.total_out(),
        });
        self.reader.into_source().report(found);
    }
}
