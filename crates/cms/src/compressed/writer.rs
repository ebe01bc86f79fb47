//! CompressedData, written as its content passes.

use super::deflate::Deflate;
use super::parallel::ParallelDeflate;
use crate::ber::{Container, Frame, element, tag};
use crate::error::CmsError;
use crate::oid;
use crate::segments::Segments;
use crate::sink::{LengthForm, Made, Sink};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compress {
    /// 0 (as it is) to 9 (smallest); 1 is several times as fast as 6.
    pub level: u32,
    /// How many threads deflate: 0 and 1 none of their own, at most 16. Each has about 2 MiB.
    pub threads: usize,
}

fn frame() -> Frame {
    let version = [tag::INTEGER, 1, 0];
    let algorithm = element(tag::SEQUENCE, &[oid::ZLIB]);
    let mut containers = crate::content_info::containers(oid::COMPRESSED_DATA);
    containers.push(Container::new(tag::SEQUENCE, &[&version, &algorithm]));
    containers.push(Container::new(tag::SEQUENCE, &[oid::DATA]));
    containers.push(Container::new(tag::CONTEXT_0, &[]));
    let content = tag::OCTET_STRING;
    Frame {
        containers,
        content,
    }
}

/// How many octets the layer has around a zlib stream of that many, in definite lengths.
pub(crate) fn definite_length(deflated: u64) -> u64 {
    frame().definite_length(deflated)
}

enum Deflater {
    Here(Deflate),
    OnThreads(ParallelDeflate),
}

/// Writes a CompressedData.
pub(crate) struct CompressedWriter<W> {
    to: Box<dyn Sink<W>>,
    deflater: Deflater,
    segments: Segments,
    lengths: LengthForm,
    deflated: u64,
}

impl<W> CompressedWriter<W> {
    /// Starts the layer. Definite lengths are those of the zlib stream.
    pub(crate) fn start(
        mut to: Box<dyn Sink<W>>,
        compress: Compress,
        lengths: LengthForm,
    ) -> Result<Self, CmsError> {
        to.put(&match lengths {
            LengthForm::Indefinite => frame().indefinite_head(),
            LengthForm::Definite(deflated) => frame().definite_head(deflated),
        })?;
        let deflater = match compress.threads {
            0 | 1 => Deflater::Here(Deflate::new(compress.level)),
            threads => Deflater::OnThreads(ParallelDeflate::new(compress.level, threads)?),
        };
        Ok(Self {
            to,
            deflater,
            segments: Segments::new(lengths),
            lengths,
            deflated: 0,
        })
    }

    /// Deflates octets, or ends the stream if there are none.
    fn deflate(&mut self, octets: Option<&[u8]>) -> Result<(), CmsError> {
        let (to, segments, deflated) = (&mut *self.to, &mut self.segments, &mut self.deflated);
        let mut put = |made: &[u8]| {
            *deflated += made.len() as u64;
            segments.put(made, to)
        };
        match (&mut self.deflater, octets) {
            (Deflater::Here(deflate), Some(octets)) => deflate.add(octets, &mut put),
            (Deflater::Here(deflate), None) => deflate.end(&mut put),
            (Deflater::OnThreads(deflate), Some(octets)) => deflate.add(octets, &mut put),
            (Deflater::OnThreads(deflate), None) => deflate.end(&mut put),
        }
    }
}

impl<W> Sink<W> for CompressedWriter<W> {
    fn put(&mut self, octets: &[u8]) -> Result<(), CmsError> {
        match octets.is_empty() {
            true => Ok(()),
            false => self.deflate(Some(octets)),
        }
    }

    fn end(mut self: Box<Self>, made: &mut Made) -> Result<W, CmsError> {
        self.deflate(None)?;
        self.segments.end(&mut *self.to)?;
        self.lengths.check(self.deflated)?;
        if self.lengths == LengthForm::Indefinite {
            // The string, [0], the content with its type, CompressedData, [0], ContentInfo.
            self.to.put(&Frame::ends(6))?;
        }
        made.deflated = Some(self.deflated);
        self.to.end(made)
    }
}
