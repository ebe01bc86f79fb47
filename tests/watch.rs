//! Watched folders: what is put into one is sent, when it is whole, and once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecursiveMode, Watcher};
use support::{PATIENCE, Setup, eventually, other_file_system};

/// Nobody is at home at the partner's: what is queued stays.
fn watching(more: &str) -> Setup {
    let partner = format!("    calls: {{queued: false}}\n    watch:\n      - folder: out\n{more}");
    let listener = "listeners:\n  - address: 127.0.0.1:0\n";
    Setup::caller(listener, "127.0.0.1:1", &partner)
}

fn put(setup: &Setup, name: &str, content: &str) {
    let beside = setup.write(&format!("beside/{name}"), content);
    std::fs::rename(beside, setup.path().join("out").join(name)).unwrap();
}

fn in_folder(setup: &Setup, folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(setup.path().join(folder)) else {
        return Vec::new(); // The server creates it with the first file that goes there.
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn await_rows(setup: &Setup, count: usize) -> Vec<String> {
    eventually("the files are queued", || {
        Some(setup.transfers()).filter(|rows| rows.len() >= count)
    })
}

#[test]
fn a_file_that_is_renamed_into_the_folder_goes_at_once() {
    let setup = watching("        quiet: 10m\n");
    let server = setup.serve();
    // The folder is made and listened to before anything is put into it.
    eventually("the folder is there", || {
        setup.path().join("out/.taken").is_dir().then_some(())
    });
    std::thread::sleep(Duration::from_millis(200));
    put(&setup, "INVOICE.1", "one");
    let rows = await_rows(&setup, 1);
    assert!(
        rows[0].contains("INVOICE.1") && rows[0].contains("ready"),
        "{}",
        rows[0]
    );
    server.await_log(&["file-queued", "INVOICE.1"]);
    eventually("it is removed", || {
        in_folder(&setup, "out/.taken").is_empty().then_some(())
    });
    assert_eq!(in_folder(&setup, "out"), Vec::<String>::new());
}

#[test]
fn a_folder_at_rest_is_left_at_rest() {
    let setup = watching("        quiet: 10m\n");
    let _server = setup.serve();
    eventually("the folder is there", || {
        setup.path().join("out/.taken").is_dir().then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));
    let (tell, told) = std::sync::mpsc::channel();
    // Each look opens `refused` once.
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let event = event.unwrap();
        let opened = event.kind == EventKind::Access(AccessKind::Open(AccessMode::Any));
        if opened && event.paths.iter().any(|path| path.ends_with("refused")) {
            let _ = tell.send(());
        }
    })
    .unwrap();
    let folder = setup.path().join("out");
    watcher.watch(&folder, RecursiveMode::NonRecursive).unwrap();
    told.recv_timeout(PATIENCE).expect("it is looked at");
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(3900));
    let looks = told.try_iter().count();
    let most = began.elapsed().as_secs() / 2 + 1;
    assert!(looks as u64 <= most, "looked at {looks} times, not {most}");
}

#[test]
fn a_folder_that_was_created_again_is_listened_to_like_the_one_before() {
    let setup = watching("        quiet: 10m\n");
    let server = setup.serve();
    let is_used = || {
        eventually("the folder is there", || {
            setup.path().join("out/.taken").is_dir().then_some(())
        });
        std::thread::sleep(Duration::from_millis(200));
    };
    for round in 0..5 {
        is_used();
        // The system may give the new folder the number of the old one.
        eventually("nobody makes anything in it meanwhile", || {
            std::fs::remove_dir_all(setup.path().join("out")).ok()
        });
        let _ = std::fs::create_dir(setup.path().join("out"));
        is_used();
        put(
            &setup,
            &format!("ORDERS{round}"),
            "renamed in, so it is whole",
        );
        server.await_log(&["file-queued", &format!("ORDERS{round}")]);
    }
}

