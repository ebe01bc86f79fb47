//! Keys and certificates of the configuration.

use crate::stations::{PLAIN, all_in, openssl, rsa_pair, rsa_pair_valid, run, said};
use crate::support::Setup;
use crate::support::tools::skip_without;

/// Makes a pair in every kind of store that has a key, and gives the YAML of each.
fn stores(setup: &Setup) -> Vec<(&'static str, &'static str)> {
    let folder = setup.path();
    rsa_pair(folder, "us");
    std::fs::copy(folder.join("us.pem"), folder.join("us.crt")).unwrap();
    let both = ["us.key", "us.pem"].map(|name| std::fs::read(folder.join(name)).unwrap());
    setup.write("both.pem", both.concat());
    openssl(
        folder,
        "pkey -in us.key -aes256 -passout pass:GEHEIM -out locked.key",
    );
    openssl(folder, "pkey -in us.key -outform DER -out us.der");
    openssl(folder, "x509 -in us.pem -outform DER -out us.cer");
    let pfx = "pkcs12 -export -in us.pem -inkey us.key -name erste -passout pass:GEHEIM";
    openssl(folder, &format!("{pfx} -out us.p12"));
    openssl(folder, &format!("{pfx} -legacy -out old.p12"));
    let import = "-importkeystore -noprompt -srckeystore us.p12 -srcstoretype pkcs12 -srcstorepass GEHEIM -deststoretype jks -deststorepass GEHEIM -destkeystore us.jks";
    let has_keytool = keytool_is_here();
    if has_keytool {
        run(folder, "keytool", import);
    }
    setup.write("us.pass", "GEHEIM\n");
    let mut all = vec![
        (
            "PEM with both",
            "    keys:\n      - file: both.pem\n        for: [decryption, signing]\n",
        ),
        (
            "PEM, two files",
            "    keys: [{file: us.key, certificate: us.crt}]\n",
        ),
        (
            "PEM with a password",
            "    keys: [{file: locked.key, certificate: us.pem, password: GEHEIM}]\n",
        ),
        ("DER", "    keys: [{file: us.der, certificate: us.cer}]\n"),
        (
            "PFX",
            "    keys: [{file: us.p12, password: '${file:us.pass}'}]\n",
        ),
        (
            "a legacy PFX",
            "    keys: [{file: old.p12, type: pfx, password: GEHEIM, subject: CN=us}]\n",
        ),
        (
            "JKS",
            "    keys: [{file: us.jks, password: GEHEIM, key_password: GEHEIM, subject: erste}]\n",
        ),
        ("inline", "    keys:\n      - inline: ${file:both.pem}\n"),
    ];
    all.retain(|(kind, _)| has_keytool || *kind != "JKS");
    all
}

/// Java's program, which is not everywhere; `crates/keys` reads what it has made before.
fn keytool_is_here() -> bool {
    let help = std::process::Command::new("keytool").arg("-help").output();
    let is_here = help.is_ok();
    if !is_here {
        skip_without("keytool", "a store of Java needs it");
    }
    is_here
}

#[test]
fn a_key_is_read_from_every_kind_of_store() {
    let setup = Setup::plain("");
    for (kind, store) in stores(&setup) {
        setup.configure(PLAIN, store, "");
        let checked = setup.pointsman(&["check"]);
        let said = said(&checked);
        assert!(checked.status.success(), "{kind}: {said}");
        all_in(&said, &["partners.mueller.keys[0]", "CN=us", "sha256"]);
        assert!(!said.contains("GEHEIM"), "{kind}: {said}");
    }
}

