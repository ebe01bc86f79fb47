//! What is taken and what is not, each decision by its name. Forgeries by the hundred are in `support/forged_files/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use oftp::{FileReason, NerpReason};
use pointsman_cms::{CmsError, HashAlgorithm, Layer, Problem, SecurityStage, Suite, Wrapping};
use support::forged_files::enveloped_changes::of_cipher_text;
use support::tree::{Form, Node};
use support::{
    PARTNER, PARTNER_NEXT, Party, STRANGER, Services, US, US_NEXT, open, opening, suite, text,
    wrap, wrap_definite, wrapping,
};

const NULL: u8 = 5;

fn signed_file(suite: Suite) -> Node {
    Node::parse(&wrap_definite(&wrapping(suite, Services::of("s")), b"a file").0)
}

fn envelope(suite: Suite) -> Node {
    Node::parse(&wrap_definite(&wrapping(suite, Services::of("e")), b"a file").0)
}

fn opens(letters: &str, suite: Suite, file: &[u8]) -> Result<(), CmsError> {
    open(&opening(suite, Services::of(letters)), file).map(drop)
}

#[test]
fn ber_and_der_are_taken_in_every_form_of_lengths() {
    for letters in ["s", "z", "e"] {
        for size in [0, 1, 5000, 600_000] {
            let file = wrap_definite(&wrapping(suite(4), Services::of(letters)), &text(size)).0;
            let tree = Node::parse(&file);
            for form in [
                Form::Der,
                Form::Indefinite,
                Form::Long,
                Form::Segments(1000),
                Form::Segments(1),
            ] {
                if form != Form::Segments(1) || size < 600_000 {
                    let (content, _) = open(
                        &opening(suite(4), Services::of(letters)),
                        &tree.encode(form),
                    )
                    .unwrap();
                    assert!(content == text(size), "{letters}, {size}, {form:?}");
                }
            }
        }
    }
}

#[test]
fn segments_may_be_nested_and_a_few_of_them_empty() {
    let mut file = signed_file(suite(4));
    let segment = |octets: &[u8]| Node::primitive(4, octets);
    let inner = Node::container(0x24, vec![segment(b" "), segment(b""), segment(b"fi")]);
    let outer = Node::container(
        0x24,
        vec![
            segment(b""),
            segment(b"a"),
            inner,
            segment(b"le"),
            segment(b""),
        ],
    );
    *file.at(&[1, 0, 2, 1, 0]) = outer;
    opens("s", suite(4), &file.der()).unwrap();
    opens("s", suite(4), &file.encode(Form::Indefinite)).unwrap();
}

#[test]
fn what_lies_in_the_last_announced_layer_is_opaque_even_if_it_looks_like_cms() {
    let inner = wrap(&wrapping(suite(4), Services::of("sz")), b"a file").0;
    for letters in ["s", "z", "e", "sze"] {
        let outer = wrap(&wrapping(suite(4), Services::of(letters)), &inner).0;
        let (content, _) = open(&opening(suite(4), Services::of(letters)), &outer).unwrap();
        assert_eq!(content, inner, "{letters}");
    }
}

#[test]
fn fewer_layers_than_announced_are_refused_by_the_one_that_is_missing() {
    for (made, announced, layer) in [
        ("z", "sz", Layer::Signed),
        ("s", "sz", Layer::Compressed),
        ("s", "se", Layer::Enveloped),
        ("sz", "sze", Layer::Enveloped),
        ("ze", "sze", Layer::Signed),
        ("e", "se", Layer::Signed),
    ] {
        let file = wrap(&wrapping(suite(4), Services::of(made)), &text(3000)).0;
        let error = opens(announced, suite(4), &file).unwrap_err();
        assert_eq!(error.layer(), Some(layer), "{made} as {announced}: {error}");
        let is_missing = error.problem() == Some(&Problem::Missing);
        assert!(
            is_missing || matches!(error, CmsError::Decryption),
            "{made} as {announced}: {error}"
        );
    }
}

