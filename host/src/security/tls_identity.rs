//! A key of ours for TLS.

use pointsman_keys::{StoredCertificate, StoredKey};

/// A key of ours for TLS.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    chain: Vec<StoredCertificate>,
    key: StoredKey,
}

impl TlsIdentity {
    pub(super) fn new(chain: Vec<StoredCertificate>, key: StoredKey) -> Self {
        Self { chain, key }
    }

    /// Its certificate, and those of the issuers that are shown with it.
    #[must_use]
    pub fn chain(&self) -> &[StoredCertificate] {
        &self.chain
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &StoredKey {
        &self.key
    }
}