#[test]
fn what_cannot_be_read_keeps_a_server_from_starting_and_a_reload_from_being_taken_up() {
    let setup = Setup::plain("");
    rsa_pair(setup.path(), "us");
    rsa_pair(setup.path(), "other");
    let server = setup.serve();
    openssl(
        setup.path(),
        "pkcs12 -export -in us.pem -inkey us.key -passout pass:GEHEIM -out us.p12",
    );
    openssl(
        setup.path(),
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=ec -keyout ec.key -out ec.pem",
    );
    openssl(
        setup.path(),
        "req -x509 -newkey rsa:512 -sha256 -nodes -days 30 -subj /CN=weak -keyout weak.key -out weak.pem",
    );
    openssl(
        setup.path(),
        "pkcs12 -export -nomac -in us.pem -inkey us.key -passout pass:GEHEIM -out bare.p12",
    );
    setup.write("not.pem", "nothing of the kind");
    let keys = "partners.mueller.keys[0]";
    let certificates = "partners.mueller.certificates[0]";
    for (yaml, place, words) in [
        (
            "    keys: [{file: us.p12, password: FALSCH}]\n",
            keys,
            ["us.p12", "the password is wrong"],
        ),
        ("    keys: [{file: us.p12}]\n", keys, ["us.p12", "password"]),
        (
            "    keys: [{file: us.key}]\n",
            keys,
            ["us.key", "`certificate`"],
        ),
        (
            "    keys: [{file: us.key, certificate: other.pem}]\n",
            keys,
            [
                "us.key",
                "other.pem (`certificate`) is not that of the private key",
            ],
        ),
        (
            "    keys: [{file: us.pem}]\n",
            keys,
            ["us.pem has no private key", "under `file`"],
        ),
        (
            "    keys: [{file: weak.key, certificate: weak.pem}]\n",
            keys,
            ["CN=weak", "512 bits"],
        ),
        (
            "    certificates: [{file: weak.pem}]\n",
            certificates,
            [
                "CN=weak",
                "ask the partner for a certificate with a longer key",
            ],
        ),
        (
            "    keys: [{file: bare.p12}]\n",
            keys,
            ["bare.p12", "needs a password"],
        ),
        (
            "    keys: [{file: ec.key, certificate: ec.pem}]\n",
            keys,
            ["CN=ec", "RSA"],
        ),
        (
            "    certificates: [{file: not.pem}]\n",
            certificates,
            ["not.pem", "no store of keys or certificates"],
        ),
        (
            "    certificates: [{file: us.pem, type: jks}]\n",
            certificates,
            ["said to be jks", "looks like pem"],
        ),
        (
            "    certificates: [{file: us.pem, subject: CN=them}]\n",
            certificates,
            ["CN=them", "`subject`"],
        ),
        (
            "    certificates: [{file: us.pem, password: x, inline: y}]\n",
            certificates,
            ["`file` and `inline`", "exclude each other"],
        ),
    ] {
        setup.configure(PLAIN, yaml, "");
        for command in [&["check"][..], &["reload"], &["serve"]] {
            let done = setup.pointsman(command);
            let said = said(&done);
            assert_eq!(done.status.code(), Some(1), "{command:?} {yaml}{said}");
            // Beside a server, what keeps a second one out may be told first.
            if command != ["serve"] || said.contains("keys[") {
                all_in(&said, &[place]);
                all_in(&said, &words);
            }
            assert!(
                !said.contains("GEHEIM") && !said.contains("FALSCH"),
                "{said}"
            );
        }
    }
    server.await_log(&["configuration-refused", "us.p12"]);
    drop(server);
    setup.configure(PLAIN, "    keys: [{file: us.p12, password: FALSCH}]\n", "");
    let started = setup.pointsman(&["serve"]);
    assert_eq!(started.status.code(), Some(1));
    all_in(&said(&started), &[keys, "us.p12", "the password is wrong"]);
}

#[test]
fn a_key_in_the_configuration_is_in_no_report() {
    let setup = Setup::plain("");
    rsa_pair(setup.path(), "us");
    let key = std::fs::read_to_string(setup.path().join("us.key")).unwrap();
    let indented = key.replace('\n', "\n          ");
    for mistake in [
        "        fr: [signing]\n",
        "        for: [sining]\n",
        "        type\n",
    ] {
        let yaml = format!("    keys:\n      - inline: |\n          {indented}\n{mistake}");
        setup.configure(PLAIN, &yaml, "");
        let checked = setup.pointsman(&["check"]);
        let said = said(&checked);
        assert_eq!(checked.status.code(), Some(1), "{said}");
        let lines = key.lines().filter(|line| !line.starts_with("-----"));
        for line in lines {
            assert!(!said.contains(&line[..16]), "{mistake}: {said}");
        }
    }
}

