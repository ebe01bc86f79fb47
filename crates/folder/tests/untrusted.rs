//! Whatever stands under a name: nothing waits, nothing is followed that its owner does not answer for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;

use pointsman_folder::{EntryKind, Folder, Names, Why, is_being_written, open, read};
use tempfile::TempDir;

/// A user who is not us.
const SOMEBODY: u32 = 54321;

fn folder() -> (TempDir, Folder) {
    let temp = TempDir::new().unwrap();
    let folder = Folder::open(temp.path(), Names::Operator).unwrap();
    (temp, folder)
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o666),
        0,
    )
    .unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

/// Whether this test may make files of other users; says so where it may not.
fn is_root() -> bool {
    let root = pointsman_folder::our_user() == 0;
    if !root {
        eprintln!("not tried: only root can make files of other users");
    }
    root
}

#[test]
fn a_pipe_a_folder_and_a_link_are_no_files_and_nobody_waits_for_them() {
    let (temp, folder) = folder();
    let at = |name: &str| temp.path().join(name);
    pipe(&at("pipe"));
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::write(at("file"), "content").unwrap();
    symlink("file", at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();

    for name in ["pipe", "folder", "socket"] {
        let refused = folder.file(name).unwrap_err();
        assert!(matches!(refused.why(), Why::NotAFile), "{refused}");
        for names in [Names::Caller, Names::Operator, Names::Keeper] {
            let refused = open(&at(name), names).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
            assert!(
                refused.to_string().ends_with("this is not a file"),
                "{refused}"
            );
        }
    }
    let refused = folder.file("link").unwrap_err();
    assert!(matches!(refused.why(), Why::Link), "{refused}");
    let mut text = String::new();
    let (mut file, look) = folder.file("file").unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), look.octets), ("content", 7));
    assert_eq!(folder.look("link").unwrap().unwrap().kind, EntryKind::Link);
    assert_eq!(folder.look("pipe").unwrap().unwrap().kind, EntryKind::Other);
    assert!(folder.file("absent").unwrap_err().is_gone());
}

#[test]
fn a_name_is_one_part() {
    let (_temp, folder) = folder();
    for name in ["", ".", "..", "a/b", "/etc/passwd"] {
        assert!(
            matches!(folder.file(name).unwrap_err().why(), Why::BadName),
            "{name:?}"
        );
        assert!(folder.ours(name).is_err(), "{name:?}");
        assert!(folder.rename(name, &folder, "other").is_err(), "{name:?}");
    }
}

#[test]
fn nothing_is_read_beyond_the_limit() {
    let (temp, _) = folder();
    let path = temp.path().join("file");
    std::fs::write(&path, [7; 100]).unwrap();
    assert_eq!(read(&path, 100, Names::Operator).unwrap().0.len(), 100);
    let refused = read(&path, 99, Names::Operator).unwrap_err();
    assert!(matches!(refused.why(), Why::TooBig(99)), "{refused}");
    // It says of itself that it has none, and has no end.
    let refused = read(Path::new("/proc/self/maps"), 10, Names::Operator).unwrap_err();
    assert!(matches!(refused.why(), Why::TooBig(10)), "{refused}");
}

