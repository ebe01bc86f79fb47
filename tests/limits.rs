//! Limits: per address, partner and listener; what a hostile or broken peer costs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use pointsman::KNOWN_PARTNERS;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use support::peer::{Called, Openssl, Peer, Ssid, VirtualFile, data_buffers, efid, framed};
use support::{OURS, Server, Setup, THEIRS, THEM, US, eventually, octets, openssl_certificate};

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
    let setup = Setup::plain("limits: {callers_per_address: 20, caller_time: 10m}\n");
    let server = setup.serve();
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
    setup.await_delivered(2);
}

/// A caller that loses its place to another is disconnected, and not only no longer counted.
#[test]
fn of_silent_callers_no_more_stay_connected_than_an_address_may_have() {
    const PLACES: usize = 20;
    let setup = Setup::plain("limits: {callers_per_address: 20, caller_time: 10m}\n");
    let server = setup.serve();
    let mut silent: Vec<_> = (0..PLACES + 10)
        .map(|_| {
            eventually("a caller is greeted", || {
                let mut peer = peer_from("127.0.0.9", server.address());
                peer.try_hear().map(|_| peer.wire)
            })
        })
        .collect();
    let mut connected = || silent.iter_mut().filter_map(is_connected).count();
    eventually("those that made way are gone", || {
        (connected() <= PLACES).then_some(())
    });
    assert_eq!(connected(), PLACES, "the others stay");
}

/// Reads what there is; nothing if the connection is at its end.
fn is_connected(wire: &mut TcpStream) -> Option<()> {
    wire.set_nonblocking(true).unwrap();
    match wire.read_to_end(&mut Vec::new()) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(()),
        _ => None,
    }
}

#[test]
fn a_listener_full_of_silent_callers_takes_who_speaks() {
    let setup = Setup::plain("limits: {callers_per_listener: 20, caller_time: 10m}\n");
    let server = setup.serve();
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
    let setup = Setup::plain("limits: {caller_time: 1s}\n");
    let server = setup.serve();
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
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(12),
        "{took:?}: the usual 15 s are not what was said"
    );
}

/// Of what comes after the last of them, the answer is later by their number than what two seconds allow at once.
#[test]
fn after_sessions_that_end_in_errors_the_next_ones_wait_for_their_ssid() {
    let setup = Setup::plain("limits: {failures_per_second: 1}\n");
    let server = setup.serve();
    let began = Instant::now();
    end_in_errors(&server, 5);
    drop(Peer::session(server.address()));
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(2900),
        "{took:?}: five of them, one a second, two seconds of them at once"
    );
}

/// So many sessions of the partner, one after the other, each of which is counted before the next begins.
fn end_in_errors(server: &Server, count: usize) {
    for number in 1..=count {
        drop(Peer::session(server.address()));
        eventually("the end of the session is noticed", || {
            let log = server.log();
            let ends = log.lines().filter(|line| {
                line.contains("session-ended") && line.contains("connection was lost")
            });
            (ends.count() >= number).then_some(())
        });
    }
}

/// A partner that has shown the right password and is made to wait, since its sessions go wrong, is no stranger.
#[test]
fn no_crowd_takes_the_place_of_a_partner_that_waits() {
    eventually("a crowd comes while the partner waits", || {
        let setup = Setup::plain(
            "limits: {callers_per_listener: 3, failures_per_second: 1, sessions_per_partner: 2}\n",
        );
        let server = setup.serve();
        end_in_errors(&server, 3);
        let waiting = [(); 2].map(|()| {
            let mut peer = Peer::connect(server.address());
            peer.say(Ssid::default().octets());
            peer
        });
        // Both have shown their password when there is no room for one session more.
        let (third, _) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
        if !third.starts_with("F08") {
            return None;
        }
        let _crowd: Vec<_> = (1..=4)
            .map(|number| {
                let mut stranger = peer_from(&format!("127.0.1.{number}"), server.address());
                let _greeted_or_sent_away = stranger.try_hear();
                stranger
            })
            .collect();
        let still_waiting = waiting.each_ref().map(|peer| !has_an_answer(&peer.wire));
        for mut peer in waiting {
            let answer = String::from_utf8_lossy(&peer.hear()).into_owned();
            // The place of a session that ended just now may not be free yet.
            if answer.contains("too many sessions") {
                return None;
            }
            assert!(answer.starts_with('X'), "SSID, not {answer}");
        }
        (still_waiting == [true; 2]).then_some(())
    });
}

