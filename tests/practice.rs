//! What partners' software does in practice: names, cases, receipts, record formats.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use support::House;
use support::peer::{Peer, VirtualFile};

const PLAIN: &str = "  - address: 127.0.0.1:0\n";

/// The SFID of a file with other octets from `at` on.
fn sfid_with(file: &VirtualFile, at: usize, octets: &[u8]) -> Vec<u8> {
    let mut sfid = file.sfid();
    sfid[at..at + octets.len()].copy_from_slice(octets);
    sfid
}

/// Where SFIDENV and SFIDSIGN stand (RFC 5024, 5.3.3).
const SFIDENV: usize = 160;
const SFIDSIGN: usize = 161;

#[test]
fn a_file_that_asks_for_a_signed_receipt_is_refused() {
    let house = House::plain("");
    let server = house.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("SIGN.ME", "octets");
    peer.say(sfid_with(&file, SFIDSIGN, b"Y"));
    let answer = String::from_utf8(peer.hear()).unwrap();
    assert!(
        answer.starts_with("319N"),
        "SFNA 19, not to be tried again, not {answer}"
    );
    assert!(answer.contains("receipts are not signed"), "{answer}");
    peer.say(sfid_with(&file, SFIDENV, b"1"));
    let answer = String::from_utf8(peer.hear()).unwrap();
    assert!(answer.starts_with("399N"), "enveloped: {answer}");
    peer.send(&file);
    assert_eq!(
        peer.take_receipts().len(),
        1,
        "the file itself is fine without"
    );
}

#[test]
fn a_receipt_without_a_signature_is_given_where_the_profile_says_so_and_the_log_tells() {
    let house = House::with_listeners(PLAIN, "    unsigned_receipts: true\n", "");
    let server = house.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("SIGN.ME", "octets");
    peer.say(sfid_with(&file, SFIDSIGN, b"Y"));
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
    let receipts = peer.take_receipts();
    assert_eq!(
        &receipts[0][106..],
        [0, 0, 0, 0],
        "neither hash nor signature"
    );
    server.await_log(&["tolerated", "SIGN.ME", "without a signature"]);
}
