//! Files as an attacker, or a partner's faulty program, would make them: each with the outcome that is documented for it.

use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;

use pointsman_cms::{CmsError, Layer, Opening, Suite, Wrapping};

use super::tree::{DATA, ENVELOPED_DATA, Form, Node, SIGNED_DATA};
use super::{
    PARTNER, PARTNER_NEXT, Party, STRANGER, Services, US, open, opening, suite, text, wrap,
    wrap_definite, wrapping,
};

/// What must become of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is opened.
    Taken,
    /// That layer is refused, for a problem whose name begins so.
    Refused(Layer, &'static str),
    /// The uniform failure of decryption.
    NotDecrypted,
    /// It is larger than allowed.
    TooLarge,
    /// Any refusal, in that layer or one inside it: which octet is missed first depends on the cut.
    RefusedSomehow,
}

/// A file, how it is opened, and what must become of it.
pub struct ForgedFile {
    pub name: String,
    pub file: Vec<u8>,
    pub opening: Opening,
    pub outcome: Outcome,
}

impl ForgedFile {
    /// Opens it; an error says how the outcome differs.
    pub fn check(&self) -> Result<(), String> {
        let found = open(&self.opening, &self.file).map(|(content, _)| content.len());
        let is_good = match (&found, &self.outcome) {
            (Ok(_), Outcome::Taken) => true,
            (Err(CmsError::Decryption), Outcome::NotDecrypted) => true,
            (Err(_), Outcome::RefusedSomehow) => true,
            (Err(error), Outcome::TooLarge) => is_too_large(error),
            (Err(error), Outcome::Refused(layer, problem)) => {
                let is_placed =
                    self.opening.announced.security.is_encrypted() && *layer != Layer::Enveloped;
                matches!(error, CmsError::AfterDecryption(_)) == is_placed
                    && error.layer() == Some(*layer)
                    && error
                        .problem()
                        .is_some_and(|found| format!("{found:?}").starts_with(problem))
            }
            _ => false,
        };
        match is_good {
            true => Ok(()),
            false => Err(format!(
                "{}: expected {:?}, found {found:?}",
                self.name, self.outcome
            )),
        }
    }
}

fn is_too_large(error: &CmsError) -> bool {
    match error {
        CmsError::TooLarge { .. } => true,
        CmsError::AfterDecryption(inner) => is_too_large(inner),
        _ => false,
    }
}

/// Where things stand in the tree of each layer.
const VERSION: &[usize] = &[1, 0, 0];
const LIST: &[usize] = &[1, 0, 1];
const ENCAPSULATED: &[usize] = &[1, 0, 2];
const CONTENT: &[usize] = &[1, 0, 2, 1, 0];
const SIGNERS: &[usize] = &[1, 0, 3];
const SIGNER: &[usize] = &[1, 0, 3, 0];
const ENCRYPTED: &[usize] = &[1, 0, 2, 2];
const RECIPIENT: &[usize] = &[1, 0, 1, 0];

/// A change of one layer's tree.
type Change = Box<dyn Fn(&mut Node)>;

/// A layer's changes, each with a name and what must become of it.
type Changes = Vec<(&'static str, Change, Outcome)>;

fn signed(problem: &'static str) -> Outcome {
    Outcome::Refused(Layer::Signed, problem)
}

fn compressed(problem: &'static str) -> Outcome {
    Outcome::Refused(Layer::Compressed, problem)
}

fn enveloped(problem: &'static str) -> Outcome {
    Outcome::Refused(Layer::Enveloped, problem)
}

fn put(path: &'static [usize], node: Node) -> Change {
    Box::new(move |tree| *tree.at(path) = node.clone())
}

fn flip(path: Vec<usize>, at: usize) -> Change {
    Box::new(move |tree| {
        let octets = tree.at(&path).octets();
        let at = at % octets.len();
        octets[at] ^= 1;
    })
}

fn child(path: &[usize], step: usize) -> Vec<usize> {
    [path, &[step]].concat()
}

fn integer(number: u8) -> Node {
    Node::primitive(2, &[number])
}

fn oid(octets: &[u8]) -> Node {
    Node::primitive(6, octets)
}

fn algorithm(name: &[u8], parameters: Option<Node>) -> Node {
    let mut nodes = vec![oid(name)];
    nodes.extend(parameters);
    Node::container(0x30, nodes)
}

const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
const MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const OAEP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7];
const PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const AES_256_GCM: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 46];
const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2];

