//! What operators read where TLS fails.

use super::*;

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
