//! The store from outside: checked, rebuilt, and brought back to work after crashes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use rustix::fs::inotify;
use serde_json::Value;
use support::peer::{Peer, VirtualFile, data_buffers};
use support::{Setup, THEM, US, eventually, octets};

/// A setup whose partner is another setup that runs.
fn caller_of(address: std::net::SocketAddr) -> Setup {
    let caller = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        &format!("    address: {address}\n"),
        "",
    );
    let text = std::fs::read_to_string(caller.config()).unwrap();
    let turned = text.replace(US, "XX").replace(THEM, US).replace("XX", THEM);
    let turned = turned
        .replace("OURPASS", "XX")
        .replace("THEIRS", "OURPASS")
        .replace("XX", "THEIRS");
    std::fs::write(caller.config(), turned).unwrap();
    caller
}

/// Runs a command whose answer is JSON; gives its exit code, too.
fn json(setup: &Setup, args: &[&str]) -> (Option<i32>, Value) {
    let done = setup.pointsman(&[args, &["--json"]].concat());
    let said = String::from_utf8_lossy(&done.stdout);
    let value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&done.stderr)));
    (done.status.code(), value)
}

fn assert_clean(setup: &Setup) -> Value {
    let (code, audited) = json(setup, &["verify-store"]);
    assert_eq!(code, Some(0), "{audited:#}");
    audited
}

fn state(setup: &Setup) -> PathBuf {
    setup.path().join("state")
}

fn ledger_files(setup: &Setup) -> Vec<PathBuf> {
    ["ledger.db", "ledger.db-wal", "ledger.db-shm"]
        .iter()
        .map(|name| state(setup).join(name))
        .collect()
}

/// The ledger and its log, as they are while nobody has them open.
fn kept(setup: &Setup) -> Vec<(PathBuf, Vec<u8>)> {
    let files = ledger_files(setup).into_iter().take(2);
    files
        .filter_map(|file| std::fs::read(&file).ok().map(|octets| (file, octets)))
        .collect()
}

fn put_back(setup: &Setup, kept: &[(PathBuf, Vec<u8>)]) {
    for file in ledger_files(setup) {
        let _ = std::fs::remove_file(file);
    }
    for (file, octets) in kept {
        std::fs::write(file, octets).unwrap();
    }
}

fn first(setup: &Setup, filter: &[&str]) -> Value {
    let (_, rows) = json(setup, &[&["transfers", "list"], filter].concat());
    rows[0].clone()
}

fn id_of(row: &Value) -> String {
    row["transfer"].as_str().unwrap().to_owned()
}

#[test]
fn the_ledger_may_lie_on_a_disk_of_its_own_and_one_that_was_left_behind_is_missed() {
    let setup = Setup::plain("");
    let at_first = std::fs::read_to_string(setup.config()).unwrap();
    let apart = at_first.replace("  inbox: inbox\n", "  inbox: inbox\n  ledger: books\n");
    std::fs::write(setup.config(), &apart).unwrap();
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ONE", octets(1, 5000)));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
    assert!(setup.path().join("books/ledger.db").exists());
    assert!(!state(&setup).join("ledger.db").exists());
    assert_clean(&setup);

    // An operator who takes the key out again is not given an empty ledger.
    std::fs::write(setup.config(), at_first).unwrap();
    let refused = setup.pointsman(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("storage.ledger"),
        "{said}"
    );
    assert!(!state(&setup).join("ledger.db").exists());
}