/// Changes that any layer may have.
fn structural(layer: fn(&'static str) -> Outcome) -> Changes {
    vec![
        (
            "another content type",
            put(&[0], oid(DATA)),
            layer("Missing"),
        ),
        (
            "no content type",
            Box::new(|tree| drop(tree.nodes().remove(0))),
            layer("Missing"),
        ),
        (
            "nothing inside",
            Box::new(|tree| tree.nodes().truncate(1)),
            Outcome::RefusedSomehow,
        ),
        (
            "[0] is [1]",
            Box::new(|tree| tree.at(&[1]).tag = 0xa1),
            layer("Element"),
        ),
        (
            "a set for the structure",
            Box::new(|tree| tree.at(&[1, 0]).tag = 0x31),
            layer("Element"),
        ),
        ("version 9", put(VERSION, integer(9)), layer("Version")),
        (
            "version of two octets",
            put(VERSION, Node::primitive(2, &[0, 1])),
            layer("Version"),
        ),
        (
            "no version",
            Box::new(|tree| drop(tree.at(&[1, 0]).nodes().remove(0))),
            Outcome::RefusedSomehow,
        ),
        (
            "one more in the ContentInfo",
            Box::new(|tree| tree.nodes().push(integer(1))),
            layer("Element"),
        ),
        (
            "one more in [0]",
            Box::new(|tree| tree.at(&[1]).nodes().push(integer(1))),
            layer("Element"),
        ),
        (
            "the structure twice",
            Box::new(|tree| {
                let again = tree.at(&[1, 0]).clone();
                tree.at(&[1]).nodes().push(again);
            }),
            layer("Element"),
        ),
        (
            "no content",
            Box::new(|tree| tree.at(ENCAPSULATED).nodes().truncate(1)),
            Outcome::RefusedSomehow,
        ),
        (
            "a tag of two octets",
            Box::new(|tree| tree.tag = 0x3f),
            layer("Missing"),
        ),
        (
            "deep inside the first element",
            Box::new(|tree| {
                let mut deep = Node::container(0x30, vec![]);
                for _ in 0..40 {
                    deep = Node::container(0x30, vec![deep]);
                }
                *tree.at(LIST) = Node::container(0x31, vec![deep]);
            }),
            layer("TooDeep"),
        ),
    ]
}

/// Changes of a signed layer.
fn of_signed() -> Changes {
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

/// Changes of a compressed layer.
fn of_compressed() -> Changes {
    let mut changes = structural(compressed);
    let rest: Changes = vec![
        (
            "another compression",
            put(LIST, algorithm(MD5, None)),
            compressed("Algorithm"),
        ),
        (
            "compression with parameters",
            Box::new(|tree| tree.at(LIST).nodes().push(integer(1))),
            compressed("Algorithm"),
        ),
        (
            "no content type inside",
            put(&[1, 0, 2, 0], integer(0)),
            compressed("Content"),
        ),
        (
            "no content inside",
            Box::new(|tree| tree.at(ENCAPSULATED).nodes().truncate(1)),
            compressed("Content"),
        ),
        (
            "content is no string",
            Box::new(|tree| tree.at(CONTENT).tag = 0x0c),
            compressed("Element"),
        ),
        (
            "zlib with another method",
            Box::new(|tree| tree.at(CONTENT).octets()[0] = 0x77),
            compressed("Zlib"),
        ),
        (
            "zlib with a dictionary",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.splice(0..2, [0x78, 0xbb, 1, 2, 3, 4]);
            }),
            compressed("Zlib"),
        ),
        (
            "gzip",
            Box::new(|tree| {
                drop(
                    tree.at(CONTENT)
                        .octets()
                        .splice(0..2, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]),
                )
            }),
            compressed("Zlib"),
        ),
        (
            "raw deflate",
            Box::new(|tree| drop(tree.at(CONTENT).octets().drain(0..2))),
            compressed("Zlib"),
        ),
        (
            "check sum changed",
            Box::new(|tree| *tree.at(CONTENT).octets().last_mut().unwrap() ^= 1),
            compressed("Zlib"),
        ),
        (
            "check sum left out",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.truncate(octets.len() - 4);
            }),
            compressed("Zlib"),
        ),
        (
            "stream cut in half",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.truncate(octets.len() / 2);
            }),
            compressed("Zlib"),
        ),
        (
            "stream empty",
            Box::new(|tree| tree.at(CONTENT).octets().clear()),
            compressed("Zlib"),
        ),
        (
            "an octet after the stream",
            Box::new(|tree| tree.at(CONTENT).octets().push(0)),
            compressed("Zlib"),
        ),
        (
            "a second stream after the first",
            Box::new(|tree| {
                let octets = tree.at(CONTENT).octets();
                octets.extend_from_within(..);
            }),
            compressed("Zlib"),
        ),
        (
            "one more in the structure",
            Box::new(|tree| tree.at(&[1, 0]).nodes().push(integer(1))),
            compressed("Element"),
        ),
    ];
    changes.extend(rest);
    changes
}

