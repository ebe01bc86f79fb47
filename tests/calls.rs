//! The server calls partners by itself: when something waits, now and again, and again after a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::net::TcpListener;
use std::path::PathBuf;

use support::peer::{Called, Peer, VirtualFile, eerp, release, take_file};
use support::{OURS, Server, Setup, THEM, US, octets};

const LISTENER: &str = "listeners:\n  - address: 127.0.0.1:0\n";

/// A station that calls that one, and soon again whatever went wrong.
fn caller_of(theirs: &Server) -> Setup {
    let wait = "{first: 100ms, most: 500ms}";
    Setup::caller(
        LISTENER,
        &theirs.address().to_string(),
        &format!("    retry: {{refused: {wait}, session: {wait}}}\n"),
    )
}

#[test]
fn what_cannot_be_read_now_is_sent_when_it_can() {
    let theirs = Setup::plain("");
    let their_server = theirs.serve();
    let ours = caller_of(&their_server);
    ours.queue("LOOP", octets(5, 3000), "nordwerk");
    let blob = outgoing(&ours);
    let aside = ours.path().join("aside");
    std::fs::rename(&blob, &aside).unwrap();
    // A link to itself: it is there, and cannot be opened.
    std::os::unix::fs::symlink(&blob, &blob).unwrap();
    let server = ours.serve();
    server.await_log(&["send-refused", "cannot be read now", "offered again"]);
    std::fs::remove_file(&blob).unwrap();
    std::fs::rename(&aside, &blob).unwrap();
    assert_eq!(theirs.await_delivered(1).len(), 1);
    server.await_log(&["receipt-received", "EERP"]);
}

/// The content of the only file to send, in the spool.
fn outgoing(setup: &Setup) -> PathBuf {
    let outgoing = std::fs::read_dir(setup.path().join("state/spool/outgoing")).unwrap();
    let mut paths = outgoing.map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_none()).unwrap()
}

fn one_bit_is_lost(content: &[u8]) -> Vec<u8> {
    let mut rotten = content.to_owned();
    rotten[1000] ^= 4;
    rotten
}

fn is_parked(setup: &Setup, name: &str) -> bool {
    let rows = setup.transfers();
    rows.iter()
        .any(|row| row.contains(name) && row.contains("parked"))
}

#[test]
fn what_rotted_in_the_spool_is_never_sent_as_good_and_waits_for_an_operator() {
    let theirs = Setup::plain("");
    let their_server = theirs.serve();
    let ours = caller_of(&their_server);
    let good = octets(5, 500_000);
    ours.queue("ROTTEN", &good, "nordwerk");
    let blob = outgoing(&ours);
    std::fs::write(&blob, one_bit_is_lost(&good)).unwrap();
    ours.queue("SOUND", octets(6, 3000), "nordwerk");
    let server = ours.serve();
    let id = blob.file_name().unwrap().to_str().unwrap();
    server.await_log(&["content-damaged", id]);
    let delivered = theirs.await_delivered(1);
    assert!(delivered[0].contains("SOUND"), "{delivered:?}");
    assert!(is_parked(&ours, "ROTTEN"));
    // What the partner has of the rotten one is not resumed.
    std::fs::write(&blob, &good).unwrap();
    let released = ours.pointsman(&["queue", "release", id]);
    assert!(released.status.success(), "{released:?}");
    let delivered = theirs.await_delivered(2);
    let mended = delivered.iter().find(|name| name.contains("ROTTEN"));
    let arrived = std::fs::read(theirs.inbox().join(mended.unwrap())).unwrap();
    assert!(arrived == good);
}

