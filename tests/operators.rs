//! Questions that operators ask, and what answers them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use pointsman::KNOWN_PARTNERS;
use rustix::process::Signal;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use support::patience::end;
use support::peer::{Called, Peer, Ssid, VirtualFile, efid, esid, release, take_file};
use support::{OURS, POINTSMAN, Server, Setup, US, octets, openssl_certificate, other_file_system};

const TLS: &str = "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n      client_auth: require\n";

/// Runs openssl in the folder.
fn openssl(folder: &Path, arguments: &str) -> Output {
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {said}");
    done
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn all_in(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
}

/// A partner's TLS server made of openssl, which speaks no OFTP.
struct TlsServer {
    child: Child,
    port: u16,
}

impl TlsServer {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new("timeout")
            .args(["120", "openssl", "s_server", "-accept", "127.0.0.1:0"])
            .args(["-cert", "them.pem", "-key", "them.key"])
            .args(more)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // "ACCEPT 127.0.0.1:PORT"
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("ACCEPT"))
            .expect("s_server listens");
        let port = line.rsplit(':').next().unwrap().trim().parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Our station with a partner that is dialled over TLS at that port; what `pointsman send` says.
fn send_over_tls(setup: &Setup, port: u16, more: &str) -> String {
    let partner =
        format!("    address: localhost:{port}\n    tls: true\n    certificate: them.pem\n{more}");
    setup.configure("  - address: 127.0.0.1:0\n", &partner, "");
    let file = setup.write("ORDERS", "order");
    let sent = setup.pointsman(&["send", file.to_str().unwrap(), "--to", "mueller"]);
    assert!(!sent.status.success());
    said(&sent)
}

#[test]
fn send_says_whether_the_receipt_is_signed() {
    let called = Called::new();
    let setup = Setup::sender(&called.address(), "");
    let file = setup.write("ORDERS", "x");
    for (signature, expected) in [
        (&b""[..], "(unsigned)"),
        (b"SIGNED", "(signed; the signature was not checked)"),
    ] {
        let said = std::thread::scope(|scope| {
            let path = file.to_str().unwrap();
            let send = || setup.pointsman(&["send", path, "--to", "nordwerk"]);
            let sending = scope.spawn(send);
            let mut peer = called.greet();
            let sfid = take_file(&mut peer);
            assert_eq!(peer.hear(), b"R", "CD");
            let receipt = support::peer::eerp(&sfid);
            let (receipt, _) = receipt.split_at(receipt.len() - 2);
            let length = (signature.len() as u16).to_be_bytes();
            peer.say([receipt, &length, signature].concat());
            assert_eq!(peer.hear(), b"P", "RTR");
            peer.say(b"F00000\r");
            String::from_utf8(sending.join().unwrap().stdout).unwrap()
        });
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_receipt_is_refused_for_reasons_that_nerp_has() {
    let setup = Setup::plain("");
    let answer = |reason| {
        let id = "01a228f6-8425-75b2-89e8-fe936ea5f817";
        let tried = setup.pointsman(&["transfers", "answer", id, "--reject", reason]);
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(!said.is_empty());
        said
    };
    // 06, too big, and 10 are of SFNA and EFNA; NERP has other numbers for them.
    for reason in ["1", "6", "10", "17", "37", "98", "0", "100", "x"] {
        let said = answer(reason);
        assert!(
            said.contains("NERP has no such reason") && said.contains("16 file size is too big"),
            "{reason}: {said}"
        );
    }
    for reason in ["3", "16", "034", "99"] {
        let said = answer(reason);
        assert!(!said.contains("NERP has no"), "{reason}: {said}");
    }
}

#[test]
fn a_partner_that_refuses_our_certificate_is_heard() {
    let setup = Setup::plain("");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let ours = "    our_certificate: us.pem\n    our_key: us.key\n";
    let demanding = [
        "-Verify",
        "1",
        "-verify_return_error",
        "-CAfile",
        "them.pem",
    ];
    for version in ["-tls1_2", "-tls1_3"] {
        let server = TlsServer::start(setup.path(), &[&demanding[..], &[version]].concat());
        let told = send_over_tls(&setup, server.port, ours);
        all_in(
            &told,
            &["unknown_ca (48)", "send the partner the certificate"],
        );
        let told = send_over_tls(&setup, server.port, "");
        let alert = match version {
            "-tls1_3" => "certificate_required (116)",
            _ => "handshake_failure (40)",
        };
        all_in(&told, &[alert, "our_certificate"]);
    }
}

#[test]
fn a_caller_that_refuses_our_certificate_is_heard() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them", "other"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup.configure(TLS, "    certificate: them.pem\n", "");
    let server = setup.serve();
    for version in ["-tls1_2", "-tls1_3"] {
        s_client(
            &setup,
            &server,
            &["-CAfile", "other.pem", "-verify_return_error", version],
        );
    }
    support::eventually("both alerts are told", || {
        let log = server.log();
        let told = log.lines().filter(|line| line.contains("unknown_ca (48)"));
        (told.count() == 2).then_some(())
    });
    server.await_log(&["tls-refused", "the `certificate` of this listener"]);
}

fn s_client(setup: &Setup, server: &support::Server, more: &[&str]) {
    Command::new("timeout")
        .args(["60", "openssl", "s_client", "-quiet", "-connect"])
        .arg(server.address().to_string())
        .args(more)
        .current_dir(setup.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
}

#[test]
fn a_certificate_that_is_not_believed_is_named_with_its_owner() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them", "stranger"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    // The partner has renewed: the same subject, another certificate.
    std::fs::create_dir(setup.path().join("new")).unwrap();
    openssl_certificate(&setup.path().join("new"), "them");
    setup.configure(TLS, "    certificate: them.pem\n", "");
    let server = setup.serve();
    let serial = |file: &str| {
        let told = openssl(setup.path(), &format!("x509 -in {file} -noout -serial"));
        let told = String::from_utf8(told.stdout).unwrap();
        told.trim().trim_start_matches("serial=").to_lowercase()
    };
    s_client(
        &setup,
        &server,
        &["-cert", "stranger.pem", "-key", "stranger.key"],
    );
    let line = server.await_log(&["tls-refused", "CN=stranger"]);
    all_in(
        &line,
        &[
            &serial("stranger.pem"),
            "sha256",
            "until",
            "no profile has it",
        ],
    );
    s_client(
        &setup,
        &server,
        &["-cert", "new/them.pem", "-key", "new/them.key"],
    );
    let line = server.await_log(&["tls-refused", "CN=them"]);
    all_in(
        &line,
        &[
            &serial("new/them.pem"),
            &serial("them.pem"),
            "`mueller`",
            "renewed",
        ],
    );
    s_client(&setup, &server, &[]);
    server.await_log(&["tls-refused", "it showed no certificate", "client_auth"]);
    // And the partner's server, when we dial it.
    let partner = TlsServer::start(&setup.path().join("new"), &[]);
    let told = send_over_tls(&setup, partner.port, "");
    all_in(
        &told,
        &[
            "not the `certificate` of its profile",
            &serial("new/them.pem"),
            "renewed",
        ],
    );
}

#[test]
fn plain_and_tls_ports_that_are_mixed_up_are_told() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup.configure(
        TLS,
        "    certificate: them.pem\n",
        "limits:\n  caller_time: 1s\n",
    );
    let server = setup.serve();
    let mut plain = Peer::connect_silently(server.address());
    plain.say(b"IODETTE FTP READY \r");
    server.await_log(&["tls-refused", "the caller speaks plain OFTP"]);
    let _silent = Peer::connect_silently(server.address());
    server.await_log(&["tls-refused", "waits here to be greeted"]);

    let theirs = Setup::plain("");
    let open = theirs.serve();
    let told = send_over_tls(&setup, open.address().port(), "");
    all_in(
        &told,
        &["the partner speaks plain OFTP on this port", "tls: false"],
    );
}

/// Certificates as old tools and odd CAs make them, each with a usual key.
fn odd_certificates(folder: &Path) -> [&'static str; 3] {
    let usual = "req -newkey rsa:2048 -nodes -subj /CN=peer";
    openssl(folder, &format!("{usual} -keyout v1.key -out v1.csr"));
    openssl(
        folder,
        "x509 -req -in v1.csr -signkey v1.key -days 300 -out v1.pem",
    );
    let selfmade = format!("{usual} -x509 -days 300");
    openssl(
        folder,
        &format!(
            "{selfmade} -keyout critical.key -out critical.pem -addext 1.2.3.4.5.6=critical,ASN1:UTF8String:x"
        ),
    );
    openssl(
        folder,
        &format!(
            "{selfmade} -keyout policies.key -out policies.pem -addext certificatePolicies=critical,1.2.3.4"
        ),
    );
    ["v1", "critical", "policies"]
}

#[test]
fn a_partners_own_certificate_is_compared_and_not_judged() {
    let setup = Setup::with_listeners(TLS, "", "");
    openssl_certificate(setup.path(), "us");
    for name in odd_certificates(setup.path()) {
        setup.configure(TLS, &format!("    certificate: {name}.pem\n"), "");
        let checked = setup.pointsman(&["check"]);
        assert!(checked.status.success(), "{name}: {}", said(&checked));
        let server = setup.serve();
        for (at, version) in ["-tls1_2", "-tls1_3"].into_iter().enumerate() {
            let mut peer = Peer::openssl(server.address(), setup.path(), name, "us", version);
            peer.identify();
            peer.send(&VirtualFile::new(
                &format!("{name}{at}").to_uppercase(),
                "x",
            ));
        }
    }
}

/// Shows the certificate `shown` and signs with the key `signing`, whether they belong together or not; says whether the
/// server greets then.
fn greets(setup: &Setup, server: &support::Server, shown: &str, signing: &str) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = CertificateDer::pem_file_iter(setup.path().join(shown)).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(setup.path().join(signing)).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let identity = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_client_cert_resolver(Arc::new(identity));
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(server.address()).unwrap();
    let mut wire = StreamOwned::new(client, socket);
    let mut greeting = [0; 23];
    wire.read_exact(&mut greeting).is_ok() && greeting[4..].starts_with(b"IODETTE")
}

