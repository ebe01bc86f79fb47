//! Certificates and keys, as operators give them. What a file brings of certificates is not read.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::x509::X509;

use crate::ber::{Elements, element, tag};
use crate::compared_name::ComparedName;
use crate::error::Problem;
use crate::held_key::HeldKey;
use crate::name;
use crate::oid;
use crate::signer_names::{NameOctets, SignerNames};

/// Why a certificate or a key cannot be used. No text holds anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read: damaged, of another form, or the password is wrong.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] ErrorStack),
    /// Not the key of an RSA certificate: the cipher suites have nothing else.
    #[error("its key is not an RSA key, and no cipher suite has another kind")]
    NotRsa,
    /// The certificate's structure is not that of RFC 5280.
    #[error("its structure is wrong: the certificate {0}")]
    Structure(Problem),
    /// Certificate and private key are not of one pair.
    #[error("the private key is not that of the certificate")]
    NotAPair,
}

/// A certificate with an RSA key. Copies share their content.
#[derive(Clone)]
pub struct Certificate(Arc<Content>);

struct Content {
    der: Vec<u8>,
    key: PKey<Public>,
    /// Issuer and serial number as CMS has them (RFC 5652, 10.2.4), a whole element.
    issuer_serial: Vec<u8>,
    /// The issuer as names are compared.
    compared_issuer: Option<ComparedName>,
    serial: Vec<u8>,
    key_id: Option<Vec<u8>>,
    subject: String,
    issuer: String,
    fingerprint: [u8; 32],
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`KeyError`], if it is damaged or its key is not an RSA key.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::of(&X509::from_der(der)?)
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// As [`Self::from_der`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        Self::of(&X509::from_pem(pem)?)
    }

    fn of(certificate: &X509) -> Result<Self, KeyError> {
        let der = certificate.to_der()?;
        let key = certificate.public_key()?;
        if key.id() != Id::RSA {
            return Err(KeyError::NotRsa);
        }
        let named = Named::of(&der).map_err(KeyError::Structure)?;
        let mut fingerprint = [0; 32];
        let digest = certificate.digest(MessageDigest::sha256())?;
        fingerprint.copy_from_slice(digest.get(..32).unwrap_or(&[0; 32]));
        Ok(Self(Arc::new(Content {
            key,
            compared_issuer: ComparedName::of(&named.issuer),
            issuer_serial: named.issuer_serial,
            serial: named.serial,
            key_id: named.key_id,
            subject: name::line(certificate.subject_name()),
            issuer: name::line(certificate.issuer_name()),
            fingerprint,
            not_before: time(certificate.not_before())?,
            not_after: time(certificate.not_after())?,
            der,
        })))
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whose it is, in one line, as `CN=…, O=…`; control characters are escaped.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Who issued it, in one line.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Its serial number in hexadecimal, as other programs show it: without the octet that says in DER that it is positive.
    pub fn serial(&self) -> String {
        shown_serial(&self.0.serial)
    }

    /// SHA-256 of the whole certificate.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// The subject key identifier, if the certificate has that extension.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.key_id.as_deref()
    }

    /// When it starts to be valid. Nothing in this crate looks at it.
    pub fn not_before(&self) -> SystemTime {
        self.0.not_before
    }

    /// When it ends to be valid. Nothing in this crate looks at it.
    pub fn not_after(&self) -> SystemTime {
        self.0.not_after
    }

    /// Bits of its RSA key.
    pub fn key_bits(&self) -> u32 {
        self.0.key.bits()
    }

    /// Issuer and serial number as CMS names a certificate (RFC 5652, 10.2.4): a whole DER element.
    pub fn issuer_serial(&self) -> &[u8] {
        &self.0.issuer_serial
    }

    /// Whether issuer and serial number are its own, by the rules that names are compared by (RFC 5280, 7.1).
    fn has_name(&self, issuer_serial: &[u8]) -> bool {
        let Ok(mut parts) = Elements::of(issuer_serial).inside(tag::SEQUENCE, "name") else {
            return false;
        };
        let issuer = parts.next(tag::SEQUENCE, "issuer");
        let serial = parts.next(tag::INTEGER, "serial number");
        let (Ok(issuer), Ok(serial), true) = (issuer, serial, parts.is_empty()) else {
            return false;
        };
        serial.body == self.0.serial
            && self.0.compared_issuer.is_some()
            && ComparedName::of(issuer.whole) == self.0.compared_issuer
    }

    pub(crate) fn key(&self) -> &PKey<Public> {
        &self.0.key
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject())
            .field("serial", &self.serial())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = hexadecimal(self.fingerprint());
        write!(
            f,
            "{}, serial {}, SHA-256 {fingerprint}",
            self.subject(),
            self.serial()
        )
    }
}

