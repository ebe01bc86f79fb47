//! Changes of an encrypted layer: its recipients, its cipher, and the cipher text.

use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;

use super::super::tree::{ENVELOPED_DATA, Node};
use super::super::{Party, STRANGER, US};
use super::changes::{
    AES_128_CBC, AES_256_GCM, Changes, ENCAPSULATED, ENCRYPTED, LIST, OAEP, PSS, RECIPIENT, RSA,
    algorithm, flip, integer, oid, put, structural,
};
use super::{Outcome, enveloped};

/// Changes of an encrypted layer.
pub(super) fn of_enveloped() -> Changes {
    let mut changes = structural(enveloped);
    let vector = [1, 0, 2, 1, 1];
    let rest: Changes = vec![
        (
            "no recipients",
            put(LIST, Node::container(0x31, vec![])),
            enveloped("None"),
        ),
        (
            "seventeen recipients",
            Box::new(|tree| {
                let one = tree.at(RECIPIENT).clone();
                *tree.at(LIST).nodes() = vec![one; 17];
            }),
            enveloped("TooMany"),
        ),
        (
            "originator information",
            Box::new(|tree| {
                tree.at(&[1, 0])
                    .nodes()
                    .insert(1, Node::container(0xa0, vec![]))
            }),
            enveloped("Element"),
        ),
        (
            "a recipient by key agreement",
            Box::new(|tree| tree.at(RECIPIENT).tag = 0xa1),
            enveloped("Element"),
        ),
        (
            "a recipient by a shared key",
            Box::new(|tree| tree.at(RECIPIENT).tag = 0xa2),
            enveloped("Element"),
        ),
        (
            "a recipient by password",
            Box::new(|tree| tree.at(RECIPIENT).tag = 0xa3),
            enveloped("Element"),
        ),
        (
            "another kind of recipient",
            Box::new(|tree| tree.at(RECIPIENT).tag = 0xa4),
            enveloped("Element"),
        ),
        (
            "a recipient by password beside ours",
            Box::new(|tree| {
                let mut other = tree.at(RECIPIENT).clone();
                other.tag = 0xa3;
                tree.at(LIST).nodes().push(other);
            }),
            enveloped("Element"),
        ),
        (
            "recipient of version 3",
            put(&[1, 0, 1, 0, 0], integer(3)),
            enveloped("Version"),
        ),
        (
            "key transport with parameters",
            put(&[1, 0, 1, 0, 2], algorithm(RSA, Some(integer(1)))),
            enveloped("Algorithm(\"key"),
        ),
        (
            "OAEP without parameters",
            put(&[1, 0, 1, 0, 2], algorithm(OAEP, None)),
            enveloped("Algorithm(\"key"),
        ),
        (
            "OAEP with empty parameters",
            put(
                &[1, 0, 1, 0, 2],
                algorithm(OAEP, Some(Node::container(0x30, vec![]))),
            ),
            enveloped("Algorithm(\"key"),
        ),
        (
            "key transport by signature",
            put(&[1, 0, 1, 0, 2], algorithm(PSS, None)),
            enveloped("Algorithm(\"key"),
        ),
        (
            "key is no string",
            Box::new(|tree| tree.at(&[1, 0, 1, 0, 3]).tag = 2),
            enveloped("Element"),
        ),
        (
            "one more in a recipient",
            Box::new(|tree| tree.at(RECIPIENT).nodes().push(integer(1))),
            enveloped("Element"),
        ),
        (
            "encrypted content of another type",
            put(&[1, 0, 2, 0], oid(ENVELOPED_DATA)),
            enveloped("Content"),
        ),
        (
            "encrypted content left out",
            Box::new(|tree| tree.at(ENCAPSULATED).nodes().truncate(2)),
            enveloped("Content"),
        ),
        (
            "cipher is AES-GCM",
            put(&[1, 0, 2, 1, 0], oid(AES_256_GCM)),
            enveloped("Algorithm(\"cipher"),
        ),
        (
            "cipher is AES-128",
            put(&[1, 0, 2, 1, 0], oid(AES_128_CBC)),
            enveloped("Algorithm(\"cipher"),
        ),
        (
            "vector of 12 octets",
            Box::new(move |tree| tree.at(&vector).octets().truncate(12)),
            Outcome::RefusedSomehow,
        ),
        (
            "vector of 4000 octets",
            Box::new(move |tree| tree.at(&vector).octets().resize(4000, 0)),
            enveloped("TooBig"),
        ),
        (
            "vector left out",
            Box::new(|tree| tree.at(&[1, 0, 2, 1]).nodes().truncate(1)),
            enveloped("Algorithm(\"cipher"),
        ),
        (
            "one more after the vector",
            Box::new(|tree| tree.at(&[1, 0, 2, 1]).nodes().push(integer(1))),
            enveloped("Algorithm(\"cipher"),
        ),
        (
            "content under [1]",
            Box::new(|tree| tree.at(ENCRYPTED).tag = 0x81),
            enveloped("Element"),
        ),
        (
            "unprotected attributes",
            Box::new(|tree| tree.at(&[1, 0]).nodes().push(Node::container(0xa1, vec![]))),
            enveloped("Element"),
        ),
    ];
    changes.extend(rest);
    changes
}

