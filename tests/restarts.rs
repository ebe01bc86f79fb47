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
use std::process::Command;
use std::time::SystemTime;

use support::peer::{Called, Peer, VirtualFile, data_buffers, efid, release, take_file};
use support::{House, Server, amount, octets};

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
    let house = House::plain("");
    let server = house.serve();
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
    for path in house.await_delivered(files.len()) {
        let name = path.rsplit('/').next().unwrap();
        let number: usize = name[1..].split('.').next().unwrap().parse().unwrap();
        let delivered = std::fs::read(house.inbox().join(&path)).unwrap();
        assert!(delivered == files[number], "{path}");
    }
    assert_eq!(server.stop(), Some(0));
    let audited = house.pointsman(&["verify-store"]);
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
    fn of(house: &House) -> Self {
        let source = house.write("clock.c", AHEAD);
        let library = source.with_extension("so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success());
        let ahead = house.path().join("ahead");
        Self { library, ahead }
    }

    fn is_ahead(&self, seconds: u64) {
        let beside = self.ahead.with_extension("new");
        std::fs::write(&beside, seconds.to_string()).unwrap();
        std::fs::rename(beside, &self.ahead).unwrap();
    }

    fn serve(&self, house: &House) -> Server {
        let preload = [
            ("LD_PRELOAD", self.library.as_path()),
            ("SECONDS_AHEAD", &self.ahead),
        ];
        Server::start_with(&house.config(), &preload)
    }
}

const DAY: u64 = 24 * 60 * 60;

/// A file is refused for now while the clock is a day ahead; then the clock is put right, and the file comes again.
fn is_offered_again_when_the_clock_is_put_right(restart: bool) {
    let partner = Called::new();
    let house = House::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        &partner.address(),
        "    retry: {refused: {first: 1s, most: 1s}}\n",
    );
    let clock = Clock::of(&house);
    clock.is_ahead(DAY);
    let mut server = clock.serve(&house);
    let file = house.write("CLOCK", octets(25, 3000));
    let path = file.to_str().unwrap();
    let queued = house.pointsman(&["send", path, "--to", "nordwerk", "--queue-only"]);
    assert!(queued.status.success(), "{queued:?}");

    let mut session = partner.greet();
    assert_eq!(session.hear()[0], b'H', "SFID");
    session.say(b"306Y000");
    release(&mut session);
    server.await_log(&["send-refused"]);
    clock.is_ahead(0);
    if restart {
        assert_eq!(server.stop(), Some(0));
        server = clock.serve(&house);
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
