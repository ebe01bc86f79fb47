//! What becomes of files that are here: their names, the command that takes them, what is kept of refused ones;
//! and how much may come.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::guests::misbehaving;
use support::peer::{Called, Peer, VirtualFile, data_buffers, efid, take_file};
use support::{Server, Setup, THEIRS, THEM, US, eventually, octets};

/// The partner is allowed this, and the station says that.
fn setup(partner: &str, station: &str) -> Setup {
    Setup::with_listeners("  - address: 127.0.0.1:0\n", partner, station)
}

/// A shell script in the setup's folder.
fn script(setup: &Setup, name: &str, text: &str) {
    let path = setup.write(name, format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn show(setup: &Setup) -> String {
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap().to_owned();
    let shown = setup.pointsman(&["transfers", "show", &id]);
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

fn assert_store_is_clean(setup: &Setup) {
    let audited = setup.pointsman(&["verify-store"]);
    let said = String::from_utf8_lossy(&audited.stdout);
    assert!(audited.status.success(), "{said}");
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn files_are_called_as_the_template_says_the_partners_before_the_stations() {
    let station = "delivery:\n  name: '%Originator%_%VirtualFileName%'\n";
    let of_partner =
        "    delivery: {name: '%VirtualFileName%-%VirtualFileDate:yyyyMMdd.HHmm%.edi'}\n";
    for (partner, expected) in [
        ("", "mueller/O0013000007MUELLER_ORDERS"),
        (of_partner, "mueller/ORDERS-20261122.0815.edi"),
    ] {
        let setup = setup(partner, station);
        let server = setup.serve();
        Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "order"));
        assert_eq!(setup.await_delivered(1), [expected]);
    }
    let misspelt = setup("", "delivery:\n  name: '%VirtualFilename%'\n");
    let said = text(&misspelt.pointsman(&["check"]).stderr);
    assert!(
        said.contains("did you mean %VirtualFileName%") && said.contains("pointsman.yaml:"),
        "{said}"
    );
}

#[test]
fn a_command_takes_each_file_and_the_receipt_comes_after_it() {
    let setup = setup("", "delivery:\n  command: [take.sh, --quickly]\n");
    // It fails at first, as programs do whose database is away.
    script(
        &setup,
        "take.sh",
        "cd \"$(dirname \"$0\")\"; echo \"$@ $POINTSMAN_DATASET $POINTSMAN_PARTNER $POINTSMAN_OCTETS\" >> calls\n\
         test -e ready || { echo the database is away >&2; exit 1; }",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDERS", "order"));
    server.await_log(&["hand-over", "the database is away"]);
    assert!(peer.take_receipts().is_empty(), "nobody has the file yet");
    assert_store_is_clean(&setup);

    // A restart, and the database is back.
    assert_eq!(server.stop(), Some(0));
    setup.write("ready", "");
    let server = setup.serve();
    server.await_log(&["hand-over", "taken"]);
    assert_eq!(Peer::session(server.address()).take_receipts().len(), 1);
    let calls = std::fs::read_to_string(setup.path().join("calls")).unwrap();
    let path = setup.inbox().join(&setup.delivered()[0]);
    let call = format!("--quickly {} ORDERS mueller 5", path.display());
    assert_eq!(calls.lines().collect::<Vec<_>>(), [&call, &call]);
    assert_store_is_clean(&setup);
}

#[test]
fn a_command_may_leave_somebody_behind_and_one_that_is_late_takes_its_family_along() {
    let setup = setup(
        "",
        "delivery:\n  command: [take.sh]\n  command_time: 2s\n  command_tries: 1\n",
    );
    script(
        &setup,
        "take.sh",
        "cd \"$(dirname \"$0\")\"; test $POINTSMAN_DATASET = LATE && { sleep 60 & echo $! > late; wait; }\n\
         sleep 60 & echo $! > behind",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("QUICK", "order"));
    server.await_log(&["hand-over", "taken"]);
    peer.send(&VirtualFile::new("LATE", "order"));
    server.await_log(&["hand-over", "longer than 2s"]);
    let pid = |name| {
        std::fs::read_to_string(setup.path().join(name))
            .unwrap()
            .trim()
            .to_owned()
    };
    let runs = |name| {
        std::path::Path::new("/proc")
            .join(pid(name))
            .join("cmdline")
            .exists()
    };
    eventually("the late one is gone", || (!runs("late")).then_some(()));
    assert!(runs("behind"), "a command that is not late keeps running");
    let ended = std::process::Command::new("kill")
        .arg(pid("behind"))
        .status();
    assert!(ended.unwrap().success());
}

#[test]
fn a_command_that_finds_the_file_unusable_makes_a_nerp_of_it() {
    let setup = setup("", "delivery:\n  command: [take.sh]\n");
    script(&setup, "take.sh", "echo no UNB in it >&2; exit 65");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDERS", "order"));
    server.await_log(&["hand-over", "unusable"]);
    drop(peer);
    let receipts = Peer::session(server.address()).take_receipts();
    assert_eq!(receipts.len(), 1);
    let nerp = text(&receipts[0]);
    assert!(nerp.starts_with("NORDERS") && nerp.contains("34"), "{nerp}");
    assert!(nerp.contains("no UNB in it"), "{nerp}");
    assert_store_is_clean(&setup);
}

#[test]
fn a_command_that_keeps_failing_is_given_up_and_the_operator_decides() {
    let setup = setup(
        "",
        "delivery:\n  command: [take.sh]\n  command_tries: 1\n  command_time: 300ms\n",
    );
    script(&setup, "take.sh", "sleep 20");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "order"));
    server.await_log(&["hand-over", "longer than 300ms", "waits for an operator"]);
    assert!(Peer::session(server.address()).take_receipts().is_empty());
    let row = setup.transfers().remove(0);
    let id = row.split_whitespace().next().unwrap();
    assert!(
        setup
            .pointsman(&["transfers", "answer", id])
            .status
            .success()
    );
    assert_eq!(Peer::session(server.address()).take_receipts().len(), 1);
}

#[test]
fn what_a_nerp_refuses_is_kept_unless_the_configuration_says_otherwise() {
    let policies = "policies:\n  bad:\n    component: bad.wasm\n    hooks: [end-transfer]\n    settings: {misbehave: negative}\n";
    for (delivery, kept) in [("", true), ("delivery: {rejected: delete}\n", false)] {
        let setup = setup("", &format!("{delivery}{policies}"));
        setup.write("bad.wasm", misbehaving());
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        let file = VirtualFile::new("ORDERS", "not an order");
        peer.send(&file);
        assert_eq!(peer.take_receipts()[0][0], b'N');
        let place = || {
            let shown = show(&setup);
            let place = |line: &str| Some(line.strip_prefix("spool ")?.trim().to_owned());
            shown.lines().find_map(place)
        };
        if !kept {
            // It goes beside the NERP, which may be faster.
            eventually("its content is gone", || place().is_none().then_some(()));
        }
        let place = place();
        let content = place.as_ref().map(|place| std::fs::read(place).unwrap());
        assert_eq!(content, kept.then(|| file.content.clone()));
        assert!(setup.delivered().is_empty());
        let row = setup.transfers().remove(0);
        let id = row.split_whitespace().next().unwrap();
        let told = setup.pointsman(&["transfers", "show", id, "--json"]);
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told["spool"].as_str(), place.as_deref(), "{told:#}");
        let happened: Vec<_> = told["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| &line["event"])
            .collect();
        let at = |word: &str| happened.iter().position(|event| **event == *word);
        assert!(at("rejected").is_some(), "{happened:?}");
        // In one transaction: a crash finds both or neither.
        assert_eq!(at("content-removed").is_some(), !kept);
        assert!(kept || at("content-removed") < at("rejected"));
        // Kept or not: that it came is known, and the books agree.
        assert!(row.contains("rejected"), "{row}");
        assert_store_is_clean(&setup);
        if kept {
            continue;
        }
        // As where a crash comes before it is removed.
        assert_eq!(server.stop(), Some(0));
        let sealed = setup.path().join("state/spool/sealed").join(id);
        std::fs::write(&sealed, &file.content).unwrap();
        let _server = setup.serve();
        assert!(!sealed.exists(), "the start removes it");
    }
}

#[test]
fn a_sender_that_never_saw_our_efpa_may_send_once_more_and_gets_it_once_more() {
    let setup = setup("    received_again: compare\n", "");
    let server = setup.serve();
    let file = VirtualFile::new("ORDERS", octets(7, 100_000));
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(&file)[0], b'2');
    peer.send_content(&file);
    // It hangs up before EFPA reaches it; the file is here.
    drop(peer);
    setup.await_delivered(1);

    // Half of it, and the connection breaks; then another file under its name; then the file.
    let mut peer = Peer::session(server.address());
    assert_eq!(
        peer.offer(&VirtualFile {
            restart: 3,
            ..file.clone()
        }),
        b"200000000000000000"
    );
    peer.say(&support::peer::data_buffers(&file.content)[0]);
    drop(peer);
    let mut peer = Peer::session(server.address());
    let other = VirtualFile {
        content: octets(8, 100_000),
        ..file.clone()
    };
    assert_eq!(peer.offer(&other)[0], b'2');
    peer.send_content(&other);
    assert_eq!(&peer.hear()[..3], b"513", "EFNA: it is another file");
    peer.send(&file);
    assert_eq!(peer.take_receipts().len(), 1, "one file, one receipt");

    // From then on it is known to have EFPA.
    let mut peer = Peer::session(server.address());
    assert_eq!(&peer.offer(&file)[..4], b"313N");
    assert_eq!(setup.delivered().len(), 1);
    let there = std::fs::read(setup.inbox().join(&setup.delivered()[0])).unwrap();
    assert!(there == file.content);
    let partials = std::fs::read_dir(setup.path().join("state/spool/incoming")).unwrap();
    assert_eq!(partials.count(), 0, "copies for comparison do not stay");
    let shown = show(&setup);
    assert!(shown.contains("not the same: 100000 octets"), "{shown}");
    assert_store_is_clean(&setup);
}

