//! RSA: signatures, and keys that travel. A private key's answer is uniform, wherever the key is.

use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;
use zeroize::Zeroizing;

use crate::certificate::{Identity, KeyPlace, PrivateKey};
use crate::error::CmsError;
use crate::held_key::{HeldKey, HeldKeyError};
use crate::suite::{HashAlgorithm, RsaPadding};

/// The paddings of signatures and of keys, with the hash that PSS and OAEP need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheme {
    pub(crate) padding: RsaPadding,
    pub(crate) hash: HashAlgorithm,
}

impl Scheme {
    fn pad_signature<T>(self, context: &mut PkeyCtx<T>) -> Result<(), ErrorStack> {
        match self.padding {
            RsaPadding::Pkcs1 => context.set_rsa_padding(Padding::PKCS1)?,
            RsaPadding::PssOaep => {
                context.set_rsa_padding(Padding::PKCS1_PSS)?;
                context.set_rsa_mgf1_md(self.hash.md())?;
                context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
        }
        context.set_signature_md(self.hash.md())
    }

    fn pad_key<T>(self, context: &mut PkeyCtx<T>) -> Result<(), ErrorStack> {
        match self.padding {
            RsaPadding::Pkcs1 => context.set_rsa_padding(Padding::PKCS1),
            RsaPadding::PssOaep => {
                context.set_rsa_padding(Padding::PKCS1_OAEP)?;
                context.set_rsa_oaep_md(self.hash.md())?;
                context.set_rsa_mgf1_md(self.hash.md())
            }
        }
    }

    /// Signs a hash.
    pub(crate) fn sign(self, key: &PrivateKey, digest: &[u8]) -> Result<Vec<u8>, CmsError> {
        match key.place() {
            KeyPlace::Memory(key) => Ok(self.sign_here(key, digest)?),
            KeyPlace::Device(held) => held
                .sign(self.padding, self.hash, digest)
                .map_err(CmsError::Device),
        }
    }

    fn sign_here(self, key: &PKeyRef<Private>, digest: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = PkeyCtx::new(key)?;
        context.sign_init()?;
        self.pad_signature(&mut context)?;
        let mut signature = Vec::new();
        context.sign_to_vec(digest, &mut signature)?;
        Ok(signature)
    }

    /// Whether that is a signature of that hash. One that is shorter or longer than the key is none.
    pub(crate) fn verifies(
        self,
        key: &PKeyRef<Public>,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        if signature.len() != key.size() {
            return Ok(false);
        }
        let mut context = PkeyCtx::new(key)?;
        context.verify_init()?;
        self.pad_signature(&mut context)?;
        Ok(context.verify(digest, signature).unwrap_or(false))
    }

    /// Encrypts a content's key.
    pub(crate) fn wrap(self, key: &PKeyRef<Public>, secret: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = PkeyCtx::new(key)?;
        context.encrypt_init()?;
        self.pad_key(&mut context)?;
        let mut wrapped = Vec::new();
        context.encrypt_to_vec(secret, &mut wrapped)?;
        Ok(wrapped)
    }

    /// Decrypts a content's key of that length, with a key of ours of that size. Whatever is wrong with it, a random key
    /// is used from then on, so that nobody learns whether it was RSA that failed (RFC 3218).
    pub(crate) fn unwrap_or_random(
        self,
        identity: &Identity,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Unwrapped, CmsError> {
        let mut unwrapped = Unwrapped::random(length)?;
        if wrapped.len() != identity.key_size() {
            return Ok(unwrapped);
        }
        let found = match identity.key().place() {
            KeyPlace::Memory(key) => self.decrypt_here(key, wrapped, length)?,
            KeyPlace::Device(held) => self.decrypt_there(held.as_ref(), wrapped)?,
        };
        if let Some(found) = found.filter(|found| found.len() == length) {
            unwrapped.secret = found;
            unwrapped.is_random = false;
        }
        Ok(unwrapped)
    }

    /// None for every block that is not a key of that length. The library gives out a random one of its own for PKCS#1
    /// v1.5 (implicit rejection), so the padding is looked at beside it.
    fn decrypt_here(
        self,
        key: &PKeyRef<Private>,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, ErrorStack> {
        let mut context = PkeyCtx::new(key)?;
        context.decrypt_init()?;
        self.pad_key(&mut context)?;
        let mut found = Zeroizing::new(Vec::new());
        let is_decrypted = context.decrypt_to_vec(wrapped, &mut found).is_ok();
        let is_padded = self.padding != RsaPadding::Pkcs1 || is_padded(key, wrapped, length)?;
        Ok((is_decrypted && is_padded).then_some(found))
    }

    /// None for every block that the device refuses. One that is not there says nothing of the block.
    fn decrypt_there(
        self,
        held: &dyn HeldKey,
        wrapped: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, CmsError> {
        match held.decrypt(self.padding, self.hash, wrapped) {
            Ok(found) => Ok(Some(found)),
            Err(HeldKeyError::Refused(_)) => Ok(None),
            Err(error) => Err(CmsError::Device(error)),
        }
    }
}

/// Whether a block is one of PKCS#1 v1.5 (RFC 8017, 7.2.2) with a key of that length: 0, 2, octets that are not 0, 0, key.
///
/// The library does not say so, on purpose, and what it makes up instead has the right length once in some hundred
/// times: too often to choose among several keys of ours, and to take a file that is encrypted alone. What is found here
/// is used for no more than that, and takes the same time whatever the block is.
fn is_padded(key: &PKeyRef<Private>, wrapped: &[u8], length: usize) -> Result<bool, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.decrypt_init()?;
    context.set_rsa_padding(Padding::NONE)?;
    let mut block = Zeroizing::new(Vec::new());
    // Fails for numbers that are not below the modulus, which everyone can see.
    let is_block = context.decrypt_to_vec(wrapped, &mut block).is_ok();
    let differs = difference(&block, length);
    Ok(is_block && differs == 0)
}

/// 0 if a block has that padding, in constant time.
fn difference(block: &[u8], length: usize) -> u8 {
    // Lengths are no secret.
    let Some(([first, second, filler @ .., separator], _)) = block
        .len()
        .checked_sub(length)
        .and_then(|at| block.split_at_checked(at))
    else {
        return 1;
    };
    if filler.len() < 8 {
        return 1;
    }
    let mut differs = first | (second ^ 2) | separator;
    for octet in filler {
        // All ones for a zero, else nothing.
        let [_, is_zero, ..] = u32::from(*octet).wrapping_sub(1).to_le_bytes();
        differs |= is_zero;
    }
    std::hint::black_box(differs)
}

/// A content's key.
pub(crate) struct Unwrapped {
    pub(crate) secret: Zeroizing<Vec<u8>>,
    /// Whether it is a random one because RSA failed, which may only be used to prefer another key of ours.
    pub(crate) is_random: bool,
}

impl Unwrapped {
    /// A random key of that length.
    pub(crate) fn random(length: usize) -> Result<Self, ErrorStack> {
        let mut secret = Zeroizing::new(vec![0; length]);
        openssl::rand::rand_priv_bytes(&mut secret)?;
        let is_random = true;
        Ok(Self { secret, is_random })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: u8, second: u8, filler: &[u8], separator: u8, secret: &[u8]) -> Vec<u8> {
        [&[first, second], filler, &[separator], secret].concat()
    }

    #[test]
    fn only_the_padding_of_the_rfc_is_one() {
        let secret = [0; 32];
        let filler = [0xa5; 221];
        assert_eq!(difference(&block(0, 2, &filler, 0, &secret), 32), 0);
        let whole = block(0, 2, &filler, 0, &[7; 32]);
        for length in [0, 8, 16, 24, 31, 33, 223, 224, 255, 256, 257] {
            assert_ne!(difference(&whole, length), 0, "{length}");
        }
        for other in 1..=255 {
            assert_ne!(difference(&block(other, 2, &filler, 0, &secret), 32), 0);
            assert_ne!(difference(&block(0, 2 ^ other, &filler, 0, &secret), 32), 0);
            assert_ne!(difference(&block(0, 2, &filler, other, &secret), 32), 0);
            assert_eq!(difference(&block(0, 2, &[other; 221], 0, &secret), 32), 0);
        }
        for at in 0..filler.len() {
            let mut zero = filler;
            zero[at] = 0;
            assert_ne!(difference(&block(0, 2, &zero, 0, &secret), 32), 0, "{at}");
        }
        assert_ne!(
            difference(&block(0, 2, &[1; 7], 0, &secret), 32),
            0,
            "a filler of seven octets"
        );
        assert_ne!(difference(&[], 32), 0);
    }
}
