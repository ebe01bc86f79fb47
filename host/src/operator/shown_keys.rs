//! What is in stores of keys and certificates, field by field. Nothing of it is secret.

use std::path::Path;

use pointsman_folder::Names;
use pointsman_keys::{
    CertificateDescription, EntryDescription, KeyStore, KeyStoreKind, KeyWanted, MOST_OCTETS,
    StoreReading, StoredCertificate, WantedSubject,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Operator;
use super::error::{ErrorCode, OperatorError};
use crate::config::{IdentityFiles, Plan, remedy};
use crate::security::error::KeyringError;
use crate::security::keyring::Keyring;
use crate::security::stores;
use crate::security::tls_identity::TlsIdentity;

/// A store that is to be shown.
pub(crate) struct WantedStore<'a> {
    pub path: &'a Path,
    pub password: Option<&'a str>,
    pub kind: Option<KeyStoreKind>,
    /// The one entry that is meant; all where none is.
    pub subject: Option<&'a WantedSubject>,
}

/// What a store has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyStoreReport {
    /// The key of the configuration that names it, where one does.
    pub place: Option<String>,
    /// Its path, or what else it is.
    pub store: String,
    /// Its kind, where it was read as a whole.
    pub kind: Option<KeyStoreKind>,
    /// Its entries.
    pub entries: Vec<EntryDescription>,
    /// What is in it that is neither key nor certificate.
    pub passed_over: Vec<String>,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// Reads a store and describes it. It blocks.
///
/// # Errors
/// It cannot be read, or has no such entry.
pub(crate) fn show(wanted: &WantedStore<'_>) -> Result<KeyStoreReport, OperatorError> {
    let name = wanted.path.display().to_string();
    let read = pointsman_folder::read(wanted.path, MOST_OCTETS as u64, Names::Operator);
    let (octets, _) =
        read.map_err(|error| ErrorCode::KeyStore.because(format!("{error}{}", remedy(&error))))?;
    let octets = Zeroizing::new(octets);
    let reading = StoreReading {
        kind: wanted.kind,
        password: wanted.password,
        name: &name,
        ..StoreReading::default()
    };
    let store = KeyStore::read(&octets, &reading).map_err(|error| {
        ErrorCode::KeyStore
            .because(error)
            .hint("--password-file names a file with the password of the store, where it has one")
    })?;
    let entries = match wanted.subject {
        None => store.entries().iter().map(EntryDescription::of).collect(),
        Some(subject) => {
            let meant = store.select(subject, KeyWanted::No);
            let meant = meant.map_err(|error| ErrorCode::KeyStore.because(error))?;
            vec![EntryDescription::of(meant)]
        }
    };
    Ok(KeyStoreReport {
        place: None,
        store: name,
        kind: Some(store.kind()),
        entries,
        passed_over: store.passed_over().to_vec(),
        error: None,
    })
}

impl Operator {
    /// Every certificate of the configuration, those of TLS too, in the order in which they are read. It blocks.
    pub(crate) fn all_certificates(&self) -> Vec<KeyStoreReport> {
        let keyring = Keyring::of(self.plan());
        let mut shown = of_tls(self.plan(), &keyring);
        shown.extend(keyring.known().map(|known| KeyStoreReport {
            place: Some(known.place.clone()),
            entries: vec![described(&known.certificate, known.uses.is_ours())],
            ..KeyStoreReport::empty(known.store.clone())
        }));
        shown.extend(keyring.faults().map(|fault| KeyStoreReport {
            place: Some(fault.place().to_owned()),
            error: Some(match fault {
                KeyringError::Unusable { why, .. } => why.clone(),
                other => other.to_string(),
            }),
            ..KeyStoreReport::empty(String::new())
        }));
        shown
    }
}

impl KeyStoreReport {
    fn empty(store: String) -> Self {
        Self {
            place: None,
            store,
            kind: None,
            entries: Vec::new(),
            passed_over: Vec::new(),
            error: None,
        }
    }
}

/// The stores of TLS that are named at their places.
fn of_tls(plan: &Plan, keyring: &Keyring) -> Vec<KeyStoreReport> {
    let mut shown = Vec::new();
    for (at, listener) in plan.listeners.iter().enumerate() {
        let place = |key: &str| format!("listeners[{at}].tls.{key}");
        if let Some(tls) = &listener.tls {
            let own = tls.identity.as_ref().zip(keyring.listener_identity(at));
            shown.extend(own.and_then(|own| of_ours(place("certificate"), own)));
            shown.extend(of_theirs(place("client_ca"), tls.client_ca.as_deref()));
        }
    }
    for (name, partner) in &plan.partners {
        let place = |key: &str| format!("partners.{name}.{key}");
        shown.extend(of_theirs(
            place("certificate"),
            partner.certificate.as_deref(),
        ));
        shown.extend(of_theirs(place("ca"), partner.ca.as_deref()));
        let own = partner.our_identity.as_ref();
        let own = own.zip(keyring.dialling_identity(name));
        shown.extend(own.and_then(|own| of_ours(place("our_certificate"), own)));
    }
    shown
}

/// Of a chain of ours the first has our key.
fn of_ours(
    place: String,
    (files, read): (&IdentityFiles, &Result<TlsIdentity, KeyringError>),
) -> Option<KeyStoreReport> {
    let read = read.as_ref().map(TlsIdentity::chain);
    reported(place, stores::name(&files.certificate), read, true)
}

fn of_theirs(place: String, file: Option<&Path>) -> Option<KeyStoreReport> {
    let file = file?;
    let read = stores::certificates(&place, file);
    reported(place, file.display().to_string(), read.as_deref(), false)
}

/// Nothing where the command did not read it.
fn reported(
    place: String,
    store: String,
    read: Result<&[StoredCertificate], &KeyringError>,
    is_ours: bool,
) -> Option<KeyStoreReport> {
    let report = KeyStoreReport {
        place: Some(place),
        ..KeyStoreReport::empty(store)
    };
    match read {
        Ok(chain) => {
            let chain = chain.iter().enumerate();
            let entries = chain.map(|(at, certificate)| described(certificate, is_ours && at == 0));
            Some(KeyStoreReport {
                entries: entries.collect(),
                ..report
            })
        }
        Err(KeyringError::Unusable { why, .. }) => Some(KeyStoreReport {
            error: Some(why.clone()),
            ..report
        }),
        Err(_) => None,
    }
}

fn described(certificate: &StoredCertificate, has_key: bool) -> EntryDescription {
    EntryDescription {
        alias: None,
        certificate: Some(CertificateDescription::of(certificate)),
        public_key: None,
        private_key_available: has_key,
        chain: Vec::new(),
    }
}
