//! Folders and files that others may write: what they put there is not followed, not waited for, and taken only whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, RenameFlags};
use rustix::process::{Gid, Uid};
use support::peer::{Peer, VirtualFile};
use support::{PATIENCE, Server, Setup, amount, eventually, octets};

const ID: &str = "01a21165-b280-76d2-9369-f9835f2a3464";
const SECRET: &[u8] = b"a key that is nobody's but the server's";

/// A user who is not the one that the tests run as.
const SOMEBODY: u32 = 54321;

/// Nobody is at home at the partner's: what is queued stays.
fn watching(more: &str) -> Setup {
    let partner = format!("    calls: {{queued: false}}\n    watch:\n      - folder: out\n{more}");
    let setup = Setup::caller(
        "listeners:\n  - address: 127.0.0.1:0\n",
        "127.0.0.1:1",
        &partner,
    );
    std::fs::create_dir(setup.path().join("out")).unwrap();
    setup
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
}

/// The watched folder still works, the server answers, and the secret is nowhere.
fn keeps_running_and_keeps_the_secret(setup: &Setup, server: Server, takes: bool) {
    if takes {
        setup.write("out/GOOD", "good");
        eventually("another file is queued", || {
            let rows = setup.transfers();
            rows.iter().any(|row| row.contains("GOOD")).then_some(())
        });
    }
    assert!(setup.pointsman(&["status"]).status.success());
    assert!(
        setup.transfers().iter().all(|row| !row.contains("KEY")),
        "the secret is queued"
    );
    for part in ["incoming", "sealed", "outgoing"] {
        for entry in std::fs::read_dir(setup.path().join("state/spool").join(part)).unwrap() {
            let content = std::fs::read(entry.unwrap().path()).unwrap();
            assert_ne!(content, SECRET, "the secret is in the spool");
        }
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_link_in_the_place_of_taken_is_named_and_leads_nowhere() {
    let setup = watching("        quiet: 100ms\n");
    let secret = setup.write("key.pem", SECRET);
    std::fs::create_dir(setup.path().join("theirs")).unwrap();
    symlink(secret, setup.path().join(format!("theirs/{ID}.KEY"))).unwrap();
    symlink(setup.path().join("theirs"), setup.path().join("out/.taken")).unwrap();
    let server = setup.serve();
    server.await_log(&["folder-unusable", ".taken", "symbolic link"]);
    keeps_running_and_keeps_the_secret(&setup, server, false);
}

#[test]
fn a_taken_folder_of_somebody_else_is_named_and_not_used() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can make folders of other users");
        return;
    }
    let setup = watching("        quiet: 100ms\n");
    let secret = setup.write("key.pem", SECRET);
    let taken = setup.path().join("out/.taken");
    std::fs::create_dir(&taken).unwrap();
    symlink(secret, taken.join(format!("{ID}.KEY"))).unwrap();
    chown(&taken, Some(SOMEBODY), None).unwrap();
    let server = setup.serve();
    server.await_log(&["folder-unusable", ".taken", "belongs to user 54321"]);
    keeps_running_and_keeps_the_secret(&setup, server, false);
}

#[test]
fn whatever_stops_a_folder_or_a_file_is_named_however_much_else_is_wrong() {
    let setup = watching("        quiet: 50ms\n        format: F\n        record_length: 4\n");
    let config = std::fs::read_to_string(setup.config()).unwrap();
    setup.write("pointsman.yaml", config + "limits: {log_repeats: 5}\n");
    let other = setup.write("elsewhere/KEY", SECRET);
    let linked: Vec<String> = (1..=8).map(|number| format!("LINKED{number}")).collect();
    for name in &linked {
        std::fs::hard_link(&other, setup.path().join("out").join(name)).unwrap();
    }
    let server = setup.serve();
    server.await_log(&["watch-trouble", "LINKED", "names"]);
    let cut: Vec<String> = (1..=8).map(|number| format!("CUT{number}")).collect();
    for name in &cut {
        setup.write(&format!("out/{name}"), "no record");
    }
    for name in &cut {
        server.await_log(&["file-put-aside", name, "is cut off"]);
    }
    let at = |name: &str| setup.path().join(name);
    symlink(at("elsewhere"), at("link")).unwrap();
    let (link, taken) = (at("link"), at("out/.taken"));
    rustix::fs::renameat_with(CWD, link, CWD, taken, RenameFlags::EXCHANGE).unwrap();
    server.await_log(&["folder-unusable", ".taken", "symbolic link"]);
    std::fs::remove_file(at("out/.taken")).unwrap();
    server.await_log(&["folder-usable"]);
    // More than five in ten seconds are only counted; each is named when there is room for it.
    for name in &linked {
        server.await_log(&["watch-trouble", name, "names"]);
    }
}

