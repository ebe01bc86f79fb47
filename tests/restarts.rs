//! Restart positions, queues and waits over broken connections and restarts.
//!
//! `POINTSMAN_RESTARTS` says how often a connection breaks (60 where it is not set), `POINTSMAN_SEED` where the dice
//! start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use support::peer::{
    Called, Peer, Ssid, VirtualFile, data_buffers, eerp, efid, release, take_file,
};
use support::{OURS, POINTSMAN, Server, Setup, US, amount, eventually, octets};

/// Data octets of a full buffer of 4096: 63 subrecords of 63.
const FULL: usize = 63 * 63;

/// Buffers that may be sent before the next CDT.
const CREDIT: usize = 7;

/// Opens a session and offers the file from `held` blocks on; gives the position that SFPA tells.
fn offer_again(
    address: SocketAddr,
    file: &VirtualFile,
    most: u64,
) -> (Peer<std::net::TcpStream>, u64) {
    let mut peer = Peer::session(address);
    let file = VirtualFile {
        restart: most,
        ..file.clone()
    };
    loop {
        let answer = peer.offer(&file);
        match &answer[..] {
            [b'2', position @ ..] => {
                let position = String::from_utf8_lossy(position).parse().unwrap();
                return (peer, position);
            }
            // The session before has not let it go: a machine under load.
            [b'3', b'1', b'2', b'Y', ..] => {}
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
}

/// Sends so many full buffers and hears each CDT that is due, so that nothing is lost when the connection is closed.
fn send_some(peer: &mut Peer<std::net::TcpStream>, content: &[u8], buffers: usize) {
    let mut all = data_buffers(content);
    all.truncate(buffers);
    for (sent, buffer) in all.into_iter().enumerate() {
        peer.say(buffer);
        if (sent + 1) % CREDIT == 0 {
            assert_eq!(peer.hear(), b"C  ", "CDT");
        }
    }
}

#[test]
fn a_partner_that_reconnects_at_once_is_never_told_an_older_position() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = amount("POINTSMAN_SEED", now.unwrap().as_nanos() as u64 | 1);
    println!("POINTSMAN_SEED={seed}");
    let setup = Setup::plain("");
    let server = setup.serve();
    let breaks = amount("POINTSMAN_RESTARTS", 60);
    let (mut broken, mut files) = (0, Vec::new());
    while broken < breaks {
        let content = octets(seed + files.len() as u64, 400_000);
        let file = VirtualFile::new(&format!("F{}", files.len()), content.clone());
        let (mut peer, mut from) = (Peer::session(server.address()), 0);
        assert_eq!(peer.offer(&file), b"200000000000000000");
        for leg in 0..4 {
            let buffers = 1 + (content[leg] as usize) % 24;
            send_some(&mut peer, &content[from..], buffers);
            // The connection breaks, and the next one is there before anybody has noticed.
            drop(peer);
            broken += 1;
            let here = from + buffers * FULL;
            let told;
            (peer, told) = offer_again(server.address(), &file, content.len() as u64 / 1024);
            assert_eq!(
                told,
                here as u64 / 1024,
                "file {}, leg {leg}: {here} octets are here, seed {seed}",
                file.dataset
            );
            from = told as usize * 1024;
        }
        let rest = VirtualFile {
            content: content[from..].to_vec(),
            ..file.clone()
        };
        peer.send_data(&rest);
        peer.say(efid(content.len()));
        assert_eq!(peer.hear(), b"4N", "EFPA");
        files.push(content);
        let _ = peer.take_receipts();
    }
    for path in setup.await_delivered(files.len()) {
        let name = path.rsplit('/').next().unwrap();
        let number: usize = name[1..].split('.').next().unwrap().parse().unwrap();
        let delivered = std::fs::read(setup.inbox().join(&path)).unwrap();
        assert!(delivered == files[number], "{path}");
    }
    assert_eq!(server.stop(), Some(0));
    let audited = setup.pointsman(&["verify-store"]);
    assert!(audited.status.success(), "{audited:?}");
}

/// A clock that is ahead: a library which adds the seconds that a file says to what the system's clock shows.
struct Clock {
    library: PathBuf,
    ahead: PathBuf,
}

const AHEAD: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    const char *path = getenv("SECONDS_AHEAD");
    if (failed || clock != CLOCK_REALTIME || !path) return failed;
    FILE *file = fopen(path, "r");
    long ahead = 0;
    if (file) {
        if (fscanf(file, "%ld", &ahead) != 1) ahead = 0;
        fclose(file);
    }
    now->tv_sec += ahead;
    return 0;
}
"#;

