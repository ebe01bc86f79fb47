//! Openings: how many there are at once, what they cost, and what a stop or a crash leaves of them.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::secured::{
    Maker, Secured, delivered, keys, spool_contents, station, station_with, take_answers, text,
};
use crate::support::peer::{Peer, efid};
use crate::support::{Server, Setup, eventually, octets};

/// The contents of the spool in that folder whose names fit.
fn contents(setup: &Setup, folder: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let place = setup.path().join("state/spool").join(folder);
    let entries = std::fs::read_dir(place).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| fits(name)).collect()
}

#[test]
fn sessions_wait_for_a_place_where_files_are_opened_before_efpa() {
    let setup = station_with(
        &keys(&["us"], &["them"]),
        "open: before-acknowledgement, expansion: 99999",
        "limits:\n  openings: 1\n",
    );
    let server = setup.serve();
    let line = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 a line of text that compresses\n";
    let content: Vec<u8> = line.iter().copied().cycle().take(50_000_000).collect();
    let wire = Maker::Crate.make("z", 4, &content);
    let offer = |number: usize| {
        let mut peer = Peer::session(server.address());
        let file = Secured::new(&format!("AT{number}"), "z", 4, wire.clone());
        assert!(file.offer(&mut peer).starts_with('2'));
        peer.send_data(&file.file);
        peer
    };
    let mut peers: Vec<_> = (0..4).map(offer).collect();
    for peer in &mut peers {
        peer.say(efid(wire.len()));
    }
    let (mut most, end) = (0, Instant::now() + Duration::from_secs(60));
    while setup.delivered().len() < peers.len() && Instant::now() < end {
        most = most.max(contents(&setup, "incoming", |name| name.contains("plain")).len());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(most, 1, "so many are opened at once");
    for (number, peer) in peers.iter_mut().enumerate() {
        assert_eq!(peer.hear(), b"4N");
        assert!(delivered(&setup, &format!("AT{number}")).unwrap() == content);
    }
}

#[test]
fn what_is_refused_when_a_crash_comes_is_removed_by_the_next_start() {
    let setup = station_with(&keys(&["us"], &["them"]), "failed: delete", "");
    let wire = Maker::Openssl.make_by("stranger", "us", "s", 4, b"x");
    for round in 0..8 {
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let name = format!("ROUND{round}");
        assert_eq!(
            Secured::new(&name, "s", 4, wire.clone()).send(&mut peer),
            "4N"
        );
        let (end, told) = (Instant::now() + Duration::from_secs(10), |line: &str| {
            line.contains("file-not-opened") && line.contains(&name)
        });
        while !server.log().lines().any(told) && Instant::now() < end {
            std::hint::spin_loop();
        }
        // Its row says `rejected`, and its content is there or just removed.
        server.kill();
    }
    let _server = setup.serve();
    eventually("no content is left", || {
        let left = contents(&setup, "sealed", |name| !name.contains('.'));
        left.is_empty().then_some(())
    });
    let rows = setup.transfers();
    assert!(rows.iter().all(|row| row.contains("rejected")), "{rows:?}");
    let audited = setup.pointsman(&["verify-store"]);
    assert!(audited.status.success(), "{audited:?}");
}

#[test]
fn where_one_file_is_opened_at_a_time_the_others_wait_and_none_is_forgotten() {
    let all = keys(&["us"], &["them"]);
    let setup = station_with(&all, "expansion: 9", "limits:\n  openings: 1\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let wire = Maker::Crate.make("sze", 4, &octets(5, 4_000_000));
    assert_eq!(Secured::new("LARGE", "sze", 4, wire).send(&mut peer), "4N");
    // More than have a task at a time.
    for number in 0..70 {
        let wire = Maker::Crate.make("z", 4, b"small");
        let file = Secured::new(&format!("SMALL{number}"), "z", 4, wire);
        assert_eq!(file.send(&mut peer), "4N");
    }
    setup.await_delivered(71);
}

#[test]
fn killed_while_files_are_opened_nothing_is_lost_and_nothing_is_there_twice() {
    let setup = station("expansion: 9");
    let contents: Vec<Vec<u8>> = (0..4)
        .map(|number| octets(number + 77, 3_000_000))
        .collect();
    let mut sent = 0;
    for (number, content) in contents.iter().enumerate() {
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let wire = Maker::Crate.make("sze", 4, content);
        let name = format!("KILLED{number}");
        assert_eq!(Secured::new(&name, "sze", 4, wire).send(&mut peer), "4N");
        // At once, and later and later after EFPA.
        std::thread::sleep(std::time::Duration::from_millis(number as u64 * 25));
        server.kill();
        sent += 1;
        let audited = setup.pointsman(&["verify-store"]);
        assert!(audited.status.success(), "{audited:?}");
    }
    let server = setup.serve();
    setup.await_delivered(sent);
    let mut peer = Peer::session(server.address());
    eventually("all receipts are owed", || {
        let rows = setup.transfers();
        rows.iter()
            .all(|row| row.contains("delivered"))
            .then_some(())
    });
    assert_eq!(take_answers(&mut peer).len(), sent);
    assert_eq!(setup.delivered().len(), sent, "none twice");
    for (number, content) in contents.iter().enumerate() {
        let found = delivered(&setup, &format!("KILLED{number}")).unwrap();
        assert!(found == *content, "{number}");
    }
    assert!(
        spool_contents(&setup).is_empty(),
        "{:?}",
        spool_contents(&setup)
    );
}

/// A file that takes a second or so to be opened, whose sender has its EFPA.
fn send_large(setup: &Setup, server: &Server, name: &str) -> Vec<u8> {
    let content = text(30_000_000);
    let wire = Maker::Crate.make("sze", 4, &content);
    let mut peer = Peer::session(server.address());
    assert_eq!(Secured::new(name, "sze", 4, wire).send(&mut peer), "4N");
    assert!(setup.delivered().is_empty(), "it is not opened in no time");
    content
}

#[test]
fn a_server_that_stops_breaks_off_what_it_opens_and_the_next_start_opens_it() {
    let all = keys(&["us"], &["them"]);
    let setup = station_with(&all, "expansion: 9", "limits:\n  drain: 1ms\n");
    let server = setup.serve();
    let content = send_large(&setup, &server, "LARGE");
    assert_eq!(server.stop(), Some(0));
    assert!(setup.delivered().is_empty());
    let rows = setup.transfers();
    assert!(rows[0].contains("opening"), "{rows:?}");
    // What is half opened is removed then, or by the next start where the time to stop was up.
    let left = spool_contents(&setup);
    let wire = left.iter().filter(|name| !name.ends_with(".plain"));
    assert_eq!(wire.count(), 1, "{left:?}");
    let _server = setup.serve();
    setup.await_delivered(1);
    assert!(delivered(&setup, "LARGE").unwrap() == content);
    eventually("nothing is left in the spool", || {
        spool_contents(&setup).is_empty().then_some(())
    });
}

#[test]
fn a_large_file_takes_no_more_memory_than_a_small_one_may() {
    let peak = |mib: usize, services: &'static str| {
        let setup = station("expansion: 9999");
        let server = setup.serve();
        let content = octets(9, 16 << 10).repeat(64 * mib);
        let wire = Maker::Crate.make(services, 4, &content);
        let mut peer = Peer::session(server.address());
        let file = Secured::new("LARGE", services, 4, wire);
        assert_eq!(file.send(&mut peer), "4N");
        setup.await_delivered(1);
        assert!(delivered(&setup, "LARGE").unwrap() == content);
        server.peak_memory()
    };
    for services in ["se", "sze"] {
        let (small, large) = (peak(4, services), peak(200, services));
        println!("{services}: peak memory {small} KiB for 4 MiB, {large} KiB for 200 MiB");
        assert!(large < 96 << 10, "{large} KiB");
        assert!(
            large < small + (12 << 10),
            "{large} KiB against {small} KiB"
        );
    }
}

/// The digest of its plain content is in its row, too.
#[test]
fn a_file_that_is_opened_and_lost_its_sidecar_is_delivered_all_the_same() {
    let setup = station("expansion: 9");
    // There is no way to deliver it yet.
    setup.write("inbox/mueller", "in the way");
    let server = setup.serve();
    let wire = Maker::Crate.make("sze", 4, &text(3000));
    let mut peer = Peer::session(server.address());
    assert_eq!(Secured::new("OPENED", "sze", 4, wire).send(&mut peer), "4N");
    server.await_log(&["delivery-failed", "OPENED"]);
    server.kill();
    let sealed = setup.path().join("state/spool/sealed");
    let sidecars: Vec<_> = std::fs::read_dir(sealed)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .collect();
    assert_eq!(sidecars.len(), 1);
    std::fs::remove_file(&sidecars[0]).unwrap();
    std::fs::remove_file(setup.inbox().join("mueller")).unwrap();
    let _server = setup.serve();
    setup.await_delivered(1);
    assert!(delivered(&setup, "OPENED").unwrap() == text(3000));
}

#[test]
fn what_rotted_before_it_was_opened_gets_no_nerp_and_is_told() {
    let setup = station("expansion: 9");
    let server = setup.serve();
    send_large(&setup, &server, "LARGE");
    server.kill();
    let sealed = setup.path().join("state/spool/sealed");
    let id = spool_contents(&setup)
        .into_iter()
        .find(|name| !name.ends_with(".plain"))
        .unwrap();
    let mut wire = std::fs::read(sealed.join(&id)).unwrap();
    wire[1_000_000] ^= 1;
    std::fs::write(sealed.join(&id), wire).unwrap();
    let server = setup.serve();
    let line = server.await_log(&["content-lost", "LARGE"]);
    assert!(line.contains("blake3"), "{line}");
    assert_eq!(take_answers(&mut Peer::session(server.address())), []);
    assert!(setup.delivered().is_empty());
    let rows = setup.transfers();
    assert!(rows[0].contains("opening"), "{rows:?}");
}

/// A file system of its own, of so many MiB, until it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this program may not make one.
    fn of(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::TempDir::new().unwrap();
        let size = format!("size={mebibytes}m,mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "pointsman-test"])
            .arg(folder.path())
            .output();
        let is_mounted = mounted.is_ok_and(|done| done.status.success());
        if !is_mounted {
            println!("not tried: only root can mount a small file system");
        }
        is_mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

/// What a partner's file becomes may be more than the disk has: the file waits, and whatever else comes does not.
#[test]
fn a_file_that_becomes_larger_than_the_disk_leaves_it_to_the_others() {
    let Some(disk) = SmallDisk::of(64) else {
        return;
    };
    let wire = Maker::Crate.make("z", 4, &vec![0; 100 << 20]);
    for (open, answer) in [("after", "4N"), ("before", "506")] {
        let setup = Setup {
            folder: tempfile::TempDir::new_in(disk.0.path()).unwrap(),
        };
        let partner = format!(
            "{}    file_security: {{open: {open}-acknowledgement, expansion: 99999}}\n",
            keys(&["us"], &["them"])
        );
        let more = "limits:\n  reserve: 8MiB\n  reserve_files: 10\n";
        setup.configure("  - address: 127.0.0.1:0\n", &partner, more);
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let said = Secured::new("LARGE", "z", 4, wire.clone()).send(&mut peer);
        assert!(said.starts_with(answer), "{said}");
        let log = server.await_log(&["limits.reserve"]);
        if open == "after" {
            let log = server.await_log(&["not-opened-yet"]);
            assert!(log.contains("of its plain content were made"), "{log}");
        } else {
            assert!(log.contains("LARGE"), "{log}");
        }
        eventually("nothing of it is left", || {
            let left = contents(&setup, "incoming", |name| name.contains("plain"));
            left.is_empty().then_some(())
        });
        // More than the reserve has.
        let next = Secured::new("NEXT", "", 0, octets(3, 30 << 20));
        assert_eq!(next.send(&mut peer), "4N");
        eventually("it is delivered", || delivered(&setup, "NEXT"));
        let audited = setup.pointsman(&["verify-store"]);
        assert!(audited.status.success(), "{audited:?}");
    }
}
