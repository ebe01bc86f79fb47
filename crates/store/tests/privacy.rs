//! Who may read what the store keeps and what it delivers, and what is done where the disk is full.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oftp::{DatasetName, FileHeader, FileKey, FileStamp, OdetteId};
use pointsman_folder::PRIVATE_FOLDER;
use pointsman_store::{
    Access, ContentKey, OwnFiles, PlaceError, Received, Reserve, Sidecar, Spool, SpoolError,
    Target, TransferId, Verdict, is_full, keep_private,
};
use tempfile::TempDir;

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

fn with_mode(path: PathBuf, mode: u32) -> PathBuf {
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn spool() -> (TempDir, Spool) {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("inbox")).unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    (folder, spool)
}

fn sealed(spool: &Spool, content: &[u8]) -> ContentKey {
    let key = ContentKey::wire_received(TransferId::new());
    let mut writer = spool.partial(key).unwrap().resume(0).unwrap();
    writer.append(content).unwrap();
    let whole = writer.finish().unwrap();
    let received = Received {
        measure: whole.measure().clone(),
        counts: oftp::Counts::default(),
        target: Target {
            directory: String::new(),
            file_name: "FILE".to_owned(),
            overwrite: false,
        },
        wire_hash: None,
        verdict: Some(Verdict::Positive),
        note: String::new().into(),
        labels: Vec::new(),
        removal: None,
    };
    let header = FileHeader::plain(
        FileKey {
            dataset: DatasetName::new("ORDER").unwrap(),
            stamp: FileStamp::new("20261122", "0815300001").unwrap(),
            originator: OdetteId::new("O0013THEM").unwrap(),
            destination: OdetteId::new("O0013US").unwrap(),
        },
        7,
    );
    let sidecar = Sidecar::inbound(key.id, "them", &header, &received, "S1");
    whole.seal(&sidecar).unwrap();
    key
}

#[test]
fn nobody_else_reads_a_spool_or_anything_in_it() {
    let (folder, spool) = spool();
    let root = folder.path().join("spool");
    let key = sealed(&spool, b"content");
    let begun = ContentKey::wire_received(TransferId::new());
    drop(spool.partial(begun).unwrap().resume(0).unwrap());
    let process = spool.programs().begin("test").unwrap();
    for name in [
        format!("sealed/{}", key.id),
        format!("sealed/{}.jsonl", key.id),
        format!("incoming/{}", begun.id),
        format!("processes/{}", process.name()),
    ] {
        assert_eq!(mode(&root.join(&name)) & 0o077, 0, "{name}");
    }
    for name in ["", "sealed", "incoming", "outgoing", "processes"] {
        assert_eq!(mode(&root.join(name)) & 0o077, 0, "{name}");
    }
}

#[test]
fn a_spool_that_others_could_enter_is_taken_from_them_with_all_its_files() {
    let (folder, spool) = spool();
    let root = folder.path().join("spool");
    let key = sealed(&spool, b"content");
    let file = with_mode(root.join(format!("sealed/{}", key.id)), 0o644);
    let sealed = with_mode(root.join("sealed"), 0o755);
    let spool = Spool::open(&root).unwrap();
    assert_eq!(mode(&sealed) & 0o077, 0);
    assert_eq!(mode(&file) & 0o077, 0);
    assert_eq!(std::fs::read(&file).unwrap(), b"content");
    // Nobody could enter the folder, so its files are not looked at: they are many.
    with_mode(file.clone(), 0o644);
    Spool::open(&root).unwrap();
    assert_eq!(mode(&file) & 0o077, 0o044);
    assert!(spool.hold(key).unwrap().is_some());
}

