//! How the tree of a layer is changed, and the changes that any layer may have.

use super::super::tree::{DATA, Node};
use super::Outcome;

/// Where things stand in the tree of each layer.
pub(super) const VERSION: &[usize] = &[1, 0, 0];
pub(super) const LIST: &[usize] = &[1, 0, 1];
pub(super) const ENCAPSULATED: &[usize] = &[1, 0, 2];
pub(super) const CONTENT: &[usize] = &[1, 0, 2, 1, 0];
pub(super) const SIGNERS: &[usize] = &[1, 0, 3];
pub(super) const SIGNER: &[usize] = &[1, 0, 3, 0];
pub(super) const ENCRYPTED: &[usize] = &[1, 0, 2, 2];
pub(super) const RECIPIENT: &[usize] = &[1, 0, 1, 0];

/// A change of one layer's tree.
pub(super) type Change = Box<dyn Fn(&mut Node)>;

/// A layer's changes, each with a name and what must become of it.
pub(super) type Changes = Vec<(&'static str, Change, Outcome)>;

pub(super) fn put(path: &'static [usize], node: Node) -> Change {
    Box::new(move |tree| *tree.at(path) = node.clone())
}

pub(super) fn flip(path: Vec<usize>, at: usize) -> Change {
    Box::new(move |tree| {
        let octets = tree.at(&path).octets();
        let at = at % octets.len();
        octets[at] ^= 1;
    })
}

pub(super) fn child(path: &[usize], step: usize) -> Vec<usize> {
    [path, &[step]].concat()
}

pub(super) fn integer(number: u8) -> Node {
    Node::primitive(2, &[number])
}

pub(super) fn oid(octets: &[u8]) -> Node {
    Node::primitive(6, octets)
}

pub(super) fn algorithm(name: &[u8], parameters: Option<Node>) -> Node {
    let mut nodes = vec![oid(name)];
    nodes.extend(parameters);
    Node::container(0x30, nodes)
}

pub(super) const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
pub(super) const MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5];
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
pub(super) const OAEP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7];
pub(super) const PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
pub(super) const AES_256_GCM: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 46];
pub(super) const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2];

/// Changes that any layer may have.
pub(super) fn structural(layer: fn(&'static str) -> Outcome) -> Changes {
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
