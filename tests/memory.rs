//! Memory follows neither the size of a file, nor how many files a session brings; and a session that waits takes little.
//!
//! `POINTSMAN_BIG_MIB` says how big the big file is (128 where it is not set), `POINTSMAN_SESSIONS` how many sessions wait
//! at a time (400), `POINTSMAN_FILES` how many files one session brings (4000). Where the number of sessions is set, the
//! test also waits for the minute after which their memory must have been given back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use support::peer::{Peer, VirtualFile};
use support::{Setup, THEM, US, amount, eventually, octets, openssl_certificate, same_content};

/// Two stations; sends a file of so many MiB from one to the other. Gives the server's peak memory in KiB.
fn peak_memory(mib: u64, tls: bool) -> u64 {
    let listener = match tls {
        true => {
            "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n"
        }
        false => "  - address: 127.0.0.1:0\n",
    };
    let setup = Setup::with_listeners("  - address: 127.0.0.1:0\n", "", "");
    openssl_certificate(setup.path(), "us");
    setup.configure(listener, "", "");
    let server = setup.serve();
    let secured = if tls {
        "    tls: true\n    certificate: us.pem\n"
    } else {
        ""
    };
    let caller = Setup::with_listeners("  - address: 127.0.0.1:0\n", "", "");
    std::fs::copy(setup.path().join("us.pem"), caller.path().join("us.pem")).unwrap();
    let theirs = format!(
        "station:\n  ssid: {THEM}\n  password: THEIRS\nstorage:\n  state: state\n  inbox: inbox\npartners:\n  nordwerk:\n    ssid: {US}\n    \
         password: OURPASS\n    address: {}\n{secured}",
        server.address()
    );
    std::fs::write(caller.config(), theirs).unwrap();
    let file = caller.path().join("CAD.MODEL");
    write_file(&file, mib);
    let sent = caller.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
    assert!(
        sent.status.success(),
        "{}{}",
        String::from_utf8_lossy(&sent.stdout),
        String::from_utf8_lossy(&sent.stderr)
    );
    let path = setup.inbox().join(&setup.await_delivered(1)[0]);
    assert!(same_content(&path, &file), "every octet as it was sent");
    server.peak_memory()
}

/// No two MiB of it are the same.
fn write_file(path: &Path, mib: u64) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut piece = octets(mib, 1 << 20);
    for number in 0..mib {
        piece[..8].copy_from_slice(&number.to_be_bytes());
        file.write_all(&piece).unwrap();
    }
    file.flush().unwrap();
}

#[test]
fn a_big_file_takes_no_more_memory_than_a_small_one() {
    let big = amount("POINTSMAN_BIG_MIB", 128);
    for tls in [false, true] {
        let (small, large) = (peak_memory(20, tls), peak_memory(big, tls));
        println!(
            "{}: peak memory of the server: {small} KiB for 20 MiB, {large} KiB for {big} MiB",
            if tls { "TLS" } else { "plain" }
        );
        assert!(large < 64 << 10, "{large} KiB");
        assert!(large < small + (8 << 10), "{large} KiB against {small} KiB");
    }
}

/// How many sessions wait where nobody asks for more.
const SESSIONS: u64 = 400;

/// What a session that waits may take.
const OF_A_SESSION: u64 = 24 << 10;

/// A station that lets in as many sessions of one partner from one address as there are.
const OPEN: &str =
    "limits: {sessions: 100000, sessions_per_partner: 100000, sessions_per_address: 100000}\n";

const PATIENT: &str = "    session: {idle_timeout: 7m}\n";

#[test]
fn a_session_that_waits_takes_little_memory_and_gives_it_back() {
    let setup = Setup::with_listeners("  - address: 127.0.0.1:0\n", PATIENT, OPEN);
    sessions_that_wait(&setup, "plain", Peer::session);
}

#[test]
fn a_session_that_waits_with_tls_takes_little_memory_and_gives_it_back() {
    let setup = Setup::plain("");
    openssl_certificate(setup.path(), "us");
    let listener =
        "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n";
    setup.configure(listener, PATIENT, OPEN);
    let mut roots = RootCertStore::empty();
    let ours = CertificateDer::from_pem_file(setup.path().join("us.pem")).unwrap();
    roots.add(ours).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    sessions_that_wait(&setup, "TLS", |address| {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
        let mut peer = Peer {
            wire: StreamOwned::new(client, socket),
        };
        peer.hear();
        peer.identify();
        peer
    });
}

fn sessions_that_wait<W: Read + Write>(
    setup: &Setup,
    kind: &str,
    session: impl Fn(SocketAddr) -> Peer<W>,
) {
    open_files();
    let count = amount("POINTSMAN_SESSIONS", SESSIONS);
    let server = setup.serve();
    // What the first session makes stays: it is no session's.
    session(server.address()).send(&VirtualFile::new("FIRST", "x"));
    setup.await_delivered(1);
    std::thread::sleep(Duration::from_secs(1));
    let start = server.memory();
    let waiting: Vec<_> = (0..count).map(|_| session(server.address())).collect();
    std::thread::sleep(Duration::from_secs(1));
    let there = server.memory();
    drop(waiting);
    let each = there.saturating_sub(start) * 1024 / count;
    println!("{kind}: {count} sessions that wait take {each} octets each");
    assert!(each <= OF_A_SESSION, "{each} octets");
    let most = start + (start / 10).min(there.saturating_sub(start) / 2);
    let after = eventually("the memory is given back", || {
        Some(server.memory()).filter(|now| *now <= most)
    });
    println!(
        "{kind}: {start} KiB at the start, {there} KiB with them, {after} KiB after they went"
    );
}

/// Each session is a connection of this process.
fn open_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::Nofile, all).unwrap();
}

#[test]
fn a_session_of_many_files_takes_no_more_memory_than_one_of_few() {
    let count = amount("POINTSMAN_FILES", 4000);
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let mut early = 0;
    for number in 0..count {
        peer.send(&VirtualFile::new(&format!("F{number:07}"), "x"));
        if number == count / 4 {
            early = server.memory();
        }
    }
    let late = server.memory();
    println!("{early} KiB after a quarter of {count} files, {late} KiB after all");
    // The ledger's cache fills up to its bound meanwhile. A session that kept 2 KiB of each file would take 6 MiB more.
    assert!(
        late < early + (4 << 10),
        "{late} KiB after {count} files, {early} KiB after a quarter"
    );
}