#[test]
fn what_is_asked_of_files_and_cannot_be_done_is_a_mistake() {
    let setup = Setup::plain("");
    rsa_pair(setup.path(), "us");
    let with = |keys: &str, terms: &str| {
        let yaml = format!("{keys}    file_security:\n{terms}");
        setup.configure(PLAIN, &yaml, "");
        let checked = setup.pointsman(&["check"]);
        (checked.status.success(), said(&checked))
    };
    let keys = "    keys: [{file: us.key, certificate: us.pem, for: [decryption]}]\n    certificates: [{file: us.pem, for: [verification]}]\n";
    for (terms, words) in [
        (
            "      send: {security: signed}\n",
            ["send.security", "for signing"],
        ),
        (
            "      send: {security: encrypted}\n",
            ["send.security", "for encryption"],
        ),
        (
            "      send: {signed_receipt: true}\n",
            ["send.signed_receipt", "for receipt-verification"],
        ),
        (
            "      demand: {signed_receipt: true}\n",
            ["demand.signed_receipt", "for receipt-signing"],
        ),
        (
            "      demand: {compressed: true}\n    session: {version: 1.4}\n",
            ["demand.compressed", "only OFTP 2.0"],
        ),
        ("      send: {suite: 11}\n", ["suite", "1 to 10"]),
    ] {
        let (good, said) = with(keys, terms);
        assert!(!good, "{terms}{said}");
        all_in(&said, &words);
    }
    let keys =
        "    keys: [{file: us.key, certificate: us.pem}]\n    certificates: [{file: us.pem}]\n";
    let all = "      open: before-acknowledgement\n      \
               send: {security: encrypted-and-signed, compress: true, compression_level: 9, suite: 6, signed_receipt: true, lengths: definite}\n      \
               demand: {security: signed, compressed: false, signed_receipt: true}\n      suites: [6, 04, 2]\n      compressed: take\n      \
               unknown_signers: refuse\n      other_hash: sha256\n      failed: delete\n      failures: alike\n      expansion: 50\n";
    let (good, said) = with(keys, all);
    assert!(good, "{said}");
}

