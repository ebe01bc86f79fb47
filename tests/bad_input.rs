//! What is wrong gets its exact answer, and loses nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::{Read, Write};

use support::peer::{Peer, Ssid, VirtualFile, data_buffers, efid};
use support::{Server, Setup};

/// Says these buffers in a fresh session and hears the ESID.
fn esid_after(server: &Server, buffers: &[&[u8]]) -> String {
    let mut peer = Peer::session(server.address());
    buffers.iter().for_each(|buffer| peer.say(buffer));
    peer.hear_esid()
}

/// What is written as it is in a fresh session; hears the ESID.
fn esid_after_raw(server: &Server, octets: &[u8]) -> String {
    let mut peer = Peer::session(server.address());
    peer.wire.write_all(octets).unwrap();
    peer.hear_esid()
}

#[test]
fn a_caller_that_is_not_who_it_should_be() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let said = |ssid: Ssid| {
        let mut peer = Peer::connect(server.address());
        peer.say(ssid.octets());
        let reason = peer.hear_esid();
        assert_eq!(
            peer.try_hear(),
            None,
            "and nothing of ours is said, least of all our password"
        );
        reason
    };
    assert_eq!(
        said(Ssid {
            code: "O0013NOBODY".to_owned(),
            ..Ssid::default()
        }),
        "03"
    );
    assert_eq!(
        said(Ssid {
            password: "WRONG".to_owned(),
            ..Ssid::default()
        }),
        "04"
    );
    assert_eq!(
        said(Ssid {
            password: String::new(),
            ..Ssid::default()
        }),
        "04"
    );
    server.await_log(&["connection-refused", "O0013NOBODY", "ESID 03"]);
}

#[test]
fn commands_that_are_none_or_come_at_the_wrong_time() {
    let setup = Setup::plain("");
    let server = setup.serve();
    assert_eq!(esid_after(&server, &[b"?"]), "01", "unknown command");
    assert_eq!(esid_after(&server, &[b"\xff\xff"]), "01");
    assert_eq!(esid_after(&server, &[b"4N"]), "02", "EFPA to nobody");
    assert_eq!(esid_after(&server, &[b"P"]), "02", "RTR to nobody");
    assert_eq!(
        esid_after(&server, &[b"D\x81x"]),
        "02",
        "DATA without a file"
    );
    assert_eq!(
        esid_after(&server, &[&efid(0)]),
        "02",
        "EFID without a file"
    );
    let mut peer = Peer::session(server.address());
    peer.say(Ssid::default().octets());
    assert_eq!(
        peer.try_hear(),
        None,
        "SSID twice drops the connection without a word (RFC 5024, 9.8, F)"
    );
    let mut peer = Peer::connect(server.address());
    peer.say(VirtualFile::new("EARLY", "x").sfid());
    assert_eq!(peer.hear_esid(), "02", "SFID before SSID");
}

#[test]
fn fields_with_nonsense_and_lengths_that_lie() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let sfid = VirtualFile::new("GOOD", "x").sfid();
    // Each is that file's alone: the next one may be good.
    let mut peer = Peer::session(server.address());
    for (at, octet, answer, what) in [
        (30, b'x', "301N", "date"),
        (106, b'Q', "304N", "format"),
        (125, b'-', "399N", "size"),
        (161, b'7', "399N", "sign"),
        (3, 0, "301N", "NUL in the name"),
    ] {
        let mut bad = sfid.clone();
        bad[at] = octet;
        peer.say(&bad);
        let said = peer.hear();
        assert!(
            said.starts_with(answer.as_bytes()),
            "{what}: {}",
            said.escape_ascii()
        );
    }
    peer.send(&VirtualFile::new("GOOD", "x"));
    assert_eq!(
        esid_after(&server, &[&sfid[..100]]),
        "07",
        "a command cut short"
    );
    assert_eq!(
        esid_after(&server, &[&[&sfid[..], b"more"].concat()]),
        "07",
        "a command with something behind it"
    );
    assert_eq!(
        esid_after_raw(&server, &[0x10, 0, 0, 3]),
        "07",
        "a length below its own header"
    );
    assert_eq!(
        esid_after_raw(&server, &[0x10, 0xff, 0xff, 0xff, b'H']),
        "07",
        "16 MiB announced"
    );
    let mut peer = Peer::session(server.address());
    peer.offer(&VirtualFile::new("OVERRUN", "x"));
    peer.say([b"D".as_slice(), &[63], b"only a few"].concat());
    assert_eq!(
        peer.hear_esid(),
        "06",
        "a subrecord that goes beyond its buffer"
    );
}

#[test]
fn counts_that_are_not_those_of_the_file() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let file = VirtualFile::new("COUNTED", "four");
    let mut peer = Peer::session(server.address());
    peer.offer(&file);
    peer.say(&data_buffers(&file.content)[0]);
    peer.say(efid(5));
    let efna = peer.hear();
    assert_eq!(&efna[..3], b"511", "EFNA 11, invalid byte count");
    assert!(
        efna.ends_with(b"EFID says 5 and 0"),
        "{}",
        String::from_utf8_lossy(&efna)
    );
    peer.send(&file);
    assert_eq!(
        setup.await_delivered(1).len(),
        1,
        "and the same file, told right, is taken"
    );
}

#[test]
fn something_that_is_not_oftp() {
    let setup = Setup::plain("");
    let server = setup.serve();
    for (hello, name) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
    ] {
        let mut peer = Peer::connect(server.address());
        peer.wire.write_all(hello).unwrap();
        let mut rest = Vec::new();
        peer.wire.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "nothing is said to it");
        server.await_log(&["session-ended", name]);
    }
    assert!(
        setup.pointsman(&["status"]).status.success(),
        "and the server keeps running"
    );
}

#[test]
fn names_that_want_out_of_the_folder() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let names = [
        "../../../etc/x",
        "/etc/passwd",
        "..",
        ".",
        ".ssh/authorized_keys",
        "A/B/../../../C",
        "NUL",
        "-rf",
    ];
    for name in names {
        peer.send(&VirtualFile::new(name, name));
    }
    let delivered = setup.await_delivered(names.len());
    assert!(
        delivered
            .iter()
            .all(|path| path.starts_with("mueller/") && path.matches('/').count() == 1),
        "{delivered:?}"
    );
    let beside: Vec<_> = std::fs::read_dir(setup.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(
        beside.len(),
        3,
        "configuration, state and inbox: {beside:?}"
    );
    let receipts = peer.take_receipts();
    assert_eq!(
        String::from_utf8_lossy(&receipts[0][1..27]).trim_end(),
        names[0],
        "the receipt has the name as it was sent"
    );
}

#[test]
fn files_of_or_for_somebody_else() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let forged = VirtualFile {
        originator: "O0013SOMEBODY".to_owned(),
        ..VirtualFile::new("FORGED", "x")
    };
    assert_eq!(&peer.offer(&forged)[..4], b"303N", "SFNA 03");
    let astray = VirtualFile {
        destination: "O0013SOMEBODY".to_owned(),
        ..VirtualFile::new("ASTRAY", "x")
    };
    assert_eq!(&peer.offer(&astray)[..4], b"302N", "SFNA 02");
    peer.send(&VirtualFile::new("GOOD", "x"));
}
