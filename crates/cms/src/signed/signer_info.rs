//! SignerInfo (RFC 5652, 5.3): one signature, read, made and judged.

use openssl::hash::hash;

use super::attributes::{self, Beginning};
use crate::algorithm::{is_signature, signature_identifier};
use crate::ber::{Elements, element, tag};
use crate::certificate::{Certificate, CertificateId, Identity};
use crate::error::{CmsError, Layer, Problem};
use crate::rsa::Scheme;
use crate::suite::{HashAlgorithm, RsaPadding, Suite};

/// A signature as it came.
pub(super) struct SignerInfo<'a> {
    /// Whose it is said to be.
    pub(super) signer: CertificateId<'a>,
    digest_algorithm: &'a [u8],
    signed_attributes: Option<&'a [u8]>,
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    /// Takes the next element as one.
    pub(super) fn take(list: &mut Elements<'a>) -> Result<Self, Problem> {
        let mut parts = list.inside(tag::SEQUENCE, "signer")?;
        // 1 goes with issuer and serial number, 3 with a key identifier; writers confuse them, and nothing depends on it.
        let version = parts.next(tag::INTEGER, "version of a signer")?;
        if ![&[1][..], &[3]].contains(&version.body) {
            return Err(Problem::Version);
        }
        let signer = CertificateId::take(&mut parts)?;
        let digest_algorithm = parts.next(tag::SEQUENCE, "digest algorithm")?.whole;
        let signed_attributes = match parts.next_is(tag::CONTEXT_0) {
            true => Some(parts.any("signed attributes")?.body),
            false => None,
        };
        let signature_algorithm = parts.next(tag::SEQUENCE, "signature algorithm")?.whole;
        let signature = parts.next(tag::OCTET_STRING, "signature")?.body;
        parts.end("end of a signer")?;
        Ok(Self {
            signer,
            digest_algorithm,
            signed_attributes,
            signature_algorithm,
            signature,
        })
    }
}

/// The content that signatures are judged by.
pub(super) struct SignedContent<'a> {
    pub(super) padding: RsaPadding,
    /// Its hashes, by each algorithm that a signature may have.
    pub(super) hashes: &'a [(HashAlgorithm, Vec<u8>)],
    pub(super) beginning: &'a Beginning,
}

impl SignedContent<'_> {
    /// That a signature is one of this content by one of those certificates, which all have the name that it gives: issuer
    /// and serial number of a renewed one may be the old one's. Gives back its hash algorithm, and whose it is.
    pub(super) fn check<'c>(
        &self,
        info: &SignerInfo<'_>,
        signers: &[&'c Certificate],
    ) -> Result<(HashAlgorithm, &'c Certificate), CmsError> {
        let wrong = |problem| Layer::Signed.error(problem);
        let (hash, digest) = self.hash_of(info).map_err(wrong)?;
        if !is_signature(info.signature_algorithm, self.padding, hash)
            && !planted!(AnySignatureAlgorithmTaken)
        {
            return Err(wrong(Problem::Algorithm("signature algorithm")));
        }
        let digests = match info.signed_attributes {
            Some(attributes) => digests_of(attributes, hash, digest)?,
            None if self.beginning.is_attributes() && !planted!(AttributesTakenAsContent) => {
                return Err(wrong(Problem::ContentIsAttributes));
            }
            None => vec![digest.to_vec()],
        };
        let padding = self.padding;
        let scheme = Scheme { padding, hash };
        for signer in signers {
            for digest in &digests {
                if scheme.verifies(signer.key(), digest, info.signature)?
                    || planted!(SignatureNotVerified)
                {
                    return Ok((hash, signer));
                }
            }
        }
        let signers: Vec<String> = signers.iter().map(ToString::to_string).collect();
        Err(wrong(Problem::SignatureInvalid(signers.join("; or "))))
    }

    /// The hash that a signature names, and the content's by it.
    fn hash_of(&self, info: &SignerInfo<'_>) -> Result<(HashAlgorithm, &[u8]), Problem> {
        let named = HashAlgorithm::from_identifier(info.digest_algorithm);
        let found = self.hashes.iter().find(|(hash, _)| named == Some(*hash));
        found
            .map(|(hash, digest)| (*hash, digest.as_slice()))
            .ok_or(Problem::Algorithm("digest"))
    }
}

/// The hashes of the attributes that the signature may be made over.
fn digests_of(
    attributes: &[u8],
    hash_algorithm: HashAlgorithm,
    digest: &[u8],
) -> Result<Vec<Vec<u8>>, CmsError> {
    let wrong = |problem| Layer::Signed.error(problem);
    attributes::check(attributes, digest).map_err(wrong)?;
    let forms = attributes::signed_forms(attributes).map_err(wrong)?;
    let hashes = forms.iter().map(|form| hash(hash_algorithm.digest(), form));
    Ok(hashes
        .map(|digest| digest.map(|digest| digest.to_vec()))
        .collect::<Result<_, _>>()?)
}

/// Signs a content of that hash: a SignerInfo with signed attributes.
pub(super) fn sign(suite: Suite, signer: &Identity, digest: &[u8]) -> Result<Vec<u8>, CmsError> {
    let attributes = attributes::make(digest);
    let set = element(tag::SET, &[&attributes]);
    let scheme = Scheme {
        padding: suite.padding(),
        hash: suite.hash(),
    };
    let signature = scheme.sign(signer.key(), &hash(suite.hash().digest(), &set)?)?;
    Ok(encode(suite, signer, &attributes, &signature))
}

/// How many octets [`sign`] gives.
pub(super) fn length(suite: Suite, signer: &Identity) -> u64 {
    let attributes = attributes::make(&vec![0; suite.hash().length()]);
    let signature = vec![0; signer.key_size()];
    encode(suite, signer, &attributes, &signature).len() as u64
}

fn encode(suite: Suite, signer: &Identity, attributes: &[u8], signature: &[u8]) -> Vec<u8> {
    element(
        tag::SEQUENCE,
        &[
            &element(tag::INTEGER, &[&[1]]),
            signer.certificate().issuer_serial(),
            &suite.hash().identifier(),
            &element(tag::CONTEXT_0, &[attributes]),
            &signature_identifier(suite.padding(), suite.hash()),
            &element(tag::OCTET_STRING, &[signature]),
        ],
    )
}
