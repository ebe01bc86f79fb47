//! Reads certificates and keys, as PEM or DER, from any editor. An error names the kind of a file that cannot be used,
//! with the command that converts it.

use std::borrow::Cow;
use std::path::Path;

use pointsman_folder::Names;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::error::{TlsError, wrong};
use crate::config::{remedy, unmarked};

/// The most octets of a file with certificates or keys.
const LONGEST: u64 = 4 << 20;

/// The beginning of a PEM section.
const BEGIN: &str = "-----BEGIN ";

/// The certificates of a file, the holder's first.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let content = content(path)?;
    let found = match &content {
        Content::Pem(text) => CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(path, &format!("this is no good PEM: {}", fault(&error))))?,
        Content::Der(octets) if X509Certificate::from_der(octets).is_ok() => {
            vec![CertificateDer::from(octets.clone())]
        }
        Content::Der(_) => Vec::new(),
    };
    if found.is_empty() {
        return Err(wrong(path, &instead_of_a_certificate(path, &content)));
    }
    for certificate in &found {
        X509Certificate::from_der(certificate)
            .map_err(|_| wrong(path, &"a certificate in it is damaged: it is not X.509"))?;
    }
    Ok(found)
}

/// The private key of a file.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let content = content(path)?;
    if is_encrypted(&content) {
        return Err(wrong(path, &without_passphrase(path)));
    }
    let key = match &content {
        Content::Pem(text) => PrivateKeyDer::from_pem_slice(text.as_bytes()).ok(),
        // Other structures begin like a key of PKCS#1, with a version in front.
        Content::Der(octets) if is_pkcs12(octets) => None,
        Content::Der(octets) => PrivateKeyDer::try_from(octets.clone()).ok(),
    };
    key.ok_or_else(|| wrong(path, &instead_of_a_key(path, &content)))
}

enum Content {
    Pem(String),
    Der(Vec<u8>),
}

fn content(path: &Path) -> Result<Content, TlsError> {
    let (octets, _) = pointsman_folder::read(path, LONGEST, Names::Operator)
        .map_err(|error| wrong(path, &format!("{}{}", error.why(), remedy(&error))))?;
    if octets.is_empty() {
        return Err(wrong(path, &"the file is empty"));
    }
    // A DER file begins with a SEQUENCE, which no text does.
    if octets.first() == Some(&0x30) {
        return Ok(Content::Der(octets));
    }
    let text = match unmarked(&octets) {
        Cow::Borrowed(octets) => String::from_utf8_lossy(octets).into_owned(),
        Cow::Owned(octets) => String::from_utf8_lossy(&octets).into_owned(),
    };
    if text.contains(BEGIN) {
        return Ok(Content::Pem(text));
    }
    Err(wrong(
        path,
        &"this is neither PEM (a text with -----BEGIN … in it) nor DER: is it the right file?",
    ))
}

/// What is wrong with a PEM file. The library's own messages quote the file, which may be a key.
fn fault(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section in it has no end. Each -----BEGIN …----- and each -----END …----- must be a line of its own: is the file cut off or indented, or were its line ends lost?"
        }
        pem::Error::IllegalSectionStart { .. } => {
            "a line that begins a section (-----BEGIN …-----) is not whole"
        }
        pem::Error::Base64Decode(_) => {
            "what stands between -----BEGIN …----- and -----END …----- is damaged: it is not Base64"
        }
        _ => "it is damaged",
    }
}

/// The labels after BEGIN, such as `RSA PRIVATE KEY`. Other text is never shown, since it may be a key.
fn labels(text: &str) -> Vec<&str> {
    let is_label = |label: &&str| {
        let known = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " #.".contains(c);
        label.len() <= LONGEST_LABEL && label.chars().all(known)
    };
    text.split(BEGIN)
        .skip(1)
        .filter_map(|rest| rest.split_once("-----").map(|(label, _)| label))
        .filter(is_label)
        .collect()
}

/// The most octets of a label: those of RFC 7468 and OpenSSL are shorter.
const LONGEST_LABEL: usize = 32;

fn has(text: &str, label: &str) -> bool {
    labels(text).iter().any(|known| known.ends_with(label))
}

