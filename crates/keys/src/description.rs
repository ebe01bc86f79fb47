//! What is to be seen of an entry, in the words of operators. Nothing of it is secret.

use std::fmt;

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKeyRef, Public};
use openssl::x509::{GeneralNameRef, X509};
use serde::Serialize;

use crate::certificate::StoredCertificate;
use crate::der::{BIT_STRING, BOOLEAN, CONTEXT_3, DerElements, OBJECT, OCTET_STRING, SEQUENCE};
use crate::entry::KeyStoreEntry;
use crate::error::StoreFault;
use crate::key;
use crate::name;
use crate::octets::hexadecimal;
use crate::oid;
use crate::pem;

/// An entry of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryDescription {
    /// What the store calls it.
    pub alias: Option<String>,
    /// Its certificate; of a key without one there is only the public key.
    #[serde(flatten)]
    pub certificate: Option<CertificateDescription>,
    /// The public key, where there is no certificate.
    #[serde(flatten)]
    pub public_key: Option<PublicKeyDescription>,
    /// Whether the store has its private key.
    pub private_key_available: bool,
    /// Subjects of the certificates that follow it.
    pub chain: Vec<String>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKeyDescription {
    /// The key in PEM.
    pub public_key: String,
    /// `RSA`, `EC`, `Ed25519` or `Ed448`.
    pub public_key_algorithm: String,
    /// Bits of the key.
    pub public_key_length: u32,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateDescription {
    /// Whose it is, in one line.
    pub subject: String,
    /// Who issued it, in one line.
    pub issuer: String,
    /// Serial number in hexadecimal.
    pub serial_number: String,
    /// `V1`, `V2` or `V3`.
    pub version: String,
    /// When it starts to be valid: RFC 3339, UTC.
    pub effective_date: String,
    /// When it ends to be valid: RFC 3339, UTC.
    pub expiration_date: String,
    /// What its key is for, as the certificate says.
    pub usage: Vec<&'static str>,
    /// The same as a number: its first eight bits as they are in the certificate, `Decipher Only` as 0x8000.
    pub usage_flags: u16,
    /// What it is for in TLS and mail: object identifiers.
    pub extended_key_usage: Vec<String>,
    /// Other names: host names, addresses, mail addresses, URIs.
    pub subject_alt_names: Vec<String>,
    /// How the issuer signed it.
    pub signature_algorithm: String,
    /// Its key.
    #[serde(flatten)]
    pub public_key: PublicKeyDescription,
    /// MD5 of the whole, with colons.
    pub fingerprint_md5: String,
    /// SHA-1 of the whole, with colons.
    pub fingerprint_sha1: String,
    /// SHA-256 of the whole, with colons.
    pub fingerprint_sha256: String,
    /// MD5 of the whole, without colons.
    pub thumbprint_md5: String,
    /// SHA-1 of the whole, without colons.
    pub thumbprint_sha1: String,
    /// SHA-256 of the whole, without colons.
    pub thumbprint_sha256: String,
}

/// The bits of a key usage (RFC 5280, 4.2.1.3) in their order.
const USAGES: [(&str, u16); 9] = [
    ("Digital Signature", 0x80),
    ("Non-Repudiation", 0x40),
    ("Key Encipherment", 0x20),
    ("Data Encipherment", 0x10),
    ("Key Agreement", 0x08),
    ("Certificate Signing", 0x04),
    ("CRL Signing", 0x02),
    ("Encipher Only", 0x01),
    ("Decipher Only", 0x8000),
];

impl CertificateDescription {
    /// Describes a certificate.
    pub fn of(certificate: &StoredCertificate) -> Self {
        let x509 = certificate.x509();
        let usage_flags = usage_flags(certificate.der());
        let usages = USAGES.into_iter().filter(|(_, bit)| usage_flags & bit != 0);
        let [md5, sha1, sha256] = [
            MessageDigest::md5(),
            MessageDigest::sha1(),
            MessageDigest::sha256(),
        ]
        .map(|hash| digest(x509, hash));
        Self {
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            serial_number: certificate.serial(),
            version: format!("V{}", x509.version() + 1),
            effective_date: date(x509.not_before()),
            expiration_date: date(x509.not_after()),
            usage: usages.map(|(name, _)| name).collect(),
            usage_flags,
            extended_key_usage: extended_key_usage(certificate.der()),
            subject_alt_names: other_names(x509),
            signature_algorithm: signature_algorithm(x509),
            public_key: PublicKeyDescription::of(certificate.key()),
            fingerprint_md5: hexadecimal(&md5, ":"),
            fingerprint_sha1: hexadecimal(&sha1, ":"),
            fingerprint_sha256: hexadecimal(&sha256, ":"),
            thumbprint_md5: hexadecimal(&md5, ""),
            thumbprint_sha1: hexadecimal(&sha1, ""),
            thumbprint_sha256: hexadecimal(&sha256, ""),
        }
    }

    /// Each field with the words for it, but for those that say the same once more.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let usage = format!("{} (0x{:02X})", self.usage.join(", "), self.usage_flags);
        vec![
            ("subject", self.subject.clone()),
            ("issuer", self.issuer.clone()),
            ("serial number", self.serial_number.clone()),
            ("version", self.version.clone()),
            ("effective date", self.effective_date.clone()),
            ("expiration date", self.expiration_date.clone()),
            ("usage", usage),
            ("extended key usage", self.extended_key_usage.join(", ")),
            (
                "subject alternative names",
                self.subject_alt_names.join(", "),
            ),
            ("signature algorithm", self.signature_algorithm.clone()),
            ("fingerprint MD5", self.fingerprint_md5.clone()),
            ("fingerprint SHA-1", self.fingerprint_sha1.clone()),
            ("fingerprint SHA-256", self.fingerprint_sha256.clone()),
            ("thumbprint MD5", self.thumbprint_md5.clone()),
            ("thumbprint SHA-1", self.thumbprint_sha1.clone()),
            ("thumbprint SHA-256", self.thumbprint_sha256.clone()),
        ]
    }
}

