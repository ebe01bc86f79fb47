//! EnvelopedData, written as its content passes.

use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use super::recipient;
use crate::ber::{Container, Frame, element, header, tag};
use crate::certificate::Certificate;
use crate::error::CmsError;
use crate::oid;
use crate::segments::{SEGMENT, Segments};
use crate::sink::{LengthForm, Made, Sink};
use crate::suite::Suite;

/// What an encrypted layer is to be like.
#[derive(Debug, Clone)]
pub(crate) struct EnvelopedShape {
    pub(crate) suite: Suite,
    /// The certificates whose keys can open it.
    pub(crate) recipients: Vec<Certificate>,
}

impl EnvelopedShape {
    fn frame(&self, recipients: &[u8], vector: &[u8]) -> Frame {
        let version = [tag::INTEGER, 1, 0];
        let cipher = self.suite.cipher().identifier(vector);
        let mut containers = crate::content_info::containers(oid::ENVELOPED_DATA);
        containers.push(Container::new(tag::SEQUENCE, &[&version, recipients]));
        containers.push(Container::new(tag::SEQUENCE, &[oid::DATA, &cipher]));
        let content = tag::CONTEXT_0_PRIMITIVE;
        Frame {
            containers,
            content,
        }
    }

    /// Octets of the cipher text of so many: always padded to the next block.
    fn encrypted_length(&self, content: u64) -> u64 {
        let block = self.suite.cipher().block_length() as u64;
        (content / block + 1) * block
    }

    /// How many octets the layer has around a content of that many, in definite lengths.
    pub(crate) fn definite_length(&self, content: u64) -> u64 {
        let recipients: u64 = self
            .recipients
            .iter()
            .map(|to| recipient::length(self.suite, to))
            .sum();
        let list = header(tag::SET, recipients).len() as u64 + recipients;
        let list = vec![0; usize::try_from(list).unwrap_or(0)];
        let vector = vec![0; self.suite.cipher().block_length()];
        self.frame(&list, &vector)
            .definite_length(self.encrypted_length(content))
    }

    fn encrypt_key(&self, secret: &[u8]) -> Result<Vec<u8>, CmsError> {
        let mut recipients = Vec::new();
        for to in &self.recipients {
            recipients.push(recipient::make(self.suite, to, secret)?);
        }
        recipients.sort_unstable();
        Ok(element(tag::SET, &[&recipients.concat()]))
    }
}

/// Writes an EnvelopedData.
pub(crate) struct EnvelopedWriter<W> {
    to: Box<dyn Sink<W>>,
    context: CipherCtx,
    segments: Segments,
    encrypted: Vec<u8>,
    lengths: LengthForm,
    octets: u64,
}

impl<W> EnvelopedWriter<W> {
    /// Starts the layer with a new random key. Definite lengths are those of the content.
    pub(crate) fn start(
        mut to: Box<dyn Sink<W>>,
        shape: &EnvelopedShape,
        lengths: LengthForm,
    ) -> Result<Self, CmsError> {
        let cipher = shape.suite.cipher();
        let mut secret = Zeroizing::new(vec![0; cipher.key_length()]);
        let mut vector = vec![0; cipher.block_length()];
        openssl::rand::rand_priv_bytes(&mut secret)?;
        openssl::rand::rand_bytes(&mut vector)?;
        let frame = shape.frame(&shape.encrypt_key(&secret)?, &vector);
        let mut context = CipherCtx::new()?;
        context.encrypt_init(Some(cipher.cipher()), Some(&secret), Some(&vector))?;
        to.put(&match lengths {
            LengthForm::Indefinite => frame.indefinite_head(),
            LengthForm::Definite(content) => frame.definite_head(shape.encrypted_length(content)),
        })?;
        Ok(Self {
            to,
            context,
            segments: Segments::new(lengths),
            encrypted: Vec::new(),
            lengths,
            octets: 0,
        })
    }

    fn hand_on(&mut self) -> Result<(), CmsError> {
        self.segments.put(&self.encrypted, &mut *self.to)?;
        self.encrypted.clear();
        Ok(())
    }
}

impl<W> Sink<W> for EnvelopedWriter<W> {
    fn put(&mut self, octets: &[u8]) -> Result<(), CmsError> {
        self.octets += octets.len() as u64;
        for part in octets.chunks(SEGMENT) {
            self.context.cipher_update_vec(part, &mut self.encrypted)?;
            self.hand_on()?;
        }
        Ok(())
    }

    fn end(mut self: Box<Self>, made: &mut Made) -> Result<W, CmsError> {
        self.lengths.check(self.octets)?;
        self.context.cipher_final_vec(&mut self.encrypted)?;
        self.hand_on()?;
        self.segments.end(&mut *self.to)?;
        if self.lengths == LengthForm::Indefinite {
            // The string, the content with its type, EnvelopedData, [0], ContentInfo.
            self.to.put(&Frame::ends(5))?;
        }
        self.to.end(made)
    }
}
