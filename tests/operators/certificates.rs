//! What is said of certificates and keys before anybody calls.

use super::*;

#[test]
fn check_names_certificates_that_tls_cannot_use() {
    let setup = Setup::with_listeners(TLS, "", "");
    openssl_certificate(setup.path(), "us");
    for (name, key, words) in [
        ("small", "rsa:1024", ["1024 bits", "2048"]),
        ("pss", "rsa-pss", ["RSA-PSS", "rsaEncryption"]),
        ("goldilocks", "ed448", ["Ed448", "Ed25519"]),
    ] {
        openssl(
            setup.path(),
            &format!(
                "req -x509 -newkey {key} -nodes -days 300 -subj /CN=peer -keyout {name}.key -out {name}.pem"
            ),
        );
        setup.configure(TLS, &format!("    certificate: {name}.pem\n"), "");
        let checked = setup.pointsman(&["check"]);
        assert_eq!(checked.status.code(), Some(1), "{name}: {}", said(&checked));
        all_in(
            &said(&checked),
            &["error: partners.mueller.certificate", words[0], words[1]],
        );
    }
}

/// The partner's server has a certificate that it signed itself, and our profile has that under `ca`.
#[test]
fn a_certificate_under_ca_is_believed_itself() {
    for kind in ["CA:TRUE", "CA:FALSE"] {
        let theirs = Setup::with_listeners("  - address: 127.0.0.1:0\n", "", "");
        openssl(
            theirs.path(),
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days 300 -subj /CN=them -keyout us.key -out us.pem -addext basicConstraints=critical,{kind}"
            ),
        );
        let listener =
            "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n";
        theirs.configure(listener, "", "");
        let server = theirs.serve();
        let address = format!("localhost:{}", server.address().port());
        let ours = Setup::sender(&address, "    tls: true\n    ca: them.pem\n");
        std::fs::copy(theirs.path().join("us.pem"), ours.path().join("them.pem")).unwrap();
        let file = ours.write("ORDERS", "order");
        let sent = ours.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
        assert!(sent.status.success(), "{kind}: {}", said(&sent));
        let checked = said(&ours.pointsman(&["check"]));
        assert_eq!(
            checked.contains("is no CA's"),
            kind == "CA:FALSE",
            "{checked}"
        );
    }
}

#[test]
fn certificates_and_keys_are_read_as_people_save_them() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let pem = std::fs::read(setup.path().join("them.pem")).unwrap();
    let utf_16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(String::from_utf8(pem.clone()).unwrap().encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    setup.write("mark.pem", [b"\xef\xbb\xbf".as_slice(), &pem].concat());
    setup.write("utf16.pem", utf_16);
    setup.write(
        "windows.pem",
        String::from_utf8(pem).unwrap().replace('\n', "\r\n"),
    );
    openssl(setup.path(), "x509 -in them.pem -outform DER -out them.der");
    openssl(setup.path(), "pkey -in us.key -outform DER -out us.der");
    setup.write(
        "us.mark",
        [
            b"\xef\xbb\xbf".as_slice(),
            &std::fs::read(setup.path().join("us.key")).unwrap(),
        ]
        .concat(),
    );
    for certificate in ["mark.pem", "utf16.pem", "windows.pem", "them.der"] {
        for key in ["us.key", "us.der", "us.mark"] {
            setup.configure(
                &TLS.replace("us.key", key),
                &format!("    certificate: {certificate}\n"),
                "",
            );
            let checked = setup.pointsman(&["check"]);
            assert!(
                checked.status.success(),
                "{certificate} {key}: {}",
                said(&checked)
            );
            assert!(said(&checked).contains("CN=them"));
        }
    }
}

