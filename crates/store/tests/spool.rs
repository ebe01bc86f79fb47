//! The spool: what is sealed is whole, what is delivered is there once and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use oftp::{
    DatasetName, Eerp, FileHeader, FileKey, FileStamp, Format, Nerp, NerpReason, OdetteId,
    Response, Security, UserData,
};
use pointsman_store::{
    Access, BlobWriter, ContentKey, Direction, Entry, Hold, Lengths, Measure, NewFile, Note,
    OutboundState, PlaceError, Received, Record, Sidecar, Spool, SpoolError, Target, TransferId,
    Verdict, Whole,
};
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

    /// Writes the content of a file that is received from its first octet on.
    fn begun(&self, id: TransferId) -> BlobWriter {
        let partial = self.spool.partial(ContentKey::wire_received(id)).unwrap();
        partial.resume(0).unwrap()
    }

    fn sealed(&self, content: &[u8]) -> TransferId {
        let id = TransferId::new();
        let mut writer = self.begun(id);
        writer.append(content).unwrap();
        self.keep(id, writer.finish().unwrap());
        id
    }

    fn keep(&self, id: TransferId, whole: Whole) -> Hold {
        let sidecar = inbound(id, whole.measure());
        whole.seal(&sidecar).unwrap().into_hold()
    }

    fn spool_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }
}

fn header() -> FileHeader {
    let mut header = FileHeader::plain(
        FileKey {
            dataset: DatasetName::new("ORDER").unwrap(),
            stamp: FileStamp::new("20261122", "0815300001").unwrap(),
            originator: OdetteId::new("O0013THEM").unwrap(),
            destination: OdetteId::new("O0013US").unwrap(),
        },
        5000,
    );
    header.format = Format::Fixed(80);
    header.security = Security::EncryptedAndSigned;
    header.signed_receipt = true;
    header.description = "line one\nline \"two\" \u{e4}\u{1F682}".to_owned();
    header
}

fn nerp() -> Nerp {
    Nerp {
        key: header().key,
        creator: OdetteId::new("O0013US").unwrap(),
        reason: NerpReason::from_code(34),
        text: "not usable".to_owned(),
        hash: vec![0, 255],
        signature: vec![1, 2, 3],
    }
}

fn inbound(id: TransferId, measure: &Measure) -> Sidecar {
    let received = Received {
        measure: measure.clone(),
        counts: oftp::Counts::default(),
        target: Target {
            directory: "in".to_owned(),
            file_name: "x".to_owned(),
            overwrite: true,
        },
        wire_hash: None,
        verdict: Some(Verdict::Negative(Box::new(nerp()))),
        note: Note::default(),
        labels: Vec::new(),
        removal: None,
    };
    Sidecar::inbound(id, "them", &header(), &received, "S1")
}

#[test]
fn a_sealed_blob_has_the_digest_of_its_octets_however_they_came() {
    let yard = Yard::new();
    let id = TransferId::new();
    let mut writer = yard.begun(id);
    writer.append(b"first half, ").unwrap();
    assert_eq!(writer.sync().unwrap(), 12);
    writer.append(b"what a crash cut off").unwrap();
    drop(writer);
    let mut writer = yard
        .spool
        .partial(ContentKey::wire_received(id))
        .unwrap()
        .resume(12)
        .unwrap();
    writer.append(b"second half").unwrap();
    let whole = writer.finish().unwrap();
    let measure = whole.measure().clone();
    yard.keep(id, whole);
    assert_eq!(measure.octets, 23);
    assert_eq!(
        measure.digest,
        blake3::hash(b"first half, second half")
            .to_hex()
            .to_string()
    );
    assert_eq!(yard.spool.sealed().unwrap(), [id]);
}

