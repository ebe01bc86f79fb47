//! What the tests share: the files of `files/`, which openssl, keytool, ssh-keygen, puttygen and Bouncy Castle made.

#![allow(dead_code, reason = "each test uses its own part")]

#[path = "../../../cms/tests/support/tools.rs"]
pub mod tools;

use std::path::PathBuf;

use pointsman_keys::{KeyStore, KeyStoreEntry, KeyStoreError, ReadingLimits, StoreReading};

pub const PASSWORD: &str = "secret";

/// Enough for every file that is whole, and little enough for those that are not.
pub const LIMITS: ReadingLimits = ReadingLimits {
    rounds: 200_000,
    all_rounds: 400_000,
    memory: 64 << 20,
};

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(name)
}

pub fn octets(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a file with the usual password, of the kind that is found out.
pub fn read(name: &str) -> Result<KeyStore, KeyStoreError> {
    read_with(name, Some(PASSWORD))
}

pub fn read_with(name: &str, password: Option<&str>) -> Result<KeyStore, KeyStoreError> {
    let reading = StoreReading {
        password,
        name,
        ..StoreReading::default()
    };
    KeyStore::read(&octets(name), &reading)
}

pub fn only(store: &KeyStore) -> &KeyStoreEntry {
    match store.entries() {
        [one] => one,
        more => panic!("{} entries", more.len()),
    }
}

/// The public key that `openssl pkey -pubout` wrote, in PEM.
pub fn public_pem(name: &str) -> String {
    String::from_utf8(octets(name)).unwrap()
}

/// The public key that belongs to the private key of an entry, in PEM.
pub fn public_of(entry: &KeyStoreEntry) -> String {
    let der = entry.key().expect("a private key").public_der().unwrap();
    let key = openssl::pkey::PKey::public_key_from_der(&der).unwrap();
    String::from_utf8(key.public_key_to_pem().unwrap()).unwrap()
}

/// The SHA-256 of the entry's certificate, as `openssl x509 -fingerprint` writes it.
pub fn sha256(entry: &KeyStoreEntry) -> String {
    pointsman_keys::CertificateDescription::of(entry.certificate().expect("a certificate"))
        .fingerprint_sha256
}