#[test]
fn what_rotted_in_the_spool_is_not_sent_as_good_when_it_is_resumed_behind_the_damage() {
    let partner = Called::new();
    let wait = "{first: 100ms, most: 100ms}";
    let ours = Setup::caller(
        LISTENER,
        &partner.address(),
        &format!("    retry: {{broken: {wait}, session: {wait}}}\n"),
    );
    // More than goes without credit.
    let good = octets(7, 60_000);
    ours.queue("BROKEN-OFF", &good, "nordwerk");
    let blob = outgoing(&ours);
    let server = ours.serve();
    let mut peer = partner.greet();
    assert_eq!(peer.hear()[0], b'H', "SFID");
    peer.say(b"200000000000000000");
    assert_eq!(peer.hear()[0], b'D', "DATA");
    std::fs::write(&blob, one_bit_is_lost(&good)).unwrap();
    drop(peer);

    let mut peer = partner.greet();
    let sfid = peer.hear();
    assert_eq!(&sfid[138..155], b"00000000000000058", "SFIDREST");
    peer.say(b"200000000000000058");
    let mut end = peer.hear();
    while end[0] == b'D' {
        end = peer.hear();
    }
    assert_eq!(end[0], b'F', "an ESID ends it, and no EFID");
    server.await_log(&["content-damaged", "BROKEN-OFF"]);
    assert!(is_parked(&ours, "BROKEN-OFF"));

    // A mended file goes from its start: nobody knows what the partner has of it.
    std::fs::write(&blob, &good).unwrap();
    let id = blob.file_name().unwrap().to_str().unwrap();
    let released = ours.pointsman(&["queue", "release", id]);
    assert!(released.status.success(), "{released:?}");
    let sfid = partner.greet().hear();
    assert_eq!(&sfid[138..155], b"00000000000000000", "SFIDREST");
}

#[test]
fn what_is_queued_is_sent_as_soon_as_the_partner_can_be_reached() {
    let theirs = Setup::plain("");
    let address = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    theirs.configure(&format!("  - address: {address}\n"), "", "");
    let ours = Setup::caller(
        LISTENER,
        &address,
        "    retry: {unreachable: {first: 200ms, most: 1s}}\n",
    );
    let server = ours.serve();
    ours.queue("WAITS", octets(3, 100_000), "nordwerk");
    server.await_log(&["call-failed", "nordwerk", "(2 in a row)", "no connection"]);

    let their_server = theirs.serve();
    assert_eq!(theirs.await_delivered(1).len(), 1);
    server.await_log(&["receipt-received", "EERP"]);
    let row = &ours.transfers()[0];
    assert!(row.contains("acknowledged"), "{row}");
    assert_eq!((server.stop(), their_server.stop()), (Some(0), Some(0)));
    assert_eq!(theirs.transfers().len(), 1, "it went once");
}

#[test]
fn a_partner_is_asked_now_and_again_for_what_it_has() {
    let partner = Called::new();
    let ours = Setup::caller(
        LISTENER,
        &partner.address(),
        "    calls: {queued: false, every: 1s}\n",
    );
    let server = ours.serve();
    let mut peer = partner.greet();
    assert_eq!(peer.hear(), b"R", "CD: it has nothing, and asks");
    peer.say(b"F00000\r");
    let mut peer = partner.greet();
    assert_eq!(peer.hear(), b"R");
    let file = VirtualFile {
        originator: US.to_owned(),
        destination: THEM.to_owned(),
        ..VirtualFile::new("FETCHED", "fetched")
    };
    peer.send(&file);
    assert_eq!(
        ours.await_delivered(1),
        ["nordwerk/FETCHED.202611220815300001"]
    );
    peer.say(b"R");
    assert_eq!(peer.hear()[0], b'E', "its receipt");
    peer.say(b"P");
    assert_eq!(peer.hear(), b"R");
    peer.say(b"F00000\r");
    server.await_log(&["receipt-given"]);
}

