//! EnvelopedData as it passes: decrypted.

use openssl::cipher_ctx::CipherCtx;
use openssl::sha::sha256;

use super::key_choice::{self, Choice, Sample};
use super::recipient::Recipient;
use crate::ber::{BerReader, OctetString, tag};
use crate::certificate::Identity;
use crate::error::{CmsError, Layer, Problem};
use crate::found::{EnvelopedFound, Found};
use crate::oid;
use crate::source::{Source, hand_out};
use crate::suite::{ContentCipher, RsaPadding, Suite};

/// The most recipients of a file, and the most octets of one.
const MOST_RECIPIENTS: usize = 16;
const MOST_RECIPIENT: usize = 16 * 1024;
/// Octets that are decrypted at a time.
const BUFFER: usize = 64 * 1024;
/// Octets of cipher text that the key is chosen by.
const SAMPLE: usize = 1024;

/// What stands inside an encrypted layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// Anything: nobody looks.
    Anything,
    /// A compressed layer was announced.
    Compressed,
    /// A signed layer was announced.
    Signed,
}

/// What an encrypted layer must be like.
#[derive(Debug, Clone)]
pub(crate) struct EnvelopedRules {
    /// The announced suite; none if any will do, as in challenges.
    pub(crate) suite: Option<Suite>,
    /// Our certificates and keys.
    pub(crate) own: Vec<Identity>,
    pub(crate) inside: Inside,
}

/// Reads the content of an EnvelopedData. The end comes only after its padding was found good.
pub(crate) struct EnvelopedReader {
    reader: BerReader,
    rules: EnvelopedRules,
    open: Option<Decrypting>,
    found: Option<EnvelopedFound>,
    is_done: bool,
}

/// A content whose key was chosen.
struct Decrypting {
    content: OctetString,
    context: CipherCtx,
    /// Cipher text that was read and not yet decrypted, at first the sample.
    cipher_text: Vec<u8>,
    plain: Vec<u8>,
    /// What of the plain text was handed on.
    at: usize,
}

impl EnvelopedReader {
    pub(crate) fn new(source: Box<dyn Source>, rules: EnvelopedRules) -> Self {
        Self {
            reader: BerReader::new(source, Layer::Enveloped),
            rules,
            open: None,
            found: None,
            is_done: false,
        }
    }

    /// Reads all that stands before the cipher text, and chooses the key by the beginning of that.
    fn open(&mut self) -> Result<Decrypting, CmsError> {
        let recipients = read_recipients(&mut self.reader)?;
        self.reader.enter(tag::SEQUENCE, "encrypted content")?;
        if self.reader.element("content type", 64)? != oid::DATA {
            return Err(self.reader.error(Problem::Content));
        }
        let algorithm = self.reader.element("cipher", 256)?;
        let (cipher, vector) = self.cipher(&algorithm)?;
        if self.reader.has_ended()? {
            return Err(self.reader.error(Problem::Content));
        }
        let mut content = OctetString::open(
            &mut self.reader,
            tag::CONTEXT_0_PRIMITIVE,
            "encrypted content",
        )?;
        let mut cipher_text = vec![0; SAMPLE];
        let count = content.read_full(&mut self.reader, &mut cipher_text)?;
        cipher_text.truncate(count);
        let sample = Sample {
            cipher,
            vector,
            beginning: &cipher_text,
            is_whole: count < SAMPLE,
            inside: match self.rules.inside {
                Inside::Anything => None,
                Inside::Compressed => Some(oid::COMPRESSED_DATA),
                Inside::Signed => Some(oid::SIGNED_DATA),
            },
        };
        let context = self.choose(&recipients, &sample)?;
        Ok(Decrypting {
            content,
            context,
            cipher_text,
            plain: Vec::new(),
            at: 0,
        })
    }

