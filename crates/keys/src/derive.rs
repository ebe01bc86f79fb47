//! From passwords to keys: PBKDF1, PBKDF2 and scrypt (RFC 8018, RFC 7914) and that of PKCS#12 (RFC 7292, appendix B).

use openssl::hash::{Hasher, MessageDigest};
use openssl::pkey::PKey;
use openssl::sign::Signer;
use zeroize::Zeroizing;

use crate::der::{DerElements, INTEGER, OBJECT, OCTET_STRING, SEQUENCE};
use crate::error::StoreFault;
use crate::oid;
use crate::reading::KeyAccess;

/// What PKCS#12 derives a key for (RFC 7292, B.3).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pkcs12Use {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// A password as PKCS#12, JKS and BCFKS have it: UTF-16, the high octet first.
pub(crate) fn utf16(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.encode_utf16().flat_map(u16::to_be_bytes).collect())
}

/// The same, and the two zeros at its end.
pub(crate) fn utf16_ended(password: &str) -> Zeroizing<Vec<u8>> {
    let mut octets = utf16(password);
    octets.extend([0, 0]);
    octets
}

/// A hash by its identifier.
pub(crate) fn hash(oid: &[u8]) -> Option<MessageDigest> {
    if oid == oid::SHA1 {
        return Some(MessageDigest::sha1());
    }
    Some(match oid::last_arc(oid, oid::NIST_HASHES)? {
        1 => MessageDigest::sha256(),
        2 => MessageDigest::sha384(),
        3 => MessageDigest::sha512(),
        4 => MessageDigest::sha224(),
        _ => return None,
    })
}

/// The hash of an HMAC by its identifier.
pub(crate) fn hmac_hash(oid: &[u8]) -> Option<MessageDigest> {
    if let Some(arc) = oid::last_arc(oid, oid::NIST_HASHES) {
        return Some(match arc {
            13 => MessageDigest::sha3_224(),
            14 => MessageDigest::sha3_256(),
            15 => MessageDigest::sha3_384(),
            16 => MessageDigest::sha3_512(),
            _ => return None,
        });
    }
    Some(match oid::last_arc(oid, oid::HMACS)? {
        7 => MessageDigest::sha1(),
        8 => MessageDigest::sha224(),
        9 => MessageDigest::sha256(),
        10 => MessageDigest::sha384(),
        11 => MessageDigest::sha512(),
        _ => return None,
    })
}

/// HMAC of some octets; none if the library fails.
pub(crate) fn hmac(hash: MessageDigest, key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
    // The library has no empty key; one of zeros is the same to HMAC.
    let key = if key.is_empty() { &[0][..] } else { key };
    let key = PKey::hmac(key).ok()?;
    let mut signer = Signer::new(hash, &key).ok()?;
    signer.update(octets).ok()?;
    signer.sign_to_vec().ok()
}

/// Whether a checksum that was computed is the one that is there. A build for fuzzing takes any, to get behind it.
pub(crate) fn is_intact(computed: &[u8], there: &[u8]) -> bool {
    cfg!(feature = "fuzz")
        || (computed.len() == there.len() && openssl::memcmp::eq(computed, there))
}

/// The hash of several parts together; none if the library fails.
pub(crate) fn digest(hash: MessageDigest, parts: &[&[u8]]) -> Option<Zeroizing<Vec<u8>>> {
    let mut hasher = Hasher::new(hash).ok()?;
    for part in parts {
        hasher.update(part).ok()?;
    }
    Some(Zeroizing::new(hasher.finish().ok()?.to_vec()))
}

/// Hashes `first`, and what comes of it again, `rounds` times in all.
fn hashed(hash: MessageDigest, first: &[&[u8]], rounds: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = digest(hash, first)?;
    let mut hasher = Hasher::new(hash).ok()?;
    for _ in 1..rounds {
        hasher.update(&octets).ok()?;
        octets.copy_from_slice(&hasher.finish().ok()?);
    }
    Some(octets)
}

/// PBKDF1: 16 octets, of which the first 8 are a key and the others an initialization vector.
pub(crate) fn pbkdf1(
    hash: MessageDigest,
    password: &[u8],
    salt: &[u8],
    rounds: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = hashed(hash, &[password, salt], rounds)?;
    octets.truncate(16);
    Some(octets)
}

/// PKCS#12's derivation. The password is in UTF-16 with its end, or empty.
pub(crate) fn pkcs12(
    hash: MessageDigest,
    password: &[u8],
    salt: &[u8],
    rounds: usize,
    purpose: Pkcs12Use,
    length: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let block = match hash.size() {
        ..=32 => 64,
        _ => 128,
    };
    let filled = |octets: &[u8]| -> Vec<u8> {
        let length = octets.len().div_ceil(block) * block;
        octets.iter().copied().cycle().take(length).collect()
    };
    let diversifier = vec![purpose as u8; block];
    let mut mixed = Zeroizing::new([filled(salt), filled(password)].concat());
    let mut key = Zeroizing::new(Vec::with_capacity(length + hash.size()));
    while key.len() < length {
        let piece = hashed(hash, &[&diversifier, &mixed], rounds)?;
        key.extend(piece.iter());
        let added = Zeroizing::new(
            piece
                .iter()
                .copied()
                .cycle()
                .take(block)
                .collect::<Vec<u8>>(),
        );
        for chunk in mixed.chunks_mut(block) {
            add_and_one(chunk, &added);
        }
    }
    key.truncate(length);
    Some(key)
}

/// Adds another number, and one, to a number of as many octets.
fn add_and_one(number: &mut [u8], other: &[u8]) {
    let mut carry = 1;
    for (octet, more) in number.iter_mut().zip(other).rev() {
        let sum = u16::from(*octet) + u16::from(*more) + carry;
        *octet = sum as u8;
        carry = sum >> 8;
    }
}

