//! A file crosses, a component decides, a receipt comes back: with partners that share no code with us.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::process::Command;

use support::peer::{Peer, Ssid, VirtualFile, esid};
use support::{Server, Setup, THEM, US, octets, openssl_certificate};

#[test]
fn a_file_crosses_and_its_receipt_comes_back() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let file = VirtualFile::new("DESADV.4711", octets(1, 300_000));
    let mut peer = Peer::session(server.address());
    peer.send(&file);
    let receipts = peer.take_receipts();

    assert_eq!(
        setup.await_delivered(1),
        ["mueller/DESADV.4711.202611220815300001"]
    );
    let delivered =
        std::fs::read(setup.inbox().join("mueller/DESADV.4711.202611220815300001")).unwrap();
    assert!(delivered == file.content, "every octet as it was sent");

    // EERP (RFC 5.3.13): the file's name, date and time octet for octet, its stations swapped.
    let eerp = String::from_utf8(receipts[0].clone()).unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(
        (&eerp[..1], &eerp[1..27]),
        ("E", format!("{:26}", "DESADV.4711").as_str())
    );
    assert_eq!((&eerp[30..38], &eerp[38..48]), ("20261122", "0815300001"));
    assert_eq!(
        eerp[56..81].trim_end(),
        THEM,
        "EERPDEST is the file's originator"
    );
    assert_eq!(
        eerp[81..106].trim_end(),
        US,
        "EERPORIG is the file's destination"
    );
    assert_eq!(
        &receipts[0][106..],
        [0, 0, 0, 0],
        "neither hash nor signature"
    );
    let row = &setup.transfers()[0];
    assert!(row.contains("delivered") && row.contains("given"), "{row}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn over_tls_through_openssl_it_crosses_as_well() {
    for (version, told) in [("-tls1_2", "TLSv1.2 "), ("-tls1_3", "TLSv1.3 ")] {
        let setup = Setup::with_listeners(
            "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n      client_auth: require\n",
            "",
            "",
        );
        openssl_certificate(setup.path(), "us");
        openssl_certificate(setup.path(), "them");
        setup.configure(
            "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n      client_auth: require\n",
            "    certificate: them.pem\n",
            "",
        );
        let server = setup.serve();
        let file = VirtualFile::new("CAD.MODEL", octets(2, 1_000_000));
        let mut peer = Peer::openssl(server.address(), setup.path(), "them", "us", version);
        peer.identify();
        peer.send(&file);
        assert_eq!(peer.take_receipts().len(), 1);

        let path = setup.inbox().join(&setup.await_delivered(1)[0]);
        let sums = Command::new("sha256sum")
            .arg(path)
            .arg(setup.write("sent", &file.content))
            .output()
            .unwrap();
        let sums = String::from_utf8(sums.stdout).unwrap();
        let sums: Vec<&str> = sums.lines().map(|line| &line[..64]).collect();
        assert_eq!(sums[0], sums[1], "{version}");
        let connected = server.await_log(&["\"event\":\"connected\""]);
        let connected: serde_json::Value = serde_json::from_str(&connected).unwrap();
        let terms = connected["terms"].as_str().unwrap();
        assert!(terms.contains(told), "{version}: {terms}");
    }
}

