//! What partners' software does in practice: names, cases, receipts, record formats.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::time::{Duration, Instant};

use support::guests::misbehaving;
use support::peer::{Called, Peer, Ssid, VirtualFile, eerp, release, take_file};
use support::{OURS, Setup, THEIRS, THEM, US};

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
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("SIGN.ME", "octets");
    peer.say(sfid_with(&file, SFIDSIGN, b"Y"));
    let answer = String::from_utf8(peer.hear()).unwrap();
    assert!(
        answer.starts_with("319N"),
        "SFNA 19, not to be tried again, not {answer}"
    );
    assert!(
        answer.contains("no valid key is there to sign it"),
        "{answer}"
    );
    peer.send(&file);
    // Merely enveloped, as certificates are (RFC 5024, 10.4): it is delivered as it is.
    let enveloped = VirtualFile::new("ENVELOPED", "certificates");
    peer.say(sfid_with(&enveloped, SFIDENV, b"1"));
    assert_eq!(peer.hear()[0], b'2', "SFPA");
    peer.send_content(&enveloped);
    assert_eq!(peer.hear(), b"4N", "EFPA");
    assert_eq!(
        peer.take_receipts().len(),
        2,
        "the file itself is fine without"
    );
    let delivered = setup.await_delivered(2);
    let path = setup.inbox().join(&delivered[0]);
    assert_eq!(std::fs::read(path).unwrap(), b"certificates");
}

#[test]
fn a_receipt_without_a_signature_is_given_where_the_profile_says_so_and_the_log_tells() {
    let setup = Setup::with_listeners(PLAIN, "    unsigned_receipts: true\n", "");
    let server = setup.serve();
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
fn sender() -> (Setup, Called) {
    let called = Called::new();
    let setup = Setup::sender(&called.address(), "");
    (setup, called)
}

/// What `pointsman send` says where it does not send.
fn refused(setup: &Setup, file: &str, how: &[&str]) -> String {
    let path = setup.path().join(file);
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
    let sent = setup.pointsman(&args);
    assert!(!sent.status.success(), "{file} is not queued");
    assert_eq!(setup.transfers().len(), 0, "{file} is not in the ledger");
    String::from_utf8(sent.stderr).unwrap()
}

#[test]
fn lines_of_another_system_do_not_become_one_record() {
    let (setup, _called) = sender();
    setup.write("UNIX", "first\nsecond\nthird\n");
    setup.write("MIXED", "first\r\nsecond\nthird\r\n");
    setup.write("EXACT", "four\r\na\nbc\r\n");
    let (v, f) = (["--format", "V"], ["--format", "F", "--record-length", "4"]);
    let said = refused(&setup, "UNIX", &v);
    assert!(said.contains("record 1 has a line feed in it"), "{said}");
    assert!(said.contains("lines must end in CR LF"), "{said}");
    let said = refused(&setup, "MIXED", &v);
    assert!(said.contains("record 2 has a line feed in it"), "{said}");
    let said = refused(&setup, "EXACT", &[&f[..], &["--records", "lines"]].concat());
    assert!(said.contains("record 2 has a line feed in it"), "{said}");
    let said = refused(&setup, "MIXED", &["--format", "T"]);
    assert!(said.contains("line 2 ends in LF alone"), "{said}");
    assert!(said.contains("format U"), "{said}");
}

#[test]
fn line_feeds_in_records_that_are_no_lines_are_octets_like_others() {
    let (setup, _called) = sender();
    setup.write("RECORDS", "\0\x03a\nb\0\x01\n");
    setup.write("TEXT", "first\r\n\r\nlast");
    for (name, how) in [
        ("RECORDS", ["--format", "V", "--records", "length-prefixed"]),
        ("TEXT", ["--format", "T", "--priority", "5"]),
    ] {
        let path = setup.path().join(name);
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
        let sent = setup.pointsman(&args.concat());
        assert!(
            sent.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&sent.stderr)
        );
    }
}