/// Changes of an encrypted layer.
fn of_enveloped() -> Changes {
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

/// A layer that is made by itself.
fn layer(letters: &str, suite: Suite, content: &[u8]) -> Vec<u8> {
    wrap_definite(&wrapping(suite, Services::of(letters)), content).0
}

/// Each layer's changes, with every combination of layers around it.
fn changed(number: u8) -> Vec<ForgedFile> {
    let suite = suite(number);
    let content = text(3000);
    let mut files = Vec::new();
    type Around = (&'static str, fn() -> Changes, &'static [&'static str]);
    let layers: [Around; 3] = [
        ("s", of_signed, &["s", "sz", "se", "sze"]),
        ("z", of_compressed, &["z", "ze", "sz", "sze"]),
        ("e", of_enveloped, &["e", "se", "ze", "sze"]),
    ];
    for (changed, changes, combinations) in layers {
        for combination in combinations {
            let inner: Vec<&str> = ["s", "z", "e"]
                .into_iter()
                .filter(|one| combination.contains(one))
                .collect();
            for (name, change, outcome) in changes() {
                let mut file = content.clone();
                for letter in &inner {
                    file = layer(letter, suite, &file);
                    if *letter == changed {
                        let mut tree = Node::parse(&file);
                        change(&mut tree);
                        file = tree.der();
                    }
                }
                files.push(ForgedFile {
                    name: format!("suite {number}, {combination}, layer {changed}: {name}"),
                    file,
                    opening: opening(suite, Services::of(combination)),
                    outcome,
                });
            }
        }
    }
    files
}

/// Files that are cut at, in and after every element's head.
fn truncated() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for letters in ["s", "z", "e", "sze"] {
        let file = layer_of(letters);
        let mut tree = Node::parse(&file);
        for (at, tag) in tree
            .places()
            .into_iter()
            .flat_map(|(at, tag)| [(at, tag), (at + 1, tag), (at + 2, tag)])
        {
            if at < file.len() {
                files.push(ForgedFile {
                    name: format!("{letters}, cut at {at} (element {tag:02x})"),
                    file: file[..at].to_vec(),
                    opening: opening(suite(4), Services::of(letters)),
                    outcome: Outcome::RefusedSomehow,
                });
            }
        }
        // The same with the outermost length that fits.
        for keep in 0..tree.nodes().len() {
            let mut cut = tree.clone();
            cut.nodes().truncate(keep);
            files.push(ForgedFile {
                name: format!("{letters}, {keep} of its elements"),
                file: cut.der(),
                opening: opening(suite(4), Services::of(letters)),
                outcome: Outcome::RefusedSomehow,
            });
        }
    }
    files
}

fn layer_of(letters: &str) -> Vec<u8> {
    layer(letters, suite(4), &text(2000))
}

/// Layers in another order, fewer, or other ones than announced.
fn nested_otherwise() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    let all: Vec<Services> = Services::all().collect();
    for made in &all {
        for announced in &all {
            let has_all = (!announced.signed || made.signed)
                && (!announced.compressed || made.compressed)
                && (!announced.encrypted || made.encrypted);
            // The announced layers are the outermost ones: what lies inside is content.
            let outermost = made.letters().ends_with(&announced.letters());
            if made == announced || has_all && outermost {
                continue;
            }
            files.push(ForgedFile {
                name: format!("{} announced as {}", made.letters(), announced.letters()),
                file: layer_of(&made.letters()),
                opening: opening(suite(4), *announced),
                outcome: Outcome::RefusedSomehow,
            });
        }
    }
    for order in [
        "zs", "es", "ez", "zes", "ezs", "esz", "zse", "ss", "zz", "ee",
    ] {
        let mut file = text(500);
        for letter in order.chars() {
            file = layer(&letter.to_string(), suite(4), &file);
        }
        let mut announced = Services::of(order);
        let doubled = order.as_bytes()[0] == order.as_bytes()[1];
        if doubled {
            announced = Services::of(if order == "ss" { "sz" } else { "sze" });
        }
        files.push(ForgedFile {
            name: format!("layers in the order {order}"),
            file,
            opening: opening(suite(4), announced),
            outcome: Outcome::RefusedSomehow,
        });
    }
    files
}

/// Files by other keys and other suites.
fn by_others() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    let mut add =
        |name: String, wrapping: &Wrapping, services: Services, number: u8, outcome: Outcome| {
            let file = wrap(wrapping, &text(2000)).0;
            let opening = opening(suite(number), services);
            files.push(ForgedFile {
                name,
                file,
                opening,
                outcome,
            });
        };
    for letters in ["s", "sz", "se", "sze"] {
        let services = Services::of(letters);
        let mut by_stranger = wrapping(suite(4), services);
        by_stranger.sign = vec![STRANGER.identity.clone()];
        for with_certificates in [false, true] {
            by_stranger.with_certificates = with_certificates;
            let name =
                format!("{letters} signed by a stranger, certificate inside: {with_certificates}");
            add(name, &by_stranger, services, 4, signed("UnknownSigner"));
        }
        let mut by_us = wrapping(suite(4), services);
        by_us.sign = vec![US.identity.clone()];
        add(
            format!("{letters} signed by ourselves"),
            &by_us,
            services,
            4,
            signed("UnknownSigner"),
        );
        // The right name on the wrong key.
        let mimic = Party::with_key("partner", 0x1001, STRANGER.key.clone());
        let mut by_mimic = wrapping(suite(4), services);
        by_mimic.sign = vec![mimic.identity.clone()];
        add(
            format!("{letters} signed by a key of the same name"),
            &by_mimic,
            services,
            4,
            signed("SignatureInvalid"),
        );
    }
    for letters in ["e", "se", "ze", "sze"] {
        let services = Services::of(letters);
        let mut to_stranger = wrapping(suite(4), services);
        to_stranger.encrypt = vec![STRANGER.certificate()];
        add(
            format!("{letters} encrypted to a stranger"),
            &to_stranger,
            services,
            4,
            Outcome::RefusedSomehow,
        );
    }
    for made in 1..=10 {
        for announced in 1..=10 {
            if made != announced {
                suites(&mut add, made, announced);
            }
        }
    }
    files
}

