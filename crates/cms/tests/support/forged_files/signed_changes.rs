//! Changes of a signed layer: its digests, its content, and its signers with their attributes and signatures.

use super::super::tree::{Node, SIGNED_DATA};
use super::changes::{
    CONTENT, Changes, ENCAPSULATED, LIST, MD5, PSS, RSA, SHA1, SIGNER, SIGNERS, algorithm, child,
    flip, integer, oid, put, structural,
};
use super::{Outcome, signed};

/// Changes of a signed layer.
pub(super) fn of_signed() -> Changes {
    let signer = |step| child(SIGNER, step);
    let mut changes: Changes = structural(signed);
    let attribute = |index: usize| [signer(3), vec![index]].concat();
    let rest: Changes = vec![
        (
            "no digest algorithm",
            put(LIST, Node::container(0x31, vec![])),
            signed("None"),
        ),
        (
            "digests as a sequence",
            Box::new(|tree| tree.at(LIST).tag = 0x30),
            signed("Element"),
        ),
        (
            "content of another type",
            Box::new(|tree| *tree.at(&[1, 0, 2, 0]) = oid(SIGNED_DATA)),
            signed("Content"),
        ),
        (
            "detached",
            Box::new(|tree| tree.at(ENCAPSULATED).nodes().truncate(1)),
            signed("Content"),
        ),
        (
            "content is no string",
            Box::new(|tree| tree.at(CONTENT).tag = 0x13),
            signed("Element"),
        ),
        (
            "content changed",
            flip(CONTENT.to_vec(), 3),
            signed("Attributes(\"the hash of another"),
        ),
        (
            "content shortened",
            Box::new(|tree| {
                tree.at(CONTENT).octets().pop();
            }),
            signed("Attributes(\"the hash"),
        ),
        (
            "content emptied",
            Box::new(|tree| tree.at(CONTENT).octets().clear()),
            signed("Attributes(\"the hash"),
        ),
        (
            "two contents",
            Box::new(|tree| {
                let again = tree.at(CONTENT).clone();
                tree.at(&[1, 0, 2, 1]).nodes().push(again);
            }),
            signed("Element"),
        ),
        (
            "no signers",
            put(SIGNERS, Node::container(0x31, vec![])),
            signed("None"),
        ),
        (
            "signers left out",
            Box::new(|tree| drop(tree.at(&[1, 0]).nodes().pop())),
            Outcome::RefusedSomehow,
        ),
        (
            "nine signers",
            Box::new(|tree| {
                let one = tree.at(SIGNER).clone();
                *tree.at(SIGNERS).nodes() = vec![one; 9];
            }),
            signed("TooMany"),
        ),
        (
            "signer of version 2",
            put(&[1, 0, 3, 0, 0], integer(2)),
            signed("Version"),
        ),
        (
            "another serial number",
            flip([signer(1), vec![1]].concat(), 0),
            signed("UnknownSigner"),
        ),
        (
            "another issuer",
            Box::new(|tree| {
                let name = tree.at(&[1, 0, 3, 0, 1, 0]);
                name.nodes().pop();
            }),
            signed("UnknownSigner"),
        ),
        (
            "signer named as a recipient's key",
            Box::new(|tree| *tree.at(&[1, 0, 3, 0, 1]) = Node::primitive(0x81, &[1])),
            signed("Element"),
        ),
        (
            "signer named by no one's key identifier",
            Box::new(|tree| *tree.at(&[1, 0, 3, 0, 1]) = Node::primitive(0x80, &[9; 20])),
            signed("UnknownSigner"),
        ),
        (
            "digest is SHA-1",
            put(&[1, 0, 3, 0, 2], algorithm(SHA1, None)),
            signed("Algorithm(\"digest"),
        ),
        (
            "digest is MD5",
            put(&[1, 0, 3, 0, 2], algorithm(MD5, None)),
            signed("Algorithm(\"digest"),
        ),
        (
            "no attributes",
            Box::new(|tree| drop(tree.at(SIGNER).nodes().remove(3))),
            signed("SignatureInvalid"),
        ),
        (
            "empty attributes",
            Box::new(|tree| tree.at(&[1, 0, 3, 0, 3]).nodes().clear()),
            signed("Attributes(\"one of them missing"),
        ),
        (
            "content type left out",
            Box::new(|tree| drop(tree.at(&[1, 0, 3, 0, 3]).nodes().remove(0))),
            signed("Attributes(\"one of them missing"),
        ),
        (
            "digest left out",
            Box::new(|tree| drop(tree.at(&[1, 0, 3, 0, 3]).nodes().remove(1))),
            signed("Attributes(\"one of them missing"),
        ),
        (
            "content type twice",
            Box::new(|tree| {
                let one = tree.at(&[1, 0, 3, 0, 3, 0]).clone();
                tree.at(&[1, 0, 3, 0, 3]).nodes().push(one);
            }),
            signed("Attributes(\"one of them twice"),
        ),
        (
            "digest twice",
            Box::new(|tree| {
                let one = tree.at(&[1, 0, 3, 0, 3, 1]).clone();
                tree.at(&[1, 0, 3, 0, 3]).nodes().push(one);
            }),
            signed("Attributes(\"one of them twice"),
        ),
        (
            "two values of the digest",
            Box::new(|tree| {
                let one = tree.at(&[1, 0, 3, 0, 3, 1, 1, 0]).clone();
                tree.at(&[1, 0, 3, 0, 3, 1, 1]).nodes().push(one);
            }),
            signed("Attributes(\"one of them twice"),
        ),
        (
            "digest changed",
            flip([attribute(1), vec![1, 0]].concat(), 5),
            signed("Attributes(\"the hash"),
        ),
        (
            "content type changed",
            flip([attribute(0), vec![1, 0]].concat(), 8),
            signed("Attributes(\"another content"),
        ),
        (
            "one more attribute",
            Box::new(|tree| {
                let more = Node::container(
                    0x30,
                    vec![oid(MD5), Node::container(0x31, vec![integer(1)])],
                );
                tree.at(&[1, 0, 3, 0, 3]).nodes().push(more);
            }),
            signed("SignatureInvalid"),
        ),
        (
            "an attribute that is none",
            Box::new(|tree| tree.at(&[1, 0, 3, 0, 3]).nodes().push(integer(1))),
            signed("Element"),
        ),
        (
            "signature algorithm is another hash's",
            put(
                &[1, 0, 3, 0, 4],
                algorithm(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14], None),
            ),
            signed("Algorithm(\"signature"),
        ),
        (
            "signature algorithm has parameters",
            put(&[1, 0, 3, 0, 4], algorithm(RSA, Some(integer(1)))),
            signed("Algorithm(\"signature"),
        ),
        (
            "PSS without parameters",
            put(&[1, 0, 3, 0, 4], algorithm(PSS, None)),
            signed("Algorithm(\"signature"),
        ),
        (
            "signature changed at its start",
            flip(signer(5), 0),
            signed("SignatureInvalid"),
        ),
        (
            "signature changed at its end",
            flip(signer(5), 255),
            signed("SignatureInvalid"),
        ),
        (
            "signature shortened",
            Box::new(|tree| {
                tree.at(&[1, 0, 3, 0, 5]).octets().remove(0);
            }),
            signed("SignatureInvalid"),
        ),
        (
            "signature lengthened",
            Box::new(|tree| tree.at(&[1, 0, 3, 0, 5]).octets().insert(0, 0)),
            signed("SignatureInvalid"),
        ),
        (
            "signature empty",
            Box::new(|tree| tree.at(&[1, 0, 3, 0, 5]).octets().clear()),
            signed("SignatureInvalid"),
        ),
        (
            "signature of zeros",
            Box::new(|tree| tree.at(&[1, 0, 3, 0, 5]).octets().fill(0)),
            signed("SignatureInvalid"),
        ),
        (
            "signature of ones",
            Box::new(|tree| tree.at(&[1, 0, 3, 0, 5]).octets().fill(0xff)),
            signed("SignatureInvalid"),
        ),
        (
            "signature is 1",
            Box::new(|tree| {
                let octets = tree.at(&[1, 0, 3, 0, 5]).octets();
                octets.fill(0);
                *octets.last_mut().unwrap() = 1;
            }),
            signed("SignatureInvalid"),
        ),
        (
            "unsigned attributes that are none",
            Box::new(|tree| tree.at(SIGNER).nodes().push(Node::container(0xa2, vec![]))),
            signed("Element"),
        ),
        (
            "a good signer beside a known one that fails",
            Box::new(|tree| {
                let mut bad = tree.at(SIGNER).clone();
                bad.nodes()[5].octets()[9] ^= 1;
                tree.at(SIGNERS).nodes().push(bad);
            }),
            signed("SignatureInvalid"),
        ),
        (
            "a known signer that fails before a good one",
            Box::new(|tree| {
                let mut bad = tree.at(SIGNER).clone();
                bad.nodes()[5].octets()[9] ^= 1;
                tree.at(SIGNERS).nodes().insert(0, bad);
            }),
            signed("SignatureInvalid"),
        ),
        (
            "a signer that is none beside a good one",
            Box::new(|tree| tree.at(SIGNERS).nodes().push(Node::container(0x30, vec![]))),
            signed("Element"),
        ),
        (
            "certificates after the signers",
            Box::new(|tree| tree.at(&[1, 0]).nodes().push(Node::container(0xa0, vec![]))),
            signed("Element"),
        ),
    ];
    changes.extend(rest);
    changes
}
