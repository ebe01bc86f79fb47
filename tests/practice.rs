//! What partners' software does in practice: names, cases, receipts, record formats.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use support::guests::misbehaving;
use support::peer::{Called, Peer, VirtualFile, release, take_file};
use support::{House, THEM};

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

/// A station that sends, and the partner it calls.
fn sender() -> (House, Called) {
    let called = Called::new();
    let house = House::sender(&called.address(), "");
    (house, called)
}

/// What `pointsman send` says where it does not send.
fn refused(house: &House, file: &str, how: &[&str]) -> String {
    let path = house.path().join(file);
    let args = [
        &[
            "send",
            path.to_str().unwrap(),
            "--to",
            "nordwerk",
            "--queue-only",
        ],
        how,
    ]
    .concat();
    let sent = house.pointsman(&args);
    assert!(!sent.status.success(), "{file} is not queued");
    assert_eq!(house.transfers().len(), 0, "{file} is not in the ledger");
    String::from_utf8(sent.stderr).unwrap()
}

#[test]
fn lines_of_another_system_do_not_become_one_record() {
    let (house, _called) = sender();
    house.write("UNIX", "first\nsecond\nthird\n");
    house.write("MIXED", "first\r\nsecond\nthird\r\n");
    house.write("EXACT", "four\r\na\nbc\r\n");
    let (v, f) = (["--format", "V"], ["--format", "F", "--record-length", "4"]);
    let said = refused(&house, "UNIX", &v);
    assert!(said.contains("record 1 has a line feed in it"), "{said}");
    assert!(said.contains("lines must end in CR LF"), "{said}");
    let said = refused(&house, "MIXED", &v);
    assert!(said.contains("record 2 has a line feed in it"), "{said}");
    let said = refused(&house, "EXACT", &[&f[..], &["--records", "lines"]].concat());
    assert!(said.contains("record 2 has a line feed in it"), "{said}");
    let said = refused(&house, "MIXED", &["--format", "T"]);
    assert!(said.contains("line 2 ends in LF alone"), "{said}");
    assert!(said.contains("format U"), "{said}");
}

#[test]
fn line_feeds_in_records_that_are_no_lines_are_octets_like_others() {
    let (house, _called) = sender();
    house.write("RECORDS", "\0\x03a\nb\0\x01\n");
    house.write("TEXT", "first\r\n\r\nlast");
    for (name, how) in [
        ("RECORDS", ["--format", "V", "--records", "length-prefixed"]),
        ("TEXT", ["--format", "T", "--priority", "5"]),
    ] {
        let path = house.path().join(name);
        let args = [
            &[
                "send",
                path.to_str().unwrap(),
                "--to",
                "nordwerk",
                "--queue-only",
            ],
            &how[..],
        ];
        let sent = house.pointsman(&args.concat());
        assert!(
            sent.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&sent.stderr)
        );
    }
}

#[test]
fn a_policy_that_holds_files_back_holds_back_the_one_an_operator_sends() {
    let (house, called) = sender();
    let hold = |how: &str| {
        let policy = format!(
            "policies:\n  turns:\n    component: turns.wasm\n    hooks: [ready-to-send]\n    settings:\n      misbehave: {how}\n"
        );
        let text = std::fs::read_to_string(house.config()).unwrap();
        let own = text.split("policies:").next().unwrap().to_owned();
        std::fs::write(house.config(), own + &policy).unwrap();
    };
    house.write("turns.wasm", misbehaving());
    let file = house.write("ORDERS", "octets");
    hold("hold");
    let args = ["send", file.to_str().unwrap(), "--to", "nordwerk"];
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| house.pointsman(&args));
        let mut peer = called.greet();
        assert_eq!(peer.hear(), b"R", "CD: no file is offered");
        peer.say(b"F00000\r");
        let sent = sending.join().unwrap();
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        assert!(said.contains("not on Sundays"), "{said}");
        assert!(!sent.status.success());
    });
    assert!(
        house.transfers()[0].contains(" ready "),
        "{:?}",
        house.transfers()
    );
    // A policy that names others: only the newest of what waits, and that is another file.
    hold("newest");
    let only = house.write("OTHER", "octets");
    let args = ["send", only.to_str().unwrap(), "--to", "nordwerk"];
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| house.pointsman(&args));
        let mut peer = called.greet();
        let sfid = take_file(&mut peer);
        assert!(
            sfid.starts_with(b"HOTHER "),
            "the newest is the one to send"
        );
        release(&mut peer);
        sending.join().unwrap();
    });
}

#[test]
fn a_policy_replaces_a_file_whoever_chose_its_name() {
    const BEHIND: &str = "O0013000007BEHIND";
    let usual = "";
    let template = "delivery:\n  name: '%VirtualFileName%.edi'\n";
    for (delivery, replaced, numbered) in [
        (
            usual,
            "OVERWRITE.202611220815300001",
            "OVER_WRITE-1.202611220815300001",
        ),
        (template, "OVERWRITE.edi", "OVER_WRITE-1.edi"),
    ] {
        let house = House::with_listeners(
            PLAIN,
            &format!("    sfids: [{THEM}, {BEHIND}]\n"),
            &format!(
                "policies:\n  replace:\n    component: replace.wasm\n    hooks: [accept-file]\n{delivery}"
            ),
        );
        house.write("replace.wasm", misbehaving());
        let server = house.serve();
        for name in ["OVERWRITE", "OVER WRITE"] {
            for (originator, content) in [(THEM, "older"), (BEHIND, "newer")] {
                let mut peer = Peer::session(server.address());
                let mut file = VirtualFile::new(name, content);
                file.originator = originator.to_owned();
                peer.send(&file);
                assert_eq!(peer.take_receipts().len(), 1, "{name} is in its folder");
            }
        }
        let delivered = house.delivered();
        assert_eq!(delivered.len(), 3, "{delivered:?}");
        let read = |name: &str| std::fs::read_to_string(house.inbox().join("mueller").join(name));
        assert_eq!(read(replaced).unwrap(), "newer");
        // Another name may have become this one: it replaces nothing.
        assert_eq!(read(numbered).unwrap(), "newer", "{delivered:?}");
    }
}