#[test]
fn an_old_certificate_stands_beside_its_successor_and_ends_are_told() {
    let setup = Setup::plain("");
    let folder = setup.path();
    rsa_pair_valid(folder, "old", -30, -1);
    rsa_pair_valid(folder, "now", -1, 20);
    rsa_pair_valid(folder, "next", 10, 365);
    rsa_pair(folder, "us");
    let keys = "    keys: [{file: us.key, certificate: us.pem}]\n";
    let three = "    certificates: [{file: old.pem}, {file: now.pem}, {file: next.pem}]\n    file_security: {send: {security: encrypted}}\n";
    setup.configure(PLAIN, &format!("{keys}{three}"), "");
    let checked = setup.pointsman(&["check"]);
    let text = said(&checked);
    assert!(checked.status.success(), "{text}");
    let line = |place: &str| {
        let found = text.lines().find(|line| line.contains(place));
        found
            .unwrap_or_else(|| panic!("{place}: {text}"))
            .to_owned()
    };
    all_in(
        &line("certificates[0]"),
        &["warning", "it has ended", "nothing is encrypted to it"],
    );
    all_in(&line("certificates[1]"), &["warning", "it ends in"]);
    all_in(&line("certificates[2]"), &["it is used from then on"]);
    let server = setup.serve();
    server.await_log(&["certificate-ends", "partners.mueller.certificates[1]"]);
    let shown = said(&setup.pointsman(&["partners", "mueller"]));
    all_in(&shown, &["certificates[1]", "CN=now"]);
    // With nothing but the old one there is nothing to encrypt to, which time did: it keeps no reload out.
    let one = three.replace(", {file: now.pem}, {file: next.pem}", "");
    setup.configure(PLAIN, &format!("{keys}{one}"), "");
    let checked = setup.pointsman(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    all_in(
        &said(&checked),
        &[
            "error: partners.mueller.certificates",
            "nothing for encrypting",
            "CN=old",
        ],
    );
    let reloaded = setup.pointsman(&["reload"]);
    assert!(reloaded.status.success(), "{}", said(&reloaded));
    all_in(&said(&reloaded), &["partners.mueller.certificates"]);
}

#[test]
fn a_certificate_with_its_chain_is_the_certificate() {
    let setup = Setup::plain("");
    let folder = setup.path();
    let ca = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ca -keyout ca.key -out ca.pem";
    openssl(folder, ca);
    let request = "req -newkey rsa:2048 -nodes -subj /CN=leaf -keyout leaf.key -out leaf.csr";
    openssl(folder, request);
    let issue =
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 5 -days 30 -out leaf.pem";
    openssl(folder, issue);
    let chain = ["ca.pem", "leaf.pem"].map(|name| std::fs::read(folder.join(name)).unwrap());
    setup.write("chain.pem", chain.concat());
    openssl(
        folder,
        "crl2pkcs7 -nocrl -certfile chain.pem -out chain.p7b",
    );
    let yaml = "    certificates:\n      - {file: chain.pem}\n      - {file: chain.p7b, type: p7b, subject: '*'}\n";
    setup.configure(PLAIN, yaml, "");
    let checked = setup.pointsman(&["check"]);
    let text = said(&checked);
    assert!(checked.status.success(), "{text}");
    let first = text.lines().find(|line| line.contains("certificates[0]"));
    assert!(first.unwrap().contains("CN=leaf"), "{text}");
}

#[test]
fn names_and_serial_numbers_are_shown_as_other_programs_show_them_and_where_a_broken_store_is_named()
 {
    let setup = Setup::plain("");
    let folder = setup.path();
    let names = "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=odd\n[ext]\n\
                 subjectAltName=dirName:dir,DNS:odd.example,RID:1.2.3.4\n[dir]\nO=Werk\nCN=hall\n";
    setup.write("odd.cnf", names);
    let made = "req -x509 -newkey rsa:2048 -nodes -days 30 -set_serial 0xff00112233 -config odd.cnf \
                -keyout odd.key -out odd.pem";
    openssl(folder, made);
    setup.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let yaml = "    certificate: odd.pem\n    certificates:\n      - {file: odd.pem}\n      - {file: broken.pem}\n";
    setup.configure(PLAIN, yaml, "");
    let odd = folder.join("odd.pem").display().to_string();
    let shown = said(&setup.pointsman(&["cert", "show", &odd]));
    all_in(
        &shown,
        &[
            "O=Werk",
            "CN=hall",
            "odd.example",
            "another kind",
            "ff00112233",
        ],
    );
    let checked = said(&setup.pointsman(&["check"]));
    assert!(
        checked.matches("serial ff00112233").count() >= 2,
        "{checked}"
    );
    let all = setup.pointsman(&["cert", "show", "--all", "--json"]);
    assert_eq!(all.status.code(), Some(1), "{all:?}");
    let stores: serde_json::Value = serde_json::from_slice(&all.stdout).unwrap();
    let broken: Vec<_> = stores
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| !one["error"].is_null())
        .collect();
    assert_eq!(broken.len(), 1, "{stores:#}");
    assert_eq!(broken[0]["place"], "partners.mueller.certificates[1]");
}