#[test]
fn one_good_signature_by_a_known_certificate_is_needed_and_enough() {
    let mut both = wrapping(suite(4), Services::of("s"));
    both.sign.push(STRANGER.identity.clone());
    let file = wrap(&both, b"a file").0;
    let mut opening = opening(suite(4), Services::of("s"));
    let found = open(&opening, &file).unwrap().1.signed.unwrap();
    assert_eq!(
        (found.signers, found.unknown_signers),
        (vec![PARTNER.certificate()], vec!["serial 42".into()])
    );
    opening.tolerances.refuse_unknown_signers = true;
    let error = open(&opening, &file).unwrap_err();
    assert_eq!(
        error.problem(),
        Some(&Problem::UnknownSignerBeside("serial 42".into()))
    );
    opening.partner.clear();
    let error = open(&opening, &file).unwrap_err();
    assert!(
        matches!(error.problem(), Some(Problem::UnknownSigner(_))),
        "{error}"
    );
}

#[test]
fn a_known_signer_that_fails_is_refused_although_another_is_good() {
    let mut both = wrapping(suite(4), Services::of("s"));
    both.sign.push(PARTNER_NEXT.identity.clone());
    let mut file = Node::parse(&wrap_definite(&both, b"a file").0);
    for signer in [0, 1] {
        let mut bad = file.clone();
        bad.at(&[1, 0, 3, signer, 5]).octets()[40] ^= 1;
        let error = opens("s", suite(4), &bad.der()).unwrap_err();
        assert!(
            matches!(error.problem(), Some(Problem::SignatureInvalid(_))),
            "{error}"
        );
    }
    opens("s", suite(4), &file.at(&[]).der()).unwrap();
}

#[test]
fn of_certificates_with_one_name_each_is_tried() {
    // Renewals that a partner made itself, each with the serial number 1.
    let renewed = [1, 2, 3].map(|_| Party::new("renewed", 1));
    for signer in [0, 1, 2] {
        let mut wrapping = wrapping(suite(4), Services::of("s"));
        wrapping.sign = vec![renewed[signer].identity.clone()];
        let file = wrap(&wrapping, b"a file").0;
        let mut opening = opening(suite(4), Services::of("s"));
        opening.partner = renewed.iter().map(Party::certificate).collect();
        let found = open(&opening, &file).unwrap().1.signed.unwrap();
        assert_eq!(found.signers, [renewed[signer].certificate()]);
        opening.partner.remove(signer);
        let error = open(&opening, &file).unwrap_err().to_string();
        assert!(error.contains("does not verify"), "{error}");
        for other in &opening.partner {
            assert!(error.contains(&other.to_string()), "{error}");
        }
    }
}

#[test]
fn a_signer_is_known_whatever_string_type_its_issuer_has() {
    // The common name in the issuer of the signer, and the serial number behind it.
    const VALUE: &[usize] = &[1, 0, 3, 0, 1, 0, 1, 0, 1];
    const SERIAL: &[usize] = &[1, 0, 3, 0, 1, 1];
    let mut file = signed_file(suite(4));
    assert_eq!(file.at(VALUE).der(), b"\x0c\x07partner");
    let renamed = |string: u8, text: &[u8]| {
        let mut file = file.clone();
        *file.at(VALUE) = Node::primitive(string, text);
        file
    };
    for (string, text) in [
        (0x13, &b"partner"[..]),
        (0x13, b"Partner "),
        (0x1e, b"\0p\0a\0r\0t\0n\0e\0r"),
    ] {
        opens("s", suite(4), &renamed(string, text).der()).unwrap();
    }
    let mut other_serial = renamed(0x13, b"partner");
    other_serial.at(SERIAL).octets()[0] ^= 1;
    for stranger in [
        renamed(0x13, b"partners"),
        renamed(4, b"partner"),
        other_serial,
    ] {
        let error = opens("s", suite(4), &stranger.der()).unwrap_err();
        assert!(
            matches!(error.problem(), Some(Problem::UnknownSigner(_))),
            "{error}"
        );
    }
}

