//! RSA: signatures, and keys that travel. A private key's answer is uniform.

use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

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
    pub(crate) fn sign(self, key: &PKeyRef<Private>, digest: &[u8]) -> Result<Vec<u8>, ErrorStack> {
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

    /// Decrypts a content's key of that length. Whatever is wrong with it, a random key is used from then on, so that
    /// nobody learns whether it was RSA that failed (RFC 3218); the library does the same inside, for PKCS#1 v1.5.
    pub(crate) fn unwrap_or_random(
        self,
        key: &PKeyRef<Private>,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Unwrapped, ErrorStack> {
        let mut secret = vec![0; length];
        openssl::rand::rand_priv_bytes(&mut secret)?;
        let mut context = PkeyCtx::new(key)?;
        context.decrypt_init()?;
        self.pad_key(&mut context)?;
        let mut found = Vec::new();
        let decrypted =
            wrapped.len() == key.size() && context.decrypt_to_vec(wrapped, &mut found).is_ok();
        let is_random = !decrypted || found.len() != length;
        if !is_random {
            secret = found;
        }
        Ok(Unwrapped { secret, is_random })
    }
}

/// A content's key.
pub(crate) struct Unwrapped {
    pub(crate) secret: Vec<u8>,
    /// Whether it is a random one because RSA failed, which may only be used to prefer another key of ours.
    pub(crate) is_random: bool,
}

impl Drop for Unwrapped {
    fn drop(&mut self) {
        // Best effort: the compiler may see that nobody reads it any more, unless it is told that somebody does.
        self.secret.fill(0);
        std::hint::black_box(&self.secret);
    }
}