/// A client that believes every server.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// That a certificate is compared and not judged makes nobody its owner: that takes its key.
#[test]
fn a_certificate_without_its_key_opens_nothing() {
    let setup = Setup::with_listeners(TLS, "", "");
    ["us", "them", "thief"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup.configure(TLS, "    certificate: them.pem\n", "");
    let server = setup.serve();
    assert!(greets(&setup, &server, "them.pem", "them.key"));
    assert!(!greets(&setup, &server, "them.pem", "thief.key"));
    server.await_log(&["tls-refused", "does not have the key", "`mueller`"]);
}

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
        ("us.p12", "openssl pkcs12 -in"),
        ("us.p7b", "openssl pkcs7 -in"),
        ("us.csr", "request for a certificate"),
        ("us.key", "mixed up"),
        ("empty.pem", "is empty"),
        ("note.pem", "neither PEM"),
    ] {
        setup.configure(&TLS.replace("us.pem", certificate), "", "");
        let told = said(&setup.pointsman(&["check"]));
        all_in(
            &told,
            &["error: listeners[0].tls.certificate", certificate, words],
        );
    }
    for (key, words) in [
        ("locked.key", "passphrase"),
        ("locked.old", "passphrase"),
        ("them.key", "does not belong to the certificate"),
        ("us.pem", "mixed up"),
        ("us.p12", "openssl pkcs12 -in"),
    ] {
        setup.configure(&TLS.replace("us.key", key), "", "");
        let checked = setup.pointsman(&["check"]);
        assert_eq!(checked.status.code(), Some(1));
        all_in(
            &said(&checked),
            &["error: listeners[0].tls.key", key, words],
        );
    }
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
    assert_eq!(checked.status.code(), Some(1));
    all_in(
        &said(&checked),
        &["listeners[0].tls.key", "belongs to certificate 2", "first"],
    );
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
    setup.write("damaged.pem", certificate.replace('\n', "\n  "));
    setup.configure(&TLS.replace("us.pem", "damaged.pem"), "", "");
    all_in(
        &said(&setup.pointsman(&["check"])),
        &["indented, or were its line ends lost"],
    );
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

#[test]
fn no_state_of_the_protocol_is_told_without_words() {
    let theirs = support::peer::Called::new();
    let setup = Setup::plain("");
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        &format!("    address: {}\n", theirs.address()),
        "",
    );
    let file = setup.write("ORDERS", octets(1, 100));
    let sending = Command::new(POINTSMAN)
        .args(["send", file.to_str().unwrap(), "--to", "mueller", "-c"])
        .arg(setup.config())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(theirs.accept());
    let told = said(&sending.wait_with_output().unwrap());
    assert!(told.contains("I_WF_RM"), "{told}");
    for line in told.lines().filter(|line| line.contains("I_WF_RM")) {
        all_in(line, &["before both sides had identified themselves"]);
    }
}

#[test]
fn no_state_of_the_protocol_is_told_without_words_where_something_is_tolerated() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    tolerances: {wrong_counts: true}\n",
        "",
    );
    setup.queue("ORDERS", "octets", "mueller");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    take_file(&mut peer);
    assert_eq!(peer.hear(), b"R", "CD");
    peer.say(b"R");
    assert_eq!(peer.hear_esid(), "00");
    let told = server.await_log(&["tolerated", "returned_turn"]);
    all_in(&told, &["CD in IDLELICD (while no file was under way): "]);

    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("COUNTS", "twelve octets");
    peer.offer(&file);
    peer.send_data(&file);
    peer.say(efid(file.content.len() + 1));
    assert_eq!(peer.hear(), b"4N", "EFPA");
    let told = server.await_log(&["tolerated", "wrong_counts"]);
    all_in(
        &told,
        &["EFID in OPI (while the partner was sending a file): "],
    );
}

/// What `pointsman partners NAME` says, as its lines by their first words.
fn partner(setup: &Setup, name: &str) -> String {
    let told = setup.pointsman(&["partners", name]);
    assert!(told.status.success(), "{}", said(&told));
    said(&told)
}

/// What `pointsman partners --json` says of its only partner.
fn partner_as_json(setup: &Setup) -> serde_json::Value {
    let told = setup.pointsman(&["partners", "--json"]);
    assert!(told.status.success(), "{}", said(&told));
    let partners: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    partners[0].clone()
}

fn line(text: &str, start: &str) -> String {
    let found = text.lines().find(|line| line.starts_with(start));
    found
        .unwrap_or_else(|| panic!("no line of {start} in {text}"))
        .to_owned()
}

fn queue(setup: &Setup, name: &str, to: &str) -> String {
    setup.queue(name, octets(7, 1000), to)
}

/// "Why is this file not sent?", for a partner that cannot be reached, with a server and without one.
#[test]
fn a_partner_that_cannot_be_reached_is_told_with_its_last_failure_and_the_next_call() {
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let setup = Setup::caller("listeners:\n  - address: 127.0.0.1:0\n", &address, "");
    let told = partner(&setup, "nordwerk");
    all_in(&line(&told, "last session"), &["none"]);
    all_in(&line(&told, "to send"), &["nothing"]);
    queue(&setup, "ORDERS", "nordwerk");
    all_in(
        &line(&partner(&setup, "nordwerk"), "why it waits"),
        &["no server runs", "pointsman serve"],
    );
    let server = setup.serve();
    server.await_log(&["call-failed", "nordwerk"]);
    let told = partner(&setup, "nordwerk");
    all_in(
        &line(&told, "last failure"),
        &["we called", &address, "no connection", "refused"],
    );
    all_in(&line(&told, "last good one"), &["none"]);
    all_in(&line(&told, "next call"), &["in", " s"]);
    all_in(&line(&told, "to send"), &["1 files", "1000 octets"]);
    all_in(
        &line(&told, "why it waits"),
        &["the last call failed", "no connection"],
    );
    let table = said(&setup.pointsman(&["partners"]));
    all_in(&line(&table, "nordwerk"), &["  1 ", "no connection"]);
    // What was remembered is there after a start, and without a server.
    assert_eq!(server.stop(), Some(0));
    let told = partner_as_json(&setup);
    assert_eq!(told["server_runs"], false);
    assert_eq!(told["last_failure"]["remote"], address);
    assert_eq!(told["last_session"], serde_json::Value::Null);
    assert_eq!(told["to_send"]["files"], 1);
    let other = setup.pointsman(&["partners", "mueller"]);
    assert_eq!(other.status.code(), Some(2));
    all_in(&said(&other), &["no partner `mueller`", "nordwerk"]);
}

/// A session with the partner that we call, which greets us with this SSIDSR and takes so many files.
fn session_of(called: &Called, sends_and_receives: char, files: usize) {
    let mut peer = called.accept();
    peer.say(b"IODETTE FTP READY \r");
    assert_eq!(peer.hear()[0], b'X', "SSID");
    let ssid = format!(
        "X5{US:25}{OURS:8}04096{sends_and_receives}NYN007N{:12}\r",
        ""
    );
    peer.say(ssid);
    for _ in 0..files {
        take_file(&mut peer);
    }
    release(&mut peer);
}