/// Whether something of the other side, be it the end, is there to be read.
fn has_an_answer(wire: &TcpStream) -> bool {
    wire.set_nonblocking(true).unwrap();
    let there = wire.peek(&mut [0]);
    wire.set_nonblocking(false).unwrap();
    !matches!(there, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn one_partner_does_not_take_all_sessions() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    sessions: 3\n",
        "",
        "  other:\n    ssid: O0013OTHER\n    password: OTHER\n    sessions: 9\nlimits: {sessions_per_partner: 2, sessions_per_address: 6}\n",
    );
    let server = setup.serve();
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
    let setup = Setup::plain("limits: {guesses: 3, lock_out: 1h}\n");
    let server = setup.serve();
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
    server.await_log(&["connection-refused", "locked out from there"]);
    let (answer, took) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
    assert!(
        answer.starts_with('X') && took < Duration::from_secs(5),
        "{answer}"
    );
}

/// Each code is tried once, so that none of them is guessed at.
#[test]
fn an_address_that_tries_one_code_after_the_other_is_slowed_down() {
    for conceal in [true, false] {
        let setup = Setup::plain(&format!("limits: {{conceal_partners: {conceal}}}\n"));
        let server = setup.serve();
        for (number, at_least) in [(1, 0), (2, 0), (3, 0), (4, 1), (5, 2)] {
            let code = format!("O0013NOBODY{number}");
            let (answer, took) = introduced("127.0.0.9", server.address(), &code, "WRONG");
            assert!(answer.starts_with("F0"), "{answer}");
            let waited = took >= Duration::from_secs(at_least);
            assert!(waited, "{number}, conceal {conceal}: {took:?}");
        }
        let (answer, _) = introduced("127.0.0.9", server.address(), THEM, THEIRS);
        assert!(answer.starts_with('X'), "it is not locked out: {answer}");
    }
}

#[test]
fn a_lock_out_ends_for_a_partner_that_keeps_calling() {
    let setup = Setup::plain("limits: {guesses: 2, lock_out: 6s}\n");
    let server = setup.serve();
    for _ in 0..2 {
        introduced("127.0.0.1", server.address(), THEM, "WRONG");
    }
    let line = server.await_log(&["locked-out", "mueller"]);
    assert!(line.contains("for 6 s"), "{line}");
    // It calls more often than each six seconds all the while, with the right password.
    eventually("it is let in again", || {
        let (answer, _) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
        answer.starts_with('X').then_some(())
    });
}

#[test]
fn a_certificate_that_was_not_shown_is_no_guess() {
    let setup = Setup::plain("limits: {guesses: 1}\n");
    openssl_certificate(setup.path(), "them");
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        "    certificate: them.pem\n",
        "limits: {guesses: 1}\n",
    );
    let server = setup.serve();
    for _ in 0..3 {
        let (answer, _) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
        assert!(answer.starts_with("F04"), "{answer}");
        server.await_log(&["connection-refused", "certificate", "was not shown"]);
    }
    assert!(!server.log().contains("locked-out"));
}

#[test]
fn a_slip_before_the_right_password_is_forgotten() {
    let setup = Setup::plain("limits: {guesses: 2}\n");
    let server = setup.serve();
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
    // Each from an address of its own: the answer to the last of three, and how long they took.
    let answers = |more: &str| {
        let setup = Setup::plain(more);
        let server = setup.serve();
        let callers = [
            ("127.0.0.8", "O0013NOBODY", THEIRS),
            ("127.0.0.9", THEM, "WRONG"),
        ];
        callers.map(|(from, code, password)| {
            let began = Instant::now();
            let tries = [(); 3].map(|()| introduced(from, server.address(), code, password).0);
            (tries[2].clone(), began.elapsed())
        })
    };
    let waits = Duration::from_secs(3);
    let [(unknown, _), (wrong, took)] = answers("");
    assert!(unknown.starts_with("F03") && wrong.starts_with("F04"));
    assert!(took >= waits, "one second, then two: {took:?}");
    let [(unknown, soon), (wrong, took)] = answers("limits: {conceal_partners: true}\n");
    assert!(wrong.starts_with("F04"), "{wrong}");
    assert_eq!(unknown, wrong, "nothing tells one from the other");
    assert!(
        soon.max(took) < waits,
        "a wait would tell: {soon:?}, {took:?}"
    );
}

