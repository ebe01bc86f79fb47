//! The configuration is read again while the server runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod certificates;
mod change_over;
mod folders;
mod limits;
mod listeners;
mod load;
mod partners;
mod policies;
mod refused;
mod restart;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::peer::{Peer, Ssid, VirtualFile};
use support::{Server, Setup, eventually};

/// What is taken up is in force within this.
const SOON: Duration = Duration::from_secs(1);

const PLAIN: &str = "  - address: 127.0.0.1:0\n";

fn write(setup: &Setup, more: &str) {
    setup.configure(PLAIN, "", more);
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

/// Reloads; gives what the command says. What is looked for holds within a second of its end, and how soon is printed.
fn soon(setup: &Setup, what: &str, mut holds: impl FnMut() -> bool) -> String {
    let (said, began) = (reloaded(setup), Instant::now());
    in_force(what, began, &mut holds);
    said
}

/// A look that begins within a second sees it.
fn in_force(what: &str, began: Instant, holds: &mut impl FnMut() -> bool) {
    loop {
        assert!(began.elapsed() < SOON, "{what}: not in force in a second");
        if holds() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("{what}: in force {:?} after the reload", began.elapsed());
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