#[test]
fn a_receipt_that_does_not_come_in_time_is_overdue_and_still_taken() {
    let partner = Called::new();
    let ours = Setup::caller(LISTENER, &partner.address(), "    receipt_deadline: 1s\n");
    let server = ours.serve();
    ours.queue("LATE", b"late", "nordwerk");
    let mut peer = partner.greet();
    let sfid = take_file(&mut peer);
    release(&mut peer);
    server.await_log(&["receipt-overdue", "ask nordwerk for it"]);
    let row = &ours.transfers()[0];
    assert!(row.contains("overdue"), "{row}");

    let mut peer = Peer::connect(server.address());
    peer.say(format!("X5{US:25}{OURS:8}04096BNYN007N{:4}{:8}\r", "", ""));
    assert_eq!(peer.hear()[0], b'X');
    peer.say(eerp(&sfid));
    assert_eq!(peer.hear(), b"P", "RTR");
    let row = &ours.transfers()[0];
    assert!(row.contains("acknowledged"), "{row}");
}

#[test]
fn what_is_refused_for_now_is_offered_again_and_parked_in_the_end() {
    let partner = Called::new();
    let ours = Setup::caller(
        LISTENER,
        &partner.address(),
        "    retry: {refused: {first: 100ms, most: 100ms}, offers: 2}\n",
    );
    let server = ours.serve();
    ours.queue("FULL", b"no room", "nordwerk");
    for _ in 0..2 {
        let mut peer = partner.greet();
        assert_eq!(peer.hear()[0], b'H');
        peer.say(b"306Y000");
        release(&mut peer);
    }
    server.await_log(&[
        "send-refused",
        "SFNA 06",
        "it is parked",
        "refused 2 times",
        "retry.offers",
    ]);
    let row = &ours.transfers()[0];
    assert!(row.contains("parked"), "{row}");
}

#[test]
fn a_partner_is_called_at_its_hour_with_nothing_to_send_and_with_what_waits() {
    let (idle, busy) = (Called::new(), Called::new());
    // On a machine with much to do the first hour is over before the servers are there.
    let soon = [4, 15, 40].map(|seconds| {
        let date = std::process::Command::new("date")
            .args(["-d", &format!("+{seconds} seconds"), "+'%H:%M:%S'"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&date.stdout).trim().to_owned()
    });
    let calls = format!("    calls: {{queued: false, at: [{}]}}\n", soon.join(", "));
    let setups = [&idle, &busy].map(|called| Setup::caller(LISTENER, &called.address(), &calls));
    setups[1].queue("WAITS", b"for its hour", "nordwerk");
    let servers = [setups[0].serve(), setups[1].serve()];
    release(&mut idle.greet());
    let mut peer = busy.greet();
    assert!(take_file(&mut peer).starts_with(b"HWAITS "));
    release(&mut peer);
    assert_eq!(servers.map(Server::stop), [Some(0); 2]);
    let wrong = Setup::caller(LISTENER, "127.0.0.1:1", "    calls: {at: ['6 pm']}\n");
    let said = wrong.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("not a time of day"), "{said}");
}

/// A partner that looks for duplicates when it has a file once more: it got the first attempt, and its EFPA was lost.
#[test]
fn what_a_partner_has_of_an_earlier_attempt_it_has_whatever_it_says_to_the_next() {
    for refusal in ["513", "506"] {
        let partner = Called::new();
        let wait = "{first: 100ms, most: 100ms}";
        let ours = Setup::caller(
            LISTENER,
            &partner.address(),
            &format!("    retry: {{broken: {wait}, session: {wait}}}\n"),
        );
        let server = ours.serve();
        ours.queue("DOUBTED", b"doubted", "nordwerk");
        let mut peer = partner.greet();
        let sfid = peer.hear();
        peer.say(b"200000000000000000");
        while peer.hear()[0] == b'D' {}
        drop(peer);

        let mut peer = partner.greet();
        assert_eq!(peer.hear()[0], b'H', "SFID");
        peer.say(b"200000000000000000");
        while peer.hear()[0] == b'D' {}
        peer.say(format!("{refusal}000"));
        assert_eq!(peer.hear(), b"R", "CD");
        peer.say(eerp(&sfid));
        assert_eq!(peer.hear(), b"P", "RTR");
        server.await_log(&["receipt-received", "EERP"]);
        let row = &ours.transfers()[0];
        assert!(row.contains("acknowledged"), "{refusal}: {row}");
    }
}