#[test]
fn a_caller_with_another_certificate_is_not_let_in() {
    let tls = "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n      client_auth: require\n";
    let setup = Setup::with_listeners(tls, "", "");
    ["us", "them", "stranger"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup.configure(tls, "    certificate: them.pem\n", "");
    let server = setup.serve();
    let tried = Command::new("timeout")
        .args([
            "60",
            "openssl",
            "s_client",
            "-quiet",
            "-connect",
            &server.address().to_string(),
            "-cert",
        ])
        .arg(setup.path().join("stranger.pem"))
        .arg("-key")
        .arg(setup.path().join("stranger.key"))
        .output()
        .unwrap();
    assert!(
        !String::from_utf8_lossy(&tried.stdout).contains("ODETTE"),
        "nothing is said to a stranger"
    );
    server.await_log(&["tls-refused"]);
}

#[test]
fn the_certificates_of_the_start_stay_in_force_until_the_restart() {
    let listener = "  - address: 127.0.0.1:0\n    tls: {certificate: us.pem, key: us.key, client_auth: require}\n";
    let setup = Setup::plain("");
    ["us", "them", "new"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    let path = |name: &str| setup.path().join(name);
    std::fs::copy(path("them.pem"), path("partner.pem")).unwrap();
    setup.configure(listener, "    certificate: partner.pem\n", "");
    let server = setup.serve();
    let call = |server: &Server, own: &str| {
        Peer::openssl(server.address(), setup.path(), own, "us", "-tls1_3").identify();
    };
    call(&server, "them");
    std::fs::copy(path("new.pem"), path("partner.pem")).unwrap();
    call(&server, "them");
    std::fs::remove_file(path("partner.pem")).unwrap();
    call(&server, "them");
    std::fs::create_dir(path("partner.pem")).unwrap();
    call(&server, "them");
    drop(server);
    std::fs::remove_dir(path("partner.pem")).unwrap();
    std::fs::copy(path("new.pem"), path("partner.pem")).unwrap();
    let server = setup.serve();
    call(&server, "new");
}

#[test]
fn calls_of_ours_go_on_with_the_certificates_of_the_start() {
    let theirs = Setup::plain("");
    openssl_certificate(theirs.path(), "us");
    theirs.configure(
        "  - address: 127.0.0.1:0\n    tls: {certificate: us.pem, key: us.key}\n",
        "",
        "",
    );
    let partner = theirs.serve();
    let ours = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        &partner.address().to_string(),
        "    tls: true\n    certificate: them.pem\n    watch:\n      - {folder: out, quiet: 50ms}\n",
    );
    std::fs::create_dir(ours.path().join("out")).unwrap();
    let known = ours.path().join("them.pem");
    std::fs::copy(theirs.path().join("us.pem"), &known).unwrap();
    let _server = ours.serve();
    std::fs::remove_file(&known).unwrap();
    openssl_certificate(ours.path(), "them");
    ours.write("out/ORDERS", "order");
    let delivered = theirs.await_delivered(1);
    assert!(delivered[0].contains("ORDERS"), "{delivered:?}");
}

#[test]
fn a_file_of_the_same_identity_is_a_duplicate() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let file = VirtualFile::new("ORDER", "once");
    let mut peer = Peer::session(server.address());
    peer.send(&file);
    let refused = peer.offer(&file);
    assert_eq!(&refused[..4], b"313N", "SFNA 13, no retry");
    assert_eq!(peer.take_receipts().len(), 1, "one receipt all the same");
    let another = VirtualFile {
        time: "0815300002".to_owned(),
        ..file
    };
    let mut peer = Peer::session(server.address());
    peer.send(&another);
    assert_eq!(setup.await_delivered(2).len(), 2);
}

#[test]
fn a_receipt_that_was_not_confirmed_comes_again_in_the_next_session() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDER", "octets"));
    let first = peer.change_direction();
    drop(peer);
    server.await_log(&["session-ended"]);

    let mut peer = Peer::session(server.address());
    assert_eq!(
        peer.change_direction(),
        first,
        "the same octets: no RTR came for them"
    );
    peer.say(b"P");
    assert_eq!(peer.hear(), b"R");
    peer.say(esid());
    let mut peer = Peer::session(server.address());
    assert_eq!(
        peer.change_direction()[0],
        b'F',
        "nothing is owed any more, so the session is released"
    );
}