/// It belongs to another program's user, or lies on a share that is not mounted: that folder alone stands still.
#[test]
fn whatever_becomes_of_a_watched_folder_keeps_no_server_from_running() {
    type Harm = (&'static str, fn(&Path), &'static [&'static str]);
    let harms: [Harm; 6] = [
        (
            "a file",
            |setup| std::fs::write(setup.join("out"), "").unwrap(),
            &["folder"],
        ),
        ("a pipe", |setup| pipe(&setup.join("out")), &["folder"]),
        (
            "a link to the inbox",
            |setup| symlink(setup.join("inbox"), setup.join("out")).unwrap(),
            &["storage.inbox", "keep them apart"],
        ),
        (
            "a link to the state",
            |setup| symlink(setup.join("state"), setup.join("out")).unwrap(),
            &["storage.state", "keep them apart"],
        ),
        (
            "a link to nothing, below a file",
            |setup| {
                std::fs::write(setup.join("gone"), "").unwrap();
                symlink(setup.join("gone/out"), setup.join("out")).unwrap();
            },
            &["out"],
        ),
        (
            "what was sent would lie in the spool",
            |setup| symlink(setup.join("state/spool"), setup.join("done")).unwrap(),
            &["keep_in", "the spool"],
        ),
    ];
    for (what, harm, words) in harms {
        let more = "        quiet: 50ms\n        keep_in: done\n      - folder: other\n        quiet: 50ms\n";
        let setup = watching(more);
        std::fs::remove_dir(setup.path().join("out")).unwrap();
        std::fs::create_dir_all(setup.path().join("state/spool")).unwrap();
        std::fs::create_dir(setup.inbox()).unwrap();
        harm(setup.path());
        let checked = setup.pointsman(&["check"]);
        let told = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{what}: {told}");
        assert!(told.contains("watch[0]"), "{what}: {told}");
        let server = setup.serve();
        let line = server.await_log(&["folder-unusable", "out"]);
        assert!(
            words.iter().all(|word| line.contains(word)),
            "{what}: {line}"
        );
        setup.write("other/ORDERS", "still works");
        server.await_log(&["file-queued", "ORDERS"]);
        for place in ["inbox/.taken", "state/.taken", "state/spool/.taken"] {
            assert!(
                !setup.path().join(place).exists(),
                "{what}: {place} was made"
            );
        }
        let taken_away = setup.path().join(if what.starts_with("what") {
            "done"
        } else {
            "out"
        });
        std::fs::rename(taken_away, setup.path().join("mended")).unwrap();
        server.await_log(&["folder-usable"]);
    }
}

#[test]
fn links_and_pipes_among_what_was_taken_are_put_aside_and_nobody_waits() {
    let setup = watching("        quiet: 100ms\n");
    let secret = setup.write("key.pem", SECRET);
    let taken = setup.path().join("out/.taken");
    std::fs::create_dir(&taken).unwrap();
    symlink(secret, taken.join(format!("{ID}.KEY"))).unwrap();
    for number in 5..9 {
        let id = ID.replace("3464", &format!("346{number}"));
        pipe(&taken.join(format!("{id}.PIPE")));
    }
    let server = setup.serve();
    server.await_log(&["file-put-aside", "PIPE", "this is not a file"]);
    server.await_log(&["file-put-aside", "KEY", "symbolic link"]);
    for part in ["out/.taken", "out/refused"] {
        let mode = setup.path().join(part).metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "{part}");
    }
    keeps_running_and_keeps_the_secret(&setup, server, true);
}

#[test]
fn keep_in_that_was_replaced_by_a_strangers_link_keeps_nothing() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can make links of other users");
        return;
    }
    let setup = watching("        quiet: 100ms\n        keep_in: out/done\n");
    let elsewhere = setup.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let link = setup.path().join("out/done");
    symlink(&elsewhere, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(SOMEBODY), None).unwrap();
    setup.write("out/ORDERS", "one");
    let server = setup.serve();
    server.await_log(&["watch-trouble", "ORDERS", "link of user 54321"]);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    drop(server);
}

