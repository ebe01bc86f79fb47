//! Keys of PuTTY, versions 2 and 3 (PuTTY manual, appendix C): lines of names and values, two parts in base64, a checksum.

use openssl::hash::MessageDigest;
use zeroize::Zeroizing;

use super::ssh;
use crate::cipher::Symmetric;
use crate::derive::{digest, hmac, is_intact};
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::numbers::{self, RsaNumbers};
use crate::octets::{Octets, from_hexadecimal};
use crate::parts::Parts;
use crate::pem;
use crate::reading::{KeyAccess, within};

/// The most lines of a part.
const MOST_LINES: usize = 10_000;

/// The most lanes of Argon2.
const MOST_LANES: u64 = 64;

/// What is wrong with a line that is missing or unreadable.
fn form(what: &str) -> StoreFault {
    StoreFault::Form(format!("its line {what:?} is missing or wrong"))
}

/// The lines of a file.
struct Lines<'a> {
    version: u8,
    algorithm: &'a str,
    encryption: &'a str,
    comment: &'a str,
    public: Zeroizing<Vec<u8>>,
    /// Encrypted, where `encryption` is not `none`.
    private: Zeroizing<Vec<u8>>,
    checksum: &'a str,
    derivation: Option<Argon2<'a>>,
}

/// How version 3 derives its key.
struct Argon2<'a> {
    flavor: &'a str,
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
}

/// Cipher key, initialization vector and the key of the checksum.
struct Secrets {
    key: Zeroizing<Vec<u8>>,
    iv: Zeroizing<Vec<u8>>,
    mac: Zeroizing<Vec<u8>>,
}

/// Reads a key.
pub(crate) fn read(text: &str, access: &KeyAccess) -> Result<Parts, StoreFault> {
    let lines = Lines::of(text)?;
    let secrets = lines.secrets(access)?;
    let plain = match lines.encryption {
        "none" => lines.private.clone(),
        _ => {
            let cipher = Symmetric {
                padded: false,
                ..Symmetric::padded("AES-256-CBC", &secrets.key, &secrets.iv)
            };
            cipher
                .decrypt(&lines.private)
                .ok_or(StoreFault::PasswordWrong("the private key"))?
        }
    };
    if !lines.is_whole(&plain, &secrets.mac) {
        return Err(match lines.encryption {
            "none" => StoreFault::Unusable("its checksum is wrong: it was changed".to_owned()),
            _ => StoreFault::PasswordWrong("the private key"),
        });
    }
    let key = lines.key(&plain)?;
    let mut parts = Parts::default();
    parts.key(
        (!lines.comment.is_empty()).then(|| lines.comment.to_owned()),
        key,
    );
    Ok(parts)
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Result<Self, StoreFault> {
        let mut lines = text.trim_start().lines();
        let first = lines.next().and_then(|line| line.split_once(": "));
        let (name, algorithm) = first.ok_or_else(|| form("PuTTY-User-Key-File-3"))?;
        let version = match name {
            "PuTTY-User-Key-File-2" => 2,
            "PuTTY-User-Key-File-3" => 3,
            _ => {
                return Err(StoreFault::Algorithm {
                    what: "the key",
                    name: format!("the format {}", name.escape_debug()),
                });
            }
        };
        let encryption = next(&mut lines, "Encryption")?;
        let comment = next(&mut lines, "Comment")?;
        let count = next(&mut lines, "Public-Lines")?;
        let public = base64(&mut lines, count)?;
        let derivation = match (version, encryption) {
            (3, "aes256-cbc") => Some(Argon2::of(&mut lines)?),
            _ => None,
        };
        let count = next(&mut lines, "Private-Lines")?;
        let private = base64(&mut lines, count)?;
        Ok(Self {
            version,
            algorithm,
            encryption,
            comment,
            public,
            private,
            checksum: next(&mut lines, "Private-MAC")?,
            derivation,
        })
    }

    fn secrets(&self, access: &KeyAccess) -> Result<Secrets, StoreFault> {
        let sha1 = |parts: &[&[u8]]| {
            digest(MessageDigest::sha1(), parts).ok_or(StoreFault::damaged("password", 0))
        };
        let label = &b"putty-private-key-file-mac-key"[..];
        match (self.encryption, self.version) {
            ("none", 2) => Ok(Secrets::of_mac(sha1(&[label])?)),
            ("none", _) => Ok(Secrets::of_mac(Zeroizing::default())),
            ("aes256-cbc", version) => {
                let password = access.needed_for_key("the private key")?.as_bytes();
                if let (3, Some(derivation)) = (version, &self.derivation) {
                    return derivation.secrets(password, access);
                }
                let mut key = sha1(&[&[0, 0, 0, 0], password])?;
                key.extend(sha1(&[&[0, 0, 0, 1], password])?.iter());
                key.truncate(32);
                Ok(Secrets {
                    key,
                    iv: Zeroizing::new(vec![0; 16]),
                    mac: sha1(&[label, password])?,
                })
            }
            (other, _) => Err(StoreFault::Algorithm {
                what: "the private key",
                name: other.escape_debug().to_string(),
            }),
        }
    }

    /// Whether the checksum over all parts is right.
    fn is_whole(&self, plain: &[u8], mac: &[u8]) -> bool {
        let parts = [
            self.algorithm.as_bytes(),
            self.encryption.as_bytes(),
            self.comment.as_bytes(),
            &self.public,
            plain,
        ];
        let mut all = Zeroizing::new(Vec::new());
        for part in parts {
            all.extend((part.len() as u32).to_be_bytes());
            all.extend(part);
        }
        let hash = match self.version {
            2 => MessageDigest::sha1(),
            _ => MessageDigest::sha256(),
        };
        let there = from_hexadecimal(self.checksum.trim()).unwrap_or_default();
        hmac(hash, mac, &all).is_some_and(|computed| is_intact(&computed, &there))
    }

    fn key(&self, plain: &[u8]) -> Result<StoredKey, StoreFault> {
        let mut public = Octets::of(&self.public);
        let mut private = Octets::of(plain);
        let kind = public.text("kind of a key")?;
        match kind.as_str() {
            "ssh-rsa" => {
                let e = public.counted("exponent")?;
                let n = public.counted("modulus")?;
                let d = private.counted("private exponent")?;
                let p = private.counted("first prime")?;
                let q = private.counted("second prime")?;
                let qi = private.counted("coefficient")?;
                RsaNumbers { n, e, d, p, q, qi }.key()
            }
            "ssh-ed25519" => ssh::ed25519(private.counted("private key")?),
            _ if kind.starts_with("ecdsa-sha2-") => {
                let group = numbers::curve(&public.text("curve")?)?;
                let point = public.counted("public key")?;
                numbers::ec_private(&group, point, private.counted("private key")?)
            }
            _ => Err(ssh::unknown_key(&kind)),
        }
    }
}