#[test]
fn a_ledger_that_is_lost_is_rebuilt_and_nothing_acknowledged_is_lost_with_it() {
    let setup = Setup::plain("");
    let server = setup.serve();
    // Two receipts given, then one file whose receipt nobody takes.
    let mut peer = Peer::session(server.address());
    for name in ["ONE", "TWO"] {
        peer.send(&VirtualFile::new(name, octets(1, 50_000)));
    }
    assert_eq!(peer.take_receipts().len(), 2);
    let mut peer = Peer::session(server.address());
    let owed = VirtualFile::new("OWED", octets(2, 70_000));
    peer.send(&owed);
    setup.await_delivered(3);
    server.await_log(&["file-delivered", "OWED"]);
    // And one that is half here.
    let half = VirtualFile::new("HALF", octets(3, 90_000));
    assert_eq!(peer.offer(&half)[0], b'2');
    peer.say(&data_buffers(&half.content)[0]);
    server.kill();
    assert_clean(&setup);

    let rebuild = setup.pointsman(&["store", "rebuild"]);
    assert!(
        rebuild.status.success(),
        "a ledger that is there may be rebuilt, too"
    );
    assert_clean(&setup);

    for file in ledger_files(&setup) {
        let _ = std::fs::remove_file(file);
    }
    for command in [
        &["serve"][..],
        &["transfers", "list"],
        &["verify-store"],
        &["queue", "list"],
    ] {
        let refused = setup.pointsman(command);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{command:?}");
        assert!(
            said.contains("store rebuild"),
            "an empty ledger would know of nothing: {said}"
        );
        assert!(!state(&setup).join("ledger.db").exists());
    }
    let (code, rebuilt) = json(&setup, &["store", "rebuild"]);
    assert_eq!(code, Some(0), "{rebuilt:#}");
    assert_eq!(rebuilt["received"], 3);
    let audited = assert_clean(&setup);
    assert_eq!(audited["receipts_owed"], 1, "{audited:#}");

    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    assert_eq!(&peer.offer(&owed)[..4], b"313N", "it was received before");
    peer.send(&half);
    let receipts = peer.take_receipts();
    assert_eq!(
        receipts.len(),
        2,
        "the one that was owed, and the new file's"
    );
    assert_eq!(setup.await_delivered(4).len(), 4, "{:?}", setup.delivered());
    drop(peer);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(setup.delivered().len(), 4, "none twice");
    assert_clean(&setup);
}

#[test]
fn both_ends_of_ours_come_back_from_their_spools() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let caller = caller_of(server.address());
    let file = caller.write("INVOIC.1", octets(5, 100_000));
    let path = file.to_str().unwrap();
    let sent = caller.pointsman(&["send", path, "--to", "mueller"]);
    assert!(sent.status.success());
    let acknowledged = first(&caller, &["--direction", "out"]);
    assert_eq!(acknowledged["state"], "acknowledged", "{acknowledged:#}");
    assert_clean(&caller);
    let before = first(&caller, &[]);
    for gone in ledger_files(&caller) {
        let _ = std::fs::remove_file(gone);
    }
    assert!(caller.pointsman(&["store", "rebuild"]).status.success());
    assert_clean(&caller);
    assert_eq!(first(&caller, &[]), before, "the row is as it was");

    // Sent again it is another file, and both ends know both.
    let (code, again) = json(&caller, &["queue", "resend", &id_of(&before)]);
    assert_eq!(code, Some(0), "{again:#}");
    assert_ne!(again["transfer"], before["transfer"]);
    let gone = caller.pointsman(&["send", "--to", "mueller"]);
    assert!(
        gone.status.success(),
        "{}",
        String::from_utf8_lossy(&gone.stderr)
    );
    setup.await_delivered(2);
    let (_, rows) = json(&caller, &["transfers", "list", "--state", "acknowledged"]);
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows:#}");
    assert_ne!(rows[0]["file"], rows[1]["file"]);
    assert_clean(&caller);
    assert_clean(&setup);
}

#[test]
fn a_store_is_not_rebuilt_while_its_server_runs() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ORDER", "octets"));
    peer.take_receipts();
    for command in [["store", "rebuild"], ["store", "describe"]] {
        let refused = setup.pointsman(&command);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("another server runs"), "{said}");
    }
    assert_clean(&setup);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(setup.transfers().len(), 1);
}

#[test]
fn damage_is_named_and_the_exit_code_says_so() {
    let setup = Setup::plain("");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDER", "octets"));
    setup.await_delivered(1);
    let tried = setup.write("OUT", "to send");
    setup.pointsman(&["send", tried.to_str().unwrap(), "--to", "mueller"]);
    let queued = id_of(&first(&setup, &["--direction", "out"]));
    server.stop();
    assert_clean(&setup);
    let blob = state(&setup).join("spool/outgoing").join(&queued);
    std::fs::write(&blob, "TO SEND").unwrap();
    let quick = setup.pointsman(&["verify-store", "--quick"]);
    assert!(quick.status.success(), "the size is right");
    let shown = setup.pointsman(&["verify-store"]);
    assert_eq!(shown.status.code(), Some(1));
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        said.contains(&queued) && said.contains("spool/outgoing") && said.contains("queue cancel"),
        "{said}"
    );
    let (code, audited) = json(&setup, &["verify-store"]);
    assert_eq!((code, &audited["clean"]), (Some(1), &Value::Bool(false)));
    assert_eq!(
        audited["findings"][0]["kind"], "content-digest",
        "{audited:#}"
    );
}