impl PublicKeyDescription {
    fn of(key: &PKeyRef<Public>) -> Self {
        let der = key.public_key_to_der().unwrap_or_default();
        Self {
            public_key: pem::write("PUBLIC KEY", &der),
            public_key_algorithm: key::algorithm(key),
            public_key_length: key.bits(),
        }
    }
}

impl EntryDescription {
    /// Describes an entry.
    pub fn of(entry: &KeyStoreEntry) -> Self {
        let certificate = entry.certificate().map(CertificateDescription::of);
        let bare = certificate.is_none();
        Self {
            alias: entry.alias().map(str::to_owned),
            certificate,
            public_key: bare.then(|| PublicKeyDescription::of(entry.public())),
            private_key_available: entry.key().is_some(),
            chain: entry
                .chain()
                .iter()
                .skip(1)
                .map(StoredCertificate::subject)
                .collect(),
        }
    }
}

impl fmt::Display for EntryDescription {
    /// A line for each field, and the public key last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Vec::new();
        if let Some(alias) = &self.alias {
            fields.push(("alias", alias.escape_debug().to_string()));
        }
        let inside = self.certificate.as_ref().map(|one| &one.public_key);
        if let Some(certificate) = &self.certificate {
            fields.extend(certificate.fields());
        }
        let available = if self.private_key_available {
            "yes"
        } else {
            "no"
        };
        fields.push(("private key available", available.to_owned()));
        fields.extend(
            self.chain
                .iter()
                .map(|subject| ("issued by", subject.clone())),
        );
        for (name, value) in &fields {
            writeln!(
                f,
                "{:<27}{}",
                format!("{name}:"),
                if value.is_empty() { "-" } else { value }
            )?;
        }
        let Some(key) = inside.or(self.public_key.as_ref()) else {
            return Ok(());
        };
        let (algorithm, bits) = (&key.public_key_algorithm, key.public_key_length);
        writeln!(f, "{:<27}{algorithm}", "public key algorithm:")?;
        writeln!(f, "{:<27}{bits} bits", "public key length:")?;
        write!(f, "{}", key.public_key)
    }
}

