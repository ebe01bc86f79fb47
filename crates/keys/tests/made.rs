//! A pair that is made: what is in it, what is written, and that openssl and our own readers take it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::LazyLock;

use pointsman_keys::make::{self, KeyLength, KeyPair, MakeError, StationName};
use pointsman_keys::{CertificateDescription, KeyStore, StoreReading};

static PAIR: LazyLock<KeyPair> = LazyLock::new(|| {
    let subject =
        "CN=oftp.nordwerk.example, O=\"Nordwerk, Söhne\", C=DE, serialNumber=O0013000007NORDWERK";
    let hosts = ["oftp.nordwerk.example", "oftp2.nordwerk.example"];
    KeyPair::make(
        StationName::new(subject, &hosts).unwrap(),
        KeyLength::default(),
        730,
    )
    .unwrap()
});

fn reading<'a>(password: Option<&'a str>) -> StoreReading<'a> {
    StoreReading {
        password,
        ..StoreReading::default()
    }
}

#[test]
fn the_certificate_is_for_all_that_partners_use_it_for() {
    let shown = CertificateDescription::of(PAIR.certificate());
    assert_eq!(
        shown.subject,
        "CN=oftp.nordwerk.example, O=\"Nordwerk, Söhne\", C=DE, serialNumber=O0013000007NORDWERK"
    );
    assert_eq!(shown.issuer, shown.subject);
    assert_eq!(shown.version, "V3");
    assert_eq!(
        shown.usage,
        ["Digital Signature", "Key Encipherment", "Data Encipherment"]
    );
    assert_eq!(
        shown.extended_key_usage,
        [
            "1.3.6.1.5.5.7.3.1",
            "1.3.6.1.5.5.7.3.2",
            "1.3.6.1.5.5.7.3.4"
        ]
    );
    assert_eq!(
        shown.subject_alt_names,
        ["oftp.nordwerk.example", "oftp2.nordwerk.example"]
    );
    assert_eq!(shown.signature_algorithm, "sha256WithRSAEncryption");
    assert_eq!(shown.public_key.public_key_length, 3072);
    let date = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let valid = date(&shown.expiration_date) - date(&shown.effective_date);
    assert_eq!(valid, 730 * 24 * 60 * 60 + 60 * 60);
    assert!(date(&shown.effective_date) < jiff::Timestamp::now().as_second());
    assert!(
        (31..=32).contains(&shown.serial_number.len()),
        "{}",
        shown.serial_number
    );
}

#[test]
fn files_are_written_once_and_the_key_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let written = make::write(&PAIR, folder.path(), "nordwerk", Some("geheim")).unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&written.key), mode(&written.certificate) & 0o400),
        (0o600, 0o400)
    );
    let read = |path, password| KeyStore::read(&std::fs::read(path).unwrap(), &reading(password));
    let key = read(&written.key, Some("geheim")).unwrap();
    assert!(read(&written.key, Some("other")).is_err() && read(&written.key, None).is_err());
    let certificate = read(&written.certificate, None).unwrap();
    let both = certificate.joined(key).unwrap();
    assert!(both.entries()[0].identity().unwrap().is_ok());
    assert_eq!(
        std::fs::read(&written.for_partner).unwrap(),
        PAIR.certificate().der()
    );
    let before = std::fs::read(&written.key).unwrap();
    let again = make::write(&PAIR, folder.path(), "nordwerk", None).unwrap_err();
    assert!(
        matches!(&again, MakeError::File { path, .. } if path.ends_with("nordwerk.key")),
        "{again}"
    );
    assert_eq!(std::fs::read(&written.key).unwrap(), before);
}

#[test]
fn what_was_written_before_a_failure_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.cer"), "there").unwrap();
    assert!(make::write(&PAIR, folder.path(), "a", None).is_err());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["a.cer"]);
    assert_eq!(
        std::fs::read(folder.path().join("a.cer")).unwrap(),
        b"there"
    );
}

#[test]
fn openssl_verifies_certificate_request_and_key() {
    let folder = tempfile::tempdir().unwrap();
    make::write(&PAIR, folder.path(), "a", Some("geheim")).unwrap();
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(done.status.success(), "{arguments:?}: {told}");
        told
    };
    let request = openssl(&["req", "-in", "a.csr", "-noout", "-verify", "-text"]);
    for part in [
        "TLS Web Client Authentication",
        "Data Encipherment",
        "DNS:oftp2.nordwerk.example",
        "CN = oftp.nordwerk.example",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
    let key = openssl(&["pkey", "-in", "a.key", "-passin", "pass:geheim", "-pubout"]);
    assert_eq!(key, openssl(&["x509", "-in", "a.pem", "-noout", "-pubkey"]));
    assert_eq!(key, openssl(&["req", "-in", "a.csr", "-noout", "-pubkey"]));
    for purpose in ["sslserver", "sslclient", "smimesign", "smimeencrypt"] {
        openssl(&["verify", "-CAfile", "a.pem", "-purpose", purpose, "a.pem"]);
    }
    assert!(
        openssl(&["x509", "-inform", "DER", "-in", "a.cer", "-noout", "-text"])
            .contains("CA:FALSE")
    );
}

#[test]
fn the_letter_has_what_the_partner_compares_and_nothing_secret() {
    let folder = tempfile::tempdir().unwrap();
    let letter = make::write(&PAIR, folder.path(), "nordwerk", Some("geheim"))
        .unwrap()
        .letter;
    let shown = CertificateDescription::of(PAIR.certificate());
    for part in [
        "nordwerk.cer",
        &shown.subject,
        &shown.serial_number,
        &shown.fingerprint_sha256,
        &shown.expiration_date,
    ] {
        assert!(letter.contains(part), "{part} in {letter}");
    }
    for secret in ["geheim", ".key", "PRIVATE"] {
        assert!(!letter.contains(secret), "{secret}");
    }
}

#[test]
fn serial_numbers_differ_and_days_have_a_bound() {
    let name = || StationName::new("CN=a", &[]).unwrap();
    for days in [0, 1462] {
        assert!(
            matches!(KeyPair::make(name(), KeyLength::default(), days), Err(MakeError::Days(found)) if found == days)
        );
    }
    let other = KeyPair::make(name(), KeyLength::default(), 1).unwrap();
    assert_ne!(other.certificate().serial(), PAIR.certificate().serial());
    assert!(
        CertificateDescription::of(other.certificate())
            .subject_alt_names
            .is_empty()
    );
    assert!(matches!(
        other.key_pem(Some("")),
        Err(MakeError::EmptyPassword)
    ));
    assert!(
        other
            .key_pem(None)
            .unwrap()
            .starts_with(b"-----BEGIN PRIVATE KEY-----")
    );
}
