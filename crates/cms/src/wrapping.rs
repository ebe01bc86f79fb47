//! How a file is signed, compressed and encrypted, in this order (RFC 5024, 6.1).

use std::io::Write;

use crate::certificate::{Certificate, Identity};
use crate::compressed::{Compress, CompressedWriter};
use crate::enveloped::{EnvelopedShape, EnvelopedWriter};
use crate::error::CmsError;
use crate::measured::Measured;
use crate::pipe::Aside;
use crate::signed::{SignedShape, SignedWriter};
use crate::sink::{LengthForm, Out, Sink};
use crate::suite::Suite;
use crate::wrapper::Wrapper;

/// How a file is secured. Each of the three services may be left out.
#[derive(Debug, Clone)]
pub struct Wrapping {
    /// The algorithms, and the hash of receipts.
    pub suite: Suite,
    /// Who signs: nobody if it is empty; several while certificates change over (RFC 5024, 6.2).
    pub sign: Vec<Identity>,
    /// Whether the signers' certificates are put inside. RFC 5024, 6.2 recommends not to.
    pub with_certificates: bool,
    /// Whether and how the file is compressed.
    pub compress: Option<Compress>,
    /// Whose keys open it: it is not encrypted if this is empty.
    pub encrypt: Vec<Certificate>,
    /// Whether compression and encryption have threads of their own.
    pub overlap: bool,
}

impl Wrapping {
    /// Starts to write a file with indefinite lengths (BER), which needs to know nothing of its content.
    ///
    /// # Errors
    /// [`CmsError`], if the beginning cannot be written or a key cannot be used.
    pub fn write_to<W: Write + Send + 'static>(&self, out: W) -> Result<Wrapper<W>, CmsError> {
        self.start(Box::new(Out::new(out, self.suite.hash())?), None)
    }

    /// Starts to write a file with definite lengths (DER), for partners that refuse others. The content must have been
    /// measured, and is the same again.
    ///
    /// # Errors
    /// [`CmsError`], if the beginning cannot be written or a key cannot be used.
    pub fn write_definite_to<W: Write + Send + 'static>(
        &self,
        out: W,
        measured: Measured,
    ) -> Result<Wrapper<W>, CmsError> {
        self.start(Box::new(Out::new(out, self.suite.hash())?), Some(measured))
    }

    /// A content of a few octets as a file in memory, with definite lengths; it is not compressed.
    pub(crate) fn small_file(&self, content: &[u8]) -> Result<Vec<u8>, CmsError> {
        let measured = self.measure(content.len() as u64)?.finish()?;
        let mut wrapper = self.write_definite_to(Vec::new(), measured)?;
        wrapper.write_all(content).map_err(CmsError::Write)?;
        Ok(wrapper.finish()?.0)
    }

    fn start<W: Send + 'static>(
        &self,
        out: Box<dyn Sink<W>>,
        measured: Option<Measured>,
    ) -> Result<Wrapper<W>, CmsError> {
        let mut top = out;
        if !self.encrypt.is_empty() {
            let lengths = definite(measured.as_ref(), |measured| measured.to_encrypt);
            top = Box::new(EnvelopedWriter::start(top, &self.enveloped(), lengths)?);
            top = self.aside(top)?;
        }
        if let Some(compress) = self.compress {
            let lengths = definite(measured.as_ref(), |measured| measured.deflated.unwrap_or(0));
            top = Box::new(CompressedWriter::start(top, compress, lengths)?);
            top = self.aside(top)?;
        }
        if !self.sign.is_empty() {
            let lengths = definite(measured.as_ref(), |measured| measured.content);
            let ready = measured.and_then(|measured| measured.signatures);
            top = Box::new(SignedWriter::start(top, self.signed(), lengths, ready)?);
        }
        Ok(Wrapper::new(top))
    }

    fn aside<W: Send + 'static>(
        &self,
        sink: Box<dyn Sink<W>>,
    ) -> Result<Box<dyn Sink<W>>, CmsError> {
        match self.overlap {
            true => Ok(Box::new(Aside::start(sink)?)),
            false => Ok(sink),
        }
    }

    pub(crate) fn signed(&self) -> SignedShape {
        SignedShape {
            suite: self.suite,
            signers: self.sign.clone(),
            with_certificates: self.with_certificates,
        }
    }

    pub(crate) fn enveloped(&self) -> EnvelopedShape {
        EnvelopedShape {
            suite: self.suite,
            recipients: self.encrypt.clone(),
        }
    }
}

fn definite(measured: Option<&Measured>, length: impl Fn(&Measured) -> u64) -> LengthForm {
    measured.map_or(LengthForm::Indefinite, |measured| {
        LengthForm::Definite(length(measured))
    })
}
