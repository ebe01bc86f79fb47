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
use crate::config::{Plan, remedy};
use crate::net::tls;
use crate::security::keyring::Keyring;

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
        let mut shown = of_tls(self.plan());
        let keyring = Keyring::of(self.plan());
        shown.extend(keyring.known().map(|known| KeyStoreReport {
            place: Some(known.place.clone()),
            entries: described(known.certificate.der(), known.is_ours),
            ..KeyStoreReport::empty(known.store.clone())
        }));
        shown.extend(keyring.faults().map(|fault| KeyStoreReport {
            error: Some(fault.to_string()),
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

fn of_tls(plan: &Plan) -> Vec<KeyStoreReport> {
    let mut shown = Vec::new();
    let mut add = |place: String, file: Option<&Path>, is_ours: bool| {
        let Some(file) = file else { return };
        let report = KeyStoreReport {
            place: Some(place),
            ..KeyStoreReport::empty(file.display().to_string())
        };
        shown.push(match tls::certificates(file) {
            Ok(chain) => KeyStoreReport {
                // Of a chain of ours the first has our key.
                entries: (chain.iter().enumerate())
                    .flat_map(|(at, der)| described(der, is_ours && at == 0))
                    .collect(),
                ..report
            },
            Err(error) => KeyStoreReport {
                error: Some(error.to_string()),
                ..report
            },
        });
    };
    for (at, listener) in plan.listeners.iter().enumerate() {
        let place = |key: &str| format!("listeners[{at}].tls.{key}");
        if let Some(tls) = &listener.tls {
            add(place("certificate"), Some(&tls.identity.certificate), true);
            add(place("client_ca"), tls.client_ca.as_deref(), false);
        }
    }
    for (name, partner) in &plan.partners {
        let place = |key: &str| format!("partners.{name}.{key}");
        let ours = partner.our_identity.as_ref();
        add(place("certificate"), partner.certificate.as_deref(), false);
        add(place("ca"), partner.ca.as_deref(), false);
        let ours = ours.map(|ours| ours.certificate.as_path());
        add(place("our_certificate"), ours, true);
    }
    shown
}

fn described(der: &[u8], has_key: bool) -> Vec<EntryDescription> {
    let certificate = StoredCertificate::from_der(der).ok();
    let described = certificate.map(|certificate| EntryDescription {
        alias: None,
        certificate: Some(CertificateDescription::of(&certificate)),
        public_key: None,
        private_key_available: has_key,
        chain: Vec::new(),
    });
    described.into_iter().collect()
}
