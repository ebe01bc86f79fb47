//! A store and its entries: what belongs together of the keys and certificates that a reader found.

use openssl::pkey::{PKey, Public};
use pointsman_cms::{Identity, KeyError};

use crate::certificate::StoredCertificate;
use crate::error::{KeyStoreError, StoreFault};
use crate::formats;
use crate::key::StoredKey;
use crate::kind::KeyStoreKind;
use crate::reading::{Access, MOST_OCTETS, Reading, few_entries, within};

/// The longest chain that is put together.
const LONGEST_CHAIN: usize = 16;

/// Keys and certificates of one store.
#[derive(Debug, Clone)]
pub struct KeyStore {
    kind: KeyStoreKind,
    entries: Vec<KeyStoreEntry>,
    passed_over: Vec<String>,
}

/// One entry of a store: a certificate, with its private key or without; or a key without a certificate.
#[derive(Debug, Clone)]
pub struct KeyStoreEntry {
    alias: Option<String>,
    key: Option<StoredKey>,
    public: PKey<Public>,
    chain: Vec<StoredCertificate>,
}

impl KeyStore {
    /// Reads a store.
    ///
    /// # Errors
    /// [`KeyStoreError`]: it is of another kind, damaged, too large, needs another password, or has an algorithm that is
    /// not known here.
    pub fn read(octets: &[u8], reading: &Reading) -> Result<Self, KeyStoreError> {
        let found = KeyStoreKind::of(octets);
        let kind = reading.kind.or(found);
        let result = match kind {
            Some(kind) => read_as(kind, found, octets, reading),
            None => Err(StoreFault::Unknown),
        };
        result.map_err(|fault| KeyStoreError {
            name: reading.name.to_owned(),
            kind,
            fault,
        })
    }

    /// Its kind.
    pub fn kind(&self) -> KeyStoreKind {
        self.kind
    }

    /// Its entries, in the order of the store; those with a private key that was found beside its certificate first.
    pub fn entries(&self) -> &[KeyStoreEntry] {
        &self.entries
    }

    /// What is in it and was not read, in words: secret keys, revocation lists, parameters.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// This store together with another, as where certificate and key are two files: what belongs together becomes one
    /// entry.
    ///
    /// # Errors
    /// [`StoreFault::Excess`], if there are too many entries together.
    pub fn joined(self, other: Self) -> Result<Self, StoreFault> {
        let kind = self.kind;
        let mut parts = Parts::default();
        for store in [self, other] {
            parts.passed_over.extend(store.passed_over);
            store
                .entries
                .into_iter()
                .for_each(|entry| parts.push(entry));
        }
        parts.store(kind)
    }

    /// The private key in this store that belongs to a certificate.
    pub fn key_of(&self, certificate: &StoredCertificate) -> Option<&StoredKey> {
        self.entries
            .iter()
            .filter_map(|entry| entry.key.as_ref())
            .find(|key| key.is_pair_of(certificate.key()))
    }
}

fn read_as(
    kind: KeyStoreKind,
    found: Option<KeyStoreKind>,
    octets: &[u8],
    reading: &Reading,
) -> Result<KeyStore, StoreFault> {
    within("octets", octets.len() as u64, MOST_OCTETS as u64)?;
    let parts = formats::read(kind, octets, &Access::of(reading));
    let store = parts.and_then(|parts| parts.store(kind));
    match store {
        // What is wrong with it as that kind is of less use than what it is.
        Err(_) if found != Some(kind) => Err(StoreFault::OtherKind { said: kind, found }),
        store => store,
    }
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
    fn bare(alias: Option<String>, certificate: StoredCertificate) -> Self {
        Self {
            alias,
            key: None,
            public: certificate.key().clone(),
            chain: vec![certificate],
        }
    }

    /// Whether it has neither certificate nor private key.
    fn is_public_key(&self) -> bool {
        self.key.is_none() && self.chain.is_empty()
    }

    pub(crate) fn public(&self) -> &PKey<Public> {
        &self.public
    }
}

/// What a reader found, before it is put together.
#[derive(Default)]
pub(crate) struct Parts {
    /// Entries as the store has them, each with its chain.
    entries: Vec<KeyStoreEntry>,
    keys: Vec<(Option<String>, StoredKey)>,
    certificates: Vec<(Option<String>, StoredCertificate)>,
    /// Certificates that are entries even where a chain has them too.
    trusted: Vec<(Option<String>, StoredCertificate)>,
    passed_over: Vec<String>,
}

impl Parts {
    pub(crate) fn key(&mut self, alias: Option<String>, key: StoredKey) {
        self.keys.push((alias, key));
    }

    pub(crate) fn certificate(&mut self, alias: Option<String>, certificate: StoredCertificate) {
        self.certificates.push((alias, certificate));
    }

    /// Takes a certificate that the store has as an entry of its own, even where a chain has it too.
    pub(crate) fn trusted(&mut self, alias: Option<String>, certificate: StoredCertificate) {
        self.trusted.push((alias, certificate));
    }