/// A private RSA key, in memory or held by a device. Copies share it; one in memory is erased with the last.
#[derive(Clone)]
pub struct PrivateKey(KeyPlace);

/// Where a private key is.
#[derive(Clone)]
pub(crate) enum KeyPlace {
    Memory(PKey<Private>),
    Device(Arc<dyn HeldKey>),
}

impl PrivateKey {
    /// Reads a key in PEM: PKCS#8 or traditional, encrypted or not.
    ///
    /// # Errors
    /// [`KeyError`], if it is damaged, its password is wrong or missing, or it is not an RSA key.
    pub fn from_pem(pem: &[u8], password: Option<&[u8]>) -> Result<Self, KeyError> {
        // Without a password the library would ask whoever sits at the terminal.
        Self::of(PKey::private_key_from_pem_passphrase(
            pem,
            password.unwrap_or_default(),
        )?)
    }

    /// Reads a key in DER that is not encrypted: PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// [`KeyError`], if it is damaged or not an RSA key.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::of(PKey::private_key_from_der(der)?)
    }

    /// A key that a device holds.
    pub fn held(key: Arc<dyn HeldKey>) -> Self {
        Self(KeyPlace::Device(key))
    }

    fn of(key: PKey<Private>) -> Result<Self, KeyError> {
        match key.id() {
            Id::RSA => Ok(Self(KeyPlace::Memory(key))),
            _ => Err(KeyError::NotRsa),
        }
    }

    pub(crate) fn place(&self) -> &KeyPlace {
        &self.0
    }

    /// Whether it is the other half of the certificate's key. A device is not asked for that: whoever finds a key on it
    /// sees the public half there.
    fn is_pair_of(&self, certificate: &Certificate) -> bool {
        match self.place() {
            KeyPlace::Memory(key) => certificate.key().public_eq(key),
            KeyPlace::Device(_) => true,
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A certificate of ours with its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    certificate: Certificate,
    key: PrivateKey,
}

impl Identity {
    /// Takes a certificate and its key. That a device's key is the certificate's is for the caller to see.
    ///
    /// # Errors
    /// [`KeyError::NotAPair`] if they do not belong together.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, KeyError> {
        match key.is_pair_of(&certificate) {
            true => Ok(Self { certificate, key }),
            false => Err(KeyError::NotAPair),
        }
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Octets of a signature by it, and of a key that is encrypted to it.
    pub(crate) fn key_size(&self) -> usize {
        self.certificate.key().size()
    }
}

/// How a message names a certificate (RFC 5652, 5.3, 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateId<'a> {
    /// Issuer and serial number, a whole element.
    IssuerSerial(&'a [u8]),
    /// The subject key identifier.
    KeyId(&'a [u8]),
}

impl<'a> CertificateId<'a> {
    /// Takes the next element as one.
    pub(crate) fn take(parts: &mut Elements<'a>) -> Result<Self, Problem> {
        let named = parts.any("name of a certificate")?;
        match named.tag {
            tag::SEQUENCE => Ok(Self::IssuerSerial(named.whole)),
            tag::CONTEXT_0_PRIMITIVE => Ok(Self::KeyId(named.body)),
            _ => Err(Problem::Element("name of a certificate")),
        }
    }

    /// Whether it names that certificate.
    pub(crate) fn names(self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerSerial(whole) => {
                whole == certificate.issuer_serial() || certificate.has_name(whole)
            }
            Self::KeyId(id) => certificate.subject_key_id() == Some(id),
        }
    }
}

impl SignerNames {
    pub(crate) fn of(names: &[CertificateId<'_>]) -> Self {
        let text: Vec<String> = names.iter().map(ToString::to_string).collect();
        let octets = |name: &CertificateId<'_>| match *name {
            CertificateId::IssuerSerial(whole) => NameOctets::IssuerSerial(whole.to_vec()),
            CertificateId::KeyId(id) => NameOctets::KeyId(id.to_vec()),
        };
        Self {
            names: names.iter().map(octets).collect(),
            text: text.join(", "),
        }
    }

    /// Whether one of them names that certificate.
    pub fn name(&self, certificate: &Certificate) -> bool {
        self.names.iter().any(|name| match name {
            NameOctets::IssuerSerial(whole) => {
                CertificateId::IssuerSerial(whole).names(certificate)
            }
            NameOctets::KeyId(id) => CertificateId::KeyId(id).names(certificate),
        })
    }
}

impl fmt::Display for CertificateId<'_> {
    /// What a log says of it: the end of the issuer and serial number, or the key identifier, in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyId(id) => write!(
                f,
                "key identifier {}",
                hexadecimal(id.get(..32).unwrap_or(id))
            ),
            Self::IssuerSerial(whole) => {
                let serial = || {
                    let mut parts = Elements::of(whole).inside(tag::SEQUENCE, "").ok()?;
                    parts.any("").ok()?;
                    Some(parts.next(tag::INTEGER, "").ok()?.body)
                };
                let serial = serial().unwrap_or_default();
                let serial = serial.get(..32).unwrap_or(serial);
                write!(f, "serial {}", shown_serial(serial))
            }
        }
    }
}

