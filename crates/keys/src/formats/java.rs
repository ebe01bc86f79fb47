//! JKS and JCEKS, the older stores of Java, as `sun.security.provider.JavaKeyStore` and `com.sun.crypto.provider`
//! (OpenJDK 17) write them: big-endian fields, and SHA-1 over password and content at the end.

use openssl::hash::MessageDigest;
use zeroize::Zeroizing;

use crate::certificate::StoredCertificate;
use crate::cipher::Symmetric;
use crate::der::{OBJECT, OCTET_STRING, SEQUENCE};
use crate::derive::{digest, is_intact, utf16};
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::kind::KeyStoreKind;
use crate::octets::Octets;
use crate::oid;
use crate::parts::Parts;
use crate::pbe::Encrypted;
use crate::reading::{KeyAccess, few_entries};

const JKS: usize = 0xfeed_feed;
const JCEKS: usize = 0xcece_cece;

/// Octets of SHA-1.
const CHECKSUM: usize = 20;

/// What the tag of an entry says.
const PRIVATE_KEY: usize = 1;
const CERTIFICATE: usize = 2;
const SECRET_KEY: usize = 3;

/// Reads a store. Without a password its checksum is not compared, as Java has it; that is enough for certificates.
pub(crate) fn read(
    kind: KeyStoreKind,
    store: &[u8],
    access: &KeyAccess,
) -> Result<Parts, StoreFault> {
    let (body, checksum) = store
        .len()
        .checked_sub(CHECKSUM)
        .and_then(|at| store.split_at_checked(at))
        .ok_or(StoreFault::damaged("checksum", store.len()))?;
    let mut octets = Octets::of(body);
    let magic = match kind {
        KeyStoreKind::Jks => JKS,
        _ => JCEKS,
    };
    if octets.u32("first octets")? != magic {
        return Err(StoreFault::damaged("first octets", 0));
    }
    let version = octets.u32("version")?;
    if version != 1 && version != 2 {
        return Err(StoreFault::damaged("version 1 or 2", 4));
    }
    let parts = entries(octets, version, access);
    // A store that is cut off has no right checksum either: that it is cut off says more.
    match access.password() {
        Some(password) if !is_whole(password, body, checksum) => {
            parts?;
            Err(StoreFault::PasswordWrong("the store"))
        }
        _ => parts,
    }
}

fn is_whole(password: &str, body: &[u8], checksum: &[u8]) -> bool {
    let parts = [&utf16(password)[..], b"Mighty Aphrodite", body];
    digest(MessageDigest::sha1(), &parts).is_some_and(|sum| is_intact(&sum, checksum))
}

fn entries(mut octets: Octets, version: usize, access: &KeyAccess) -> Result<Parts, StoreFault> {
    let count = octets.u32("number of entries")?;
    few_entries(count)?;
    let mut parts = Parts::default();
    for _ in 0..count {
        let tag = octets.u32("tag of an entry")?;
        let alias = short_text(&mut octets, "alias")?;
        octets.take(8, "date of an entry")?;
        match tag {
            PRIVATE_KEY => {
                let protected = octets.counted("private key")?;
                let chain = chain(&mut octets, version)?;
                let key = StoredKey::from_der(&unlocked(protected, access)?)?;
                parts.key_with_chain(Some(alias), key, chain)?;
            }
            CERTIFICATE => {
                let certificate = certificate(&mut octets, version)?;
                parts.trusted(Some(alias), certificate);
            }
            // Serialised objects of Java, whose end only Java knows.
            SECRET_KEY => {
                return Err(StoreFault::Unusable(format!(
                    "the entry {alias:?} is a secret key, which only Java reads; keytool -delete -alias {alias:?} removes it"
                )));
            }
            _ => return Err(StoreFault::damaged("tag of an entry", octets.at() - 14)),
        }
        few_entries(parts.count())?;
    }
    match octets.is_empty() {
        true => Ok(parts),
        false => Err(StoreFault::damaged("end of the entries", octets.at())),
    }
}

fn chain(octets: &mut Octets, version: usize) -> Result<Vec<StoredCertificate>, StoreFault> {
    let count = octets.u32("number of certificates")?;
    few_entries(count)?;
    (0..count).map(|_| certificate(octets, version)).collect()
}

fn certificate(octets: &mut Octets, version: usize) -> Result<StoredCertificate, StoreFault> {
    if version == 2 && short_text(octets, "type of a certificate")? != "X.509" {
        return Err(StoreFault::damaged(
            "certificate of the type X.509",
            octets.at(),
        ));
    }
    StoredCertificate::from_der(octets.counted("certificate")?)
}

