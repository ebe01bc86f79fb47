//! Certificates and keys are renewed, under the same names or others.

use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::support::openssl_certificate;

const TLS: &str =
    "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n";

fn made(names: &[&str]) -> Setup {
    let setup = Setup::with_listeners(TLS, "", "");
    names
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup
}

/// Runs openssl in the folder; gives what it prints.
fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("timeout")
        .args(["60", "openssl"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The serial number of the certificate that a handshake with that address shows.
pub(super) fn shown(setup: &Setup, address: SocketAddr) -> String {
    let address = address.to_string();
    let talk = openssl(setup.path(), &["s_client", "-connect", &address]);
    setup.write("shown.pem", talk);
    serial(setup, "shown.pem")
}

pub(super) fn serial(setup: &Setup, certificate: &str) -> String {
    let serial = openssl(
        setup.path(),
        &["x509", "-in", certificate, "-noout", "-serial"],
    );
    assert!(serial.starts_with("serial="), "{certificate}: {serial}");
    serial
}

/// Whether a caller with that certificate gets a session.
fn is_let_in(setup: &Setup, server: &Server, certificate: &str) -> bool {
    Peer::is_let_in(server.address(), setup.path(), certificate, "us")
}

#[test]
fn a_renewed_certificate_of_a_listener_is_shown_within_a_second() {
    let setup = made(&["us", "them"]);
    let server = setup.serve();
    let before = serial(&setup, "us.pem");
    assert_eq!(shown(&setup, server.address()), before);
    let mut staying = Peer::openssl(server.address(), setup.path(), "them", "us", "-tls1_3");
    staying.identify();
    openssl_certificate(setup.path(), "us");
    let renewed = serial(&setup, "us.pem");
    assert_ne!(renewed, before);
    assert_eq!(shown(&setup, server.address()), before, "not reloaded yet");
    let said = soon(&setup, "a renewed certificate of a listener", || {
        shown(&setup, server.address()) == renewed
    });
    for key in ["listeners[0].tls.certificate", "listeners[0].tls.key"] {
        assert!(said.contains(key), "{said}");
    }
    staying.send(&VirtualFile::new("STAYING", "staying"));
    setup.await_delivered(1);
}

#[test]
fn a_renewed_certificate_of_a_partner_counts_within_a_second() {
    let setup = made(&["us", "them", "renewed"]);
    let requiring = format!("{TLS}      client_auth: require\n");
    setup.configure(&requiring, "    certificate: them.pem\n", "");
    let server = setup.serve();
    assert!(is_let_in(&setup, &server, "them"));
    assert!(!is_let_in(&setup, &server, "renewed"));
    let renewed = std::fs::read(setup.path().join("renewed.pem")).unwrap();
    let old = std::fs::read(setup.path().join("them.pem")).unwrap();
    setup.write("pinned.pem", &old);
    setup.configure(&requiring, "    certificate: pinned.pem\n", "");
    reloaded(&setup);
    setup.write("pinned.pem", renewed);
    let said = soon(&setup, "a renewed certificate of a partner", || {
        is_let_in(&setup, &server, "renewed")
    });
    assert!(said.contains("partners.mueller.certificate"), "{said}");
    assert!(!is_let_in(&setup, &server, "them"), "the one before");
}

#[test]
fn a_ca_that_callers_are_believed_by_changes_within_a_second() {
    let setup = made(&["us", "one", "other"]);
    let trusting =
        |ca: &str| format!("{TLS}      client_auth: require\n      client_ca: {ca}.pem\n");
    setup.configure(&trusting("one"), "", "");
    let server = setup.serve();
    assert!(is_let_in(&setup, &server, "one"));
    assert!(!is_let_in(&setup, &server, "other"));
    setup.configure(&trusting("other"), "", "");
    let said = soon(&setup, "another CA", || is_let_in(&setup, &server, "other"));
    assert!(said.contains("listeners[0].tls.client_ca"), "{said}");
    assert!(!is_let_in(&setup, &server, "one"));
}

/// Two servers of ours; the one that calls shows a certificate, and both put a new one in place.
#[test]
fn a_renewed_certificate_of_our_calls_is_shown_within_a_second() {
    let theirs = made(&["us", "caller"]);
    let requiring = format!("{TLS}      client_auth: require\n");
    theirs.configure(&requiring, "    certificate: caller.pem\n", "");
    let server = theirs.serve();
    let address = format!("localhost:{}", server.address().port());
    let wait = "{first: 100ms, most: 100ms}";
    let partner = format!(
        "    tls: true\n    certificate: them.pem\n    our_certificate: own.pem\n    our_key: own.key\n    \
         calls: {{delay: 20ms}}\n    retry: {{unreachable: {wait}, session: {wait}}}\n"
    );
    let ours = Setup::caller("listeners:\n  - address: 127.0.0.1:0\n", &address, &partner);
    let copy = |from: &str, to: &str| {
        std::fs::copy(theirs.path().join(from), ours.path().join(to)).unwrap();
    };
    copy("us.pem", "them.pem");
    copy("caller.pem", "own.pem");
    copy("caller.key", "own.key");
    let caller = ours.serve();
    ours.queue("BEFORE", "before", "nordwerk");
    theirs.await_delivered(1);
    openssl_certificate(theirs.path(), "caller");
    reloaded(&theirs);
    ours.queue("AFTER", "after", "nordwerk");
    caller.await_log(&["call-failed"]);
    assert_eq!(theirs.delivered().len(), 1, "it shows the one before");
    copy("caller.pem", "own.pem");
    copy("caller.key", "own.key");
    let said = reloaded(&ours);
    let began = Instant::now();
    assert!(said.contains("partners.nordwerk.our_certificate"), "{said}");
    theirs.await_delivered(2);
    println!(
        "our certificate: a file went {:?} after the reload",
        began.elapsed()
    );
}

#[test]
fn the_end_of_a_certificate_is_told_right_after_the_reload_that_brings_it() {
    let setup = made(&["us", "them"]);
    let server = setup.serve();
    let expiring = |days: &str| {
        openssl(
            setup.path(),
            &[
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", days, "-subj",
                "/CN=soon", "-keyout", "soon.key", "-out", "soon.pem",
            ],
        );
        setup.configure(TLS, "    certificate: soon.pem\n", "");
    };
    expiring("5");
    let told = || {
        let log = server.log();
        let told = |line: &&str| line.contains("certificate-ends") && line.contains("CN=soon");
        log.lines().filter(told).count()
    };
    let said = soon(&setup, "a certificate that ends soon", || told() == 1);
    assert!(
        said.contains("warning: partners.mueller.certificate: ") && said.contains("it ends in"),
        "{said}"
    );
    server.await_log(&["certificate-ends", "\"partner\":\"mueller\""]);
    // Nothing came nearer: it is not told again.
    reloaded(&setup);
    server.await_log(&["configuration-reloaded", "changed: nothing"]);
    assert_eq!(told(), 1);
}

#[test]
fn what_has_ended_keeps_no_other_change_out() {
    let setup = made(&["us"]);
    let server = setup.serve();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut ended = rcgen::CertificateParams::default();
    ended.not_before = rcgen::date_time_ymd(2020, 1, 1);
    ended.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "ended");
    ended.distinguished_name = name;
    setup.write("ended.pem", ended.self_signed(&key).unwrap().pem());
    setup.configure(
        TLS,
        "    certificate: ended.pem\n",
        "limits: {sessions: 7}\n",
    );
    let said = reloaded(&setup);
    assert!(
        said.contains("limits.sessions")
            && said.contains("error: partners.mueller.certificate: ")
            && said.contains("it has ended"),
        "{said}"
    );
    server.await_log(&["certificate-trouble", "CN=ended"]);
}