#[test]
fn what_is_no_certificate_or_key_is_called_by_its_name() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    openssl(
        setup.path(),
        "pkcs12 -export -in us.pem -inkey us.key -passout pass:x -out us.p12",
    );
    openssl(
        setup.path(),
        "crl2pkcs7 -nocrl -certfile us.pem -out us.p7b",
    );
    openssl(
        setup.path(),
        "req -new -key us.key -subj /CN=us -out us.csr",
    );
    openssl(
        setup.path(),
        "pkey -in us.key -aes256 -passout pass:secret -out locked.key",
    );
    openssl(
        setup.path(),
        "ec -in us.key -aes256 -passout pass:secret -out locked.old",
    );
    setup.write("empty.pem", "");
    setup.write("note.pem", "the certificate comes by mail");
    for (certificate, words) in [
        ("us.p12", "needs a password"),
        ("us.csr", "request for a certificate"),
        ("us.key", "mixed up"),
        ("empty.pem", "is empty"),
        ("note.pem", "no store of keys or certificates"),
    ] {
        setup.configure(&TLS.replace("us.pem", certificate), "", "");
        let told = said(&setup.pointsman(&["check"]));
        all_in(
            &told,
            &["error: listeners[0].tls.certificate", certificate, words],
        );
    }
    for (key, words) in [
        ("locked.key", "`password` gives it"),
        ("locked.old", "`password` gives it"),
        ("them.key", "does not belong to the certificate"),
        ("us.pem", "mixed up"),
        ("us.p12", "needs a password"),
    ] {
        setup.configure(&TLS.replace("us.key", key), "", "");
        let checked = setup.pointsman(&["check"]);
        assert_eq!(checked.status.code(), Some(1));
        all_in(
            &said(&checked),
            &["error: listeners[0].tls.key", key, words],
        );
    }
    setup.configure(&TLS.replace("us.pem", "us.p7b"), "", "");
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
}

/// CAs and partners send a chain in either order.
#[test]
fn of_a_file_with_several_certificates_check_says_which_one_counts() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "ca"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let read = |name: &str| std::fs::read_to_string(setup.path().join(name)).unwrap();
    let both = setup.write("both.pem", read("ca.pem") + &read("us.pem"));
    setup.configure(&TLS.replace("us.pem", "both.pem"), "", "");
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    let own = said(&checked);
    let own = own.lines().find(|line| line.contains("tls.certificate"));
    assert!(own.unwrap().contains("CN=us"), "that of the key: {own:?}");
    setup.configure(TLS, "    certificate: both.pem\n", "");
    let told = said(&setup.pointsman(&["check"]));
    all_in(
        &told,
        &[
            "warning: partners.mueller.certificate",
            "2 certificates",
            "must stand first",
        ],
    );
    std::fs::write(both, read("us.pem")).unwrap();
    let told = said(&setup.pointsman(&["check"]));
    assert!(!told.contains("stand first"), "{told}");
}

/// Pasted from where line ends are lost, cut off, or with something else in it; beside the certificate, or in its place.
#[test]
fn nothing_of_a_key_is_shown_however_its_file_is_damaged() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let read = |name: &str| std::fs::read_to_string(setup.path().join(name)).unwrap();
    let (key, certificate) = (read("us.key"), read("us.pem"));
    let content: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    let in_numbers = |line: &str| {
        let octets: Vec<String> = line.bytes().map(|octet| octet.to_string()).collect();
        octets.join(", ")
    };
    let damaged = [
        key.replace('\n', ""),
        key.replace('\n', " "),
        key.replace("-----\n", "\n"),
        key.replace("KEY-----", "KEY"),
        key.replace("-----END", "END"),
        key.replace('\n', "\n  "),
        key.replacen(content[1], &format!("\u{e4}{}", content[1]), 1),
        key.replacen(content[0], &format!("?{}", content[0]), 1),
    ];
    for (number, damaged) in damaged.iter().enumerate() {
        for beside in ["", &certificate.replace('\n', "")] {
            setup.write("damaged.pem", format!("{beside}{damaged}"));
            for (role, key) in [("us.pem", "certificate"), ("us.key", "key")] {
                setup.configure(
                    &TLS.replace(role, "damaged.pem"),
                    "    certificate: damaged.pem\n",
                    "",
                );
                for command in [&["check"][..], &["partners"], &["partners", "mueller"]] {
                    let told = said(&setup.pointsman(command));
                    for line in &content {
                        let shown =
                            told.contains(&line[..16]) || told.contains(&in_numbers(&line[..16]));
                        assert!(
                            !shown,
                            "{number}, as {key}: {command:?} shows the key: {told}"
                        );
                    }
                }
            }
        }
    }
    setup.configure(&TLS.replace("us.pem", "damaged.pem"), "", "");
    setup.write("damaged.pem", certificate.replace('\n', " "));
    all_in(
        &said(&setup.pointsman(&["check"])),
        &["were its line ends lost"],
    );
    setup.write("damaged.pem", certificate.replace('\n', "\n  "));
    let indented = setup.pointsman(&["check"]);
    assert!(indented.status.success(), "{}", said(&indented));
}