#[test]
fn a_mended_file_is_taken_under_its_identity_once_its_nerp_is_confirmed() {
    let station = "delivery:\n  command: [/bin/sh, -c, 'grep -q GOOD \"$0\" || { echo no good >&2; exit 65; }']\n";
    let setup = setup("", station);
    let server = setup.serve();
    let broken = VirtualFile::new("ORDERS", "BROKEN");
    let mended = VirtualFile {
        content: b"GOOD".to_vec(),
        ..broken.clone()
    };
    let mut peer = Peer::session(server.address());
    peer.send(&broken);
    let heard = peer.change_direction();
    assert_eq!(heard[0], b'N', "NERP, not {}", text(&heard));
    // It hangs up before RTR: whether it knows that its file is no good nobody can say.
    drop(peer);
    let mut peer = Peer::session(server.address());
    assert_eq!(&peer.offer(&mended)[..4], b"313N");
    let receipts = peer.take_receipts();
    assert_eq!((receipts.len(), receipts[0][0]), (1, b'N'), "the same NERP");

    let mut peer = Peer::session(server.address());
    peer.send(&mended);
    let receipts = peer.take_receipts();
    assert_eq!((receipts.len(), receipts[0][0]), (1, b'E'), "its own EERP");
    // From now on that is the file, and the one before it is history.
    let mut peer = Peer::session(server.address());
    assert_eq!(&peer.offer(&mended)[..4], b"313N");
    drop(peer);
    let rows = setup.transfers();
    let states: Vec<_> = rows
        .iter()
        .map(|row| ["rejected", "delivered"].map(|state| row.contains(state)))
        .collect();
    assert_eq!(states, [[false, true], [true, false]], "{rows:#?}");
    let told = show(&setup);
    assert!(told.contains("whose NERP the partner has"), "{told}");
    assert_store_is_clean(&setup);

    // A rebuilt ledger has both of them, too, and knows which is the last.
    assert_eq!(server.stop(), Some(0));
    let rebuilt = setup.pointsman(&["store", "rebuild"]);
    assert!(rebuilt.status.success(), "{}", text(&rebuilt.stderr));
    assert_eq!(setup.transfers().len(), 2);
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    assert_eq!(&peer.offer(&mended)[..4], b"313N");
    assert_store_is_clean(&setup);
}