    fn cipher<'a>(&self, algorithm: &'a [u8]) -> Result<(ContentCipher, &'a [u8]), CmsError> {
        let named = ContentCipher::from_identifier(algorithm);
        let suite = self.rules.suite.filter(|_| !planted!(AnyCipherTaken));
        named
            .filter(|(cipher, _)| suite.is_none_or(|suite| suite.cipher() == *cipher))
            .ok_or_else(|| self.reader.error(Problem::Algorithm("cipher")))
    }

    fn choose(
        &mut self,
        recipients: &[Vec<u8>],
        sample: &Sample<'_>,
    ) -> Result<CipherCtx, CmsError> {
        let suite = self.rules.suite;
        let recipients = recipients.iter().map(|one| Recipient::read(one, suite));
        let recipients = recipients
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| self.reader.error(problem))?;
        let Choice { unwrapped, by } = key_choice::choose(&recipients, &self.rules.own, sample)?;
        let padding = recipients
            .first()
            .map_or(RsaPadding::Pkcs1, |one| one.scheme.padding);
        self.found = by.map(|(opened_with, was_named, encrypted_key)| EnvelopedFound {
            cipher: sample.cipher,
            padding,
            opened_with,
            was_named,
            encrypted_key: sha256(&encrypted_key),
        });
        let mut context = CipherCtx::new()?;
        context.decrypt_init(
            Some(sample.cipher.cipher()),
            Some(&unwrapped.secret),
            Some(sample.vector),
        )?;
        Ok(context)
    }

    /// Decrypts what comes next; none at the end.
    fn decrypt(&mut self, open: &mut Decrypting) -> Result<(), CmsError> {
        if open.cipher_text.is_empty() {
            open.cipher_text.resize(BUFFER, 0);
            let count = open.content.read(&mut self.reader, &mut open.cipher_text)?;
            open.cipher_text.truncate(count);
        }
        open.at = 0;
        open.plain.clear();
        if open.cipher_text.is_empty() {
            // A random key has a good padding once in 256 times.
            let is_padded = open.context.cipher_final_vec(&mut open.plain).is_ok();
            let is_good = is_padded && self.found.is_some();
            if !is_good && !planted!(PaddingNotChecked) {
                return Err(CmsError::Decryption);
            }
            self.reader.finish("end of the encrypted layer")?;
            self.is_done = true;
        } else {
            open.context
                .cipher_update_vec(&open.cipher_text, &mut open.plain)?;
            open.cipher_text.clear();
        }
        Ok(())
    }
}

/// Enters the layer, up to its content: the recipients, as they came.
pub(super) fn read_recipients(reader: &mut BerReader) -> Result<Vec<Vec<u8>>, CmsError> {
    crate::content_info::enter(reader, oid::ENVELOPED_DATA)?;
    let version = reader.element("version", 16)?;
    if ![&[tag::INTEGER, 1, 0][..], &[tag::INTEGER, 1, 2]].contains(&version.as_slice()) {
        return Err(reader.error(Problem::Version));
    }
    // A SEQUENCE would not do: [0] before it is originatorInfo, which no writer of OFTP needs.
    reader.enter(tag::SET, "list of recipients")?;
    let mut recipients = Vec::new();
    while !reader.has_ended()? {
        if recipients.len() == MOST_RECIPIENTS && !planted!(RecipientsNotCounted) {
            return Err(reader.error(Problem::TooMany("recipients")));
        }
        recipients.push(reader.element("recipient", MOST_RECIPIENT)?);
    }
    reader.close();
    match recipients.is_empty() {
        true => Err(reader.error(Problem::None("recipient"))),
        false => Ok(recipients),
    }
}

impl Source for EnvelopedReader {
    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        while open.at == open.plain.len() && !self.is_done {
            self.decrypt(&mut open)?;
        }
        let plain = open.plain.get(open.at..).unwrap_or_default();
        let count = hand_out(plain, room);
        open.at += count;
        self.open = Some(open);
        Ok(count)
    }

    fn report(self: Box<Self>, found: &mut Found) {
        found.enveloped = self.found;
        self.reader.into_source().report(found);
    }
}
