//! A store.

use crate::certificate::StoredCertificate;
use crate::entry::KeyStoreEntry;
use crate::error::{KeyStoreError, StoreFault};
use crate::formats;
use crate::key::StoredKey;
use crate::kind::KeyStoreKind;
use crate::parts::{Parts, Together};
use crate::reading::{KeyAccess, MOST_OCTETS, StoreReading, within};

/// Keys and certificates of one store.
#[derive(Debug, Clone)]
pub struct KeyStore {
    kind: KeyStoreKind,
    entries: Vec<KeyStoreEntry>,
    passed_over: Vec<String>,
}

impl KeyStore {
    /// Reads a store.
    ///
    /// # Errors
    /// [`KeyStoreError`]: it is of another kind, damaged, too large, needs another password, or has an algorithm that is
    /// not known here.
    pub fn read(octets: &[u8], reading: &StoreReading) -> Result<Self, KeyStoreError> {
        let found = KeyStoreKind::of(octets);
        let kind = reading.kind.or(found);
        let result = match kind {
            _ if octets.is_empty() => Err(StoreFault::Form("it is empty".to_owned())),
            Some(kind) => read_as(kind, found, octets, reading),
            None => Err(StoreFault::Unknown),
        };
        result.map_err(|fault| KeyStoreError {
            name: reading.name.to_owned(),
            kind,
            fault,
        })
    }

    pub(crate) fn of(kind: KeyStoreKind, together: Together) -> Self {
        Self {
            kind,
            entries: together.entries,
            passed_over: together.passed_over,
        }
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
            store
                .passed_over
                .into_iter()
                .for_each(|what| parts.passed_over(what));
            store
                .entries
                .into_iter()
                .for_each(|entry| parts.push(entry));
        }
        Ok(Self::of(kind, parts.put_together()?))
    }

    /// Its certificates, those of chains among them, in the order of its entries.
    pub fn certificates(&self) -> impl Iterator<Item = &StoredCertificate> {
        self.entries.iter().flat_map(|entry| entry.chain())
    }

    /// The private key in this store that belongs to a certificate.
    pub fn key_of(&self, certificate: &StoredCertificate) -> Option<&StoredKey> {
        self.entries
            .iter()
            .filter_map(|entry| entry.key())
            .find(|key| key.is_pair_of(certificate.key()))
    }
}

fn read_as(
    kind: KeyStoreKind,
    found: Option<KeyStoreKind>,
    octets: &[u8],
    reading: &StoreReading,
) -> Result<KeyStore, StoreFault> {
    within("octets", octets.len() as u64, MOST_OCTETS as u64)?;
    let parts = formats::read(kind, octets, &KeyAccess::of(reading));
    let together = parts.and_then(Parts::put_together);
    match together {
        // What is wrong with it as that kind is of less use than what it is.
        Err(_) if found != Some(kind) => Err(StoreFault::OtherKind { said: kind, found }),
        together => Ok(KeyStore::of(kind, together?)),
    }
}