#[test]
fn a_signer_may_be_named_by_its_key_identifier() {
    let mut file = signed_file(suite(4));
    let id = PARTNER.certificate().subject_key_id().unwrap().to_vec();
    *file.at(&[1, 0, 3, 0, 1]) = Node::primitive(0x80, &id);
    *file.at(&[1, 0, 3, 0, 0]) = Node::primitive(2, &[3]);
    *file.at(&[1, 0, 0]) = Node::primitive(2, &[3]);
    opens("s", suite(4), &file.der()).unwrap();
}

#[test]
fn a_recipient_may_be_named_by_its_key_identifier() {
    let mut file = envelope(suite(4));
    let id = US.certificate().subject_key_id().unwrap().to_vec();
    *file.at(&[1, 0, 1, 0, 1]) = Node::primitive(0x80, &id);
    *file.at(&[1, 0, 1, 0, 0]) = Node::primitive(2, &[2]);
    *file.at(&[1, 0, 0]) = Node::primitive(2, &[2]);
    let found = open(&opening(suite(4), Services::of("e")), &file.der())
        .unwrap()
        .1;
    assert!(found.enveloped.unwrap().was_named);
}

#[test]
fn every_own_key_is_tried_when_none_is_named() {
    // A certificate that was renewed with the same key: the partner still names the old one.
    let old = Party::with_key("us, before", 3, US.key.clone());
    for letters in ["e", "se", "ze", "sze"] {
        for size in [10, 100_000] {
            let mut to_old = wrapping(suite(4), Services::of(letters));
            to_old.encrypt = vec![STRANGER.certificate(), old.certificate()];
            let file = wrap(&to_old, &text(size)).0;
            let opening = opening(suite(4), Services::of(letters));
            let found = open(&opening, &file).unwrap().1;
            let enveloped = found.enveloped.unwrap();
            assert_eq!(
                (enveloped.opened_with, enveloped.was_named),
                (US.certificate(), false)
            );
        }
    }
}

#[test]
fn every_own_key_is_tried_when_the_one_that_is_named_does_not_open_it() {
    // The name of one certificate with the key of the other.
    let mimic = Party::with_key("us", 8, US.key.clone());
    assert_eq!(
        mimic.certificate().issuer_serial(),
        US_NEXT.certificate().issuer_serial()
    );
    for letters in ["e", "sze"] {
        let mut to_mimic = wrapping(suite(4), Services::of(letters));
        to_mimic.encrypt = vec![mimic.certificate()];
        let file = wrap(&to_mimic, &text(300)).0;
        let found = open(&opening(suite(4), Services::of(letters)), &file)
            .unwrap()
            .1;
        assert_eq!(found.enveloped.unwrap().opened_with, US.certificate());
    }
}

#[test]
fn parameters_absent_or_null_are_taken_wherever_both_occur() {
    let null = || Node::primitive(NULL, &[]);
    for number in [1, 4, 6, 7] {
        let absent_or_null = |node: &mut Node| match node.nodes().len() {
            1 => node.nodes().push(null()),
            _ => node.nodes().truncate(1),
        };
        let mut file = signed_file(suite(number));
        absent_or_null(file.at(&[1, 0, 1, 0]));
        absent_or_null(file.at(&[1, 0, 3, 0, 2]));
        absent_or_null(file.at(&[1, 0, 3, 0, 4]));
        opens("s", suite(number), &file.der()).unwrap();
        let mut file = envelope(suite(number));
        absent_or_null(file.at(&[1, 0, 1, 0, 2]));
        opens("e", suite(number), &file.der()).unwrap();
    }
    let mut file = Node::parse(&wrap_definite(&wrapping(suite(4), Services::of("z")), b"a file").0);
    file.at(&[1, 0, 1]).nodes().push(null());
    opens("z", suite(4), &file.der()).unwrap();
}