#[test]
fn a_configuration_of_a_windows_editor_is_read_or_named() {
    let setup = Setup::plain("");
    let good = std::fs::read(setup.config()).unwrap();
    setup.write("password", "\u{feff}THEIRS\r\n");
    let text = String::from_utf8(good.clone()).unwrap();
    let text = text.replace("password: THEIRS", "password: ${file:password}");
    setup.write(
        "pointsman.yaml",
        [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat(),
    );
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    let server = setup.serve();
    Peer::session(server.address());
    drop(server);
    setup.write(
        "pointsman.yaml",
        [b"# M\xfcller\n".as_slice(), &good].concat(),
    );
    let checked = setup.pointsman(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    all_in(
        &said(&checked),
        &["pointsman.yaml:1:4", "0xfc", "Latin-1", "iconv"],
    );
}

/// Both sides' certificates, and the CA's, by `check` and by the server; what `check` calls an error the server says, too.
#[test]
fn the_end_of_a_certificate_is_told_in_time() {
    let setup = Setup::with_listeners(TLS, "", "");
    let make = |name: &str, days: &str| {
        openssl(
            setup.path(),
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ),
        );
    };
    make("us", "5");
    make("them", "60");
    // Sixty days are told, a few more are not.
    make("root", "20");
    make("other", "63");
    let listener = TLS.replace(
        "client_auth: require",
        "client_auth: require\n      client_ca: root.pem",
    );
    let partner =
        "    certificate: them.pem\n    our_certificate: other.pem\n    our_key: us.key\n";
    setup.configure(&listener, partner, "");
    let checked = setup.pointsman(&["check"]);
    assert_eq!(checked.status.code(), Some(1), "a key does not fit");
    let told = said(&checked);
    let line = |place: &str| {
        let found = told.lines().find(|line| line.contains(place));
        found
            .unwrap_or_else(|| panic!("{place} is not in {told}"))
            .to_owned()
    };
    all_in(
        &line("listeners[0].tls.certificate"),
        &["warning", "it ends in"],
    );
    all_in(
        &line("listeners[0].tls.client_ca"),
        &["warning", "it ends in"],
    );
    all_in(
        &line("partners.mueller.certificate"),
        &["warning", "it ends in"],
    );
    assert!(!line("partners.mueller.our_certificate").contains("warning"));
    let server = setup.serve();
    for (place, words) in [
        ("listeners[0].tls.certificate", "it ends in"),
        ("listeners[0].tls.client_ca", "it ends in"),
        ("partners.mueller.certificate", "it ends in"),
        ("partners.mueller.our_key", "does not belong"),
    ] {
        let line = server.await_log(&[place, words]);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let partner = place.starts_with("partners.").then_some("mueller");
        assert_eq!(line["partner"].as_str(), partner, "{line}");
    }
}