#[test]
fn a_broken_file_is_resumed_where_it_broke_off_even_after_a_kill() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut file = VirtualFile::new("BIG", octets(3, 200_000));
    let mut peer = Peer::session(server.address());
    peer.offer(&file);
    let buffers = support::peer::data_buffers(&file.content);
    for buffer in &buffers[..7] {
        peer.say(buffer);
    }
    assert_eq!(peer.hear(), b"C  ");
    drop(peer);
    server.await_log(&["session-ended"]);
    server.kill();

    let server = setup.serve();
    file.restart = 999;
    let mut peer = Peer::session(server.address());
    let answer = peer.offer(&file);
    let here = 7 * 63 * 63 / 1024;
    assert_eq!(
        answer,
        format!("2{here:017}").into_bytes(),
        "whole blocks, never more than was asked for"
    );
    let rest = VirtualFile {
        content: file.content[here * 1024..].to_vec(),
        ..file.clone()
    };
    let mut credit = 7;
    for buffer in support::peer::data_buffers(&rest.content) {
        peer.say(buffer);
        credit -= 1;
        if credit == 0 {
            assert_eq!(peer.hear(), b"C  ");
            credit = 7;
        }
    }
    peer.say(support::peer::efid(file.content.len()));
    assert_eq!(peer.hear(), b"4N");
    let path = setup.inbox().join(&setup.await_delivered(1)[0]);
    assert!(std::fs::read(path).unwrap() == file.content);
}

#[test]
fn sigterm_lets_a_file_come_to_its_end() {
    let setup = Setup::plain("limits:\n  drain: 20s\n");
    let server = setup.serve();
    let file = VirtualFile::new("LATE", octets(4, 50_000));
    let mut peer = Peer::session(server.address());
    peer.offer(&file);
    server.ask_to_stop();
    server.await_log(&["draining"]);
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
    assert_eq!(
        peer.change_direction()[0],
        b'F',
        "the session ends at its next turn"
    );
    drop(peer);
    assert_eq!(setup.await_delivered(1).len(), 1);
    server.await_log(&["stopped"]);
}

#[test]
fn two_ends_of_ours_agree_as_well() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let caller = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        &format!("    address: {}\n", server.address()),
        "",
    );
    let swapped = std::fs::read_to_string(caller.config())
        .unwrap()
        .replace(US, "XX")
        .replace(THEM, US)
        .replace("XX", THEM);
    let swapped = swapped
        .replace("OURPASS", "XX")
        .replace("THEIRS", "OURPASS")
        .replace("XX", "THEIRS");
    std::fs::write(caller.config(), swapped).unwrap();
    let file = caller.write("INVOIC.1", octets(5, 100_000));
    let sent = caller.pointsman(&["send", file.to_str().unwrap(), "--to", "mueller"]);
    let said = String::from_utf8_lossy(&sent.stdout);
    assert!(
        sent.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&sent.stderr)
    );
    assert!(
        said.contains("the receipt (EERP) is here: it names our file"),
        "{said}"
    );
    let path = setup.inbox().join(&setup.await_delivered(1)[0]);
    assert!(support::same_content(&path, &file));

    let unreached = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    address: 127.0.0.1:9\n",
        "",
    );
    let tried = unreached.pointsman(&["send", file.to_str().unwrap(), "--to", "mueller"]);
    assert_eq!(tried.status.code(), Some(3), "nobody was reached");
    assert!(
        unreached.transfers()[0].contains("ready"),
        "and the file stays queued"
    );
}

/// How an older level writes what 2.0 writes otherwise: from the tables of RFC 2204 and RFC 5024, 5.3.
struct Level(char);

impl Level {
    /// Reserve, date and time: YYMMDD and HHMMSS at 1.2 and 1.3.
    fn stamp(&self, date: &str, time: &str) -> String {
        match self.0 {
            '1' | '2' => format!("{:9}{}{}", "", &date[2..], &time[..6]),
            _ => format!("{:3}{date}{time}", ""),
        }
    }

    fn sfid(&self, file: &VirtualFile) -> Vec<u8> {
        if self.0 == '5' {
            return file.sfid();
        }
        let stamp = self.stamp(&file.date, &file.time);
        let (name, to, from) = (&file.dataset, &file.destination, &file.originator);
        let blocks = file.content.len().div_ceil(1024);
        format!(
            "H{name:26}{stamp}{:8}{to:25}{from:25}U00000{blocks:07}{:09}",
            "", 0
        )
        .into_bytes()
    }