#[test]
fn a_file_that_grows_waits_until_it_is_left_alone() {
    let setup = watching("        quiet: 2s\n        keep_in: done\n");
    setup.write("out/.hidden", "never");
    let path: PathBuf = setup.write("out/GROWS", "begin ");
    let server = setup.serve();
    for part in 0..8 {
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(
            setup.transfers(),
            Vec::<String>::new(),
            "it is still written"
        );
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        write!(file, "part {part} ").unwrap();
    }
    let whole = std::fs::read(&path).unwrap();
    let rows = await_rows(&setup, 1);
    assert!(
        rows[0].contains(&format!(" {} ", whole.len())),
        "{}",
        rows[0]
    );
    eventually("it is kept", || {
        (in_folder(&setup, "done") == ["GROWS"]).then_some(())
    });
    assert_eq!(
        std::fs::read(setup.path().join("done/GROWS")).unwrap(),
        whole
    );
    assert_eq!(in_folder(&setup, "out"), [".hidden"]);
    drop(server);
}

#[test]
fn a_copy_that_is_kept_elsewhere_may_be_read_as_the_file_and_runs_as_nobody() {
    let Some(apart) = other_file_system() else {
        return;
    };
    let kept = apart.path().join("kept");
    let setup = watching(&format!(
        "        quiet: 100ms\n        keep_in: {}\n",
        kept.display()
    ));
    for (name, mode) in [("RUNS", 0o6777), ("OPEN", 0o644), ("PRIVATE", 0o600)] {
        let path = setup.write(&format!("out/{name}"), "what a writer made");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    let server = setup.serve();
    for (name, mode) in [("RUNS", 0o644), ("OPEN", 0o644), ("PRIVATE", 0o600)] {
        let copy = kept.join(name);
        let kept = eventually("it is kept", || copy.metadata().ok());
        assert_eq!(kept.mode() & 0o7777, mode, "{name}");
    }
    drop(server);
}

#[test]
fn a_copy_that_is_kept_leaves_the_reserve_of_its_disk() {
    let Some(apart) = other_file_system() else {
        return;
    };
    let free = |path: &Path| {
        let disk = rustix::fs::statvfs(path).unwrap();
        disk.f_bavail * disk.f_frsize
    };
    let reserve = free(apart.path()) + (64 << 20);
    if free(&std::env::temp_dir()) < reserve + (64 << 20) {
        return println!("not tried: the disk of the spool is no bigger than the other");
    }
    let kept = apart.path().join("kept");
    let setup = watching(&format!(
        "        quiet: 100ms\n        keep_in: {}\n",
        kept.display()
    ));
    let config = std::fs::read_to_string(setup.config()).unwrap();
    let limits = format!("limits: {{reserve: {reserve}}}\n");
    setup.write("pointsman.yaml", config + &limits);
    setup.write("out/ORDERS", "what a writer made");
    let server = setup.serve();
    server.await_log(&["watch-trouble", "ORDERS", "no free space", "`.taken`"]);
    assert_eq!(await_rows(&setup, 1).len(), 1, "it is queued all the same");
    assert_eq!(in_folder(&setup, "out/.taken").len(), 1);
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_sent_is_put_aside_and_said() {
    let setup = watching(
        "        quiet: 100ms\n        pattern: '*.DAT'\n        format: F\n        record_length: 4\n",
    );
    setup.write("out/SHORT.DAT", "ABCDE");
    setup.write("out/A NAME OF MUCH MORE THAN 26.DAT", "ABCD");
    setup.write("out/GOOD.DAT", "ABCDEFGH");
    setup.write("out/OTHER.TXT", "not meant");
    std::os::unix::fs::symlink("/etc/hostname", setup.path().join("out/LINK.DAT")).unwrap();
    let server = setup.serve();
    server.await_log(&["file-put-aside", "SHORT.DAT", "record 2 is cut off"]);
    server.await_log(&[
        "file-put-aside",
        "A NAME OF MUCH MORE THAN 26.DAT",
        "refused",
    ]);
    let rows = await_rows(&setup, 1);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].contains("GOOD.DAT"), "{}", rows[0]);
    assert_eq!(in_folder(&setup, "out/refused").len(), 2);
    let left: Vec<String> = std::fs::read_dir(setup.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".taken" && name != "refused")
        .collect();
    assert_eq!(
        left.len(),
        2,
        "the link and what does not match stay: {left:?}"
    );
}

