//! Names of the inbox: which are paths below it, what is made on the way, and what a failed sync leaves.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn spool() -> (TempDir, Spool, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    let inbox = folder.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    (folder, spool, inbox)
}

/// A content in `sealed`, without a sidecar: a rename needs none.
fn sealed(spool: &Spool, octets: &str) -> ContentKey {
    let key = ContentKey::wire_received(TransferId::new());
    std::fs::write(spool.sealed_path(key), octets).unwrap();
    key
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_path_is_parts_and_a_name() {
    for (path, folders, name) in [
        ("FILE", &[][..], "FILE"),
        ("a/FILE", &["a"], "FILE"),
        ("a/b/c/FILE.1", &["a", "b", "c"], "FILE.1"),
        (".hidden", &[], ".hidden"),
        ("...", &[], "..."),
        ("a b/\u{e9} \n", &["a b"], "\u{e9} \n"),
    ] {
        assert_eq!(split(path).unwrap(), (folders.to_vec(), name), "{path}");
    }
}

#[test]
fn what_leads_out_of_the_inbox_is_no_path() {
    for path in [
        "",
        "/",
        "/FILE",
        "FILE/",
        "a//FILE",
        ".",
        "..",
        "a/..",
        "../FILE",
        "a/../FILE",
        "./FILE",
        "a/./FILE",
        "FI\0LE",
        "a\0/FILE",
    ] {
        let refused = split(path).unwrap_err();
        assert!(
            matches!(&refused, PlaceError::Unsafe(which) if which == path),
            "{path:?}"
        );
        let said = format!("`{path}` is not a path below the inbox");
        assert_eq!(refused.to_string(), said);
    }
}

#[test]
fn who_may_read_a_file_may_enter_its_folder() {
    for (of_files, of_folders) in [
        (0o600, 0o700),
        (0o640, 0o750),
        (0o660, 0o770),
        (0o644, 0o755),
        (0o664, 0o775),
        (0o604, 0o705),
        (0o620, 0o720),
    ] {
        let access = Access {
            mode: of_files,
            group: None,
        };
        assert_eq!(access.of_folders(), of_folders, "{of_files:o}");
    }
}

#[test]
fn folders_are_made_on_the_way_with_the_access_of_their_files() {
    let (_folder, spool, inbox) = spool();
    let access = Access {
        mode: 0o664,
        group: None,
    };
    std::fs::create_dir(inbox.join("there")).unwrap();
    std::fs::set_permissions(inbox.join("there"), PermissionsExt::from_mode(0o700)).unwrap();
    let key = sealed(&spool, "content");
    spool
        .place(key, &inbox, "there/new/FILE", false, access)
        .unwrap();
    assert_eq!(mode(&inbox.join("there")), 0o700, "it is somebody's own");
    assert_eq!(mode(&inbox.join("there/new")), 0o775);
    assert_eq!(mode(&inbox.join("there/new/FILE")), 0o664);
    assert!(!spool.sealed_path(key).exists());
}

#[test]
fn a_name_that_is_taken_costs_neither_of_the_two_files() {
    let (_folder, spool, inbox) = spool();
    std::fs::create_dir(inbox.join("folder")).unwrap();
    std::fs::write(inbox.join("FILE"), "precious").unwrap();
    std::os::unix::fs::symlink("nowhere", inbox.join("link")).unwrap();
    let key = sealed(&spool, "content");
    for name in ["FILE", "folder", "link"] {
        let taken = spool.place(key, &inbox, name, false, Access::default());
        assert!(
            matches!(&taken, Err(PlaceError::Taken(which)) if which == name),
            "{taken:?}"
        );
    }
    let through = spool.place(key, &inbox, "link/FILE", false, Access::default());
    assert!(matches!(through, Err(PlaceError::Io { .. })), "{through:?}");
    let through = spool.place(key, &inbox, "FILE/FILE", true, Access::default());
    assert!(matches!(through, Err(PlaceError::Io { .. })), "{through:?}");
    let over_a_folder = spool.place(key, &inbox, "folder", true, Access::default());
    assert!(over_a_folder.is_err(), "{over_a_folder:?}");
    assert_eq!(std::fs::read(inbox.join("FILE")).unwrap(), b"precious");
    // A link is replaced, not what it names.
    spool
        .place(key, &inbox, "link", true, Access::default())
        .unwrap();
    assert_eq!(std::fs::read(inbox.join("link")).unwrap(), b"content");
    assert!(!inbox.join("nowhere").exists());
}

fn placing<'a>(sealed: &'a Folder, folder: &'a Folder, key: ContentKey, inode: u64) -> Placing<'a> {
    Placing {
        sealed,
        from: file_name(key),
        id: key.id,
        inode,
        folder,
        name: "FILE",
    }
}

/// After a failed sync only a new rename is written again: the file goes back to where the next delivery finds it.
#[test]
fn a_file_that_was_not_made_durable_goes_back_unless_its_reader_has_it() {
    let (_folder, spool, inbox) = spool();
    let sealed_folder = Folder::home(&spool.root.join(SEALED), PRIVATE_FOLDER).unwrap();
    let folder = Access::default().inbox(&inbox).unwrap();
    let key = sealed(&spool, "content");
    let inode = sealed_folder.file(file_name(key)).unwrap().1.place.1;
    let step = placing(&sealed_folder, &folder, key, inode);
    step.rename("FILE", false).unwrap();
    step.take_back();
    assert_eq!(std::fs::read(spool.sealed_path(key)).unwrap(), b"content");
    assert!(!inbox.join("FILE").exists());
    // Its reader took it, and another file has its name.
    step.rename("FILE", false).unwrap();
    std::fs::rename(inbox.join("FILE"), inbox.join("TAKEN")).unwrap();
    std::fs::write(inbox.join("FILE"), "of somebody else").unwrap();
    step.take_back();
    assert!(
        !spool.sealed_path(key).exists(),
        "somebody else's file is no content"
    );
    assert_eq!(
        std::fs::read(inbox.join("FILE")).unwrap(),
        b"of somebody else"
    );
    std::fs::remove_file(inbox.join("FILE")).unwrap();
    step.take_back();
    assert!(!spool.sealed_path(key).exists());
    // What lies in the spool under its name is not overwritten either.
    std::fs::rename(inbox.join("TAKEN"), inbox.join("FILE")).unwrap();
    std::fs::write(spool.sealed_path(key), "another").unwrap();
    step.take_back();
    assert_eq!(std::fs::read(spool.sealed_path(key)).unwrap(), b"another");
    assert_eq!(std::fs::read(inbox.join("FILE")).unwrap(), b"content");
}

#[test]
fn a_delivery_is_confirmed_even_where_its_reader_removed_the_folder() {
    let (_folder, spool, inbox) = spool();
    let key = sealed(&spool, "content");
    spool
        .place(key, &inbox, "a/b/FILE", false, Access::default())
        .unwrap();
    for path in ["a/b/FILE", "a/b/OTHER", "gone/FILE"] {
        spool.settle_placed(&inbox, path).unwrap();
    }
    std::fs::remove_dir_all(inbox.join("a")).unwrap();
    spool.settle_placed(&inbox, "a/b/FILE").unwrap();
    let refused = spool.settle_placed(&inbox, "../FILE");
    assert!(matches!(refused, Err(PlaceError::Unsafe(_))));
    std::fs::write(inbox.join("file"), "").unwrap();
    let in_the_way = spool.settle_placed(&inbox, "file/below/FILE");
    assert!(
        matches!(in_the_way, Err(PlaceError::Io { .. })),
        "{in_the_way:?}"
    );
}

#[test]
fn a_content_that_is_not_there_is_not_placed_and_nothing_is_made_of_it() {
    let (_folder, spool, inbox) = spool();
    let key = ContentKey::wire_received(TransferId::new());
    let failed = spool.place(key, &inbox, "FILE", true, Access::default());
    assert!(matches!(failed, Err(PlaceError::Io { .. })));
    assert_eq!(std::fs::read_dir(&inbox).unwrap().count(), 0);
    // A link under its name is none.
    std::os::unix::fs::symlink("/etc/passwd", spool.sealed_path(key)).unwrap();
    let failed = spool.place(key, &inbox, "FILE", true, Access::default());
    assert!(matches!(failed, Err(PlaceError::Io { .. })), "{failed:?}");
    assert_eq!(std::fs::read_dir(&inbox).unwrap().count(), 0);
}