fn suites(add: &mut impl FnMut(String, &Wrapping, Services, u8, Outcome), made: u8, announced: u8) {
    let (one, other) = (suite(made), suite(announced));
    let by_signature = match (one.hash() == other.hash(), one.padding() == other.padding()) {
        (true, true) => Outcome::Taken,
        (true, false) => signed("Algorithm(\"signature"),
        (false, _) => signed("Algorithm(\"digest"),
    };
    let same_transport = one.padding() == other.padding()
        && (one.padding() == pointsman_cms::RsaPadding::Pkcs1 || one.hash() == other.hash());
    let by_envelope = match (one.cipher() == other.cipher(), same_transport) {
        (true, true) => Outcome::Taken,
        (true, false) => enveloped("Algorithm(\"key"),
        (false, _) => enveloped("Algorithm(\"cipher"),
    };
    for (letters, outcome) in [("s", by_signature), ("e", by_envelope)] {
        let services = Services::of(letters);
        let name = format!("{letters} by suite {made}, announced {announced}");
        add(name, &wrapping(one, services), services, announced, outcome);
    }
}

/// Signatures of the right key over what it should not count for.
fn substituted() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    let genuine = Node::parse(&layer_of("s"));
    let mut add = |name: &str, tree: &Node, outcome: Outcome| {
        files.push(ForgedFile {
            name: format!("s, {name}"),
            file: tree.der(),
            opening: opening(suite(4), Services::of("s")),
            outcome,
        });
    };
    // The set of attributes that was signed becomes the content.
    let mut tree = genuine.clone();
    let mut attributes = tree.at(&[1, 0, 3, 0, 3]).clone();
    attributes.tag = 0x31;
    *tree.at(CONTENT).octets() = attributes.der();
    tree.at(SIGNER).nodes().remove(3);
    add(
        "signed attributes as content",
        &tree,
        signed("ContentIsAttributes"),
    );
    // The genuine signer of another file.
    let mut tree = genuine.clone();
    let mut other = Node::parse(&layer("s", suite(4), b"another file"));
    *tree.at(SIGNERS) = other.at(SIGNERS).clone();
    add(
        "signers of another file",
        &tree,
        signed("Attributes(\"the hash"),
    );
    // Attributes of another content type, really signed.
    for (name, content_type, outcome) in [
        (
            "content type signedData, really signed",
            SIGNED_DATA,
            signed("Attributes(\"another content"),
        ),
        ("content type data, really signed", DATA, Outcome::Taken),
    ] {
        let mut tree = genuine.clone();
        *tree.at(&[1, 0, 3, 0, 3, 0, 1, 0]) = oid(content_type);
        resign(&mut tree, &PARTNER.key);
        add(name, &tree, outcome);
    }
    // No attributes, really signed.
    let mut tree = genuine.clone();
    tree.at(SIGNER).nodes().remove(3);
    let content = tree.at(CONTENT).octets().clone();
    *tree.at(&[1, 0, 3, 0, 4]).octets() = sign(&PARTNER.key, &content);
    add("no attributes, really signed", &tree, Outcome::Taken);
    // A name of the partner's other certificate on this signature.
    let mut tree = genuine.clone();
    let next = wrap_definite(
        &Wrapping {
            sign: vec![PARTNER_NEXT.identity.clone()],
            ..wrapping(suite(4), Services::of("s"))
        },
        b"x",
    )
    .0;
    *tree.at(&[1, 0, 3, 0, 1]) = Node::parse(&next).at(&[1, 0, 3, 0, 1]).clone();
    add(
        "signer named as the partner's other certificate",
        &tree,
        signed("SignatureInvalid"),
    );
    files.extend(pss_as_pkcs1());
    files
}

