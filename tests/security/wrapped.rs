//! `pointsman wrap` and `pointsman open`: what is made of a file, and what is in one, without a session.

use std::process::Output;

use super::cms_command::{decrypted, openssl_cms, uncompressed, verified};
use super::sending::sender;
use super::support::{Setup, octets};

fn run(setup: &Setup, command: &str, file: &str, how: &[&str]) -> Output {
    let path = setup.path().join(file);
    let args = [command, path.to_str().unwrap(), "--partner", "nordwerk"];
    setup.pointsman(&[&args[..], how].concat())
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

const SECURED: [&str; 3] = ["--security", "encrypted-and-signed", "--compress"];

#[test]
fn a_file_is_wrapped_as_it_would_be_sent_and_nothing_is_queued() {
    let setup = sender("127.0.0.1:1", "");
    let content = octets(3, 100_000);
    setup.write("CAD", &content);
    let wrapped = run(&setup, "wrap", "CAD", &SECURED);
    assert!(wrapped.status.success(), "{}", said(&wrapped));
    let made = std::fs::read(setup.path().join("CAD.cms")).unwrap();
    assert!(verified("them", &uncompressed(&decrypted("us", &made))) == content);
    let told = said(&wrapped);
    assert!(told.contains("signed, compressed and encrypted"), "{told}");
    assert!(
        told.contains(&format!("100000 octets became {}", made.len())),
        "{told}"
    );
    assert!(!setup.path().join("state").exists(), "nothing is queued");
    // Neither a file nor what was made before is written over.
    let again = run(&setup, "wrap", "CAD", &SECURED);
    assert!(!again.status.success() && said(&again).contains("there already"));
    setup.write("LINES", "one\r\ntwo\r\n");
    let to = setup.path().join("elsewhere");
    let how = [
        "--security",
        "signed",
        "--format",
        "v",
        "--to",
        to.to_str().unwrap(),
    ];
    assert!(run(&setup, "wrap", "LINES", &how).status.success());
    let made = std::fs::read(&to).unwrap();
    assert_eq!(verified("them", &made), b"\0\x03one\0\x03two");
    let plain = run(&setup, "wrap", "LINES", &[]);
    assert!(said(&plain).contains("--security"), "{}", said(&plain));
    setup.write("UNIX", "one\ntwo\n");
    let bad = run(
        &setup,
        "wrap",
        "UNIX",
        &["--security", "signed", "--format", "t"],
    );
    assert!(said(&bad).contains("LF alone"), "{}", said(&bad));
    for left in [
        "LINES.cms",
        "LINES.cms.partial",
        "UNIX.cms",
        "UNIX.cms.partial",
    ] {
        assert!(!setup.path().join(left).exists(), "{left}");
    }
}

/// Nothing is left of the records' lengths where the format is said, as it is said when a file is wrapped.
#[test]
fn a_file_of_records_is_opened_as_it_was_before_it_was_wrapped() {
    let setup = sender("127.0.0.1:1", "");
    let signed = |file: &str, format: &[&str]| {
        let content = std::fs::read(setup.path().join(file)).unwrap();
        let how = [&["--security", "signed"][..], format].concat();
        assert!(run(&setup, "wrap", file, &how).status.success());
        // What we would send, the partner would sign.
        let made = verified(
            "them",
            &std::fs::read(setup.path().join(format!("{file}.cms"))).unwrap(),
        );
        let theirs = openssl_cms(
            "-sign -nodetach -nocerts -outform DER -md sha256 -signer us.pem -inkey us.key",
            &made,
        );
        let theirs_name = format!("{file}.theirs");
        setup.write(&theirs_name, theirs.unwrap());
        let opened = run(&setup, "open", &theirs_name, &how);
        assert!(opened.status.success(), "{}", said(&opened));
        let plain = std::fs::read(setup.path().join(format!("{theirs_name}.plain"))).unwrap();
        assert_eq!(plain, content, "{format:?}");
    };
    setup.write("LINES", "one\r\n\r\nthree\r\n");
    signed("LINES", &["--format", "v"]);
    setup.write("PREFIXED", b"\0\x03one\0\x02tw");
    signed(
        "PREFIXED",
        &["--format", "v", "--records", "length-prefixed"],
    );
    setup.write("FIXED", "AAA\r\nBBB\r\n");
    signed(
        "FIXED",
        &[
            "--format",
            "f",
            "--record-length",
            "3",
            "--records",
            "lines",
        ],
    );
    // A record with fewer octets than its length says.
    let short = openssl_cms(
        "-sign -nodetach -nocerts -outform DER -md sha256 -signer us.pem -inkey us.key",
        b"\0\x09one",
    );
    setup.write("SHORT", short.unwrap());
    let opened = run(
        &setup,
        "open",
        "SHORT",
        &["--security", "signed", "--format", "v"],
    );
    assert!(
        !opened.status.success() && said(&opened).contains("format V"),
        "{}",
        said(&opened)
    );
    assert!(!setup.path().join("SHORT.plain").exists());
}

#[test]
fn a_file_of_the_partner_is_opened_and_said_by_whom_it_is_signed_or_nothing_is_left_of_it() {
    let setup = sender("127.0.0.1:1", "");
    let content = octets(5, 70_000);
    let signed = openssl_cms(
        "-sign -nodetach -nocerts -outform DER -md sha256 -signer us.pem -inkey us.key",
        &content,
    );
    let encrypted = openssl_cms(
        "-encrypt -outform DER -aes256 -recip them.pem",
        &signed.unwrap(),
    );
    let mut file = encrypted.unwrap();
    setup.write("IN", &file);
    let how = ["--security", "encrypted-and-signed"];
    let opened = run(&setup, "open", "IN", &how);
    let told = said(&opened);
    assert!(opened.status.success(), "{told}");
    let plain = setup.path().join("IN.plain");
    assert!(std::fs::read(&plain).unwrap() == content);
    assert!(told.contains("signed by CN=us, serial"), "{told}");
    assert!(told.contains("opened with the key of CN=them"), "{told}");
    std::fs::remove_file(&plain).unwrap();
    let refused = |file: &[u8], how: &[&str]| {
        setup.write("IN", file);
        let opened = run(&setup, "open", "IN", how);
        assert!(!opened.status.success(), "{}", said(&opened));
        for left in ["IN.plain", "IN.plain.partial"] {
            assert!(!setup.path().join(left).exists(), "{left}");
        }
        said(&opened)
    };
    let told = refused(
        &file,
        &["--security", "encrypted-and-signed", "--compressed"],
    );
    for words in [
        "compressed layer",
        "IN: ",
        "--security, --compressed and --suite",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = refused(
        &file,
        &["--security", "encrypted-and-signed", "--suite", "6"],
    );
    assert!(told.contains("cipher suite"), "{told}");
    let half = file.len() / 2;
    file[half] ^= 1;
    refused(&file, &how);
}

#[test]
fn of_a_signer_whose_certificate_has_ended_it_is_told_which_and_when() {
    let setup = sender("127.0.0.1:1", "      - file: ended.pem\n");
    let signing =
        "-sign -nodetach -nocerts -outform DER -signer ended.pem -inkey ended.key -md sha256";
    setup.write("IN", openssl_cms(signing, b"a file").unwrap());
    let opened = run(&setup, "open", "IN", &["--security", "signed"]);
    assert!(!opened.status.success());
    let told = said(&opened);
    for words in [
        "IN: ",
        "is known under `partners.nordwerk.certificates`",
        "to 2020-01-01",
        "if the partner confirms that it is its own",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