/// "Why is this file not sent?", where each session comes to its end as it should: every command that tells of the file
/// has the reason, with a server and without one.
#[test]
fn why_files_stay_that_a_good_session_left_is_told_wherever_they_are() {
    let terms = "policies:\n  turns:\n    component: turns.wasm\n    hooks: [ready-to-send]\n    limits: {time: 4s}\n    settings:\n";
    let policy = |settings: &str| format!("{terms}      {settings}\n");
    let held = "policy `turns` held all files back: not on Sundays";
    let cases = [
        (policy("hold: not on Sundays"), 'B', 0, held),
        (
            policy("newest-first: \"yes\"\n      max-files: \"1\""),
            'B',
            1,
            "policy `turns` let no files go but those it named",
        ),
        (
            policy("max-files: \"1\""),
            'B',
            1,
            "policy `turns` let 1 files go in a turn, and no more",
        ),
        (String::new(), 'S', 0, "said in its SSID that it only sends"),
        (
            "    session: {mode: receive-only}\n".to_owned(),
            'B',
            0,
            "`session.mode` of the partner's profile is receive-only",
        ),
    ];
    for (yaml, mode, taken, reason) in cases {
        let called = Called::new();
        let listener = "listeners:\n  - address: 127.0.0.1:0\n";
        let setup = Setup::caller(listener, &called.address(), &yaml);
        setup.write("turns.wasm", support::guests::terms());
        queue(&setup, "FIRST", "nordwerk");
        queue(&setup, "SECOND", "nordwerk");
        let server = setup.serve();
        session_of(&called, mode, taken);
        let told = support::eventually(reason, || {
            let told = partner(&setup, "nordwerk");
            told.contains("why it waits").then_some(told)
        });
        let why = line(&told, "why it waits");
        assert!(why.contains(reason), "{why}");
        let mut rows = setup.transfers().into_iter();
        let file = rows.find(|row| row.contains(" ready ")).unwrap();
        let file = &file[..36];
        for command in [
            &["partners"][..],
            &["partners", "--json"],
            &["queue", "list"],
            &["queue", "list", "--json"],
            &["transfers", "show", file],
            &["transfers", "show", file, "--json"],
        ] {
            let told = said(&setup.pointsman(command));
            assert!(
                told.contains(reason),
                "{command:?} has no `{reason}`: {told}"
            );
        }
        assert_eq!(server.stop(), Some(0));
        all_in(
            &line(&partner(&setup, "nordwerk"), "why it waits"),
            &["no server runs", "the last session left it", reason],
        );
        // What was there is held now, and what waits was in no session yet.
        for row in setup
            .transfers()
            .iter()
            .filter(|row| row.contains(" ready "))
        {
            assert!(
                setup
                    .pointsman(&["queue", "hold", &row[..36]])
                    .status
                    .success()
            );
        }
        queue(&setup, "LATER", "nordwerk");
        let why = line(&partner(&setup, "nordwerk"), "why it waits");
        assert!(!why.contains(reason), "{why}");
    }
}

#[test]
fn why_files_stay_where_the_partner_ends_before_our_turn_is_told() {
    let reason = "it ended before it was our turn to send";
    let calls = "    calls: {queued: false}\n";
    let setup = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        "127.0.0.1:1",
        calls,
    );
    queue(&setup, "WAITS", "nordwerk");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(
        Ssid {
            code: US.to_owned(),
            password: OURS.to_owned(),
            ..Ssid::default()
        }
        .octets(),
    );
    assert_eq!(peer.hear()[0], b'X', "SSID");
    peer.say(esid());
    support::eventually(reason, || {
        let told = partner(&setup, "nordwerk");
        told.contains(reason).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
}

/// Who sends all that waits hears what did not go, and why; it is done when nothing waits any more.
#[test]
fn send_says_what_still_waits_and_why_and_is_done_when_nothing_does() {
    let called = Called::new();
    let setup = Setup::caller(
        "",
        &called.address(),
        "policies:\n  turns:\n    component: turns.wasm\n    hooks: [ready-to-send]\n    limits: {time: 4s}\n    settings:\n      max-files: \"1\"\n",
    );
    setup.write("turns.wasm", support::guests::terms());
    queue(&setup, "FIRST", "nordwerk");
    let second = queue(&setup, "SECOND", "nordwerk");
    let send = |mode, taken| {
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| setup.pointsman(&["send", "--to", "nordwerk"]));
            session_of(&called, mode, taken);
            sending.join().unwrap()
        })
    };
    let sent = send('S', 0);
    assert_eq!(sent.status.code(), Some(1), "{}", said(&sent));
    all_in(
        &said(&sent),
        &[
            "files that still wait for `nordwerk`: 2",
            "FIRST",
            "SECOND",
            "only sends",
        ],
    );
    let sent = send('B', 1);
    assert_eq!(sent.status.code(), Some(1), "{}", said(&sent));
    all_in(
        &said(&sent),
        &[
            "still wait for `nordwerk`: 1",
            "SECOND",
            &second,
            "let 1 files go in a turn",
        ],
    );
    let sent = send('B', 1);
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    // What an operator holds back is no reason to complain, nor a queue without anything.
    let third = queue(&setup, "THIRD", "nordwerk");
    assert!(setup.pointsman(&["queue", "hold", &third]).status.success());
    let sent = send('B', 0);
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
}

#[test]
fn a_partner_that_calls_us_is_told_with_its_sessions_and_what_waits_for_it() {
    let setup = Setup::plain("");
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        "    receipt_deadline: 1s\n",
        "",
    );
    let server = setup.serve();
    let file = queue(&setup, "ORDERS", "mueller");
    let told = partner(&setup, "mueller");
    all_in(&line(&told, "address"), &["only it can call us"]);
    all_in(&line(&told, "next call"), &["never", "no `address`"]);
    all_in(&line(&told, "why it waits"), &["when it calls us"]);
    // Who has no address was not called.
    let sent = setup.pointsman(&["send", "--to", "mueller"]);
    assert_ne!(sent.status.code(), Some(0), "{}", said(&sent));
    all_in(&said(&sent), &["no address"]);
    let told = partner(&setup, "mueller");
    all_in(&line(&told, "last failure"), &["none"]);
    all_in(&line(&told, "why it waits"), &["when it calls us"]);
    // Somebody with its code and another password.
    let mut stranger = Peer::connect(server.address());
    let port = stranger.wire.local_addr().unwrap().port();
    let wrong = support::peer::Ssid {
        password: "GUESSED".to_owned(),
        ..support::peer::Ssid::default()
    };
    stranger.say(wrong.octets());
    assert_eq!(stranger.hear()[0], b'F', "ESID");
    let told = partner(&setup, "mueller");
    all_in(
        &line(&told, "last refusal"),
        &["it called from", &port.to_string(), "ESID 04", "password"],
    );
    all_in(&line(&told, "why it waits"), &["was not let in", "ESID 04"]);
    all_in(&line(&told, "last session"), &["none"]);
    let held = setup.pointsman(&["queue", "hold", &file]);
    assert!(held.status.success(), "{}", said(&held));
    all_in(&line(&partner(&setup, "mueller"), "to send"), &["1 held"]);
    all_in(
        &line(&partner(&setup, "mueller"), "why it waits"),
        &["held or parked", "queue release"],
    );
    let released = setup.pointsman(&["queue", "release", &file]);
    assert!(released.status.success(), "{}", said(&released));
    // It calls and takes its file, and its receipt does not come.
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    support::peer::take_file(&mut peer);
    assert_eq!(peer.hear(), b"R");
    peer.say(b"F00000\r");
    let told = support::eventually("the receipt is overdue", || {
        let told = partner_as_json(&setup);
        (told["receipts"]["overdue"] == 1).then_some(told)
    });
    assert_eq!(told["why_it_waits"], serde_json::Value::Null);
    assert_eq!(told["last_session"]["dialled"], false);
    assert_eq!(
        told["last_session"]["at"], told["last_good_session"]["at"],
        "it went well"
    );
    let overdue = partner(&setup, "mueller");
    all_in(&line(&overdue, "receipts"), &["1 overdue", "sent 20"]);
    // And a session that breaks.
    drop(Peer::session(server.address()));
    server.await_log(&["session-ended", "connection was lost"]);
    let told = support::eventually("the failure is remembered", || {
        let told = partner_as_json(&setup);
        told["last_failure"].is_object().then_some(told)
    });
    let words = told["last_failure"]["words"].as_str().unwrap();
    assert!(words.contains("connection was lost"), "{words}");
}

#[test]
fn a_partners_certificates_are_told_with_their_ends() {
    let setup = Setup::with_listeners(TLS, "", "");
    openssl_certificate(setup.path(), "us");
    openssl(
        setup.path(),
        "req -x509 -newkey rsa:2048 -nodes -days 5 -subj /CN=them -keyout them.key -out them.pem",
    );
    setup.configure(TLS, "    certificate: them.pem\n", "");
    all_in(
        &line(&partner(&setup, "mueller"), "certificate"),
        &["CN=them", "warning", "it ends in", "until 20"],
    );
    let table = said(&setup.pointsman(&["partners"]));
    all_in(&line(&table, "mueller"), &["it ends in"]);
    let told = partner_as_json(&setup);
    let certificate = &told["certificates"][0];
    assert_eq!(certificate["key"], "certificate");
    assert_eq!(certificate["weight"], "warning");
    assert!(certificate["ends"].as_str().unwrap().ends_with('Z'));
}