#[test]
fn everything_is_shown_of_a_store_but_its_secrets() {
    let setup = Setup::plain("");
    stores(&setup);
    let folder = setup.path();
    let show = |arguments: &[&str]| {
        let arguments = [&["cert", "show"][..], arguments].concat();
        let shown = setup.pointsman(&arguments);
        (shown.status.code(), said(&shown))
    };
    let path = |name: &str| folder.join(name).display().to_string();
    let (password, jks, pfx) = (path("us.pass"), path("us.jks"), path("us.p12"));
    let opened = |store: &str| show(&[store, "--password-file", &password]);
    let mut readable = vec![&pfx, &jks];
    readable.retain(|store| std::path::Path::new(store).exists());
    let both = path("both.pem");
    for store in readable.into_iter().chain([&both]) {
        let (code, text) = opened(store);
        assert_eq!(code, Some(0), "{text}");
        let fields = [
            "subject:",
            "CN=us",
            "issuer:",
            "serial number:",
            "version:",
            "V3",
            "effective date:",
            "expiration date:",
            "usage:",
            "extended key usage:",
            "subject alternative names:",
            "signature algorithm:",
            "fingerprint MD5:",
            "fingerprint SHA-1:",
            "fingerprint SHA-256:",
            "thumbprint SHA-256:",
            "private key available:     yes",
            "public key algorithm:",
            "2048 bits",
            "BEGIN PUBLIC KEY",
        ];
        all_in(&text, &fields);
        assert!(
            !text.contains("PRIVATE KEY-") && !text.contains("GEHEIM"),
            "{text}"
        );
    }
    let openssl = said(&openssl(
        folder,
        "x509 -in us.pem -noout -fingerprint -sha256",
    ));
    let sum = openssl
        .trim()
        .split('=')
        .next_back()
        .unwrap()
        .to_lowercase();
    all_in(&opened(&pfx).1.to_lowercase(), &[&sum]);
    let (code, text) = show(&[&pfx, "--json", "--password-file", &password]);
    assert_eq!(code, Some(0), "{text}");
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read[0]["entries"][0]["alias"], "erste", "{text}");
    assert_eq!(read[0]["kind"], "pfx");
    let (code, text) = show(&[&pfx]);
    assert_eq!(code, Some(1));
    all_in(&text, &["us.p12", "password", "--password-file"]);
    let (code, text) = show(&[&path("us.pem"), "--subject", "CN=them"]);
    assert_eq!(code, Some(1));
    all_in(&text, &["CN=them", "CN=us"]);
    let (code, text) = show(&[&path("us.crt"), "--type", "jks"]);
    assert_eq!(code, Some(1));
    all_in(&text, &["said to be jks"]);
    let both = "    keys: [{file: us.p12, password: GEHEIM}]\n    certificate: us.crt\n";
    setup.configure(PLAIN, both, "");
    let (code, text) = show(&["--all"]);
    assert_eq!(code, Some(0), "{text}");
    all_in(
        &text,
        &[
            "partners.mueller.certificate:",
            "partners.mueller.keys[0]:",
            "CN=us",
        ],
    );
    setup.configure(PLAIN, &both.replace("GEHEIM", "FALSCH"), "");
    let (code, text) = show(&["--all"]);
    assert_eq!(code, Some(1), "{text}");
    all_in(&text, &["error: ", "us.p12", "the password is wrong"]);
}

