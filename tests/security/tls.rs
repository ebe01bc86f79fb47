//! Keys and certificates for TLS: from which stores, by which role, and which of several is shown.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::stations::{all_in, openssl, rsa_pair, run, said};
use crate::support::peer::Peer;
use crate::support::tools::skip_without;
use crate::support::{Server, Setup, THEM, eventually, openssl_certificate};

/// A listener with TLS, whose keys are these.
fn listener(keys: &str) -> String {
    format!("  - address: 127.0.0.1:0\n    tls:\n{keys}")
}

const PFX: &str =
    "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.p12\n      password: GEHEIM\n";

const REQUIRED: &str = "      client_auth: require\n";

/// Writes the configuration with these keys of the station.
fn configure(setup: &Setup, keys: &str, listeners: &str, partner: &str) {
    setup.configure(listeners, partner, "");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let text = text.replacen("storage:\n", &format!("{keys}storage:\n"), 1);
    std::fs::write(setup.config(), text).unwrap();
}

/// What `openssl s_client` says of a handshake with the server.
fn handshake(setup: &Setup, server: &Server, more: &str) -> String {
    let done = Command::new("timeout")
        .args(["60", "openssl", "s_client", "-showcerts", "-connect"])
        .arg(server.address().to_string())
        .args(more.split_whitespace())
        .current_dir(setup.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    said(&done)
}

fn serial(folder: &Path, name: &str) -> String {
    said(&openssl(
        folder,
        &format!("x509 -in {name}.pem -noout -serial"),
    ))
}

/// The serial number of the certificate that a handshake shows.
fn shown(setup: &Setup, server: &Server, more: &str) -> String {
    let talk = handshake(setup, server, more);
    setup.write("shown.pem", talk);
    serial(setup.path(), "shown")
}

/// Whether a caller with that certificate gets a session.
fn is_let_in(setup: &Setup, server: &Server, certificate: &str) -> bool {
    Peer::is_let_in(server.address(), setup.path(), certificate, "us")
}

#[test]
fn a_listener_shows_a_certificate_of_any_kind_of_store() {
    let setup = Setup::plain("");
    let folder = setup.path();
    rsa_pair(folder, "us");
    openssl_certificate(folder, "curve");
    for name in ["us", "curve"] {
        let pfx = format!(
            "pkcs12 -export -in {name}.pem -inkey {name}.key -name erste -passout pass:GEHEIM -out {name}.p12"
        );
        openssl(folder, &pfx);
        openssl(
            folder,
            &format!("pkey -in {name}.key -aes256 -passout pass:GEHEIM -out {name}.locked"),
        );
    }
    openssl(folder, "crl2pkcs7 -nocrl -certfile us.pem -out us.p7b");
    setup.write("pass", "GEHEIM\n");
    let mut stores = vec![
        (
            "us",
            "      certificate: us.pem\n      key: us.locked\n      password: ${file:pass}\n",
        ),
        (
            "us",
            "      certificate: us.p7b\n      key: us.p12\n      password: GEHEIM\n",
        ),
        (
            "curve",
            "      certificate: curve.p12\n      password: GEHEIM\n",
        ),
        (
            "curve",
            "      certificate: curve.pem\n      key: curve.locked\n      password: GEHEIM\n",
        ),
    ];
    if Command::new("keytool").arg("-help").output().is_ok() {
        run(
            folder,
            "keytool",
            "-importkeystore -noprompt -srckeystore us.p12 -srcstoretype pkcs12 -srcstorepass GEHEIM -deststoretype jks -deststorepass GEHEIM -destkeystore us.jks",
        );
        stores.push(("us", "      certificate: us.jks\n      password: GEHEIM\n"));
    } else {
        skip_without("keytool", "a store of Java needs it");
    }
    let mut listeners = vec![("us", PFX.to_owned())];
    listeners.extend(
        stores
            .into_iter()
            .map(|(name, keys)| (name, listener(keys))),
    );
    for (name, keys) in &listeners {
        setup.configure(keys, "", "");
        let checked = setup.pointsman(&["check"]);
        assert!(checked.status.success(), "{keys}{}", said(&checked));
        all_in(
            &said(&checked),
            &[
                "listeners[0].tls.certificate",
                &format!("CN={name}"),
                "sha256",
            ],
        );
        let all = setup.pointsman(&["cert", "show", "--all"]);
        all_in(
            &said(&all),
            &[
                "listeners[0].tls.certificate",
                "private key available:     yes",
            ],
        );
        let server = setup.serve();
        assert_eq!(shown(&setup, &server, ""), serial(folder, name), "{keys}");
        let secrets = [said(&checked), said(&all), server.log()];
        assert!(
            secrets.iter().all(|text| !text.contains("GEHEIM")),
            "{keys}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_store_of_tls_is_said_at_its_place() {
    let setup = Setup::plain("");
    let folder = setup.path();
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(folder, name));
    openssl(
        folder,
        "pkcs12 -export -in us.pem -inkey us.key -passout pass:GEHEIM -out us.p12",
    );
    openssl(
        folder,
        "pkey -in us.key -aes256 -passout pass:GEHEIM -out us.locked",
    );
    let plain = listener("      certificate: us.pem\n      key: us.key\n");
    let dialled = |more: &str| format!("    address: localhost:1\n    tls: true\n{more}");
    for (keys, listeners, partner, words) in [
        (
            "",
            listener("      certificate: us.p12\n      password: FALSCH\n"),
            String::new(),
            [
                "listeners[0].tls.certificate",
                "us.p12",
                "the password is wrong",
            ],
        ),
        (
            "",
            listener("      certificate: us.p12\n"),
            String::new(),
            [
                "listeners[0].tls.certificate",
                "us.p12",
                "`password` gives it",
            ],
        ),
        (
            "",
            listener("      certificate: us.pem\n"),
            String::new(),
            [
                "listeners[0].tls.certificate",
                "us.pem",
                "name the key's file under `key`",
            ],
        ),
        (
            "",
            listener("      key: us.key\n"),
            String::new(),
            ["listeners[0].tls.key", "no `certificate`", "add it"],
        ),
        (
            "  keys: [{file: us.key, certificate: us.pem, for: [tls-server]}]\n",
            listener("      password: FALSCH\n"),
            String::new(),
            ["listeners[0].tls.password", "`certificate`", "missing"],
        ),
        (
            "",
            listener("      client_auth: none\n"),
            String::new(),
            [
                "listeners[0].tls",
                "needs a certificate of ours",
                "for: [tls-server]",
            ],
        ),
        (
            "  keys: [{file: us.key, certificate: us.pem, for: [tls-client]}]\n",
            listener("      client_auth: none\n"),
            String::new(),
            [
                "listeners[0].tls",
                "needs a certificate of ours",
                "for: [tls-server]",
            ],
        ),
        (
            "  keys: [{file: us.key, certificate: us.pem, for: [tls-server, signing]}]\n",
            plain.clone(),
            String::new(),
            ["station.keys[0]", "RSA", "alone may be another"],
        ),
        (
            "  keys: [{type: pkcs11, file: us.key, password: FALSCH, for: [tls-client]}]\n",
            plain.clone(),
            String::new(),
            ["station.keys[0]", "token", "take one of a file"],
        ),
        (
            "",
            plain.clone(),
            "    keys: [{file: us.key, certificate: us.pem, for: [tls-server]}]\n".to_owned(),
            ["partners.mueller.keys[0]", "who calls", "`station.keys`"],
        ),
        (
            "",
            plain.clone(),
            dialled(
                "    certificate: them.pem\n    our_certificate: us.pem\n    our_key: us.locked\n",
            ),
            [
                "partners.mueller.our_key",
                "us.locked",
                "`for: [tls-client]`",
            ],
        ),
        (
            "",
            plain.clone(),
            dialled("    certificate: us.p12\n"),
            [
                "partners.mueller.certificate",
                "us.p12",
                "under `certificates`",
            ],
        ),
        (
            "",
            plain.clone(),
            dialled("    certificates: [{file: them.pem, for: [tls, encryption]}]\n"),
            ["partners.mueller.certificates[0]", "RSA", "`for: [tls]`"],
        ),
        (
            "",
            plain.clone(),
            dialled(""),
            ["partners.mueller.tls", "`certificates`", "to know it by"],
        ),
    ] {
        configure(&setup, keys, &listeners, &partner);
        let checked = setup.pointsman(&["check"]);
        let text = said(&checked);
        assert_eq!(
            checked.status.code(),
            Some(1),
            "{keys}{listeners}{partner}{text}"
        );
        all_in(&text, &words);
        assert!(
            !text.contains("GEHEIM") && !text.contains("FALSCH"),
            "{text}"
        );
    }
}

/// What is listed for files does not speak for TLS, and nobody is asked for it there.
#[test]
fn keys_and_certificates_speak_for_tls_only_where_they_name_it() {
    let setup = Setup::plain("");
    let folder = setup.path();
    ["us", "them", "next", "other"]
        .iter()
        .for_each(|name| rsa_pair(folder, name));
    let known = |uses: &str| format!("    certificates:\n      - file: them.pem\n{uses}");
    let tls = listener(
        "      certificate: us.pem\n      key: us.key\n      client_auth: request\n      client_ca: other.pem\n",
    );
    configure(&setup, "", &tls, &known(""));
    let server = setup.serve();
    assert!(
        is_let_in(&setup, &server, "other"),
        "its profile names none for TLS"
    );
    assert!(!is_let_in(&setup, &server, "them"), "it is for files");
    configure(&setup, "", &tls, &known("        for: [tls]\n"));
    assert!(setup.pointsman(&["reload"]).status.success());
    assert!(is_let_in(&setup, &server, "them"));
    assert!(!is_let_in(&setup, &server, "other"), "it must show its own");
    // A key of ours without `for` is not shown, and one that names it stands in for the listener's.
    let keys = "  keys:\n    - {file: other.key, certificate: other.pem}\n    - file: us.key\n      certificate: us.pem\n      for: [tls-server]\n";
    configure(
        &setup,
        keys,
        &listener(REQUIRED),
        &known("        for: [tls]\n"),
    );
    let reloaded = setup.pointsman(&["reload"]);
    assert!(reloaded.status.success(), "{}", said(&reloaded));
    assert_eq!(shown(&setup, &server, ""), serial(folder, "us"));
    assert!(is_let_in(&setup, &server, "them"));
}

/// Each of several certificates is its owner's alone.
#[test]
fn none_of_a_partners_certificates_speaks_for_another() {
    let setup = Setup::plain("");
    let folder = setup.path();
    ["us", "old", "new", "else"]
        .iter()
        .for_each(|name| openssl_certificate(folder, name));
    let partners = |mueller: &str| {
        format!(
            "{mueller}  schmidt:\n    ssid: O0013000009SCHMIDT\n    password: THEIRS\n    certificate: old.pem\n    certificates: [{{file: new.pem, for: [tls]}}]\n"
        )
    };
    let tls =
        listener("      certificate: us.pem\n      key: us.key\n      client_auth: require\n");
    setup.configure(&tls, &partners(""), "");
    let server = setup.serve();
    for name in ["old", "new"] {
        assert!(
            !is_let_in(&setup, &server, name),
            "{name} is no certificate of {THEM}"
        );
        eventually("it is told whose it is", || {
            let log = server.log();
            let told = log
                .lines()
                .filter(|line| line.contains("certificate-of-another") && line.contains("schmidt"));
            (told.count() >= if name == "old" { 1 } else { 2 }).then_some(())
        });
    }
    setup.configure(
        &tls,
        &partners(
            "    certificates: [{file: else.pem, for: [tls]}, {file: new.pem, for: [tls]}]\n",
        ),
        "",
    );
    assert!(setup.pointsman(&["reload"]).status.success());
    assert!(is_let_in(&setup, &server, "new"), "both name it");
    assert!(!is_let_in(&setup, &server, "old"));
}

#[test]
fn the_certificate_is_shown_whose_signature_the_caller_can_check() {
    let setup = Setup::plain("");
    let folder = setup.path();
    openssl_certificate(folder, "curve");
    rsa_pair(folder, "rsa");
    let keys = "  keys:\n    - {file: curve.key, certificate: curve.pem, for: [tls-server]}\n    - {file: rsa.key, certificate: rsa.pem, for: [tls-server]}\n";
    configure(&setup, keys, &listener("      client_auth: none\n"), "");
    let server = setup.serve();
    for version in ["-tls1_2", "-tls1_3"] {
        assert_eq!(shown(&setup, &server, version), serial(folder, "curve"));
        let old = format!("{version} -sigalgs RSA-PSS+SHA256");
        assert_eq!(shown(&setup, &server, &old), serial(folder, "rsa"));
    }
}

#[test]
fn the_issuers_of_a_store_are_shown_with_its_certificate() {
    let setup = Setup::plain("");
    let folder = setup.path();
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ca -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE",
    );
    openssl(
        folder,
        "req -newkey rsa:2048 -nodes -subj /CN=leaf -keyout leaf.key -out leaf.csr",
    );
    openssl(
        folder,
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 5 -days 30 -out leaf.pem",
    );
    openssl(
        folder,
        "pkcs12 -export -in leaf.pem -inkey leaf.key -certfile ca.pem -passout pass:GEHEIM -out leaf.p12",
    );
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    setup.write("behind.pem", read("leaf.pem") + &read("ca.pem"));
    setup.write("before.pem", read("ca.pem") + &read("leaf.pem"));
    let files = |name: &str| listener(&format!("      certificate: {name}\n      key: leaf.key\n"));
    let station = "  keys: [{file: leaf.p12, password: GEHEIM, for: [tls-server]}]\n";
    for (keys, listeners) in [
        ("", files("behind.pem")),
        ("", files("before.pem")),
        (
            "",
            listener("      certificate: leaf.p12\n      password: GEHEIM\n"),
        ),
        (station, listener("      client_auth: none\n")),
    ] {
        configure(&setup, keys, &listeners, "");
        let server = setup.serve();
        let talk = handshake(&setup, &server, "-CAfile ca.pem -verify_return_error");
        all_in(
            &talk,
            &["s:CN = leaf", "s:CN = ca", "Verify return code: 0"],
        );
        assert!(talk.find("s:CN = leaf") < talk.find("s:CN = ca"), "{talk}");
    }
}

/// It is used as the configuration says; other programs look at it.
#[test]
fn a_certificate_that_is_for_something_else_by_its_own_words_is_a_warning() {
    let setup = Setup::plain("");
    let folder = setup.path();
    let make = |name: &str, says: &str| {
        openssl(
            folder,
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days 300 -subj /CN={name} -keyout {name}.key -out {name}.pem {says}"
            ),
        );
    };
    make(
        "us",
        "-addext keyUsage=digitalSignature,keyEncipherment -addext extendedKeyUsage=serverAuth",
    );
    make("signs", "-addext keyUsage=digitalSignature");
    make("opens", "-addext keyUsage=keyEncipherment");
    make(
        "all",
        "-addext keyUsage=nonRepudiation,digitalSignature,keyEncipherment",
    );
    let tls = listener("      certificate: us.pem\n      key: us.key\n");
    let check = |keys: &str, listeners: &str, partner: &str| {
        configure(&setup, keys, listeners, partner);
        let checked = setup.pointsman(&["check"]);
        assert!(checked.status.success(), "{}", said(&checked));
        said(&checked)
    };
    for (keys, partner, words) in [
        (
            "",
            "    keys: [{file: signs.key, certificate: signs.pem}]\n",
            ["partners.mueller.keys[0]", "decryption", "keyEncipherment"],
        ),
        (
            "",
            "    certificates: [{file: opens.pem}]\n",
            [
                "partners.mueller.certificates[0]",
                "verification",
                "digitalSignature",
            ],
        ),
        (
            "  keys: [{file: us.key, certificate: us.pem, for: [tls-client]}]\n",
            "",
            ["station.keys[0]", "tls-client", "clientAuth"],
        ),
        (
            "  keys: [{file: opens.key, certificate: opens.pem, for: [tls-client]}]\n",
            "",
            ["station.keys[0]", "tls-client", "digitalSignature"],
        ),
        (
            "",
            "    address: localhost:1\n    tls: true\n    certificate: all.pem\n    our_certificate: us.pem\n    our_key: us.key\n",
            [
                "partners.mueller.our_certificate",
                "tls-client",
                "clientAuth",
            ],
        ),
    ] {
        let text = check(keys, &tls, partner);
        let line = text.lines().find(|line| line.contains("by its own words"));
        all_in(
            line.unwrap_or_else(|| panic!("{keys}{partner}{text}")),
            &["warning", words[0], words[1], words[2]],
        );
    }
    for (keys, partner) in [
        (
            "",
            "    keys: [{file: signs.key, certificate: signs.pem, for: [signing, receipt-signing]}]\n",
        ),
        (
            "",
            "    keys: [{file: all.key, certificate: all.pem}]\n    certificates: [{file: opens.pem, for: [encryption]}]\n",
        ),
        (
            "  keys: [{file: us.key, certificate: us.pem, for: [tls-server]}]\n",
            "    certificates: [{file: opens.pem, for: [tls]}]\n",
        ),
    ] {
        let text = check(keys, &tls, partner);
        assert!(!text.contains("by its own words"), "{text}");
    }
}