#[test]
fn a_policy_that_holds_files_back_holds_back_the_one_an_operator_sends() {
    let (setup, called) = sender();
    let hold = |how: &str| {
        let policy = format!(
            "policies:\n  turns:\n    component: turns.wasm\n    hooks: [ready-to-send]\n    limits: {{time: 4s}}\n    settings:\n      misbehave: {how}\n"
        );
        let text = std::fs::read_to_string(setup.config()).unwrap();
        let own = text.split("policies:").next().unwrap().to_owned();
        std::fs::write(setup.config(), own + &policy).unwrap();
    };
    setup.write("turns.wasm", misbehaving());
    let file = setup.write("ORDERS", "octets");
    hold("hold");
    let args = ["send", file.to_str().unwrap(), "--to", "nordwerk"];
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&args));
        let mut peer = called.greet();
        assert_eq!(peer.hear(), b"R", "CD: no file is offered");
        peer.say(b"F00000\r");
        let sent = sending.join().unwrap();
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        assert!(said.contains("not on Sundays"), "{said}");
        assert!(!sent.status.success());
    });
    assert!(
        setup.transfers()[0].contains(" ready "),
        "{:?}",
        setup.transfers()
    );
    // One that names files, and another one than that.
    hold("oldest");
    let only = setup.write("OTHER", "octets");
    let args = ["send", only.to_str().unwrap(), "--to", "nordwerk"];
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&args));
        let mut peer = called.greet();
        assert_eq!(
            peer.hear(),
            b"R",
            "CD: ORDERS was named, and OTHER is meant"
        );
        peer.say(b"F00000\r");
        let sent = sending.join().unwrap();
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        let words = "without the file that was to be sent";
        assert!(said.contains(words), "{said}");
        assert!(!sent.status.success());
    });
    // One that names it, beside others.
    hold("newest");
    let only = setup.write("NEWEST", "octets");
    let args = ["send", only.to_str().unwrap(), "--to", "nordwerk"];
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&args));
        let mut peer = called.greet();
        let sfid = take_file(&mut peer);
        assert!(sfid.starts_with(b"HNEWEST "), "the one that is meant");
        release(&mut peer);
        sending.join().unwrap();
    });
    let rows = setup.transfers();
    for name in ["ORDERS", "OTHER"] {
        let waits = |row: &&String| row.contains(name) && row.contains(" ready ");
        assert_eq!(rows.iter().filter(waits).count(), 1, "{name}: {rows:?}");
    }
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
        let setup = Setup::with_listeners(
            PLAIN,
            &format!("    sfids: [{THEM}, {BEHIND}]\n"),
            &format!(
                "policies:\n  replace:\n    component: replace.wasm\n    hooks: [accept-file]\n{delivery}"
            ),
        );
        setup.write("replace.wasm", misbehaving());
        let server = setup.serve();
        for name in ["OVERWRITE", "OVER WRITE"] {
            for (originator, content) in [(THEM, "older"), (BEHIND, "newer")] {
                let mut peer = Peer::session(server.address());
                let mut file = VirtualFile::new(name, content);
                file.originator = originator.to_owned();
                peer.send(&file);
                assert_eq!(peer.take_receipts().len(), 1, "{name} is in its folder");
            }
        }
        let delivered = setup.delivered();
        assert_eq!(delivered.len(), 3, "{delivered:?}");
        let read = |name: &str| std::fs::read_to_string(setup.inbox().join("mueller").join(name));
        assert_eq!(read(replaced).unwrap(), "newer");
        // Another name may have become this one: it replaces nothing.
        assert_eq!(read(numbered).unwrap(), "newer", "{delivered:?}");
    }
}

/// Where the texts of SSID and SFID stand (RFC 5024, 5.3.2 and 5.3.3).
const SSID_TEXTS: [(usize, usize); 3] = [(2, 27), (27, 35), (52, 60)];
const SFID_TEXTS: [(usize, usize); 4] = [(1, 27), (48, 56), (56, 81), (81, 106)];

