//! How many files are opened at once, and what a crash leaves of those that are refused.

use std::time::{Duration, Instant};

use crate::secured::{Maker, Secured, delivered, keys, station_with};
use crate::support::peer::{Peer, efid};
use crate::support::{Setup, eventually};

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