/// Derives a key as an algorithm identifier says: PBKDF2 or scrypt.
pub(crate) fn by_identifier(
    mut algorithm: DerElements,
    secret: &[u8],
    length: usize,
    access: &KeyAccess,
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let scheme = algorithm.next(OBJECT, "key derivation")?.body;
    let parameters = algorithm.inside(SEQUENCE, "parameters of a key derivation")?;
    let mut key = Zeroizing::new(vec![0; length]);
    match scheme {
        oid::PBKDF2 => pbkdf2(parameters, secret, access, what, &mut key)?,
        oid::SCRYPT => scrypt(parameters, secret, access, &mut key)?,
        _ => {
            return Err(StoreFault::Algorithm {
                what,
                name: oid::name(scheme),
            });
        }
    }
    Ok(key)
}

fn pbkdf2(
    mut parameters: DerElements,
    secret: &[u8],
    access: &KeyAccess,
    what: &'static str,
    key: &mut [u8],
) -> Result<(), StoreFault> {
    let salt = parameters.next(OCTET_STRING, "salt")?.body;
    let rounds = access.spend(parameters.number("rounds")?)?;
    if parameters.next_is(INTEGER) {
        parameters.any("key length")?;
    }
    let mut hash = MessageDigest::sha1();
    if !parameters.is_empty() {
        let oid = parameters
            .inside(SEQUENCE, "pseudo-random function")?
            .next(OBJECT, "pseudo-random function")?
            .body;
        hash = hmac_hash(oid).ok_or_else(|| StoreFault::Algorithm {
            what,
            name: oid::name(oid),
        })?;
    }
    openssl::pkcs5::pbkdf2_hmac(secret, salt, rounds, hash, key)
        .map_err(|_| StoreFault::damaged("parameters of PBKDF2", 0))
}

fn scrypt(
    mut parameters: DerElements,
    secret: &[u8],
    access: &KeyAccess,
    key: &mut [u8],
) -> Result<(), StoreFault> {
    let salt = parameters.next(OCTET_STRING, "salt")?.body;
    let cost = parameters.number("cost")?;
    let block = parameters.number("block size")?;
    let lanes = parameters.number("parallelization")?;
    let memory = cost
        .saturating_add(lanes)
        .saturating_mul(block)
        .saturating_mul(128);
    access.memory(memory)?;
    access.spend(cost.saturating_mul(block).saturating_mul(lanes))?;
    // The library counts a little more than the formula does.
    let most = access.most_memory().saturating_add(1 << 20);
    openssl::pkcs5::scrypt(secret, salt, cost, block, lanes, most, key)
        .map_err(|_| StoreFault::damaged("parameters of scrypt", 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octets::from_hexadecimal;
    use crate::reading::StoreReading;

    /// The vectors that circulate with implementations of PKCS#12, from `smeg` and `queeg`.
    #[test]
    fn pkcs12_derives_what_others_derive() {
        for (password, salt, rounds, purpose, key) in [
            (
                "smeg",
                "0a58cf64530d823f",
                1,
                Pkcs12Use::Key,
                "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3",
            ),
            (
                "smeg",
                "0a58cf64530d823f",
                1,
                Pkcs12Use::Iv,
                "79993dfe048d3b76",
            ),
            (
                "smeg",
                "3d83c0e4546ac140",
                1,
                Pkcs12Use::Mac,
                "8d967d88f6caa9d714800ab3d48051d63f73a312",
            ),
            (
                "queeg",
                "05dec959acff72f7",
                1000,
                Pkcs12Use::Key,
                "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4",
            ),
            (
                "queeg",
                "05dec959acff72f7",
                1000,
                Pkcs12Use::Iv,
                "11dedad7758d4860",
            ),
        ] {
            let (salt, key) = (
                from_hexadecimal(salt).unwrap(),
                from_hexadecimal(key).unwrap(),
            );
            let derived = pkcs12(
                MessageDigest::sha1(),
                &utf16_ended(password),
                &salt,
                rounds,
                purpose,
                key.len(),
            );
            assert_eq!(&derived.unwrap()[..], key, "{password} {purpose:?}");
        }
    }

    #[test]
    fn numbers_overflow_at_their_length() {
        let mut number = [0xff, 0xff];
        add_and_one(&mut number, &[0xff, 0xff]);
        assert_eq!(number, [0xff, 0xff]);
        let mut number = [0, 0xff];
        add_and_one(&mut number, &[0, 0]);
        assert_eq!(number, [1, 0]);
    }

    #[test]
    fn derivations_that_cost_too_much_are_refused_with_the_number() {
        use crate::der::element;
        let number = |n: u64| element(INTEGER, &[&n.to_be_bytes()]);
        let salt = element(OCTET_STRING, &[&[1; 8]]);
        let pbkdf2 = [
            element(OBJECT, &[oid::PBKDF2]),
            element(SEQUENCE, &[&salt, &number(10_000_001)]),
        ]
        .concat();
        let scrypt = [
            element(OBJECT, &[oid::SCRYPT]),
            element(SEQUENCE, &[&salt, &number(1 << 21), &number(8), &number(1)]),
        ]
        .concat();
        let refused = |algorithm: &[u8]| {
            let access = KeyAccess::of(&StoreReading::default());
            by_identifier(DerElements::of(algorithm), b"x", 32, &access, "it").unwrap_err()
        };
        assert!(matches!(
            refused(&pbkdf2),
            StoreFault::Excess {
                number: 10_000_001,
                ..
            }
        ));
        assert!(matches!(
            refused(&scrypt),
            StoreFault::Excess { most, number, .. } if most == 1 << 30 && number > 1 << 30
        ));
    }
}
