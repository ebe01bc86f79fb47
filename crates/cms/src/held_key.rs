//! Private keys that a device holds: it uses them as it is asked to, and does not give them out.

use zeroize::Zeroizing;

use crate::suite::{HashAlgorithm, RsaPadding};

/// A private RSA key that a device holds. Calls block for as long as the device takes, and may come from several threads.
pub trait HeldKey: Send + Sync {
    /// Signs a hash of that algorithm (RFC 8017, 8): PSS with the same hash in its mask, and a salt as long as a hash.
    ///
    /// # Errors
    /// [`HeldKeyError`], in either kind: nothing is signed then.
    fn sign(
        &self,
        padding: RsaPadding,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, HeldKeyError>;

    /// Decrypts a content's key (RFC 8017, 7): OAEP with the same hash in its mask, and no label.
    ///
    /// # Errors
    /// [`HeldKeyError::Refused`] for everything that may be wrong with the block: what comes of it is the same for all.
    fn decrypt(
        &self,
        padding: RsaPadding,
        hash: HashAlgorithm,
        block: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HeldKeyError>;
}

/// Why a device did not use a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeldKeyError {
    /// It does not do that with these octets, or not at all; with its own words, for the log.
    #[error("{0}")]
    Refused(String),
    /// It is not there, or fails, whatever it is asked: to be tried again.
    #[error("{0}")]
    Unavailable(String),
}