impl Secrets {
    fn of_mac(mac: Zeroizing<Vec<u8>>) -> Self {
        Self {
            key: Zeroizing::default(),
            iv: Zeroizing::default(),
            mac,
        }
    }
}

impl<'a> Argon2<'a> {
    fn of(lines: &mut std::str::Lines<'a>) -> Result<Self, StoreFault> {
        let flavor = next(lines, "Key-Derivation")?;
        let mut number = |name| next(lines, name)?.parse().map_err(|_| form(name));
        let (memory, passes, lanes) = (
            number("Argon2-Memory")?,
            number("Argon2-Passes")?,
            number("Argon2-Parallelism")?,
        );
        let salt = from_hexadecimal(next(lines, "Argon2-Salt")?);
        Ok(Self {
            flavor,
            memory,
            passes,
            lanes,
            salt: salt.ok_or_else(|| form("Argon2-Salt"))?,
        })
    }

    fn secrets(&self, password: &[u8], access: &KeyAccess) -> Result<Secrets, StoreFault> {
        let derive = match self.flavor {
            "Argon2id" => openssl::kdf::argon2id,
            "Argon2i" => openssl::kdf::argon2i,
            "Argon2d" => openssl::kdf::argon2d,
            other => {
                return Err(StoreFault::Algorithm {
                    what: "the private key",
                    name: other.escape_debug().to_string(),
                });
            }
        };
        within("lanes of Argon2", u64::from(self.lanes), MOST_LANES)?;
        access.memory(u64::from(self.memory).saturating_mul(1024))?;
        // A pass over a kibibyte takes about as long as a round of PBKDF2.
        access.spend(u64::from(self.memory).saturating_mul(u64::from(self.passes)))?;
        let mut all = Zeroizing::new([0; 80]);
        let (passes, lanes, memory) = (self.passes, self.lanes, self.memory);
        derive(
            None,
            password,
            &self.salt,
            None,
            None,
            passes,
            lanes,
            memory,
            &mut all[..],
        )
        .map_err(|_| form("Argon2-Memory"))?;
        let part = |range| {
            Zeroizing::new(
                all.get::<std::ops::Range<usize>>(range)
                    .unwrap_or_default()
                    .to_vec(),
            )
        };
        Ok(Secrets {
            key: part(0..32),
            iv: part(32..48),
            mac: part(48..80),
        })
    }
}

/// The value of the next line, which has that name.
fn next<'a>(lines: &mut std::str::Lines<'a>, wanted: &str) -> Result<&'a str, StoreFault> {
    match lines.next().and_then(|line| line.split_once(':')) {
        Some((name, value)) if name == wanted => Ok(value.strip_prefix(' ').unwrap_or(value)),
        _ => Err(form(wanted)),
    }
}

/// As many lines of base64 as a line before said.
fn base64(lines: &mut std::str::Lines, count: &str) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let count: usize = count.trim().parse().map_err(|_| form("Public-Lines"))?;
    within("lines of a part", count as u64, MOST_LINES as u64)?;
    let mut text = Zeroizing::new(String::new());
    for _ in 0..count {
        text.push_str(lines.next().ok_or_else(|| form("Private-Lines"))?);
    }
    pem::decode(&text).ok_or_else(|| StoreFault::Form("a part of it is no base64".to_owned()))
}
