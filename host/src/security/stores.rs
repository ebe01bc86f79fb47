//! Reads the stores of the configuration: the key or certificate that a plan means.

use std::path::Path;

use pointsman_cms::{Certificate, Identity};
use pointsman_folder::Names;
use pointsman_keys::{KeyStore, KeyStoreEntry, KeyStoreKind, KeyWanted, MOST_OCTETS, StoreReading};

use super::error::KeyringError;
use crate::config::{CertificatePlan, KeyPlan, StorePlan, StoreSource, StoreText, remedy};

/// What messages call a store that stands in the configuration.
const INLINE: &str = "the store under `inline`";

/// Reads our key with its certificate.
pub(super) fn identity(place: &str, plan: &KeyPlan) -> Result<Identity, KeyringError> {
    let wrong = |why: String| KeyringError::unusable(place, why);
    let store = read_store(place, &plan.store)?;
    let store = match &plan.certificate {
        None => store,
        Some(beside) => {
            let name = name(beside);
            let reading = StoreReading {
                name: &name,
                ..StoreReading::default()
            };
            let certificate = read(place, beside, &reading)?;
            let joined = store.joined(certificate);
            joined.map_err(|fault| wrong(fault.to_string()))?
        }
    };
    let entry = entry(place, &store, &plan.store, KeyWanted::Yes)?;
    let Some(identity) = entry.identity() else {
        return Err(wrong(format!(
            "{} has a private key and not its certificate: name the certificate's file under `certificate`",
            name(&plan.store.source)
        )));
    };
    identity.map_err(|error| {
        wrong(format!(
            "{entry}: {error}; `pointsman keys make` makes one that partners accept"
        ))
    })
}

/// Reads a partner's certificate.
pub(super) fn certificate(
    place: &str,
    plan: &CertificatePlan,
) -> Result<Certificate, KeyringError> {
    let wrong = |why: String| KeyringError::unusable(place, why);
    let store = read_store(place, &plan.store)?;
    let entry = entry(place, &store, &plan.store, KeyWanted::No)?;
    let Some(certificate) = entry.certificate() else {
        return Err(wrong(format!(
            "{} has no certificate: ask the partner for it",
            name(&plan.store.source)
        )));
    };
    certificate.for_files().map_err(|error| {
        wrong(format!(
            "{entry}: {error}; ask the partner for a certificate with an RSA key"
        ))
    })
}

fn entry<'s>(
    place: &str,
    store: &'s KeyStore,
    plan: &StorePlan,
    wanted: KeyWanted,
) -> Result<&'s KeyStoreEntry, KeyringError> {
    store.select(&plan.subject, wanted).map_err(|error| {
        let name = name(&plan.source);
        KeyringError::unusable(
            place,
            format!("{name}: {error}; `subject` says which one is meant"),
        )
    })
}

fn read_store(place: &str, plan: &StorePlan) -> Result<KeyStore, KeyringError> {
    let name = name(&plan.source);
    let reading = StoreReading {
        kind: plan.kind,
        password: plan.password.as_ref().map(StoreText::reveal),
        key_password: plan.key_password.as_ref().map(StoreText::reveal),
        token: plan.token.as_deref(),
        name: &name,
        ..StoreReading::default()
    };
    read(place, &plan.source, &reading)
}

fn read(
    place: &str,
    source: &StoreSource,
    reading: &StoreReading<'_>,
) -> Result<KeyStore, KeyringError> {
    let store = match source {
        StoreSource::NotNeeded => {
            let place = place.to_owned();
            return Err(KeyringError::NotRead { place });
        }
        StoreSource::Inline(text) => KeyStore::read(text.reveal().as_bytes(), reading),
        StoreSource::File(library) if reading.kind == Some(KeyStoreKind::Pkcs11) => {
            KeyStore::of_token(library, reading)
        }
        StoreSource::File(path) => KeyStore::read(&octets(place, path)?, reading),
    };
    store.map_err(|error| KeyringError::unusable(place, error.to_string()))
}

/// The octets of a store, which are erased when they have been read.
fn octets(place: &str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyringError> {
    match pointsman_folder::read(path, MOST_OCTETS as u64, Names::Operator) {
        Ok((octets, _)) => Ok(zeroize::Zeroizing::new(octets)),
        Err(error) => {
            let why = format!("{error}{}", remedy(&error));
            Err(KeyringError::unusable(place, why))
        }
    }
}

/// What messages call a store.
pub(super) fn name(source: &StoreSource) -> String {
    match source {
        StoreSource::File(path) => path.display().to_string(),
        StoreSource::Inline(_) | StoreSource::NotNeeded => INLINE.to_owned(),
    }
}
