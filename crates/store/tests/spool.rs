//! The spool: what is sealed is whole, what is delivered is there once and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::path::PathBuf;

use pointsman_store::{PlaceError, Spool, SpoolError, TransferId};
use tempfile::TempDir;

struct Yard {
    folder: TempDir,
    spool: Spool,
}

impl Yard {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        Self { folder, spool }
    }

    fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    fn sealed(&self, content: &[u8]) -> TransferId {
        let id = TransferId::new();
        let mut writer = self.spool.partial(id).unwrap().resume(0).unwrap();
        writer.append(content).unwrap();
        writer.seal().unwrap();
        id
    }
}

#[test]
fn a_sealed_blob_has_the_digest_of_its_octets_however_they_came() {
    let yard = Yard::new();
    let id = TransferId::new();
    let mut writer = yard.spool.partial(id).unwrap().resume(0).unwrap();
    writer.append(b"first half, ").unwrap();
    assert_eq!(writer.sync().unwrap(), 12);
    writer.append(b"what a crash cut off").unwrap();
    drop(writer);
    let mut writer = yard.spool.partial(id).unwrap().resume(12).unwrap();
    writer.append(b"second half").unwrap();
    let (seal, _) = writer.seal().unwrap();
    assert_eq!(seal.octets, 23);
    assert_eq!(
        seal.digest,
        blake3::hash(b"first half, second half")
            .to_hex()
            .to_string()
    );
    assert_eq!(yard.spool.sealed().unwrap(), [id]);
}

#[test]
fn a_blob_has_one_writer_and_no_less_than_its_checkpoint() {
    let yard = Yard::new();
    let id = TransferId::new();
    let mut writer = yard.spool.partial(id).unwrap().resume(0).unwrap();
    writer.append(b"octets").unwrap();
    assert!(
        matches!(yard.spool.partial(id), Err(SpoolError::Busy(_))),
        "its first session is still there"
    );
    drop(writer);
    let short = yard.spool.partial(id).unwrap().resume(7);
    assert!(
        matches!(
            short,
            Err(SpoolError::Short {
                length: 6,
                expected: 7,
                ..
            })
        ),
        "{short:?}"
    );
}

#[test]
fn a_delivery_is_one_rename() {
    let yard = Yard::new();
    let id = yard.sealed(b"content");
    yard.spool
        .place(id, &yard.inbox(), "a/b/file", false)
        .unwrap();
    assert_eq!(
        std::fs::read(yard.inbox().join("a/b/file")).unwrap(),
        b"content"
    );
    let again = yard.spool.place(id, &yard.inbox(), "a/b/other", false);
    assert!(
        matches!(again, Err(PlaceError::Io { .. })),
        "there is nothing to place any more"
    );
    assert!(yard.spool.hold(id).unwrap().is_none());
    assert!(yard.spool.sealed().unwrap().is_empty());
}

#[test]
fn a_sealed_blob_is_one_holders_until_it_lets_go() {
    let yard = Yard::new();
    let id = TransferId::new();
    let (_, hold) = yard
        .spool
        .partial(id)
        .unwrap()
        .resume(0)
        .unwrap()
        .seal()
        .unwrap();
    assert!(
        matches!(yard.spool.hold(id), Err(SpoolError::Busy(_))),
        "its row does not say so yet"
    );
    drop(hold);
    let hold = yard.spool.hold(id).unwrap();
    assert!(hold.is_some() && matches!(yard.spool.hold(id), Err(SpoolError::Busy(_))));
}

#[test]
fn what_is_there_is_not_overwritten_unless_that_was_decided() {
    let yard = Yard::new();
    std::fs::write(yard.inbox().join("file"), "precious").unwrap();
    let id = yard.sealed(b"new");
    assert!(matches!(
        yard.spool.place(id, &yard.inbox(), "file", false),
        Err(PlaceError::Taken(_))
    ));
    assert_eq!(
        std::fs::read(yard.inbox().join("file")).unwrap(),
        b"precious"
    );
    yard.spool.place(id, &yard.inbox(), "file", true).unwrap();
    assert_eq!(std::fs::read(yard.inbox().join("file")).unwrap(), b"new");
}

#[test]
fn no_path_and_no_link_leads_out_of_the_inbox() {
    let yard = Yard::new();
    let outside = yard.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, yard.inbox().join("link")).unwrap();
    let id = yard.sealed(b"content");
    for path in [
        "../outside/x",
        "/tmp/x",
        "a//x",
        "./x",
        "..",
        "",
        "a/../../outside/x",
        "a\0b",
    ] {
        let placed = yard.spool.place(id, &yard.inbox(), path, true);
        assert!(
            matches!(placed, Err(PlaceError::Unsafe(_))),
            "{path:?}: {placed:?}"
        );
    }
    let linked = yard.spool.place(id, &yard.inbox(), "link/x", true);
    assert!(matches!(linked, Err(PlaceError::Io { .. })), "{linked:?}");
    assert!(
        std::fs::read_dir(outside).unwrap().next().is_none(),
        "nothing went there"
    );
}

#[test]
fn a_file_to_send_is_copied_and_read_from_anywhere_in_it() {
    let yard = Yard::new();
    let (id, content) = (TransferId::new(), vec![7; 700_000]);
    let seal = yard.spool.import(id, &mut content.as_slice()).unwrap();
    assert_eq!(seal.octets, 700_000);
    let blob = yard.spool.outgoing(id).unwrap();
    let mut end = [0; 100];
    assert_eq!(
        blob.read_at(699_950, &mut end).unwrap(),
        50,
        "fewer octets at the end alone"
    );
    assert_eq!(end[49..51], [7, 0]);
}

#[test]
fn spool_and_inbox_can_be_told_apart_by_their_file_system() {
    let yard = Yard::new();
    assert!(yard.spool.shares_file_system(&yard.inbox()).unwrap());
    assert!(
        !yard
            .spool
            .shares_file_system(std::path::Path::new("/proc"))
            .unwrap()
    );
}