#[test]
fn both_forms_of_the_hash_identifiers_of_oaep_and_pss_are_taken_and_nothing_else() {
    let null = || Node::primitive(NULL, &[]);
    for number in [8, 9, 10] {
        for places in 0..4 {
            let mut file = envelope(suite(number));
            let mut signed = signed_file(suite(number));
            for (bit, path) in [(1, &[1, 0, 0][..]), (2, &[1, 1, 0, 1])] {
                if places & bit != 0 {
                    file.at(&[&[1, 0, 1, 0, 2], path].concat())
                        .nodes()
                        .push(null());
                    signed
                        .at(&[&[1, 0, 3, 0, 4], path].concat())
                        .nodes()
                        .push(null());
                }
            }
            opens("e", suite(number), &file.der()).unwrap();
            opens("s", suite(number), &signed.der()).unwrap();
        }
        let mut other_salt = signed_file(suite(number));
        other_salt.at(&[1, 0, 3, 0, 4, 1, 2, 0]).octets()[0] = 20;
        let mut other_mask = envelope(suite(number));
        let octets = other_mask.at(&[1, 0, 1, 0, 2, 1, 1, 0, 0]).octets();
        *octets.last_mut().unwrap() = 9;
        assert!(opens("s", suite(number), &other_salt.der()).is_err());
        assert!(opens("e", suite(number), &other_mask.der()).is_err());
    }
}

#[test]
fn an_rsa_block_without_its_leading_zeros_is_not_taken() {
    // Some signatures and keys begin with a zero: made until one does.
    let mut signature = None;
    for n in 0..5000 {
        let mut file = Node::parse(
            &wrap_definite(
                &wrapping(suite(4), Services::of("s")),
                format!("{n}").as_bytes(),
            )
            .0,
        );
        if file.at(&[1, 0, 3, 0, 5]).octets()[0] == 0 {
            signature = Some(file);
            break;
        }
    }
    let mut file = signature.expect("one in 256 begins with a zero");
    opens("s", suite(4), &file.der()).unwrap();
    file.at(&[1, 0, 3, 0, 5]).octets().remove(0);
    let error = opens("s", suite(4), &file.der()).unwrap_err();
    assert!(
        matches!(error.problem(), Some(Problem::SignatureInvalid(_))),
        "{error}"
    );
}