#[test]
fn strangers_spend_no_policys_time() {
    let policy = |more: &str| {
        let setup = Setup::plain(&format!(
            "policies:\n  loops:\n    component: loops.wasm\n    hooks: [accept-connection]\n    settings: {{}}\n{more}"
        ));
        setup.write("loops.wasm", KNOWN_PARTNERS);
        setup
    };
    // Without its setting that policy fails at every question.
    let setup = policy("");
    let server = setup.serve();
    let (unknown, _) = introduced("127.0.0.1", server.address(), "O0013NOBODY", THEIRS);
    let (wrong, _) = introduced("127.0.0.1", server.address(), THEM, "WRONG");
    assert!(unknown.starts_with("F03") && wrong.starts_with("F04"));
    let (known, _) = introduced("127.0.0.1", server.address(), THEM, THEIRS);
    assert!(known.starts_with("F08"), "the policy was asked: {known}");
    drop(server);

    let setup = policy("    asked_about_strangers: true\n");
    let server = setup.serve();
    let (unknown, _) = introduced("127.0.0.1", server.address(), "O0013NOBODY", THEIRS);
    assert!(
        unknown.starts_with("F08"),
        "the policy was asked: {unknown}"
    );
}

#[test]
fn a_certificate_of_one_partner_speaks_for_no_other() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n    tls: {certificate: us.pem, key: us.key, client_auth: request}\n",
        "    certificate: them.pem\n",
        "  careless:\n    ssid: O0013CARELESS\n    password: CARELESS\n  shares:\n    ssid: O0013SHARES\n    password: SHARES\n    certificate: them.pem\n",
    );
    for name in ["us", "them"] {
        openssl_certificate(setup.path(), name);
    }
    let server = setup.serve();
    let answer = |code: &str, password: &str| {
        let mut peer: Peer<Openssl> =
            Peer::openssl(server.address(), setup.path(), "them", "us", "-tls1_3");
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

#[test]
fn parallel_sessions_stay_within_the_quota_together() {
    const QUOTA: u64 = 256 * 1024;
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    quota: {size: 256KiB}\n",
        "",
    );
    let server = setup.serve();
    let taken: u64 = std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..64)
            .map(|number| {
                let address = server.address();
                scope.spawn(move || bring_more_than_announced(address, number))
            })
            .collect();
        sessions.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert!(taken <= QUOTA, "{taken} octets were acknowledged");
    // How many of them got in each other's way is chance; what they gave back is not lost.
    let later: u64 = (64..72)
        .map(|number| bring_more_than_announced(server.address(), number))
        .sum();
    let whole = (QUOTA / 40_000) * 40_000;
    assert_eq!(
        taken + later,
        whole,
        "{taken} octets at once, {later} later"
    );
}

#[test]
fn of_files_offered_at_once_as_many_get_in_as_fit_the_quota() {
    const QUOTA: u64 = 1024 * 1024;
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    quota: {size: 1MiB}\n",
        "",
    );
    let server = setup.serve();
    let sessions: Vec<_> = (0..64).map(|_| Peer::session(server.address())).collect();
    let taken: u64 = std::thread::scope(|scope| {
        let offers: Vec<_> = (0..)
            .zip(sessions)
            .map(|(number, mut peer)| scope.spawn(move || bring(&mut peer, number, 64 * 1024)))
            .collect();
        offers.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(taken, QUOTA, "octets were acknowledged");
    let later = bring(&mut Peer::session(server.address()), 64, 64 * 1024);
    assert_eq!(later, 0, "nothing is left");
}

#[test]
fn no_file_is_larger_than_the_largest_of_its_partner() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    largest_file: 40KiB\n    quota: {size: 1MiB}\n",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let answer = peer.offer(&VirtualFile::new("ANNOUNCED", octets(1, 40 * 1024 + 1)));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("306N"), "SFNA 06, for good: {answer}");
    assert!(answer.contains("40 KiB"), "{answer}");

    let largest = VirtualFile::new("LARGEST", octets(2, 40 * 1024));
    peer.send(&largest);
    let larger = VirtualFile::new("UNANNOUNCED", octets(3, 40 * 1024 + 1));
    let unannounced = VirtualFile {
        content: Vec::new(),
        ..larger.clone()
    };
    assert_eq!(peer.offer(&unannounced)[0], b'2', "SFPA");
    peer.send_content(&larger);
    let answer = String::from_utf8_lossy(&peer.hear()).into_owned();
    assert!(answer.starts_with("506"), "EFNA 06: {answer}");
    assert!(answer.contains("40 KiB"), "not the quota: {answer}");
    setup.await_delivered(1);
}

