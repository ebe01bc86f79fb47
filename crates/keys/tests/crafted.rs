//! Stores that no program at hand makes, put together here by the documents: rare algorithms, rare entries, wrong forms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::Cipher;
use pointsman_keys::{
    EntryDescription, KeyStore, KeyStoreError, KeyStoreKind, StoreFault, StoreReading,
};
use support::{octets, only, public_of, public_pem};

/// An element of DER.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut octets = vec![tag];
    match body.len() {
        length @ ..=0x7f => octets.push(length as u8),
        length => {
            octets.push(0x82);
            octets.extend((length as u16).to_be_bytes());
        }
    }
    octets.extend(body);
    octets
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts)
}

fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut body = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let mut octets = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            octets.insert(0, (rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        body.extend(octets);
    }
    element(6, &[&body])
}

fn number(n: u32) -> Vec<u8> {
    element(2, &[&[&[0][..], &n.to_be_bytes()].concat()])
}

fn read(kind: KeyStoreKind, octets: &[u8]) -> Result<KeyStore, KeyStoreError> {
    let reading = StoreReading {
        kind: Some(kind),
        password: Some("secret"),
        name: "crafted",
        ..StoreReading::default()
    };
    KeyStore::read(octets, &reading)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

// PFX

const BAG: &str = "1.2.840.113549.1.12.10.1";

/// A bag with a friendly name.
fn bag(kind: u32, value: &[u8], name: &str) -> Vec<u8> {
    let attribute = sequence(&[
        &oid("1.2.840.113549.1.9.20"),
        &element(0x31, &[&element(0x1e, &[&utf16(name)])]),
    ]);
    sequence(&[
        &oid(&format!("{BAG}.{kind}")),
        &element(0xa0, &[value]),
        &element(0x31, &[&attribute]),
    ])
}

/// A store with bags in the clear and no checksum.
fn pfx(bags: &[&[u8]]) -> Vec<u8> {
    let data = |octets: &[u8]| {
        sequence(&[
            &oid("1.2.840.113549.1.7.1"),
            &element(0xa0, &[&element(4, &[octets])]),
        ])
    };
    let content = data(&sequence(&[&data(&sequence(bags))]));
    sequence(&[&element(2, &[&[3]]), &content])
}

fn certificate_bag(certificate: &[u8], name: &str) -> Vec<u8> {
    let inside = element(0xa0, &[&element(4, &[certificate])]);
    bag(
        3,
        &sequence(&[&oid("1.2.840.113549.1.9.22.1"), &inside]),
        name,
    )
}

#[test]
fn bags_in_the_clear_and_in_bags_are_read() {
    let (key, certificate) = (
        bag(1, &octets("k.pk8"), "kéy"),
        certificate_bag(&octets("c.der"), "cert"),
    );
    let nested = bag(6, &sequence(&[&certificate]), "bags");
    for bags in [[&key[..], &certificate], [&key, &nested]] {
        let store = read(KeyStoreKind::Pfx, &pfx(&bags)).unwrap();
        let entry = only(&store);
        assert_eq!(public_of(entry), public_pem("k.pub.pem"));
        assert_eq!((entry.alias(), entry.chain().len()), (Some("kéy"), 1));
    }
}

#[test]
fn bags_of_no_use_are_passed_over_and_named() {
    let key = bag(1, &octets("k.pk8"), "key");
    let others: Vec<Vec<u8>> = [4, 5, 7].map(|kind| bag(kind, &number(1), "x")).to_vec();
    let store = read(
        KeyStoreKind::Pfx,
        &pfx(&[&key, &others[0], &others[1], &others[2]]),
    )
    .unwrap();
    let passed_over = store.passed_over();
    assert_eq!(passed_over[..2], ["a revocation list", "a secret"]);
    assert!(
        passed_over[2].contains("1.2.840.113549.1.12.10.1.7"),
        "{passed_over:?}"
    );
    let none = read(KeyStoreKind::Pfx, &pfx(&[&others[0]])).unwrap_err();
    assert!(
        none.to_string().contains("neither a key nor a certificate"),
        "{none}"
    );
}

#[test]
fn bags_in_bags_without_end_are_not_followed() {
    let mut bags = bag(1, &octets("k.pk8"), "key");
    for _ in 0..12 {
        bags = bag(6, &sequence(&[&bags]), "bags");
    }
    assert!(read(KeyStoreKind::Pfx, &pfx(&[&bags])).is_err());
}

#[test]
fn stores_for_a_certificate_instead_of_a_password_say_so() {
    let signed = sequence(&[&oid("1.2.840.113549.1.7.2"), &element(0xa0, &[&number(1)])]);
    let error = read(
        KeyStoreKind::Pfx,
        &sequence(&[&element(2, &[&[3]]), &signed]),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("pkcs7-signedData instead of a password"),
        "{error}"
    );
}

#[test]
fn unknown_checksums_and_ciphers_are_named() {
    let mut whole = octets("modern.p12");
    let sha256 = oid("2.16.840.1.101.3.4.2.1");
    let at = whole
        .windows(sha256.len())
        .rposition(|part| part == sha256)
        .unwrap();
    whole[at + sha256.len() - 1] = 0x2a;
    let error = read(KeyStoreKind::Pfx, &whole).unwrap_err();
    assert!(
        matches!(&error.fault, StoreFault::Algorithm { name, .. } if name == "2.16.840.1.101.3.4.2.42"),
        "{error}"
    );
    assert!(
        error.to_string().contains("openssl pkcs12 -export"),
        "{error}"
    );
    let mut key = octets("enc8.der");
    let aes = oid("2.16.840.1.101.3.4.1.42");
    let at = key.windows(aes.len()).position(|part| part == aes).unwrap();
    key[at + aes.len() - 1] = 0x2c;
    let error = read(KeyStoreKind::Der, &key).unwrap_err();
    assert!(
        error.to_string().contains("aes-256-cfb") || error.to_string().contains("101.3.4.1.44"),
        "{error}"
    );
}

// PBES2 with ciphers and derivations that openssl's command does not write.

/// How a secret becomes a key, and the parameters that say so.
struct Derivation {
    parameters: Vec<u8>,
    derive: fn(&[u8], &mut [u8]),
}

fn pbkdf2() -> Derivation {
    let prf = sequence(&[&oid("1.2.840.113549.2.11"), &[5, 0]]);
    Derivation {
        parameters: sequence(&[
            &oid("1.2.840.113549.1.5.12"),
            &sequence(&[&element(4, &[b"saltsalt"]), &number(7), &prf]),
        ]),
        derive: |secret, key| {
            openssl::pkcs5::pbkdf2_hmac(secret, b"saltsalt", 7, MessageDigest::sha512(), key)
                .unwrap();
        },
    }
}

fn scrypt() -> Derivation {
    Derivation {
        parameters: sequence(&[
            &oid("1.3.6.1.4.1.11591.4.11"),
            &sequence(&[
                &element(4, &[b"saltsalt"]),
                &number(16),
                &number(8),
                &number(1),
            ]),
        ]),
        derive: |secret, key| {
            openssl::pkcs5::scrypt(secret, b"saltsalt", 16, 8, 1, 1 << 20, key).unwrap()
        },
    }
}

/// Something encrypted, and its algorithm.
fn pbes2(derivation: &Derivation, secret: &[u8], cipher: &str, plain: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut key = [0; 32];
    (derivation.derive)(secret, &mut key);
    let (arc, parameters, encrypted) = match cipher {
        "gcm" => {
            let mut tag = [0; 16];
            let nonce = [9; 12];
            let octets = openssl::symm::encrypt_aead(
                Cipher::aes_256_gcm(),
                &key,
                Some(&nonce),
                &[],
                plain,
                &mut tag,
            )
            .unwrap();
            let parameters = sequence(&[&element(4, &[&nonce]), &element(2, &[&[16]])]);
            (46, parameters, [octets, tag.to_vec()].concat())
        }
        "ccm" => {
            let (nonce, mut tag, mut octets) = ([9; 12], [0; 12], Vec::new());
            let mut sealing = openssl::cipher_ctx::CipherCtx::new().unwrap();
            let ccm = openssl::cipher::Cipher::aes_256_ccm();
            sealing.encrypt_init(Some(ccm), None, None).unwrap();
            sealing.set_iv_length(nonce.len()).unwrap();
            sealing.set_tag_length(tag.len()).unwrap();
            sealing
                .encrypt_init(None, Some(&key), Some(&nonce))
                .unwrap();
            sealing.set_data_len(plain.len()).unwrap();
            sealing.cipher_update_vec(plain, &mut octets).unwrap();
            sealing.tag(&mut tag).unwrap();
            // Twelve octets of the tag are the default.
            (
                47,
                sequence(&[&element(4, &[&nonce])]),
                [octets, tag.to_vec()].concat(),
            )
        }
        "wrap" => {
            let mut wrapping = openssl::cipher_ctx::CipherCtx::new().unwrap();
            wrapping.set_flags(openssl::cipher_ctx::CipherCtxFlags::FLAG_WRAP_ALLOW);
            let wrap = openssl::cipher::Cipher::aes_256_wrap_pad();
            wrapping.encrypt_init(Some(wrap), Some(&key), None).unwrap();
            let mut octets = vec![0; plain.len() + 32];
            let length = wrapping.cipher_update(plain, Some(&mut octets)).unwrap();
            octets.truncate(length);
            (48, Vec::new(), octets)
        }
        other => panic!("{other}"),
    };
    let scheme = sequence(&[&oid(&format!("2.16.840.1.101.3.4.1.{arc}")), &parameters]);
    let algorithm = sequence(&[
        &oid("1.2.840.113549.1.5.13"),
        &sequence(&[&derivation.parameters, &scheme]),
    ]);
    (algorithm, encrypted)
}

#[test]
fn keys_in_authenticated_ciphers_are_read_and_their_tag_counts() {
    for derivation in [pbkdf2(), scrypt()] {
        for cipher in ["gcm", "ccm", "wrap"] {
            let (algorithm, encrypted) = pbes2(&derivation, b"secret", cipher, &octets("k.pk8"));
            let whole = sequence(&[&algorithm, &element(4, &[&encrypted])]);
            let store =
                read(KeyStoreKind::Der, &whole).unwrap_or_else(|error| panic!("{cipher}: {error}"));
            assert_eq!(public_of(only(&store)), public_pem("k.pub.pem"), "{cipher}");
            for at in [0, encrypted.len() / 2, encrypted.len() - 1] {
                let mut changed = encrypted.clone();
                changed[at] ^= 1;
                let changed = sequence(&[&algorithm, &element(4, &[&changed])]);
                let error = read(KeyStoreKind::Der, &changed).unwrap_err();
                assert!(
                    matches!(error.fault, StoreFault::PasswordWrong(_)),
                    "{cipher} at {at}: {error}"
                );
            }
        }
    }
}

// BCFKS

fn secret(purpose: &str) -> Vec<u8> {
    [utf16("secret"), vec![0, 0], utf16(purpose), vec![0, 0]].concat()
}

fn bcfks(entries: &[&[u8]], derivation: &Derivation, cipher: &str) -> Vec<u8> {
    let date = element(0x18, &[b"20260101000000Z"]);
    let list = sequence(&[
        &number(1),
        &sequence(&[&oid("1.2.3")]),
        &date,
        &date,
        &sequence(entries),
    ]);
    let (algorithm, encrypted) = pbes2(derivation, &secret("STORE_ENCRYPTION"), cipher, &list);
    let content = sequence(&[&algorithm, &element(4, &[&encrypted])]);
    let mut key = [0; 64];
    (derivation.derive)(&secret("INTEGRITY_CHECK"), &mut key);
    let key = PKey::hmac(&key).unwrap();
    let mut signer = Signer::new(MessageDigest::sha3_512(), &key).unwrap();
    signer.update(&content).unwrap();
    let mac = element(4, &[&signer.sign_to_vec().unwrap()]);
    let algorithm = sequence(&[&oid("2.16.840.1.101.3.4.2.16"), &[5, 0]]);
    sequence(&[
        &content,
        &sequence(&[&algorithm, &derivation.parameters, &mac]),
    ])
}

fn bcfks_entry(kind: u32, name: &str, data: &[u8]) -> Vec<u8> {
    let date = element(0x18, &[b"20260101000000Z"]);
    sequence(&[
        &number(kind),
        &element(0x0c, &[name.as_bytes()]),
        &date,
        &date,
        &element(4, &[data]),
    ])
}

#[test]
fn bcfks_with_each_derivation_and_cipher_has_its_entries() {
    for derivation in [pbkdf2(), scrypt()] {
        for cipher in ["ccm", "wrap"] {
            let (algorithm, encrypted) = pbes2(
                &derivation,
                &secret("PRIVATE_KEY_ENCRYPTION"),
                cipher,
                &octets("k.pk8"),
            );
            let key = sequence(&[&algorithm, &element(4, &[&encrypted])]);
            let key = sequence(&[&key, &sequence(&[&octets("c.der")])]);
            let entries = [
                bcfks_entry(1, "key", &key),
                bcfks_entry(0, "ca", &octets("leaf.cer")),
                bcfks_entry(2, "aes", b"?"),
                bcfks_entry(4, "hmac", b"?"),
            ];
            let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            let whole = bcfks(&entries, &derivation, cipher);
            assert_eq!(KeyStoreKind::of(&whole), Some(KeyStoreKind::Bcfks));
            let store = read(KeyStoreKind::Bcfks, &whole).unwrap();
            let aliases: Vec<Option<&str>> =
                store.entries().iter().map(|entry| entry.alias()).collect();
            assert_eq!(aliases, [Some("key"), Some("ca")]);
            assert_eq!(public_of(&store.entries()[0]), public_pem("k.pub.pem"));
            assert_eq!(
                store.passed_over(),
                ["the secret key \"aes\"", "the secret key \"hmac\""]
            );
        }
    }
    let unknown = bcfks(&[&bcfks_entry(9, "x", b"?")], &pbkdf2(), "ccm");
    assert!(matches!(
        read(KeyStoreKind::Bcfks, &unknown).unwrap_err().fault,
        StoreFault::Damaged { .. }
    ));
}

// Java

/// A store of Java with entries that are octets.
fn jks(version: u32, entries: &[&[u8]]) -> Vec<u8> {
    let mut body = [0xfeed_feed_u32, version, entries.len() as u32]
        .map(u32::to_be_bytes)
        .concat();
    body.extend(entries.concat());
    let sum = [&utf16("secret")[..], b"Mighty Aphrodite", &body].concat();
    [body, openssl::sha::sha1(&sum).to_vec()].concat()
}

fn java_certificate(version: u32, der: &[u8]) -> Vec<u8> {
    let kind: &[u8] = if version == 2 { b"\0\x05X.509" } else { b"" };
    [kind, &(der.len() as u32).to_be_bytes(), der].concat()
}

fn java_entry(tag: u32, alias: &str, rest: &[u8]) -> Vec<u8> {
    let alias = [&(alias.len() as u16).to_be_bytes()[..], alias.as_bytes()].concat();
    [&tag.to_be_bytes()[..], &alias, &[0; 8], rest].concat()
}

#[test]
fn both_versions_of_jks_are_read_and_others_refused() {
    for version in [1, 2] {
        let entry = java_entry(2, "ca", &java_certificate(version, &octets("c.der")));
        let store = read(KeyStoreKind::Jks, &jks(version, &[&entry])).unwrap();
        assert_eq!(only(&store).certificate().unwrap().der(), octets("c.der"));
    }
    let error = read(KeyStoreKind::Jks, &jks(3, &[])).unwrap_err();
    assert_eq!(
        error.fault,
        StoreFault::Damaged {
            what: "version 1 or 2",
            at: 4
        }
    );
    let error = read(KeyStoreKind::Jks, &jks(2, &[])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("neither a key nor a certificate"),
        "{error}"
    );
}

#[test]
fn entries_of_jks_that_are_wrong_say_where() {
    let good = java_entry(2, "ca", &java_certificate(2, &octets("c.der")));
    let unknown = java_entry(7, "what", b"");
    let pgp = java_entry(2, "pgp", b"\0\x03PGP\0\0\0\0");
    let long = java_entry(2, "long", b"\0\x05X.509\xff\xff\xff\xff");
    for (entry, what) in [
        (&unknown, "tag of an entry"),
        (&pgp, "certificate of the type X.509"),
        (&long, "certificate"),
    ] {
        let error = read(KeyStoreKind::Jks, &jks(2, &[&good, entry])).unwrap_err();
        assert!(
            matches!(error.fault, StoreFault::Damaged { what: found, at } if found == what && at > good.len()),
            "{error}"
        );
    }
    let mut surplus = jks(2, &[&good]);
    surplus.splice(11..12, [0]);
    let surplus = [&surplus[..surplus.len() - 20], &[0; 20]].concat();
    let error = read(KeyStoreKind::Jks, &surplus).unwrap_err();
    assert_eq!(
        error.fault,
        StoreFault::Damaged {
            what: "end of the entries",
            at: 12
        }
    );
}

#[test]
fn a_key_beside_the_certificate_of_another_is_refused() {
    let (key, other) = (octets("k.jks"), octets("leaf.cer"));
    let own = octets("c.der");
    let at = key.windows(own.len()).position(|part| part == own).unwrap();
    let length = (other.len() as u32).to_be_bytes();
    let body = [
        &key[..at - 4],
        &length,
        &other,
        &key[at + own.len()..key.len() - 20],
    ]
    .concat();
    let sum = openssl::sha::sha1(&[&utf16("secret")[..], b"Mighty Aphrodite", &body].concat());
    let error = read(KeyStoreKind::Jks, &[&body[..], &sum].concat()).unwrap_err();
    assert!(
        error.to_string().contains("not that of its certificate"),
        "{error}"
    );
}

// Texts

#[test]
fn jwk_of_other_kinds_and_wrong_ones_are_told_apart() {
    let ed25519 = r#"{"kty":"OKP","crv":"Ed25519","kid":"rfc8037","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let store = read(KeyStoreKind::Jwk, ed25519.as_bytes()).unwrap();
    // The public key of RFC 8037, A.2.
    let public = EntryDescription::of(only(
        &read(
            KeyStoreKind::Jwk,
            ed25519.replace("\"d\"", "\"_\"").as_bytes(),
        )
        .unwrap(),
    ));
    assert_eq!(
        public_of(only(&store)),
        public.public_key.unwrap().public_key
    );
    for (json, told) in [
        ("{", "no JSON at line 1"),
        ("{}", "none of the kty"),
        ("[]", "is no object"),
        (r#"{"kty":"RSA"}"#, "\"n\" is missing"),
        (
            r#"{"kty":"RSA","n":"????","e":"AQAB"}"#,
            "\"n\" is missing or no base64url",
        ),
        (r#"{"kty":"EC","crv":"P-1"}"#, "curve P-1"),
        (
            r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#,
            "do not belong together",
        ),
        (r#"{"kty":"OKP","crv":"X25519"}"#, "X25519"),
        (
            r#"{"kty":"oct","k":"AQ"}"#,
            "neither a key nor a certificate",
        ),
        (r#"{"keys":[]}"#, "neither a key nor a certificate"),
        (r#"{"keys":[7]}"#, "is no object"),
    ] {
        let error = read(KeyStoreKind::Jwk, json.as_bytes()).unwrap_err();
        let error = if matches!(error.fault, StoreFault::OtherKind { .. }) {
            continue;
        } else {
            error.to_string()
        };
        assert!(error.contains(told), "{json}: {error}");
    }
    let rsa = String::from_utf8(octets("leaf.jwk")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&rsa).unwrap();
    json["x5c"] = serde_json::json!("text");
    let error = read(KeyStoreKind::Jwk, json.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("x5c"), "{error}");
    json.as_object_mut().unwrap().remove("x5c");
    json.as_object_mut().unwrap().remove("qi");
    let error = read(KeyStoreKind::Jwk, json.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("\"qi\" is missing"), "{error}");
}

#[test]
fn xml_without_its_numbers_says_which_are_missing() {
    let whole = String::from_utf8(octets("leaf.xml")).unwrap();
    for name in ["Modulus", "Exponent", "P", "Q", "InverseQ"] {
        let changed = whole
            .replace(&format!("<{name}>"), "<X>")
            .replace(&format!("</{name}>"), "</X>");
        let error = read(KeyStoreKind::Xml, changed.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("{name} is missing")), "{error}");
    }
    let error = read(KeyStoreKind::Xml, b"<a><b></a>")
        .unwrap_err()
        .to_string();
    assert!(error.contains("no XML at line 1"), "{error}");
    let error = read(KeyStoreKind::Xml, b"<a/>").unwrap_err().to_string();
    assert!(error.contains("neither a key nor a certificate"), "{error}");
    let public = whole.replace("<D>", "<X>").replace("</D>", "</X>");
    let store = read(KeyStoreKind::Xml, public.as_bytes()).unwrap();
    assert!(only(&store).key().is_none());
}

#[test]
fn lines_of_ppk_that_are_missing_or_wrong_are_named() {
    let whole = String::from_utf8(octets("v3.ppk")).unwrap();
    for name in [
        "Encryption",
        "Comment",
        "Public-Lines",
        "Key-Derivation",
        "Argon2-Memory",
        "Argon2-Passes",
        "Argon2-Parallelism",
        "Argon2-Salt",
        "Private-Lines",
        "Private-MAC",
    ] {
        let changed = whole.replace(&format!("\n{name}:"), "\nOther:");
        let error = read(KeyStoreKind::Ppk, changed.as_bytes()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("{name:?} is missing or wrong")),
            "{error}"
        );
    }
    for (from, to, told) in [
        (
            "PuTTY-User-Key-File-3",
            "PuTTY-User-Key-File-1",
            "PuTTY-User-Key-File-1",
        ),
        ("aes256-cbc", "aes512-cbc", "aes512-cbc"),
        ("Argon2id", "Argon3", "Argon3"),
        (
            "Argon2-Parallelism: 1",
            "Argon2-Parallelism: 65",
            "65 where at most 64",
        ),
        (
            "Public-Lines: ",
            "Public-Lines: 99999",
            "where at most 10000",
        ),
    ] {
        let error = read(KeyStoreKind::Ppk, whole.replace(from, to).as_bytes()).unwrap_err();
        assert!(
            error.to_string().contains(told) || matches!(error.fault, StoreFault::Form(_)),
            "{told}: {error}"
        );
    }
}

#[test]
fn public_lines_of_openssh_that_are_wrong_or_of_no_use_are_refused() {
    for (text, told) in [
        ("ssh-rsa", "no public key"),
        ("ssh-rsa ????", "no public key"),
        ("ssh-rsa AAAAB3NzaC1yc2E=", "exponent"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "ssh-dss"),
        (
            "---- BEGIN SSH2 PUBLIC KEY ----\n????\n---- END SSH2 PUBLIC KEY ----",
            "no base64",
        ),
    ] {
        let error = read(KeyStoreKind::Ssh, text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(told), "{text}: {error}");
    }
    let line = String::from_utf8(octets("ssh.plain.pub")).unwrap();
    let several = format!(
        "# a file of authorized keys\n\n{line}{}",
        String::from_utf8(octets("ssh.ecdsa.pub")).unwrap()
    );
    assert_eq!(
        read(KeyStoreKind::Ssh, several.as_bytes())
            .unwrap()
            .entries()
            .len(),
        2
    );
}

#[test]
fn pem_passes_over_what_is_no_key_and_refuses_unknown_encryption() {
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let text = format!(
        "{parameters}{}",
        String::from_utf8(octets("ec.sec1.pem")).unwrap()
    );
    let store = read(KeyStoreKind::Pem, text.as_bytes()).unwrap();
    assert_eq!(store.passed_over(), ["a block EC PARAMETERS"]);
    assert_eq!(public_of(only(&store)), public_pem("ec.pub.pem"));
    let traditional = String::from_utf8(octets("trad.aes128.pem")).unwrap();
    for (from, to) in [
        ("AES-128-CBC,", "IDEA-CBC,"),
        ("DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC,zz"),
        ("AES-128-CBC,", ""),
    ] {
        let error = read(KeyStoreKind::Pem, traditional.replace(from, to).as_bytes()).unwrap_err();
        assert!(
            matches!(error.fault, StoreFault::Algorithm { .. }),
            "{to}: {error}"
        );
    }
}

#[test]
fn keys_of_no_use_are_refused_by_kind() {
    let x25519 = PKey::generate_x25519()
        .unwrap()
        .private_key_to_pem_pkcs8()
        .unwrap();
    let error = read(KeyStoreKind::Pem, &x25519).unwrap_err();
    assert!(error.to_string().contains("OFTP has no use for"), "{error}");
}
