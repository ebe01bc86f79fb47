//! Algorithm identifiers of CMS: made, and recognised in the forms that are taken, which are few.
//!
//! Where parameters say nothing they may be absent or NULL, as writers differ (RFC 5754, 2; RFC 3370, 3.2).

use crate::ber::{Elements, element, tag};
use crate::oid;
use crate::suite::{ContentCipher, HashAlgorithm, RsaPadding, Suite};

impl HashAlgorithm {
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha512 => oid::SHA512,
            Self::Sha3_512 => oid::SHA3_512,
        }
    }

    /// The identifier of a signature that names its hash.
    fn signature_oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => oid::RSA_SHA1,
            Self::Sha256 => oid::RSA_SHA256,
            Self::Sha512 => oid::RSA_SHA512,
            Self::Sha3_512 => oid::RSA_SHA3_512,
        }
    }

    /// Its identifier: with NULL for SHA-1 (RFC 3370, 2.1), without parameters else (RFC 5754, 2; RFC 9688, 2).
    pub(crate) fn identifier(self) -> Vec<u8> {
        match self {
            Self::Sha1 => element(tag::SEQUENCE, &[self.oid(), oid::NULL]),
            _ => element(tag::SEQUENCE, &[self.oid()]),
        }
    }

    /// The hash that an identifier names; none for others.
    pub(crate) fn from_identifier(identifier: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|hash| names_without_parameters(identifier, hash.oid()))
    }

    fn mask_identifier(self) -> Vec<u8> {
        element(tag::SEQUENCE, &[oid::MGF1, &self.identifier()])
    }

    fn is_named_as_mask(self, identifier: &[u8]) -> bool {
        let names = || {
            let mut parts = Elements::of(identifier)
                .inside(tag::SEQUENCE, "mask")
                .ok()?;
            let mask = parts.next(tag::OBJECT_ID, "mask").ok()?;
            let hash = parts.any("hash").ok()?;
            let hash = Self::from_identifier(hash.whole)?;
            Some(mask.whole == oid::MGF1 && hash == self && parts.is_empty())
        };
        names().unwrap_or(false)
    }
}

/// Whether an identifier is this one, with no parameters or NULL.
pub(crate) fn names_without_parameters(identifier: &[u8], oid: &[u8]) -> bool {
    let without = element(tag::SEQUENCE, &[oid]);
    let with_null = element(tag::SEQUENCE, &[oid, oid::NULL]);
    identifier == without || identifier == with_null
}

/// The identifier of signatures of that padding and hash.
pub(crate) fn signature_identifier(padding: RsaPadding, hash: HashAlgorithm) -> Vec<u8> {
    match padding {
        RsaPadding::Pkcs1 => element(tag::SEQUENCE, &[oid::RSA, oid::NULL]),
        RsaPadding::PssOaep => with_parameters(oid::PSS, hash, Some(&salt_length(hash))),
    }
}

/// Whether an identifier is one of signatures of that padding and hash.
pub(crate) fn is_signature(identifier: &[u8], padding: RsaPadding, hash: HashAlgorithm) -> bool {
    match padding {
        RsaPadding::Pkcs1 => {
            names_without_parameters(identifier, oid::RSA)
                || names_without_parameters(identifier, hash.signature_oid())
        }
        RsaPadding::PssOaep => has_parameters(identifier, oid::PSS, hash, Some(&salt_length(hash))),
    }
}

/// The identifier of key transport of that padding and hash.
pub(crate) fn key_transport_identifier(padding: RsaPadding, hash: HashAlgorithm) -> Vec<u8> {
    match padding {
        RsaPadding::Pkcs1 => element(tag::SEQUENCE, &[oid::RSA, oid::NULL]),
        RsaPadding::PssOaep => with_parameters(oid::OAEP, hash, None),
    }
}

/// Whether an identifier is one of key transport of that padding and hash.
pub(crate) fn is_key_transport(
    identifier: &[u8],
    padding: RsaPadding,
    hash: HashAlgorithm,
) -> bool {
    match padding {
        RsaPadding::Pkcs1 => names_without_parameters(identifier, oid::RSA),
        RsaPadding::PssOaep => has_parameters(identifier, oid::OAEP, hash, None),
    }
}