/// Our listener's certificate and the CA for callers are in no profile: they are told above all partners.
#[test]
fn the_certificates_that_every_partner_sees_are_told_above_the_partners() {
    let setup = Setup::with_listeners(TLS, "", "");
    for (name, days) in [("us", 5), ("root", 90), ("them", 90)] {
        openssl(
            setup.path(),
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ),
        );
    }
    let listener = TLS.replace(
        "client_auth: require",
        "client_auth: require\n      client_ca: root.pem",
    );
    setup.configure(&listener, "    certificate: them.pem\n", "");
    let table = said(&setup.pointsman(&["partners"]));
    let (station, partners) = table.split_once("PARTNER").unwrap();
    all_in(
        &line(station, "station"),
        &["listeners[0].tls.certificate", "CN=us", "it ends in"],
    );
    assert!(!table.contains("client_ca"), "it is good: {table}");
    assert!(!partners.contains("it ends in"), "{partners}");
    // Asked of one partner, each is told.
    let told = partner(&setup, "mueller");
    let (station, _) = told.split_once("\npartner ").unwrap();
    let station: Vec<&str> = station.lines().collect();
    assert_eq!(station.len(), 2, "{told}");
    all_in(
        station[0],
        &["listeners[0].tls.certificate", "warning", "it ends in"],
    );
    all_in(
        station[1],
        &["listeners[0].tls.client_ca", "CN=root", "until 20"],
    );
    assert!(!station[1].contains("warning"), "{told}");
    let told = partner_as_json(&setup);
    let of = |key: &str| {
        let all = told["certificates"].as_array().unwrap();
        let found = all.iter().find(|certificate| certificate["key"] == key);
        found.unwrap_or_else(|| panic!("no {key} in {told}"))["weight"].clone()
    };
    assert_eq!(of("certificate"), "good");
    assert_eq!(of("listeners[0].tls.certificate"), "warning");
    assert_eq!(of("listeners[0].tls.client_ca"), "good");
}

fn sessions(setup: &Setup) -> Vec<serde_json::Value> {
    let told = setup.pointsman(&["sessions", "--json"]);
    assert!(told.status.success(), "{}", said(&told));
    serde_json::from_slice(&told.stdout).unwrap()
}