/// A PSS signature that calls itself PKCS#1, where PSS was announced.
fn pss_as_pkcs1() -> Vec<ForgedFile> {
    let numbers = [8, 9, 10].into_iter();
    let files = numbers.map(|number| {
        let mut tree = Node::parse(&layer("s", suite(number), b"x"));
        *tree.at(&[1, 0, 3, 0, 4]) = algorithm(RSA, Some(Node::primitive(5, &[])));
        ForgedFile {
            name: format!("s, suite {number}: a PSS signature that calls itself PKCS#1"),
            file: tree.der(),
            opening: opening(suite(number), Services::of("s")),
            outcome: signed("Algorithm(\"signature"),
        }
    });
    files.collect()
}

fn resign(tree: &mut Node, key: &PKey<Private>) {
    let mut attributes = tree.at(&[1, 0, 3, 0, 3]).clone();
    attributes.tag = 0x31;
    *tree.at(&[1, 0, 3, 0, 5]).octets() = sign(key, &attributes.der());
}

fn sign(key: &PKey<Private>, octets: &[u8]) -> Vec<u8> {
    let mut context = PkeyCtx::new(key).unwrap();
    context.sign_init().unwrap();
    context.set_rsa_padding(Padding::PKCS1).unwrap();
    context.set_signature_md(openssl::md::Md::sha256()).unwrap();
    let mut signature = Vec::new();
    context
        .sign_to_vec(
            &hash(MessageDigest::sha256(), octets).unwrap(),
            &mut signature,
        )
        .unwrap();
    signature
}