#[test]
fn a_long_beginning_is_read_while_more_is_written_and_has_the_digest_of_all() {
    const LONG: usize = 24 << 20;
    let yard = Yard::new();
    let content: Vec<u8> = (0..LONG).map(|at| (at / 3 % 251) as u8).collect();
    // It is resumed before its end, with few octets or many, so that it is read sooner or later than they are written.
    for (from, pieces, rest) in [
        (LONG, 0, 0),
        (LONG, 0, 9),
        (LONG - 1, 1, 0),
        (17 << 20, 7, 9),
        (20_000_000, 300, 9),
    ] {
        let id = TransferId::new();
        let mut writer = yard.begun(id);
        writer.append(&content).unwrap();
        drop(writer);
        let partial = yard.spool.partial(ContentKey::wire_received(id)).unwrap();
        let mut writer = partial.resume(from as u64).unwrap();
        let mut expected = content[..from].to_vec();
        for piece in 0..pieces {
            let more = vec![piece as u8; 70_000 + piece];
            writer.append(&more).unwrap();
            expected.extend(more);
        }
        let rest = vec![7; rest];
        expected.extend(&rest);
        let whole = writer.finish_with(rest).unwrap();
        let measure = whole.measure().clone();
        yard.keep(id, whole);
        let case = format!("from {from}, {pieces} pieces");
        let digest = blake3::hash(&expected).to_hex().to_string();
        assert_eq!(
            (measure.octets, measure.digest),
            (expected.len() as u64, digest),
            "{case}"
        );
        let sealed = std::fs::read(yard.spool_file(&format!("sealed/{id}"))).unwrap();
        assert!(sealed == expected, "{case}");
    }
}

#[test]
fn nobody_waits_for_a_long_beginning_to_be_read_before_it_is_resumed() {
    // It would be read for minutes, and stays unread here; a hole in a file takes no room.
    const HUGE: u64 = 1 << 40;
    let yard = Yard::new();
    let id = TransferId::new();
    drop(yard.begun(id));
    let path = yard.spool_file(&format!("incoming/{id}"));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(HUGE).unwrap();
    drop(file);
    let spool = yard.spool.clone();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut writer = spool
            .partial(ContentKey::wire_received(id))
            .unwrap()
            .resume(HUGE)
            .unwrap();
        writer.append(b"the next octets").unwrap();
        said.send(writer).unwrap();
    });
    let writer = heard
        .recv_timeout(Duration::from_secs(30))
        .expect("it is resumed");
    assert_eq!(writer.octets(), HUGE + 15);
    writer.discard().unwrap();
    // Who read it stops when nobody wants to know any more.
    let has_it_open = |entry: std::io::Result<std::fs::DirEntry>| {
        let open = std::fs::read_link(entry.unwrap().path());
        open.is_ok_and(|open| open.to_string_lossy().contains(&id.to_string()))
    };
    let began = Instant::now();
    while std::fs::read_dir("/proc/self/fd").unwrap().any(has_it_open) {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it is still being read"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_blob_has_one_writer_and_no_less_than_its_checkpoint() {
    let yard = Yard::new();
    let id = TransferId::new();
    let mut writer = yard.begun(id);
    writer.append(b"octets").unwrap();
    assert!(
        matches!(
            yard.spool.partial(ContentKey::wire_received(id)),
            Err(SpoolError::Busy(_))
        ),
        "its first session is still there"
    );
    drop(writer);
    let short = yard
        .spool
        .partial(ContentKey::wire_received(id))
        .unwrap()
        .resume(7);
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
        .place(
            ContentKey::wire_received(id),
            &yard.inbox(),
            "a/b/file",
            false,
            Access::default(),
        )
        .unwrap();
    assert_eq!(
        std::fs::read(yard.inbox().join("a/b/file")).unwrap(),
        b"content"
    );
    let again = yard.spool.place(
        ContentKey::wire_received(id),
        &yard.inbox(),
        "a/b/other",
        false,
        Access::default(),
    );
    assert!(
        matches!(again, Err(PlaceError::Io { .. })),
        "there is nothing to place any more"
    );
    assert!(
        yard.spool
            .hold(ContentKey::wire_received(id))
            .unwrap()
            .is_none()
    );
    assert!(yard.spool.sealed().unwrap().is_empty());
}

#[test]
fn a_sealed_blob_is_one_holders_until_it_lets_go() {
    let yard = Yard::new();
    let id = TransferId::new();
    let writer = yard.begun(id);
    let hold = yard.keep(id, writer.finish().unwrap());
    assert!(
        matches!(
            yard.spool.hold(ContentKey::wire_received(id)),
            Err(SpoolError::Busy(_))
        ),
        "its row does not say so yet"
    );
    drop(hold);
    let hold = yard.spool.hold(ContentKey::wire_received(id)).unwrap();
    assert!(
        hold.is_some()
            && matches!(
                yard.spool.hold(ContentKey::wire_received(id)),
                Err(SpoolError::Busy(_))
            )
    );
}

