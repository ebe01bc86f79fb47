//! Every kind of store, as other programs make them: the keys are those that openssl says they are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use pointsman_keys::{KeyStore, KeyStoreKind, StoreFault, StoreReading};
use support::{octets, only, public_of, public_pem, read, read_with, sha256};

use KeyStoreKind::*;

/// A file, its kind, the public key of its private key, the subject of its certificate, and its alias.
type Row = (
    &'static str,
    KeyStoreKind,
    &'static str,
    &'static str,
    &'static str,
);

const ONE_KEY: &[Row] = &[
    // openssl and keytool.
    ("modern.p12", Pfx, "k.pub.pem", V8, "v8"),
    ("legacy.p12", Pfx, "k.pub.pem", V8, "v8"),
    ("kt.p12", Pfx, "k.pub.pem", V8, "v8"),
    (
        "leaf.PBE-SHA1-RC2-128.p12",
        Pfx,
        "leaf.pub.pem",
        LEAF,
        "leaf",
    ),
    (
        "leaf.PBE-SHA1-RC2-40.p12",
        Pfx,
        "leaf.pub.pem",
        LEAF,
        "leaf",
    ),
    (
        "leaf.PBE-SHA1-RC4-128.p12",
        Pfx,
        "leaf.pub.pem",
        LEAF,
        "leaf",
    ),
    ("leaf.PBE-SHA1-3DES.p12", Pfx, "leaf.pub.pem", LEAF, "leaf"),
    ("leaf.AES-128-CBC.p12", Pfx, "leaf.pub.pem", LEAF, "leaf"),
    ("leaf.AES-256-CBC.p12", Pfx, "leaf.pub.pem", LEAF, "leaf"),
    ("nomac.p12", Pfx, "leaf.pub.pem", LEAF, "leaf"),
    ("ec.p12", Pfx, "ec.pub.pem", "CN=ec.nordwerk.example", "ec"),
    ("k.jks", Jks, "k.pub.pem", V8, "v8"),
    ("k.jceks", Jceks, "k.pub.pem", V8, "v8"),
    // Bouncy Castle.
    ("k.bcfks", Bcfks, "k.pub.pem", V8, "v8"),
    // openssl.
    ("k.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.pem", Pem, "k.pub.pem", "", ""),
    ("enc8v1.pem", Pem, "k.pub.pem", "", ""),
    ("enc8scrypt.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.hmacWithSHA1.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.hmacWithSHA512.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.des3.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.PBE-SHA1-DES.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.PBE-MD5-RC2-64.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.PBE-SHA1-RC2-40.pem", Pem, "k.pub.pem", "", ""),
    ("enc8.PBE-SHA1-3DES.pem", Pem, "k.pub.pem", "", ""),
    ("rsa.pem", Pem, "k.pub.pem", "", ""),
    ("trad3des.pem", Pem, "k.pub.pem", "", ""),
    ("tradaes.pem", Pem, "k.pub.pem", "", ""),
    ("trad.aes128.pem", Pem, "k.pub.pem", "", ""),
    ("trad.aes192.pem", Pem, "k.pub.pem", "", ""),
    ("trad.aes256.pem", Pem, "k.pub.pem", "", ""),
    ("trad.des.pem", Pem, "k.pub.pem", "", ""),
    ("trad.des3.pem", Pem, "k.pub.pem", "", ""),
    ("ec.sec1.pem", Pem, "ec.pub.pem", "", ""),
    ("ec.pem", Pem, "ec.pub.pem", "", ""),
    ("bags.pem", Pem, "k.pub.pem", V8, "v8"),
    ("both.pem", Pem, "leaf.pub.pem", LEAF, ""),
    ("enc8.der", Der, "k.pub.pem", "", ""),
    ("k.pk8", Der, "k.pub.pem", "", ""),
    ("k.pk1", Der, "k.pub.pem", "", ""),
    // ssh-keygen, then puttygen.
    ("ossh", Ssh, "k.pub.pem", "", ""),
    ("ossh2", Ssh, "k.pub.pem", "", "*"),
    ("ssh.plain", Ssh, "k.pub.pem", "", ""),
    ("ssh.aes128-ctr", Ssh, "k.pub.pem", "", ""),
    ("ssh.aes256-cbc", Ssh, "k.pub.pem", "", ""),
    ("ssh.3des-cbc", Ssh, "k.pub.pem", "", ""),
    ("ssh.aes256-gcm@openssh.com", Ssh, "k.pub.pem", "", ""),
    ("v2.ppk", Ppk, "k.pub.pem", "", "*"),
    ("v3.ppk", Ppk, "k.pub.pem", "", "*"),
    ("v3plain.ppk", Ppk, "k.pub.pem", "", "*"),
    // Python's cryptography.
    ("leaf.jwk", Jwk, "leaf.pub.pem", LEAF, "leaf"),
    ("leaf.xml", Xml, "leaf.pub.pem", "", ""),
];

