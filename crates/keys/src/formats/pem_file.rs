//! PEM: certificates and keys one after the other, in any order.

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use super::{der_file, p7b, ssh};
use crate::certificate::StoredCertificate;
use crate::cipher::Symmetric;
use crate::der::{DerElements, SEQUENCE};
use crate::derive::digest;
use crate::error::StoreFault;
use crate::key::{self, StoredKey};
use crate::octets::from_hexadecimal;
use crate::parts::Parts;
use crate::pem::{self, Block};
use crate::reading::{KeyAccess, few_entries};

/// Reads all blocks of a text.
pub(crate) fn read(text: &str, access: &KeyAccess) -> Result<Parts, StoreFault> {
    let mut parts = Parts::default();
    for block in pem::blocks(text)? {
        take(block, access, &mut parts)?;
        few_entries(parts.count())?;
    }
    Ok(parts)
}

fn take(block: Block, access: &KeyAccess, parts: &mut Parts) -> Result<(), StoreFault> {
    let alias = block.alias.clone();
    match block.label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" => {
            parts.certificate(alias, StoredCertificate::from_der(&block.octets)?);
        }
        // Trust settings of OpenSSL follow the certificate.
        "TRUSTED CERTIFICATE" => {
            let certificate = DerElements::of(&block.octets).any("certificate")?.whole;
            parts.certificate(alias, StoredCertificate::from_der(certificate)?);
        }
        "ENCRYPTED PRIVATE KEY" => {
            parts.key(alias, der_file::encrypted_key(&block.octets, access)?);
        }
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
            parts.key(alias, traditional_key(&block, access)?);
        }
        "PUBLIC KEY" => der_file::public_key(&block.octets, alias, parts)?,
        "RSA PUBLIC KEY" => {
            let damaged = || StoreFault::Unusable("its public key is damaged".to_owned());
            let rsa = Rsa::public_key_from_der_pkcs1(&block.octets).map_err(|_| damaged())?;
            let public = PKey::from_rsa(rsa).map_err(|_| damaged())?;
            key::check(&public)?;
            parts.public_key(alias, public);
        }
        "OPENSSH PRIVATE KEY" => ssh::private(&block.octets, access, parts)?,
        "PKCS7" | "CMS" => p7b::take(&block.octets, parts)?,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => parts.passed_over(
            "a request for a certificate (CSR), which a CA answers with the certificate".to_owned(),
        ),
        other => parts.passed_over(format!("a block {}", other.escape_debug())),
    }
    Ok(())
}

/// A key that may be encrypted in the way of RFC 1421, as old versions of OpenSSL write it.
fn traditional_key(block: &Block, access: &KeyAccess) -> Result<StoredKey, StoreFault> {
    let header = |name: &str| {
        let mut headers = block.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    };
    let Some(encryption) = header("DEK-Info") else {
        return StoredKey::from_der(&block.octets);
    };
    let what = "the private key";
    let unknown = || StoreFault::Algorithm {
        what,
        name: encryption.escape_debug().to_string(),
    };
    let (name, iv) = encryption.split_once(',').ok_or_else(unknown)?;
    let length = match name {
        "DES-CBC" => 8,
        "DES-EDE3-CBC" | "AES-192-CBC" => 24,
        "AES-128-CBC" => 16,
        "AES-256-CBC" => 32,
        _ => return Err(unknown()),
    };
    let iv = from_hexadecimal(iv).ok_or_else(unknown)?;
    let salt = iv.get(..8).ok_or_else(unknown)?;
    let password = access.needed_for_key(what)?;
    let wrong = StoreFault::PasswordWrong(what);
    let key = traditional_secret(password, salt, length).ok_or(wrong.clone())?;
    let plain = Symmetric::padded(name, &key, &iv)
        .decrypt(&block.octets)
        .ok_or(wrong.clone())?;
    match DerElements::of(&plain).inside(SEQUENCE, "key") {
        Ok(_) => StoredKey::from_der(&plain).map_err(|_| wrong),
        Err(_) => Err(wrong),
    }
}

/// OpenSSL's derivation for it: MD5 of what came before, the password and the salt, again and again.
fn traditional_secret(password: &str, salt: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut secret = Zeroizing::new(Vec::new());
    let mut last = Zeroizing::new(Vec::new());
    while secret.len() < length {
        last = digest(MessageDigest::md5(), &[&last, password.as_bytes(), salt])?;
        secret.extend(last.iter());
    }
    secret.truncate(length);
    Some(secret)
}