/// The salt of PSS is as long as the hash.
fn salt_length(hash: HashAlgorithm) -> Vec<u8> {
    let length = u8::try_from(hash.length()).unwrap_or_default();
    element(tag::INTEGER, &[&[length]])
}

/// An identifier with that hash, its mask, and that third parameter (a salt length).
fn with_parameters(oid: &[u8], hash: HashAlgorithm, third: Option<&[u8]>) -> Vec<u8> {
    let mut parameters = vec![
        element(tag::CONTEXT_0, &[&hash.identifier()]),
        element(tag::CONTEXT_1, &[&hash.mask_identifier()]),
    ];
    parameters.extend(third.map(|third| element(tag::CONTEXT_2, &[third])));
    let parameters = element(tag::SEQUENCE, &[&parameters.concat()]);
    element(tag::SEQUENCE, &[oid, &parameters])
}

/// Whether an identifier has that hash, its mask, that third parameter (a salt length), and nothing else. All are
/// needed: what they stand for when they are absent is SHA-1.
fn has_parameters(
    identifier: &[u8],
    oid: &[u8],
    hash: HashAlgorithm,
    third: Option<&[u8]>,
) -> bool {
    let read = || {
        let mut parts = Elements::of(identifier)
            .inside(tag::SEQUENCE, "algorithm")
            .ok()?;
        let name = parts.next(tag::OBJECT_ID, "algorithm").ok()?;
        let mut parameters = parts.inside(tag::SEQUENCE, "parameters").ok()?;
        let named = parameters.next(tag::CONTEXT_0, "hash").ok()?;
        let mask = parameters.next(tag::CONTEXT_1, "mask").ok()?;
        let rest = match third {
            Some(third) => parameters.next(tag::CONTEXT_2, "salt").ok()?.body == third,
            None => true,
        };
        Some(
            name.whole == oid
                && HashAlgorithm::from_identifier(named.body) == Some(hash)
                && hash.is_named_as_mask(mask.body)
                && rest
                && parameters.is_empty()
                && parts.is_empty(),
        )
    };
    read().unwrap_or(false)
}

/// The padding and hash of the first suite whose key transport an identifier is.
pub(crate) fn any_key_transport(identifier: &[u8]) -> Option<(RsaPadding, HashAlgorithm)> {
    Suite::all()
        .map(|suite| (suite.padding(), suite.hash()))
        .find(|(padding, hash)| is_key_transport(identifier, *padding, *hash))
}