#[test]
fn a_digest_info_without_null_is_not_taken() {
    use openssl::rsa::Padding;
    // PKCS#1 v1.5 by hand: the DigestInfo of SHA-256 (RFC 8017, 9.2) with its NULL, and without.
    let mut file = signed_file(suite(4));
    let mut attributes = file.at(&[1, 0, 3, 0, 3]).clone();
    attributes.tag = 0x31;
    let digest = support::sha256(&attributes.der());
    let oid = [0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let info = |null: &[u8]| {
        let algorithm = [&[0x30, (oid.len() + null.len()) as u8][..], &oid, null].concat();
        let body = [algorithm.as_slice(), &[4, 32], &digest].concat();
        [&[0x30, body.len() as u8][..], &body].concat()
    };
    let rsa = PARTNER.key.rsa().unwrap();
    for (null, is_taken) in [(&[5u8, 0][..], true), (&[], false)] {
        let mut signature = vec![0; 256];
        rsa.private_encrypt(&info(null), &mut signature, Padding::PKCS1)
            .unwrap();
        *file.at(&[1, 0, 3, 0, 5]).octets() = signature;
        assert_eq!(
            opens("s", suite(4), &file.der()).is_ok(),
            is_taken,
            "{null:x?}"
        );
    }
}

#[test]
fn another_digest_is_taken_by_a_tolerance_that_has_a_floor() {
    let file = |number| wrap(&wrapping(suite(number), Services::of("sz")), b"a file").0;
    let outcome = |announced: u8, made: u8, other_hash| {
        let mut opening = opening(suite(announced), Services::of("sz"));
        opening.tolerances.other_hash = other_hash;
        open(&opening, &file(made))
            .map(|(_, found)| (found.signed.as_ref().unwrap().hash, found.suite()))
    };
    assert!(outcome(4, 6, None).is_err());
    assert!(outcome(4, 2, None).is_err());
    assert!(outcome(4, 2, Some(HashAlgorithm::Sha256)).is_err());
    let stronger = outcome(4, 6, Some(HashAlgorithm::Sha256)).unwrap();
    assert_eq!(stronger.0, HashAlgorithm::Sha512);
    // The first suite of the list with what was found: nothing was encrypted.
    assert_eq!(stronger.1, Some(suite(5)));
    let weaker = outcome(4, 2, Some(HashAlgorithm::Sha1)).unwrap();
    assert_eq!(weaker.0, HashAlgorithm::Sha1);
}

#[test]
fn unused_digests_and_foreign_certificates_inside_are_ignored() {
    let mut wrapping = wrapping(suite(4), Services::of("s"));
    wrapping.with_certificates = true;
    let mut file = Node::parse(&wrap_definite(&wrapping, b"a file").0);
    let md5 = Node::container(
        0x30,
        vec![Node::primitive(
            6,
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5],
        )],
    );
    file.at(&[1, 0, 1]).nodes().insert(0, md5);
    let foreign = Node::parse(STRANGER.certificate().der());
    file.at(&[1, 0, 3]).nodes().push(foreign);
    // Not even a certificate, in forms that would open containers.
    file.at(&[1, 0, 3])
        .nodes()
        .push(Node::container(0xa1, vec![Node::primitive(4, &[1; 5000])]));
    let lists = Node::container(0xa1, vec![Node::container(0x30, vec![])]);
    file.at(&[1, 0]).nodes().insert(4, lists);
    for form in [Form::Der, Form::Indefinite] {
        opens("s", suite(4), &file.encode(form)).unwrap();
    }
    // More than a MiB is not passed over.
    file.at(&[1, 0, 3])
        .nodes()
        .push(Node::primitive(4, &vec![0; 1 << 20]));
    let error = opens("s", suite(4), &file.der()).unwrap_err();
    assert_eq!(
        error.problem(),
        Some(&Problem::TooBig("list of certificates"))
    );
}

#[test]
fn unsigned_attributes_are_ignored() {
    let mut file = signed_file(suite(4));
    let stamp = Node::container(
        0xa1,
        vec![Node::container(0x30, vec![Node::primitive(6, &[1, 2, 3])])],
    );
    file.at(&[1, 0, 3, 0]).nodes().push(stamp);
    opens("s", suite(4), &file.der()).unwrap();
    let unsigned = |content: Vec<u8>| {
        let mut file = signed_file(suite(4));
        let attributes = Node::primitive(0xa1, &content);
        file.at(&[1, 0, 3, 0]).nodes().push(attributes);
        opens("s", suite(4), &file.der())
    };
    // In any depth, in either form of lengths, but of a bounded length.
    let (open, close) = ([0x30, 0x80].repeat(1000), [0, 0].repeat(1000));
    unsigned([open.as_slice(), &close].concat()).unwrap();
    unsigned(vec![5; 1_000_000]).unwrap();
    let error = unsigned(vec![5; 2_000_000]).unwrap_err();
    assert_eq!(
        error.problem(),
        Some(&Problem::TooBig("unsigned attributes"))
    );
    let mut indefinite = signed_file(suite(4));
    let mut attributes = Node::container(0xa1, vec![]);
    for _ in 0..100 {
        attributes = Node::container(0xa1, vec![attributes]);
    }
    indefinite.at(&[1, 0, 3, 0]).nodes().push(attributes);
    opens("s", suite(4), &indefinite.encode(Form::Indefinite)).unwrap();
    let mut twice = signed_file(suite(4));
    for _ in 0..2 {
        let signer = twice.at(&[1, 0, 3, 0]).nodes();
        signer.push(Node::primitive(0xa1, &[]));
    }
    let error = opens("s", suite(4), &twice.der()).unwrap_err();
    assert_eq!(error.problem(), Some(&Problem::Element("end of a signer")));
}