const V8: &str = "CN=v8, O=V8, C=DE";

const LEAF: &str = "emailAddress=oftp@nordwerk.example, CN=oftp.nordwerk.example, OU=EDI, O=Nordwerk, L=Kassel, ST=Hessen, C=DE";

#[test]
fn every_kind_is_found_out_and_has_the_key_that_openssl_says() {
    for &(name, kind, public, subject, alias) in ONE_KEY {
        let store = read(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(store.kind(), kind, "{name}");
        let entry = &store.entries()[0];
        assert_eq!(public_of(entry), public_pem(public), "{name}");
        let found = entry
            .certificate()
            .map(|one| one.subject())
            .unwrap_or_default();
        assert_eq!(found, subject, "{name}");
        if alias != "*" {
            assert_eq!(entry.alias().unwrap_or_default(), alias, "{name}");
        }
    }
}

#[test]
fn a_kind_that_is_said_is_read_as_that() {
    for &(name, kind, public, ..) in ONE_KEY {
        let said = |kind| StoreReading {
            kind: Some(kind),
            password: Some("secret"),
            name,
            ..StoreReading::default()
        };
        let store = KeyStore::read(&octets(name), &said(kind)).unwrap();
        assert_eq!(public_of(&store.entries()[0]), public_pem(public), "{name}");
        for other in KeyStoreKind::ALL {
            // PEM may have a key of OpenSSH in it.
            if other == kind || (kind, other) == (Ssh, Pem) {
                continue;
            }
            let error = KeyStore::read(&octets(name), &said(other)).unwrap_err();
            assert_eq!(
                error.fault,
                StoreFault::OtherKind {
                    said: other,
                    found: Some(kind)
                },
                "{name} as {other}"
            );
            let told = error.to_string();
            assert!(
                told.contains(&format!("looks like {kind}")) && told.contains("leave the kind out"),
                "{told}"
            );
        }
    }
}

/// Files whose key is not encrypted; those whose checksum alone has the password are not among them.
const OPEN: &[&str] = &[
    "k.pem",
    "rsa.pem",
    "ec.sec1.pem",
    "ec.pem",
    "bags.pem",
    "both.pem",
    "k.pk8",
    "k.pk1",
    "ssh.plain",
    "v3plain.ppk",
    "leaf.jwk",
    "leaf.xml",
];

#[test]
fn a_wrong_password_and_none_are_told_apart() {
    for &(name, ..) in ONE_KEY {
        let wrong = read_with(name, Some("geheim"));
        let none = read_with(name, None);
        if OPEN.contains(&name) {
            assert!(wrong.is_ok() && none.is_ok(), "{name}");
            continue;
        }
        let wrong = wrong.expect_err(name);
        assert!(
            matches!(wrong.fault, StoreFault::PasswordWrong(_)),
            "{name}: {wrong}"
        );
        assert!(!wrong.to_string().contains("geheim"), "{wrong}");
        let none = none.expect_err(name);
        assert!(
            matches!(none.fault, StoreFault::PasswordMissing(_)),
            "{name}: {none}"
        );
    }
}

#[test]
fn certificates_without_keys_are_read() {
    for (name, kind) in [
        ("c.pem", Pem),
        ("c.der", Der),
        ("c.p7b", P7b),
        ("leaf.cer", Der),
        ("trust.jks", Jks),
        ("trust.jceks", Jceks),
        ("leaf.pub.xml", Xml),
    ] {
        let store = read(name).unwrap_or_else(|error| panic!("{error}"));
        let entry = only(&store);
        assert_eq!(
            (store.kind(), entry.key().is_none(), entry.chain().len()),
            (kind, true, 1),
            "{name}"
        );
    }
    for name in ["chain.p7b", "chain.p7b.pem"] {
        let store = read(name).unwrap();
        let subjects: Vec<String> = store
            .entries()
            .iter()
            .map(|entry| entry.certificate().unwrap().subject())
            .collect();
        assert_eq!(
            (store.kind(), &subjects[..]),
            (P7b, &[LEAF.to_owned(), CA.to_owned()][..]),
            "{name}"
        );
    }
}

const CA: &str = "CN=Test CA, O=\"Test, Trust & Co\", C=DE";

#[test]
fn java_shows_certificates_of_stores_without_their_password() {
    for name in ["trust.jks", "trust.jceks"] {
        let store = read_with(name, None).unwrap();
        assert_eq!(
            (only(&store).alias(), only(&store).key().is_none()),
            (Some("the ca"), true),
            "{name}"
        );
        assert!(matches!(
            read_with(name, Some("x")).unwrap_err().fault,
            StoreFault::PasswordWrong("the store")
        ));
    }
}

#[test]
fn stores_with_several_entries_are_those_that_keytool_lists() {
    for kind in ["pkcs12", "jks", "jceks"] {
        let store = read(&format!("several.{kind}")).unwrap();
        let mut found: Vec<(String, String, bool)> = store
            .entries()
            .iter()
            .map(|entry| {
                (
                    entry.alias().unwrap().to_owned(),
                    sha256(entry),
                    entry.key().is_some(),
                )
            })
            .collect();
        found.sort();
        assert_eq!(found, listed(&format!("several.{kind}.list")), "{kind}");
        let leaf = store
            .entries()
            .iter()
            .find(|entry| entry.alias() == Some("leaf"))
            .unwrap();
        assert_eq!(leaf.chain().len(), 2, "{kind}");
        assert_eq!(leaf.chain()[1].subject(), CA);
    }
}

/// Alias, SHA-256 and whether there is a private key, as `keytool -list` printed them.
fn listed(name: &str) -> Vec<(String, String, bool)> {
    let text = String::from_utf8(octets(name)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut entries: Vec<(String, String, bool)> = lines
        .windows(2)
        .filter_map(|pair| {
            let sha256 = pair[1].strip_prefix("Certificate fingerprint (SHA-256): ")?;
            let alias = pair[0].split_once(',')?.0;
            Some((
                alias.to_owned(),
                sha256.to_owned(),
                pair[0].contains("PrivateKeyEntry"),
            ))
        })
        .collect();
    entries.sort();
    entries
}

#[test]
fn keys_in_jks_may_have_a_password_of_their_own() {
    let store = octets("second.jks");
    let read = |key_password| {
        let reading = StoreReading {
            password: Some("secret"),
            key_password,
            name: "second.jks",
            ..StoreReading::default()
        };
        KeyStore::read(&store, &reading)
    };
    assert_eq!(
        public_of(&read(Some("second")).unwrap().entries()[0]),
        public_pem("k.pub.pem")
    );
    let error = read(None).unwrap_err();
    assert_eq!(
        error.fault,
        StoreFault::PasswordWrong("a private key in it")
    );
}

#[test]
fn empty_passwords_and_those_beyond_ascii_are_passwords() {
    for password in [Some(""), None] {
        let store = read_with("empty.p12", password).unwrap();
        assert_eq!(public_of(&store.entries()[0]), public_pem("leaf.pub.pem"));
    }
    let store = read_with("umlaut.p12", Some("pässwörd €")).unwrap();
    assert_eq!(public_of(&store.entries()[0]), public_pem("k.pub.pem"));
    assert!(read_with("umlaut.p12", Some("passwoerd")).is_err());
    let error = read_with("k.jceks", Some("pässwörd")).unwrap_err();
    assert_eq!(
        error.fault,
        StoreFault::PasswordCharacters("a key in JCEKS")
    );
}

#[test]
fn public_keys_are_those_of_openssl_and_ssh_keygen() {
    for (name, kind, public) in [
        ("k.pub.pem", Pem, "k.pub.pem"),
        ("k.pub.der", Der, "k.pub.pem"),
        ("ssh.plain.pub", Ssh, "k.pub.pem"),
        ("ssh.rfc4716.pub", Ssh, "k.pub.pem"),
    ] {
        let store = read_with(name, None).unwrap();
        let entry = only(&store);
        let shown = pointsman_keys::EntryDescription::of(entry)
            .public_key
            .unwrap()
            .public_key;
        assert_eq!((store.kind(), shown), (kind, public_pem(public)), "{name}");
        assert!(entry.key().is_none() && entry.certificate().is_none());
    }
}

#[test]
fn keys_of_openssh_of_other_kinds_belong_to_their_public_halves() {
    for name in ["ssh.ed25519", "ssh.ecdsa"] {
        let private = read(name).unwrap();
        let public = read(&format!("{name}.pub")).unwrap();
        let shown = pointsman_keys::EntryDescription::of(only(&public))
            .public_key
            .unwrap()
            .public_key;
        assert_eq!(public_of(only(&private)), shown, "{name}");
        assert_eq!(only(&private).alias(), Some("a@b"));
    }
}

#[test]
fn a_set_of_jwk_has_all_its_keys() {
    let store = read_with("set.jwks", None).unwrap();
    assert_eq!(store.kind(), Jwk);
    let keys: Vec<(Option<&str>, String)> = store
        .entries()
        .iter()
        .map(|entry| (entry.alias(), public_of(entry)))
        .collect();
    // The third is the public half of the first.
    assert_eq!(
        keys,
        [
            (Some("leaf"), public_pem("leaf.pub.pem")),
            (Some("ec"), public_pem("ec.pub.pem"))
        ]
    );
    assert_eq!(store.entries()[0].chain().len(), 2);
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let told = |name: &str| read(name).unwrap_err().to_string();
    let chacha = told("ssh.chacha20-poly1305@openssh.com");
    assert!(
        chacha.contains("chacha20-poly1305") && chacha.contains("ssh-keygen -p -Z aes256-ctr"),
        "{chacha}"
    );
    let secret = told("secretkey.jceks");
    assert!(
        secret.contains("\"aes\"") && secret.contains("keytool -delete"),
        "{secret}"
    );
    let other = told("make.sh");
    assert!(
        other.starts_with("make.sh: it is no store") && other.contains("bcfks"),
        "{other}"
    );
}

#[test]
fn blobs_in_base64_and_utf16_are_read() {
    for name in ["modern.p12", "k.jks", "k.bcfks", "c.der", "c.p7b"] {
        let base64 = openssl::base64::encode_block(&octets(name));
        let wrapped: String = base64
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\r\n", str::from_utf8(line).unwrap()))
            .collect();
        for text in [base64, wrapped] {
            let reading = StoreReading {
                password: Some("secret"),
                ..StoreReading::default()
            };
            let store = KeyStore::read(text.as_bytes(), &reading)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(store.kind(), read(name).unwrap().kind());
        }
    }
    let pem = public_pem("both.pem");
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(pem.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for octets in [utf16, [b"\xef\xbb\xbf", pem.as_bytes()].concat()] {
        let store = KeyStore::read(&octets, &StoreReading::default()).unwrap();
        assert_eq!(public_of(&store.entries()[0]), public_pem("leaf.pub.pem"));
    }
}

#[test]
fn pfx_in_ber_is_read_as_in_der() {
    for name in ["modern.p12", "legacy.p12", "several.pkcs12", "chain.p7b"] {
        let ber = indefinite(&octets(name));
        assert_ne!(ber, octets(name));
        let reading = StoreReading {
            password: Some("secret"),
            ..StoreReading::default()
        };
        let (der, ber) = (read(name).unwrap(), KeyStore::read(&ber, &reading).unwrap());
        let lines = |store: &KeyStore| -> Vec<String> {
            store.entries().iter().map(|e| e.to_string()).collect()
        };
        assert_eq!(
            (lines(&ber), ber.kind()),
            (lines(&der), der.kind()),
            "{name}"
        );
    }
}

/// DER with indefinite lengths and octet strings in segments, as Bouncy Castle writes PFX; certificates stay as they are.
fn indefinite(der: &[u8]) -> Vec<u8> {
    let mut ber = Vec::new();
    let mut rest = der;
    while let [tag, first, ..] = *rest {
        let count = if first < 0x80 {
            0
        } else {
            usize::from(first & 0x7f)
        };
        let length = match count {
            0 => usize::from(first),
            _ => rest[2..2 + count]
                .iter()
                .fold(0, |sum, &octet| sum << 8 | usize::from(octet)),
        };
        let end = 2 + count + length;
        let (whole, body) = (&rest[..end], &rest[2 + count..end]);
        match tag {
            // The certificates of a P7B are a sequence that begins with a sequence that begins with [0].
            0x30 if body.first() == Some(&0x30)
                && body.iter().skip(1).take(8).any(|&octet| octet == 0xa0) =>
            {
                ber.extend(whole)
            }
            0x30 | 0x31 | 0xa0 => {
                ber.extend([tag, 0x80]);
                ber.extend(indefinite(body));
                ber.extend([0, 0]);
            }
            4 if length > 60 => {
                ber.extend([0x24, 0x80]);
                for chunk in body.chunks(50) {
                    ber.extend([4, chunk.len() as u8]);
                    ber.extend(chunk);
                }
                ber.extend([0, 0]);
            }
            _ => ber.extend(whole),
        }
        rest = &rest[end..];
    }
    ber
}

#[test]
fn identities_for_files_are_rsa_pairs() {
    let identity = read("leaf.AES-256-CBC.p12").unwrap().entries()[0]
        .identity()
        .unwrap()
        .unwrap();
    assert_eq!(identity.certificate().der(), octets("leaf.cer"));
    assert!(
        read("ec.p12").unwrap().entries()[0]
            .identity()
            .unwrap()
            .is_err()
    );
    assert!(read("k.pem").unwrap().entries()[0].identity().is_none());
}

#[test]
fn certificate_and_key_of_two_files_become_one_entry() {
    let certificate = read("chain.p7b").unwrap();
    let key = read("leaf.xml").unwrap();
    let leaf = certificate.entries()[0].certificate().unwrap().clone();
    assert!(key.key_of(&leaf).is_some() && read("k.pem").unwrap().key_of(&leaf).is_none());
    let joined = certificate.joined(key).unwrap();
    let entry = only(&joined);
    assert_eq!(
        (public_of(entry), entry.chain().len()),
        (public_pem("leaf.pub.pem"), 2)
    );
    let apart = read("c.pem")
        .unwrap()
        .joined(read("leaf.xml").unwrap())
        .unwrap();
    assert_eq!(apart.entries().len(), 2);
}

#[test]
fn debug_output_has_no_key() {
    let shown = format!("{:?}", read("leaf.jwk").unwrap());
    assert!(
        shown.contains("StoredKey(RSA)") && shown.len() < 4000,
        "{shown}"
    );
}
