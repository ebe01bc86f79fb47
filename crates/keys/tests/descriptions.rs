//! What is shown of a certificate, compared with what openssl prints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use pointsman_keys::{CertificateDescription, EntryDescription};
use support::{octets, only, public_pem, read};

fn leaf() -> CertificateDescription {
    let store = read("leaf.cer").unwrap();
    CertificateDescription::of(only(&store).certificate().unwrap())
}

#[test]
fn every_field_is_that_of_openssl() {
    let shown = leaf();
    let fingerprints = String::from_utf8(octets("leaf.fingerprints")).unwrap();
    for (hash, print) in [
        ("md5", &shown.fingerprint_md5),
        ("sha1", &shown.fingerprint_sha1),
        ("sha256", &shown.fingerprint_sha256),
    ] {
        assert!(
            fingerprints.contains(&format!("{hash} Fingerprint={print}\n")),
            "{hash}"
        );
    }
    for (thumb, print) in [
        (&shown.thumbprint_md5, &shown.fingerprint_md5),
        (&shown.thumbprint_sha1, &shown.fingerprint_sha1),
        (&shown.thumbprint_sha256, &shown.fingerprint_sha256),
    ] {
        assert_eq!(*thumb, print.replace(':', ""));
    }
    assert_eq!(
        shown.subject,
        "emailAddress=oftp@nordwerk.example, CN=oftp.nordwerk.example, OU=EDI, O=Nordwerk, L=Kassel, ST=Hessen, C=DE"
    );
    assert_eq!(shown.issuer, "CN=Test CA, O=\"Test, Trust & Co\", C=DE");
    assert_eq!(
        (&shown.serial_number[..], &shown.version[..]),
        ("c0ffee01", "V3")
    );
    assert_eq!(
        shown.usage,
        [
            "Digital Signature",
            "Non-Repudiation",
            "Key Encipherment",
            "Data Encipherment"
        ]
    );
    assert_eq!(shown.usage_flags, 0xf0);
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
        [
            "oftp.nordwerk.example",
            "192.0.2.7",
            "oftp@nordwerk.example",
            "oftp://nordwerk.example"
        ]
    );
    assert_eq!(shown.signature_algorithm, "sha256WithRSAEncryption");
    assert_eq!(shown.public_key.public_key, public_pem("leaf.pub.pem"));
    assert_eq!(
        (
            &shown.public_key.public_key_algorithm[..],
            shown.public_key.public_key_length
        ),
        ("RSA", 2048)
    );
}

#[test]
fn dates_are_those_that_the_certificate_has() {
    let shown = leaf();
    let x509 = openssl::x509::X509::from_der(&octets("leaf.cer")).unwrap();
    for (date, time) in [
        (&shown.effective_date, x509.not_before()),
        (&shown.expiration_date, x509.not_after()),
    ] {
        let parsed: jiff::Timestamp = date.parse().unwrap();
        let again = openssl::asn1::Asn1Time::from_unix(parsed.as_second()).unwrap();
        assert!(again == *time && date.ends_with('Z'), "{date}");
    }
}

#[test]
fn usages_of_a_ca_are_told_from_those_of_a_station() {
    let store = read("trust.jks").unwrap();
    let shown = CertificateDescription::of(only(&store).certificate().unwrap());
    assert_eq!(
        (shown.usage, shown.usage_flags),
        (vec!["Certificate Signing", "CRL Signing"], 0x06)
    );
    assert!(shown.extended_key_usage.is_empty());
}

#[test]
fn it_is_written_as_json_and_as_lines() {
    let store = read("leaf.AES-256-CBC.p12").unwrap();
    let shown = EntryDescription::of(&store.entries()[0]);
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["alias"], "leaf");
    assert_eq!(json["private_key_available"], true);
    assert_eq!(json["public_key_length"], 2048);
    assert_eq!(json["chain"][0], "CN=Test CA, O=\"Test, Trust & Co\", C=DE");
    let lines = shown.to_string();
    for line in [
        "serial number:             c0ffee01",
        "private key available:     yes",
        "usage:                     Digital Signature, Non-Repudiation, Key Encipherment, Data Encipherment (0xF0)",
        "issued by:                 CN=Test CA",
        "public key length:         2048 bits",
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert!(lines.contains(line), "{line} in\n{lines}");
    }
    assert!(!lines.contains("PRIVATE KEY") && !json.to_string().contains("PRIVATE"));
}

#[test]
fn a_key_without_a_certificate_shows_its_public_half() {
    let store = read("ssh.ed25519").unwrap();
    let shown = EntryDescription::of(only(&store));
    assert_eq!(
        serde_json::to_value(&shown).unwrap()["public_key_algorithm"],
        "Ed25519"
    );
    assert!(
        shown
            .to_string()
            .contains("public key algorithm:      Ed25519")
    );
    assert_eq!(
        only(&store).to_string(),
        "a key a@b without a certificate, Ed25519 of 256 bits"
    );
}
