//! Which key of ours opens a content.
//!
//! Recipients that name a certificate of ours come first, then all others with every key of ours: a certificate that was
//! renewed with the same key has another name. A key is known by its padding and by what it decrypts: the beginning of the
//! layer that was announced inside, or the padding of the content if that is small. All are tried, and the first that
//! does is used, so that the time says nothing. If no key of ours does, a random one is used, and the content fails as it
//! does with a wrong key.

use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use super::recipient::Recipient;
use crate::certificate::{Certificate, Identity};
use crate::content_info;
use crate::error::{CmsError, Layer, Problem};
use crate::rsa::Unwrapped;
use crate::suite::ContentCipher;

/// What is known of a content before its key is.
pub(super) struct Sample<'a> {
    pub(super) cipher: ContentCipher,
    pub(super) vector: &'a [u8],
    /// The beginning of the cipher text.
    pub(super) beginning: &'a [u8],
    /// Whether that is all of it.
    pub(super) is_whole: bool,
    /// The type of the layer inside; none if anything may be there.
    pub(super) inside: Option<&'static [u8]>,
}

/// The key that is used.
pub(super) struct Choice {
    pub(super) unwrapped: Unwrapped,
    /// Whose it is, whether it was named, and the encrypted key; none if the key is random.
    pub(super) by: Option<(Certificate, bool, Vec<u8>)>,
}

/// Chooses the key.
pub(super) fn choose(
    recipients: &[Recipient<'_>],
    own: &[Identity],
    sample: &Sample<'_>,
) -> Result<Choice, CmsError> {
    let pairs = |named: bool| {
        recipients.iter().flat_map(move |recipient| {
            let own = own.iter();
            let own = own.filter(move |one| recipient.name.names(one.certificate()) == named);
            own.map(move |one| (recipient, one, named))
        })
    };
    let length = sample.cipher.key_length();
    let mut choice = None;
    for (recipient, identity, is_named) in pairs(true).chain(pairs(false)) {
        let scheme = recipient.scheme;
        let unwrapped = scheme.unwrap_or_random(identity, recipient.encrypted_key, length)?;
        if unwrapped.is_random && is_named && planted!(RsaFailureReported) {
            return Err(Layer::Enveloped.error(Problem::Algorithm("key")));
        }
        // Also with a random one: what is done is the same.
        let fits = sample.is_opened_by(&unwrapped.secret)?;
        if fits && !unwrapped.is_random && choice.is_none() {
            let by = (
                identity.certificate().clone(),
                is_named,
                recipient.encrypted_key.to_vec(),
            );
            choice = Some((unwrapped, Some(by)));
        }
    }
    let (unwrapped, by) = match choice {
        Some(choice) => choice,
        None => (Unwrapped::random(length)?, None),
    };
    Ok(Choice { unwrapped, by })
}

impl Sample<'_> {
    fn is_opened_by(&self, secret: &[u8]) -> Result<bool, ErrorStack> {
        let mut context = CipherCtx::new()?;
        context.decrypt_init(Some(self.cipher.cipher()), Some(secret), Some(self.vector))?;
        let mut plain = Vec::new();
        context.cipher_update_vec(self.beginning, &mut plain)?;
        if self.is_whole && context.cipher_final_vec(&mut plain).is_err() {
            return Ok(planted!(PaddingNotChecked));
        }
        Ok(self
            .inside
            .is_none_or(|inside| content_info::begins(&plain, inside)))
    }
}