/// Changes of an encrypted layer that end in the one failure of decryption, when nothing else is inside.
pub fn of_cipher_text() -> Changes {
    vec![
        (
            "key changed",
            flip([RECIPIENT, &[3]].concat(), 100),
            Outcome::NotDecrypted,
        ),
        (
            "key of zeros",
            Box::new(|tree| tree.at(&[1, 0, 1, 0, 3]).octets().fill(0)),
            Outcome::NotDecrypted,
        ),
        (
            "key of ones",
            Box::new(|tree| tree.at(&[1, 0, 1, 0, 3]).octets().fill(0xff)),
            Outcome::NotDecrypted,
        ),
        (
            "key shortened",
            Box::new(|tree| tree.at(&[1, 0, 1, 0, 3]).octets().truncate(255)),
            Outcome::NotDecrypted,
        ),
        (
            "key lengthened",
            Box::new(|tree| tree.at(&[1, 0, 1, 0, 3]).octets().push(0)),
            Outcome::NotDecrypted,
        ),
        (
            "key empty",
            Box::new(|tree| tree.at(&[1, 0, 1, 0, 3]).octets().clear()),
            Outcome::NotDecrypted,
        ),
        (
            "key of another length inside",
            Box::new(|tree| {
                let key = transport(&US, Padding::PKCS1, &[7; 16]);
                *tree.at(&[1, 0, 1, 0, 3]).octets() = key;
            }),
            Outcome::NotDecrypted,
        ),
        (
            "key of nothing inside",
            Box::new(|tree| {
                let key = transport(&US, Padding::PKCS1, &[]);
                *tree.at(&[1, 0, 1, 0, 3]).octets() = key;
            }),
            Outcome::NotDecrypted,
        ),
        (
            "key to someone else",
            Box::new(|tree| {
                let key = transport(&STRANGER, Padding::PKCS1, &[7; 32]);
                *tree.at(&[1, 0, 1, 0, 3]).octets() = key;
            }),
            Outcome::NotDecrypted,
        ),
        (
            "last block changed",
            Box::new(|tree| {
                let octets = tree.at(ENCRYPTED).octets();
                let at = octets.len() - 17;
                octets[at] ^= 0x55;
            }),
            Outcome::NotDecrypted,
        ),
        (
            "not a whole block",
            Box::new(|tree| {
                tree.at(ENCRYPTED).octets().pop();
            }),
            Outcome::NotDecrypted,
        ),
        (
            "cipher text empty",
            Box::new(|tree| tree.at(ENCRYPTED).octets().clear()),
            Outcome::NotDecrypted,
        ),
    ]
}

fn transport(to: &Party, padding: Padding, secret: &[u8]) -> Vec<u8> {
    let mut context = PkeyCtx::new(&to.key).unwrap();
    context.encrypt_init().unwrap();
    context.set_rsa_padding(padding).unwrap();
    let mut wrapped = Vec::new();
    context.encrypt_to_vec(secret, &mut wrapped).unwrap();
    wrapped
}
