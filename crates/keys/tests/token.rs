//! A token (SoftHSM) whose key signs, opens and never leaves it. What is asked of the token is in the test that has its
//! own process, since the library finds its tokens by the environment.

#![cfg(feature = "pkcs11")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, CertificateType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use oftp::{CipherSuite, Security};
use pointsman_cms::{
    Announced, CmsError, FileTolerances, Identity, Limits, Opening, SecurityStage, Suite, Wrapping,
};
use pointsman_keys::{
    KeyStore, KeyStoreEntry, KeyStoreError, KeyWanted, StoreReading, WantedSubject,
};
use support::{only, path};

const PIN: &str = "123456";

/// Where Debian has it; `POINTSMAN_SOFTHSM` names another place.
fn library() -> Option<PathBuf> {
    let named = std::env::var_os("POINTSMAN_SOFTHSM").map(PathBuf::from);
    let library = named.unwrap_or_else(|| "/usr/lib/softhsm/libsofthsm2.so".into());
    library.is_file().then_some(library)
}

#[test]
fn a_key_on_a_token_does_what_one_in_a_file_does() {
    if library().is_none() {
        support::tools::skip_without("softhsm", "SoftHSM is not here (Debian's softhsm2)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    fs::write(
        &configuration,
        format!("directories.tokendir = {}\n", tokens.display()),
    )
    .unwrap();
    for label in ["station", "empty"] {
        softhsm(
            &configuration,
            &[
                "--init-token",
                "--free",
                "--label",
                label,
                "--so-pin",
                "987654",
            ],
        );
    }
    let key = path("leaf.key").display().to_string();
    let import = [
        "--import", &key, "--token", "station", "--label", "own", "--id", "a1",
    ];
    softhsm(&configuration, &import);
    let ran = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "what_a_token_is_asked",
            "--ignored",
            "--nocapture",
        ])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    let wrong = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}{wrong}");
    assert!(told.contains("1 passed"), "{told}");
}

fn softhsm(configuration: &Path, arguments: &[&str]) {
    let ran = Command::new("softhsm2-util")
        .args(arguments)
        .args(["--pin", PIN])
        .env("SOFTHSM2_CONF", configuration)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
#[ignore = "the test above starts it, with a token"]
fn what_a_token_is_asked() {
    let library = library().unwrap();
    a_wrong_pin_is_named(&library);
    put_certificate(&library);
    let store = read(&library, Some("station"), PIN).unwrap();
    let entry = only(&store);
    assert_eq!(entry.alias(), Some("own"));
    assert!(entry.certificate().unwrap().subject().contains("CN="));
    it_is_not_given_out(entry);
    it_is_found_by_its_subject(&store);
    let own = entry.identity().unwrap().unwrap();
    for number in 1..=7 {
        let suite = suite(number);
        let file = wrapped(suite, &own, b"EDIFACT");
        let opened = open(&opening(suite, &own), &file);
        assert_eq!(opened.unwrap(), b"EDIFACT", "suite {number}");
        damage_is_told_as_of_a_file(suite, &own, &file);
        it_is_one_pair_with_the_file(suite, &own, &file);
    }
    it_signs_with_pss(&own);
    let empty = wrapped(suite(4), &own, b"");
    assert!(open(&opening(suite(4), &own), &empty).unwrap().is_empty());
    mistakes_are_named(&library);
}

/// While nobody is logged in: a token that somebody is logged in to takes every PIN.
fn a_wrong_pin_is_named(library: &Path) {
    let told = read(library, Some("station"), "111111").unwrap_err();
    let told = told.to_string();
    assert!(
        told.contains("the password is wrong for the token (its PIN)"),
        "{told}"
    );
}

/// As an operator does with the tool of the token's maker.
fn put_certificate(library: &Path) {
    let module = Pkcs11::new(library).unwrap();
    // `a_wrong_pin_is_named` has initialized the library.
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = module.get_slots_with_initialized_token().unwrap();
    let labelled = |label: &str| {
        let mut slots = slots.iter();
        *slots
            .find(|slot| module.get_token_info(**slot).unwrap().label() == label)
            .unwrap()
    };
    let session = module.open_rw_session(labelled("station")).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::from(PIN.to_owned())))
        .unwrap();
    let certificate = support::read("leaf.pem").unwrap();
    let der = only(&certificate).certificate().unwrap().der().to_vec();
    session
        .create_object(&[
            Attribute::Class(ObjectClass::CERTIFICATE),
            Attribute::CertificateType(CertificateType::X_509),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Label(b"own".to_vec()),
            Attribute::Id(vec![0xa1]),
            Attribute::Subject(vec![0x30, 0]),
            Attribute::Value(der),
        ])
        .unwrap();
}

fn read(library: &Path, token: Option<&str>, pin: &str) -> Result<KeyStore, KeyStoreError> {
    let reading = StoreReading {
        password: Some(pin),
        token,
        name: "station.keys[0]",
        ..StoreReading::default()
    };
    KeyStore::of_token(library, &reading)
}

