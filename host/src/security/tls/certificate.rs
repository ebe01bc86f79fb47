//! The content of a certificate, and whether a session is possible with it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_keys::StoredCertificate;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error};
use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::Any;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Version};

use super::provider::provider;

/// A certificate, as it is shown and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Subject (RFC 4514 order as written).
    pub subject: String,
    /// Issuer, written like the subject.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// Start of validity, seconds since 1970.
    pub not_before: u64,
    /// End of validity, seconds since 1970.
    pub not_after: u64,
    /// The DNS names of its subjectAltName; its common name is not among them.
    pub dns_names: Vec<String>,
}

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

impl PeerCertificate {
    /// How today relates to its period of validity.
    #[must_use]
    pub fn time(&self) -> CertificateTime {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.time_at(now.map_or(0, |since| since.as_secs()))
    }

    /// The same, by the days of the calendar (UTC), so that all answers of one day are equal.
    fn time_at(&self, now: u64) -> CertificateTime {
        match () {
            () if now < self.not_before => CertificateTime::NotYet,
            () if now > self.not_after => CertificateTime::Over,
            () => CertificateTime::Days(self.not_after / DAY - now / DAY),
        }
    }
}

/// How a time relates to a certificate's period of validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateTime {
    /// It has not begun.
    NotYet,
    /// It is valid, and ends in so many days of the calendar (UTC); 0 is today.
    Days(u64),
    /// It has ended.
    Over,
}

/// What an operator can compare in any tool: subject, serial number, fingerprint, and period of validity.
impl fmt::Display for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            serial,
            sha256,
            ..
        } = self;
        let subject = if subject.is_empty() {
            "(no subject)"
        } else {
            subject
        };
        write!(f, "{subject}, serial {serial}, sha256 {sha256}, ")?;
        match self.time() {
            CertificateTime::NotYet => write!(f, "valid only from {}", moment(self.not_before)),
            CertificateTime::Over => write!(f, "ended {}", moment(self.not_after)),
            CertificateTime::Days(_) => write!(f, "until {}", moment(self.not_after)),
        }
    }
}

/// A time in seconds since 1970, as a text.
#[must_use]
pub fn moment(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| "the end of time".to_owned(), |at| at.to_string())
}

/// A certificate of a store, as TLS has it.
#[must_use]
pub fn der(certificate: &StoredCertificate) -> CertificateDer<'_> {
    CertificateDer::from(certificate.der())
}

/// Reads the fields of a certificate.
///
/// # Errors
/// It is not an X.509 certificate.
pub fn describe(der: &CertificateDer<'_>) -> Result<PeerCertificate, Error> {
    let certificate = parsed(der)?;
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let names = certificate.subject_alternative_name().ok().flatten();
    let dns = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
    Ok(PeerCertificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: serial(&certificate),
        sha256: Sha256::digest(der)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect(),
        not_before: seconds(certificate.validity().not_before),
        not_after: seconds(certificate.validity().not_after),
        dns_names: dns.collect(),
    })
}

/// In hexadecimal, as other programs show it: without the octet that says in DER that it is positive.
fn serial(certificate: &X509Certificate<'_>) -> String {
    let octets = match certificate.raw_serial() {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(super) fn parsed<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// Whether the certificate says explicitly that it does not belong to a CA.
pub(super) fn is_no_ca(der: &CertificateDer<'_>) -> bool {
    parsed(der).is_ok_and(
        |certificate| matches!(certificate.basic_constraints(), Ok(Some(basic)) if !basic.value.ca),
    )
}

/// A public key and its kind, in the form in which rustls names algorithms.
pub(super) struct Key<'a> {
    /// The content of the AlgorithmIdentifier (RFC 5280, 4.1.1.2), without its header.
    pub(super) kind: &'a [u8],
    /// subjectPublicKey.
    pub(super) octets: &'a [u8],
}

impl<'a> Key<'a> {
    pub(super) fn of(certificate: &'a X509Certificate<'_>) -> Option<Key<'a>> {
        let info = certificate.public_key();
        let (_, sequence) = Any::from_der(info.raw).ok()?;
        let (_, kind) = Any::from_der(sequence.data).ok()?;
        Some(Key {
            kind: kind.data,
            octets: &info.subject_public_key.data,
        })
    }
}

/// Why no TLS session is possible with the key of this certificate; none where one is.
#[must_use]
pub fn unusable(der: &CertificateDer<'_>) -> Option<String> {
    let certificate = parsed(der).ok()?;
    let info = certificate.public_key();
    let known = Key::of(&certificate).is_some_and(|key| {
        let algorithms = provider().signature_verification_algorithms;
        algorithms
            .all
            .iter()
            .any(|algorithm| algorithm.public_key_alg_id().as_ref() == key.kind)
    });
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) if known => {
            let bits = rsa.key_size();
            (!(2048..=8192).contains(&bits)).then(|| {
                format!(
                    "its RSA key has {bits} bits; TLS here takes 2048 to 8192, and 3072 are usual"
                )
            })
        }
        _ if known => None,
        _ => Some(format!(
            "its key is of the kind {}, which TLS here does not use; RSA of 2048 bits or more (rsaEncryption), ECDSA on P-256, P-384 or P-521, and Ed25519 are used",
            kind_name(info)
        )),
    }
}

fn kind_name(info: &SubjectPublicKeyInfo<'_>) -> String {
    let id = info.algorithm.algorithm.to_id_string();
    match id.as_str() {
        "1.2.840.113549.1.1.10" => "RSA-PSS".to_owned(),
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "1.2.840.10045.2.1" => {
            let curve = info.algorithm.parameters.as_ref();
            let curve = curve.and_then(|curve| curve.as_oid().ok());
            format!(
                "ECDSA on the curve {}",
                curve.map_or_else(|| "of its own".to_owned(), |id| id.to_id_string())
            )
        }
        _ => id,
    }
}

/// What strict partners may object to in a certificate of ours. The handshake itself tolerates it.
#[must_use]
pub fn oddities(der: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = parsed(der) else {
        return Vec::new();
    };
    let mut odd = Vec::new();
    if certificate.version() != X509Version::V3 {
        odd.push("it is X.509 of version 1, which old tools make; many partners take only version 3: `openssl req -x509` makes one".to_owned());
    }
    odd.extend(
        certificate
            .iter_extensions()
            .filter(|extension| {
                extension.critical && extension.parsed_extension().unsupported()
            })
            .map(|extension| {
                format!(
                    "its extension {} is marked critical; a partner that does not know it must refuse the certificate",
                    extension.oid.to_id_string()
                )
            }),
    );
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_on_one_day_is_told_the_same_number_of_days() {
        let shown = PeerCertificate {
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            sha256: String::new(),
            not_before: 0,
            not_after: 20 * DAY + 1000,
            dns_names: Vec::new(),
        };
        for moment in [15 * DAY, 15 * DAY + 1000, 15 * DAY + 1001, 16 * DAY - 1] {
            assert_eq!(shown.time_at(moment), CertificateTime::Days(5), "{moment}");
        }
        assert_eq!(shown.time_at(20 * DAY + 1000), CertificateTime::Days(0));
        assert_eq!(shown.time_at(20 * DAY + 1001), CertificateTime::Over);
    }
}