#[test]
fn our_folders_and_files_are_private_and_those_that_were_not_are_mended() {
    let (temp, folder) = folder();
    let (taken, mended) = folder.ours("taken").unwrap();
    assert!(!mended);
    assert_eq!(mode(&temp.path().join("taken")), 0o700);
    let (_, mended) = taken.own_file("lock").unwrap();
    assert!(!mended);
    assert_eq!(mode(&temp.path().join("taken/lock")), 0o600);

    let set = |path: &str, mode| {
        let path = temp.path().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("taken", 0o777);
    set("taken/lock", 0o644);
    assert!(folder.ours("taken").unwrap().1);
    assert!(taken.own_file("lock").unwrap().1);
    assert_eq!(mode(&temp.path().join("taken")), 0o700);
    assert_eq!(mode(&temp.path().join("taken/lock")), 0o600);
}

#[test]
fn what_others_may_do_with_our_files_is_taken_from_them() {
    let (temp, folder) = folder();
    let at = |name: &str| temp.path().join(name);
    let set = |path: &str, mode| {
        std::fs::set_permissions(at(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::write(at("file"), "").unwrap();
    std::fs::write(at("elsewhere"), "").unwrap();
    symlink("elsewhere", at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    for (name, open) in [("file", 0o664), ("socket", 0o777), ("elsewhere", 0o644)] {
        set(name, open);
    }
    for (name, taken) in [("file", true), ("socket", true), ("link", false)] {
        assert_eq!(folder.take_from_others(name).unwrap(), taken, "{name}");
        assert!(!folder.take_from_others(name).unwrap(), "{name} again");
    }
    assert_eq!((mode(&at("file")), mode(&at("socket"))), (0o600, 0o700));
    assert_eq!(mode(&at("elsewhere")), 0o644, "a link was followed");
    assert!(!folder.take_from_others("not there").unwrap());
    if is_root() {
        chown(at("elsewhere"), Some(SOMEBODY), None).unwrap();
        assert!(!folder.take_from_others("elsewhere").unwrap());
    }
}

#[test]
fn a_home_that_belongs_to_somebody_else_is_refused_and_says_as_whom_to_run() {
    let (temp, _folder) = folder();
    let home = temp.path().join("state");
    Folder::home(&home, 0o700).unwrap();
    assert_eq!(mode(&home), 0o700);
    if is_root() {
        chown(&home, Some(SOMEBODY), None).unwrap();
        let refused = Folder::home(&home, 0o700).unwrap_err();
        assert!(matches!(refused.why(), Why::AnotherUsers(SOMEBODY)));
        assert!(
            refused.to_string().contains("sudo -u '#54321'"),
            "{refused}"
        );
    }
}

#[test]
fn a_folder_of_ours_that_is_a_link_or_somebody_elses_is_refused_and_named() {
    let (temp, folder) = folder();
    symlink("/etc", temp.path().join("taken")).unwrap();
    let refused = folder.ours("taken").unwrap_err();
    assert!(matches!(refused.why(), Why::Link), "{refused}");
    assert!(refused.to_string().contains("taken"), "{refused}");
    if is_root() {
        std::fs::create_dir(temp.path().join("refused")).unwrap();
        chown(temp.path().join("refused"), Some(SOMEBODY), None).unwrap();
        let refused = folder.ours("refused").unwrap_err();
        assert!(
            matches!(refused.why(), Why::SomebodyElses(SOMEBODY)),
            "{refused}"
        );
    }
}

#[test]
fn only_the_operators_links_lead_a_path_of_the_configuration() {
    let (temp, _) = folder();
    let at = |name: &str| temp.path().join(name);
    std::fs::create_dir_all(at("real/inner")).unwrap();
    std::fs::write(at("real/inner/file"), "content").unwrap();
    symlink("real", at("link")).unwrap();
    symlink("file", at("real/inner/alias")).unwrap();
    for path in ["link/inner/file", "link/inner/../inner/./alias"] {
        let (octets, _) = read(&at(path), 100, Names::Operator).unwrap();
        assert_eq!(octets, b"content", "{path}");
    }
    Folder::open(&at("link/inner"), Names::Keeper).unwrap();
    symlink("round", at("round")).unwrap();
    assert!(Folder::open(&at("round"), Names::Operator).is_err());

    if is_root() {
        lchown(at("link"), Some(SOMEBODY), None).unwrap();
        let refused = read(&at("link/inner/file"), 100, Names::Operator).unwrap_err();
        assert!(matches!(refused.why(), Why::LinkOf(SOMEBODY)), "{refused}");
        assert!(Folder::open(&at("link/inner"), Names::Operator).is_err());
        // Whoever calls the program has nobody's rights but its own.
        assert!(read(&at("link/inner/file"), 100, Names::Caller).is_ok());
    }
}

#[test]
fn a_folder_that_somebody_put_in_its_place_keeps_nothing() {
    if !is_root() {
        return;
    }
    let (temp, folder) = folder();
    let at = |name: &str| temp.path().join(name);
    std::fs::create_dir_all(at("kept/inner")).unwrap();
    chown(at("kept"), Some(SOMEBODY), None).unwrap();
    // Only root could put it there.
    Folder::open(&at("kept/inner"), Names::Keeper).unwrap();
    folder.below("kept", None).unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let refused = Folder::open(&at("kept/inner"), Names::Keeper).unwrap_err();
    assert!(
        matches!(refused.why(), Why::Exchangeable(SOMEBODY)),
        "{refused}"
    );
    assert!(folder.below("kept", None).is_err());
    Folder::open(&at("kept/inner"), Names::Operator).unwrap();
}

#[test]
fn what_is_missing_is_made_with_the_permissions_that_were_asked_for() {
    let (temp, folder) = folder();
    let deep = temp.path().join("one/two");
    assert!(Folder::open(&deep, Names::Keeper).unwrap_err().is_gone());
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    Folder::make(&deep, Names::Keeper, 0o750).unwrap();
    assert!(folder.below("three", Some(0o775)).unwrap().1);
    rustix::process::umask(before);
    assert_eq!(mode(&temp.path().join("one/two")), 0o750);
    assert_eq!(
        mode(&temp.path().join("one")),
        0o755,
        "only a way to it, and to others"
    );
    assert_eq!(mode(&temp.path().join("three")), 0o775);
    assert!(!folder.below("three", Some(0o700)).unwrap().1);
    assert_eq!(mode(&temp.path().join("three")), 0o775);
}

#[test]
fn the_kernel_knows_who_has_a_file_open_for_writing() {
    let (temp, folder) = folder();
    let path = temp.path().join("file");
    std::fs::write(&path, "begin").unwrap();
    let (reader, before) = folder.file("file").unwrap();
    assert_eq!(is_being_written(&reader), Some(false));
    let writer = OpenOptions::new().append(true).open(&path).unwrap();
    assert_eq!(is_being_written(&reader), Some(true));
    let mut other = &writer;
    std::io::Write::write_all(&mut other, b" and end").unwrap();
    drop(writer);
    assert_eq!(is_being_written(&reader), Some(false));
    assert_ne!(folder.look("file").unwrap().unwrap(), before);
    // Who reads it does not write it.
    let _reader = File::open(&path).unwrap();
    assert_eq!(is_being_written(&reader), Some(false));
}

#[test]
fn a_writer_that_comes_while_it_is_asked_is_not_kept_waiting_and_ends_nobody() {
    let (temp, folder) = folder();
    let path = temp.path().join("file");
    std::fs::write(&path, "x").unwrap();
    let (reader, _) = folder.file("file").unwrap();
    let writing = std::thread::spawn(move || {
        for _ in 0..3000 {
            drop(OpenOptions::new().append(true).open(&path).unwrap());
        }
    });
    while !writing.is_finished() {
        let _ = is_being_written(&reader);
    }
    writing.join().unwrap();
}

#[test]
fn groups_have_numbers_and_names() {
    assert_eq!(pointsman_folder::group_id("root"), Some(0));
    assert_eq!(pointsman_folder::group_id("1234"), Some(1234));
    assert_eq!(pointsman_folder::group_id("no such group"), None);
}
