//! A content is measured, so that a file can be written with definite lengths.
//!
//! The length of everything is known from that of the content, but for the zlib stream: a content that is compressed is
//! signed and deflated twice, and what the first time has made of it is thrown away. So nothing of the content lies
//! anywhere in between. Its signatures are kept, since some are different each time.

use std::io::{self, Write};

use crate::compressed::{self, CompressedWriter};
use crate::error::CmsError;
use crate::measured::Measured;
use crate::signed::SignedWriter;
use crate::sink::{LengthForm, Made, Sink};
use crate::wrapper::Wrapper;
use crate::wrapping::Wrapping;

/// Takes a content, to measure what becomes of it.
pub struct Measurer {
    wrapping: Wrapping,
    content: u64,
    /// Only where the content is compressed.
    first_pass: Option<Wrapper<()>>,
}

impl Wrapping {
    /// Starts to measure a content of that many octets, for [`Self::write_definite_to`].
    ///
    /// # Errors
    /// [`CmsError`], if a key cannot be used.
    pub fn measure(&self, content: u64) -> Result<Measurer, CmsError> {
        Measurer::start(self, content)
    }
}

impl Measurer {
    fn start(wrapping: &Wrapping, content: u64) -> Result<Self, CmsError> {
        let first_pass = match wrapping.compress {
            None => None,
            Some(compress) => {
                let mut top: Box<dyn Sink<()>> = Box::new(Nowhere);
                top = Box::new(CompressedWriter::start(
                    top,
                    compress,
                    LengthForm::Indefinite,
                )?);
                if !wrapping.sign.is_empty() {
                    let lengths = LengthForm::Definite(content);
                    top = Box::new(SignedWriter::start(top, wrapping.signed(), lengths, None)?);
                }
                Some(Wrapper::new(top))
            }
        };
        Ok(Self {
            wrapping: wrapping.clone(),
            content,
            first_pass,
        })
    }

    /// Whether the content must be written to this. It need not be unless it is compressed.
    pub fn needs_content(&self) -> bool {
        self.first_pass.is_some()
    }

    /// Ends the measuring.
    ///
    /// # Errors
    /// [`CmsError`], if the content had another length than was said.
    pub fn finish(self) -> Result<Measured, CmsError> {
        let (content, wrapping) = (self.content, &self.wrapping);
        let mut made = Made::default();
        if let Some(first_pass) = self.first_pass {
            LengthForm::Definite(content).check(first_pass.content())?;
            ((), made) = first_pass.end()?;
        }
        let mut octets = content;
        if let Some(deflated) = made.deflated {
            octets = compressed::definite_length(deflated);
        } else if !wrapping.sign.is_empty() {
            octets = wrapping.signed().definite_length(content);
        }
        let to_encrypt = octets;
        if !wrapping.encrypt.is_empty() {
            octets = wrapping.enveloped().definite_length(to_encrypt);
        }
        Ok(Measured {
            content,
            deflated: made.deflated,
            to_encrypt,
            octets,
            signatures: made.signatures,
        })
    }
}

impl Write for Measurer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match &mut self.first_pass {
            Some(first_pass) => first_pass.write(octets),
            None => Ok(octets.len()),
        }
    }

    /// Does nothing.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the first pass ends.
struct Nowhere;

impl Sink<()> for Nowhere {
    fn put(&mut self, _octets: &[u8]) -> Result<(), CmsError> {
        Ok(())
    }

    fn end(self: Box<Self>, _made: &mut Made) -> Result<(), CmsError> {
        Ok(())
    }
}
