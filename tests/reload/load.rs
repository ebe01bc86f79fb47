//! Reload after reload, while sessions come and go.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::support::amount;

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