/// The command with NUL octets for blanks around its texts.
fn padded_with_nul(mut command: Vec<u8>, texts: &[(usize, usize)]) -> Vec<u8> {
    for (from, to) in texts {
        let text = command[*from..*to].trim_ascii_end().len();
        command[from + text..*to].fill(0);
    }
    command
}

#[test]
fn a_file_whose_name_is_in_another_alphabet_is_refused_and_the_next_one_comes() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("LIEFER-MULLER", "octets");
    peer.say(sfid_with(&file, 9, &[0xDC]));
    let answer = String::from_utf8(peer.hear()).unwrap();
    assert!(answer.starts_with("301N"), "SFNA 01, not {answer}");
    assert!(answer.contains("SFIDDSN"), "{answer}");
    peer.send(&VirtualFile::new("NEXT", "octets"));
    assert_eq!(peer.take_receipts().len(), 1);
    server.await_log(&["file-refused", "SFIDDSN"]);
}

#[test]
fn nul_octets_around_texts_are_blanks_unless_the_profile_is_strict() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(padded_with_nul(Ssid::default().octets(), &SSID_TEXTS));
    assert_eq!(peer.hear()[0], b'X', "SSID");
    let file = VirtualFile::new("NULS", "octets");
    peer.say(padded_with_nul(file.sfid(), &SFID_TEXTS));
    assert_eq!(peer.hear(), b"200000000000000000", "SFPA");
    peer.send_content(&file);
    assert_eq!(peer.hear(), b"4N");
    assert_eq!(
        setup.await_delivered(1),
        ["mueller/NULS.202611220815300001"]
    );
    server.await_log(&["tolerated", "SFIDDSN", "nul_padding"]);

    let strict = Setup::with_listeners(PLAIN, "    tolerances: {nul_padding: false}\n", "");
    let server = strict.serve();
    let mut peer = Peer::session(server.address());
    peer.say(padded_with_nul(file.sfid(), &SFID_TEXTS));
    assert!(peer.hear().starts_with(b"301N"), "SFNA");
}

#[test]
fn odette_ids_in_another_case_are_the_agreed_ones_unless_the_profile_is_strict() {
    let small = |code: &str| code.to_lowercase();
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    let ssid = Ssid {
        code: small(THEM),
        ..Ssid::default()
    };
    peer.say(ssid.octets());
    assert_eq!(peer.hear()[0], b'X', "SSID");
    let mut file = VirtualFile::new("SMALL", "octets");
    file.originator = small(THEM);
    file.destination = small(US);
    peer.send(&file);
    let receipts = peer.take_receipts();
    let text = String::from_utf8_lossy(&receipts[0]).into_owned();
    assert!(text.contains(&small(THEM)), "as the file had it: {text}");
    for field in ["SSIDCODE", "SFIDORIG", "SFIDDEST"] {
        server.await_log(&["tolerated", field, "odette_id_case"]);
    }

    let strict = Setup::with_listeners(PLAIN, "    tolerances: {odette_id_case: false}\n", "");
    let server = strict.serve();
    let mut peer = Peer::session(server.address());
    assert!(peer.offer(&file).starts_with(b"303N"), "SFNA 03");
    let mut peer = Peer::connect(server.address());
    peer.say(ssid.octets());
    assert_eq!(peer.hear_esid(), "03");
}

#[test]
fn a_count_of_records_in_a_file_without_records_is_told_and_harms_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("COUNTED", "octets");
    peer.offer(&file);
    peer.send_data(&file);
    peer.say(format!("T{:017}{:017}", 7, file.content.len()));
    assert_eq!(peer.hear(), b"4N");
    server.await_log(&["tolerated", "EFIDRCNT: 7 records", "stream_record_counts"]);
}