#[test]
fn what_is_there_is_not_overwritten_unless_that_was_decided() {
    let yard = Yard::new();
    std::fs::write(yard.inbox().join("file"), "precious").unwrap();
    let id = yard.sealed(b"new");
    assert!(matches!(
        yard.spool.place(
            ContentKey::wire_received(id),
            &yard.inbox(),
            "file",
            false,
            Access::default()
        ),
        Err(PlaceError::Taken(_))
    ));
    assert_eq!(
        std::fs::read(yard.inbox().join("file")).unwrap(),
        b"precious"
    );
    yard.spool
        .place(
            ContentKey::wire_received(id),
            &yard.inbox(),
            "file",
            true,
            Access::default(),
        )
        .unwrap();
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
        let placed = yard.spool.place(
            ContentKey::wire_received(id),
            &yard.inbox(),
            path,
            true,
            Access::default(),
        );
        assert!(
            matches!(placed, Err(PlaceError::Unsafe(_))),
            "{path:?}: {placed:?}"
        );
    }
    let linked = yard.spool.place(
        ContentKey::wire_received(id),
        &yard.inbox(),
        "link/x",
        true,
        Access::default(),
    );
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
    let whole = yard.spool.import(id, &mut content.as_slice()).unwrap();
    assert_eq!(whole.measure().octets, 700_000);
    whole.seal(&outbound(id)).unwrap();
    let blob = yard.spool.blob(ContentKey::wire_to_send(id)).unwrap();
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

fn outbound(id: TransferId) -> Sidecar {
    Sidecar::outbound(&NewFile {
        id,
        partner: "them".to_owned(),
        header: header(),
        octets: 700_000,
        digest: "d2".to_owned(),
        layout: None,
        counts: oftp::Counts::default(),
        wire_hash: None,
        priority: 7,
        labels: Vec::new(),
        note: Default::default(),
    })
}

#[test]
fn a_sidecar_gives_back_everything_that_was_put_in() {
    let yard = Yard::new();
    let id = yard.sealed(b"content");
    let record = yard.spool.record(Direction::Inbound, id).unwrap().unwrap();
    let again = yard.spool.record(Direction::Inbound, id).unwrap().unwrap();
    assert_eq!(record, again);
    let expected = Sidecar {
        at: record.sidecar.at,
        ..inbound(id, &record.sidecar.measure)
    };
    assert_eq!(record.sidecar, expected);

    let eerp = Response::Positive(Eerp {
        key: header().key,
        user: UserData::from_wire(b"USER").unwrap(),
        hash: vec![9; 64],
        signature: vec![8; 900],
    });
    let entries = [
        Entry::Received,
        Entry::Placing("in/a \"b\"\n".to_owned()),
        Entry::Decided(Verdict::Later(None)),
        Entry::Decided(Verdict::Negative(Box::new(nerp()))),
        Entry::Given,
        Entry::InDoubt(true),
        Entry::State(OutboundState::Held, Some("why".to_owned())),
        Entry::Answered(eerp),
    ];
    for entry in &entries {
        yard.spool.append(Direction::Inbound, id, entry).unwrap();
    }
    let record = yard.spool.record(Direction::Inbound, id).unwrap().unwrap();
    assert_eq!(record.entries, entries);
}