fn it_is_not_given_out(entry: &KeyStoreEntry) {
    let key = entry.key().unwrap();
    let refused = key.to_pkcs8().unwrap_err().to_string();
    assert!(refused.contains("held by a token"), "{refused}");
    assert_eq!(format!("{key:?}"), "StoredKey(RSA, held by a token)");
}

fn it_is_found_by_its_subject(store: &KeyStore) {
    let subject = only(store).certificate().unwrap().subject();
    for text in [subject.as_str(), "own"] {
        let wanted = WantedSubject::Named(text.to_owned());
        assert!(store.select(&wanted, KeyWanted::Yes).is_ok(), "{text}");
    }
}

fn suite(number: u8) -> Suite {
    Suite::of(CipherSuite::new(number).unwrap()).unwrap()
}

fn wrapped(suite: Suite, own: &Identity, content: &[u8]) -> Vec<u8> {
    let wrapping = Wrapping {
        suite,
        sign: vec![own.clone()],
        with_certificates: false,
        compress: None,
        encrypt: vec![own.certificate().clone()],
        overlap: false,
    };
    let mut wrapper = wrapping.write_to(Vec::new()).unwrap();
    wrapper.write_all(content).unwrap();
    wrapper.finish().unwrap().0
}

fn opening(suite: Suite, own: &Identity) -> Opening {
    Opening {
        announced: Announced {
            security: Security::EncryptedAndSigned,
            compressed: false,
            suite,
        },
        own: vec![own.clone()],
        partner: vec![own.certificate().clone()],
        limits: Limits {
            largest: 1 << 20,
            ratio: Limits::RATIO,
        },
        tolerances: FileTolerances::default(),
        overlap: false,
    }
}

fn open(opening: &Opening, file: &[u8]) -> Result<Vec<u8>, CmsError> {
    let mut opener = opening.read_from(std::io::Cursor::new(file.to_vec()))?;
    let mut content = Vec::new();
    let read = opener.read_to_end(&mut content);
    opener.finish()?;
    read.unwrap();
    Ok(content)
}

/// The encrypted key is changed at its every 16th octet: what comes of it is what a key in a file makes of it.
fn damage_is_told_as_of_a_file(suite: Suite, own: &Identity, file: &[u8]) {
    let beside = from_file();
    // The encrypted key is the only OCTET STRING of 256 octets.
    let at = file
        .windows(4)
        .position(|head| head == [4, 0x82, 1, 0])
        .unwrap()
        + 4;
    for octet in (at..at + 256).step_by(16) {
        let mut damaged = file.to_vec();
        damaged[octet] ^= 1;
        let by_token = open(&opening(suite, own), &damaged).unwrap_err();
        let by_file = open(&opening(suite, &beside), &damaged).unwrap_err();
        assert_eq!(by_token.stage(), SecurityStage::Decryption);
        assert_eq!(by_token.to_string(), by_file.to_string(), "octet {octet}");
    }
}

fn it_is_one_pair_with_the_file(suite: Suite, own: &Identity, by_token: &[u8]) {
    let beside = from_file();
    assert_eq!(
        open(&opening(suite, &beside), by_token).unwrap(),
        b"EDIFACT"
    );
    let by_file = wrapped(suite, &beside, b"DESADV");
    assert_eq!(open(&opening(suite, own), &by_file).unwrap(), b"DESADV");
}

/// Suites 08 and 09. (This token decrypts OAEP with SHA-1 alone.)
fn it_signs_with_pss(own: &Identity) {
    for number in [8, 9] {
        let wrapping = Wrapping {
            suite: suite(number),
            sign: vec![own.clone()],
            with_certificates: false,
            compress: None,
            encrypt: Vec::new(),
            overlap: false,
        };
        let mut wrapper = wrapping.write_to(Vec::new()).unwrap();
        wrapper.write_all(b"EDIFACT").unwrap();
        let (file, _) = wrapper.finish().unwrap();
        let mut signed = opening(suite(number), own);
        signed.announced.security = Security::Signed;
        assert_eq!(open(&signed, &file).unwrap(), b"EDIFACT", "suite {number}");
    }
}

fn from_file() -> Identity {
    let key = support::read("both.pem").unwrap();
    let wanted = KeyWanted::Yes;
    let entry = key.select(&WantedSubject::Only, wanted).unwrap();
    entry.identity().unwrap().unwrap()
}

fn mistakes_are_named(library: &Path) {
    let told = |token, pin| read(library, token, pin).unwrap_err().to_string();
    let several = told(None, PIN);
    for part in [
        "station.keys[0], read as pkcs11",
        "several tokens",
        "station",
        "empty",
    ] {
        assert!(several.contains(part), "{several}");
    }
    assert!(told(Some("other"), PIN).contains("not one token with the label \"other\""));
    assert!(told(Some("empty"), PIN).contains("neither a key nor a certificate"));
    let no_library = KeyStore::of_token(Path::new("/dev/null"), &StoreReading::default());
    let told = no_library.unwrap_err().to_string();
    assert!(told.contains("no PKCS#11 library"), "{told}");
}