#[test]
fn the_last_line_of_a_text_gets_its_end_where_lines_do() {
    let setup = Setup::with_listeners(PLAIN, "    text_line_ends: true\n", "");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("TEXT", "firstlast");
    let mut sfid = file.sfid();
    sfid[106] = b'T';
    peer.say(sfid);
    assert_eq!(peer.hear(), b"200000000000000000");
    // Two lines, and only the first one is ended as a record.
    peer.say(b"D\x85first\x04last");
    peer.say(format!("T{:017}{:017}", 0, 9));
    assert_eq!(peer.hear(), b"4N");
    let delivered = setup.await_delivered(1);
    let text = std::fs::read_to_string(setup.inbox().join(&delivered[0])).unwrap();
    assert_eq!(text, "first\r\nlast\r\n");
}

/// What a partner that answers our file with its EERP changed so leaves of the file; and the log.
fn answered(more: &str, change: fn(&mut [u8])) -> (String, String) {
    let partner = Called::new();
    let setup = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        &partner.address(),
        more,
    );
    let server = setup.serve();
    setup.queue("ORDER", "order", "nordwerk");
    let mut peer = partner.greet();
    let sfid = take_file(&mut peer);
    assert_eq!(peer.hear(), b"R", "CD");
    let mut receipt = eerp(&sfid);
    change(&mut receipt);
    peer.say(receipt);
    assert_eq!(peer.hear(), b"P", "RTR whatever it says");
    peer.say(b"R");
    assert_eq!(peer.hear_esid(), "00");
    server.await_log(&["session-ended"]);
    (setup.transfers().remove(0), server.log())
}

#[test]
fn a_receipt_that_writes_names_in_another_case_is_of_the_only_file_it_fits() {
    let small_names: fn(&mut [u8]) = |eerp| eerp[1..27].make_ascii_lowercase();
    let small_stations: fn(&mut [u8]) = |eerp| eerp[56..106].make_ascii_lowercase();
    let unswapped: fn(&mut [u8]) = |eerp| {
        eerp[56..106].rotate_left(25);
        eerp[56..106].make_ascii_lowercase();
    };
    for change in [small_names, small_stations, unswapped] {
        let (row, log) = answered("", change);
        assert!(row.contains("acknowledged"), "{row}");
        assert!(log.contains("(response_names)"), "{log}");
    }
    let strict = "    tolerances: {response_names: false}\n";
    let (row, log) = answered(strict, small_names);
    assert!(row.contains(" sent "), "{row}");
    assert!(log.contains("no file of ours has that name"), "{log}");
}

#[test]
fn a_quick_command_gets_its_receipt_into_the_same_session() {
    for command in ["[/bin/true]", "[/bin/sh, -c, 'sleep 0.5']"] {
        let setup = Setup::plain(&format!("delivery:\n  command: {command}\n"));
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        peer.send(&VirtualFile::new("FIRST", "octets"));
        peer.send(&VirtualFile::new("SECOND", "octets"));
        assert_eq!(peer.take_receipts().len(), 2, "{command}");
    }
}

#[test]
fn a_slow_command_keeps_a_session_no_longer_than_the_limit() {
    let command = "delivery:\n  command: [/bin/sh, -c, 'sleep 30']\n";
    let setup = Setup::plain(&format!("{command}limits:\n  receipt_wait: 200ms\n"));
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("SLOW", "octets"));
    let began = Instant::now();
    assert_eq!(peer.take_receipts().len(), 0);
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(9),
        "{took:?}: the usual 10 s are not what was said"
    );
}

#[test]
fn no_password_is_one_that_must_be_blank() {
    let called = Called::new();
    let setup = Setup::with_listeners(PLAIN, "", "");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let without = |key: &str| {
        let address = format!("{key}    address: {}\n", called.address());
        let text = text.replace("    password: THEIRS\n", &address);
        std::fs::write(setup.config(), text).unwrap();
    };
    without("");
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success(), "{said}");
    assert!(said.contains("without_password: true"), "{said}");

    without("    without_password: true\n");
    let server = setup.serve();
    let ssid = |password: &str| Ssid {
        password: password.to_owned(),
        ..Ssid::default()
    };
    let mut peer = Peer::connect(server.address());
    peer.say(ssid("GUESS").octets());
    assert_eq!(peer.hear_esid(), "04");
    let mut peer = Peer::connect(server.address());
    peer.say(ssid("").octets());
    let answer = peer.hear();
    assert_eq!(answer[0], b'X', "SSID");
    assert_eq!(&answer[27..35], b"        ", "none of ours either");
}