#[test]
fn the_sessions_that_run_are_told_and_how_far_their_files_are() {
    let setup = Setup::plain("");
    let nobody = setup.pointsman(&["sessions"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", said(&nobody));
    let server = setup.serve();
    assert_eq!(sessions(&setup), Vec::<serde_json::Value>::new());
    // One has said nothing yet, one is in the middle of a file, one takes a file of ours.
    let _stranger = Peer::connect(server.address());
    let mut sender = Peer::session(server.address());
    let file = VirtualFile::new("HALFWAY", octets(3, 100 << 10));
    assert_eq!(sender.offer(&file), b"200000000000000000");
    let buffers = support::peer::data_buffers(&file.content);
    buffers.iter().take(5).for_each(|half| sender.say(half));
    let half = 5 * 63 * 63;
    let told = support::eventually("the sessions and the half", || {
        let told = sessions(&setup);
        (told.len() == 2 && told[1]["file"]["octets"] == half).then_some(told)
    });
    assert_eq!(told[0]["partner"], serde_json::Value::Null);
    let of_sender = &told[1];
    let port = sender.wire.local_addr().unwrap().port();
    assert_eq!(of_sender["remote"], format!("127.0.0.1:{port}"));
    assert_eq!(of_sender["partner"], "mueller");
    assert_eq!(of_sender["dialled"], false);
    assert_eq!(of_sender["file"]["direction"], "in");
    assert_eq!(of_sender["file"]["size"], 100 << 10);
    let terms = of_sender["terms"].as_str().unwrap();
    assert!(terms.contains("OFTP 2.0"), "{terms}");
    let id = of_sender["file"]["transfer"].as_str().unwrap();
    assert!(setup.transfers()[0].contains(id), "{id}");
    let table = said(&setup.pointsman(&["sessions", "--partner", "mueller"]));
    all_in(
        &line(&table, of_sender["session"].as_str().unwrap()),
        &["from 127.0.0.1", "receiving HALFWAY", "(19 %)", id],
    );
    assert_eq!(table.lines().count(), 2, "the stranger is not mueller's");
    assert_eq!(
        line(&partner(&setup, "mueller"), "sessions")
            .matches("HALFWAY")
            .count(),
        1
    );
    drop(sender);
    support::eventually("its line is gone", || {
        (sessions(&setup).len() == 1).then_some(())
    });
    queue(&setup, "ORDERS", "mueller");
    let mut taker = Peer::session(server.address());
    taker.say(b"R");
    assert_eq!(taker.hear()[0], b'H', "SFID");
    let told = sessions(&setup);
    assert_eq!(told[1]["file"]["direction"], "out", "{told:?}");
    assert_eq!(told[1]["file"]["octets"], 0);
    taker.say(b"200000000000000000");
    assert_eq!(taker.hear()[0], b'D');
    let told = sessions(&setup);
    assert_eq!(told[1]["file"]["octets"], 1000, "{told:?}");
    assert_eq!(taker.hear()[0], b'T', "EFID");
    taker.say(b"4N");
    assert_eq!(taker.hear(), b"R");
    assert_eq!(sessions(&setup)[1]["file"], serde_json::Value::Null);
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_without_end() {
    let setup = Setup::plain("");
    let server = setup.serve();
    server.signal(Signal::STOP);
    std::thread::scope(|scope| {
        for command in ["status", "sessions", "partners"] {
            let setup = &setup;
            scope.spawn(move || {
                let asked = setup.pointsman(&[command]);
                // `timeout` of the shell would say 124.
                assert_eq!(asked.status.code(), Some(1), "{command}: {}", said(&asked));
                all_in(&said(&asked), &["does not answer", "SIGSTOP"]);
            });
        }
    });
    server.signal(Signal::CONT);
    all_in(&told(&setup, &["status"]), &["sessions: 0"]);
}

/// Runs the program as a user that may not look into the state: without the rights that root has beyond its own.
fn unprivileged(setup: &Setup, args: &[&str]) -> Output {
    let mut program = match rustix::process::geteuid().is_root() {
        true => {
            let mut program = Command::new("setpriv");
            program.args([
                "--bounding-set",
                "-all",
                "--inh-caps",
                "-all",
                "--",
                POINTSMAN,
            ]);
            program
        }
        false => Command::new(POINTSMAN),
    };
    program
        .args(args)
        .arg("-c")
        .arg(setup.config())
        .output()
        .unwrap()
}

#[test]
fn who_may_not_look_is_told_so_and_not_that_nothing_is_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    let _server = setup.serve();
    let state = setup.path().join("state");
    let mode = |mode| std::fs::set_permissions(&state, std::fs::Permissions::from_mode(mode));
    mode(0).unwrap();
    for command in [
        &["status"][..],
        &["sessions"],
        &["partners"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["queue", "list"],
        &["verify-store"],
        &["policy", "list"],
    ] {
        let asked = unprivileged(&setup, command);
        assert_eq!(
            asked.status.code(),
            Some(1),
            "{command:?}: {}",
            said(&asked)
        );
        all_in(
            &said(&asked),
            &["run the command as the user that the server runs as"],
        );
        for wrong in ["no server", "nobody"] {
            assert!(
                !said(&asked).contains(wrong),
                "{command:?}: {}",
                said(&asked)
            );
        }
    }
    mode(0o700).unwrap();
}

/// The server has read all of it and takes files: what it named may be gone, and can be mended by a command only if
/// commands still work.
#[test]
fn a_command_needs_of_what_the_configuration_names_only_what_it_uses() {
    let partners = "    password: ${file:mueller.password}\n    certificate: them.pem\n    calls_without_certificate: true\n    \
         delivery: {command: [./import.sh, '${env:IMPORT_INTO}']}\n  \
         schmidt:\n    ssid: '${env:SCHMIDT}'\n    sfids: ['${env:SCHMIDT}']\n    address: '${env:SCHMIDTS_PLACE}'\n    \
         receipt_deadline: '${env:SCHMIDTS_TIME}'\n    sessions: '${env:SCHMIDTS_SESSIONS}'\n    \
         password: ${file:schmidt.password}\n    certificate: other.pem\n";
    let policies = "policies:\n  known:\n    component: known.wasm\n    settings: {partners: '${file:known.txt}'}\n";
    let listeners = format!("  - address: 127.0.0.1:0\n{TLS}");
    let setup = Setup::with_listeners(&listeners, partners, policies);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    setup.write(
        "pointsman.yaml",
        text.replacen("    password: THEIRS\n", "", 1),
    );
    for name in ["us", "them", "other"] {
        openssl_certificate(setup.path(), name);
    }
    let component = setup.write("known.wasm", KNOWN_PARTNERS);
    let newer = setup.write("newer.wasm", KNOWN_PARTNERS);
    setup.write("known.txt", "mueller");
    setup.write("mueller.password", "THEIRS");
    setup.write("schmidt.password", "SECOND");
    let import = setup.write("import.sh", "#!/bin/sh\n");
    let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&import, may_run).unwrap();
    let into = setup.path().join("imported");
    let environment = [
        ("IMPORT_INTO", &*into),
        ("SCHMIDT", Path::new("O0013000009SCHMIDT")),
        ("SCHMIDTS_PLACE", Path::new("127.0.0.1:1")),
        ("SCHMIDTS_TIME", Path::new("3h")),
        ("SCHMIDTS_SESSIONS", Path::new("3")),
    ];
    let server = Server::start_with(&setup.config(), &environment);
    let file = setup.write("ORDERS", "order");
    let file = file.to_str().unwrap();
    for gone in [
        "us.pem",
        "us.key",
        "them.pem",
        "other.pem",
        "known.wasm",
        "known.txt",
        "mueller.password",
        "schmidt.password",
    ] {
        std::fs::remove_file(setup.path().join(gone)).unwrap();
    }
    std::fs::rename(&import, setup.path().join("gone")).unwrap();
    for command in [
        &["status"][..],
        &["sessions"],
        &["policy", "list"],
        &["partners"],
        &["partners", "mueller"],
        &["send", file, "--to", "mueller", "--queue-only"],
        &["queue", "list"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["verify-store"],
        &["policy", "swap", "known", newer.to_str().unwrap()],
    ] {
        let done = setup.pointsman(command);
        assert!(done.status.success(), "{command:?}: {}", said(&done));
    }
    assert!(component.exists(), "the swap mended it");
    all_in(
        &line(&partner(&setup, "mueller"), "certificate"),
        &["error", "them.pem", "No such file", "put the file there"],
    );
    // What a start or a call takes must be there, and what is not is told.
    std::fs::rename(setup.path().join("gone"), &import).unwrap();
    let missing = |command: &[&str], named: &[&str], unnamed: &[&str]| {
        let refused = setup.pointsman(command);
        assert_eq!(refused.status.code(), Some(1), "{command:?}");
        all_in(&said(&refused), named);
        for other in unnamed {
            assert!(!said(&refused).contains(other), "{}", said(&refused));
        }
    };
    let everything = [
        "us.pem",
        "us.key",
        "them.pem",
        "other.pem",
        "known.txt",
        "mueller.password",
        "schmidt.password",
        "IMPORT_INTO",
        "SCHMIDTS_PLACE",
        "SCHMIDTS_TIME",
        "SCHMIDTS_SESSIONS",
    ];
    missing(&["check"], &everything, &[]);
    missing(
        &["send", file, "--to", "mueller"],
        &["them.pem", "known.txt", "mueller.password", "IMPORT_INTO"],
        &["us.pem", "us.key", "other.pem", "schmidt", "SCHMIDT"],
    );
    assert_eq!(server.stop(), Some(0));
}

/// The operator's shell does not have what the server's unit has: a file must not go out under a code that nobody gave.
#[test]
fn a_file_is_queued_with_what_the_configuration_says_or_not_at_all() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    fixed_records: '${env:THEIR_RECORDS}'\n    names: '${env:THEIR_NAMES}'\n    sfids: ['${env:THEIR_CODE}']\n",
        "limits: {reserve: '${env:OUR_RESERVE}'}\n",
    );
    let file = setup.write("ORDERS", "order");
    let queue = || {
        setup.pointsman(&[
            "send",
            file.to_str().unwrap(),
            "--to",
            "mueller",
            "--queue-only",
        ])
    };
    let refused = queue();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let named = ["THEIR_RECORDS", "THEIR_NAMES", "THEIR_CODE", "OUR_RESERVE"];
    all_in(&said(&refused), &named);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let known = text
        .replace("${env:THEIR_RECORDS}", "lines")
        .replace("${env:THEIR_NAMES}", "strict")
        .replace("${env:THEIR_CODE}", "O0013000009THEM")
        .replace("${env:OUR_RESERVE}", "1MiB");
    setup.write("pointsman.yaml", known);
    let queued = queue();
    assert!(queued.status.success(), "{}", said(&queued));
    assert_eq!(setup.transfers().len(), 1, "and the first left nothing");
}

/// The first command in a new place does not know whose the inbox is to be; what it made would be left as it is.
#[test]
fn what_is_only_queued_makes_no_inbox() {
    let setup = Setup::plain("delivery: {group: '${env:READERS_OF_FILES}', mode: '0660'}\n");
    let file = setup.write("ORDERS", "order");
    let send = ["send", file.to_str().unwrap(), "--to", "mueller"];
    let queued = setup.pointsman(&[&send[..], &["--queue-only"]].concat());
    assert!(queued.status.success(), "{}", said(&queued));
    assert!(!setup.inbox().exists(), "nobody asked for it");
    let refused = setup.pointsman(&send);
    assert_eq!(refused.status.code(), Some(1));
    all_in(&said(&refused), &["READERS_OF_FILES"]);
    assert!(!setup.inbox().exists());
    let group = rustix::process::getgid().as_raw().to_string();
    let server = Server::start_with(&setup.config(), &[("READERS_OF_FILES", Path::new(&group))]);
    assert!(setup.inbox().is_dir());
    assert_eq!(server.stop(), Some(0));
}

/// A way to break a start, and what is told of it.
type Broken = (&'static str, fn(&Setup), &'static [&'static str]);

fn with_state(setup: &Setup, name: &str, content: &str) {
    setup.write(&format!("state/{name}"), content);
}

fn with_folder(setup: &Setup, name: &str) {
    std::fs::create_dir_all(setup.path().join(name)).unwrap();
}

fn with_inbox(setup: &Setup, inbox: &str) {
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let moved = text.replace("inbox: inbox", &format!("inbox: {inbox}"));
    setup.write("pointsman.yaml", moved);
}

fn with_listeners(setup: &Setup, listeners: &str) {
    setup.configure(listeners, "", "");
}

const BROKEN: &[Broken] = &[
    (
        "no listeners",
        |setup| with_listeners(setup, "  []\n"),
        &["the configuration has no listeners"],
    ),
    (
        "an address of another machine",
        |setup| with_listeners(setup, "  - address: 192.0.2.1:3305\n"),
        &["listeners[0]", "cannot listen on 192.0.2.1:3305"],
    ),
    (
        "one port twice",
        |setup| {
            let port = free_port();
            let both = format!("  - address: 0.0.0.0:{port}\n  - address: 127.0.0.1:{port}\n");
            with_listeners(setup, &both);
        },
        &["listeners[1]", "cannot listen on 127.0.0.1"],
    ),
    (
        "one port twice, once in the words of IPv6",
        |setup| {
            let port = free_port();
            let both = format!(
                "  - address: 127.0.0.1:{port}\n  - address: '[::ffff:127.0.0.1]:{port}'\n"
            );
            with_listeners(setup, &both);
        },
        &["listeners[1]", "cannot listen on [::ffff:127.0.0.1]"],
    ),
    (
        "the inbox is to be where the lock is",
        |setup| with_inbox(setup, "state/lock"),
        &["storage.inbox", "state/lock", "the server's own"],
    ),
    (
        "the inbox is to be where the ledger is",
        |setup| with_inbox(setup, "state/ledger.db"),
        &["storage.inbox", "state/ledger.db", "the server's own"],
    ),
    (
        "a partner's folder of the inbox is to be where the spool is",
        |setup| {
            setup.configure(
                "  - address: 127.0.0.1:0\n",
                "    inbox_folder: spool\n",
                "",
            );
            with_inbox(setup, "state");
        },
        &["storage.state", "under names that partners choose"],
    ),
    (
        "the state is a file",
        |setup| drop(setup.write("state", "x")),
        &["storage.state", "is not a folder"],
    ),
    (
        "the inbox is a file",
        |setup| drop(setup.write("inbox", "x")),
        &["storage.inbox", "is not a folder"],
    ),
    (
        "the spool is a file",
        |setup| with_state(setup, "spool", "x"),
        &["state/spool: this is not a folder"],
    ),
    (
        "a folder of the spool is a file",
        |setup| with_state(setup, "spool/sealed", "x"),
        &["state/spool/sealed: this is not a folder"],
    ),
    (
        "the ledger is a folder",
        |setup| with_folder(setup, "state/ledger.db"),
        &["state/ledger.db: this is not a file"],
    ),
    (
        "the ledger is no ledger",
        |setup| with_state(setup, "ledger.db", &"hello".repeat(1000)),
        &["state/ledger.db is no ledger", "store rebuild"],
    ),
    (
        "the ledger is a newer program's",
        |setup| {
            let mut header = b"SQLite format 3\0".to_vec();
            header.resize(4096, 0);
            header[63] = 200;
            with_state(setup, "ledger.db", "");
            setup.write("state/ledger.db", header);
        },
        &["state/ledger.db has schema 200", "use the newer program"],
    ),
    (
        "the ledger is gone",
        |setup| {
            setup.queue("ORDERS", "x", "mueller");
            for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
                let _ = std::fs::remove_file(setup.path().join("state").join(file));
            }
        },
        &["state/ledger.db is gone", "store rebuild"],
    ),
    (
        "the lock is a pipe",
        |setup| {
            with_folder(setup, "state");
            let made = Command::new("mkfifo")
                .arg(setup.path().join("state/lock"))
                .status();
            assert!(made.unwrap().success());
        },
        &["state/lock: this is not a file"],
    ),
    (
        "the lock is a folder",
        |setup| with_folder(setup, "state/lock"),
        &["state/lock: this is not a file"],
    ),
    (
        "the control socket is a folder",
        |setup| with_folder(setup, "state/control.sock"),
        &["state/control.sock: this is a folder"],
    ),
    (
        "a certificate that is none",
        |setup| {
            setup.write("us.pem", "hello");
            setup.write("us.key", "hello");
            with_listeners(setup, TLS);
        },
        &["listeners[0].tls", "us.pem: this is neither PEM"],
    ),
    (
        "a key that does not fit",
        |setup| {
            openssl_certificate(setup.path(), "us");
            openssl_certificate(setup.path(), "them");
            std::fs::copy(setup.path().join("them.key"), setup.path().join("us.key")).unwrap();
            with_listeners(setup, TLS);
        },
        &["listeners[0].tls", "us.key"],
    ),
    (
        "a component that is none",
        |setup| {
            setup.write("policy.wasm", "hello");
            setup.configure(
                "  - address: 127.0.0.1:0\n",
                "",
                "policies:\n  bad: {component: policy.wasm}\n",
            );
        },
        &["policy `bad`", "not WebAssembly"],
    ),
];

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Everything below the folder: its name, kind and permissions, and when it was changed.
fn everything_below(folder: &Path) -> Vec<String> {
    let listed = Command::new("find")
        .arg(folder)
        .args(["-printf", "%P %y %m %U %C@\n"])
        .output()
        .unwrap();
    assert!(listed.status.success());
    let mut lines: Vec<String> = said(&listed).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn check_refuses_what_serve_refuses(setup: &Setup, what: &str, words: &[&str]) {
    let before = everything_below(setup.path());
    let checked = setup.pointsman(&["check"]);
    assert_eq!(everything_below(setup.path()), before, "{what}: check");
    assert_eq!(checked.status.code(), Some(1), "{what}: {}", said(&checked));
    all_in(&said(&checked), words);
    let served = setup.pointsman(&["serve"]);
    assert_eq!(served.status.code(), Some(1), "{what}: {}", said(&served));
    all_in(&said(&served), words);
}

#[test]
fn check_refuses_what_serve_refuses_and_changes_nothing() {
    for (what, spoil, words) in BROKEN {
        let setup = Setup::plain("");
        spoil(&setup);
        check_refuses_what_serve_refuses(&setup, what, words);
    }
}

#[test]
fn check_refuses_what_serve_refuses_of_the_machine() {
    let setup = Setup::plain("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    with_listeners(&setup, &format!("  - address: {address}\n"));
    let words = [&*format!("cannot listen on {address}"), "listeners[0]"];
    check_refuses_what_serve_refuses(&setup, "a port that is taken", &words);

    if let Some(apart) = other_file_system() {
        let setup = Setup::plain("");
        with_inbox(&setup, &format!("{}/in", apart.path().display()));
        let words = ["lie on different file systems", "storage.inbox"];
        check_refuses_what_serve_refuses(&setup, "two file systems", &words);
    }

    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    let state = setup.path().join("state");
    if std::os::unix::fs::chown(&state, Some(1), Some(1)).is_err() {
        println!("not tried: only root gives folders away");
        return;
    }
    let words = ["storage.state", "belongs to user 1", "run it as user 1"];
    check_refuses_what_serve_refuses(&setup, "a state of another user", &words);
}

#[test]
fn who_may_not_enter_the_state_is_told_whose_it_is() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    if chown(setup.path().join("state"), Some(1), Some(1)).is_err() {
        println!("not tried: only root gives folders away");
        return;
    }
    let passable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(setup.path(), passable).unwrap();
    for command in [
        &["store", "rebuild"][..],
        &["store", "describe"],
        &["check"],
    ] {
        let asked = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                POINTSMAN,
            ])
            .args(command)
            .arg("-c")
            .arg(setup.config())
            .output()
            .unwrap();
        assert_eq!(
            asked.status.code(),
            Some(1),
            "{command:?}: {}",
            said(&asked)
        );
        all_in(&said(&asked), &["run", "as user 1"]);
    }
}

/// SQLite asks for the ledger by its whole path, however the path in the configuration is written.
#[test]
fn a_ledger_whose_whole_path_the_user_may_not_go_is_refused_by_check_and_serve() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let setup = Setup::plain("");
    let inner = setup.path().join("closed/inner");
    std::fs::create_dir_all(inner.join("state")).unwrap();
    std::fs::copy(setup.config(), inner.join("pointsman.yaml")).unwrap();
    setup.write("closed/inner/state/ledger.db", "");
    for path in ["", "state", "state/ledger.db"] {
        if chown(inner.join(path), Some(65534), Some(65534)).is_err() {
            println!("not tried: only root gives folders away");
            return;
        }
    }
    for (folder, mode) in [("", 0o755), ("closed", 0o700)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(setup.path().join(folder), mode).unwrap();
    }
    for command in ["check", "serve"] {
        let asked = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .args(["timeout", "60", POINTSMAN, command])
            .current_dir(&inner)
            .output()
            .unwrap();
        let told = said(&asked);
        assert_eq!(asked.status.code(), Some(1), "{command}: {told}");
        all_in(
            &told,
            &["state: Permission denied", "each folder on the way"],
        );
    }
}

