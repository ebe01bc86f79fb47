//! An entry of a store.

use openssl::pkey::{PKey, Public};
use pointsman_cms::{Identity, KeyError};

use crate::certificate::StoredCertificate;
use crate::key::StoredKey;

/// One entry of a store: a certificate, with its private key or without; or a key without a certificate.
#[derive(Debug, Clone)]
pub struct KeyStoreEntry {
    pub(crate) alias: Option<String>,
    pub(crate) key: Option<StoredKey>,
    pub(crate) public: PKey<Public>,
    pub(crate) chain: Vec<StoredCertificate>,
}

impl KeyStoreEntry {
    /// What the store calls it: alias, friendly name, key identifier or comment.
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// Its certificate.
    pub fn certificate(&self) -> Option<&StoredCertificate> {
        self.chain.first()
    }

    /// Its certificate and those of its issuers, as far as the store has them.
    pub fn chain(&self) -> &[StoredCertificate] {
        &self.chain
    }

    /// Its private key.
    pub fn key(&self) -> Option<&StoredKey> {
        self.key.as_ref()
    }

    /// Certificate and key for the services of files and sessions; none where one of them is missing.
    ///
    /// # Errors
    /// [`KeyError`], if they are not RSA or not a pair.
    pub fn identity(&self) -> Option<Result<Identity, KeyError>> {
        let (certificate, key) = (self.certificate()?, self.key()?);
        let made = || Identity::new(certificate.for_files()?, key.for_files()?);
        Some(made())
    }

    /// A certificate without a private key.
    pub(crate) fn bare(alias: Option<String>, certificate: StoredCertificate) -> Self {
        Self {
            alias,
            key: None,
            public: certificate.key().clone(),
            chain: vec![certificate],
        }
    }

    /// Whether it has neither certificate nor private key.
    pub(crate) fn is_public_key(&self) -> bool {
        self.key.is_none() && self.chain.is_empty()
    }

    pub(crate) fn public(&self) -> &PKey<Public> {
        &self.public
    }
}