/// What the partner that is called gets of `pointsman send FILE` with those options: the SFID, and the data.
fn sent(setup: &Setup, called: &Called, file: &str, how: &[&str]) -> (String, Vec<u8>) {
    let args = [&["send", file, "--to", "nordwerk"], how].concat();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&args));
        let mut peer = called.greet();
        let sfid = peer.hear();
        peer.say(b"200000000000000000");
        let mut data = Vec::new();
        loop {
            let heard = peer.hear();
            if heard[0] != b'D' {
                break;
            }
            data.extend_from_slice(&heard[1..]);
        }
        peer.say(b"4N");
        release(&mut peer);
        let sent = sending.join().unwrap();
        assert!(
            sent.status.success(),
            "{}",
            String::from_utf8_lossy(&sent.stderr)
        );
        (String::from_utf8(sfid).unwrap(), data)
    })
}

#[test]
fn short_lines_are_filled_to_records_where_that_is_asked_for() {
    let (setup, called) = sender();
    let file = setup.write("RECORDS", "0123\r\n\r\n0123456789\r\n01");
    let path = file.to_str().unwrap();
    let fixed = [
        "--format",
        "F",
        "--record-length",
        "10",
        "--records",
        "lines",
    ];
    let (_, data) = sent(&setup, &called, path, &[&fixed[..], &["--pad"]].concat());
    let records: Vec<u8> = ["0123      ", "          ", "0123456789", "01        "]
        .iter()
        .flat_map(|record| [b"\x8a", record.as_bytes()].concat())
        .collect();
    assert_eq!(data, records, "{}", data.escape_ascii());
    // Lines that are too long stay what they are: no records of that length.
    let long = setup.write("LONG", "0123456789a\r\n");
    let args = [
        &["send", long.to_str().unwrap(), "--to", "nordwerk", "--pad"],
        &fixed[..],
    ];
    let said = setup.pointsman(&args.concat());
    assert!(String::from_utf8_lossy(&said.stderr).contains("record 1 has 11 octets"));
    let args = ["send", path, "--to", "nordwerk", "--pad"];
    let said = setup.pointsman(&args);
    assert!(String::from_utf8_lossy(&said.stderr).contains("only lines are padded"));
}