#[test]
fn a_file_that_is_open_for_writing_waits_however_long_its_writer_stalls() {
    let setup = watching("        quiet: 300ms\n");
    let server = setup.serve();
    let mut writer = std::fs::File::create(setup.path().join("out/STALLED")).unwrap();
    writer.write_all(&[1; 4000]).unwrap();
    server.await_log(&["watch-trouble", "STALLED", "open for writing"]);
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(
        setup.transfers(),
        Vec::<String>::new(),
        "it is still written"
    );
    writer.write_all(&[2; 4000]).unwrap();
    drop(writer);
    let rows = eventually("it is queued", || {
        Some(setup.transfers()).filter(|rows| !rows.is_empty())
    });
    assert!(rows[0].contains(" 8000 "), "{}", rows[0]);
    drop(server);
}

#[test]
fn a_file_of_another_user_waits_until_its_writer_is_seen_to_close_it() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can make files of other users");
        return;
    }
    let setup = watching("        quiet: 300ms\n        quiet_unseen: 10m\n");
    let earlier = setup.write("out/EARLIER", "closed before anybody looked");
    chown(earlier, Some(SOMEBODY), None).unwrap();
    // Like a server that is not root, it may not ask who has other users' files open.
    let without =
        "exec setpriv --bounding-set=-lease --inh-caps=-lease -- \"$0\" serve --log-json \"$@\"";
    let server = Server::start_after(&setup.config(), without);
    // One is written in a go that stalls; the other is made first, and then opened to be written, as many programs do.
    let mut writers = ["STALLED", "REOPENED"].map(|name| {
        let path = setup.path().join("out").join(name);
        let mut writer = std::fs::File::create(&path).unwrap();
        chown(&path, Some(SOMEBODY), None).unwrap();
        if name == "REOPENED" {
            drop(writer);
            writer = std::fs::File::options().append(true).open(&path).unwrap();
        }
        writer.write_all(&[1; 4000]).unwrap();
        writer
    });
    server.await_log(&["watch-trouble", "does not tell", "CAP_LEASE"]);
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(setup.transfers(), Vec::<String>::new(), "half of each");
    for writer in &mut writers {
        writer.write_all(&[2; 4000]).unwrap();
    }
    drop(writers);
    let rows = eventually("they are queued", || {
        Some(setup.transfers()).filter(|rows| rows.len() >= 2)
    });
    for row in &rows {
        assert!(row.contains(" 8000 "), "{row}");
    }
    assert_eq!(rows.len(), 2, "nobody has seen who closed the one before");
    assert_eq!(server.stop(), Some(0));

    let sooner = std::fs::read_to_string(setup.config()).unwrap();
    std::fs::write(setup.config(), sooner.replace("10m", "1s")).unwrap();
    let server = Server::start_after(&setup.config(), without);
    eventually("nobody has written to it for a while", || {
        let rows = setup.transfers();
        rows.iter().any(|row| row.contains("EARLIER")).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_file_that_may_not_be_read_stays_where_its_owner_can_mend_that() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can make files of other users");
        return;
    }
    let setup = watching("        quiet: 50ms\n        quiet_unseen: 50ms\n");
    // Like a server that is not root, it may read what it is given alone.
    let without = "exec setpriv --bounding-set=-lease,-dac_override,-dac_read_search --inh-caps=-lease,-dac_override,-dac_read_search -- \"$0\" serve --log-json \"$@\"";
    let server = Server::start_after(&setup.config(), without);
    let path = setup.write("stash", "whole");
    set_mode(&path, 0);
    chown(&path, Some(SOMEBODY), None).unwrap();
    let shown = setup.path().join("out/SEALED");
    std::fs::rename(&path, &shown).unwrap();
    server.await_log(&["watch-trouble", "SEALED", "let user 0 read it"]);
    assert!(shown.exists(), "nobody else can mend it");
    set_mode(&shown, 0o644);
    eventually("it is queued", || {
        let rows = setup.transfers();
        rows.iter().any(|row| row.contains("SEALED")).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_file_that_no_disk_has_room_for_is_not_even_begun() {
    let disk = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    let free = disk.f_bavail * disk.f_frsize;
    let reserve = free / 4 * 3 / 1024;
    let setup = watching(&format!(
        "        quiet: 50ms\nlimits: {{reserve: {reserve}KiB}}\n"
    ));
    // It has a size, and takes nothing of the disk.
    let vast = std::fs::File::create(setup.path().join("out/VAST")).unwrap();
    vast.set_len(free * 2).unwrap();
    drop(vast);
    let server = setup.serve();
    server.await_log(&["watch-trouble", "VAST", "no free space"]);
    for name in ["GOOD1", "GOOD2"] {
        setup.write(&format!("out/{name}"), "good");
        eventually("other files are queued", || {
            let rows = setup.transfers();
            rows.iter().any(|row| row.contains(name)).then_some(())
        });
    }
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("VAST")).count();
    assert_eq!(told, 1, "it is told once");
    let incoming = setup.path().join("state/spool/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn to_send_a_pipe_or_a_folder_is_refused_at_once() {
    let setup = watching("");
    let path = setup.path().join("PIPE");
    pipe(&path);
    for wrong in [path.to_str().unwrap(), "."] {
        let sent = setup.pointsman(&["send", wrong, "--to", "nordwerk", "--queue-only"]);
        let said = String::from_utf8_lossy(&sent.stderr).into_owned();
        assert_eq!(sent.status.code(), Some(1), "{wrong}: {said}");
        assert!(said.contains("this is not a file"), "{wrong}: {said}");
    }
}

#[test]
fn a_file_that_is_not_as_large_as_the_system_tells_is_not_queued() {
    let setup = watching("");
    // Its size is told as 0; of the others as a page, where this system has them.
    let telling_less = ["/proc/version"];
    let telling_more = ["/sys/kernel/uevent_seqnum", "/sys/class/net/lo/mtu"];
    let there = telling_more
        .into_iter()
        .filter(|path| Path::new(path).exists());
    for path in telling_less.into_iter().chain(there) {
        let sent = setup.pointsman(&[
            "send",
            path,
            "--to",
            "nordwerk",
            "--as",
            "SIZE",
            "--queue-only",
        ]);
        let said = String::from_utf8_lossy(&sent.stderr).into_owned();
        assert_eq!(sent.status.code(), Some(1), "{path}: {said}");
        for word in [
            path,
            "its size is",
            "nothing of it is queued",
            "send the copy",
        ] {
            assert!(said.contains(word), "{path}: {said}");
        }
        assert_eq!(setup.transfers(), Vec::<String>::new(), "{path}");
    }
    let incoming = setup.path().join("state/spool/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
    // What it advises does.
    let copy = setup.write("VERSION", std::fs::read("/proc/version").unwrap());
    let copy = copy.to_str().unwrap();
    let sent = setup.pointsman(&["send", copy, "--to", "nordwerk", "--queue-only"]);
    assert!(sent.status.success());
    assert_eq!(setup.transfers().len(), 1);
}

#[test]
fn an_inbox_that_was_removed_while_the_server_runs_is_made_again() {
    let setup = Setup::plain("");
    let server = setup.serve();
    std::fs::remove_dir(setup.inbox()).unwrap();
    Peer::session(server.address()).send(&VirtualFile::new("AFTER", octets(1, 100)));
    setup.await_delivered(1);
    drop(server);
}

/// Everything below a folder, and the folder.
fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            found.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn nothing_is_for_others(folder: &Path) {
    for path in all_below(folder) {
        assert_eq!(
            mode(&path) & 0o077,
            0,
            "{}: {:o}",
            path.display(),
            mode(&path)
        );
    }
}

/// Runs a command as a user who is neither root nor the one that the tests run as; none where that cannot be.
fn as_somebody(command: &[&str]) -> Option<Output> {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried as another user: only root can become one");
        return None;
    }
    let id = SOMEBODY.to_string();
    let run = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"])
        .args(command)
        .output();
    Some(run.unwrap())
}

/// A station that has received a file, has half of another, and keeps one to send.
fn busy_setup() -> Setup {
    let setup = Setup::with_listeners(
        "  - address: 127.0.0.1:0\n",
        "    watch:\n      - folder: out\n        quiet: 50ms\n",
        "",
    );
    std::fs::create_dir(setup.path().join("out")).unwrap();
    // The folder of the test itself must hide nothing.
    set_mode(setup.path(), 0o755);
    setup
}

fn keep_busy(setup: &Setup, server: &Server) {
    Peer::session(server.address()).send(&VirtualFile::new("WHOLE", octets(1, 100)));
    let mut broken = Peer::session(server.address());
    broken.offer(&VirtualFile::new("BROKEN", octets(2, 100_000)));
    setup.await_delivered(1);
    setup.write("out/TO-SEND", "to send");
    setup.write("out/NAME-THAT-IS-MUCH-TOO-LONG-TO-BE-SENT", "");
    eventually("a file is queued, and one refused", || {
        let refused = setup.path().join("out/refused").read_dir().ok()?.count();
        (refused == 1 && setup.transfers().len() == 3).then_some(())
    });
}

#[test]
fn whatever_the_umask_nobody_else_reads_or_locks_what_the_server_keeps() {
    for umask in ["022", "000"] {
        let setup = busy_setup();
        let server = Server::start_after(&setup.config(), &format!("umask {umask}"));
        keep_busy(&setup, &server);
        let state = setup.path().join("state");
        nothing_is_for_others(&state);
        for part in ["out/.taken", "out/refused"] {
            assert_eq!(mode(&setup.path().join(part)), 0o700, "{part}");
        }
        for (path, expected) in [("", 0o750), ("mueller", 0o750)] {
            assert_eq!(mode(&setup.inbox().join(path)), expected, "inbox/{path}");
        }
        assert_eq!(mode(&setup.inbox().join(&setup.delivered()[0])), 0o640);
        let path = setup.path().to_str().unwrap();
        if let Some(found) = as_somebody(&["find", path, "-mindepth", "2", "-readable"]) {
            // Only what lies in the watched folder itself, which is not the server's, could be.
            assert_eq!(String::from_utf8_lossy(&found.stdout), "");
        }
        for file in ["lock", "ledger.db", "ledger.db-shm", "ledger.db-wal"] {
            let file = state.join(file);
            assert!(file.exists(), "{}", file.display());
            let locked = as_somebody(&["flock", "-n", file.to_str().unwrap(), "true"]);
            assert!(
                locked.is_none_or(|locked| !locked.status.success()),
                "{}",
                file.display()
            );
        }
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn what_others_could_read_is_made_private_at_the_start_and_the_log_says_so() {
    let setup = busy_setup();
    let server = setup.serve();
    keep_busy(&setup, &server);
    assert_eq!(server.stop(), Some(0));
    let state = setup.path().join("state");
    for path in all_below(&state) {
        set_mode(&path, if path.is_dir() { 0o777 } else { 0o666 });
    }
    let server = setup.serve();
    for folder in ["state", "state/spool", "state/spool/outgoing"] {
        let folder = format!("{}\"", setup.path().join(folder).display());
        server.await_log(&["made-private", &folder]);
    }
    nothing_is_for_others(&state);
    assert_eq!(server.stop(), Some(0));
    let server = setup.serve();
    assert!(
        !server.log().contains("made-private"),
        "there was nothing to mend"
    );
}

#[test]
fn a_folder_in_which_several_users_keep_files_is_taken_from_nobody() {
    let setup = Setup::plain("");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    setup.write(
        "pointsman.yaml",
        text.replace("state: state", "state: public"),
    );
    setup.write("public/others", "a file of somebody else");
    let public = setup.path().join("public");
    std::fs::set_permissions(&public, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let file = setup.write("ORDERS", "x").display().to_string();
    for command in [
        &["check"][..],
        &["serve"],
        &["send", &file, "--to", "mueller", "--queue-only"],
    ] {
        let refused = setup.pointsman(command);
        assert_eq!(refused.status.code(), Some(1), "{command:?}");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned()
            + &String::from_utf8_lossy(&refused.stdout);
        for words in ["public", "several users", "a folder of its own"] {
            assert!(told.contains(words), "{command:?}: {told}");
        }
        assert_eq!(public.metadata().unwrap().mode() & 0o7777, 0o1777);
    }
}

#[test]
fn a_state_folder_around_the_inbox_lets_others_pass_and_shows_them_nothing() {
    let setup = Setup::plain("");
    let text = std::fs::read_to_string(setup.config()).unwrap();
    std::fs::write(
        setup.config(),
        text.replace("inbox: inbox", "inbox: state/inbox"),
    )
    .unwrap();
    let server = setup.serve();
    let state = setup.path().join("state");
    assert_eq!(mode(&state), 0o711);
    assert_eq!(mode(&state.join("spool")), 0o700);
    assert_eq!(mode(&state.join("ledger.db")), 0o600);
    assert_eq!(mode(&state.join("control.sock")), 0o600);
    drop(server);
}

#[test]
fn who_may_read_and_remove_delivered_files_is_what_the_configuration_says() {
    let ours = rustix::process::getegid().as_raw();
    let group = if rustix::process::geteuid().as_raw() == 0 {
        SOMEBODY
    } else {
        ours
    };
    let setup = Setup::plain(&format!("delivery: {{mode: 0660, group: {group}}}\n"));
    set_mode(setup.path(), 0o755);
    let server = setup.serve();
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", octets(1, 100)));
    let file = setup.inbox().join(&setup.await_delivered(1)[0]);
    assert_eq!(
        (mode(&file), file.metadata().unwrap().gid()),
        (0o660, group)
    );
    let mut folders = Vec::from([setup.inbox()]);
    folders.push(file.parent().unwrap().to_owned());
    for folder in folders {
        let found = (mode(&folder), folder.metadata().unwrap().gid());
        assert_eq!(found, (0o770, group), "{}", folder.display());
    }
    drop(server);
    if let Some(removed) = as_somebody(&["rm", file.to_str().unwrap()]) {
        assert!(
            removed.status.success(),
            "{}",
            String::from_utf8_lossy(&removed.stderr)
        );
    }
}

#[test]
fn permissions_that_no_delivered_file_should_have_are_refused() {
    for (keys, word) in [
        ("mode: 0666", "everybody"),
        ("mode: 0750", "neither run"),
        ("mode: 0440", "must be able to read and write"),
        ("mode: rw-r-----", "in octal"),
        ("group: no-such-group", "no group `no-such-group`"),
    ] {
        let checked = Setup::plain(&format!("delivery: {{{keys}}}\n")).pointsman(&["check"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{keys}: {said}");
        assert!(said.contains(word), "{keys}: {said}");
    }
}

#[test]
fn the_command_that_takes_files_makes_its_own_as_usual() {
    let setup = Setup::plain("");
    let script = setup.write("take", "#!/bin/sh\ndir=$(dirname \"$0\")\numask > \"$dir/umask.new\"\nmv \"$dir/umask.new\" \"$dir/umask\"\n");
    set_mode(&script, 0o755);
    let command = format!("delivery: {{command: [{}]}}\n", script.display());
    setup.configure("  - address: 127.0.0.1:0\n", "", &command);
    let server = Server::start_after(&setup.config(), "umask 027");
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", octets(1, 100)));
    let umask = eventually("the command has run", || {
        std::fs::read_to_string(setup.path().join("umask")).ok()
    });
    assert_eq!(umask.trim(), "0027");
    drop(server);
}

#[test]
fn a_hard_link_is_not_taken_until_it_is_the_only_name() {
    let setup = watching("        quiet: 50ms\n");
    let other = setup.write("elsewhere/KEY", SECRET);
    std::fs::hard_link(&other, setup.path().join("out/KEY")).unwrap();
    // As a crash, or a look that came between, may have left it.
    std::fs::create_dir(setup.path().join("out/.taken")).unwrap();
    let taken = setup.path().join(format!("out/.taken/{ID}.KEY2"));
    std::fs::hard_link(&other, taken).unwrap();
    let server = setup.serve();
    server.await_log(&["file-put-aside", "KEY2", "3 names"]);
    server.await_log(&["watch-trouble", "KEY cannot be taken", "3 names"]);
    assert!(setup.path().join("out/refused/KEY2").exists());
    keeps_running_and_keeps_the_secret(&setup, server, true);
    // A producer that links and unlinks is done now.
    std::fs::remove_file(other).unwrap();
    std::fs::remove_file(setup.path().join("out/refused/KEY2")).unwrap();
    let server = setup.serve();
    eventually("the file is queued", || {
        let rows = setup.transfers();
        rows.iter().any(|row| row.contains("KEY")).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
}

/// Renames whole files into a folder, so that some wait there as long as it is looked at, until it is told to end; gives
/// how many there were.
fn fill(folder: &Path, stash: &Path, over: &AtomicBool) -> usize {
    let mut files = 0;
    let until = Instant::now() + PATIENCE;
    while !over.load(Ordering::Relaxed) && Instant::now() < until {
        if std::fs::read_dir(folder).unwrap().count() > 30 {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        std::fs::write(stash, octets(files as u64, 20_000)).unwrap();
        std::fs::rename(stash, folder.join(format!("FILE{files}"))).unwrap();
        files += 1;
    }
    files
}

fn queued(setup: &Setup) -> usize {
    let blobs = std::fs::read_dir(setup.path().join("state/spool/outgoing"));
    blobs.map_or(0, Iterator::count)
}

#[test]
fn whenever_the_server_stops_the_store_is_in_order_and_each_file_is_queued_once() {
    let setup = watching("        quiet: 50ms\n");
    let (out, over) = (setup.path().join("out"), AtomicBool::new(false));
    let files = std::thread::scope(|threads| {
        let stash = setup.path().join("stash");
        let (folder, told) = (&out, &over);
        let filling = threads.spawn(move || fill(folder, &stash, told));
        let stopping = threads.spawn(|| {
            for killed in [false, true, false, true, false, true] {
                let before = queued(&setup);
                let server = setup.serve();
                eventually("some files are queued", || {
                    (queued(&setup) > before + 4).then_some(())
                });
                if killed {
                    server.kill();
                } else {
                    assert_eq!(server.stop(), Some(0));
                }
                let verified = setup.pointsman(&["verify-store"]);
                let said = String::from_utf8_lossy(&verified.stdout).into_owned();
                assert!(verified.status.success(), "killed: {killed}: {said}");
            }
        });
        let stopped = stopping.join();
        over.store(true, Ordering::Relaxed);
        let files = filling.join().unwrap();
        stopped.unwrap();
        files
    });
    let server = setup.serve();
    eventually("all files are queued", || {
        let left = std::fs::read_dir(&out).unwrap().count();
        let taken = out.join(".taken").read_dir().unwrap().count();
        (left == 2 && taken == 0).then_some(())
    });
    assert_eq!(setup.transfers().len(), files);
    assert_eq!(server.stop(), Some(0));
}

/// One who may write into a watched folder, and puts there whatever might lead the server elsewhere, again and again.
struct Attacker {
    folder: PathBuf,
    /// Files and folders to put there, on the same file system; the attacker's own.
    stash: PathBuf,
    secret: PathBuf,
    elsewhere: PathBuf,
    /// Whether what is the server's in the folder can be renamed: not where the folder is sticky.
    owns_folder: bool,
}

impl Attacker {
    /// Everything that can be tried is tried; that the system or the server was quicker is no failure.
    /// Attacks for so many rounds, and until the server was seen at work, for a minute at most.
    fn attack(&self, rounds: u64, at_work: &AtomicBool) {
        become_somebody();
        self.prepare();
        let until = Instant::now() + PATIENCE;
        let is_enough =
            |round| round >= rounds && (at_work.load(Ordering::Relaxed) || Instant::now() > until);
        for round in (0..).take_while(|round| !is_enough(*round)) {
            let name = self.folder.join(format!("NAME{}", round % 5));
            self.put(&name, |path| std::fs::write(path, "harmless"));
            match round % 4 {
                0 => self.put(&name, |path| symlink(&self.secret, path)),
                1 => self.put(&name, |path| {
                    pipe(path);
                    Ok(())
                }),
                2 => {
                    // It was made before the attack, as if any user could.
                    let link = self.stash.join("hard");
                    let _ = std::fs::rename(&link, &name);
                    std::thread::yield_now();
                    let _ = std::fs::rename(&name, &link);
                }
                _ => {
                    let _ = std::fs::remove_file(&name);
                    let _ = std::fs::create_dir(&name);
                    std::thread::yield_now();
                    let _ = std::fs::remove_dir(&name);
                }
            }
            if self.owns_folder {
                for (ours, trap) in [(".taken", "trap"), ("refused", "way out")] {
                    self.swap(ours, trap);
                    std::thread::yield_now();
                    self.swap(ours, trap);
                }
            }
        }
    }

    fn prepare(&self) {
        // What a trusted `.taken` would be made to give away.
        let content = self.stash.join("content");
        std::fs::create_dir(&content).unwrap();
        symlink(&self.secret, content.join(format!("{ID}.KEY"))).unwrap();
        symlink(&content, self.stash.join("trap")).unwrap();
        symlink(&self.elsewhere, self.stash.join("way out")).unwrap();
    }

    fn put(&self, name: &Path, make: impl Fn(&Path) -> std::io::Result<()>) {
        let beside = self.stash.join("beside");
        let _ = std::fs::remove_file(&beside);
        if make(&beside).is_ok() {
            let _ = std::fs::rename(&beside, name);
        }
    }

    fn swap(&self, ours: &str, trap: &str) {
        let (ours, trap) = (self.folder.join(ours), self.stash.join(trap));
        let _ = rustix::fs::renameat_with(CWD, ours, CWD, trap, RenameFlags::EXCHANGE);
    }
}

/// This thread alone.
fn become_somebody() {
    let (user, group) = (Uid::from_raw(SOMEBODY), Gid::from_raw(SOMEBODY));
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_res_gid(group, group, group).unwrap();
    rustix::thread::set_thread_res_uid(user, user, user).unwrap();
}

fn make_folder_of(owner: u32, mode: u32, path: &Path) {
    std::fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
    set_mode(path, mode);
}

/// `POINTSMAN_ATTACKS=100000` takes some minutes.
#[test]
fn a_racing_attacker_gets_nothing_read_nothing_placed_and_the_server_is_not_held_up() {
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("not tried: only root can become another user");
        return;
    }
    let rounds = amount("POINTSMAN_ATTACKS", 1500);
    let setup = watching("        quiet: 50ms\n      - folder: sticky\n        quiet: 50ms\n");
    set_mode(setup.path(), 0o755);
    let at = |name: &str| setup.path().join(name);
    chown(at("out"), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    make_folder_of(0, 0o1777, &at("sticky"));
    make_folder_of(0, 0o700, &at("elsewhere"));
    let secret = setup.write("KEY", SECRET);
    set_mode(&secret, 0o600);
    let mut attackers = Vec::new();
    for (folder, stash) in [("out", "stash1"), ("sticky", "stash2")] {
        make_folder_of(SOMEBODY, 0o755, &at(stash));
        std::fs::hard_link(&secret, at(stash).join("hard")).unwrap();
        attackers.push(Attacker {
            folder: at(folder),
            stash: at(stash),
            secret: secret.clone(),
            elsewhere: at("elsewhere"),
            owns_folder: folder == "out",
        });
    }
    let server = setup.serve();
    eventually("the server is at work", || {
        (at("out/refused").exists() && at("sticky/refused").exists()).then_some(())
    });
    let (over, at_work) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let attacks: Vec<_> = attackers
            .iter()
            .map(|attacker| threads.spawn(|| attacker.attack(rounds, &at_work)))
            .collect();
        let asking = threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // Ends by itself, or is ended after two minutes.
                assert!(setup.pointsman(&["status"]).status.success());
                at_work.fetch_or(!setup.transfers().is_empty(), Ordering::Relaxed);
            }
        });
        let attacked: Vec<_> = attacks.into_iter().map(|attack| attack.join()).collect();
        over.store(true, Ordering::Relaxed);
        asking.join().unwrap();
        attacked.into_iter().for_each(|attack| attack.unwrap());
    });
    let queued = setup.transfers().len();
    assert!(
        queued > 0,
        "nothing harmless was queued in a minute of attacks"
    );
    eprintln!("{rounds} rounds in each folder; {queued} harmless files were queued meanwhile");
    let placed: Vec<_> = std::fs::read_dir(at("elsewhere")).unwrap().collect();
    assert!(placed.is_empty(), "placed elsewhere: {placed:?}");
    setup.write("sticky/ALSO-GOOD", "good");
    eventually("the other folder is looked at", || {
        let rows = setup.transfers();
        let found = rows.iter().any(|row| row.contains("ALSO-GOOD"));
        found.then_some(())
    });
    keeps_running_and_keeps_the_secret(&setup, server, true);
}
