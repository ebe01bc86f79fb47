//! BCFKS, the store of Bouncy Castle's FIPS provider (`org.bouncycastle.asn1.bc`, version 1.80): everything is encrypted
//! by PBES2, each key once more, and HMAC over all of it is at the end. Each secret is the password and a purpose.

use zeroize::Zeroizing;

use crate::certificate::StoredCertificate;
use crate::der::{CONTEXT_0, DerElements, OBJECT, OCTET_STRING, SEQUENCE, UTF8_STRING};
use crate::derive::{by_identifier, hmac, hmac_hash, is_intact, utf16_ended};
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::oid;
use crate::parts::Parts;
use crate::pbe::Encrypted;
use crate::reading::{KeyAccess, few_entries};

/// What the type of an entry says.
const CERTIFICATE: u64 = 0;
const PRIVATE_KEY: u64 = 1;
const SECRET_KEY: u64 = 2;
const PROTECTED_PRIVATE_KEY: u64 = 3;
const PROTECTED_SECRET_KEY: u64 = 4;

/// Reads a store.
pub(crate) fn read(store: &[u8], access: &KeyAccess) -> Result<Parts, StoreFault> {
    let mut parts = DerElements::of(store).inside(SEQUENCE, "store")?;
    let content = parts.next(SEQUENCE, "content of the store")?;
    let password = access
        .password()
        .ok_or(StoreFault::PasswordMissing("the store"))?;
    check(parts, content.whole, password, access)?;
    let mut content = content.elements();
    let encrypted = Encrypted {
        algorithm: content.inside(SEQUENCE, "encryption of the store")?,
        octets: content.next(OCTET_STRING, "encrypted entries")?.body,
        what: "the store",
    };
    let plain = encrypted.pbes2(&secret(password, "STORE_ENCRYPTION"), access)?;
    entries(&plain, access)
}

/// The password for a purpose.
fn secret(password: &str, purpose: &str) -> Zeroizing<Vec<u8>> {
    let mut secret = utf16_ended(password);
    secret.extend(utf16_ended(purpose).iter());
    secret
}

/// Compares the checksum: HMAC over the content.
fn check(
    mut parts: DerElements,
    content: &[u8],
    password: &str,
    access: &KeyAccess,
) -> Result<(), StoreFault> {
    if parts.next_is(CONTEXT_0) {
        return Err(StoreFault::Algorithm {
            what: "the store",
            name: "a signature instead of a password".to_owned(),
        });
    }
    let mut integrity = parts.inside(SEQUENCE, "integrity of the store")?;
    let mac = integrity
        .inside(SEQUENCE, "algorithm of the checksum")?
        .next(OBJECT, "algorithm of the checksum")?
        .body;
    let derivation = integrity.inside(SEQUENCE, "key derivation of the checksum")?;
    let there = integrity.next(OCTET_STRING, "checksum")?.body;
    let hash = hmac_hash(mac).ok_or_else(|| StoreFault::Algorithm {
        what: "the checksum of the store",
        name: oid::name(mac),
    })?;
    let secret = secret(password, "INTEGRITY_CHECK");
    let key = by_identifier(
        derivation,
        &secret,
        hash.size(),
        access,
        "the checksum of the store",
    )?;
    match hmac(hash, &key, content).is_some_and(|computed| is_intact(&computed, there)) {
        true => Ok(()),
        false => Err(StoreFault::PasswordWrong("the store")),
    }
}

/// The entries: version, algorithm of the checksum, two dates, then what is looked for.
fn entries(plain: &[u8], access: &KeyAccess) -> Result<Parts, StoreFault> {
    let mut data = DerElements::of(plain).inside(SEQUENCE, "entries")?;
    for what in ["version", "algorithm", "date of creation", "date of change"] {
        data.any(what)?;
    }
    let mut entries = data.inside(SEQUENCE, "list of entries")?;
    let mut parts = Parts::default();
    while !entries.is_empty() {
        entry(entries.inside(SEQUENCE, "entry")?, access, &mut parts)?;
        few_entries(parts.count())?;
    }
    Ok(parts)
}

fn entry(mut entry: DerElements, access: &KeyAccess, parts: &mut Parts) -> Result<(), StoreFault> {
    let kind = entry.number("type of an entry")?;
    let alias = entry.next(UTF8_STRING, "alias")?.body;
    let alias = String::from_utf8_lossy(alias).into_owned();
    entry.any("date of creation")?;
    entry.any("date of change")?;
    let data = entry.next(OCTET_STRING, "content of an entry")?.body;
    match kind {
        CERTIFICATE => parts.trusted(Some(alias), StoredCertificate::from_der(data)?),
        PRIVATE_KEY | PROTECTED_PRIVATE_KEY => {
            let mut inside = DerElements::of(data).inside(SEQUENCE, "private key")?;
            let encrypted = Encrypted::key(inside.next(SEQUENCE, "private key")?.whole)?;
            let password = access.needed_for_key(encrypted.what)?;
            let plain = encrypted.pbes2(&secret(password, "PRIVATE_KEY_ENCRYPTION"), access)?;
            let mut certificates = inside.inside(SEQUENCE, "certificates")?;
            let mut chain = Vec::new();
            while !certificates.is_empty() {
                let certificate = certificates.next(SEQUENCE, "certificate")?;
                chain.push(StoredCertificate::from_der(certificate.whole)?);
            }
            parts.key_with_chain(Some(alias), StoredKey::from_der(&plain)?, chain)?;
        }
        SECRET_KEY | PROTECTED_SECRET_KEY => parts.passed_over(format!("the secret key {alias:?}")),
        _ => return Err(StoreFault::damaged("type of an entry", 0)),
    }
    Ok(())
}