#[test]
fn any_type_inside_a_compressed_layer_is_taken() {
    let mut file =
        Node::parse(&wrap_definite(&wrapping(suite(4), Services::of("sz")), b"a file").0);
    *file.at(&[1, 0, 2, 0]).octets() = support::tree::SIGNED_DATA.to_vec();
    opens("sz", suite(4), &file.der()).unwrap();
}

#[test]
fn sixteen_recipients_and_eight_signers_are_taken() {
    let mut file = envelope(suite(4));
    let mut other = Node::parse(
        &wrap_definite(
            &Wrapping {
                encrypt: vec![STRANGER.certificate()],
                ..wrapping(suite(4), Services::of("e"))
            },
            b"x",
        )
        .0,
    );
    let other = other.at(&[1, 0, 1, 0]).clone();
    file.at(&[1, 0, 1]).nodes().splice(0..0, vec![other; 15]);
    opens("e", suite(4), &file.der()).unwrap();
    let mut file = signed_file(suite(4));
    let one = file.at(&[1, 0, 3, 0]).clone();
    *file.at(&[1, 0, 3]).nodes() = vec![one; 8];
    opens("s", suite(4), &file.der()).unwrap();
}

#[test]
fn the_stage_is_that_of_the_layer_and_of_decryption_for_what_is_malformed_inside() {
    use SecurityStage::{Decompression, Decryption, Signature};
    let damaged = |letters: &str, target: &str, path: &[usize]| {
        let mut file = text(3000);
        for letter in ["s", "z", "e"]
            .into_iter()
            .filter(|one| letters.contains(one))
        {
            file = wrap_definite(&wrapping(suite(4), Services::of(letter)), &file).0;
            if letter == target {
                let mut tree = Node::parse(&file);
                let octets = tree.at(path).octets();
                let last = octets.len() - 1;
                octets[last] ^= 1;
                file = tree.der();
            }
        }
        opens(letters, suite(4), &file).unwrap_err()
    };
    let (signature, stream, version) = ([1, 0, 3, 0, 5], [1, 0, 2, 1, 0], [1, 0, 0]);
    for (letters, target, path, stage, uniform) in [
        ("s", "s", &signature[..], Signature, Signature),
        ("sz", "s", &signature, Signature, Signature),
        ("sze", "s", &signature, Signature, Decryption),
        ("sz", "z", &stream, Decompression, Decompression),
        ("sze", "z", &stream, Decryption, Decryption),
        ("sze", "s", &version, Decryption, Decryption),
        ("e", "e", &version, Decryption, Decryption),
    ] {
        let error = damaged(letters, target, path);
        assert_eq!(
            (error.stage(), error.uniform_stage()),
            (stage, uniform),
            "{letters}, {target}: {error}"
        );
    }
}

#[test]
fn every_failure_of_decryption_has_one_text_and_one_stage() {
    let mut told = std::collections::BTreeSet::new();
    for (name, change, _) in of_cipher_text() {
        let mut file =
            Node::parse(&wrap_definite(&wrapping(suite(4), Services::of("e")), &text(3000)).0);
        change(&mut file);
        let error = opens("e", suite(4), &file.der()).unwrap_err();
        told.insert(format!(
            "{error} {error:?} {:?} {:?}",
            error.stage(),
            error.uniform_stage()
        ));
        assert_eq!(told.len(), 1, "{name}: {told:?}");
    }
    // The same with layers inside: one stage.
    for (name, change, _) in of_cipher_text() {
        let mut file =
            Node::parse(&wrap_definite(&wrapping(suite(4), Services::of("sze")), &text(3000)).0);
        change(&mut file);
        let error = opens("sze", suite(4), &file.der()).unwrap_err();
        assert_eq!(error.stage(), SecurityStage::Decryption, "{name}: {error}");
        assert_eq!(
            error.uniform_stage(),
            SecurityStage::Decryption,
            "{name}: {error}"
        );
    }
}