#[test]
fn of_a_shared_folder_only_the_named_files_are_ours() {
    let folder = TempDir::new().unwrap();
    let names = OwnFiles::Named(&["ledger.db"]);
    let write = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        with_mode(path, 0o666)
    };
    let (ours, log, theirs) = (write("ledger.db"), write("ledger.db-wal"), write("notes"));
    with_mode(folder.path().to_owned(), 0o777);
    keep_private(folder.path(), 0o755, names).unwrap();
    assert_eq!(mode(folder.path()), 0o755, "no more than was allowed");
    assert_eq!((mode(&ours) & 0o077, mode(&log) & 0o077), (0, 0));
    assert_eq!(mode(&theirs), 0o666, "another's file stays as it is");
    // Where the folder is not open either, the named files are looked at all the same.
    with_mode(ours.clone(), 0o640);
    keep_private(folder.path(), 0o755, names).unwrap();
    assert_eq!(mode(&ours) & 0o077, 0);
    let missing = folder.path().join("made");
    keep_private(&missing, PRIVATE_FOLDER, OwnFiles::All).unwrap();
    assert_eq!(mode(&missing) & 0o077, 0, "made for nobody else");
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(keep_private(&folder.path().join("file"), PRIVATE_FOLDER, OwnFiles::All).is_err());
}

#[test]
fn a_delivered_file_and_the_folders_made_for_it_have_the_permissions_that_were_asked_for() {
    for (wanted, of_folders) in [
        (0o600, 0o700),
        (0o640, 0o750),
        (0o644, 0o755),
        (0o660, 0o770),
    ] {
        let (folder, spool) = spool();
        let inbox = folder.path().join("inbox");
        let access = Access {
            mode: wanted,
            group: None,
        };
        let key = sealed(&spool, b"content");
        spool.place(key, &inbox, "a/b/FILE", false, access).unwrap();
        assert_eq!(mode(&inbox.join("a/b/FILE")), wanted);
        assert_eq!(
            mode(&inbox.join("a/b")) & 0o777,
            of_folders | 0o700,
            "{wanted:o}"
        );
        assert_eq!(
            mode(&inbox.join("a")) & 0o777,
            of_folders | 0o700,
            "{wanted:o}"
        );
    }
}

#[test]
fn a_delivered_file_belongs_to_the_group_that_was_asked_for_or_that_its_folder_gives() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tried: only root can give files to any group");
        return;
    }
    let (folder, spool) = spool();
    let inbox = folder.path().join("inbox");
    let access = Access {
        mode: 0o640,
        group: Some(54321),
    };
    let key = sealed(&spool, b"content");
    spool.place(key, &inbox, "a/FILE", false, access).unwrap();
    assert_eq!(inbox.join("a/FILE").metadata().unwrap().gid(), 54321);
    assert_eq!(inbox.join("a").metadata().unwrap().gid(), 54321);
    // Set-group-ID: what is made in the folder gets its group.
    let giving = inbox.join("giving");
    std::fs::create_dir(&giving).unwrap();
    std::os::unix::fs::chown(&giving, None, Some(12345)).unwrap();
    with_mode(giving.clone(), 0o2750);
    let key = sealed(&spool, b"content");
    spool
        .place(key, &inbox, "giving/FILE", false, Access::default())
        .unwrap();
    assert_eq!(giving.join("FILE").metadata().unwrap().gid(), 12345);
    let key = sealed(&spool, b"content");
    spool
        .place(key, &inbox, "giving/OTHER", false, access)
        .unwrap();
    assert_eq!(giving.join("OTHER").metadata().unwrap().gid(), 54321);
}

#[test]
fn what_stands_in_the_way_of_a_delivery_costs_no_file() {
    let (folder, spool) = spool();
    let inbox = folder.path().join("inbox");
    let key = sealed(&spool, b"content");
    std::fs::write(inbox.join("file"), "").unwrap();
    std::fs::create_dir(inbox.join("folder")).unwrap();
    for (path, overwrite) in [("file/FILE", true), ("folder", true)] {
        let failed = spool.place(key, &inbox, path, overwrite, Access::default());
        assert!(
            matches!(failed, Err(PlaceError::Io { .. })),
            "{path}: {failed:?}"
        );
        let here = spool.hold(key).unwrap();
        assert!(here.is_some(), "{path}: it is delivered another time");
    }
    let taken = spool.place(key, &inbox, "folder", false, Access::default());
    assert!(matches!(taken, Err(PlaceError::Taken(_))), "{taken:?}");
    std::fs::remove_dir_all(&inbox).unwrap();
    spool
        .place(key, &inbox, "FILE", false, Access::default())
        .unwrap();
    assert_eq!(
        std::fs::read(inbox.join("FILE")).unwrap(),
        b"content",
        "the inbox is made again"
    );
}