    pub(crate) fn public_key(&mut self, alias: Option<String>, public: PKey<Public>) {
        self.entries.push(KeyStoreEntry {
            alias,
            key: None,
            public,
            chain: Vec::new(),
        });
    }

    pub(crate) fn passed_over(&mut self, what: String) {
        self.passed_over.push(what);
    }

    /// Takes a key with its chain, as stores have them that keep the two together.
    ///
    /// # Errors
    /// [`StoreFault::Unusable`], if the first certificate is not that of the key.
    pub(crate) fn key_with_chain(
        &mut self,
        alias: Option<String>,
        key: StoredKey,
        chain: Vec<StoredCertificate>,
    ) -> Result<(), StoreFault> {
        if chain
            .first()
            .is_some_and(|first| !key.is_pair_of(first.key()))
        {
            return Err(StoreFault::Unusable(
                "a private key is not that of its certificate".to_owned(),
            ));
        }
        self.entries.push(KeyStoreEntry {
            alias,
            public: key.public()?,
            key: Some(key),
            chain,
        });
        Ok(())
    }

    /// Takes an entry of another store apart, so that its half may be found.
    fn push(&mut self, entry: KeyStoreEntry) {
        let KeyStoreEntry {
            alias,
            key,
            public,
            mut chain,
        } = entry;
        match (key, chain.is_empty()) {
            (None, true) => self.public_key(alias, public),
            (Some(key), true) => self.key(alias, key),
            (key, false) => {
                let first = chain.remove(0);
                match (&key, &alias) {
                    (None, Some(_)) => self.trusted(alias.clone(), first),
                    _ => self.certificate(alias.clone(), first),
                }
                chain
                    .into_iter()
                    .for_each(|issuer| self.certificate(None, issuer));
                key.into_iter().for_each(|key| self.key(alias.clone(), key));
            }
        }
    }

    /// How many keys and certificates there are so far.
    pub(crate) fn count(&self) -> usize {
        let chains: usize = self.entries.iter().map(|entry| entry.chain.len()).sum();
        self.entries.len() + chains + self.keys.len() + self.certificates.len() + self.trusted.len()
    }

    /// Puts together what belongs together.
    pub(crate) fn store(mut self, kind: KeyStoreKind) -> Result<KeyStore, StoreFault> {
        few_entries(self.count())?;
        let mut entries = std::mem::take(&mut self.entries);
        for (alias, key) in std::mem::take(&mut self.keys) {
            entries.push(self.with_certificate(alias, key)?);
        }
        let firsts = entries.iter().filter_map(|entry| entry.chain.first());
        let first: Vec<StoredCertificate> = firsts.cloned().collect();
        let mut known: Vec<StoredCertificate> = entries
            .iter()
            .flat_map(|entry| entry.chain.clone())
            .collect();
        for (alias, certificate) in self.trusted {
            if !first.contains(&certificate) {
                known.push(certificate.clone());
                entries.push(KeyStoreEntry::bare(alias, certificate));
            }
        }
        for (alias, certificate) in self.certificates {
            if !known.contains(&certificate) {
                entries.push(KeyStoreEntry::bare(alias, certificate));
            }
        }
        let keys: Vec<PKey<Public>> = entries
            .iter()
            .filter(|entry| !entry.is_public_key())
            .map(|entry| entry.public.clone())
            .collect();
        entries.retain(|entry| {
            !entry.is_public_key() || !keys.iter().any(|key| key.public_eq(&entry.public))
        });
        if entries.is_empty() {
            return Err(StoreFault::Unusable(
                "neither a key nor a certificate is in it".to_owned(),
            ));
        }
        Ok(KeyStore {
            kind,
            entries,
            passed_over: self.passed_over,
        })
    }

    /// A key with its certificate and the issuers of that, where they are among the certificates.
    fn with_certificate(
        &self,
        alias: Option<String>,
        key: StoredKey,
    ) -> Result<KeyStoreEntry, StoreFault> {
        let own = |(_, certificate): &&(_, StoredCertificate)| key.is_pair_of(certificate.key());
        let first = self.certificates.iter().chain(&self.trusted).find(own);
        let alias = alias.or_else(|| first?.0.clone());
        let mut chain: Vec<StoredCertificate> =
            first.into_iter().map(|(_, first)| first.clone()).collect();
        while let Some(issuer) = chain.last().and_then(|last| self.issuer_of(last)) {
            if chain.contains(issuer) || chain.len() == LONGEST_CHAIN {
                break;
            }
            chain.push(issuer.clone());
        }
        Ok(KeyStoreEntry {
            alias,
            public: key.public()?,
            key: Some(key),
            chain,
        })
    }

    fn issuer_of(&self, certificate: &StoredCertificate) -> Option<&StoredCertificate> {
        let all = self.certificates.iter().chain(&self.trusted);
        let mut all = all.map(|(_, candidate)| candidate);
        all.find(|candidate| certificate.is_issued_by(candidate))
    }
}
