//! Keys of ours and certificates of partners for TLS, in the order in which they count.

use std::collections::BTreeMap;

use pointsman_keys::{
    KeyStore, KeyStoreEntry, KeyStoreKind, KeyWanted, StoreReading, StoredCertificate,
    WantedSubject,
};

use super::error::KeyringError;
use super::stores;
use super::tls_identity::TlsIdentity;
use crate::config::{IdentityFiles, StoreSource, StoreText};

/// What is known for TLS. What could not be read is an error for whoever needs it.
#[derive(Debug, Default)]
pub(super) struct TlsKeyring {
    /// By the listener's number in the plan: its own certificate.
    pub(super) listeners: BTreeMap<usize, Result<TlsIdentity, KeyringError>>,
    /// By the partner: `our_certificate`.
    pub(super) dialling: BTreeMap<String, Result<TlsIdentity, KeyringError>>,
    /// The keys of the station that are for it where we are called.
    pub(super) server: Vec<Result<TlsIdentity, KeyringError>>,
    /// By the partner: the keys that are for it where we call, the partner's before the station's.
    pub(super) client: BTreeMap<String, Vec<Result<TlsIdentity, KeyringError>>>,
    /// By the partner: its certificates that are for TLS.
    pub(super) certificates: BTreeMap<String, Vec<Result<StoredCertificate, KeyringError>>>,
}

impl TlsKeyring {
    pub(super) fn of_listener(&self, at: usize) -> Result<Vec<TlsIdentity>, KeyringError> {
        let own = self.listeners.get(&at);
        own.into_iter().chain(&self.server).cloned().collect()
    }

    pub(super) fn of_calls(&self, partner: &str) -> Result<Vec<TlsIdentity>, KeyringError> {
        let own = self.dialling.get(partner);
        let others = self.client.get(partner).into_iter().flatten();
        own.into_iter().chain(others).cloned().collect()
    }

    pub(super) fn of_partner(&self, partner: &str) -> Result<Vec<StoredCertificate>, KeyringError> {
        let certificates = self.certificates.get(partner).into_iter().flatten();
        certificates.cloned().collect()
    }
}

/// What the keys of the configuration are called that name a certificate of ours and its key.
pub(super) struct IdentityPlaces {
    pub(super) certificate: String,
    pub(super) key: String,
    /// What to do where a password is missing.
    pub(super) password: &'static str,
}

/// Reads our certificate and its key of a listener, or for calls. That the certificate is any good to the partner is for the
/// partner to judge.
pub(super) fn identity(
    places: &IdentityPlaces,
    files: &IdentityFiles,
) -> Result<TlsIdentity, KeyringError> {
    let reading = StoreReading {
        password: files.password.as_ref().map(StoreText::reveal),
        ..StoreReading::default()
    };
    let read = |place: &str, source| stores::read(place, source, &reading, places.password);
    let store = read(&places.certificate, &files.certificate)?;
    let certificates = stores::of_store(&places.certificate, &files.certificate, &store)?;
    let Some(source) = &files.key else {
        return of_one_store(places, files, &store);
    };
    let keys = read(&places.key, source)?;
    let mut pairs = certificates
        .iter()
        .enumerate()
        .filter_map(|(at, found)| Some((at, found, keys.key_of(found)?.clone())));
    let Some((at, own, key)) = pairs.next() else {
        let why = unfit(source, &keys, &files.certificate);
        return Err(KeyringError::unusable(&places.key, why));
    };
    // Where it stands first in a text, what stands behind it is shown with it as it stands there.
    let chain = match at == 0 && store.kind() == KeyStoreKind::Pem {
        true => certificates.clone(),
        false => chain_of(own, store.clone(), keys.clone()),
    };
    Ok(TlsIdentity::new(chain, key))
}

/// The only key of a store, with its certificate.
fn of_one_store(
    places: &IdentityPlaces,
    files: &IdentityFiles,
    store: &KeyStore,
) -> Result<TlsIdentity, KeyringError> {
    let file = stores::name(&files.certificate);
    let wrong = |why: &str| KeyringError::unusable(&places.certificate, format!("{file}: {why}"));
    if store.entries().iter().all(|entry| entry.key().is_none()) {
        let why =
            "there is a certificate in it and no private key: name the key's file under `key`";
        return Err(wrong(why));
    }
    let meant = store.select(&WantedSubject::Only, KeyWanted::Yes);
    let meant = meant.map_err(|error| {
        wrong(&format!(
            "{error}; under `station.keys`, with `for: [tls-server]`, `subject` says which one is meant"
        ))
    })?;
    let (chain, key) = (meant.chain().to_vec(), meant.key());
    match key.filter(|_| !chain.is_empty()) {
        Some(key) => Ok(TlsIdentity::new(chain, key.clone())),
        None => Err(wrong("its private key belongs to none of its certificates")),
    }
}

/// A certificate with those of its issuers, as far as they are there.
fn chain_of(own: &StoredCertificate, store: KeyStore, keys: KeyStore) -> Vec<StoredCertificate> {
    let joined = store.joined(keys).ok();
    let entries = joined.iter().flat_map(|joined| joined.entries());
    let mut chains = entries.map(KeyStoreEntry::chain);
    let chain = chains.find(|chain| chain.first() == Some(own));
    chain.map_or_else(|| vec![own.clone()], <[_]>::to_vec)
}

/// What is wrong where no key belongs to a certificate.
fn unfit(source: &StoreSource, keys: &KeyStore, certificate: &StoreSource) -> String {
    let (file, certificate) = (stores::name(source), stores::name(certificate));
    match keys.entries().iter().any(|entry| entry.key().is_some()) {
        true => format!(
            "{file}: this key does not belong to the certificate {certificate}: give the key with which the certificate was made"
        ),
        false => format!("{file}: there is no private key in it: are the two files mixed up?"),
    }
}
