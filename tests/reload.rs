//! The configuration is read again while the server runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::peer::{Peer, Ssid, VirtualFile};
use support::{Setup, amount, eventually};

/// What is taken up is in force within this.
const SOON: Duration = Duration::from_secs(1);

fn write(setup: &Setup, more: &str) {
    setup.configure("  - address: 127.0.0.1:0\n", "", more);
}

/// What `pointsman reload` prints, and its exit code.
fn reload(setup: &Setup) -> (Option<i32>, String) {
    let done = setup.pointsman(&["reload"]);
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

fn reloaded(setup: &Setup) -> String {
    let (code, said) = reload(setup);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// Our answer to that SSID, or why there is none.
fn answer(address: SocketAddr, ssid: &Ssid) -> Vec<u8> {
    let mut peer = Peer::connect(address);
    peer.say(ssid.octets());
    peer.hear()
}

#[test]
fn what_is_reloaded_is_in_force_and_said_by_key() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let other = Ssid {
        code: "O0013000009SCHMIDT".to_owned(),
        password: "SCHMIDT".to_owned(),
        ..Ssid::default()
    };
    assert_eq!(answer(server.address(), &other)[0], b'F', "not known yet");
    let schmidt = "  schmidt:\n    ssid: O0013000009SCHMIDT\n    password: SCHMIDT\n    watch: [{folder: out, quiet: 10ms}]\n    calls: {queued: false}\n";
    write(&setup, schmidt);
    let (said, began) = (reloaded(&setup), Instant::now());
    assert!(said.contains("partners.schmidt.ssid"), "{said}");
    assert!(!said.contains("SCHMIDT"), "no value is shown: {said}");
    assert_eq!(answer(server.address(), &other)[0], b'X', "a new partner");
    eventually("the folder is watched", || {
        setup.path().join("out/.taken").is_dir().then_some(())
    });
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    server.await_log(&["configuration-reloaded", "partners.schmidt.ssid"]);
    // Gone again, and a limit is another.
    write(&setup, "limits: {conceal_partners: true}\n");
    let said = reloaded(&setup);
    assert!(said.contains("limits.conceal_partners"), "{said}");
    let refused = String::from_utf8(answer(server.address(), &other)).unwrap();
    assert!(
        refused.starts_with("F04"),
        "a wrong password, for whoever asks: {refused}"
    );
    let status = setup.pointsman(&["status"]).stdout;
    let status = String::from_utf8(status).unwrap();
    assert!(!status.contains("watching"), "{status}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_listener_comes_and_goes_and_its_sessions_stay() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut staying = Peer::session(server.address());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = free.local_addr().unwrap();
    drop(free);
    setup.configure(&format!("  - address: {second}\n"), "", "");
    reloaded(&setup);
    let mut new = Peer::session(second);
    new.send(&VirtualFile::new("NEW", "new"));
    staying.send(&VirtualFile::new("STAYING", "staying"));
    setup.await_delivered(2);
    eventually("the old one accepts nobody", || {
        std::net::TcpStream::connect(server.address()).err()
    });
    server.await_log(&["listener-closed"]);
}

#[test]
fn a_listener_that_cannot_be_bound_changes_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = taken.local_addr().unwrap();
    let listeners = format!("  - address: 127.0.0.1:0\n  - address: {second}\n");
    setup.configure(&listeners, "", "limits: {conceal_partners: true}\n");
    let (code, said) = reload(&setup);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&second.to_string()), "{said}");
    server.await_log(&["configuration-refused"]);
    let stranger = Ssid {
        code: "O0013000009SCHMIDT".to_owned(),
        ..Ssid::default()
    };
    let refused = String::from_utf8(answer(server.address(), &stranger)).unwrap();
    assert!(refused.starts_with("F03"), "the limit of before: {refused}");
}

#[test]
fn a_broken_file_changes_nothing_and_says_where() {
    let setup = Setup::plain("");
    let server = setup.serve();
    write(&setup, "limits: {sesions: 5}\n");
    let (code, said) = reload(&setup);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("sesions") && said.contains("did you mean `sessions`"),
        "{said}"
    );
    assert!(said.contains("pointsman.yaml"), "{said}");
    server.signal(Signal::HUP);
    server.await_log(&["configuration-refused", "sesions"]);
    drop(Peer::session(server.address()));
}

#[test]
fn what_needs_a_restart_is_said_by_name_and_the_rest_is_taken_up() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let text = text.replace("inbox: inbox", "inbox: elsewhere");
    let more = "limits: {policies_memory: 64MiB, conceal_partners: true}\n";
    std::fs::write(setup.config(), format!("{text}{more}")).unwrap();
    server.signal(Signal::HUP);
    server.await_log(&[
        "configuration-waits",
        "storage.inbox, limits.policies_memory",
    ]);
    server.await_log(&["configuration-reloaded", "limits.conceal_partners"]);
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("DESADV", "one"));
    // Into the inbox of the start.
    assert_eq!(setup.await_delivered(1).len(), 1);
}

/// The number of a plan is the credit that we offer, and part of the name that its files get.
fn numbered(setup: &Setup, number: u64) {
    let partner = format!(
        "    session: {{credit: {number}}}\n    delivery: {{name: '%VirtualFileName%-{number}'}}\n"
    );
    setup.configure("  - address: 127.0.0.1:0\n", &partner, "");
}

/// One session after the other until the end, each with a file; gives how many there were.
fn sessions_until(end: &AtomicBool, files: &AtomicU64, address: SocketAddr) -> u64 {
    let mut held = 0;
    while !end.load(Ordering::Relaxed) {
        let mut peer = Peer::connect(address);
        let ssid = Ssid {
            credit: 999,
            ..Ssid::default()
        };
        peer.say(ssid.octets());
        let ours = String::from_utf8(peer.hear()).unwrap();
        assert!(ours.starts_with('X'), "{ours}");
        let credit: u64 = ours[44..47].parse().unwrap();
        let number = files.fetch_add(1, Ordering::Relaxed);
        peer.send(&VirtualFile::new(
            &format!("FILE{number}.{credit}"),
            "content",
        ));
        held += 1;
    }
    held
}

#[test]
fn no_session_fails_for_a_reload_and_none_sees_two_plans() {
    let reloads = amount("POINTSMAN_RELOADS", 45);
    let sessions = amount("POINTSMAN_RELOAD_SESSIONS", 8);
    let setup = Setup::plain("");
    numbered(&setup, 10);
    let server = setup.serve();
    let (end, files) = (AtomicBool::new(false), AtomicU64::new(0));
    let address = server.address();
    let held: u64 = std::thread::scope(|scope| {
        let running: Vec<_> = (0..sessions)
            .map(|_| scope.spawn(|| sessions_until(&end, &files, address)))
            .collect();
        for number in 0..reloads {
            if number % 3 == 2 {
                write(&setup, "limits: {sesions: 5}\n");
                assert_eq!(reload(&setup).0, Some(1));
            } else {
                numbered(&setup, 11 + number % 900);
                reloaded(&setup);
            }
        }
        end.store(true, Ordering::Relaxed);
        running.into_iter().map(|one| one.join().unwrap()).sum()
    });
    let delivered = setup.await_delivered(usize::try_from(held).unwrap());
    for name in &delivered {
        // `FILE7.12-12`: what SSID said is what the delivery did.
        let (file, plan) = name.rsplit_once('-').unwrap();
        let credit = file.rsplit_once('.').unwrap().1;
        assert_eq!(credit, plan, "{name}");
    }
    assert!(delivered.len() as u64 == held && held > 0);
    assert_eq!(server.stop(), Some(0));
}
