//! What the tests of security have in common: keys, certificates, and what programs say.
#![allow(dead_code, reason = "each test uses its part of it")]

use std::path::Path;
use std::process::{Command, Output};

use time::{Duration, OffsetDateTime};

pub const PLAIN: &str = "  - address: 127.0.0.1:0\n";

/// Makes an RSA key and a certificate that it signs itself, as `NAME.key` and `NAME.pem`, valid for a year.
pub fn rsa_pair(folder: &Path, name: &str) {
    rsa_pair_valid(folder, name, -1, 365);
}

/// The same, valid from and to so many days from now on.
pub fn rsa_pair_valid(folder: &Path, name: &str, from: i64, to: i64) {
    let mut certificate = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let subject = &mut certificate.distinguished_name;
    subject.push(rcgen::DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    certificate.not_before = now + Duration::days(from);
    certificate.not_after = now + Duration::days(to);
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let signed = certificate.self_signed(&key).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), signed.pem()).unwrap();
}

/// Runs a program in the folder, which must succeed.
pub fn run(folder: &Path, program: &str, arguments: &str) -> Output {
    let done = Command::new("timeout")
        .args(["60", program])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{program} {arguments}: {}",
        said(&done)
    );
    done
}

pub fn openssl(folder: &Path, arguments: &str) -> Output {
    run(folder, "openssl", arguments)
}

/// What a program said on both of its outputs.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

pub fn all_in(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
}
