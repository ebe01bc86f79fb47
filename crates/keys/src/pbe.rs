//! Encryption by password as an algorithm identifier names it: PBES1 and PBES2 (RFC 8018), and that of PKCS#12.

use openssl::hash::MessageDigest;
use zeroize::Zeroizing;

use crate::cipher::Symmetric;
use crate::der::{DerElements, OBJECT, OCTET_STRING, SEQUENCE};
use crate::derive::{self, Pkcs12Use};
use crate::error::StoreFault;
use crate::oid;
use crate::reading::KeyAccess;

/// Something encrypted.
#[derive(Clone, Copy)]
pub(crate) struct Encrypted<'a> {
    /// The content of its algorithm identifier.
    pub(crate) algorithm: DerElements<'a>,
    pub(crate) octets: &'a [u8],
    /// What it is, for messages.
    pub(crate) what: &'static str,
}

impl<'a> Encrypted<'a> {
    /// Reads an EncryptedPrivateKeyInfo (RFC 5958, 3).
    pub(crate) fn key(der: &'a [u8]) -> Result<Self, StoreFault> {
        let mut parts = DerElements::of(der).inside(SEQUENCE, "encrypted key")?;
        Ok(Self {
            algorithm: parts.inside(SEQUENCE, "algorithm of an encrypted key")?,
            octets: parts.next(OCTET_STRING, "encrypted key")?.body,
            what: "the private key",
        })
    }

    /// The plain octets.
    pub(crate) fn decrypt(
        self,
        password: &str,
        access: &KeyAccess,
    ) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let mut algorithm = self.algorithm;
        let scheme = algorithm.next(OBJECT, "algorithm of encryption")?.body;
        if scheme == oid::PBES2 {
            return self.pbes2(password.as_bytes(), access);
        }
        let mut parameters = algorithm.inside(SEQUENCE, "parameters of encryption")?;
        let salt = parameters.next(OCTET_STRING, "salt")?.body;
        let rounds = parameters.number("rounds")?;
        let key = if let Some(arc) = oid::last_arc(scheme, oid::PKCS12_PBE) {
            Pkcs12Scheme::of(arc).map(|scheme| scheme.derive(password, salt, rounds, access))
        } else {
            oid::last_arc(scheme, oid::PKCS5)
                .and_then(pbes1)
                .map(|(name, hash)| derive_pbes1(name, hash, password, salt, rounds, access))
        };
        let key = key.ok_or_else(|| self.unknown(scheme))??;
        let cipher = Symmetric::padded(key.name, &key.key, &key.iv);
        cipher.decrypt(self.octets).ok_or(self.wrong())
    }

    /// The plain octets, by PBES2 and a secret in the form of the store.
    pub(crate) fn pbes2(
        self,
        secret: &[u8],
        access: &KeyAccess,
    ) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let mut algorithm = self.algorithm;
        let scheme = algorithm.next(OBJECT, "algorithm of encryption")?.body;
        if scheme != oid::PBES2 {
            return Err(self.unknown(scheme));
        }
        let mut parameters = algorithm.inside(SEQUENCE, "parameters of encryption")?;
        let derivation = parameters.inside(SEQUENCE, "key derivation")?;
        let mut encryption = parameters.inside(SEQUENCE, "cipher")?;
        let oid = encryption.next(OBJECT, "cipher")?.body;
        let (name, length) = content_cipher(oid).ok_or_else(|| self.unknown(oid))?;
        let (nonce, tag_length) = vector(name, encryption)?;
        let split = self.octets.len().checked_sub(tag_length);
        let (body, tag) = split
            .and_then(|at| self.octets.split_at_checked(at))
            .ok_or(StoreFault::damaged("tag of encryption", 0))?;
        let key = derive::by_identifier(derivation, secret, length, access, self.what)?;
        let cipher = Symmetric {
            name,
            key: &key,
            iv: nonce,
            tag: (tag_length > 0).then_some(tag),
            padded: name.ends_with("CBC"),
        };
        cipher.decrypt(body).ok_or(self.wrong())
    }

    fn wrong(&self) -> StoreFault {
        StoreFault::PasswordWrong(self.what)
    }

    fn unknown(&self, oid: &[u8]) -> StoreFault {
        StoreFault::Algorithm {
            what: self.what,
            name: oid::name(oid),
        }
    }
}