#[test]
fn stages_have_the_reasons_of_the_rfc() {
    let reasons: Vec<(u8, u8)> = [
        SecurityStage::Signature,
        SecurityStage::Decompression,
        SecurityStage::Decryption,
        SecurityStage::Processing,
    ]
    .iter()
    .map(|stage| (stage.nerp_reason().code(), stage.file_reason().code()))
    .collect();
    assert_eq!(reasons, [(31, 21), (32, 23), (33, 22), (34, 99)]);
    assert_eq!(
        NerpReason::from(FileReason::DecryptionFailure),
        NerpReason::DecryptionFailure
    );
}

#[test]
fn random_rsa_blocks_decrypt_silently_in_the_library_we_link() {
    use openssl::pkey_ctx::PkeyCtx;
    assert!(
        openssl::version::number() >= 0x3020_0000,
        "{}",
        openssl::version::version()
    );
    let mut silent = 0;
    for n in 0..50u8 {
        let mut context = PkeyCtx::new(&US.key).unwrap();
        context.decrypt_init().unwrap();
        context
            .set_rsa_padding(openssl::rsa::Padding::PKCS1)
            .unwrap();
        let mut block = [n; 256];
        block[0] = 0;
        silent += u32::from(context.decrypt_to_vec(&block, &mut Vec::new()).is_ok());
    }
    assert_eq!(silent, 50, "implicit rejection is missing");
}

#[test]
fn an_encrypted_key_that_is_used_again_is_recognised() {
    let file = wrap_definite(&wrapping(suite(4), Services::of("e")), &text(100)).0;
    let of = |file: &[u8]| {
        open(&opening(suite(4), Services::of("e")), file)
            .unwrap()
            .1
            .enveloped
            .unwrap()
            .encrypted_key
    };
    let mut other_content = Node::parse(&file);
    // Another file around the same key: whole blocks left out before the last two.
    other_content.at(&[1, 0, 2, 2]).octets().drain(16..32);
    assert_eq!(of(&file), of(&other_content.der()));
    let again = wrap_definite(&wrapping(suite(4), Services::of("e")), &text(100)).0;
    assert_ne!(of(&file), of(&again));
}

#[test]
fn certificates_say_what_they_are() {
    let certificate = PARTNER.certificate();
    assert_eq!(certificate.subject(), "CN=partner, O=Werk & Söhne");
    assert_eq!(certificate.serial(), "1001");
    assert_eq!(PARTNER_NEXT.certificate().serial(), "8002");
    assert_eq!(certificate.key_bits(), 2048);
    assert_eq!(
        certificate.fingerprint()[..],
        support::sha256(certificate.der())
    );
    let since = certificate
        .not_before()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    assert_eq!(since.as_secs(), 1_700_000_000);
    assert!(certificate.not_after() > std::time::SystemTime::now());
}

#[test]
fn a_wrong_key_of_ours_is_never_taken_for_the_right_one() {
    // What the library makes up for a wrong key has the right length once in 245 times: 700 files have some of these.
    let old = Party::with_key("us, before", 3, US.key.clone());
    let mut to_old = wrapping(suite(4), Services::of("e"));
    to_old.encrypt = vec![old.certificate()];
    let opening = opening(suite(4), Services::of("e"));
    for n in 0..700 {
        let file = wrap(&to_old, &text(2000)).0;
        let (content, found) =
            open(&opening, &file).unwrap_or_else(|error| panic!("file {n}: {error}"));
        assert_eq!(found.enveloped.unwrap().opened_with, US.certificate());
        assert!(content == text(2000), "file {n}");
    }
}
