//! A key with a certificate of its own making, and requests for one of a CA.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{
    X509, X509Builder, X509Extension, X509Name, X509NameBuilder, X509Req, X509ReqBuilder,
};
use zeroize::Zeroizing;

use crate::certificate::StoredCertificate;
use crate::error::StoreFault;
use crate::make::station::{KeyLength, StationName};
use crate::pem;

/// The most days of a certificate: four years, the longest that Odette's policy has for stations.
const MOST_DAYS: u32 = 1461;

/// Seconds that a certificate is valid before it was made, since the clocks of partners differ.
const BEFORE: i64 = 60 * 60;

/// Why no pair is made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// It would be valid for no time, or too long.
    #[error("a certificate is valid for 1 to {MOST_DAYS} days, not {0}")]
    Days(u32),
    /// An empty password encrypts nothing.
    #[error("the password of the key is empty")]
    EmptyPassword,
    /// The library failed.
    #[error("no key or certificate can be made: {0}")]
    Library(#[from] ErrorStack),
    /// What was made cannot be read.
    #[error("the certificate that was made cannot be read: {0}")]
    Unreadable(#[from] StoreFault),
    /// A file cannot be written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

impl MakeError {
    /// What an operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File { error, .. } if error.kind() == std::io::ErrorKind::AlreadyExists => Some(
                "a key was made for this partner today, and none is replaced: use that one, or name another folder by `--folder`",
            ),
            _ => None,
        }
    }
}

/// A key and its certificate, issued by itself: for TLS on both sides, files, receipts and sessions.
pub struct KeyPair {
    name: StationName,
    key: PKey<Private>,
    certificate: StoredCertificate,
}

impl KeyPair {
    /// Makes a key and a certificate that is valid for that many days from now on. It takes up to some seconds.
    ///
    /// # Errors
    /// [`MakeError`]
    pub fn make(name: StationName, length: KeyLength, days: u32) -> Result<Self, MakeError> {
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(MakeError::Days(days));
        }
        let key = PKey::from_rsa(Rsa::generate(length.bits())?)?;
        let certificate = certificate(&name, &key, days)?;
        Ok(Self {
            certificate: StoredCertificate::from_der(&certificate.to_der()?)?,
            name,
            key,
        })
    }

    /// The certificate.
    pub fn certificate(&self) -> &StoredCertificate {
        &self.certificate
    }

    /// Whose it is.
    pub fn name(&self) -> &StationName {
        &self.name
    }

    /// The certificate in PEM.
    pub fn certificate_pem(&self) -> String {
        pem::write("CERTIFICATE", self.certificate.der())
    }

    /// The key in PEM, as PKCS#8; with a password encrypted by AES-256.
    ///
    /// # Errors
    /// [`MakeError::EmptyPassword`] or [`MakeError::Library`].
    pub fn key_pem(&self, password: Option<&str>) -> Result<Zeroizing<Vec<u8>>, MakeError> {
        let pem = match password {
            Some("") => return Err(MakeError::EmptyPassword),
            Some(password) => self
                .key
                .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password.as_bytes())?,
            None => self.key.private_key_to_pem_pkcs8()?,
        };
        Ok(Zeroizing::new(pem))
    }

    /// A request for a certificate of a CA, in PEM: the same name, key and usages.
    ///
    /// # Errors
    /// [`MakeError::Library`]
    pub fn request(&self) -> Result<String, MakeError> {
        let mut request = X509ReqBuilder::new()?;
        request.set_version(0)?;
        request.set_subject_name(&*subject(&self.name)?)?;
        request.set_pubkey(&self.key)?;
        let mut extensions = openssl::stack::Stack::new()?;
        for extension in usages()? {
            extensions.push(extension)?;
        }
        if let Some(hosts) = hosts(&self.name) {
            let blank = X509::builder()?;
            extensions.push(hosts.build(&blank.x509v3_context(None, None))?)?;
        }
        request.add_extensions(&extensions)?;
        request.sign(&self.key, MessageDigest::sha256())?;
        let request: X509Req = request.build();
        Ok(pem::write("CERTIFICATE REQUEST", &request.to_der()?))
    }
}

/// The certificate: X.509 version 3, signed by its own key with SHA-256.
fn certificate(name: &StationName, key: &PKey<Private>, days: u32) -> Result<X509, ErrorStack> {
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    certificate.set_serial_number(&*serial()?)?;
    let subject = subject(name)?;
    certificate.set_subject_name(&subject)?;
    certificate.set_issuer_name(&subject)?;
    let now = jiff::Timestamp::now().as_second();
    let end = now + i64::from(days) * 24 * 60 * 60;
    certificate.set_not_before(&*Asn1Time::from_unix(now - BEFORE)?)?;
    certificate.set_not_after(&*Asn1Time::from_unix(end)?)?;
    certificate.set_pubkey(key)?;
    certificate.append_extension(BasicConstraints::new().critical().build()?)?;
    for usage in usages()? {
        certificate.append_extension(usage)?;
    }
    append_names(&mut certificate, name)?;
    certificate.sign(key, MessageDigest::sha256())?;
    Ok(certificate.build())
}

fn append_names(certificate: &mut X509Builder, name: &StationName) -> Result<(), ErrorStack> {
    let key_id = SubjectKeyIdentifier::new().build(&certificate.x509v3_context(None, None))?;
    certificate.append_extension(key_id)?;
    if let Some(hosts) = hosts(name) {
        let hosts = hosts.build(&certificate.x509v3_context(None, None))?;
        certificate.append_extension(hosts)?;
    }
    Ok(())
}

/// What the key is for: signatures (files, receipts, TLS), and encryption of keys and of challenges; both sides of TLS,
/// and mail, which some products ask for where files are signed.
fn usages() -> Result<[X509Extension; 2], ErrorStack> {
    let mut usage = KeyUsage::new();
    usage
        .critical()
        .digital_signature()
        .key_encipherment()
        .data_encipherment();
    let mut extended = ExtendedKeyUsage::new();
    extended.server_auth().client_auth().email_protection();
    Ok([usage.build()?, extended.build()?])
}

fn hosts(name: &StationName) -> Option<SubjectAlternativeName> {
    let mut names = SubjectAlternativeName::new();
    for host in &name.hosts {
        names.dns(host);
    }
    (!name.hosts.is_empty()).then_some(names)
}

fn subject(name: &StationName) -> Result<X509Name, ErrorStack> {
    let mut subject = X509NameBuilder::new()?;
    // Operators write the most special part first, certificates have it last.
    for (key, value) in name.attributes.iter().rev() {
        subject.append_entry_by_text(key, value)?;
    }
    Ok(subject.build())
}

/// A serial number of 127 random bits (RFC 5280, 4.1.2.2: positive, at most 20 octets).
fn serial() -> Result<openssl::asn1::Asn1Integer, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::ONE, false)?;
    serial.to_asn1_integer()
}
