//! Each key of the YAML and each term of the WIT, seen on the wire or in the folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use support::guests::terms;
use support::peer::{Called, Peer, Ssid, VirtualFile, eerp, take_file};
use support::{House, Server, THEM, US, eventually};

/// The YAML of a policy that answers so.
fn answering(settings: &[(&str, &str)]) -> String {
    let mut yaml =
        "policies:\n  terms:\n    component: terms.wasm\n    settings:\n      any: \"\"\n"
            .to_owned();
    for (key, value) in settings {
        writeln!(yaml, "      {key}: \"{value}\"").unwrap();
    }
    yaml
}

/// A station whose policy answers so.
fn house(settings: &[(&str, &str)]) -> House {
    let house = House::plain(&answering(settings));
    house.write("terms.wasm", terms());
    house
}

/// The SSID that answers ours.
fn greeted(server: &Server) -> String {
    let mut peer = Peer::connect(server.address());
    peer.say(Ssid::default().octets());
    String::from_utf8(peer.hear()).unwrap()
}

#[test]
fn what_a_policy_says_of_a_session_is_in_our_ssid() {
    let settings = [
        ("ssid-code", "O0013OTHER"),
        ("level", "4"),
        ("buffer-size", "1000"),
        ("credit", "3"),
        ("mode", "receive-only"),
        ("compression", "false"),
        ("restart", "false"),
    ];
    let plain = house(&[]);
    let server = plain.serve();
    let usual = greeted(&server);
    assert_eq!(
        (&usual[..2], usual[2..27].trim_end(), &usual[40..43]),
        ("X5", US, "BNY"),
        "{usual}"
    );
    let house = house(&settings);
    let server = house.serve();
    let said = greeted(&server);
    assert_eq!(
        (
            &said[..2],
            said[2..27].trim_end(),
            &said[35..43],
            &said[44..47]
        ),
        ("X4", "O0013OTHER", "01000RNN", "003"),
        "{said}"
    );
    server.await_log(&[
        "told of a connection",
        THEM,
        "level 5",
        "mode both",
        "password-ok true",
    ]);
}

#[test]
fn a_policy_may_say_which_partner_a_caller_is() {
    let more = answering(&[("partner", "mueller")]).replace(
        "    settings",
        "    asked_about_strangers: true\n    settings",
    );
    let house = House::plain(&more);
    house.write("terms.wasm", terms());
    let server = house.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(
        Ssid {
            code: "O0013ANOTHERCODE".to_owned(),
            ..Ssid::default()
        }
        .octets(),
    );
    assert_eq!(peer.hear()[0], b'X', "it is let in as mueller");
    peer.send(&VirtualFile::new("ORDERS", "x"));
    let delivered = house.await_delivered(1);
    assert!(delivered[0].starts_with("mueller/"), "{delivered:?}");
}

#[test]
fn a_session_is_given_up_after_the_silence_that_a_policy_allows() {
    let house = house(&[("idle-timeout", "1")]);
    let server = house.serve();
    let mut peer = Peer::session(server.address());
    let began = Instant::now();
    assert_eq!(peer.hear_esid(), "09");
    assert!(began.elapsed() < Duration::from_secs(20), "the profile's");
}

#[test]
fn a_policy_bounds_files_and_says_where_they_go() {
    let house = house(&[("max-file-kib", "2"), ("directory", "of/the/session")]);
    let server = house.serve();
    let mut peer = Peer::session(server.address());
    let refused = peer.offer(&VirtualFile::new("BIG", vec![1; 3000]));
    assert_eq!(&refused[..3], b"306", "SFNA 06");
    peer.send(&VirtualFile::new("SMALL", vec![1; 2000]));
    let delivered = house.await_delivered(1);
    assert!(delivered[0].starts_with("of/the/session/"), "{delivered:?}");
}

#[test]
fn a_policy_names_files_and_says_whether_they_replace_others() {
    let named = [("file-directory", "here"), ("file-name", "always")];
    for overwrite in ["true", "false"] {
        let house = house(&[&named[..], &[("overwrite", overwrite)]].concat());
        let server = house.serve();
        let mut peer = Peer::session(server.address());
        peer.send(&VirtualFile::new("ONE", "first"));
        assert_eq!(house.await_delivered(1), ["here/always"]);
        let other = VirtualFile::new("OTHER", "second");
        let there = || std::fs::read_to_string(house.inbox().join("here/always")).unwrap();
        if overwrite == "true" {
            peer.send(&other);
            eventually("it is replaced", || (there() == "second").then_some(()));
            assert_eq!(house.delivered(), ["here/always"]);
        } else {
            assert_eq!(&peer.offer(&other)[..4], b"312N", "SFNA 12");
            assert_eq!(there(), "first");
        }
    }
}

/// A session in which a file breaks off after so many octets.
fn broken_off(server: &Server, file: &VirtualFile, after: usize) {
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(file)[0], b'2', "SFPA");
    let part = VirtualFile {
        content: file.content[..after].to_vec(),
        ..file.clone()
    };
    peer.send_data(&part);
    drop(peer);
    server.await_log(&["told of an end", "received", "aborted"]);
}

