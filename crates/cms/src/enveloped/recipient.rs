//! KeyTransRecipientInfo (RFC 5652, 6.2.1): a content's key for one recipient.

use crate::algorithm::{any_key_transport, is_key_transport, key_transport_identifier};
use crate::ber::{Elements, element, tag};
use crate::certificate::{Certificate, CertificateId};
use crate::error::{CmsError, Problem};
use crate::rsa::Scheme;
use crate::suite::Suite;

/// A recipient as it came.
pub(super) struct Recipient<'a> {
    /// Who it is said to be.
    pub(super) name: CertificateId<'a>,
    /// How the key is padded.
    pub(super) scheme: Scheme,
    /// The content's key, encrypted.
    pub(super) encrypted_key: &'a [u8],
}

impl<'a> Recipient<'a> {
    /// Reads one whose algorithm is that suite's, or any suite's if there is none.
    pub(super) fn read(octets: &'a [u8], suite: Option<Suite>) -> Result<Self, Problem> {
        let mut parts = Elements::of(octets).inside(tag::SEQUENCE, "recipient by key transport")?;
        // 0 goes with issuer and serial number, 2 with a key identifier; nothing depends on it.
        let version = parts.next(tag::INTEGER, "version of a recipient")?;
        if ![&[0][..], &[2]].contains(&version.body) {
            return Err(Problem::Version);
        }
        let name = CertificateId::take(&mut parts)?;
        let algorithm = parts.next(tag::SEQUENCE, "key transport algorithm")?;
        let encrypted_key = parts.next(tag::OCTET_STRING, "encrypted key")?.body;
        parts.end("end of a recipient")?;
        let suite = suite.filter(|_| !planted!(AnyKeyTransportTaken));
        let scheme = scheme(algorithm.whole, suite).ok_or(Problem::Algorithm("key transport"))?;
        Ok(Self {
            name,
            scheme,
            encrypted_key,
        })
    }
}

fn scheme(algorithm: &[u8], suite: Option<Suite>) -> Option<Scheme> {
    let (padding, hash) = match suite {
        None => any_key_transport(algorithm)?,
        Some(suite) => {
            let (padding, hash) = (suite.padding(), suite.hash());
            is_key_transport(algorithm, padding, hash).then_some((padding, hash))?
        }
    };
    Some(Scheme { padding, hash })
}

/// Encrypts a content's key for a recipient.
pub(super) fn make(suite: Suite, to: &Certificate, secret: &[u8]) -> Result<Vec<u8>, CmsError> {
    let scheme = Scheme {
        padding: suite.padding(),
        hash: suite.hash(),
    };
    let encrypted = scheme.wrap(to.key(), secret)?;
    Ok(element(
        tag::SEQUENCE,
        &[
            &element(tag::INTEGER, &[&[0]]),
            to.issuer_serial(),
            &key_transport_identifier(suite.padding(), suite.hash()),
            &element(tag::OCTET_STRING, &[&encrypted]),
        ],
    ))
}

/// How many octets [`make`] gives.
pub(super) fn length(suite: Suite, to: &Certificate) -> u64 {
    let transport = key_transport_identifier(suite.padding(), suite.hash()).len();
    let encrypted = element(tag::OCTET_STRING, &[&vec![0; to.key().size()]]).len();
    let inside = 3 + to.issuer_serial().len() + transport + encrypted;
    crate::ber::header(tag::SEQUENCE, inside as u64).len() as u64 + inside as u64
}