fn instead_of_a_certificate(path: &Path, content: &Content) -> String {
    let path = path.display();
    match content {
        Content::Pem(text) if has(text, "TRUSTED CERTIFICATE") => format!(
            "this certificate is in a form of its own of OpenSSL's; make a usual one: openssl x509 -in {path} -out NEW.pem"
        ),
        Content::Pem(text) if has(text, "CERTIFICATE REQUEST") => {
            "this is a request for a certificate (CSR), not the certificate: take what the CA answered to it".to_owned()
        }
        Content::Pem(text) if has(text, "PKCS7") => {
            format!("this is a PKCS#7 bundle; take the certificates out: openssl pkcs7 -in {path} -print_certs -out NEW.pem")
        }
        Content::Pem(text) if labels(text).contains(&"CERTIFICATE") => {
            "the certificate in it cannot be read: -----BEGIN CERTIFICATE----- and -----END CERTIFICATE----- must each be a line of their own, with nothing before them: is the file indented, or were its line ends lost?".to_owned()
        }
        Content::Pem(text) if has(text, "PRIVATE KEY") => {
            "there is a private key in it, and no certificate: are the two files mixed up?".to_owned()
        }
        Content::Pem(text) => format!(
            "there is no certificate in it (-----BEGIN CERTIFICATE-----), only: {}",
            labels(text).join(", ")
        ),
        Content::Der(octets) if is_pkcs12(octets) => format!(
            "this is a PKCS#12 file (.p12, .pfx); take the certificate out: openssl pkcs12 -in {path} -nokeys -clcerts -out NEW.pem"
        ),
        Content::Der(octets) if holds(octets, PKCS7_SIGNED) => format!(
            "this is a PKCS#7 bundle (.p7b); take the certificates out: openssl pkcs7 -inform DER -in {path} -print_certs -out NEW.pem"
        ),
        Content::Der(octets) if PrivateKeyDer::try_from(octets.as_slice()).is_ok() => {
            "this is a private key (DER), and no certificate: are the two files mixed up?".to_owned()
        }
        Content::Der(_) => "this is DER, but no certificate: is it damaged?".to_owned(),
    }
}

fn instead_of_a_key(path: &Path, content: &Content) -> String {
    let path = path.display();
    match content {
        Content::Pem(text) if has(text, "OPENSSH PRIVATE KEY") => {
            "this is a key of SSH's, which TLS does not use: give the key that the certificate was made with".to_owned()
        }
        Content::Pem(text) if has(text, "CERTIFICATE") => {
            "there is a certificate in it, and no private key: are the two files mixed up?".to_owned()
        }
        Content::Pem(text) if has(text, "PUBLIC KEY") => {
            "this is a public key; give the private one that the certificate was made with".to_owned()
        }
        Content::Pem(text) if has(text, "PRIVATE KEY") => format!(
            "this private key is damaged, or of a kind that TLS here does not use; see what it is: openssl pkey -in {path} -text -noout"
        ),
        Content::Pem(text) => format!(
            "there is no private key in it (-----BEGIN PRIVATE KEY-----), only: {}",
            labels(text).join(", ")
        ),
        Content::Der(octets) if is_pkcs12(octets) => format!(
            "this is a PKCS#12 file (.p12, .pfx); take the key out: openssl pkcs12 -in {path} -nocerts -noenc -out NEW.key"
        ),
        Content::Der(octets) if X509Certificate::from_der(octets).is_ok() => {
            "this is a certificate (DER), and no private key: are the two files mixed up?".to_owned()
        }
        Content::Der(_) => "this is DER, but no private key: is it damaged?".to_owned(),
    }
}

fn without_passphrase(path: &Path) -> String {
    format!(
        "this key is encrypted with a passphrase, and nobody is there to type it when the server starts; keep it without one, readable for the server alone: openssl pkey -in {} -out NEW.key",
        path.display()
    )
}

/// id-PBES2 (RFC 8018) and the older PBES1 family, which only encrypted keys have.
const PBES: &[&[u8]] = &[
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01],
];
/// signedData (RFC 2315).
const PKCS7_SIGNED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// data (RFC 2315), which is near the start of a PKCS#12 file.
const PKCS7_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

fn is_encrypted(content: &Content) -> bool {
    match content {
        Content::Pem(text) => {
            has(text, "ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
        }
        Content::Der(octets) => !is_pkcs12(octets) && PBES.iter().any(|id| holds(octets, id)),
    }
}

/// PFX (RFC 7292): a SEQUENCE that begins with version 3 and holds data.
fn is_pkcs12(octets: &[u8]) -> bool {
    let head = octets.get(..64).unwrap_or(octets);
    head.windows(3).take(8).any(|found| found == [2, 1, 3]) && holds(octets, PKCS7_DATA)
}

/// Whether an object identifier is near the start.
fn holds(octets: &[u8], id: &[u8]) -> bool {
    let head = octets.get(..64).unwrap_or(octets);
    head.windows(id.len()).any(|found| found == id)
}