/// A serial number in hexadecimal, as other programs show it.
fn shown_serial(octets: &[u8]) -> String {
    match octets {
        [0, rest @ ..] if !rest.is_empty() => hexadecimal(rest),
        all => hexadecimal(all),
    }
}

/// What messages name a certificate by.
struct Named {
    issuer: Vec<u8>,
    issuer_serial: Vec<u8>,
    serial: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl Named {
    /// Reads it from a certificate in DER (RFC 5280, 4.1), octet for octet as it stands there.
    fn of(der: &[u8]) -> Result<Self, Problem> {
        let mut certificate = Elements::of(der).inside(tag::SEQUENCE, "certificate")?;
        let mut parts = certificate.inside(tag::SEQUENCE, "certificate")?;
        if parts.next_is(tag::CONTEXT_0) {
            parts.any("version")?;
        }
        let serial = parts.next(tag::INTEGER, "serial number")?;
        parts.next(tag::SEQUENCE, "signature algorithm")?;
        let issuer = parts.next(tag::SEQUENCE, "issuer")?;
        let mut key_id = None;
        while !parts.is_empty() {
            let part = parts.any("part")?;
            if part.tag == tag::CONTEXT_3 {
                key_id = subject_key_id(part.body)?;
            }
        }
        Ok(Self {
            issuer: issuer.whole.to_vec(),
            issuer_serial: element(tag::SEQUENCE, &[issuer.whole, serial.whole]),
            serial: serial.body.to_vec(),
            key_id,
        })
    }
}

fn subject_key_id(extensions: &[u8]) -> Result<Option<Vec<u8>>, Problem> {
    let mut extensions = Elements::of(extensions).inside(tag::SEQUENCE, "extensions")?;
    while !extensions.is_empty() {
        let mut extension = extensions.inside(tag::SEQUENCE, "extension")?;
        if extension.any("extension")?.whole != oid::SUBJECT_KEY_ID {
            continue;
        }
        if !extension.next_is(tag::OCTET_STRING) {
            extension.any("criticality")?;
        }
        let value = extension.next(tag::OCTET_STRING, "key identifier")?;
        let id = Elements::of(value.body).next(tag::OCTET_STRING, "key identifier")?;
        return Ok(Some(id.body.to_vec()));
    }
    Ok(None)
}

/// A time of a certificate; the epoch for all that is before it.
fn time(time: &Asn1TimeRef) -> Result<SystemTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    let seconds = i64::from(since.days) * 24 * 60 * 60 + i64::from(since.secs);
    Ok(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
