//! SignedData, written as its content passes.

use openssl::hash::Hasher;

use super::signer_info;
use crate::ber::{Container, Frame, element, tag};
use crate::certificate::Identity;
use crate::error::CmsError;
use crate::oid;
use crate::segments::Segments;
use crate::sink::{LengthForm, Made, Sink};
use crate::suite::Suite;

/// What a signed layer is to be like.
#[derive(Debug, Clone)]
pub(crate) struct SignedShape {
    pub(crate) suite: Suite,
    pub(crate) signers: Vec<Identity>,
    /// Whether the signers' certificates are put inside. RFC 5024, 6.2 recommends not to.
    pub(crate) with_certificates: bool,
}

impl SignedShape {
    /// The containers, with the octets that follow the content if those are known.
    fn frame(&self, after: u64) -> Frame {
        let version = [tag::INTEGER, 1, 1];
        let digests = element(tag::SET, &[&self.suite.hash().identifier()]);
        let mut signed = Container::new(tag::SEQUENCE, &[&version, &digests]);
        signed.after = after;
        let mut containers = crate::content_info::containers(oid::SIGNED_DATA);
        containers.push(signed);
        containers.push(Container::new(tag::SEQUENCE, &[oid::DATA]));
        containers.push(Container::new(tag::CONTEXT_0, &[]));
        let content = tag::OCTET_STRING;
        Frame {
            containers,
            content,
        }
    }

    fn certificates(&self) -> Vec<u8> {
        if !self.with_certificates {
            return Vec::new();
        }
        let mut certificates: Vec<&[u8]> = self
            .signers
            .iter()
            .map(|signer| signer.certificate().der())
            .collect();
        certificates.sort_unstable();
        element(tag::CONTEXT_0, &certificates)
    }

    /// How many octets stand after the content.
    fn length_after(&self) -> u64 {
        let infos: u64 = self
            .signers
            .iter()
            .map(|one| signer_info::length(self.suite, one))
            .sum();
        let list = crate::ber::header(tag::SET, infos).len() as u64 + infos;
        self.certificates().len() as u64 + list
    }

    /// How many octets the layer has around a content of that many, in definite lengths.
    pub(crate) fn definite_length(&self, content: u64) -> u64 {
        self.frame(self.length_after()).definite_length(content)
    }

    /// Signatures of a content with that hash: the list of signers.
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CmsError> {
        let mut infos = Vec::new();
        for signer in &self.signers {
            infos.push(signer_info::sign(self.suite, signer, digest)?);
        }
        // DER sorts a set.
        infos.sort_unstable();
        Ok(element(tag::SET, &[&infos.concat()]))
    }
}

/// Writes a SignedData.
pub(crate) struct SignedWriter<W> {
    to: Box<dyn Sink<W>>,
    shape: SignedShape,
    segments: Segments,
    hasher: Hasher,
    lengths: LengthForm,
    /// Signatures that were made when the content was measured, with its hash.
    ready: Option<(Vec<u8>, Vec<u8>)>,
    octets: u64,
}

impl<W> SignedWriter<W> {
    /// Starts the layer. `ready` has a content's hash and its signatures, if they were made before.
    pub(crate) fn start(
        mut to: Box<dyn Sink<W>>,
        shape: SignedShape,
        lengths: LengthForm,
        ready: Option<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, CmsError> {
        let head = match lengths {
            LengthForm::Indefinite => shape.frame(0).indefinite_head(),
            LengthForm::Definite(content) => {
                shape.frame(shape.length_after()).definite_head(content)
            }
        };
        to.put(&head)?;
        Ok(Self {
            to,
            segments: Segments::new(lengths),
            hasher: Hasher::new(shape.suite.hash().digest())?,
            lengths,
            shape,
            ready,
            octets: 0,
        })
    }

    fn signatures(&mut self) -> Result<(Vec<u8>, Vec<u8>), CmsError> {
        let digest = self.hasher.finish()?.to_vec();
        match self.ready.take() {
            Some((of, signatures)) if of == digest => Ok((digest, signatures)),
            Some(_) => Err(CmsError::NotAsMeasured("its hash is another")),
            None => {
                let signatures = self.shape.sign(&digest)?;
                Ok((digest, signatures))
            }
        }
    }
}

impl<W> Sink<W> for SignedWriter<W> {
    fn put(&mut self, octets: &[u8]) -> Result<(), CmsError> {
        self.hasher.update(octets)?;
        self.octets += octets.len() as u64;
        self.segments.put(octets, &mut *self.to)
    }

    fn end(mut self: Box<Self>, made: &mut Made) -> Result<W, CmsError> {
        self.segments.end(&mut *self.to)?;
        self.lengths.check(self.octets)?;
        let (digest, signatures) = self.signatures()?;
        let is_indefinite = self.lengths == LengthForm::Indefinite;
        if is_indefinite {
            // The string, [0], and the content with its type.
            self.to.put(&Frame::ends(3))?;
        }
        self.to.put(&self.shape.certificates())?;
        self.to.put(&signatures)?;
        if is_indefinite {
            // SignedData, [0], ContentInfo.
            self.to.put(&Frame::ends(3))?;
        }
        made.signatures = Some((digest, signatures));
        self.to.end(made)
    }
}
