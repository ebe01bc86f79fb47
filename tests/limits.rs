//! Limits: per address, partner and listener; what a hostile or broken peer costs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use pointsman::demo::KNOWN_PARTNERS;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use support::peer::{Openssl, Peer, Ssid, VirtualFile, framed};
use support::{House, THEIRS, THEM, eventually, openssl_certificate};

/// A connection from that address, which is one of this machine.
fn from(local: &str, to: SocketAddr) -> TcpStream {
    let own: SocketAddr = format!("{local}:0").parse().unwrap();
    let caller = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&caller, &own).unwrap();
    connect(&caller, &to).unwrap();
    let wire = TcpStream::from(caller);
    wire.set_read_timeout(Some(support::PATIENCE)).unwrap();
    wire
}

fn peer_from(local: &str, to: SocketAddr) -> Peer<TcpStream> {
    Peer {
        wire: from(local, to),
    }
}

/// Calls and gives that code and password; gives what is answered, and how long that took.
fn introduced(local: &str, to: SocketAddr, code: &str, password: &str) -> (String, Duration) {
    let mut peer = peer_from(local, to);
    peer.hear();
    let began = Instant::now();
    peer.say(
        Ssid {
            code: code.to_owned(),
            password: password.to_owned(),
            ..Ssid::default()
        }
        .octets(),
    );
    let answer = peer.hear();
    let shown = String::from_utf8_lossy(&answer).into_owned();
    (shown, began.elapsed())
}

#[test]
fn silent_callers_of_one_address_lock_nobody_out() {
    let house = House::plain("limits: {callers_per_address: 20}\n");
    let server = house.serve();
    let silent: Vec<_> = (0..100)
        .map(|_| from("127.0.0.9", server.address()))
        .collect();
    server.await_log(&["caller-refused", "limits.callers_per_address (20)"]);
    // Another address notices nothing, and neither does who says who it is.
    Peer::session(server.address()).send(&VirtualFile::new("OTHER", "a"));
    eventually(
        "a caller that speaks finds a place beside silent ones",
        || {
            let mut peer = peer_from("127.0.0.9", server.address());
            peer.try_hear()?;
            peer.identify();
            peer.send(&VirtualFile::new("SAME", "b"));
            Some(())
        },
    );
    drop(silent);
    house.await_delivered(2);
}

#[test]
fn a_listener_full_of_silent_callers_takes_who_speaks() {
    let house = House::plain("limits: {callers_per_listener: 20}\n");
    let server = house.serve();
    let silent: Vec<_> = (1..=30)
        .map(|number| from(&format!("127.0.1.{number}"), server.address()))
        .collect();
    server.await_log(&["caller-refused", "limits.callers_per_listener (20)"]);
    eventually("a caller that speaks finds a place", || {
        let mut peer = peer_from("127.0.0.1", server.address());
        peer.try_hear()?;
        peer.identify();
        Some(())
    });
    drop(silent);
}