    fn sfpa(&self) -> String {
        let digits = if self.0 == '5' { 17 } else { 9 };
        format!("2{:0digits$}", 0)
    }

    fn efid(&self, octets: usize) -> String {
        match self.0 {
            '5' => format!("T{:017}{octets:017}", 0),
            _ => format!("T{:09}{octets:012}", 0),
        }
    }

    /// EERP of a file of that name and stamp, to its originator.
    fn eerp(&self, name: &str, stamp: &str, to: &str, from: &str) -> Vec<u8> {
        let proof: &[u8] = if self.0 == '5' { &[0; 4] } else { &[] };
        let eerp = format!("E{name:26}{stamp}{:8}{to:25}{from:25}", "");
        [eerp.as_bytes(), proof].concat()
    }
}

#[test]
fn each_level_is_agreed_where_the_partner_speaks_no_newer_and_files_cross_both_ways() {
    let levels = [('1', '1'), ('2', '2'), ('4', '4'), ('5', '5'), ('9', '5')];
    for (theirs, agreed) in levels {
        let setup = Setup::plain("");
        let server = setup.serve();
        let ours = setup.write("INVOICE", "an invoice");
        let path = ours.to_str().unwrap();
        let stamp = ["--stamp", "2026-11-22T23:59:58", "--queue-only"];
        let queued = setup.pointsman(&[&["send", path, "--to", "mueller"], &stamp[..]].concat());
        assert!(queued.status.success(), "{queued:?}");
        let mut peer = Peer::connect(server.address());
        let ssid = Ssid {
            level: theirs,
            ..Ssid::default()
        };
        peer.say(ssid.octets());
        let ssid = peer.hear();
        let spoken = (ssid[0], ssid.len(), char::from(ssid[1]));
        assert_eq!(spoken, (b'X', 61, agreed), "of level {theirs}");

        // A file of theirs, and its receipt.
        let level = Level(agreed);
        let file = VirtualFile::new("ORDERS", octets(4, 3000));
        peer.say(level.sfid(&file));
        let heard = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        assert_eq!(heard(peer.hear()), level.sfpa());
        peer.send_data(&file);
        peer.say(level.efid(3000));
        assert_eq!(peer.hear(), b"4N", "EFPA");
        let delivered = setup.inbox().join(&setup.await_delivered(1)[0]);
        assert_eq!(std::fs::read(delivered).unwrap(), file.content);
        peer.say(b"R");
        let stamp = level.stamp("20261122", "0815300001");
        let receipt = level.eerp("ORDERS", &stamp, THEM, US);
        assert_eq!(peer.hear(), receipt, "EERP at level {agreed}");
        peer.say(b"P");

        // A file of ours, and its receipt.
        let sfid = heard(peer.hear());
        let stamp = level.stamp("20261122", "2359580001");
        let start = format!("H{:26}{stamp}{:8}{THEM:25}{US:25}U00000", "INVOICE", "");
        assert!(sfid.starts_with(&start), "{start}\n{sfid}");
        let length = if agreed == '5' { 165 } else { 128 };
        assert_eq!(sfid.len(), length, "SFID at level {agreed}");
        peer.say(level.sfpa());
        assert_eq!(peer.hear(), b"D\x8aan invoice");
        assert_eq!(heard(peer.hear()), level.efid(10));
        peer.say(b"4N");
        assert_eq!(peer.hear(), b"R", "CD");
        peer.say(level.eerp("INVOICE", &stamp, US, THEM));
        assert_eq!(peer.hear(), b"P", "RTR");
        let rows = setup.transfers();
        let is = |name: &str, state: &str| {
            let found = |row: &String| row.contains(name) && row.contains(state);
            assert!(rows.iter().any(found), "{name} is not {state}: {rows:?}");
        };
        is("ORDERS", "given");
        is("INVOICE", "acknowledged");
    }
}