#[test]
fn an_inbox_on_another_file_system_is_noticed_before_anything_is_delivered() {
    let (folder, spool) = spool();
    let inbox = folder.path().join("inbox");
    std::fs::create_dir(inbox.join("a")).unwrap();
    std::fs::write(inbox.join("file"), "").unwrap();
    assert!(spool.cut_off(&inbox).unwrap().is_none());
    assert!(spool.cut_off(&folder.path().join("missing")).is_err());
    let root = Path::new("/");
    let apart = spool.cut_off(root).unwrap();
    assert!(apart.is_some(), "/proc or /sys lies elsewhere");
    assert!(!spool.shares_file_system(Path::new("/proc")).unwrap());
}

/// A file system of few octets; it goes with its folder.
struct Small(TempDir);

impl Small {
    /// None where this program may not make one.
    fn of(octets: u64, inodes: u64) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let options = format!("size={octets},nr_inodes={inodes},mode=0700");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "pointsman-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(done) if done.status.success() => Some(Self(folder)),
            _ => {
                eprintln!("not tried: only root can mount a small file system");
                None
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .output();
    }
}

#[test]
fn on_a_full_disk_a_write_is_refused_as_full_and_what_was_written_is_there() {
    let Some(small) = Small::of(1 << 20, 100) else {
        return;
    };
    let spool = Spool::open(&small.0.path().join("spool")).unwrap();
    let key = ContentKey::wire_received(TransferId::new());
    let mut writer = spool.partial(key).unwrap().resume(0).unwrap();
    writer.append(&[7; 300_000]).unwrap();
    assert_eq!(writer.sync().unwrap(), 300_000);
    let full = writer.append(&[7; 2_000_000]).unwrap_err();
    assert!(full.is_full(), "{full}");
    drop(writer);
    let partial = spool.partial(key).unwrap();
    assert!(partial.octets().unwrap() >= 300_000);
    let mut writer = partial.resume(300_000).unwrap();
    writer.append(b"and more").unwrap();
    assert_eq!(writer.finish().unwrap().measure().octets, 300_008);
}

#[test]
fn the_reserve_of_a_disk_is_left_alone_and_old_partials_make_way() {
    let Some(small) = Small::of(8 << 20, 200) else {
        return;
    };
    let spool = Spool::open(&small.0.path().join("spool")).unwrap();
    let reserve = Reserve::new(4 << 20, 10);
    let spool = spool.with_reserve(Arc::clone(&reserve));
    spool.has_room_for(3 << 20).unwrap();
    let refused = spool.has_room_for(5 << 20).unwrap_err();
    assert!(matches!(refused, SpoolError::NoRoom { .. }) && refused.is_full());
    reserve.change(1 << 20, 10);
    spool.clone().has_room_for(5 << 20).unwrap();
    reserve.change(4 << 20, 10);
    let key = ContentKey::wire_received(TransferId::new());
    let mut writer = spool.partial(key).unwrap().resume(0).unwrap();
    let mut written = 0;
    let stopped = loop {
        match writer.append(&[7; 256 << 10]) {
            Ok(()) => written += 256 << 10,
            Err(error) => break error,
        }
    };
    assert!(matches!(stopped, SpoolError::NoRoom { .. }), "{stopped}");
    assert!((3 << 20..=5 << 20).contains(&written), "{written}");
    assert!(
        spool.make_room(3 << 20).unwrap().is_empty(),
        "it is being written"
    );
    drop(writer);
    let filler = small.0.path().join("filler");
    std::fs::write(&filler, vec![7; 1 << 20]).unwrap();
    // The reserve is in use now: even a new partial is removed.
    assert_eq!(spool.make_room(1).unwrap(), [key.id]);
    assert_eq!(spool.pieces(key.id).unwrap(), Default::default());
}