/// A text after its length of two octets. Java's own form of UTF-8 differs beyond the usual characters.
fn short_text(octets: &mut Octets, what: &'static str) -> Result<String, StoreFault> {
    let length = octets.u16(what)?;
    Ok(String::from_utf8_lossy(octets.take(length, what)?).into_owned())
}

/// The PKCS#8 of a protected key.
fn unlocked(protected: &[u8], access: &KeyAccess) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let encrypted = Encrypted::key(protected)?;
    let password = access.needed_for_key(encrypted.what)?;
    let mut algorithm = encrypted.algorithm;
    let scheme = algorithm.next(OBJECT, "protection of a key")?.body;
    let wrong = StoreFault::PasswordWrong("a private key in it");
    match scheme {
        oid::JKS_KEY => masked(encrypted.octets, password).ok_or(wrong),
        oid::JCEKS_KEY => {
            let mut parameters = algorithm.inside(SEQUENCE, "parameters of a key")?;
            let salt = parameters.next(OCTET_STRING, "salt")?.body;
            let rounds = access.spend(parameters.number("rounds")?)?;
            if !password.is_ascii() {
                return Err(StoreFault::PasswordCharacters("a key in JCEKS"));
            }
            let secret = jceks_secret(salt, rounds, password)
                .ok_or(StoreFault::damaged("salt of a key", 0))?;
            let (key, iv) = secret.split_at_checked(24).unwrap_or_default();
            let cipher = Symmetric::padded("DES-EDE3-CBC", key, iv);
            cipher.decrypt(encrypted.octets).ok_or(wrong)
        }
        _ => encrypted.decrypt(password, access),
    }
}

/// Sun's protection in JKS: a stream of SHA-1 from password and salt, and SHA-1 over password and key at the end.
fn masked(protected: &[u8], password: &str) -> Option<Zeroizing<Vec<u8>>> {
    let password = utf16(password);
    let (salt, rest) = protected.split_at_checked(CHECKSUM)?;
    let (masked, checksum) = rest.split_at_checked(rest.len().checked_sub(CHECKSUM)?)?;
    let sha1 = |parts: &[&[u8]]| digest(MessageDigest::sha1(), parts);
    let mut mask = Zeroizing::new(salt.to_vec());
    let mut key = Zeroizing::new(Vec::with_capacity(masked.len()));
    for chunk in masked.chunks(CHECKSUM) {
        mask = sha1(&[&password, &mask])?;
        key.extend(
            chunk
                .iter()
                .zip(mask.iter())
                .map(|(octet, mask)| octet ^ mask),
        );
    }
    is_intact(&sha1(&[&password, &key])?, checksum).then_some(key)
}

/// Sun's PBEWithMD5AndTripleDES: each half of the salt is hashed with the password again and again; 24 octets of key
/// and 8 of the initialization vector. Where the halves are equal, the first one is turned round.
fn jceks_secret(salt: &[u8], rounds: usize, password: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (first, second) = salt.split_at_checked(4)?;
    let second = <[u8; 4]>::try_from(second).ok()?;
    let mut first = <[u8; 4]>::try_from(first).ok()?;
    if first == second {
        first.reverse();
    }
    let mut secret = Zeroizing::new(Vec::with_capacity(32));
    for half in [first, second] {
        let mut octets = Zeroizing::new(half.to_vec());
        for _ in 0..rounds {
            octets = digest(MessageDigest::md5(), &[&octets, password.as_bytes()])?;
        }
        secret.extend(octets.iter());
    }
    (secret.len() == 32).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `Cipher.getInstance("PBEWithMD5AndTripleDES")` of Java 17 makes of `hello`.
    #[test]
    fn equal_halves_of_a_salt_are_those_of_java() {
        let secret = jceks_secret(&[1, 2, 3, 4, 1, 2, 3, 4], 3, "x").unwrap();
        let cipher = Symmetric::padded("DES-EDE3-CBC", &secret[..24], &secret[24..]);
        let made = 0xa160_5ff4_5259_a1ea_u64.to_be_bytes();
        assert_eq!(&cipher.decrypt(&made).unwrap()[..], b"hello");
    }

    #[test]
    fn salts_of_another_length_and_no_rounds_derive_nothing() {
        assert!(jceks_secret(&[1; 7], 3, "x").is_none());
        assert!(jceks_secret(&[1; 9], 3, "x").is_none());
        assert!(jceks_secret(&[1, 2, 3, 4, 5, 6, 7, 8], 0, "x").is_none());
    }
}
