//! Files by other keys and other suites, and signatures of the right key over what it should not count for.

use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use pointsman_cms::Wrapping;

use super::super::tree::{DATA, Node, SIGNED_DATA};
use super::super::{
    PARTNER, PARTNER_NEXT, Party, STRANGER, Services, US, opening, suite, text, wrap,
    wrap_definite, wrapping,
};
use super::changes::{CONTENT, RSA, SIGNER, SIGNERS, algorithm, oid};
use super::{ForgedFile, Outcome, enveloped, layer, layer_of, signed};

/// Files by other keys and other suites.
pub(super) fn by_others() -> Vec<ForgedFile> {
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
pub(super) fn substituted() -> Vec<ForgedFile> {
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