#[test]
fn the_queue_is_the_operators() {
    let setup = Setup::plain("");
    let mut ids = Vec::new();
    for (name, priority) in [("A", "5"), ("B", "8"), ("C", "0")] {
        let file = setup.write(name, name);
        let path = file.to_str().unwrap();
        let tried = setup.pointsman(&["send", path, "--to", "mueller", "--priority", priority]);
        assert_eq!(tried.status.code(), Some(3), "nobody is reached");
        ids.push(id_of(&first(&setup, &["--name", name])));
    }
    let order = |setup: &Setup| {
        let (_, queue) = json(setup, &["queue", "list", "--partner", "mueller"]);
        let names = queue.as_array().unwrap().iter();
        names
            .map(|file| {
                let part = |key: &str| file[key].as_str().unwrap().to_owned();
                format!(
                    "{} {}",
                    file["file"]["dataset"].as_str().unwrap(),
                    part("state")
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(order(&setup), ["B ready", "A ready", "C ready"]);
    for (verb, id) in [("hold", &ids[1]), ("send-now", &ids[2]), ("park", &ids[0])] {
        assert!(
            setup.pointsman(&["queue", verb, id]).status.success(),
            "{verb}"
        );
    }
    let queue = order(&setup);
    assert_eq!(queue[0], "C ready");
    assert!(queue.contains(&"B held".to_owned()) && queue.contains(&"A parked".to_owned()));

    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let sfid = peer.change_direction();
    assert_eq!(sfid[..4], *b"HC  ", "the only one that may go");
    // Nobody decides over a file that a session has.
    let refused = setup.pointsman(&["queue", "cancel", &ids[2]]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a session has"));
    peer.say(b"313N000");
    drop(peer);
    server.await_log(&["session-ended"]);
    eventually("C is parked: its partner has such a file", || {
        order(&setup).contains(&"C parked".to_owned()).then_some(())
    });
    for id in [&ids[0], &ids[1]] {
        assert!(setup.pointsman(&["queue", "release", id]).status.success());
    }
    assert!(
        setup
            .pointsman(&["queue", "cancel", &ids[2]])
            .status
            .success()
    );
    assert_eq!(order(&setup), ["B ready", "A ready"]);
    let wrong = setup.pointsman(&["queue", "release", &ids[2]]);
    assert_eq!(
        wrong.status.code(),
        Some(1),
        "what is cancelled is sent again"
    );
    let (code, _) = json(&setup, &["queue", "resend", &ids[2]]);
    assert_eq!(code, Some(0));
    assert_eq!(order(&setup).len(), 3);
    let nothing = setup.pointsman(&["transfers", "list", "--state", "no-such"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert_clean(&setup);
}

/// Every file below the state folder but the ledger's own, with its length.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), entry.metadata().unwrap().len());
        }
    }
    found
}

#[test]
fn recovery_run_twice_is_recovery_run_once() {
    let setup = Setup::plain("");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.send(&VirtualFile::new("ONE", octets(1, 5000)));
    setup.await_delivered(1);
    server.await_log(&["file-delivered", "ONE"]);
    // Two cannot be put where it belongs: a file is where its folder was.
    let one = first(&setup, &["--name", "ONE"]);
    let folder = setup.inbox().join(one["path"].as_str().unwrap());
    let (folder, aside) = (folder.parent().unwrap(), setup.path().join("aside"));
    std::fs::rename(folder, &aside).unwrap();
    std::fs::write(folder, "").unwrap();
    peer.send(&VirtualFile::new("TWO", octets(1, 5000)));
    server.await_log(&["delivery-failed", "TWO"]);
    let half = VirtualFile::new("HALF", octets(3, 90_000));
    assert_eq!(peer.offer(&half)[0], b'2');
    peer.say(&data_buffers(&half.content)[0]);
    // SFPA to a new file promises nothing: its row comes a moment later.
    let half = eventually("the row of HALF is there", || {
        let row = first(&setup, &["--name", "HALF"]);
        row["transfer"].as_str().map(str::to_owned)
    });
    server.kill();
    std::fs::remove_file(folder).unwrap();
    std::fs::rename(aside, folder).unwrap();
    // Two: as before its rename. Half: a sidecar from before its rename. And what no row knows.
    let spool = state(&setup).join("spool");
    let two = first(&setup, &["--name", "TWO"]);
    assert_eq!(two["state"], "placing", "{two:#}");
    let one = id_of(&first(&setup, &["--name", "ONE"]));
    let sidecar = std::fs::read_to_string(spool.join(format!("sealed/{one}.jsonl"))).unwrap();
    std::fs::write(
        spool.join(format!("sealed/{half}.jsonl")),
        sidecar.replace(&one, &half),
    )
    .unwrap();
    let stray = "0192f0c1-2345-7abc-8def-0123456789ab";
    std::fs::write(spool.join("incoming").join(stray), "x").unwrap();
    // Plain contents that came to nothing: one half written, one without the line that makes it count.
    let two = id_of(&two);
    let unfinished = [
        format!("incoming/{stray}.plain"),
        format!("sealed/{two}.plain"),
    ];
    for plain in &unfinished {
        std::fs::write(spool.join(plain), "x").unwrap();
    }

    let mut results = Vec::new();
    for _ in 0..3 {
        let server = setup.serve();
        setup.await_delivered(2);
        eventually("nothing is on its way", || {
            let (_, left) = json(&setup, &["transfers", "list", "--state", "placing"]);
            left.as_array().unwrap().is_empty().then_some(())
        });
        assert_eq!(server.stop(), Some(0));
        let (_, rows) = json(&setup, &["transfers", "list"]);
        results.push((rows, files(&spool), files(&setup.inbox())));
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[1], results[2]);
    let (rows, spool, inbox) = &results[0];
    assert_eq!(inbox.len(), 2, "delivered once: {inbox:?}");
    assert!(spool.keys().all(|path| !path.ends_with(stray)), "{spool:?}");
    let is_unfinished = |path: &PathBuf| unfinished.iter().any(|plain| path.ends_with(plain));
    assert!(!spool.keys().any(is_unfinished), "{spool:?}");
    let half_sidecar = format!("{half}.jsonl");
    assert!(
        spool.keys().all(|path| !path.ends_with(&half_sidecar)),
        "{spool:?}"
    );
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert_clean(&setup);
}

/// How often one of the folders was listed while `work` was done.
fn listings(folders: &[PathBuf], work: impl FnOnce()) -> usize {
    let heard = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    for folder in folders {
        inotify::add_watch(&heard, folder, inotify::WatchFlags::ACCESS).unwrap();
    }
    work();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&heard, &mut buffer);
    let mut listed = 0;
    while let Ok(event) = events.next() {
        // Of the folder itself, and not of a file in it.
        let is_folder = event.events().contains(inotify::ReadFlags::ISDIR);
        listed += usize::from(is_folder && event.file_name().is_none());
    }
    listed
}

#[test]
fn a_start_looks_for_the_newest_files_without_listing_all() {
    let setup = Setup::plain("");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDER", "octets"));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
    let folders = ["sealed", "outgoing"].map(|part| state(&setup).join("spool").join(part));
    let listed = listings(&folders, || {
        let server = setup.serve();
        assert_eq!(server.stop(), Some(0));
    });
    assert_eq!(
        listed, 0,
        "the folders grow with all that was ever received"
    );
    // What does list them is seen.
    assert!(listings(&folders, || drop(assert_clean(&setup))) > 0);
}

/// A ledger of before the second file is put back, and the start does not take it.
fn an_older_ledger_is_noticed(setup: &Setup, meanwhile: impl FnOnce()) {
    let old = kept(setup);
    meanwhile();
    put_back(setup, &old);
    let refused = setup.pointsman(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("store rebuild"), "{said}");
}

#[test]
fn an_older_ledger_is_noticed_when_the_list_of_the_newest_files_is_damaged() {
    for damage in [&b""[..], &[0; 400]] {
        let setup = Setup::plain("");
        let receive = |name: &str, count: usize| {
            let server = setup.serve();
            Peer::session(server.address()).send(&VirtualFile::new(name, "octets"));
            setup.await_delivered(count);
            assert_eq!(server.stop(), Some(0));
        };
        receive("FIRST", 1);
        an_older_ledger_is_noticed(&setup, || {
            receive("SECOND", 2);
            std::fs::write(state(&setup).join("spool/newest-sealed"), damage).unwrap();
        });
    }
}

/// The partner confirmed a NERP; an EERP after it would be a second word on the same file.
#[test]
fn a_ledger_that_does_not_know_what_was_decided_of_a_receipt_is_noticed_as_older() {
    let decides =
        "delivery: {command: [/bin/sh, -c, 'test -e bad && exit 65; exit 1'], command_tries: 1}\n";
    let setup = Setup::plain(decides);
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDER", "octets"));
    setup.await_delivered(1);
    server.await_log(&["receipt-waits"]);
    assert_eq!(server.stop(), Some(0));
    an_older_ledger_is_noticed(&setup, || {
        let id = id_of(&first(&setup, &[]));
        let answer = ["transfers", "answer", &id, "--reject", "34"];
        assert!(setup.pointsman(&answer).status.success());
        let server = setup.serve();
        assert_eq!(Peer::session(server.address()).take_receipts().len(), 1);
        assert_eq!(server.stop(), Some(0));
    });
    let (_, audited) = json(&setup, &["verify-store"]);
    assert_eq!(audited["findings"][0]["kind"], "row-behind", "{audited:#}");
    let rebuilt = setup.pointsman(&["store", "rebuild"]);
    assert!(rebuilt.status.success());
    let server = setup.serve();
    assert_eq!(Peer::session(server.address()).take_receipts().len(), 0);
    assert_eq!(first(&setup, &[])["state"], "rejected");
}

#[test]
fn a_ledger_that_does_not_know_that_a_file_was_cancelled_is_noticed_as_older() {
    let setup = Setup::plain("");
    setup.queue("ORDERS", "x", "mueller");
    an_older_ledger_is_noticed(&setup, || {
        let id = id_of(&first(&setup, &[]));
        assert!(setup.pointsman(&["queue", "cancel", &id]).status.success());
    });
    let (_, audited) = json(&setup, &["verify-store"]);
    assert_eq!(audited["findings"][0]["kind"], "row-behind", "{audited:#}");
    assert!(setup.pointsman(&["store", "rebuild"]).status.success());
    assert_eq!(first(&setup, &[])["state"], "cancelled");
    assert_clean(&setup);
    assert_eq!(setup.serve().stop(), Some(0));
}

#[test]
fn a_start_that_cannot_read_what_the_newest_files_are_lists_all() {
    let setup = Setup::plain("");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDER", "octets"));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
    for list in ["newest-sealed", "newest-outgoing"] {
        let list = state(&setup).join("spool").join(list);
        std::fs::remove_file(&list).unwrap();
        std::fs::create_dir(&list).unwrap();
    }
    let server = setup.serve();
    for list in ["newest-sealed", "newest-outgoing"] {
        for event in ["newest-list-unread", "newest-list-behind"] {
            server.await_log(&[event, list, "Is a directory"]);
        }
    }
    Peer::session(server.address()).send(&VirtualFile::new("OTHER", "octets"));
    setup.await_delivered(2);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_bit_that_rots_in_the_ledger_is_named() {
    let setup = Setup::plain("");
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDER", "octets"));
    setup.await_delivered(1);
    server.await_log(&["file-delivered"]);
    assert_eq!(server.stop(), Some(0));
    let row = first(&setup, &[]);
    let id = id_of(&row);
    // All of it in one file: nothing is in its log still.
    assert!(setup.pointsman(&["store", "rebuild"]).status.success());
    // Where the file was delivered to: nothing but the row says it, and a reader may have taken the file.
    let ledger = state(&setup).join("ledger.db");
    let mut octets = std::fs::read(&ledger).unwrap();
    let path = row["path"].as_str().unwrap().as_bytes();
    let places: Vec<usize> = (0..octets.len() - path.len())
        .filter(|at| octets[*at..].starts_with(path))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        octets[at + path.len() - 1] ^= 1;
    }
    std::fs::write(&ledger, octets).unwrap();

    let (code, audited) = json(&setup, &["verify-store"]);
    assert_eq!(code, Some(1), "{audited:#}");
    let findings = audited["findings"].as_array().unwrap();
    let named = findings
        .iter()
        .find(|it| it["file"] == "ledger.db transfers");
    let named = named.unwrap_or_else(|| panic!("{audited:#}"));
    assert_eq!(
        (&named["kind"], named["transfer"].as_str()),
        (&"row-changed".into(), Some(id.as_str())),
        "{named:#}"
    );
    let shown = setup.pointsman(&["verify-store", "--quick"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains(&format!("error: transfer {id}: ledger.db transfers: "))
            && shown.contains("store rebuild"),
        "{shown}"
    );
    assert!(setup.pointsman(&["store", "rebuild"]).status.success());
    assert_clean(&setup);
}

#[test]
fn a_ledger_of_an_older_day_throws_nothing_away() {
    let setup = Setup::plain("");
    let server = setup.serve();
    server.stop();
    let old = kept(&setup);
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDER", "octets"));
    setup.await_delivered(1);
    server.stop();
    let row = first(&setup, &[]);
    let blob = state(&setup).join("spool/sealed").join(id_of(&row));
    // An older ledger is put back: after the delivery, then as if it had not come yet when the machine broke.
    for delivered in [true, false] {
        if !delivered {
            std::fs::rename(setup.inbox().join(row["path"].as_str().unwrap()), &blob).unwrap();
        }
        put_back(&setup, &old);
        let refused = setup.pointsman(&["serve"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success(),
            "it would take the file once more"
        );
        assert!(
            said.contains(&id_of(&row)) && said.contains("store rebuild"),
            "{said}"
        );
    }
    assert!(blob.exists(), "the partner may have its EFPA");
    let (code, audited) = json(&setup, &["verify-store"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        audited["findings"][0]["kind"], "sidecar-without-row",
        "{audited:#}"
    );
    assert!(setup.pointsman(&["store", "rebuild"]).status.success());
    let server = setup.serve();
    assert_eq!(setup.await_delivered(1).len(), 1);
    server.await_log(&["file-delivered"]);
    let mut peer = Peer::session(server.address());
    assert_eq!(peer.take_receipts().len(), 1);
    assert_clean(&setup);

    // The other way: what was sent would be sent again.
    assert_eq!(server.stop(), Some(0));
    let receiving = Setup::plain("");
    let receiver = receiving.serve();
    let sending = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        &receiver.address().to_string(),
        "    calls: {queued: false}\n",
    );
    sending.queue("INVOIC", "invoice", "nordwerk");
    let old = kept(&sending);
    assert!(
        sending
            .pointsman(&["send", "--to", "nordwerk"])
            .status
            .success()
    );
    put_back(&sending, &old);
    let (code, audited) = json(&sending, &["verify-store"]);
    assert_eq!(code, Some(1));
    assert_eq!(audited["findings"][0]["kind"], "row-behind", "{audited:#}");
    let refused = sending.pointsman(&["serve"]);
    assert!(
        !refused.status.success(),
        "it would send the file once more"
    );
    assert!(sending.pointsman(&["store", "rebuild"]).status.success());
    assert_clean(&sending);

    // What a rebuild cannot take in keeps nobody from starting.
    let strange = state(&setup).join("spool/sealed/01900000-0000-7000-8000-000000000001.jsonl");
    std::fs::write(strange, "not a sidecar").unwrap();
    // Nobody listed it: it is found where the folder is.
    std::fs::remove_file(state(&setup).join("spool/newest-sealed")).unwrap();
    assert!(!setup.pointsman(&["serve"]).status.success());
    let (code, rebuilt) = json(&setup, &["store", "rebuild"]);
    assert_eq!(code, Some(1), "{rebuilt:#}");
    assert_eq!(setup.serve().stop(), Some(0));
}