/// Brings a file of so many octets that announces as much; gives how many of them got their EFPA.
fn bring(peer: &mut Peer<TcpStream>, number: u64, size: usize) -> u64 {
    let file = VirtualFile::new(&format!("Q{number}"), octets(number, size));
    let answer = peer.offer(&file);
    if answer[0] == b'3' {
        assert!(answer.starts_with(b"306Y"), "SFNA 06, to be tried again");
        return 0;
    }
    peer.send_content(&file);
    let answer = peer.hear();
    match answer[0] {
        b'4' => size as u64,
        _ => {
            assert!(answer.starts_with(b"506"), "EFNA 06");
            0
        }
    }
}

/// A file that announces nothing is sent as far as the credit goes, so that it has of the quota what there is; gives what
/// is not sent yet.
fn begin_unannounced(peer: &mut Peer<TcpStream>, file: &VirtualFile) -> Vec<Vec<u8>> {
    let unannounced = VirtualFile {
        content: Vec::new(),
        ..file.clone()
    };
    assert_eq!(peer.offer(&unannounced)[0], b'2', "SFPA");
    let mut buffers = data_buffers(&file.content);
    let rest = buffers.split_off(7);
    for buffer in buffers {
        peer.say(buffer);
    }
    assert_eq!(peer.hear()[0], b'C', "CDT");
    rest
}

/// The server does not see what `pointsman send` takes in but in the ledger.
#[test]
fn what_another_process_took_in_meanwhile_counts_at_the_end_of_a_file() {
    let partner = Called::new();
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        &format!(
            "    address: {}\n    calls: {{queued: false}}\n    quota: {{size: 64KiB}}\n",
            partner.address()
        ),
        "",
    );
    let server = setup.serve();
    let large = VirtualFile::new("LARGE", octets(7, 40_000));
    let mut peer = Peer::session(server.address());
    let rest = begin_unannounced(&mut peer, &large);
    let ours = setup.write("OURS", "ours");
    std::thread::scope(|scope| {
        scope.spawn(|| setup.pointsman(&["send", ours.to_str().unwrap(), "--to", "mueller"]));
        let mut called = partner.greet_as(US, THEM, THEIRS);
        support::peer::take_file(&mut called);
        assert_eq!(called.hear(), b"R", "CD");
        called.send(&VirtualFile::new("MEANWHILE", octets(8, 30_000)));
        called.say(support::peer::esid());
    });
    for buffer in rest {
        peer.say(buffer);
    }
    peer.say(efid(large.content.len()));
    let answer = peer.hear();
    assert!(
        answer.starts_with(b"506"),
        "30,000 and 40,000 octets are more than 64 KiB: EFNA 06, not {}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn a_file_that_is_resumed_must_fit_into_the_quota() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    quota: {size: 64KiB}\n",
        "",
    );
    let server = setup.serve();
    let mut large = VirtualFile::new("LARGE", octets(7, 40_000));
    let mut peer = Peer::session(server.address());
    begin_unannounced(&mut peer, &large);
    drop(peer);
    server.await_log(&["session-ended", "lost"]);
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("MEANWHILE", octets(8, 30_000)));
    large.restart = 27;
    let answer = peer.offer(&large);
    assert!(
        answer.starts_with(b"306Y"),
        "30,000 and 40,000 octets are more than 64 KiB: SFNA 06, not {}",
        String::from_utf8_lossy(&answer)
    );
}

