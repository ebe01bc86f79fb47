//! Reads the stores of the configuration: the key or certificate that a plan means.

use std::path::Path;

use pointsman_cms::{Certificate, Identity};
use pointsman_folder::Names;
use pointsman_keys::{
    KeyStore, KeyStoreEntry, KeyStoreKind, KeyWanted, MOST_OCTETS, StoreFault, StoreReading,
    StoredCertificate,
};

use super::error::KeyringError;
use super::tls_identity::TlsIdentity;
use crate::config::{CertificatePlan, KeyPlan, StorePlan, StoreSource, StoreText, remedy};

/// What messages call a store that stands in the configuration.
const INLINE: &str = "the store under `inline`";

/// What to do where a password is missing.
const PASSWORD: &str = "`password` gives it";

/// A key of ours that was read.
pub(super) struct ReadKey {
    pub(super) certificate: StoredCertificate,
    /// For files, receipts and sessions, where the plan has it for one of these.
    pub(super) for_files: Option<Identity>,
    /// For TLS, where the plan has it for that.
    pub(super) for_tls: Option<TlsIdentity>,
}

/// Reads our key with its certificate.
pub(super) fn own_key(place: &str, plan: &KeyPlan) -> Result<ReadKey, KeyringError> {
    let wrong = |why: String| KeyringError::unusable(place, why);
    let store = read_store(place, &plan.store)?;
    let store = match &plan.certificate {
        None => store,
        Some(beside) => {
            let certificate = read(place, beside, &StoreReading::default(), PASSWORD)?;
            let joined = store.joined(certificate);
            joined.map_err(|fault| wrong(fault.to_string()))?
        }
    };
    if store.entries().iter().all(|entry| entry.key().is_none()) {
        return Err(wrong(no_key(plan)));
    }
    let entry = entry(place, &store, &plan.store, KeyWanted::Yes)?;
    let (Some(certificate), Some(key)) = (entry.certificate(), entry.key()) else {
        return Err(wrong(no_certificate(plan)));
    };
    let for_files = entry
        .identity()
        .filter(|_| plan.uses.are_of_files())
        .transpose();
    let for_files = for_files.map_err(|error| {
        wrong(format!(
            "{entry}: {error}; `pointsman keys make` makes one that partners accept, and one with `for: [tls-server, tls-client]` alone may be another"
        ))
    })?;
    if let Some(weak) = for_files
        .as_ref()
        .and_then(|own| too_weak(own.certificate()))
    {
        return Err(wrong(format!(
            "{entry}: {weak}; `pointsman keys make` makes another"
        )));
    }
    let for_tls = plan.uses.are_of_tls();
    Ok(ReadKey {
        certificate: certificate.clone(),
        for_files,
        for_tls: for_tls.then(|| TlsIdentity::new(entry.chain().to_vec(), key.clone())),
    })
}

/// What is wrong with a store that has no private key.
fn no_key(plan: &KeyPlan) -> String {
    let store = name(&plan.store.source);
    format!(
        "{store} has no private key: name the store that has it under `file`, and the file of its certificate alone under `certificate`"
    )
}

/// What is wrong with a private key that has no certificate.
fn no_certificate(plan: &KeyPlan) -> String {
    let store = name(&plan.store.source);
    match &plan.certificate {
        None => format!(
            "{store} has a private key and not its certificate: name the certificate's file under `certificate`"
        ),
        Some(beside) => format!(
            "the certificate in {} (`certificate`) is not that of the private key in {store}: they are no pair; name the one that was made for this key",
            name(beside)
        ),
    }
}

/// The fewest bits of an RSA key for files, receipts and sessions. Partners of old have 1024; fewer protect nothing.
const FEWEST_BITS: u32 = 1024;

/// Why the key of a certificate is too short for files, receipts and sessions, if it is.
fn too_weak(certificate: &Certificate) -> Option<String> {
    let bits = certificate.key_bits();
    (bits < FEWEST_BITS).then(|| {
        format!(
            "its RSA key has {bits} bits, and with fewer than {FEWEST_BITS} anybody can find it"
        )
    })
}