impl fmt::Display for KeyStoreEntry {
    /// The entry in one line: subject, serial number and SHA-256; or the kind of a key without a certificate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(certificate) = self.certificate() else {
            let alias = self.alias().unwrap_or("without a name").escape_debug();
            let key = PublicKeyDescription::of(self.public());
            let (algorithm, bits) = (key.public_key_algorithm, key.public_key_length);
            return write!(
                f,
                "a key {alias} without a certificate, {algorithm} of {bits} bits"
            );
        };
        let sha256 = digest(certificate.x509(), MessageDigest::sha256());
        let (subject, serial) = (certificate.subject(), certificate.serial());
        write!(
            f,
            "{subject}, serial {serial}, SHA-256 {}",
            hexadecimal(&sha256, ":")
        )
    }
}

/// The hash of a certificate.
fn digest(x509: &X509, hash: MessageDigest) -> Vec<u8> {
    let digest = x509.digest(hash);
    digest.map(|digest| digest.to_vec()).unwrap_or_default()
}

fn signature_algorithm(x509: &X509) -> String {
    let object = x509.signature_algorithm().object();
    object
        .nid()
        .long_name()
        .map_or_else(|_| object.to_string(), str::to_owned)
}

/// A time as RFC 3339 has it.
fn date(time: &Asn1TimeRef) -> String {
    let seconds = || {
        let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
        Some(i64::from(since.days) * 24 * 60 * 60 + i64::from(since.secs))
    };
    let timestamp = seconds().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| time.to_string(), |timestamp| timestamp.to_string())
}

fn other_names(x509: &X509) -> Vec<String> {
    let names = x509.subject_alt_names();
    names.iter().flatten().filter_map(other_name).collect()
}

fn other_name(other: &GeneralNameRef) -> Option<String> {
    if let Some(address) = other.ipaddress() {
        return Some(match <[u8; 16]>::try_from(address) {
            Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
            Err(_) => std::net::Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string(),
        });
    }
    if let Some(directory) = other.directory_name() {
        return Some(name::line(directory));
    }
    let text = other
        .dnsname()
        .or_else(|| other.email())
        .or_else(|| other.uri());
    let text = text.map(|text| text.escape_debug().to_string());
    // A registered identifier or a name of another kind: it is there, and not read here.
    Some(text.unwrap_or_else(|| "(a name of another kind)".to_owned()))
}

/// The value of an extension (RFC 5280, 4.1).
fn extension<'a>(der: &'a [u8], wanted: &[u8]) -> Result<Option<&'a [u8]>, StoreFault> {
    let mut certificate = DerElements::of(der).inside(SEQUENCE, "certificate")?;
    let mut parts = certificate.inside(SEQUENCE, "certificate")?;
    while !parts.is_empty() {
        let part = parts.any("part of a certificate")?;
        if part.tag != CONTEXT_3 {
            continue;
        }
        let mut extensions = part.elements().inside(SEQUENCE, "extensions")?;
        while !extensions.is_empty() {
            let mut extension = extensions.inside(SEQUENCE, "extension")?;
            if extension.next(OBJECT, "extension")?.body != wanted {
                continue;
            }
            if extension.next_is(BOOLEAN) {
                extension.any("criticality")?;
            }
            return Ok(Some(extension.next(OCTET_STRING, "extension")?.body));
        }
    }
    Ok(None)
}

fn usage_flags(der: &[u8]) -> u16 {
    let value = extension(der, oid::KEY_USAGE).ok().flatten();
    let bits = value.and_then(|value| DerElements::of(value).next(BIT_STRING, "key usage").ok());
    match bits.map(|bits| bits.body) {
        Some([_, first]) => u16::from(*first),
        Some([_, first, second, ..]) => u16::from(*first) | u16::from(*second) << 8,
        _ => 0,
    }
}

fn extended_key_usage(der: &[u8]) -> Vec<String> {
    let value = extension(der, oid::EXTENDED_KEY_USAGE).ok().flatten();
    let mut usages = Vec::new();
    let list = value.and_then(|value| DerElements::of(value).inside(SEQUENCE, "usages").ok());
    if let Some(mut list) = list {
        while let Ok(usage) = list.next(OBJECT, "usage") {
            usages.push(oid::dotted(usage.body));
        }
    }
    usages
}