#[test]
fn where_identities_do_not_count_each_file_is_another_and_none_is_taken_twice() {
    let setup = setup("    received_again: take\n", "");
    let server = setup.serve();
    let invoice = |seed| VirtualFile::new("INVOIC", octets(seed, 50_000));
    let mut peer = Peer::session(server.address());
    peer.send(&invoice(1));
    peer.send(&invoice(2));
    assert_eq!(peer.take_receipts().len(), 2, "each has its receipt");
    // The same content a second time is another file as well: its sender knows that we have the first.
    let mut peer = Peer::session(server.address());
    peer.send(&invoice(2));
    assert_eq!(peer.offer(&invoice(3))[0], b'2');
    peer.send_content(&invoice(3));
    // It hangs up before EFPA reaches it, and sends the same once more; then the next one.
    drop(peer);
    setup.await_delivered(4);
    let mut peer = Peer::session(server.address());
    peer.send(&invoice(3));
    peer.send(&invoice(4));
    setup.await_delivered(5);
    assert_eq!(peer.take_receipts().len(), 3, "of 2, 3 and 4");
    let mut there: Vec<_> = setup
        .delivered()
        .iter()
        .map(|name| std::fs::read(setup.inbox().join(name)).unwrap())
        .collect();
    let mut sent: Vec<_> = [1, 2, 2, 3, 4].map(|seed| octets(seed, 50_000)).into();
    there.sort();
    sent.sort();
    assert!(there == sent);
    assert_store_is_clean(&setup);
}