/// A certificate of a partner that was read.
pub(super) struct ReadCertificate {
    pub(super) certificate: StoredCertificate,
    /// For files, receipts and sessions, where the plan has it for one of these.
    pub(super) for_files: Option<Certificate>,
}

/// Reads a partner's certificate.
pub(super) fn certificate(
    place: &str,
    plan: &CertificatePlan,
) -> Result<ReadCertificate, KeyringError> {
    let wrong = |why: String| KeyringError::unusable(place, why);
    let store = read_store(place, &plan.store)?;
    let entry = entry(place, &store, &plan.store, KeyWanted::No)?;
    let Some(certificate) = entry.certificate() else {
        return Err(wrong(format!(
            "{} has no certificate: ask the partner for it",
            name(&plan.store.source)
        )));
    };
    let for_files = plan.uses.are_of_files().then(|| certificate.for_files());
    let for_files = for_files.transpose().map_err(|error| {
        wrong(format!(
            "{entry}: {error}; ask the partner for a certificate with an RSA key, or name `for: [tls]` alone, if it is for that"
        ))
    })?;
    if let Some(weak) = for_files.as_ref().and_then(too_weak) {
        return Err(wrong(format!(
            "{entry}: {weak}; ask the partner for a certificate with a longer key"
        )));
    }
    Ok(ReadCertificate {
        certificate: certificate.clone(),
        for_files,
    })
}

/// The certificates of a store that has no password, in its order.
///
/// # Errors
/// It cannot be read, or has none.
pub(crate) fn certificates(
    place: &str,
    file: &Path,
) -> Result<Vec<StoredCertificate>, KeyringError> {
    let source = StoreSource::File(file.to_owned());
    let hint = "it is read without one: a certificate in PEM or DER needs none, and those under `certificates` take a `password`";
    let store = read(place, &source, &StoreReading::default(), hint)?;
    of_store(place, &source, &store)
}

/// All certificates of a store, of which there must be some.
pub(super) fn of_store(
    place: &str,
    source: &StoreSource,
    store: &KeyStore,
) -> Result<Vec<StoredCertificate>, KeyringError> {
    let mut found: Vec<StoredCertificate> = Vec::new();
    for certificate in store.certificates() {
        if !found.contains(certificate) {
            found.push(certificate.clone());
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let has_key = store.entries().iter().any(|entry| entry.key().is_some());
    let why = match has_key {
        true => "there is a private key in it, and no certificate: are the two files mixed up?",
        false => "there is a public key in it, and no certificate: ask for the certificate",
    };
    let why = format!("{}: {why}", name(source));
    Err(KeyringError::unusable(place, why))
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
    let reading = StoreReading {
        kind: plan.kind,
        password: plan.password.as_ref().map(StoreText::reveal),
        key_password: plan.key_password.as_ref().map(StoreText::reveal),
        token: plan.token.as_deref(),
        ..StoreReading::default()
    };
    read(place, &plan.source, &reading, PASSWORD)
}

/// Reads a store; messages name it by its source, and say by the hint what to do where a password is missing.
pub(super) fn read(
    place: &str,
    source: &StoreSource,
    reading: &StoreReading<'_>,
    hint: &str,
) -> Result<KeyStore, KeyringError> {
    let name = name(source);
    let reading = &StoreReading {
        name: &name,
        ..*reading
    };
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
    store.map_err(|error| {
        let hint = match error.fault {
            StoreFault::PasswordMissing(_) => format!("; {hint}"),
            _ => String::new(),
        };
        KeyringError::unusable(place, format!("{error}{hint}"))
    })
}

/// The octets of a store, which are erased when they have been read.
fn octets(place: &str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyringError> {
    match pointsman_folder::read(path, MOST_OCTETS as u64, Names::Operator) {
        Ok((octets, _)) => Ok(zeroize::Zeroizing::new(octets)),
        Err(error) => {
            let why = format!("{}: {}{}", path.display(), error.why(), remedy(&error));
            Err(KeyringError::unusable(place, why))
        }
    }
}

/// What messages call a store.
pub(crate) fn name(source: &StoreSource) -> String {
    match source {
        StoreSource::File(path) => path.display().to_string(),
        StoreSource::Inline(_) | StoreSource::NotNeeded => INLINE.to_owned(),
    }
}
