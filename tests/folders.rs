//! Folders and files that others may write: what they put there is not followed, not waited for, and taken only whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode};
use support::peer::{Peer, VirtualFile};
use support::{House, Server, eventually, octets};

const ID: &str = "01a21165-b280-76d2-9369-f9835f2a3464";
const SECRET: &[u8] = b"a key that is nobody's but the server's";

/// A user who is not the one that the tests run as.
const SOMEBODY: u32 = 54321;

/// Nobody is at home at the partner's: what is queued stays.
fn watching(more: &str) -> House {
    let partner = format!("    calls: {{queued: false}}\n    watch:\n      - folder: out\n{more}");
    let house = House::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        "127.0.0.1:1",
        &partner,
    );
    std::fs::create_dir(house.path().join("out")).unwrap();
    house
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
}

/// The watched folder goes on working, the server answers, and the secret is nowhere.
fn goes_on_and_keeps_the_secret(house: &House, server: Server, takes: bool) {
    if takes {
        house.write("out/GOOD", "good");
        eventually("another file is queued", || {
            let rows = house.transfers();
            rows.iter().any(|row| row.contains("GOOD")).then_some(())
        });
    }
    assert!(house.pointsman(&["status"]).status.success());
    assert!(
        house.transfers().iter().all(|row| !row.contains("KEY")),
        "the secret is queued"
    );
    for part in ["incoming", "sealed", "outgoing"] {
        for entry in std::fs::read_dir(house.path().join("state/spool").join(part)).unwrap() {
            let content = std::fs::read(entry.unwrap().path()).unwrap();
            assert_ne!(content, SECRET, "the secret is in the spool");
        }
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_link_in_the_place_of_taken_is_named_and_leads_nowhere() {
    let house = watching("        quiet: 100ms\n");
    let secret = house.write("key.pem", SECRET);
    std::fs::create_dir(house.path().join("theirs")).unwrap();
    symlink(secret, house.path().join(format!("theirs/{ID}.KEY"))).unwrap();
    symlink(house.path().join("theirs"), house.path().join("out/.taken")).unwrap();
    let server = house.serve();
    server.await_log(&["watch-trouble", ".taken", "symbolic link"]);
    goes_on_and_keeps_the_secret(&house, server, false);
}

#[test]
fn a_taken_folder_of_somebody_else_is_named_and_not_used() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can make folders of other users");
        return;
    }
    let house = watching("        quiet: 100ms\n");
    let secret = house.write("key.pem", SECRET);
    let taken = house.path().join("out/.taken");
    std::fs::create_dir(&taken).unwrap();
    symlink(secret, taken.join(format!("{ID}.KEY"))).unwrap();
    chown(&taken, Some(SOMEBODY), None).unwrap();
    let server = house.serve();
    server.await_log(&["watch-trouble", ".taken", "belongs to user 54321"]);
    goes_on_and_keeps_the_secret(&house, server, false);
}

#[test]
fn links_and_pipes_among_what_was_taken_are_put_aside_and_nobody_waits() {
    let house = watching("        quiet: 100ms\n");
    let secret = house.write("key.pem", SECRET);
    let taken = house.path().join("out/.taken");
    std::fs::create_dir(&taken).unwrap();
    symlink(secret, taken.join(format!("{ID}.KEY"))).unwrap();
    for number in 5..9 {
        let id = ID.replace("3464", &format!("346{number}"));
        pipe(&taken.join(format!("{id}.PIPE")));
    }
    let server = house.serve();
    server.await_log(&["watch-trouble", "PIPE", "this is not a file"]);
    server.await_log(&["watch-trouble", "KEY", "symbolic link"]);
    for part in ["out/.taken", "out/refused"] {
        let mode = house.path().join(part).metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "{part}");
    }
    goes_on_and_keeps_the_secret(&house, server, true);
}

#[test]
fn keep_in_that_was_replaced_by_a_strangers_link_keeps_nothing() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can make links of other users");
        return;
    }
    let house = watching("        quiet: 100ms\n        keep_in: out/done\n");
    let elsewhere = house.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let link = house.path().join("out/done");
    symlink(&elsewhere, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(SOMEBODY), None).unwrap();
    house.write("out/ORDERS", "one");
    let server = house.serve();
    server.await_log(&["watch-trouble", "ORDERS", "link of user 54321"]);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    drop(server);
}

#[test]
fn a_file_that_is_open_for_writing_waits_however_long_its_writer_stalls() {
    let house = watching("        quiet: 300ms\n");
    let server = house.serve();
    let mut writer = std::fs::File::create(house.path().join("out/STALLED")).unwrap();
    writer.write_all(&[1; 4000]).unwrap();
    server.await_log(&["watch-trouble", "STALLED", "open for writing"]);
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(
        house.transfers(),
        Vec::<String>::new(),
        "it is still written"
    );
    writer.write_all(&[2; 4000]).unwrap();
    drop(writer);
    let rows = eventually("it is queued", || {
        Some(house.transfers()).filter(|rows| !rows.is_empty())
    });
    assert!(rows[0].contains(" 8000 "), "{}", rows[0]);
    drop(server);
}

#[test]
fn to_send_a_pipe_or_a_folder_is_refused_at_once() {
    let house = watching("");
    let path = house.path().join("PIPE");
    pipe(&path);
    for wrong in [path.to_str().unwrap(), "."] {
        let sent = house.pointsman(&["send", wrong, "--to", "nordwerk", "--queue-only"]);
        let said = String::from_utf8_lossy(&sent.stderr).into_owned();
        assert_eq!(sent.status.code(), Some(1), "{wrong}: {said}");
        assert!(said.contains("this is not a file"), "{wrong}: {said}");
    }
}

#[test]
fn an_inbox_that_was_removed_while_the_server_runs_is_made_again() {
    let house = House::plain("");
    let server = house.serve();
    std::fs::remove_dir(house.inbox()).unwrap();
    Peer::session(server.address()).send(&VirtualFile::new("AFTER", octets(1, 100)));
    house.await_delivered(1);
    drop(server);
}
