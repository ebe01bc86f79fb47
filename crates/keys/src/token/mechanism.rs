//! What a token is asked to do, in the words of PKCS#11.

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use pointsman_cms::{HashAlgorithm, HeldKeyError};

pub(super) fn pkcs1() -> Mechanism<'static> {
    Mechanism::RsaPkcs
}

/// PSS with a salt as long as a hash.
pub(super) fn pss(hash: HashAlgorithm) -> Result<Mechanism<'static>, HeldKeyError> {
    let (hash_alg, mgf) = known(hash)?;
    // The longest hash has 64 octets.
    let s_len = (hash.length() as u64).into();
    Ok(Mechanism::RsaPkcsPss(PkcsPssParams {
        hash_alg,
        mgf,
        s_len,
    }))
}

pub(super) fn oaep(hash: HashAlgorithm) -> Result<Mechanism<'static>, HeldKeyError> {
    let (hash, mgf) = known(hash)?;
    let label = PkcsOaepSource::empty();
    Ok(Mechanism::RsaPkcsOaep(PkcsOaepParams::new(
        hash, mgf, label,
    )))
}

fn known(hash: HashAlgorithm) -> Result<(MechanismType, PkcsMgfType), HeldKeyError> {
    Ok(match hash {
        HashAlgorithm::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        HashAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        HashAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        // PKCS#11 has no mask with it before version 3.2, and no token is known that does.
        HashAlgorithm::Sha3_512 => {
            let text = "tokens have no PSS and no OAEP with SHA3-512".to_owned();
            return Err(HeldKeyError::Refused(text));
        }
    })
}

/// The DigestInfo that a signature by PKCS#1 v1.5 has inside (RFC 8017, 9.2): a token pads, and does not name the hash.
pub(super) fn digest_info(hash: HashAlgorithm, digest: &[u8]) -> Vec<u8> {
    let prefix: &[u8] = match hash {
        HashAlgorithm::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        HashAlgorithm::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        HashAlgorithm::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
        HashAlgorithm::Sha3_512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x0a\x05\x00\x04\x40"
        }
    };
    [prefix, digest].concat()
}