/// A file of a partner without a clock.
fn undated(content: impl Into<Vec<u8>>) -> VirtualFile {
    VirtualFile {
        date: "00000000".to_owned(),
        time: "0000000000".to_owned(),
        ..VirtualFile::new("INVOIC", content)
    }
}

/// Offers a file from `file.restart` on, and hangs up when it has sent so many windows of what the answer asks for.
fn break_off(server: &Server, file: &VirtualFile, windows: usize) {
    let ended = server.log().matches("session-ended").count();
    let mut peer = Peer::session(server.address());
    let answer = text(&peer.offer(file));
    let from: usize = answer.strip_prefix('2').expect(&answer).parse().unwrap();
    let buffers = data_buffers(&file.content[from * 1024..]);
    for window in buffers.chunks(7).take(windows) {
        for buffer in window {
            peer.say(buffer);
        }
        assert_eq!(peer.hear(), b"C  ");
    }
    drop(peer);
    eventually("the session is over, and what came is kept", || {
        (server.log().matches("session-ended").count() > ended).then_some(())
    });
}

#[test]
fn where_identities_do_not_count_no_file_is_resumed_behind_the_beginning_of_another() {
    for (received_again, is_dated) in [("take", true), ("take", false), ("compare", false)] {
        let file = |content| match is_dated {
            true => VirtualFile::new("INVOIC", content),
            false => undated(content),
        };
        let setup = setup(&format!("    received_again: {received_again}\n"), "");
        let server = setup.serve();
        let (mut first, second) = (file(octets(1, 200_000)), file(octets(2, 200_000)));
        break_off(&server, &first, 3);
        break_off(&server, &second, 4);
        // The first one's sender knows nothing of the second.
        first.restart = 60;
        let mut peer = Peer::session(server.address());
        peer.send(&first);
        peer.send(&second);
        assert_eq!(peer.take_receipts().len(), 2, "{received_again}");
        let there: BTreeSet<_> = setup
            .await_delivered(2)
            .iter()
            .map(|name| std::fs::read(setup.inbox().join(name)).unwrap())
            .collect();
        let sent = [first.content, second.content];
        assert!(
            there == BTreeSet::from(sent),
            "{received_again}: a file is not as it was sent"
        );
        assert_store_is_clean(&setup);
        let told: String = setup
            .transfers()
            .iter()
            .filter_map(|row| row.split_whitespace().next())
            .map(|id| text(&setup.pointsman(&["transfers", "show", id]).stdout))
            .collect();
        assert!(told.contains("its identity does not count"), "{told}");
    }
}