impl Clock {
    fn of(setup: &Setup) -> Self {
        let source = setup.write("clock.c", AHEAD);
        let library = source.with_extension("so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success());
        let ahead = setup.path().join("ahead");
        Self { library, ahead }
    }

    fn is_ahead(&self, seconds: u64) {
        let beside = self.ahead.with_extension("new");
        std::fs::write(&beside, seconds.to_string()).unwrap();
        std::fs::rename(beside, &self.ahead).unwrap();
    }

    fn serve(&self, setup: &Setup) -> Server {
        let preload = [
            ("LD_PRELOAD", self.library.as_path()),
            ("SECONDS_AHEAD", &self.ahead),
        ];
        Server::start_with(&setup.config(), &preload)
    }
}

const DAY: u64 = 24 * 60 * 60;

/// A file is refused for now while the clock is a day ahead; then the clock is put right, and the file comes again.
fn is_offered_again_when_the_clock_is_put_right(restart: bool) {
    let partner = Called::new();
    let setup = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        &partner.address(),
        "    calls: {delay: 3s}\n    retry: {refused: {first: 1s, most: 1s}}\n",
    );
    let clock = Clock::of(&setup);
    clock.is_ahead(DAY);
    let mut server = clock.serve(&setup);
    setup.queue("CLOCK", octets(25, 3000), "nordwerk");

    let mut session = partner.greet();
    assert_eq!(session.hear()[0], b'H', "SFID");
    session.say(b"306Y000");
    release(&mut session);
    server.await_log(&["send-refused"]);
    clock.is_ahead(0);
    if restart {
        assert_eq!(server.stop(), Some(0));
        server = clock.serve(&setup);
    }
    let mut session = partner.greet();
    take_file(&mut session);
    release(&mut session);
    server.await_log(&["file-sent"]);
}

#[test]
fn a_clock_that_is_put_right_keeps_no_file_for_a_day() {
    is_offered_again_when_the_clock_is_put_right(false);
}

#[test]
fn a_clock_that_is_put_right_keeps_no_file_for_a_day_over_a_restart_either() {
    is_offered_again_when_the_clock_is_put_right(true);
}

/// A setup that may call its partner, and does so of its own accord only where `calls` says so.
fn caller(partner: &Called, more: &str) -> Setup {
    let listeners = "listeners:\n  - address: 127.0.0.1:0\n";
    Setup::caller(listeners, &partner.address(), more)
}

/// `pointsman send FILE`, killed when the file was offered to its partner.
fn killed_while_it_sends(setup: &Setup, partner: &Called, name: &str) {
    let file = setup.write(name, octets(61, 3000));
    let mut sending = Killed(
        Command::new(POINTSMAN)
            .args(["send", "--to", "nordwerk", "-c"])
            .args([&setup.config(), &file])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut session = partner.greet();
    assert_eq!(session.hear()[0], b'H', "SFID");
    sending.0.kill().unwrap();
    sending.0.wait().unwrap();
}

/// A child that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_a_killed_send_had_goes_with_the_next_call_of_the_server() {
    let partner = Called::new();
    let setup = caller(&partner, "");
    killed_while_it_sends(&setup, &partner, "KILLED");
    let server = setup.serve();
    let mut session = partner.greet();
    take_file(&mut session);
    release(&mut session);
    server.await_log(&["file-sent"]);
}

