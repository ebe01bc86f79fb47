//! A file is made as its content passes.

use std::io::{self, Write};

use crate::error::CmsError;
use crate::sink::{Made, Sink};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// Octets of the content.
    pub content: u64,
    /// Octets of the zlib stream, if the file is compressed.
    pub deflated: Option<u64>,
    /// Octets of the file: those that are transmitted.
    pub octets: u64,
    /// The hash of the file by its suite, which its receipt must carry (RFC 5024, 5.3.13).
    pub hash: Vec<u8>,
}

/// Takes the content of a file, and writes the file. What it wrote counts only when [`Self::finish`] has returned `Ok`.
pub struct Wrapper<W> {
    top: Box<dyn Sink<W>>,
    content: u64,
    failed: Option<CmsError>,
}

impl<W> Wrapper<W> {
    pub(crate) fn new(top: Box<dyn Sink<W>>) -> Self {
        Self {
            top,
            content: 0,
            failed: None,
        }
    }

    /// Ends the file; gives back where it was written to, and what was written.
    ///
    /// # Errors
    /// [`CmsError`], also the one that a write has failed with before.
    pub fn finish(self) -> Result<(W, Wrapped), CmsError> {
        let content = self.content;
        let (out, made) = self.end()?;
        let wrapped = Wrapped {
            content,
            deflated: made.deflated,
            octets: made.wire,
            hash: made.hash,
        };
        Ok((out, wrapped))
    }

    pub(crate) fn end(self) -> Result<(W, Made), CmsError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut made = Made::default();
        let out = self.top.end(&mut made)?;
        Ok((out, made))
    }

    pub(crate) fn content(&self) -> u64 {
        self.content
    }
}

impl<W> Write for Wrapper<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.to_io());
        }
        match self.top.put(octets) {
            Ok(()) => {
                self.content += octets.len() as u64;
                Ok(octets.len())
            }
            Err(error) => Err(self.failed.insert(error).to_io()),
        }
    }

    /// Does nothing: what is not full waits for more.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