#[test]
fn check_beside_a_server_finds_nothing_and_disturbs_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    with_listeners(&setup, &format!("  - address: {}\n", server.address()));
    let checked = setup.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    all_in(&told(&setup, &["status"]), &["sessions: 0"]);
    assert!(!server.log().contains("control-broken"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));
}

/// With what the next start is to come into force, so that the restart is no outage.
#[test]
fn check_beside_a_server_refuses_listeners_that_its_next_start_would_not_get() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let ours = format!("  - address: {}\n", server.address());
    let port = free_port();
    for (more, word) in [
        ("  - address: 192.0.2.1:3305\n".to_owned(), "192.0.2.1:3305"),
        (
            format!("  - address: 127.0.0.1:{port}\n  - address: 0.0.0.0:{port}\n"),
            "beside 127.0.0.1",
        ),
        (
            format!("  - address: 0.0.0.0:{}\n", server.address().port()),
            "beside 127.0.0.1",
        ),
    ] {
        with_listeners(&setup, &format!("{ours}{more}"));
        let checked = setup.pointsman(&["check"]);
        assert_eq!(checked.status.code(), Some(1), "{more}: {}", said(&checked));
        all_in(&said(&checked), &["cannot listen on", word]);
    }
    assert_eq!(server.stop(), Some(0));
}

/// A server runs without it, since whoever may write into the folder could put it there.
#[test]
fn check_names_a_watched_folder_in_which_something_else_is_in_the_way() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    watch: [{folder: out}]\n",
        "",
    );
    setup.write("out/.taken", "a file");
    let checked = setup.pointsman(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    let words = ["out/.taken: this is not a folder"];
    all_in(&said(&checked), &words);
    let server = setup.serve();
    all_in(&server.await_log(&["folder-unusable"]), &words);
    let told = partner(&setup, "mueller");
    all_in(&line(&told, "not watched"), &["watch[0].folder", words[0]]);
    let all = told_as_json(&setup, &["partners"]).to_string();
    all_in(&all, &["not_watched", words[0]]);
    std::fs::remove_file(setup.path().join("out/.taken")).unwrap();
    server.await_log(&["folder-usable"]);
    assert!(!partner(&setup, "mueller").contains("not watched"));
}

#[test]
fn a_partner_that_there_is_not_is_named_with_those_there_are() {
    let setup = Setup::plain("");
    let _server = setup.serve();
    for command in [
        &["sessions"][..],
        &["partners"],
        &["transfers", "list"],
        &["transfers", "waiting"],
        &["queue", "list"],
    ] {
        let option: &[&str] = if command == ["partners"] {
            &[]
        } else {
            &["--partner"]
        };
        let asked = |name| setup.pointsman(&[command, option, &[name]].concat());
        let unknown = asked("muller");
        assert_eq!(
            unknown.status.code(),
            Some(2),
            "{command:?}: {}",
            said(&unknown)
        );
        all_in(
            &said(&unknown),
            &["no partner `muller`", "there are: mueller"],
        );
        assert!(asked("mueller").status.success(), "{command:?}");
    }
}