/// The ciphers of PBES2: OpenSSL's name, and the octets of the key.
fn content_cipher(oid: &[u8]) -> Option<(&'static str, usize)> {
    match oid {
        oid::DES_EDE3_CBC => return Some(("DES-EDE3-CBC", 24)),
        oid::DES_CBC => return Some(("DES-CBC", 8)),
        _ => {}
    }
    Some(match oid::last_arc(oid, oid::NIST_AES)? {
        2 => ("AES-128-CBC", 16),
        6 => ("AES-128-GCM", 16),
        7 => ("AES-128-CCM", 16),
        22 => ("AES-192-CBC", 24),
        26 => ("AES-192-GCM", 24),
        27 => ("AES-192-CCM", 24),
        42 => ("AES-256-CBC", 32),
        46 => ("AES-256-GCM", 32),
        47 => ("AES-256-CCM", 32),
        48 => ("AES-256-WRAP-PAD", 32),
        _ => return None,
    })
}

/// The initialization vector of a cipher, and the octets of its tag (RFC 5084, 3).
fn vector<'a>(
    name: &str,
    mut parameters: DerElements<'a>,
) -> Result<(&'a [u8], usize), StoreFault> {
    if name.ends_with("WRAP-PAD") {
        return Ok((&[], 0));
    }
    if name.ends_with("CBC") {
        return Ok((
            parameters.next(OCTET_STRING, "initialization vector")?.body,
            0,
        ));
    }
    let mut parameters = parameters.inside(SEQUENCE, "parameters of a cipher")?;
    let nonce = parameters.next(OCTET_STRING, "nonce")?.body;
    let tag = match parameters.is_empty() {
        true => 12,
        false => parameters.number("length of the tag")?,
    };
    match (tag, nonce.len()) {
        (4..=16, 7..=16) => Ok((nonce, tag as usize)),
        _ => Err(StoreFault::damaged("nonce and tag of a cipher", 0)),
    }
}

/// A key that is derived, its initialization vector, and the cipher that they are for.
struct Derived {
    name: &'static str,
    key: Zeroizing<Vec<u8>>,
    iv: Zeroizing<Vec<u8>>,
}

/// The cipher and hash of a scheme of PBES1 (RFC 8018, A.3).
fn pbes1(arc: u8) -> Option<(&'static str, MessageDigest)> {
    Some(match arc {
        3 => ("DES-CBC", MessageDigest::md5()),
        6 => ("RC2-64-CBC", MessageDigest::md5()),
        10 => ("DES-CBC", MessageDigest::sha1()),
        11 => ("RC2-64-CBC", MessageDigest::sha1()),
        _ => return None,
    })
}

fn derive_pbes1(
    name: &'static str,
    hash: MessageDigest,
    password: &str,
    salt: &[u8],
    rounds: u64,
    access: &KeyAccess,
) -> Result<Derived, StoreFault> {
    let rounds = access.spend(rounds)?;
    let octets = derive::pbkdf1(hash, password.as_bytes(), salt, rounds)
        .ok_or(StoreFault::damaged("parameters of encryption", 0))?;
    let (key, iv) = octets.split_at_checked(8).unwrap_or_default();
    Ok(Derived {
        name,
        key: Zeroizing::new(key.to_vec()),
        iv: Zeroizing::new(iv.to_vec()),
    })
}

/// A scheme of PKCS#12 (RFC 7292, appendix C).
struct Pkcs12Scheme {
    name: &'static str,
    key: usize,
    iv: usize,
    /// Whether the first eight octets of a key of 16 are its last ones too.
    two_keys: bool,
}

impl Pkcs12Scheme {
    fn of(arc: u8) -> Option<Self> {
        let (name, key, iv) = match arc {
            1 => ("RC4", 16, 0),
            2 => ("RC4-40", 5, 0),
            3 => ("DES-EDE3-CBC", 24, 8),
            4 => ("DES-EDE3-CBC", 16, 8),
            5 => ("RC2-CBC", 16, 8),
            6 => ("RC2-40-CBC", 5, 8),
            _ => return None,
        };
        Some(Self {
            name,
            key,
            iv,
            two_keys: arc == 4,
        })
    }

    fn derive(
        &self,
        password: &str,
        salt: &[u8],
        rounds: u64,
        access: &KeyAccess,
    ) -> Result<Derived, StoreFault> {
        let rounds = access.spend(rounds)?;
        let password = derive::utf16_ended(password);
        let of = |purpose, length| {
            derive::pkcs12(
                MessageDigest::sha1(),
                &password,
                salt,
                rounds,
                purpose,
                length,
            )
            .ok_or(StoreFault::damaged("parameters of encryption", 0))
        };
        let mut key = of(Pkcs12Use::Key, self.key)?;
        if self.two_keys {
            key.extend_from_within(..8);
        }
        Ok(Derived {
            name: self.name,
            key,
            iv: of(Pkcs12Use::Iv, self.iv)?,
        })
    }
}
