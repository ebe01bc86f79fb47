//! Our private key as a device has it that remembers: what it has decrypted once it answers from memory.
//!
//! So the fuzzer has no private operation to wait for. What is not known is answered as a device might, good or bad, and
//! always in the same way for the same block.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use openssl::md::{Md, MdRef};
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use pointsman_cms::{HashAlgorithm, HeldKey, HeldKeyError, RsaPadding};
use zeroize::Zeroizing;

/// Our key in PEM.
pub const PEM: &[u8] = include_bytes!("../keys/key.pem");

static KEY: LazyLock<PKey<Private>> =
    LazyLock::new(|| PKey::private_key_from_pem(PEM).expect("ours"));

/// Keys of contents by the blocks that have them.
static KNOWN: LazyLock<Mutex<HashMap<Vec<u8>, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// The key of a content out of a block that is known from now on.
pub fn learn(padding: RsaPadding, hash: HashAlgorithm, block: &[u8]) -> Vec<u8> {
    let mut context = PkeyCtx::new(&*KEY).expect("a context");
    context.decrypt_init().expect("a private key");
    match padding {
        RsaPadding::Pkcs1 => context.set_rsa_padding(Padding::PKCS1).expect("RSA"),
        RsaPadding::PssOaep => {
            context.set_rsa_padding(Padding::PKCS1_OAEP).expect("RSA");
            context.set_rsa_oaep_md(md(hash)).expect("RSA");
            context.set_rsa_mgf1_md(md(hash)).expect("RSA");
        }
    }
    let mut secret = Vec::new();
    context.decrypt_to_vec(block, &mut secret).expect("ours");
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.insert(block.to_vec(), secret.clone());
    secret
}

fn md(hash: HashAlgorithm) -> &'static MdRef {
    match hash {
        HashAlgorithm::Sha1 => Md::sha1(),
        HashAlgorithm::Sha256 => Md::sha256(),
        HashAlgorithm::Sha512 => Md::sha512(),
        HashAlgorithm::Sha3_512 => Md::sha3_512(),
    }
}

/// A number that depends on all of some octets (FNV-1a).
pub fn mixed(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |sum, octet| {
        (sum ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Whether the device was asked for something since the last [`take_asked`] that it does not know.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether it was; no longer from now on.
pub fn take_asked() -> bool {
    ASKED.swap(false, Ordering::Relaxed)
}

/// What the device is that has our key.
pub struct Remembering;

impl HeldKey for Remembering {
    fn sign(
        &self,
        _padding: RsaPadding,
        _hash: HashAlgorithm,
        _digest: &[u8],
    ) -> Result<Vec<u8>, HeldKeyError> {
        unreachable!("who opens a file signs nothing")
    }

    fn decrypt(
        &self,
        _padding: RsaPadding,
        _hash: HashAlgorithm,
        block: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HeldKeyError> {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.get(block) {
            return Ok(secret.clone().into());
        }
        ASKED.store(true, Ordering::Relaxed);
        match mixed(block) >> 32 & 7 {
            0 => Err(HeldKeyError::Unavailable("it is gone".to_owned())),
            1 => Ok(vec![7; 32].into()),
            2 => Ok(vec![7; 24].into()),
            3 => Ok(Vec::new().into()),
            _ => Err(HeldKeyError::Refused("it does not".to_owned())),
        }
    }
}
