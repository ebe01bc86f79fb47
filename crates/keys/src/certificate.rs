//! Certificates of a store, with a key of any kind.

use std::fmt;
use std::sync::Arc;

use openssl::pkey::{PKey, Public};
use openssl::x509::X509;
use pointsman_cms::{Certificate, KeyError, name_attributes};

use crate::der::DerElements;
use crate::error::StoreFault;
use crate::key;
use crate::name::{self, Attribute};

/// A certificate of a store. Its validity and its issuer are not judged. Copies share their content.
#[derive(Clone)]
pub struct StoredCertificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    x509: X509,
    key: PKey<Public>,
    /// The names in DER: whose it is, and who issued it.
    names: [Vec<u8>; 2],
}

impl StoredCertificate {
    /// Reads a certificate in DER, whatever its key is: what is done with it says which kinds it takes.
    ///
    /// # Errors
    /// [`StoreFault`], if it is damaged, or its key is of a kind that is not known here, or too large.
    pub fn from_der(der: &[u8]) -> Result<Self, StoreFault> {
        let whole = DerElements::of(der).any("certificate")?.whole;
        let unusable = |what: &str| StoreFault::Unusable(format!("a certificate {what}"));
        let x509 = X509::from_der(whole).map_err(|_| unusable("is damaged"))?;
        let key = x509
            .public_key()
            .map_err(|_| unusable("has a key that is damaged or of an unknown kind"))?;
        key::check_size(&key)?;
        let names = [x509.subject_name(), x509.issuer_name()];
        let [subject, issuer] = names.map(|name| name.to_der().map_err(|_| unusable("is damaged")));
        Ok(Self(Arc::new(Parsed {
            der: whole.to_vec(),
            names: [subject?, issuer?],
            x509,
            key,
        })))
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whose it is, in one line, as `CN=…, O=…`; control characters are escaped.
    pub fn subject(&self) -> String {
        name::line(self.0.x509.subject_name())
    }

    /// Who issued it, in one line.
    pub fn issuer(&self) -> String {
        name::line(self.0.x509.issuer_name())
    }

    /// Its serial number in hexadecimal.
    pub fn serial(&self) -> String {
        let number = self.0.x509.serial_number().to_bn();
        let digits = number.and_then(|number| Ok(number.to_hex_str()?.to_string()));
        digits.unwrap_or_default().to_ascii_lowercase()
    }

    /// The certificate for the services of files and sessions, which are RSA alone.
    ///
    /// # Errors
    /// [`KeyError::NotRsa`], if its key is another one.
    pub fn for_files(&self) -> Result<Certificate, KeyError> {
        Certificate::from_der(self.der())
    }

    pub(crate) fn x509(&self) -> &X509 {
        &self.0.x509
    }

    pub(crate) fn key(&self) -> &PKey<Public> {
        &self.0.key
    }

    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        name_attributes(self.0.x509.subject_name())
    }

    /// Whether that certificate is the issuer by its name; a certificate is not its own.
    pub(crate) fn is_issued_by(&self, issuer: &Self) -> bool {
        let [_, by] = &self.0.names;
        let [name, _] = &issuer.0.names;
        self != issuer && by == name
    }
}

impl PartialEq for StoredCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for StoredCertificate {}

impl fmt::Debug for StoredCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCertificate")
            .field("subject", &self.subject())
            .field("serial", &self.serial())
            .finish_non_exhaustive()
    }
}