#[test]
fn status_is_told_as_json() {
    let setup = Setup::plain("");
    let _server = setup.serve();
    let told = setup.pointsman(&["status", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["sessions"], 0);
    assert_eq!(told["policies"], serde_json::json!([]));
    assert_eq!(told["policy_generation"], 1);
}

fn told(setup: &Setup, args: &[&str]) -> String {
    let told = setup.pointsman(args);
    assert!(told.status.success(), "{args:?}: {}", said(&told));
    said(&told)
}

fn told_as_json(setup: &Setup, args: &[&str]) -> serde_json::Value {
    let told = setup.pointsman(&[args, &["--json"]].concat());
    assert!(told.status.success(), "{args:?}: {}", said(&told));
    serde_json::from_slice(&told.stdout).unwrap()
}

#[test]
fn since_when_a_file_is_here_is_written_as_every_moment_is() {
    let setup = Setup::plain("");
    let id = queue(&setup, "ORDERS", "mueller");
    for list in ["transfers", "queue"] {
        let row = line(&told(&setup, &[list, "list"]), &id);
        let since = row.split_whitespace().nth(1).unwrap();
        assert!(since.parse::<jiff::Timestamp>().is_ok(), "{list}: {row}");
    }
}

#[test]
fn a_transfer_is_named_by_the_beginning_or_the_end_of_its_id() {
    let setup = Setup::plain("");
    let file = queue(&setup, "ORDERS", "mueller");
    let (end, beginning) = (&file[file.len() - 8..], &file[..30]);
    // Each command that takes an id, in an order in which each makes sense.
    for command in [
        ["queue", "hold"],
        ["queue", "release"],
        ["queue", "send-now"],
        ["queue", "park"],
        ["queue", "cancel"],
        ["queue", "resend"],
    ] {
        let done = told(&setup, &[command[0], command[1], end]);
        assert!(done.contains("transfer "), "{command:?}: {done}");
    }
    let shown = told(&setup, &["transfers", "show", &beginning.to_uppercase()]);
    assert!(line(&shown, "transfer").contains(&file), "{shown}");
    // No receipt is open here: the id is found, and that is said of it.
    let answered = setup.pointsman(&["transfers", "answer", end]);
    all_in(&said(&answered), &[&file, "does not wait for an answer"]);
    let passed_on = setup.pointsman(&["transfers", "answer", end, "--forward", beginning]);
    all_in(&said(&passed_on), &["no receipt has come", &file]);
    // Both files began within the same minute.
    let several = setup.pointsman(&["transfers", "show", &file[..6]]);
    assert_eq!(several.status.code(), Some(1));
    let ids = setup.transfers();
    assert_eq!(ids.len(), 2);
    all_in(
        &said(&several),
        &["several ids", &ids[0][..36], &ids[1][..36]],
    );
    let none = setup.pointsman(&["queue", "hold", "ffffffff"]);
    assert_eq!(none.status.code(), Some(1));
    all_in(&said(&none), &["no transfer ffffffff", "transfers list"]);
    for (text, why) in [("abc", "at least 4"), ("ORDERS", "0 to 9, a to f")] {
        let wrong = setup.pointsman(&["transfers", "show", text]);
        assert_eq!(wrong.status.code(), Some(2));
        all_in(&said(&wrong), &[why]);
    }
    let state = setup.pointsman(&["transfers", "list", "--state", "sending"]);
    assert_eq!(state.status.code(), Some(2));
    all_in(
        &said(&state),
        &[
            "no such state",
            "receiving",
            "delivered",
            "parked",
            "overdue",
        ],
    );
}

#[test]
fn the_queue_says_until_when_a_file_rests_and_why_and_when_its_partner_is_called() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let file = queue(&setup, "ORDERS", "mueller");
    let queued = told(&setup, &["queue", "list"]);
    all_in(&line(&queued, &file), &["ready", "  -  "]);
    all_in(
        &line(&queued, "mueller:"),
        &["next call: never", "it is not called", "when it calls us"],
    );
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    assert_eq!(peer.hear()[0], b'H', "SFID");
    // The text is the partner's, and would be a line of its own.
    peer.say(b"312Y014disk full\n2099");
    assert_eq!(peer.hear(), b"R", "CD");
    let queued = told(&setup, &["queue", "list"]);
    let its = line(&queued, &file);
    all_in(&its, &["resting", "disk full"]);
    let until = told_as_json(&setup, &["queue", "list"])[0]["rests_until"].clone();
    assert!(its.contains(until.as_str().unwrap()), "{its}");
    assert_eq!(queued.lines().count(), 3, "{queued}");
    let shown = told(&setup, &["transfers", "show", &file]);
    all_in(
        &line(&shown, "why it waits"),
        &["it rests until", until.as_str().unwrap(), "send-now"],
    );
    all_in(&line(&shown, "offered"), &["1 times", "refused for now 1"]);
    told(&setup, &["queue", "hold", &file]);
    let shown = told(&setup, &["transfers", "show", &file]);
    all_in(&line(&shown, "why it waits"), &["held", "queue release"]);
    drop((peer, server));
    told(&setup, &["queue", "release", &file]);
    let queued = told_as_json(&setup, &["queue", "list"]);
    let why = queued[0]["partner_waits"].as_str().unwrap();
    all_in(why, &["no server runs"]);
}

#[test]
fn files_are_found_by_a_pattern_of_their_names_and_one_that_is_none_is_refused() {
    let setup = Setup::caller("", "127.0.0.1:1", "    names: as-is\n");
    for name in ["ORDERS", "ORDER1", "ORDER[1]", "INVOICE"] {
        queue(&setup, name, "nordwerk");
    }
    for (pattern, fitting) in [
        ("ORDER*", 3),
        ("ORDER?", 2),
        ("ORDER[0-9]", 1),
        ("ORDER[!0-9]", 1),
        ("ORDER[[]1]", 1),
        ("*[!^]", 4),
        ("*[^S]", 1),
    ] {
        let told = told_as_json(&setup, &["transfers", "list", "--name", pattern]);
        assert_eq!(told.as_array().unwrap().len(), fitting, "{pattern}: {told}");
    }
    for wrong in ["[", "ORDER[1", "[]"] {
        let told = setup.pointsman(&["transfers", "list", "--name", wrong]);
        assert_eq!(told.status.code(), Some(2), "{}", said(&told));
        all_in(&said(&told), &["--name", "its brackets do not close"]);
    }
}

/// A folder below the inbox that is called otherwise than its partner.
#[test]
fn a_partners_files_lie_in_the_folder_that_its_profile_names() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    inbox_folder: Huber-2\n",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDERS", "octets"));
    assert!(setup.await_delivered(1)[0].starts_with("Huber-2/ORDERS"));
}

#[test]
fn what_waits_for_an_operator_is_listed_with_what_can_be_done() {
    let setup = Setup::plain("");
    let deadline = "    receipt_deadline: 1s\n";
    let command = "delivery:\n  command: [take.sh]\n  command_tries: 1\n";
    setup.configure("  - address: 127.0.0.1:0\n", deadline, command);
    let script = setup.write("take.sh", "#!/bin/sh\nexit 1\n");
    std::fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let server = setup.serve();
    assert_eq!(
        told(&setup, &["transfers", "waiting"]),
        "nothing waits for an operator\n"
    );
    let held = queue(&setup, "HELD", "mueller");
    told(&setup, &["queue", "hold", &held, "--why", "wrong month"]);
    let parked = queue(&setup, "PARKED", "mueller");
    told(&setup, &["queue", "park", &parked]);
    let late = queue(&setup, "LATE", "mueller");
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("INVOICE", "paper"));
    peer.say(b"R");
    support::peer::take_file(&mut peer);
    assert_eq!(peer.hear(), b"R");
    peer.say(b"F00000\r");
    let listed = support::eventually("all of it waits", || {
        let listed = told(&setup, &["transfers", "waiting"]);
        (listed.contains("INVOICE") && listed.contains("LATE")).then_some(listed)
    });
    let of = |id: &str| {
        let mut lines = listed.lines().skip_while(|line| !line.starts_with(id));
        format!("{} {}", lines.next().unwrap(), lines.next().unwrap())
    };
    all_in(
        &of(&held),
        &["HELD", "held", "wrong month", "queue release"],
    );
    all_in(&of(&parked), &["PARKED", "given up", "resend", "cancel"]);
    all_in(&of(&late), &["LATE", "receipt has not come", "resend"]);
    let question = setup
        .transfers()
        .into_iter()
        .find(|row| row.contains("INVOICE"))
        .unwrap();
    let question = &question[..36];
    all_in(&of(question), &["yours to decide", "transfers answer"]);
    let shown = told(&setup, &["transfers", "show", question]);
    all_in(&line(&shown, "receipt"), &["yours to decide"]);
    // It is decided, and waits no longer.
    told(&setup, &["transfers", "answer", question]);
    let listed = told_as_json(&setup, &["transfers", "waiting"]);
    let listed = listed["transfers"].as_array().unwrap().clone();
    let states: Vec<_> = listed.iter().map(|file| &file["state"]).collect();
    assert_eq!(states, ["held", "parked", "overdue"]);
    let shown = told(&setup, &["transfers", "show", question]);
    all_in(&line(&shown, "receipt"), &["EERP owed"]);
    // One that is here, and cannot be put where it belongs.
    let folder = setup.inbox().join("mueller");
    std::fs::rename(&folder, setup.path().join("moved")).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    Peer::session(server.address()).send(&VirtualFile::new("STUCK", "paper"));
    server.await_log(&["delivery-failed"]);
    let listed = told(&setup, &["transfers", "waiting"]);
    all_in(&listed, &["STUCK", "not in its folder", "tries again"]);
    // The profile gets another name: its files are nobody's.
    drop(server);
    let text = std::fs::read_to_string(setup.config()).unwrap();
    std::fs::write(setup.config(), text.replace("mueller:", "miller:")).unwrap();
    let listed = told(&setup, &["transfers", "waiting", "--partner", "mueller"]);
    all_in(&listed, &["no partner `mueller`", "give its profile"]);
    let others = told(&setup, &["transfers", "waiting", "--partner", "miller"]);
    assert_eq!(others, "nothing waits for an operator\n");
}