impl ContentCipher {
    fn oid(self) -> &'static [u8] {
        match self {
            Self::TripleDes => oid::DES_EDE3_CBC,
            Self::Aes256 => oid::AES_256_CBC,
        }
    }

    /// Its identifier with an initialisation vector.
    pub(crate) fn identifier(self, vector: &[u8]) -> Vec<u8> {
        let vector = element(tag::OCTET_STRING, &[vector]);
        element(tag::SEQUENCE, &[self.oid(), &vector])
    }

    /// The cipher that an identifier names, and the initialisation vector, which has its block's length.
    pub(crate) fn from_identifier(identifier: &[u8]) -> Option<(Self, &[u8])> {
        let mut parts = Elements::of(identifier)
            .inside(tag::SEQUENCE, "cipher")
            .ok()?;
        let name = parts.next(tag::OBJECT_ID, "cipher").ok()?;
        let vector = parts.next(tag::OCTET_STRING, "vector").ok()?.body;
        [Self::TripleDes, Self::Aes256]
            .into_iter()
            .find_map(|cipher| {
                let fits = name.whole == cipher.oid()
                    && vector.len() == cipher.block_length()
                    && parts.is_empty();
                fits.then_some((cipher, vector))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> impl Iterator<Item = (RsaPadding, HashAlgorithm)> {
        [RsaPadding::Pkcs1, RsaPadding::PssOaep]
            .into_iter()
            .flat_map(|padding| HashAlgorithm::ALL.map(|hash| (padding, hash)))
    }

    #[test]
    fn what_is_made_is_recognised_as_itself_alone() {
        for (padding, hash) in kinds() {
            let signature = signature_identifier(padding, hash);
            let transport = key_transport_identifier(padding, hash);
            for (other, another) in kinds() {
                let same = (other, another) == (padding, hash);
                let same_pkcs1 = padding == RsaPadding::Pkcs1 && other == padding;
                assert_eq!(is_signature(&signature, other, another), same || same_pkcs1);
                assert_eq!(
                    is_key_transport(&transport, other, another),
                    same || same_pkcs1
                );
            }
        }
    }

    #[test]
    fn a_signature_may_name_its_own_hash_and_no_other() {
        for hash in HashAlgorithm::ALL {
            for parameters in [&[][..], oid::NULL] {
                let named = element(tag::SEQUENCE, &[hash.signature_oid(), parameters]);
                for other in HashAlgorithm::ALL {
                    assert_eq!(
                        is_signature(&named, RsaPadding::Pkcs1, other),
                        other == hash
                    );
                }
            }
        }
    }

    #[test]
    fn hash_parameters_may_be_absent_or_null_in_each_place() {
        let hash = HashAlgorithm::Sha512;
        let forms = [
            element(tag::SEQUENCE, &[hash.oid()]),
            element(tag::SEQUENCE, &[hash.oid(), oid::NULL]),
        ];
        for outer in &forms {
            assert_eq!(HashAlgorithm::from_identifier(outer), Some(hash));
            for inner in &forms {
                let mask = element(tag::SEQUENCE, &[oid::MGF1, inner]);
                let parameters = element(
                    tag::SEQUENCE,
                    &[
                        &element(tag::CONTEXT_0, &[outer]),
                        &element(tag::CONTEXT_1, &[&mask]),
                    ],
                );
                let oaep = element(tag::SEQUENCE, &[oid::OAEP, &parameters]);
                assert!(is_key_transport(&oaep, RsaPadding::PssOaep, hash));
                assert_eq!(any_key_transport(&oaep), Some((RsaPadding::PssOaep, hash)));
            }
        }
    }

    #[test]
    fn other_parameters_are_not_recognised() {
        let hash = HashAlgorithm::Sha256;
        let good = key_transport_identifier(RsaPadding::PssOaep, hash);
        let bare = element(tag::SEQUENCE, &[oid::OAEP]);
        let null = element(tag::SEQUENCE, &[oid::OAEP, oid::NULL]);
        let label = element(tag::CONTEXT_2, &[oid::NULL]);
        let hash_only = element(tag::CONTEXT_0, &[&hash.identifier()]);
        let mask = element(tag::CONTEXT_1, &[&hash.mask_identifier()]);
        let of =
            |parts: &[&[u8]]| element(tag::SEQUENCE, &[oid::OAEP, &element(tag::SEQUENCE, parts)]);
        assert!(is_key_transport(&good, RsaPadding::PssOaep, hash));
        for bad in [
            bare,
            null,
            of(&[&hash_only]),
            of(&[&mask]),
            of(&[&hash_only, &mask, &label]),
        ] {
            assert!(
                !is_key_transport(&bad, RsaPadding::PssOaep, hash),
                "{bad:x?}"
            );
            assert_eq!(any_key_transport(&bad), None);
        }
    }

    #[test]
    fn a_cipher_has_its_own_vector() {
        let aes = ContentCipher::Aes256.identifier(&[7; 16]);
        assert_eq!(
            ContentCipher::from_identifier(&aes),
            Some((ContentCipher::Aes256, &[7; 16][..]))
        );
        let short = ContentCipher::Aes256.identifier(&[7; 8]);
        assert_eq!(ContentCipher::from_identifier(&short), None);
        let des = ContentCipher::TripleDes.identifier(&[7; 8]);
        assert_eq!(
            ContentCipher::from_identifier(&des),
            Some((ContentCipher::TripleDes, &[7; 8][..]))
        );
    }
}