/// What is made is what the program itself takes, and another program reads.
#[test]
fn a_key_is_made_for_a_partner_and_it_is_said_what_to_do_with_it() {
    let setup = Setup::plain("");
    setup.write("secret", "GEHEIM\n");
    let make = |more: &[&str]| {
        let arguments = [&["keys", "make", "--for", "mueller"][..], more].concat();
        let made = setup.pointsman(&arguments);
        (made.status.code(), said(&made))
    };
    let secret = setup.path().join("secret").display().to_string();
    let (code, text) = make(&[
        "--host",
        "oftp.nordwerk.example",
        "--password-file",
        &secret,
    ]);
    assert_eq!(code, Some(0), "{text}");
    all_in(
        &text,
        &[
            "SHA-256:",
            "oftp.nordwerk.example",
            "partners:",
            "pointsman reload",
        ],
    );
    assert!(!text.contains("GEHEIM"), "{text}");
    // What it says to write is taken as it stands.
    let yaml = text.split("   partners:\n").nth(1).unwrap();
    let lines = yaml.lines().skip(1).take_while(|line| !line.is_empty());
    let keys: String = lines.map(|line| format!("{}\n", &line[3..])).collect();
    setup.configure(PLAIN, &keys, "");
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{keys}{}", said(&checked));
    all_in(
        &said(&checked),
        &[
            "partners.mueller.keys[0]",
            "CN=oftp.nordwerk.example",
            crate::support::US,
        ],
    );
    // For TLS, too, where that is wanted.
    let station = text.split("   station:\n").nth(1).unwrap();
    let station: String = station
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{}\n", &line[3..]))
        .collect();
    setup.configure(
        "  - address: 127.0.0.1:0\n    tls:\n      client_auth: none\n",
        &keys,
        "",
    );
    let config = std::fs::read_to_string(setup.config()).unwrap();
    let config = config.replacen("storage:\n", &format!("{station}storage:\n"), 1);
    std::fs::write(setup.config(), config).unwrap();
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{station}{}", said(&checked));
    all_in(&said(&checked), &["station.keys[0]"]);
    let cer = text.lines().find_map(|line| {
        line.split(": the same for")
            .next()
            .filter(|path| path.ends_with(".cer"))
    });
    let cer = cer.unwrap();
    let shown = openssl(
        setup.path(),
        &format!("x509 -inform DER -in {cer} -noout -text"),
    );
    all_in(
        &said(&shown),
        &[
            "(3072 bit)",
            "DNS:oftp.nordwerk.example",
            "TLS Web Client Authentication",
        ],
    );
    let key = cer.replace(".cer", ".key");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&key).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let (code, text) = make(&["--host", "oftp.nordwerk.example"]);
    assert_eq!(code, Some(1), "a file that is there is not replaced");
    all_in(&text, &["own-mueller-", "none is replaced", "--folder"]);
    let (code, text) = make(&["--days", "5000"]);
    assert_eq!(code, Some(1));
    all_in(&text, &["1461"]);
    let nobody = setup.pointsman(&["keys", "make", "--for", "schmidt"]);
    assert_eq!(nobody.status.code(), Some(2));
}

#[test]
fn short_keys_and_certificates_of_one_name_are_warned_of() {
    let setup = Setup::plain("");
    let make = |name: &str, bits: u16, serial: u8| {
        openssl(
            setup.path(),
            &format!(
                "req -x509 -newkey rsa:{bits} -sha256 -nodes -days 365 -set_serial {serial} -subj /CN=them -keyout {name}.key -out {name}.pem"
            ),
        );
    };
    make("one", 2048, 1);
    make("renewed", 2048, 1);
    make("other", 2048, 2);
    make("short", 1024, 3);
    let yaml = "    keys: [{file: short.key, certificate: short.pem}]\n    certificates:\n      - file: one.pem\n      - file: renewed.pem\n      - file: other.pem\n      - file: one.pem\n      - file: short.pem\n";
    setup.configure(PLAIN, yaml, "");
    let checked = setup.pointsman(&["check"]);
    let text = said(&checked);
    assert!(checked.status.success(), "{text}");
    let lines =
        |words: &str| -> Vec<&str> { text.lines().filter(|line| line.contains(words)).collect() };
    let twins = lines("the issuer and the serial number of");
    assert_eq!(twins.len(), 2, "{text}");
    for (twin, place) in twins.iter().zip(["certificates[1]", "certificates[3]"]) {
        all_in(twin, &["warning", place]);
    }
    let short = lines("its RSA key has 1024 bits");
    assert_eq!(short.len(), 2, "{text}");
    for (short, place) in short.iter().zip(["keys[0]", "certificates[4]"]) {
        all_in(short, &["warning", place]);
    }
}