#[test]
fn a_file_that_starts_over_under_an_identity_that_counts_overwrites_what_is_here_of_it() {
    for received_again in ["refuse", "compare"] {
        let setup = setup(&format!("    received_again: {received_again}\n"), "");
        let server = setup.serve();
        let mut file = VirtualFile::new("INVOIC", octets(1, 200_000));
        break_off(&server, &file, 4);
        break_off(&server, &file, 1);
        // What lay behind the new beginning is gone.
        file.restart = 60;
        let mut peer = Peer::session(server.address());
        let here = 7 * 63 * 63 / 1024;
        assert_eq!(text(&peer.offer(&file)), format!("2{here:017}"));
        drop(peer);
        // Another size: what is here is not of this file, whatever it is called.
        let longer = VirtualFile {
            restart: 20,
            ..VirtualFile::new("INVOIC", octets(2, 300_000))
        };
        let mut peer = Peer::session(server.address());
        peer.send(&longer);
        let name = &setup.await_delivered(1)[0];
        assert!(std::fs::read(setup.inbox().join(name)).unwrap() == longer.content);
        assert_store_is_clean(&setup);
    }
}

#[test]
fn a_long_file_that_is_resumed_near_its_end_is_whole() {
    let setup = setup("", "");
    let server = setup.serve();
    let mut file = VirtualFile::new("LONG", octets(1, 19_000_000));
    // So much is here that it is still being read when the rest has come.
    break_off(&server, &file, 680);
    file.restart = 99_999;
    let mut peer = Peer::session(server.address());
    let here = 680 * 7 * 63 * 63 / 1024;
    assert_eq!(text(&peer.offer(&file)), format!("2{here:017}"));
    peer.send_data(&VirtualFile {
        content: file.content[here * 1024..].to_vec(),
        ..file.clone()
    });
    peer.say(efid(file.content.len()));
    assert_eq!(peer.hear(), b"4N");
    let name = &setup.await_delivered(1)[0];
    assert!(std::fs::read(setup.inbox().join(name)).unwrap() == file.content);
    assert_store_is_clean(&setup);
}

#[test]
fn a_partner_without_a_clock_may_have_its_files_told_apart_by_their_content() {
    let setup = setup("    received_again: compare\n", "");
    let server = setup.serve();
    for content in ["one", "two", "two"] {
        let mut peer = Peer::session(server.address());
        peer.send(&undated(content));
        peer.take_receipts();
    }
    assert_eq!(setup.await_delivered(2).len(), 2, "one and two");
    assert_eq!(setup.transfers().len(), 2);
    assert_store_is_clean(&setup);
}

#[test]
fn files_of_one_identity_count_each_in_a_quota() {
    let partner = "    received_again: take\n    quota: {files: 2, per: 24h}\n";
    let setup = setup(partner, "");
    let server = setup.serve();
    for content in ["one", "two"] {
        let mut peer = Peer::session(server.address());
        peer.send(&VirtualFile::new("INVOIC", content));
        peer.take_receipts();
    }
    let third = VirtualFile::new("INVOIC", "three");
    let mut peer = Peer::session(server.address());
    let refused = peer.offer(&third);
    assert_eq!(&refused[..4], b"306Y", "{}", text(&refused));
}

#[test]
fn a_quota_refuses_for_now_and_counts_what_comes_not_what_is_announced() {
    let setup = setup("    quota: {files: 3, size: 100KiB, per: 24h}\n", "");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ONE", octets(1, 60_000)));
    let refused = peer.offer(&VirtualFile::new("BIG", octets(2, 60_000)));
    assert_eq!(&refused[..4], b"306Y", "{}", text(&refused));
    assert!(text(&refused).contains("quota"), "{}", text(&refused));

    // One that announces little and sends much.
    let liar = VirtualFile::new("LIAR", "little");
    assert_eq!(peer.offer(&liar)[0], b'2');
    peer.send_content(&VirtualFile {
        content: octets(3, 60_000),
        ..liar
    });
    assert_eq!(&peer.hear()[..3], b"506");
    peer.send(&VirtualFile::new("TWO", "small"));
    let refused = peer.offer(&VirtualFile::new("FOUR", "small"));
    assert_eq!(
        &refused[..4],
        b"306Y",
        "three files: ONE, LIAR, TWO: {}",
        text(&refused)
    );
    setup.await_delivered(2);
    assert_store_is_clean(&setup);

    let neither = self::setup("    quota: {per: 1h}\n", "");
    let said = text(&neither.pointsman(&["check"]).stderr);
    assert!(
        said.contains("a quota needs `files`, `size`, or both"),
        "{said}"
    );
}