#[test]
fn whatever_a_crash_left_is_queued_once() {
    let setup = watching("        quiet: 100ms\n");
    setup.write("out/FIRST", "first");
    let server = setup.serve();
    let rows = await_rows(&setup, 1);
    let id = rows[0].split_whitespace().next().unwrap().to_owned();
    server.kill();

    // As after a crash between the row and the end of the file, and one between taking and the row.
    setup.write(&format!("out/.taken/{id}.FIRST"), "first");
    setup.write(
        "out/.taken/01a21165-b280-76d2-9369-f9835f2a3464.SECOND",
        "second",
    );
    // One after a power cut that came before the sidecar of its copy was whole.
    let torn = "01a21165-b280-76d2-9369-f9835f2a3465";
    setup.write(&format!("out/.taken/{torn}.THIRD"), "third");
    setup.write(&format!("state/spool/outgoing/{torn}"), "th");
    setup.write(&format!("state/spool/outgoing/{torn}.jsonl"), "");
    let server = setup.serve();
    let rows = await_rows(&setup, 3);
    eventually("nothing is left", || {
        in_folder(&setup, "out/.taken").is_empty().then_some(())
    });
    assert_eq!(setup.transfers().len(), 3, "{rows:?}");
    let copy = setup.path().join("state/spool/outgoing").join(torn);
    assert_eq!(std::fs::read(copy).unwrap(), b"third");
    assert!(
        rows.iter()
            .any(|row| row.starts_with("01a21165-b280-76d2-9369-f9835f2a3464"))
    );
    drop(server);
}

#[test]
fn folders_that_are_one_by_links_or_in_other_words_stand_still() {
    let setup = watching("");
    std::fs::create_dir_all(setup.path().join("out")).unwrap();
    std::fs::create_dir_all(setup.inbox()).unwrap();
    symlink(setup.path().join("out"), setup.path().join("alias")).unwrap();
    symlink(setup.inbox(), setup.path().join("way-in")).unwrap();
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let twice = "watched twice";
    for (folders, why) in [
        ("out\n      - folder: ./x/../out", twice),
        ("out\n      - folder: alias", twice),
        ("alias\n      - folder: out", twice),
        ("way-in/mueller", "lie in each other"),
        ("out\n        keep_in: alias", "would go out once more"),
    ] {
        let bad = text.replace("folder: out", &format!("folder: {folders}"));
        std::fs::write(setup.config(), bad).unwrap();
        stands_still(&setup, &[why]);
    }
}

/// What the disk does not say is not taken for absence: where a path leads is not known then.
#[test]
fn a_folder_of_which_nobody_can_say_where_it_leads_stands_still() {
    let setup = watching("        keep_in: kept\n");
    // No file system of Linux has a name of so many octets.
    let nowhere = setup.path().join("x".repeat(300));
    symlink(nowhere.join("kept"), setup.path().join("kept")).unwrap();
    stands_still(&setup, &["kept cannot be looked at", "os error 36"]);
}

/// `check` names a watched folder, and a server runs without it.
fn stands_still(setup: &Setup, words: &[&str]) {
    let checked = setup.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    let line = setup.serve().await_log(&["folder-unusable"]);
    assert!(words.iter().all(|word| line.contains(word)), "{line}");
}