/// Octets after the end of each layer.
fn trailing() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for combination in ["s", "z", "e", "sz", "ze", "se", "sze"] {
        for after in [&[0][..], &[0, 0], b"\n", &[0x30, 0x80, 0, 0]] {
            for target in combination.chars() {
                let mut file = text(700);
                for letter in ["s", "z", "e"]
                    .into_iter()
                    .filter(|one| combination.contains(one))
                {
                    file = layer(letter, suite(4), &file);
                    if letter == target.to_string() {
                        file.extend_from_slice(after);
                    }
                }
                let outcome = match target {
                    's' => signed("Trailing"),
                    'z' => compressed("Trailing"),
                    _ => enveloped("Trailing"),
                };
                files.push(ForgedFile {
                    name: format!("{combination}, {after:x?} after layer {target}"),
                    file,
                    opening: opening(suite(4), Services::of(combination)),
                    outcome,
                });
            }
        }
    }
    files
}

/// Files that are too much.
fn excessive() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for letters in ["s", "z", "e", "sze"] {
        let mut opening = opening(suite(4), Services::of(letters));
        opening.limits.largest = 999;
        let file = layer(letters, suite(4), &text(1000));
        files.push(ForgedFile {
            name: format!("{letters}, one octet more than allowed"),
            file: file.clone(),
            opening: opening.clone(),
            outcome: Outcome::TooLarge,
        });
        opening.limits.largest = 1000;
        files.push(ForgedFile {
            name: format!("{letters}, as much as allowed"),
            file,
            opening,
            outcome: Outcome::Taken,
        });
    }
    for (letters, octets) in [("z", 3 << 20), ("ze", 3 << 20), ("sze", 3 << 20)] {
        files.push(ForgedFile {
            name: format!("{letters}, {octets} octets of one letter"),
            file: layer(letters, suite(4), &vec![b'a'; octets]),
            opening: opening(suite(4), Services::of(letters)),
            outcome: compressed("Ratio"),
        });
    }
    files.push(ForgedFile {
        name: "z, less than a MiB of one letter".into(),
        file: layer("z", suite(4), &vec![b'a'; 1 << 20]),
        opening: opening(suite(4), Services::of("z")),
        outcome: Outcome::Taken,
    });
    files
}

/// Every failure of decryption, in a file with nothing else and in ones with layers inside.
fn undecryptable() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for (size, form) in [(20, Form::Der), (3000, Form::Der), (3000, Form::Indefinite)] {
        for (name, change, outcome) in of_cipher_text() {
            let mut tree = Node::parse(&layer("e", suite(4), &text(size)));
            change(&mut tree);
            files.push(ForgedFile {
                name: format!("e, {size} octets, {form:?}: {name}"),
                file: tree.encode(form),
                opening: opening(suite(4), Services::of("e")),
                outcome,
            });
        }
    }
    files
}

/// All of them.
pub fn all() -> Vec<ForgedFile> {
    let mut files = Vec::new();
    for number in [4, 6] {
        files.extend(changed(number));
    }
    files.extend(truncated());
    files.extend(nested_otherwise());
    files.extend(by_others());
    files.extend(substituted());
    files.extend(trailing());
    files.extend(excessive());
    files.extend(undecryptable());
    files
}