#[test]
fn the_reserve_is_for_receipts_and_the_ledger_not_for_files() {
    let setup = setup("", "");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("BEFORE", "order"));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
    setup.configure(
        "  - address: 127.0.0.1:0\n",
        "",
        "limits: {reserve: 900PiB}\n",
    );
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let refused = peer.offer(&VirtualFile::new("ORDERS", "order"));
    assert_eq!(&refused[..4], b"306Y", "{}", text(&refused));
    server.await_log(&["limits.reserve"]);
    // A receipt needs no more room than the reserve has.
    assert_eq!(peer.take_receipts().len(), 1);
    eventually("the receipt is given", || {
        let rows = setup.transfers();
        let given = |row: &String| row.contains("BEFORE") && row.contains("given");
        rows.iter().any(given).then_some(())
    });
    // Announced sizes count: 9.3 PB are not there either.
    assert_eq!(server.stop(), Some(0));
    setup.configure("  - address: 127.0.0.1:0\n", "", "");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let sfid = VirtualFile::new("ORDERS", "order").sfid();
    let huge = text(&sfid).replace(&format!("{:013}", 1), "9999999999999");
    peer.say(huge);
    let refused = peer.hear();
    assert_eq!(&refused[..4], b"306Y", "{}", text(&refused));
    peer.send(&VirtualFile::new("ORDERS", "order"));
    assert_eq!(peer.take_receipts().len(), 1);
}

#[test]
fn the_receipt_of_a_file_that_was_passed_on_keeps_its_hash_and_its_signature() {
    let third = Called::new();
    let policies = "policies:\n  bad:\n    component: bad.wasm\n    hooks: [end-transfer]\n    settings: {misbehave: later, seconds: '0'}\n";
    let setup = setup(
        &format!(
            "    address: {}\n    calls: {{queued: false}}\n",
            third.address()
        ),
        policies,
    );
    setup.write("bad.wasm", misbehaving());
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = VirtualFile::new("ORDERS", "order");
    peer.send(&file);
    assert!(peer.take_receipts().is_empty());
    let came = setup.transfers().remove(0);
    let came = came.split_whitespace().next().unwrap();

    // Passed on; the last recipient signs.
    let on = setup.inbox().join(&setup.await_delivered(1)[0]);
    let early = setup.pointsman(&["transfers", "answer", came, "--forward", came]);
    assert!(
        text(&early.stderr).contains("nothing to pass on"),
        "{}",
        text(&early.stderr)
    );
    let pass_on = |file: &Path, name: &str| {
        let file = file.to_str().unwrap();
        let args = ["send", file, "--to", "mueller", "--as", name];
        let sender = std::thread::scope(|scope| {
            let sent = scope.spawn(|| setup.pointsman(&args));
            let mut last = third.greet_as(US, THEM, THEIRS);
            let sfid = take_file(&mut last);
            release_with_signed_eerp(&mut last, &sfid);
            assert_eq!(last.hear()[0], b'F', "ESID");
            sent.join().unwrap()
        });
        assert!(sender.status.success(), "{}", text(&sender.stderr));
        let mut rows = setup.transfers().into_iter();
        let row = rows.find(|row| row.contains("acknowledged") && row.contains(name));
        row.unwrap()[..36].to_owned()
    };
    let other = pass_on(&setup.write("another", "another content"), "OTHER");
    let refused = setup.pointsman(&["transfers", "answer", came, "--forward", &other]);
    let said = text(&refused.stderr);
    assert!(
        !refused.status.success()
            && said.contains("another content")
            && said.contains("--converted"),
        "{said}"
    );
    let on = &pass_on(&on, "PASSED-ON");
    let answered = setup.pointsman(&["transfers", "answer", came, "--forward", on]);
    assert!(answered.status.success(), "{}", text(&answered.stderr));

    let assert_signed = |eerp: &[u8]| {
        assert_eq!(
            text(&eerp[1..27]).trim_end(),
            "ORDERS",
            "about the file that came"
        );
        assert!(eerp.ends_with(&signature()), "{}", text(eerp));
    };
    // It is said, and the connection breaks before RTR: it is owed still.
    let mut broken = Peer::session(server.address());
    broken.say(b"R");
    assert_signed(&broken.hear());
    drop(broken);
    // A rebuilt ledger has the same receipt.
    assert_eq!(server.stop(), Some(0));
    assert_store_is_clean(&setup);
    std::fs::remove_file(setup.path().join("state/ledger.db")).unwrap();
    for log in ["ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(setup.path().join("state").join(log));
    }
    assert!(setup.pointsman(&["store", "rebuild"]).status.success());
    assert_store_is_clean(&setup);
    let server = setup.serve();
    let receipts = Peer::session(server.address()).take_receipts();
    assert_eq!(receipts.len(), 1);
    assert_signed(&receipts[0]);

    // One that was converted on its way has another content, and the operator says so.
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("CONVERTED", "before it was converted"));
    assert!(peer.take_receipts().is_empty());
    let rows = setup.transfers();
    let came = rows.iter().find(|row| row.contains("CONVERTED")).unwrap();
    let answer = ["transfers", "answer", &came[..36], "--forward", &other];
    assert!(!setup.pointsman(&answer).status.success());
    let answered = setup.pointsman(&[&answer[..], &["--converted"]].concat());
    assert!(answered.status.success(), "{}", text(&answered.stderr));
    let receipts = Peer::session(server.address()).take_receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(text(&receipts[0][1..27]).trim_end(), "CONVERTED");
    assert!(receipts[0].ends_with(&signature()));
}

