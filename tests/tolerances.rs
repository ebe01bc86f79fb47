//! What partners get wrong is forgiven, or not, by the switches of the configuration. What each switch does to the
//! protocol is tested in `crates/oftp/tests/tolerances`; here that the configuration reaches it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use support::Setup;
use support::peer::{Called, Peer, Ssid, VirtualFile, data_buffers, eerp, efid, take_file};

const PLAIN: &str = "  - address: 127.0.0.1:0\n";

/// A file whose EFID says one octet more than there is; gives the answer.
fn with_wrong_counts(setup: &Setup) -> Vec<u8> {
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("COUNTS", "twelve octets");
    assert_eq!(peer.offer(&file), b"200000000000000000");
    data_buffers(&file.content)
        .into_iter()
        .for_each(|buffer| peer.say(buffer));
    peer.say(efid(file.content.len() + 1));
    let answer = peer.hear();
    if answer == b"4N" {
        server.await_log(&["tolerated", "wrong_counts"]);
        setup.await_delivered(1);
    }
    answer
}

#[test]
fn wrong_totals_are_refused_unless_the_profile_forgives_them() {
    let setup = Setup::plain("");
    assert_eq!(&with_wrong_counts(&setup)[..3], b"511", "EFNA 11");
    let setup = Setup::with_listeners(PLAIN, "    tolerances: {wrong_counts: true}\n", "");
    assert_eq!(with_wrong_counts(&setup), b"4N");
}

#[test]
fn a_callers_ssid_is_read_by_what_the_station_says() {
    let ssid_without_its_end = Ssid::default().octets()[..60].to_vec();
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(&ssid_without_its_end);
    assert_eq!(peer.hear()[0], b'X', "forgiven where nothing is said");
    server.await_log(&["tolerated", "line_ends"]);

    let setup = Setup::plain("");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let strict = text.replace("storage:", "  tolerances: {line_ends: false}\nstorage:");
    std::fs::write(setup.config(), strict).unwrap();
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(&ssid_without_its_end);
    assert_eq!(peer.hear_esid(), "06");
}

#[test]
fn a_name_that_is_no_tolerance_is_refused_with_those_there_are() {
    let setup = Setup::with_listeners(PLAIN, "    tolerances: {lineends: true}\n", "");
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success(), "{said}");
    assert!(
        said.contains("`lineends` is not a tolerance; there are line_ends, "),
        "{said}"
    );
}

/// The partner takes a file and answers with an EERP whose stations are not swapped; gives the row of the file.
fn acknowledged_without_swapping(more: &str) -> (String, String) {
    let partner = Called::new();
    let listener = "listeners:\n  - address: 127.0.0.1:0\n";
    let setup = Setup::caller(listener, &partner.address(), more);
    let server = setup.serve();
    setup.queue("ORDER", "order", "nordwerk");
    let mut peer = partner.greet();
    let sfid = take_file(&mut peer);
    assert_eq!(peer.hear(), b"R", "CD");
    let swapped = eerp(&sfid);
    let (head, to, from) = (&swapped[..56], &swapped[56..81], &swapped[81..106]);
    peer.say([head, from, to, b"\0\0\0\0"].concat());
    assert_eq!(peer.hear(), b"P", "RTR whatever it says");
    peer.say(b"R");
    assert_eq!(peer.hear_esid(), "00");
    server.await_log(&["session-ended"]);
    (setup.transfers()[0].clone(), server.log())
}

#[test]
fn a_receipt_whose_stations_are_not_swapped_is_taken_unless_the_profile_is_strict() {
    let (row, log) = acknowledged_without_swapping("");
    assert!(row.contains("acknowledged"), "{row}");
    assert!(
        log.contains(
            "originator and destination of the response are not swapped (unswapped_responses)"
        ),
        "{log}"
    );

    let (row, log) =
        acknowledged_without_swapping("    tolerances: {unswapped_responses: false}\n");
    assert!(row.contains(" sent "), "{row}");
    assert!(log.contains("no file of ours has that name"), "{log}");
}
