//! What lies behind the encryption of a store, and no change of the store itself comes to: any octets as the entries of a
//! BCFKS, the bags of a PFX, an encrypted key, a key in JCEKS. The first octet of an input says which.

#![no_main]

mod read;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use openssl::hash::MessageDigest;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::symm::{Cipher, encrypt};
use pointsman_keys::KeyStoreKind;

const SALT: &[u8] = b"saltsalt";
const VECTOR: &[u8] = b"vectorvectorvect";

/// Object identifiers, as whole elements.
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const ENCRYPTED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
const PBKDF2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
const PBES2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
const HMAC_SHA512: &[u8] = b"\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x0b";
const AES_256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
const VERSION_3: &[u8] = &[2, 1, 3];

/// Keys by the secrets that they are derived from.
static OF_STORE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let secret = format!("{}\0STORE_ENCRYPTION\0", read::PASSWORD);
    derived(
        &secret
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect::<Vec<u8>>(),
    )
});
static OF_PASSWORD: LazyLock<Vec<u8>> = LazyLock::new(|| derived(read::PASSWORD.as_bytes()));

fuzz_target!(|input: &[u8]| {
    let Some((which, plain)) = input.split_first() else {
        return;
    };
    let (store, kind) = match which % 4 {
        0 => (bcfks(plain), KeyStoreKind::Bcfks),
        1 => (pfx(plain), KeyStoreKind::Pfx),
        2 => (
            element(0x30, &[&sealed(&OF_PASSWORD, plain, 4)]),
            KeyStoreKind::Der,
        ),
        _ => (jceks(plain), KeyStoreKind::Jceks),
    };
    read::read(&store, Some(kind));
});

fn bcfks(plain: &[u8]) -> Vec<u8> {
    let content = element(0x30, &[&sealed(&OF_STORE, plain, 4)]);
    let mac = element(0x30, &[HMAC_SHA512]);
    let integrity = element(0x30, &[&mac, &derivation(), &element(4, &[&[0; 64]])]);
    element(0x30, &[&content, &integrity])
}

fn pfx(plain: &[u8]) -> Vec<u8> {
    let content = element(0x30, &[DATA, &sealed(&OF_PASSWORD, plain, 0x80)]);
    let data = element(0x30, &[&[2, 1, 0], &content]);
    let bags = element(0x30, &[ENCRYPTED_DATA, &element(0xa0, &[&data])]);
    let contents = element(4, &[&element(0x30, &[&bags])]);
    let content = element(0x30, &[DATA, &element(0xa0, &[&contents])]);
    element(0x30, &[VERSION_3, &content])
}

/// One key without certificates.
fn jceks(plain: &[u8]) -> Vec<u8> {
    let key = element(0x30, &[&sealed(&OF_PASSWORD, plain, 4)]);
    let length = (key.len() as u32).to_be_bytes();
    let head = [0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1];
    let alias = [0, 1, b'a'];
    [&head[..], &alias, &[0; 8], &length, &key, &[0; 4], &[0; 20]].concat()
}

/// Algorithm and encrypted octets, by PBES2 (RFC 8018) with one round.
fn sealed(key: &[u8], plain: &[u8], tag: u8) -> Vec<u8> {
    let cipher = element(0x30, &[AES_256, &element(4, &[VECTOR])]);
    let parameters = element(0x30, &[&derivation(), &cipher]);
    let algorithm = element(0x30, &[PBES2, &parameters]);
    let octets = encrypt(Cipher::aes_256_cbc(), key, Some(VECTOR), plain).expect("a key");
    [algorithm, element(tag, &[&octets])].concat()
}

fn derivation() -> Vec<u8> {
    let hash = element(0x30, &[HMAC_SHA512, &[5, 0]]);
    let parameters = element(0x30, &[&element(4, &[SALT]), &[2, 1, 1], &hash]);
    element(0x30, &[PBKDF2, &parameters])
}

fn derived(secret: &[u8]) -> Vec<u8> {
    let mut key = vec![0; 32];
    pbkdf2_hmac(secret, SALT, 1, MessageDigest::sha512(), &mut key).expect("a hash");
    key
}

/// An element with a definite length.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let octets = parts.concat();
    let length = octets.len();
    match length {
        0..0x80 => [&[tag, length as u8], &octets[..]].concat(),
        _ => [&[tag, 0x82, (length >> 8) as u8, length as u8], &octets[..]].concat(),
    }
}