#[test]
fn what_a_killed_send_had_is_there_for_a_server_that_runs_and_for_the_operator() {
    let partner = Called::new();
    let setup = caller(&partner, "    calls: {queued: false}\n");
    killed_while_it_sends(&setup, &partner, "OPERATOR");
    let queue = setup.pointsman(&["queue", "list", "--json"]);
    let queue: serde_json::Value = serde_json::from_slice(&queue.stdout).unwrap();
    assert_eq!(queue[0]["in_session"], false, "{queue}");
    let id = queue[0]["transfer"].as_str().unwrap();
    let cancelled = setup.pointsman(&["queue", "cancel", id]);
    assert!(cancelled.status.success(), "{cancelled:?}");

    let server = setup.serve();
    killed_while_it_sends(&setup, &partner, "RUNNING");
    // The partner calls, and gives the turn.
    let sfid = eventually("the file is offered", || {
        let mut peer = Peer::connect(server.address());
        let nordwerk = Ssid {
            code: US.to_owned(),
            password: OURS.to_owned(),
            ..Ssid::default()
        };
        peer.say(nordwerk.octets());
        assert_eq!(peer.hear()[0], b'X', "SSID");
        peer.say(b"R");
        let said = peer.hear();
        (said[0] == b'H').then_some(said)
    });
    assert!(sfid[1..].starts_with(b"RUNNING "), "{sfid:?}");
}

#[test]
fn send_now_calls_a_partner_whose_line_backs_off() {
    let partner = Called::new();
    let setup = caller(
        &partner,
        "    retry: {session: {first: 1h, most: 1h}, broken: {first: 1h, most: 1h}}\n",
    );
    let server = setup.serve();
    setup.queue("URGENT", octets(61, 3000), "nordwerk");
    drop(partner.accept());
    server.await_log(&["call-failed"]);
    let queue = setup.pointsman(&["queue", "list", "--json"]);
    let queue: serde_json::Value = serde_json::from_slice(&queue.stdout).unwrap();
    let id = queue[0]["transfer"].as_str().unwrap();
    for last in [false, true] {
        let ordered = setup.pointsman(&["queue", "send-now", id]);
        assert!(ordered.status.success(), "{ordered:?}");
        if !last {
            // The order is carried out, however it ends: the line backs off again.
            drop(partner.accept());
            continue;
        }
        let mut session = partner.greet();
        take_file(&mut session);
        release(&mut session);
    }
    server.await_log(&["file-sent"]);
}

#[test]
fn a_partner_that_takes_a_file_once_more_has_not_got_it_from_an_attempt_before() {
    let partner = Called::new();
    let setup = caller(
        &partner,
        "    retry: {broken: {first: 1s, most: 1s}, session: {first: 1s, most: 1s}}\n",
    );
    let server = setup.serve();
    // More than the credit allows at once: a partner that gives none gets no EFID.
    setup.queue("DOUBT", octets(62, 60_000), "nordwerk");

    // Its EFID arrives, its EFPA does not.
    let mut session = partner.greet();
    let sfid = session.hear();
    session.say(b"200000000000000000");
    let mut taken = 0;
    while session.hear()[0] == b'D' {
        taken += 1;
        if taken % CREDIT == 0 {
            session.say(b"C  ");
        }
    }
    drop(session);
    // It is taken once more, and the connection breaks before EFID.
    let mut session = partner.greet();
    assert_eq!(session.hear()[0], b'H', "SFID");
    session.say(b"200000000000000000");
    assert_eq!(session.hear()[0], b'D', "DATA");
    drop(session);
    // So this says that another file is there: an operator must see it.
    let mut session = partner.greet();
    assert_eq!(session.hear()[0], b'H', "SFID");
    session.say(b"313N000");
    server.await_log(&["send-refused", "parked"]);
    // But if it has it after all, its receipt is for this file.
    assert_eq!(session.hear(), b"R", "CD");
    session.say(eerp(&sfid));
    assert_eq!(session.hear(), b"P", "RTR");
    session.say(b"F00000\r");
    server.await_log(&["receipt-received"]);
    let shown = setup.pointsman(&["transfers", "list", "--json"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("\"acknowledged\""), "{shown}");
}