/// While it may be the same file it counts once.
#[test]
fn a_file_that_came_again_and_is_another_counts_beside_the_first() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    received_again: take\n    quota: {size: 64KiB}\n",
        "",
    );
    let server = setup.serve();
    let first = VirtualFile::new("SAME", octets(7, 40_000));
    let mut peer = Peer::session(server.address());
    peer.send(&first);
    // Whether the partner has seen its EFPA is not known.
    drop(peer);
    server.await_log(&["session-ended", "lost"]);
    let another = VirtualFile::new("SAME", octets(8, 40_000));
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(&another)[0], b'2', "SFPA");
    peer.send_content(&another);
    let answer = peer.hear();
    assert!(
        answer.starts_with(b"506"),
        "twice 40,000 octets are more than 64 KiB: EFNA 06, not {}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn a_file_that_was_begun_before_counts_when_it_comes_to_its_end() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    quota: {size: 64KiB, per: 3s}\n",
        "",
    );
    let server = setup.serve();
    let begun = ["EARLY1", "EARLY2"].map(|name| VirtualFile::new(name, octets(7, 40_000)));
    for file in &begun {
        let mut peer = Peer::session(server.address());
        let beginning = VirtualFile {
            content: file.content[..2048].to_vec(),
            ..file.clone()
        };
        assert_eq!(peer.offer(&beginning)[0], b'2', "SFPA");
        peer.send_data(&beginning);
        drop(peer);
        server.await_log(&["session-ended", "lost"]);
    }
    std::thread::sleep(Duration::from_secs(4));
    let answers = begun.map(|file| {
        let mut peer = Peer::session(server.address());
        match peer.offer(&file)[0] {
            b'2' => {
                peer.send_content(&file);
                peer.hear()[0]
            }
            refused => refused,
        }
    });
    assert_eq!(answers[0], b'4', "EFPA");
    assert!(
        matches!(answers[1], b'3' | b'5'),
        "40,000 and 40,000 octets are more than 64 KiB"
    );
}

#[test]
fn a_file_counts_from_when_it_came_not_from_when_it_was_begun() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    quota: {size: 64KiB, per: 4s}\n",
        "",
    );
    let server = setup.serve();
    let early = VirtualFile::new("EARLY", octets(7, 40_000));
    let beginning = VirtualFile {
        content: early.content[..2048].to_vec(),
        ..early.clone()
    };
    let begun = Instant::now();
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(&beginning)[0], b'2', "SFPA");
    peer.send_data(&beginning);
    drop(peer);
    server.await_log(&["session-ended", "lost"]);
    let last = begun + Duration::from_millis(3500);
    std::thread::sleep(last.saturating_duration_since(Instant::now()));
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(&early)[0], b'2', "SFPA");
    let comes = Instant::now();
    peer.send_content(&early);
    assert_eq!(peer.hear()[0], b'4', "EFPA");
    let next = VirtualFile::new("NEXT", octets(8, 40_000));
    eventually("there is room again", || {
        (Peer::session(server.address()).offer(&next)[0] == b'2').then_some(())
    });
    let after = comes.elapsed();
    assert!(
        after >= Duration::from_millis(3900),
        "{after:?} after 40,000 octets of 64 KiB in 4 s came"
    );
}

/// A file of 40,000 octets that announces nothing; gives how many of them got their EFPA.
fn bring_more_than_announced(address: SocketAddr, number: u64) -> u64 {
    let mut peer = Peer::session(address);
    let mut file = VirtualFile::new(&format!("Q{number}"), Vec::new());
    let answer = peer.offer(&file);
    if answer[0] == b'3' {
        assert!(answer.starts_with(b"306Y"), "SFNA 06, to be tried again");
        return 0;
    }
    file.content = octets(number, 40_000);
    peer.send_content(&file);
    let answer = peer.hear();
    match answer[0] {
        b'4' => file.content.len() as u64,
        _ => {
            assert!(answer.starts_with(b"506"), "EFNA 06");
            0
        }
    }
}

