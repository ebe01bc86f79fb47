//! A zlib stream made as its octets come, on the thread that brings them.

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::error::{CmsError, Layer, Problem};

/// Octets that are made at a time.
const BUFFER: usize = 64 * 1024;

/// Makes one zlib stream.
pub(super) struct Deflate {
    zlib: Compress,
    buffer: Box<[u8]>,
}

impl Deflate {
    /// Of that level, 0 to 9.
    pub(super) fn new(level: u32) -> Self {
        Self {
            zlib: Compress::new(Compression::new(level.min(9)), true),
            buffer: vec![0; BUFFER].into_boxed_slice(),
        }
    }

    /// Takes octets, and gives what is made of them so far to `put`.
    pub(super) fn add(
        &mut self,
        octets: &[u8],
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        self.run(octets, FlushCompress::None, put)
    }

    /// Ends the stream.
    pub(super) fn end(
        &mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        self.run(&[], FlushCompress::Finish, put)
    }

    fn run(
        &mut self,
        mut octets: &[u8],
        flush: FlushCompress,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        loop {
            let (taken, made) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self.zlib.compress(octets, &mut self.buffer, flush);
            let status = status.map_err(|_| Layer::Compressed.error(Problem::Zlib))?;
            let taken = usize::try_from(self.zlib.total_in() - taken).unwrap_or(usize::MAX);
            let made = usize::try_from(self.zlib.total_out() - made).unwrap_or(0);
            octets = octets.get(taken..).unwrap_or_default();
            put(self.buffer.get(..made).unwrap_or_default())?;
            let has_taken_all = matches!(flush, FlushCompress::None) && octets.is_empty();
            if status == Status::StreamEnd || has_taken_all && made < self.buffer.len() {
                return Ok(());
            }
        }
    }
}
