//! Reload after reload, while sessions come and go.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::support::amount;
use crate::support::guests::terms;

/// The number of a plan is the credit that we offer, part of the name that its files get, and the folder that its
/// policy chooses for them.
fn numbered(setup: &Setup, number: u64) {
    let partner = format!(
        "    session: {{credit: {number}}}\n    delivery: {{name: '%VirtualFileName%-{number}'}}\n"
    );
    let policy = format!(
        "policies:\n  route:\n    component: terms.wasm\n    hooks: [accept-file]\n    settings: {{file-directory: '{number}'}}\n"
    );
    setup.configure(PLAIN, &partner, &policy);
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

/// Reloads one numbered plan after the other while sessions run, each third one broken; gives the files that are not of one
/// plan alone, and how many there are.
fn files_of_two_plans(environment: &[(&str, &Path)]) -> (Vec<String>, usize) {
    let reloads = amount("POINTSMAN_RELOADS", 45);
    let sessions = amount("POINTSMAN_RELOAD_SESSIONS", 8);
    let setup = Setup::plain("");
    setup.write("terms.wasm", terms());
    numbered(&setup, 10);
    let server = Server::start_with(&setup.config(), environment);
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
    let mut delivered = setup.await_delivered(usize::try_from(held).unwrap());
    let files = delivered.len();
    assert!(files as u64 == held && held > 0);
    assert_eq!(server.stop(), Some(0));
    delivered.retain(|path| !is_of_one_plan(path));
    (delivered, files)
}

/// `12/FILE7.12-12`: what the policy said, and what SSID said, is what the delivery did.
fn is_of_one_plan(path: &str) -> bool {
    let (folder, name) = path.split_once('/').unwrap();
    let (file, plan) = name.rsplit_once('-').unwrap();
    let credit = file.rsplit_once('.').unwrap().1;
    folder == plan && credit == plan
}

#[test]
fn no_session_fails_for_a_reload_and_none_sees_two_plans() {
    let (mixed, files) = files_of_two_plans(&[]);
    println!("{files} files");
    assert_eq!(mixed, Vec::<String>::new());
}

/// What this test is worth: a session that reads the plan in force once more, in the place of its own, is found.
#[cfg(feature = "planted")]
#[test]
fn under_load_a_session_that_reads_the_plan_again_is_found() {
    let mistake = Path::new("plan-read-again");
    let (mixed, files) = files_of_two_plans(&[("POINTSMAN_PLANTED", mistake)]);
    println!("{} of {files} files are of two plans", mixed.len());
    assert!(!mixed.is_empty());
}