#[test]
fn where_no_more_files_can_be_made_a_file_is_refused_for_now_and_told_why() {
    let setup = Setup::plain("limits: {reserve_files: 1000000000}\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let answer = peer.offer(&VirtualFile::new("ORDERS", "a"));
    assert!(answer.starts_with(b"306Y"), "SFNA 06, to be tried again");
    server.await_log(&["inodes"]);
}

#[test]
fn broken_files_of_a_partner_are_bounded() {
    let setup = Setup::plain("limits: {partials_per_partner: 5, failures_per_second: 1000}\n");
    let server = setup.serve();
    let incoming = setup.path().join("state/spool/incoming");
    for number in 0..12 {
        let mut peer = Peer::session(server.address());
        let file = VirtualFile::new(&format!("BROKEN{number:02}"), octets(number, 9000));
        assert_eq!(peer.offer(&file)[0], b'2');
        peer.send_data(&file);
        drop(peer);
        server.await_log(&["session-ended", "connection was lost"]);
    }
    server.await_log(&[
        "partial-removed",
        " of mueller ",
        "limits.partials_per_partner",
    ]);
    eventually("only so many partials are left", || {
        (std::fs::read_dir(&incoming).unwrap().count() <= 5).then_some(())
    });
    // The newest resumes where it was.
    let mut peer = Peer::session(server.address());
    let mut file = VirtualFile::new("BROKEN11", octets(11, 9000));
    file.restart = 9;
    assert_eq!(peer.offer(&file), b"200000000000000008");
}

#[test]
fn a_file_that_stands_still_in_one_session_is_resumed_in_the_next() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut half_open = Peer::session(server.address());
    let mut file = VirtualFile::new("ORDERS", octets(1, 20_000));
    assert_eq!(half_open.offer(&file)[0], b'2');
    half_open.send_data(&file);
    // The line is gone, and nobody told us.
    let mut peer = Peer::session(server.address());
    file.restart = 19;
    let began = Instant::now();
    let answer = peer.offer(&file);
    assert_eq!(answer[0], b'2', "{}", String::from_utf8_lossy(&answer));
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(15),
        "{took:?}: a second of standing still is enough"
    );
    assert_eq!(half_open.hear_esid(), "09");
}

/// All of the file is in the socket's buffer at once, and the partner says nothing until it has read it: what its system
/// takes is the only movement there is.
#[test]
fn a_reader_that_is_slow_and_steady_is_not_silent() {
    let partner = Called::new();
    let setup = Setup::sender(&partner.address(), "    session: {idle_timeout: 2s}\n");
    let size = 400_000;
    let content = setup.write("BIG", octets(1, size));
    std::thread::scope(|scope| {
        scope.spawn(|| setup.pointsman(&["send", content.to_str().unwrap(), "--to", "nordwerk"]));
        let mut peer = partner.accept();
        set_socket_recv_buffer_size(&peer.wire, 64 << 10).unwrap();
        peer.say(b"IODETTE FTP READY \r");
        peer.hear();
        // Credit for more than the file.
        peer.say(format!("X5{US:25}{OURS:8}04096BNYN999N{:4}{:8}\r", "", ""));
        assert_eq!(peer.hear()[0], b'H');
        peer.say(b"200000000000000000");
        let (began, end) = (Instant::now(), framed(&efid(size)));
        let mut heard = Vec::new();
        while !heard.ends_with(&end) {
            let mut some = [0; 8 << 10];
            let count = peer.wire.read(&mut some).unwrap();
            heard.extend_from_slice(&some[..count]);
            let last = heard[heard.len().saturating_sub(60)..].escape_ascii();
            assert!(
                count > 0,
                "it is given up after {} octets: {last}",
                heard.len()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        let took = began.elapsed();
        assert!(
            took > Duration::from_secs(4),
            "{took:?}: twice the time-out"
        );
        peer.say(b"4N");
        support::peer::release(&mut peer);
    });
}

#[test]
fn a_partner_that_falls_silent_is_ended_after_its_time_and_not_later() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    session: {idle_timeout: 4s}\n",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let began = Instant::now();
    assert_eq!(peer.hear_esid(), "09");
    let took = began.elapsed();
    assert!(
        took > Duration::from_millis(3900) && took < Duration::from_millis(7900),
        "{took:?}"
    );
}

#[test]
fn the_server_may_open_as_many_files_as_the_system_allows_it() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let words: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(words[3], words[4], "{files}");
}

#[test]
fn records_with_nothing_in_them_count_by_the_room_they_take() {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    quota: {size: 64KiB}\n",
        "",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let offer = String::from_utf8(VirtualFile::new("EMPTY", "").sfid()).unwrap();
    peer.say(offer.replace("U00000", "V00080"));
    assert_eq!(peer.hear()[0], b'2');
    let buffers = 35;
    for number in 1..=buffers {
        peer.say([b"D".to_vec(), vec![0x80; 4000]].concat());
        if number % 7 == 0 {
            assert_eq!(peer.hear()[0], b'C');
        }
    }
    peer.say(format!("T{:017}{:017}", buffers * 4000, 0));
    let answer = peer.hear();
    assert!(
        answer.starts_with(b"506"),
        "EFNA 06, not {}",
        String::from_utf8_lossy(&answer)
    );
}