#[test]
fn a_torn_line_costs_itself_alone() {
    use std::io::Write;
    let yard = Yard::new();
    let id = yard.sealed(b"content");
    let path = yard.spool_file(&format!("sealed/{id}.jsonl"));
    let tear = |octets: &[u8]| {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(octets).unwrap();
    };
    let given = |entry| yard.spool.append(Direction::Inbound, id, &entry).unwrap();
    given(Entry::Received);
    tear(b"{\"at\":1,\"event\":\"plac");
    given(Entry::Placing("in/x".to_owned()));
    tear(&[0; 100]);
    given(Entry::Given);
    let entries = yard
        .spool
        .record(Direction::Inbound, id)
        .unwrap()
        .unwrap()
        .entries;
    assert_eq!(
        entries,
        [
            Entry::Received,
            Entry::Placing("in/x".to_owned()),
            Entry::Given
        ]
    );
    // Without its first line there is no sidecar, and that is said.
    std::fs::write(&path, b"{\"version\":1}\n").unwrap();
    assert!(matches!(
        yard.spool.record(Direction::Inbound, id),
        Err(SpoolError::Sidecar { .. })
    ));
    assert!(Record::parse(b"").is_err() && Record::parse(&[0; 4096]).is_err());
    let newer = Record::parse(b"{\"version\":2,\"what\":\"ever\"}\n");
    assert!(newer.unwrap_err().to_string().contains("newer program"));
}

#[test]
fn a_sidecar_outlives_its_delivery_and_goes_before_what_is_discarded() {
    let yard = Yard::new();
    let id = yard.sealed(b"content");
    yard.spool
        .place(
            ContentKey::wire_received(id),
            &yard.inbox(),
            "x",
            false,
            Access::default(),
        )
        .unwrap();
    assert!(yard.spool.record(Direction::Inbound, id).unwrap().is_some());
    let pieces = yard.spool.pieces(id).unwrap();
    assert!(pieces.inbound_sidecar && pieces.wire == Lengths::default());

    let id = yard.sealed(b"content");
    yard.spool.discard(id).unwrap();
    assert_eq!(yard.spool.pieces(id).unwrap(), Default::default());
}

#[test]
fn what_is_sent_again_has_its_octets_once() {
    use std::os::unix::fs::MetadataExt;
    let yard = Yard::new();
    let (old, new) = (TransferId::new(), TransferId::new());
    let whole = yard.spool.import(old, &mut &b"content"[..]).unwrap();
    whole.seal(&outbound(old)).unwrap();
    yard.spool.send_again(old, &outbound(new)).unwrap();
    let inode = |id| {
        yard.spool_file(&format!("outgoing/{id}"))
            .metadata()
            .unwrap()
            .ino()
    };
    assert_eq!(inode(old), inode(new));
    assert!(
        yard.spool
            .record(Direction::Outbound, new)
            .unwrap()
            .is_some()
    );
    std::fs::remove_file(yard.spool_file(&format!("outgoing/{old}"))).unwrap();
    assert_eq!(
        yard.spool
            .blob(ContentKey::wire_to_send(new))
            .unwrap()
            .octets()
            .unwrap(),
        7
    );
}

#[test]
fn a_partial_is_the_one_that_is_there_however_its_holders_come_and_go() {
    let yard = Yard::new();
    let (spool, id) = (&yard.spool, TransferId::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut had = 0;
                while had < 500 {
                    let partial = match spool.partial(ContentKey::wire_received(id)) {
                        Ok(partial) => partial,
                        Err(SpoolError::Busy(_)) => continue,
                        Err(error) => panic!("{error}"),
                    };
                    let mut writer = partial.resume(0).unwrap();
                    writer.append(b"octets").unwrap();
                    assert_eq!(spool.pieces(id).unwrap().wire.incoming, Some(6));
                    writer.discard().unwrap();
                    had += 1;
                }
            });
        }
    });
}

#[test]
fn an_inbox_that_somebody_put_in_its_place_gets_no_file() {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown};
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tried: only root can make folders of other users");
        return;
    }
    let yard = Yard::new();
    let shared = yard.folder.path().join("shared");
    let inbox = shared.join("inbox");
    std::fs::create_dir_all(&inbox).unwrap();
    std::fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    chown(&inbox, Some(54321), None).unwrap();
    let access = Access::default();
    for (path, whose) in [(inbox.clone(), "there"), (inbox.join("deeper"), "above it")] {
        assert!(Access::look_inbox(&path).is_err(), "one {whose}");
        let refused = access.inbox(&path).unwrap_err().to_string();
        assert!(refused.contains("54321"), "one {whose}: {refused}");
        assert_eq!(std::fs::read_dir(&inbox).unwrap().count(), 0);
    }
    chown(&inbox, Some(0), None).unwrap();
    Access::look_inbox(&inbox).unwrap();
    access.inbox(&inbox).unwrap();
}
