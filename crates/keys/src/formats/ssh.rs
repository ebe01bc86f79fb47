//! Keys of OpenSSH: `openssh-key-v1` (PROTOCOL.key of OpenSSH), lines of public keys (RFC 4253, 6.6; RFC 5656), and the
//! public key file of RFC 4716.

use openssl::pkey::{Id, PKey};
use zeroize::Zeroizing;

use crate::cipher::Symmetric;
use crate::detection::RFC4716;
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::numbers::{self, RsaNumbers};
use crate::octets::Octets;
use crate::parts::Parts;
use crate::pem;
use crate::reading::{KeyAccess, few_entries, within};

const MAGIC: &[u8] = b"openssh-key-v1\0";

/// The most rounds of bcrypt, each of which takes some milliseconds.
const MOST_ROUNDS: usize = 1000;

/// Rounds of PBKDF2 that take about as long as one of bcrypt.
const ROUNDS_OF_BCRYPT: u64 = 10_000;

const KEY: &str = "the private key";

/// Reads private keys in PEM, or lines of public keys.
pub(crate) fn read(text: &str, access: &KeyAccess) -> Result<Parts, StoreFault> {
    let mut parts = Parts::default();
    let blocks = pem::blocks(text)?;
    for block in &blocks {
        private(&block.octets, access, &mut parts)?;
    }
    if !blocks.is_empty() {
        return Ok(parts);
    }
    if text.trim_start().starts_with(RFC4716) {
        rfc4716(text, &mut parts)?;
        return Ok(parts);
    }
    for line in text.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with('#') {
            public_line(line, &mut parts)?;
            few_entries(parts.count())?;
        }
    }
    Ok(parts)
}

/// A line: kind, base64, comment.
fn public_line(line: &str, parts: &mut Parts) -> Result<(), StoreFault> {
    let mut words = line.splitn(3, ' ').skip(1);
    let octets = words.next().and_then(pem::decode);
    let octets = octets.ok_or_else(|| StoreFault::Form("a line is no public key".to_owned()))?;
    let comment = words.next().map(str::to_owned);
    public(&octets, comment, parts)
}

/// Headers, which may be continued with `\`, and base64.
fn rfc4716(text: &str, parts: &mut Parts) -> Result<(), StoreFault> {
    let mut base64 = String::new();
    let mut comment = None;
    let mut continued = false;
    let body = text.trim().lines().map(str::trim).skip(1);
    for line in body.take_while(|line| !line.starts_with("---- END")) {
        let header = line.split_once(": ");
        if !continued && header.is_none() {
            base64.push_str(line);
        }
        if let Some((_, value)) = header.filter(|(name, _)| name.eq_ignore_ascii_case("comment")) {
            comment = Some(value.trim_matches('"').to_owned());
        }
        continued = (continued || header.is_some()) && line.ends_with('\\');
    }
    let octets = pem::decode(&base64);
    let octets =
        octets.ok_or_else(|| StoreFault::Form("its public key is no base64".to_owned()))?;
    public(&octets, comment, parts)
}

/// Takes a public key in the form of the protocol.
pub(crate) fn public(
    octets: &[u8],
    comment: Option<String>,
    parts: &mut Parts,
) -> Result<(), StoreFault> {
    let mut fields = Octets::of(octets);
    let kind = fields.text("kind of a public key")?;
    let public = match kind.as_str() {
        "ssh-rsa" => {
            let e = fields.counted("exponent")?;
            numbers::rsa_public(fields.counted("modulus")?, e)?
        }
        "ssh-ed25519" => {
            PKey::public_key_from_raw_bytes(fields.counted("public key")?, Id::ED25519)
                .map_err(|_| StoreFault::damaged("public key", fields.at()))?
        }
        _ if kind.starts_with("ecdsa-sha2-") => {
            let group = numbers::curve(&fields.text("curve")?)?;
            numbers::ec_public(&group, fields.counted("public key")?)?
        }
        _ => return Err(unknown_key(&kind)),
    };
    parts.public_key(comment, public);
    Ok(())
}

/// Takes a private key in the form of OpenSSH.
pub(crate) fn private(
    octets: &[u8],
    access: &KeyAccess,
    parts: &mut Parts,
) -> Result<(), StoreFault> {
    let body = octets
        .strip_prefix(MAGIC)
        .ok_or(StoreFault::damaged("first octets", 0))?;
    let mut fields = Octets::of(body);
    let cipher = fields.text("cipher")?;
    let derivation = fields.text("key derivation")?;
    let options = fields.counted("parameters of the key derivation")?;
    let count = fields.u32("number of keys")?;
    few_entries(count)?;
    for _ in 0..count {
        fields.counted("public key")?;
    }
    let encrypted = fields.counted("private keys")?;
    let plain = match cipher.as_str() {
        "none" => Zeroizing::new(encrypted.to_vec()),
        _ => decrypted(
            &cipher,
            &derivation,
            options,
            encrypted,
            fields.rest(),
            access,
        )?,
    };
    let mut plain = Octets::of(&plain);
    // The same random number twice.
    if plain.u32("check")? != plain.u32("check")? {
        return Err(StoreFault::PasswordWrong(KEY));
    }
    for _ in 0..count {
        let key = key(&mut plain)?;
        let comment = plain.text("comment")?;
        parts.key((!comment.is_empty()).then_some(comment), key);
    }
    Ok(())
}