#[test]
fn where_no_more_files_can_be_made_that_is_said_and_partials_make_way() {
    let Some(small) = Small::of(8 << 20, 40) else {
        return;
    };
    let spool = Spool::open(&small.0.path().join("spool")).unwrap();
    let spool = spool.with_reserve(Reserve::new(0, 5));
    spool.has_room_for(1).unwrap();
    let key = ContentKey::wire_received(TransferId::new());
    drop(spool.partial(key).unwrap().resume(0).unwrap());
    let fillers = (0..40).map(|at| small.0.path().join(format!("filler-{at}")));
    let made = fillers
        .take_while(|path| std::fs::write(path, "").is_ok())
        .count();
    assert!(made > 10, "{made}");
    let refused = spool.has_room_for(1).unwrap_err();
    assert!(
        matches!(refused, SpoolError::NoFilesLeft { reserve: 5, .. }),
        "{refused}"
    );
    assert!(refused.is_full() && refused.to_string().contains("inodes"));
    assert_eq!(spool.make_room(1).unwrap(), [key.id]);
    let full = spool.partial(ContentKey::wire_received(TransferId::new()));
    assert!(full.is_ok(), "there is an inode again");
}

#[test]
fn a_full_disk_is_told_from_other_errors() {
    for (kind, expected) in [
        (std::io::ErrorKind::StorageFull, true),
        (std::io::ErrorKind::QuotaExceeded, true),
        (std::io::ErrorKind::NotFound, false),
        (std::io::ErrorKind::PermissionDenied, false),
    ] {
        let error = std::io::Error::from(kind);
        assert_eq!(is_full(&error), expected, "{kind:?}");
        let error = SpoolError::Io {
            path: "spool/x".into(),
            source: error,
        };
        assert_eq!(error.is_full(), expected);
        assert_eq!(error.is_gone(), kind == std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("spool/x"));
    }
    let busy = SpoolError::Busy("spool/x".into());
    assert!(!busy.is_full() && !busy.is_gone());
}

#[test]
fn a_program_is_alive_for_as_long_as_it_has_its_file_locked() {
    let (folder, spool) = spool();
    let processes = folder.path().join("spool/processes");
    let (one, other) = (
        spool.programs().begin("serve").unwrap(),
        spool.programs().begin("send").unwrap(),
    );
    assert!(one.name().starts_with("serve-") && other.name().starts_with("send-"));
    assert_ne!(one.name(), other.name());
    let name = one.name().to_owned();
    assert!(spool.programs().is_running(&name).unwrap());
    spool.programs().forget_gone().unwrap();
    assert!(processes.join(&name).exists(), "it is at work");
    drop(one);
    assert!(!spool.programs().is_running(&name).unwrap());
    assert!(spool.programs().is_running(other.name()).unwrap());
    // A program that was killed leaves its file without a lock.
    std::fs::write(processes.join("serve-killed"), "").unwrap();
    std::fs::write(processes.join("serve-beginning.new"), "").unwrap();
    assert!(!spool.programs().is_running("serve-killed").unwrap());
    spool.programs().forget_gone().unwrap();
    assert!(!processes.join("serve-killed").exists());
    assert!(
        processes.join("serve-beginning.new").exists(),
        "it has no name yet"
    );
    for none in ["", "../sealed", "a/b", ".hidden", "a\0b", "never"] {
        assert!(!spool.programs().is_running(none).unwrap(), "{none:?}");
    }
    std::fs::remove_dir_all(&processes).unwrap();
    spool.programs().forget_gone().unwrap();
}
