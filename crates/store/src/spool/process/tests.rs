//! Programs that live, that ended, and that were killed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn spool() -> (TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    (folder, spool)
}

fn files(folder: &TempDir) -> Vec<String> {
    let processes = folder.path().join("spool").join(PROCESSES);
    let entries = std::fs::read_dir(processes).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_program_has_a_name_of_its_own_for_as_long_as_it_lives() {
    let (folder, spool) = spool();
    let (server, send) = (
        spool.programs().begin("server").unwrap(),
        spool.programs().begin("send").unwrap(),
    );
    assert!(server.name().starts_with("server-") && send.name().starts_with("send-"));
    assert_eq!(
        files(&folder),
        [send.name(), server.name()],
        "and none is half made"
    );
    for program in [&server, &send] {
        assert!(spool.programs().is_running(program.name()).unwrap());
        let path = folder
            .path()
            .join("spool")
            .join(PROCESSES)
            .join(program.name());
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "whoever locked it would seem to be it");
    }
    let name = server.name().to_owned();
    drop(server);
    assert!(!spool.programs().is_running(&name).unwrap());
    assert!(spool.programs().is_running(send.name()).unwrap());
    assert_eq!(files(&folder), [send.name()]);
    let next = spool.programs().begin("server").unwrap();
    assert_ne!(next.name(), name, "no other program ever has that name");
}

#[test]
fn another_spool_at_the_same_place_is_told_the_same() {
    let (folder, spool) = spool();
    let other = Spool::open(&folder.path().join("spool")).unwrap();
    let program = spool.programs().begin("server").unwrap();
    for _ in 0..3 {
        assert!(
            other.programs().is_running(program.name()).unwrap(),
            "to ask changes nothing"
        );
    }
    drop(program);
}

#[test]
fn what_is_no_name_of_a_program_is_none_that_lives() {
    let (folder, spool) = spool();
    let outside = folder.path().join("outside");
    std::fs::write(&outside, "").unwrap();
    let file = File::open(&outside).unwrap();
    let _locked = Locked::new(file, &outside).unwrap();
    for name in [
        "",
        ".",
        "..",
        "../../outside",
        "/etc/passwd",
        ".hidden",
        "a/b",
        "a\0b",
        "nobody",
    ] {
        assert!(!spool.programs().is_running(name).unwrap(), "{name:?}");
    }
}

#[test]
fn the_files_of_killed_programs_are_removed_and_those_of_others_stay() {
    let (folder, spool) = spool();
    let lives = spool.programs().begin("server").unwrap();
    let processes = folder.path().join("spool").join(PROCESSES);
    let killed = format!("send-{}", TransferId::new());
    std::fs::write(processes.join(&killed), "").unwrap();
    // One that is being made just now: its lock may not be there yet.
    std::fs::write(processes.join("send-x.new"), "").unwrap();
    assert!(!spool.programs().is_running(&killed).unwrap());
    for _ in 0..2 {
        spool.programs().forget_gone().unwrap();
        assert_eq!(files(&folder), ["send-x.new", lives.name()]);
    }
    std::fs::remove_dir_all(&processes).unwrap();
    spool.programs().forget_gone().unwrap();
    assert!(!spool.programs().is_running(&killed).unwrap());
    assert!(
        spool.programs().begin("send").is_err(),
        "nobody would see it"
    );
}

/// A program that another one forked has its files open for a moment, and not its locks.
#[test]
fn a_file_that_somebody_else_has_open_is_no_program_that_lives() {
    let (folder, spool) = spool();
    let program = spool.programs().begin("server").unwrap();
    let name = program.name().to_owned();
    let path = folder.path().join("spool").join(PROCESSES).join(&name);
    let open = File::open(&path).unwrap();
    drop(program);
    std::fs::write(&path, "").unwrap();
    assert!(!spool.programs().is_running(&name).unwrap());
    drop(open);
}