#[test]
fn a_caller_that_does_not_say_who_it_is_is_dropped_in_time() {
    let house = House::plain("limits: {caller_time: 1s}\n");
    let server = house.serve();
    let mut slow = peer_from("127.0.0.1", server.address());
    slow.hear();
    let began = Instant::now();
    // It says something all the time, and never all of it.
    for octet in framed(&Ssid::default().octets()).iter().take(20) {
        if slow.wire.write_all(&[*octet]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(slow.try_hear().is_none(), "dropped without a word");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn one_partner_does_not_take_all_sessions() {
    let house = House::with_listeners(
        "  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    sessions: 3\n",
        "",
        "  other:\n    ssid: O0013OTHER\n    password: OTHER\n    sessions: 9\nlimits: {sessions_per_partner: 2, sessions_per_address: 6}\n",
    );
    let server = house.serve();
    let call = |address: SocketAddr, code: &str, password: &str| {
        let mut peer = Peer::connect(address);
        peer.say(
            Ssid {
                code: code.to_owned(),
                password: password.to_owned(),
                ..Ssid::default()
            }
            .octets(),
        );
        let heard = peer.hear();
        (peer, String::from_utf8_lossy(&heard).into_owned())
    };
    let (first, second) = (server.addresses[0], server.addresses[1]);
    let mut there = Vec::new();
    for (address, code, password, refused_by) in [
        (first, THEM, THEIRS, None),
        (first, THEM, THEIRS, None),
        (first, THEM, THEIRS, Some("limits.sessions_per_partner (2)")),
        (second, "O0013OTHER", "OTHER", None),
        (second, "O0013OTHER", "OTHER", None),
        (second, "O0013OTHER", "OTHER", None),
        (
            second,
            "O0013OTHER",
            "OTHER",
            Some("listeners[].sessions (3)"),
        ),
        (first, "O0013OTHER", "OTHER", None),
        (
            first,
            "O0013OTHER",
            "OTHER",
            Some("limits.sessions_per_address (6)"),
        ),
    ] {
        let (peer, heard) = call(address, code, password);
        match refused_by {
            None => assert!(heard.starts_with('X'), "{heard}"),
            Some(limit) => {
                assert!(heard.starts_with("F08"), "{heard}");
                server.await_log(&["connection-refused", "ESID 08", limit]);
            }
        }
        there.push(peer);
    }
    there.clear();
    eventually("places that were left are free", || {
        let (_peer, heard) = call(first, THEM, THEIRS);
        heard.starts_with('X').then_some(())
    });
}

#[test]
fn guessing_gets_slower_and_is_locked_out_and_the_partner_calls_from_elsewhere() {
    let house = House::plain("limits: {guesses: 3, lock_out: 1h}\n");
    let server = house.serve();
    let guess = |password: &str| introduced("127.0.0.9", server.address(), THEM, password);
    for (number, at_least) in [(1, 0), (2, 1), (3, 2)] {
        let (answer, took) = guess(&format!("WRONG{number}"));
        assert!(answer.starts_with("F04"), "{answer}");
        assert!(took >= Duration::from_secs(at_least), "{number}: {took:?}");
    }
    server.await_log(&["locked-out", "mueller", "127.0.0.9"]);
    let (answer, _) = guess(THEIRS);
    assert!(
        answer.starts_with("F04"),
        "the right one, too late: {answer}"
    );
    let (answer, took) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
    assert!(
        answer.starts_with('X') && took < Duration::from_secs(5),
        "{answer}"
    );
}

#[test]
fn a_slip_before_the_right_password_is_forgotten() {
    let house = House::plain("limits: {guesses: 2}\n");
    let server = house.serve();
    for _ in 0..3 {
        let (answer, _) = introduced("127.0.0.1", server.address(), THEM, "SLIP");
        assert!(answer.starts_with("F04"), "{answer}");
        let (answer, _) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
        assert!(answer.starts_with('X'), "{answer}");
    }
    assert!(!server.log().contains("locked-out"));
}

#[test]
fn codes_can_be_told_from_passwords_unless_partners_are_concealed() {
    let answers = |more: &str| {
        let house = House::plain(more);
        let server = house.serve();
        [("O0013NOBODY", THEIRS), (THEM, "WRONG")]
            .map(|(code, password)| introduced("127.0.0.1", server.address(), code, password).0)
    };
    let [unknown, wrong] = answers("");
    assert!(unknown.starts_with("F03") && wrong.starts_with("F04"));
    let [unknown, wrong] = answers("limits: {conceal_partners: true}\n");
    assert!(wrong.starts_with("F04"), "{wrong}");
    assert_eq!(unknown, wrong, "nothing tells one from the other");
}

#[test]
fn strangers_spend_no_policys_time() {
    let policy = |more: &str| {
        let house = House::plain(&format!(
            "policies:\n  loops:\n    component: loops.wasm\n    hooks: [accept-connection]\n    settings: {{}}\n{more}"
        ));
        house.write("loops.wasm", KNOWN_PARTNERS);
        house
    };
    // Without its setting that policy fails at every question.
    let house = policy("");
    let server = house.serve();
    let (unknown, _) = introduced("127.0.0.1", server.address(), "O0013NOBODY", THEIRS);
    let (wrong, _) = introduced("127.0.0.1", server.address(), THEM, "WRONG");
    assert!(unknown.starts_with("F03") && wrong.starts_with("F04"));
    let (known, _) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
    assert!(known.starts_with("F08"), "the policy was asked: {known}");
    drop(server);

    let house = policy("    asked_about_strangers: true\n");
    let server = house.serve();
    let (unknown, _) = introduced("127.0.0.1", server.address(), "O0013NOBODY", THEIRS);
    assert!(
        unknown.starts_with("F08"),
        "the policy was asked: {unknown}"
    );
}

#[test]
fn a_certificate_of_one_partner_speaks_for_no_other() {
    let house = House::with_listeners(
        "  - address: 127.0.0.1:0\n    tls: {certificate: us.pem, key: us.key, client_auth: request}\n",
        "    certificate: them.pem\n",
        "  careless:\n    ssid: O0013CARELESS\n    password: CARELESS\n  shares:\n    ssid: O0013SHARES\n    password: SHARES\n    certificate: them.pem\n",
    );
    for name in ["us", "them"] {
        openssl_certificate(house.path(), name);
    }
    let server = house.serve();
    let answer = |code: &str, password: &str| {
        let mut peer: Peer<Openssl> =
            Peer::openssl(server.address(), house.path(), "them", "us", "-tls1_3");
        peer.say(
            Ssid {
                code: code.to_owned(),
                password: password.to_owned(),
                ..Ssid::default()
            }
            .octets(),
        );
        String::from_utf8_lossy(&peer.hear()).into_owned()
    };
    let refused = answer("O0013CARELESS", "CARELESS");
    assert!(refused.starts_with("F04"), "{refused}");
    server.await_log(&["certificate-of-another", "careless", "mueller"]);
    assert!(answer(THEM, THEIRS).starts_with('X'));
    let shared = answer("O0013SHARES", "SHARES");
    assert!(shared.starts_with('X'), "one certificate of two: {shared}");
}