#[test]
fn a_folder_that_becomes_another_one_while_it_is_watched_takes_nothing_from_it() {
    let setup = watching(
        "        quiet: 50ms\n      - folder: alias\n        quiet: 50ms\n        user_data: WRONG\n",
    );
    let at = |name: &str| setup.path().join(name);
    std::fs::create_dir(at("other")).unwrap();
    symlink(at("other"), at("alias")).unwrap();
    let server = setup.serve();
    setup.write("alias/FIRST", "one");
    setup.write("out/SECOND", "two");
    eventually("both are watched", || {
        (setup.transfers().len() == 2).then_some(())
    });
    symlink(at("out"), at("new")).unwrap();
    std::fs::rename(at("new"), at("alias")).unwrap();
    server.await_log(&["folder-unusable", "watched twice"]);
    for number in 0..10 {
        setup.write(&format!("out/LATER{number}"), "three");
    }
    let rows = eventually("the one watcher takes them", || {
        Some(setup.transfers()).filter(|rows| rows.len() == 12)
    });
    let sent_by_the_other = rows.iter().filter(|row| {
        let id = row.split_whitespace().next().unwrap();
        let shown = setup.pointsman(&["transfers", "show", id]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(
            shown.contains("user data") || !row.contains("FIRST"),
            "{shown}"
        );
        shown.contains("WRONG")
    });
    let sent_by_the_other: Vec<&String> = sent_by_the_other.collect();
    assert_eq!(sent_by_the_other.len(), 1, "{sent_by_the_other:?}");
    assert!(sent_by_the_other[0].contains("FIRST"));
    assert_eq!(server.stop(), Some(0));
}

/// What was put aside for one partner would go to another, and what is kept would be taken for what is on its way.
#[test]
fn what_the_server_keeps_in_its_folders_is_nobody_elses_folder() {
    let setup = watching("");
    std::fs::create_dir_all(setup.path().join("out")).unwrap();
    symlink("out/refused", setup.path().join("aside")).unwrap();
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let folders = |folders: &str| text.replace("folder: out", &format!("folder: {folders}"));
    for (bad, key) in [
        (
            folders("out\n      - folder: out/refused"),
            "watch[1].folder",
        ),
        (
            folders("out/.taken/x\n      - folder: out"),
            "watch[0].folder",
        ),
        (folders("out\n      - folder: aside"), "watch[1].folder"),
        (
            folders("out\n        keep_in: out/refused"),
            "watch[0].keep_in",
        ),
        (
            folders("out\n      - folder: more\n        keep_in: out/.taken"),
            "watch[1].keep_in",
        ),
        (
            folders("out\n        keep_in: state/spool/incoming"),
            "watch[0].keep_in",
        ),
        (
            text.replace("inbox: inbox", "inbox: state/spool/inbox"),
            "storage.inbox",
        ),
    ] {
        std::fs::write(setup.config(), &bad).unwrap();
        if key.starts_with("watch") {
            stands_still(&setup, &[key, "name another folder"]);
            continue;
        }
        for command in ["check", "serve"] {
            let run = setup.pointsman(&[command]);
            let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
            assert_eq!(run.status.code(), Some(1), "{command} {bad}: {said}");
            assert!(
                said.contains(key) && said.contains("name another folder"),
                "{command} {bad}: {said}"
            );
        }
    }
    for good in [
        "out\n        keep_in: out/done",
        "out\n      - folder: out/more",
    ] {
        std::fs::write(setup.config(), folders(good)).unwrap();
        let checked = setup.pointsman(&["check"]);
        assert!(checked.status.success(), "{good}: {checked:?}");
    }
}

#[test]
fn folders_that_lie_in_each_other_are_refused() {
    let setup = watching("");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    for (bad, why) in [
        (
            text.replace("folder: out", "folder: inbox/out"),
            "lie in each other",
        ),
        (
            text.replace("folder: out", "folder: state"),
            "lie in each other",
        ),
        (
            text.replace("folder: out", "folder: ."),
            "lie in each other",
        ),
        (
            text.replace("folder: out", "folder: out\n        keep_in: out"),
            "is a watched folder itself",
        ),
        (
            text.replace("- folder: out", "- folder: out\n      - folder: out"),
            "watched twice",
        ),
        (
            text.replace("folder: out", "folder: out\n        format: F"),
            "need a record_length",
        ),
        (
            text.replace("folder: out", "folder: out\n        pattern: '[a'"),
            "is not a pattern",
        ),
    ] {
        std::fs::write(setup.config(), bad).unwrap();
        let checked = setup.pointsman(&["check"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(
            !checked.status.success() && said.contains(why),
            "{why}: {said}"
        );
    }
}