#[test]
fn what_rotted_in_the_spool_is_not_delivered() {
    let setup = setup("", "");
    // There is no way to deliver it yet.
    setup.write("inbox/mueller", "in the way");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", "order"));
    server.await_log(&["delivery-failed"]);
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_file(setup.path().join("inbox/mueller")).unwrap();
    let sealed = std::fs::read_dir(setup.path().join("state/spool/sealed")).unwrap();
    let mut sealed = sealed.map(|entry| entry.unwrap().path());
    let blob = sealed.find(|path| path.extension().is_none()).unwrap();
    let good = std::fs::read(&blob).unwrap();
    std::fs::write(&blob, "0rder").unwrap();
    let server = setup.serve();
    server.await_log(&["content-lost", "ORDERS"]);
    assert!(
        Peer::session(server.address()).take_receipts().is_empty(),
        "a receipt is given for what is lost"
    );
    assert_eq!(setup.delivered(), Vec::<String>::new());
    assert_eq!(server.stop(), Some(0));
    // Put back from a backup.
    std::fs::write(&blob, good).unwrap();
    let server = setup.serve();
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
}

/// Hash and signature, each behind its length (RFC 5024, 5.3.13).
fn signature() -> Vec<u8> {
    [&[0, 20][..], &[0xAB; 20], &[0, 9], b"signature"].concat()
}

/// Takes the turn that the sender gives, says EERP with a signature, and gives the turn back.
fn release_with_signed_eerp(peer: &mut Peer<std::net::TcpStream>, sfid: &[u8]) {
    assert_eq!(peer.hear(), b"R", "CD");
    let plain = support::peer::eerp(sfid);
    let unsigned = plain.len() - 4;
    peer.say([&plain[..unsigned], &signature()].concat());
    assert_eq!(peer.hear(), b"P", "RTR");
    peer.say(b"R");
}

#[test]
fn nothing_is_left_behind_of_a_comparison_that_a_crash_cut_off() {
    let setup = setup("    received_again: compare\n", "");
    let server = setup.serve();
    let file = VirtualFile::new("ORDERS", octets(9, 80_000));
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(&file)[0], b'2');
    peer.send_content(&file);
    drop(peer);
    setup.await_delivered(1);
    server.await_log(&["file-delivered"]);
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.offer(&file)[0], b'2');
    peer.say(&support::peer::data_buffers(&file.content)[0]);
    server.kill();
    let server = setup.serve();
    let partials = || {
        std::fs::read_dir(setup.path().join("state/spool/incoming"))
            .unwrap()
            .count()
    };
    eventually("the copy is removed", || (partials() == 0).then_some(()));
    Peer::session(server.address()).send(&file);
    assert_eq!(setup.delivered().len(), 1);
    assert_store_is_clean(&setup);
}