#[test]
fn everything_that_is_known_of_a_file_is_shown() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let content = octets(5, 100 << 10);
    let mut sender = Peer::session(server.address());
    assert_eq!(
        sender.offer(&VirtualFile::new("HALFWAY", content.clone())),
        b"200000000000000000"
    );
    let buffers = support::peer::data_buffers(&content);
    buffers.iter().take(5).for_each(|half| sender.say(half));
    let id = setup.transfers()[0][..36].to_owned();
    let show = || told(&setup, &["transfers", "show", &id]);
    let shown = support::eventually("the session is shown", || {
        Some(show()).filter(|shown| shown.contains("(19 %)"))
    });
    all_in(&line(&shown, "session"), &["from 127.0.0.1", "HALFWAY"]);
    all_in(&line(&shown, "content"), &["not all here"]);
    all_in(&line(&shown, "place"), &["is to be mueller/HALFWAY"]);
    all_in(&line(&shown, "format"), &["U (unstructured)", "100 blocks"]);
    drop(sender);
    let shown = support::eventually("what came is on the disk", || {
        let shown = told_as_json(&setup, &["transfers", "show", &id]);
        let is_over = shown["session"].is_null();
        (is_over && shown["inbound"]["durable_octets"].as_u64() > Some(0)).then_some(shown)
    });
    let name = shown["inbound"]["file_name"].as_str().unwrap();
    assert!(name.starts_with("HALFWAY"), "{name}");
    assert_eq!(shown["header"]["format"], "U");
    assert_eq!(shown["state"], "receiving");

    // One that goes out, with everything that its SFID says, and that its partner cannot use.
    let file = setup.write("RECORDS", "one line\r\nanother line\r\n");
    let queued = told(
        &setup,
        &[
            "send",
            file.to_str().unwrap(),
            "--to",
            "mueller",
            "--queue-only",
            "--format",
            "V",
            "--record-length",
            "80",
            "--records",
            "lines",
            "--description",
            "the month's orders",
            "--priority",
            "7",
        ],
    );
    let id = queued.split_whitespace().last().unwrap().to_owned();
    let show = || told(&setup, &["transfers", "show", &id]);
    let shown = show();
    all_in(
        &line(&shown, "format"),
        &["V (records of 80 octets at most)", "kept here as"],
    );
    all_in(&line(&shown, "description"), &["the month's orders"]);
    all_in(&line(&shown, "offered"), &["0 times", "priority 7"]);
    all_in(
        &line(&shown, "why it waits"),
        &["last session failed", "connection was lost"],
    );
    let mut peer = Peer::session(server.address());
    peer.say(b"R");
    let sfid = support::peer::take_file(&mut peer);
    assert_eq!(peer.hear(), b"R");
    let shown = show();
    all_in(
        &line(&shown, "receipt"),
        &["none has come since", "sent 20"],
    );
    all_in(&line(&shown, "offered"), &["1 times"]);
    assert!(
        !shown.contains("why it waits"),
        "it waits no longer: {shown}"
    );
    peer.say(nerp(&sfid, 34, "no UNB\u{1b}[2J in it"));
    assert_eq!(peer.hear(), b"P", "RTR");
    let shown = show();
    all_in(
        &line(&shown, "receipt"),
        &["NERP", "34", "no UNB", "in it", "came 20"],
    );
    assert!(
        !shown.contains('\u{1b}'),
        "the partner's text moves no cursor"
    );
    let shown = told_as_json(&setup, &["transfers", "show", &id]);
    assert_eq!(shown["response"]["command"], "NERP");
    assert_eq!(shown["response"]["reason"], 34);
    assert_eq!(shown["header"]["record_length"], 80);
    assert_eq!(shown["header"]["description"], "the month's orders");
    assert_eq!(shown["outbound"]["priority"], 7);
    assert!(shown["outbound"]["sent"].is_string());
}

/// NERP (RFC 5024, 5.3.14) at level 2.0 for the file of that SFID.
fn nerp(sfid: &[u8], reason: u8, text: &str) -> Vec<u8> {
    let (name, stamp, to, from) = (&sfid[1..27], &sfid[30..48], &sfid[56..81], &sfid[81..106]);
    let reason = format!("{reason:02}");
    let length = format!("{:03}", text.len());
    [
        b"N".as_slice(),
        name,
        b"      ",
        stamp,
        from,
        to,
        to,
        reason.as_bytes(),
        length.as_bytes(),
        text.as_bytes(),
        b"\0\0\0\0",
    ]
    .concat()
}

/// The commands of the page for whoever sets up a partner, and the configuration that it ends with.
#[test]
fn what_the_page_about_partners_tells_to_type_makes_a_session_come_about() {
    let page = include_str!("../docs/partners.md");
    let blocks = |language: &str| -> Vec<String> {
        let begin = format!("```{language}\n");
        let blocks = page.split(begin.as_str()).skip(1);
        blocks
            .map(|block| block.split("```").next().unwrap().to_owned())
            .collect()
    };
    let folder = |setup: &Setup, script: &str| {
        let done = Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(setup.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{script}: {}", said(&done));
        said(&done)
    };
    let (us, them) = (Setup::plain(""), Setup::plain(""));
    let scripts = blocks("sh");
    // The partner has read the same page, and sends its certificate as DER.
    folder(&them, &scripts[0].replace("nordwerk", "mueller"));
    folder(
        &them,
        "openssl x509 -in mueller.pem -outform DER -out mueller.cer",
    );
    let from = them.path().join("mueller.cer");
    std::fs::copy(from, us.path().join("mueller.cer")).unwrap();
    let told: Vec<String> = scripts.iter().map(|script| folder(&us, script)).collect();
    let digests: Vec<&str> = told[2]
        .lines()
        .filter(|line| line.contains("= ") && line.contains("SHA2-256("))
        .collect();
    assert_eq!(digests[0], digests[1], "the key belongs to the certificate");
    std::fs::copy(
        us.path().join("nordwerk.cer"),
        them.path().join("nordwerk.cer"),
    )
    .unwrap();
    folder(
        &them,
        "openssl x509 -in nordwerk.cer -inform DER -out nordwerk.pem",
    );

    // Both sides as the page has it, on this machine.
    let page = &blocks("yaml")[0];
    let of_page = |station: &str, at: &str| {
        let head =
            format!("version: 1\nstation: {station}\nstorage: {{state: state, inbox: inbox}}\n");
        head + &page
            .replace("0.0.0.0:6619", "127.0.0.1:0")
            .replace("oftp.mueller.example:6619", at)
            .replace("${file:mueller.password}", "SECRET")
    };
    let swapped = |text: &str| {
        text.replace("nordwerk", "X")
            .replace("mueller", "nordwerk")
            .replace('X', "mueller")
    };
    let theirs = swapped(&of_page(
        "{ssid: O0013000007MUELLER, password: SECRET}",
        "127.0.0.1:1",
    ));
    them.write(
        "pointsman.yaml",
        theirs.replace(
            "O0013000007MUELLER\n    password",
            "O0013000001NORDWERK\n    password",
        ),
    );
    let server = them.serve();
    let ours = of_page(
        "{ssid: O0013000001NORDWERK, password: SECRET}",
        &server.address().to_string(),
    );
    us.write("pointsman.yaml", ours);
    let checked = us.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    let file = us.write("TEST", "hello");
    let sent = us.pointsman(&["send", file.to_str().unwrap(), "--to", "mueller"]);
    assert!(sent.status.success(), "{}\n{}", said(&sent), server.log());
    assert_eq!(them.await_delivered(1).len(), 1);
}

#[test]
fn whom_nobody_can_call_is_not_advised_to_be_called() {
    let setup = Setup::plain("");
    setup.queue("ORDERS", "order", "mueller");
    let told = said(&setup.pointsman(&["partners", "mueller"]));
    all_in(&told, &["no server runs", "start `pointsman serve`"]);
    assert!(!told.contains("send --to"), "{told}");
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    for signal in [
        Signal::USR1,
        Signal::USR2,
        Signal::HUP,
        Signal::ALARM,
        Signal::PIPE,
        Signal::XFSZ,
        Signal::XCPU,
        Signal::POWER,
    ] {
        server.signal(signal);
    }
    let pid = server.pid().to_string();
    let real_time = ["-s", "RTMIN+5", &pid];
    assert!(
        Command::new("kill")
            .args(real_time)
            .status()
            .unwrap()
            .success()
    );
    server.await_log(&["signal-ignored", "SIGRTMIN+"]);
    server.await_log(&["signal-ignored", "SIGUSR1"]);
    server.await_log(&["hangup"]);
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", octets(1, 100)));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn no_core_is_dumped() {
    let setup = Setup::plain("");
    let before = format!("cd {} && ulimit -c unlimited", setup.path().display());
    let server = Server::start_after(&setup.config(), &before);
    server.signal(Signal::ABORT);
    let ended = server.gone();
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped(), "the passwords are in it");
}