#[test]
fn a_file_can_be_for_another_station_behind_the_partner() {
    const BEHIND: &str = "O0013000001BEHIND";
    let called = Called::new();
    let more = format!("    sfids: [{US}, {BEHIND}]\n");
    let setup = Setup::sender(&called.address(), &more);
    let file = setup.write("ORDER", "octets");
    let path = file.to_str().unwrap();
    let how = [
        "--destination",
        BEHIND,
        "--user-data",
        "AGREED",
        "--stamp",
        "2026-11-22T08:15:30",
        "--description",
        "An order",
    ];
    let (sfid, _) = sent(&setup, &called, path, &how);
    assert_eq!(sfid[30..48], *"202611220815300001");
    assert_eq!(sfid[48..56], *"AGREED  ");
    assert_eq!(sfid[56..81], *format!("{BEHIND:25}"));
    assert_eq!(sfid[81..106], *format!("{THEM:25}"));
    assert_eq!(sfid[162..], *"008An order", "SFIDDESC");
    // The same second once more is told apart by its counter.
    let (sfid, _) = sent(
        &setup,
        &called,
        path,
        &["--stamp", "2026-11-22T08:15:30", "--destination", BEHIND],
    );
    assert_eq!(sfid[30..48], *"202611220815300002");
    for (option, code) in [("--destination", "O0013STRANGER"), ("--originator", US)] {
        let refused = setup.pointsman(&["send", path, "--to", "nordwerk", option, code]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{option}: {said}");
        assert!(
            said.contains(code) && said.contains("is no station"),
            "{said}"
        );
    }
}

#[test]
fn a_watched_folder_can_be_of_another_station_behind_the_partner() {
    const BEHIND: &str = "O0013000001BEHIND";
    let called = Called::new();
    let watch = |keys: &str| {
        format!(
            "    sfids: [{US}, {BEHIND}]\n    watch:\n      - folder: out\n        quiet: 100ms\n{keys}"
        )
    };
    let listener = "listeners:\n  - address: 127.0.0.1:0\n";
    let keys = format!(
        "        destination: {BEHIND}\n        user_data: AGREED\n        format: F\n        record_length: 4\n        records: lines\n        pad: true\n"
    );
    let setup = Setup::caller(listener, &called.address(), &watch(&keys));
    let _server = setup.serve();
    setup.write("out/ORDER", "ab\r\n");
    let mut peer = called.greet();
    let sfid = String::from_utf8(peer.hear()).unwrap();
    assert_eq!(sfid[48..81], *format!("AGREED  {BEHIND:25}"));
    peer.say(b"200000000000000000");
    assert_eq!(peer.hear(), b"D\x84ab  ");
    for (wrong, said) in [
        ("        destination: O0013STRANGER\n", "is no station"),
        ("        pad: true\n", "only lines are padded"),
    ] {
        let setup = Setup::caller(listener, &called.address(), &watch(wrong));
        let checked = setup.pointsman(&["check"]);
        let text = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(text.contains(said), "{text}");
    }
}

/// What `transfers show` says of the newest transfer.
fn shown(setup: &Setup) -> String {
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    let shown = setup.pointsman(&["transfers", "show", id]);
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

#[test]
fn labels_of_a_file_stay_with_it_and_are_no_more_than_policies_may_be_told() {
    let (setup, _called) = sender();
    let file = setup.write("ORDER", "octets");
    let path = file.to_str().unwrap();
    let queue = |labels: &[&str]| {
        let mut args = vec!["send", path, "--to", "nordwerk", "--queue-only"];
        args.extend(labels.iter().flat_map(|label| ["--label", label]));
        let said = setup.pointsman(&args);
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        (said.status.success(), error)
    };
    assert!(queue(&["department=sales", "urgent", "note=a=b"]).0);
    let told = "department=sales, urgent, note=a=b";
    assert!(shown(&setup).contains(told), "{}", shown(&setup));
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    for order in ["cancel", "resend"] {
        assert!(setup.pointsman(&["queue", order, id]).status.success());
    }
    assert_eq!(setup.transfers().len(), 2);
    assert!(
        shown(&setup).contains(told),
        "what is sent again keeps them"
    );
    assert!(setup.pointsman(&["store", "rebuild"]).status.success());
    assert!(shown(&setup).contains(told), "so does a rebuilt ledger");

    let long = "x".repeat(257);
    for (wrong, why) in [
        ("=sales", "it has no name"),
        (long.as_str(), "at most 256 octets"),
        ("a=b\tc", "control characters"),
    ] {
        let (queued, said) = queue(&[wrong]);
        assert!(!queued && said.contains(why), "{said}");
    }
    let (queued, said) = queue(&["x"; 65]);
    assert!(!queued && said.contains("65 labels, 64 are"), "{said}");
    assert_eq!(setup.transfers().len(), 2, "nothing of it was queued");
}

#[test]
fn files_of_a_watched_folder_have_the_labels_of_their_folder() {
    let watch = |labels: &str| {
        format!("    watch:\n      - folder: out\n        quiet: 100ms\n        labels: {labels}\n")
    };
    let (setup, called) = sender();
    let listener = "listeners:\n  - address: 127.0.0.1:0\n";
    let watching = Setup::caller(
        listener,
        &called.address(),
        &watch("[department=sales, urgent]"),
    );
    let server = watching.serve();
    watching.write("out/ORDER", "octets");
    server.await_log(&["file-queued", "ORDER"]);
    let told = shown(&watching);
    assert!(told.contains("department=sales, urgent"), "{told}");
    let many = format!("[{}]", vec!["x"; 65].join(", "));
    for (labels, why) in [
        ("['=sales']", "it has no name"),
        (many.as_str(), "65 labels, 64 are the most"),
    ] {
        setup.configure(PLAIN, &watch(labels), "");
        let said = setup.pointsman(&["check"]);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn names_outside_the_set_are_refused_mapped_or_sent_as_they_are() {
    let names = ["orders.edi", "ORDER_1", "ORDER 1", "B\u{dc}RO"];
    let (setup, _called) = sender();
    for name in names {
        setup.write(name, "octets");
        let said = refused(&setup, name, &[]);
        assert!(
            said.contains("RFC 5024, 5.3") && said.contains("--as"),
            "{said}"
        );
        assert!(said.contains("partners.nordwerk.names"), "{said}");
        assert!(
            said.contains(&format!("`{name}` cannot be a data set name")),
            "{said}"
        );
    }
    // The name as it is, and the nearest that can be sent.
    let said = refused(&setup, "B\u{dc}RO", &[]);
    assert!(
        said.contains("`B\u{dc}RO`") && said.contains("such as B-RO,"),
        "{said}"
    );
    // No name is advised that cannot be sent either.
    setup.write("orders of november 2026.edi", "octets");
    let said = refused(&setup, "orders of november 2026.edi", &[]);
    assert!(
        said.contains("at most 26 fit") && !said.contains("such as"),
        "{said}"
    );
    let taken = "A-Z/0-9.&(1)";
    for name in [taken, "ODETTE_CERTIFICATE_REQUEST"] {
        let path = setup.path().join("orders.edi");
        let sent = setup.pointsman(&[
            "send",
            path.to_str().unwrap(),
            "--to",
            "nordwerk",
            "--queue-only",
            "--as",
            name,
        ]);
        assert!(sent.status.success(), "{name}");
    }
    for (how, expected) in [
        ("mapped", ["ORDERS.EDI", "ORDER-1", "ORDER-1"]),
        ("as-is", ["orders.edi", "ORDER_1", "ORDER 1"]),
    ] {
        let called = Called::new();
        let setup = Setup::sender(&called.address(), &format!("    names: {how}\n"));
        for (name, expected) in names.iter().zip(expected) {
            let file = setup.write(name, "octets");
            let (sfid, _) = sent(&setup, &called, file.to_str().unwrap(), &[]);
            assert_eq!(sfid[1..27].trim_end(), expected, "{how}");
        }
    }
}

#[test]
fn names_are_sent_as_they_are_with_every_character_that_the_wire_has() {
    let as_is = "    names: as-is\n";
    let called = Called::new();
    let setup = Setup::sender(&called.address(), as_is);
    setup.write("ORDERS", "octets");
    for (name, why) in [
        (" ORDERS", "begins with a blank"),
        ("B\u{dc}RO", "character 2 is not allowed"),
        ("OR\tDERS", "character 3 is not allowed"),
        ("A-NAME-OF-27-CHARACTERS-XYZ", "at most 26 fit"),
    ] {
        let said = refused(&setup, "ORDERS", &["--as", name]);
        assert!(said.contains(why), "{name:?}: {said}");
    }
    let printable: Vec<char> = ('!'..='~').collect();
    for characters in printable.chunks(24) {
        let name: String = ['A'].iter().chain(characters).chain(['Z'].iter()).collect();
        let file = setup.path().join("ORDERS");
        let (sfid, _) = sent(&setup, &called, file.to_str().unwrap(), &["--as", &name]);
        assert_eq!(sfid[1..27].trim_end(), name);
    }
    let file = setup.write("ORDERS #1 ~50% [new]", "octets");
    let (sfid, _) = sent(&setup, &called, file.to_str().unwrap(), &[]);
    assert_eq!(sfid[1..27].trim_end(), "ORDERS #1 ~50% [new]");
}

/// A partner of level 1.3 that is called; the caller is the speaker.
fn greet_at_13(called: &Called) -> Peer<std::net::TcpStream> {
    let mut peer = called.accept();
    peer.say(b"IODETTE FTP READY \r");
    assert_eq!(peer.hear()[0], b'X');
    peer.say(format!("X2{US:25}{OURS:8}04096BNYN007{:5}{:8}\r", "", ""));
    peer
}

#[test]
fn files_of_one_second_have_identities_of_their_own_at_a_level_without_a_counter() {
    let (setup, called) = sender();
    for content in ["one", "two", "three"] {
        let path = setup.write("ORDER", content);
        let stamp = ["--stamp", "2026-11-22T23:59:59", "--queue-only"];
        let args = [
            &["send", path.to_str().unwrap(), "--to", "nordwerk"],
            &stamp[..],
        ];
        assert!(setup.pointsman(&args.concat()).status.success());
    }
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| setup.pointsman(&["send", "--to", "nordwerk"]));
        let mut peer = greet_at_13(&called);
        let mut receipts = Vec::new();
        for _ in 0..3 {
            let sfid = peer.hear();
            peer.say(b"2000000000");
            while peer.hear()[0] == b'D' {}
            peer.say(b"4N");
            receipts.push(sfid);
        }
        let stamp = |sfid: &Vec<u8>| String::from_utf8_lossy(&sfid[36..48]).into_owned();
        let stamps: Vec<String> = receipts.iter().map(stamp).collect();
        assert_eq!(stamps, ["261122235959", "261123000000", "261123000001"]);
        assert_eq!(peer.hear(), b"R", "CD");
        for sfid in &receipts {
            let (name, stamp) = (&sfid[1..27], &sfid[36..48]);
            let (to, from) = (&sfid[56..81], &sfid[81..106]);
            peer.say([b"E", name, b"         ", stamp, b"        ", from, to].concat());
            assert_eq!(peer.hear(), b"P", "RTR");
        }
        peer.say(b"R");
        assert_eq!(peer.hear_esid(), "00");
        sending.join().unwrap();
    });
    let rows = setup.transfers();
    assert!(
        rows.iter().all(|row| row.contains("acknowledged")),
        "{rows:?}"
    );
    let audited = setup.pointsman(&["verify-store"]);
    assert!(
        audited.status.success(),
        "{}",
        String::from_utf8_lossy(&audited.stdout)
    );
}

#[test]
fn a_nerp_that_the_partners_level_does_not_have_is_closed_and_said() {
    let setup = Setup::plain("delivery:\n  command: [/bin/sh, -c, 'echo no good >&2; exit 65']\n");
    let server = setup.serve();
    let mut peer = Peer::connect(server.address());
    peer.say(format!(
        "X2{THEM:25}{THEIRS:8}04096BNYN007{:5}{:8}\r",
        "", ""
    ));
    assert_eq!(peer.hear()[0], b'X');
    let old = format!(
        "H{:26}{:9}261122081530{:8}{US:25}{THEM:25}U00000{:07}{:09}",
        "ORDER", "", "", 1, 0
    );
    peer.say(old);
    assert_eq!(peer.hear(), b"2000000000", "SFPA");
    peer.say(b"D\x83abc");
    peer.say(format!("T{:09}{:012}", 0, 3));
    assert_eq!(peer.hear(), b"4N");
    peer.say(b"R");
    let answer = peer.hear();
    assert!(
        matches!(answer[0], b'R' | b'F'),
        "{}",
        answer.escape_ascii()
    );
    server.await_log(&["receipt-not-sent", "its receipt is closed"]);
    let row = setup.transfers().remove(0);
    assert!(!row.contains("owed"), "nobody is called for it: {row}");
}