#[test]
fn a_policy_may_ask_for_a_broken_file_from_its_start() {
    for (settings, position) in [(&[][..], 3), (&[("file-restart", "0")][..], 0)] {
        let house = house(settings);
        let server = house.serve();
        let file = VirtualFile::new("BROKEN", vec![7; 3 << 10]);
        broken_off(&server, &file, 3 << 10);
        let mut peer = Peer::session(server.address());
        let again = VirtualFile {
            restart: 3,
            ..file.clone()
        };
        let answer = String::from_utf8(peer.offer(&again)).unwrap();
        assert_eq!(answer, format!("2{position:017}"));
    }
}

#[test]
fn what_a_policy_says_at_the_end_of_a_file_is_heard() {
    let refusing = house(&[("answer", "refuse")]);
    let server = refusing.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("ORDERS", "x");
    peer.offer(&file);
    peer.send_content(&file);
    let efna = peer.hear();
    assert_eq!(&efna[..3], b"520", "EFNA 20");
    assert!(String::from_utf8_lossy(&efna).contains("not like this"));
    assert!(refusing.delivered().is_empty());

    let asking = house(&[
        ("request-turn", "true"),
        ("end-directory", "at/the/end"),
        ("end-file-name", "named"),
    ]);
    let server = asking.serve();
    let mut peer = Peer::session(server.address());
    peer.offer(&file);
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4Y", "EFPA that wants the turn");
    assert_eq!(asking.await_delivered(1), ["at/the/end/named"]);
}

#[test]
fn a_question_that_was_put_off_is_asked_again_with_the_same_facts() {
    let house = house(&[("answer", "later")]);
    let partner = "    session: {mode: receive-only}\n";
    house.configure(
        "  - address: 127.0.0.1:0\n",
        partner,
        &answering(&[("answer", "later")]),
    );
    let server = house.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDERS", vec![1; 2500]));
    server.await_log(&[
        "told of an end: received ORDERS completed records 0 octets 2500",
        "slow false asked 0",
    ]);
    // A second has gone by since SFID; the partner sends, since we take files only.
    server.await_log(&[
        "told of an end: received ORDERS completed records 0 octets 2500",
        "slow true asked 1",
        "mode send-only",
    ]);
}

const LISTENER: &str = "listeners:\n  - address: 127.0.0.1:0\n";

/// A station that calls a partner, with files to send and a policy that answers so.
fn caller(called: &Called, files: &[(&str, usize)], settings: &[(&str, &str)]) -> House {
    let house = House::caller(LISTENER, &called.address(), &answering(settings));
    house.write("terms.wasm", terms());
    for (name, octets) in files {
        let file = house.write(name, vec![1; *octets]);
        let file = file.to_str().unwrap();
        let queued = house.pointsman(&["send", file, "--to", "nordwerk", "--queue-only"]);
        let said = String::from_utf8_lossy(&queued.stderr).into_owned();
        assert!(queued.status.success(), "{said}");
    }
    house
}

#[test]
fn whom_we_call_hears_why_a_policy_refuses() {
    let called = Called::new();
    let house = caller(
        &called,
        &[("ORDERS", 1)],
        &[("refuse-connection", "closed today")],
    );
    let _server = house.serve();
    let esid = called.greet().hear();
    let esid = String::from_utf8_lossy(&esid).into_owned();
    assert!(
        esid.starts_with("F05") && esid.contains("closed today"),
        "{esid}"
    );
}

#[test]
fn a_policy_says_which_files_go_and_hears_of_their_receipts() {
    let called = Called::new();
    let settings = [("newest-first", "yes"), ("max-files", "1")];
    let house = caller(&called, &[("OLD", 1), ("NEW", 2)], &settings);
    let server = house.serve();
    let mut peer = called.greet();
    let sfid = take_file(&mut peer);
    assert_eq!(String::from_utf8_lossy(&sfid[1..27]).trim_end(), "NEW");
    assert_eq!(peer.hear(), b"R", "CD: one file is enough");
    server.await_log(&["told of an end: sent NEW completed records 0 octets 2 "]);
    peer.say(eerp(&sfid));
    assert_eq!(peer.hear(), b"P", "RTR");
    server.await_log(&["told of a response: ", "Delivered", "NEW", "known true"]);
}

#[test]
fn of_a_file_of_ours_that_broke_off_a_policy_hears_what_went() {
    let called = Called::new();
    let house = caller(&called, &[("BIG", 300_000)], &[]);
    let server = house.serve();
    let mut peer = called.greet();
    assert_eq!(peer.hear()[0], b'H', "SFID");
    peer.say(b"200000000000000000");
    assert_eq!(peer.hear()[0], b'D', "DATA");
    drop(peer);
    let told = server.await_log(&["told of an end: sent BIG aborted"]);
    let octets = told.split("octets ").nth(1).unwrap();
    let octets: u64 = octets.split(' ').next().unwrap().parse().unwrap();
    // Seven buffers are what there was credit for.
    assert!((1..=7 * 4096).contains(&octets), "{told}");
}