/// OpenSSL's name of a cipher, and octets of key, initialization vector and tag.
fn known_cipher(name: &str) -> Option<(&'static str, usize, usize, usize)> {
    Some(match name {
        "aes128-ctr" => ("AES-128-CTR", 16, 16, 0),
        "aes192-ctr" => ("AES-192-CTR", 24, 16, 0),
        "aes256-ctr" => ("AES-256-CTR", 32, 16, 0),
        "aes128-cbc" => ("AES-128-CBC", 16, 16, 0),
        "aes192-cbc" => ("AES-192-CBC", 24, 16, 0),
        "aes256-cbc" => ("AES-256-CBC", 32, 16, 0),
        "3des-cbc" => ("DES-EDE3-CBC", 24, 8, 0),
        "aes128-gcm@openssh.com" => ("AES-128-GCM", 16, 12, 16),
        "aes256-gcm@openssh.com" => ("AES-256-GCM", 32, 12, 16),
        _ => return None,
    })
}

fn decrypted(
    cipher: &str,
    derivation: &str,
    options: &[u8],
    encrypted: &[u8],
    after: &[u8],
    access: &KeyAccess,
) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let unknown = |name: &str| StoreFault::Algorithm {
        what: KEY,
        name: name.escape_debug().to_string(),
    };
    let (name, key_length, iv_length, tag_length) =
        known_cipher(cipher).ok_or_else(|| unknown(cipher))?;
    if derivation != "bcrypt" {
        return Err(unknown(derivation));
    }
    let mut options = Octets::of(options);
    let salt = options.counted("salt")?;
    let rounds = options.u32("rounds")?;
    within("rounds of bcrypt", rounds as u64, MOST_ROUNDS as u64)?;
    access.spend(rounds as u64 * ROUNDS_OF_BCRYPT)?;
    let password = access.needed_for_key(KEY)?;
    let mut secret = Zeroizing::new(vec![0; key_length + iv_length]);
    bcrypt_pbkdf::bcrypt_pbkdf(password, salt, rounds as u32, &mut secret)
        .map_err(|_| StoreFault::damaged("salt and rounds", 0))?;
    let (key, iv) = secret.split_at_checked(key_length).unwrap_or_default();
    let tag = after
        .get(..tag_length)
        .ok_or(StoreFault::damaged("tag", 0))?;
    let cipher = Symmetric {
        name,
        key,
        iv,
        tag: (tag_length > 0).then_some(tag),
        padded: false,
    };
    cipher
        .decrypt(encrypted)
        .ok_or(StoreFault::PasswordWrong(KEY))
}

/// One private key, in the form of the agent's protocol.
fn key(fields: &mut Octets) -> Result<StoredKey, StoreFault> {
    let kind = fields.text("kind of a key")?;
    match kind.as_str() {
        "ssh-rsa" => {
            let n = fields.counted("modulus")?;
            let e = fields.counted("exponent")?;
            let d = fields.counted("private exponent")?;
            let qi = fields.counted("coefficient")?;
            let p = fields.counted("first prime")?;
            let q = fields.counted("second prime")?;
            RsaNumbers { n, e, d, p, q, qi }.key()
        }
        "ssh-ed25519" => {
            fields.counted("public key")?;
            let both = fields.counted("private key")?;
            ed25519(
                both.get(..32)
                    .ok_or(StoreFault::damaged("private key", fields.at()))?,
            )
        }
        _ if kind.starts_with("ecdsa-sha2-") => {
            let group = numbers::curve(&fields.text("curve")?)?;
            let point = fields.counted("public key")?;
            numbers::ec_private(&group, point, fields.counted("private key")?)
        }
        _ => Err(unknown_key(&kind)),
    }
}

/// An Ed25519 key of its 32 octets.
pub(crate) fn ed25519(octets: &[u8]) -> Result<StoredKey, StoreFault> {
    let key = PKey::private_key_from_raw_bytes(octets, Id::ED25519)
        .map_err(|_| StoreFault::damaged("private key", 0))?;
    StoredKey::of(key)
}

pub(crate) fn unknown_key(kind: &str) -> StoreFault {
    StoreFault::Unusable(format!(
        "its key is of the kind {}, for which OFTP has no use",
        kind.escape_debug()
    ))
}