#[test]
fn a_date_that_cannot_be_is_echoed_as_it_came_and_hurts_nobody() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let odd = VirtualFile {
        date: "20261301".to_owned(),
        time: "9961000001".to_owned(),
        ..VirtualFile::new("ODD", "x")
    };
    peer.send(&odd);
    peer.send(&VirtualFile::new("GOOD", "x"));
    let receipts = peer.take_receipts();
    assert_eq!(receipts.len(), 2);
    assert!(
        receipts
            .iter()
            .any(|eerp| &eerp[30..48] == b"202613019961000001")
    );
    server.kill();
    let _server = setup.serve();
    assert_eq!(setup.transfers().len(), 2, "and the ledger reads as before");
}

#[test]
fn a_certificate_that_was_agreed_must_be_shown() {
    let tls = "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n      client_auth: request\n";
    let listeners = format!("{tls}  - address: 127.0.0.1:0\n");
    let setup = Setup::with_listeners(&listeners, "", "");
    ["us", "them"]
        .iter()
        .for_each(|name| openssl_certificate(setup.path(), name));
    setup.configure(&listeners, "    certificate: them.pem\n", "");
    let server = setup.serve();
    let mut plain = Peer::connect(server.addresses[1]);
    plain.say(Ssid::default().octets());
    assert_eq!(
        plain.hear_esid(),
        "04",
        "on the plain listener it cannot be shown"
    );
    let mut known = Peer::openssl(server.address(), setup.path(), "them", "us", "-tls1_3");
    known.identify();
    drop(server);
    setup.configure(
        &listeners,
        "    certificate: them.pem\n    calls_without_certificate: true\n",
        "",
    );
    let server = setup.serve();
    Peer::connect(server.addresses[1]).identify();
}

#[test]
fn the_history_says_which_session_did_it() {
    let theirs = Setup::plain("");
    let server = theirs.serve();
    let ours = Setup::sender(&server.address().to_string(), "");
    let file = ours.write("ORDER", "order");
    let sent = ours.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
    assert!(sent.status.success());
    let expected = [
        (&theirs, vec!["offered", "received", "response-taken"]),
        (&ours, vec!["claimed", "in-doubt", "sent", "acknowledged"]),
    ];
    for (setup, expected) in expected {
        let row = setup.transfers().remove(0);
        let id = row.split_whitespace().next().unwrap();
        let shown = setup.pointsman(&["transfers", "show", id, "--json"]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        let lines = shown["timeline"].as_array().unwrap();
        let of_session: Vec<_> = lines
            .iter()
            .filter(|line| line["session"].is_string())
            .map(|line| line["event"].as_str().unwrap())
            .collect();
        assert_eq!(of_session, expected, "{shown:#}");
        assert!(shown.to_string().contains("generation"), "{shown:#}");
    }
}

/// A signal between two steps must not be lost: now and then a server then ran forever.
#[test]
fn sigterm_is_heard_from_the_first_moment_on() {
    let setup = Setup::plain("");
    for _ in 0..40 {
        assert_eq!(setup.serve().stop(), Some(0));
    }
}

#[test]
fn at_the_end_of_the_drain_an_idle_partner_is_told() {
    let setup = Setup::plain("limits:\n  drain: 300ms\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    server.ask_to_stop();
    assert_eq!(peer.hear_esid(), "05", "local emergency close down");
    server.await_log(&["drain-cut-off"]);
}

#[test]
fn callers_that_say_nothing_take_no_partners_place() {
    let setup = Setup::plain("limits:\n  sessions: 2\n");
    let server = setup.serve();
    let silent: Vec<_> = (0..10).map(|_| Peer::connect(server.address())).collect();
    let _one = Peer::session(server.address());
    let _two = Peer::session(server.address());
    let mut third = Peer::connect(server.address());
    third.say(Ssid::default().octets());
    assert_eq!(
        third.hear_esid(),
        "08",
        "resources not available: call again"
    );
    drop(silent);
}
