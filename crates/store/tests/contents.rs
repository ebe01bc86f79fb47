//! A transfer with two contents: what proves its delivery, and what an audit and a rebuilt ledger make of each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

#[path = "support/rebuilt.rs"]
mod rebuilt;

use std::collections::BTreeSet;
use std::path::PathBuf;

use oftp::{DatasetName, FileHeader, FileKey, FileStamp, OdetteId};
use pointsman_store::{
    Access, Audit, Audited, Content, ContentKey, Direction, Hold, InboundState, Ledger, NewFile,
    Offer, Offered, Received, Repeated, Sidecar, Spool, SqliteLedger, State, Target, TransferId,
    Verdict, Weight,
};
use tempfile::TempDir;

use rebuilt::rebuilt;

const WIRE: &[u8] = b"signed and encrypted";
const PLAIN: &[u8] = b"content";

struct Yard {
    folder: TempDir,
    spool: Spool,
    ledger: SqliteLedger,
}

impl Yard {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let ledger = ledger.with_sidecars(spool.clone());
        Self {
            folder,
            spool,
            ledger,
        }
    }

    fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }

    /// Received, as it is on the wire.
    async fn received(&self) -> ContentKey {
        let Offered::New(id) = self.ledger.offer(offer()).await.unwrap() else {
            panic!("it is new");
        };
        let key = ContentKey::wire_received(id);
        let mut writer = self.spool.partial(key).unwrap().resume(0).unwrap();
        writer.append(WIRE).unwrap();
        let whole = writer.finish().unwrap();
        let received = Received {
            measure: whole.measure().clone(),
            counts: oftp::Counts::default(),
            target: offer().target,
            verdict: Verdict::Positive,
            note: String::new().into(),
            labels: Vec::new(),
        };
        let sidecar = Sidecar::inbound(id, "them", &offer().header, &received, "S1");
        let sealed = whole.seal(&sidecar).unwrap();
        self.ledger.received(&sealed, received).await.unwrap();
        key
    }

    /// Its plain content is sealed beside it.
    fn opened(&self, key: ContentKey) -> Hold {
        let mut writer = self.spool.partial(key.plain()).unwrap().resume(0).unwrap();
        writer.append(PLAIN).unwrap();
        writer.finish().unwrap().seal_plain().unwrap()
    }

    async fn delivered(&self, key: ContentKey) {
        self.ledger.placing(key.id, "FILE").await.unwrap();
        let hold = self.spool.hold_to_deliver(key.id).unwrap().unwrap();
        let access = Access::default();
        let placed = self
            .spool
            .place(hold.key(), &self.inbox(), "FILE", false, access);
        placed.unwrap();
        self.ledger.delivered(key.id).await.unwrap();
    }

    async fn audit(&self) -> Audited {
        let audit = Audit {
            spool: self.spool.clone(),
            inbox: self.inbox(),
            digests: true,
            to_be_queued: BTreeSet::new(),
        };
        audit.run(&self.ledger).await.unwrap()
    }

    async fn kinds(&self, weight: Weight) -> Vec<&'static str> {
        let findings = self.audit().await.findings;
        let of_weight = findings.iter().filter(|found| found.weight == weight);
        of_weight.map(|found| found.kind).collect()
    }

    async fn wrong(&self) -> Vec<&'static str> {
        self.kinds(Weight::Discrepancy).await
    }

    async fn notes(&self) -> Vec<&'static str> {
        self.kinds(Weight::Note).await
    }

    /// The state of the row in a ledger that is made from the spool alone.
    async fn rebuilt_state(&self, id: TransferId) -> State {
        let database = self.folder.path().join("another.db");
        let _ = std::fs::remove_file(&database);
        rebuilt(&database, &self.spool);
        let ledger = SqliteLedger::open(&database).unwrap();
        ledger.show(id).await.unwrap().unwrap().state
    }
}

fn offer() -> Offer {
    let key = FileKey {
        dataset: DatasetName::new("ORDER").unwrap(),
        stamp: FileStamp::new("20261122", "0815300001").unwrap(),
        originator: OdetteId::new("O0013THEM").unwrap(),
        destination: OdetteId::new("O0013US").unwrap(),
    };
    Offer {
        partner: "them".to_owned(),
        header: FileHeader::plain(key, 20),
        target: Target {
            directory: String::new(),
            file_name: "FILE".to_owned(),
            overwrite: false,
        },
        layout: None,
        session: "S1".to_owned(),
        note: String::new().into(),
        may_resume: true,
        repeated: Repeated::Refused,
    }
}

fn to_send(id: TransferId, digest: String) -> NewFile {
    NewFile {
        id,
        partner: "them".to_owned(),
        header: offer().header,
        octets: WIRE.len() as u64,
        digest,
        layout: None,
        counts: oftp::Counts::default(),
        priority: 3,
        labels: Vec::new(),
    }
}

#[tokio::test]
async fn the_plain_content_is_delivered_and_its_leaving_proves_it_while_the_other_stays() {
    let yard = Yard::new();
    let key = yard.received().await;
    let hold = yard.spool.hold_to_deliver(key.id).unwrap().unwrap();
    assert_eq!(hold.key(), key, "there is no other content yet");
    drop(hold);
    drop(yard.opened(key));
    let hold = yard.spool.hold_to_deliver(key.id).unwrap().unwrap();
    assert_eq!(hold.key(), key.plain());
    drop(hold);
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Received.into()
    );
    assert_eq!(yard.wrong().await, [""; 0]);
    yard.delivered(key).await;
    let delivered = std::fs::read(yard.inbox().join("FILE")).unwrap();
    assert_eq!(delivered, PLAIN);
    let wire = yard.file(&format!("sealed/{}", key.id));
    assert_eq!(std::fs::read(&wire).unwrap(), WIRE, "kept as evidence");
    assert!(yard.spool.hold_to_deliver(key.id).unwrap().is_none());
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Delivered.into()
    );
    assert_eq!(yard.wrong().await, [""; 0]);
    // Its retention is over.
    yard.spool.discard_content(key).unwrap();
    assert!(!wire.exists());
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Delivered.into()
    );
    assert_eq!(yard.wrong().await, [""; 0]);
    assert_eq!(yard.notes().await, [""; 0]);
}

#[tokio::test]
async fn what_the_wire_content_does_says_nothing_of_the_delivery() {
    let yard = Yard::new();
    let key = yard.received().await;
    drop(yard.opened(key));
    yard.spool.discard_content(key).unwrap();
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Received.into(),
        "its plain content waits to be delivered"
    );
    assert_eq!(yard.wrong().await, [""; 0]);
    yard.delivered(key).await;
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Delivered.into()
    );
    assert_eq!(yard.wrong().await, [""; 0]);
}

#[tokio::test]
async fn a_plain_content_counts_from_its_line_on() {
    let yard = Yard::new();
    let key = yard.received().await;
    let sidecar = yard.file(&format!("sealed/{}.jsonl", key.id));
    let before = std::fs::read(&sidecar).unwrap();
    let plain = yard.file(&format!("sealed/{}.plain", key.id));
    let partial = yard.file(&format!("incoming/{}.plain", key.id));
    // The crash came while it was written.
    std::fs::write(&partial, b"con").unwrap();
    assert_eq!(yard.notes().await, ["plain-unfinished"]);
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Received.into()
    );
    assert!(!partial.exists(), "a rebuild removes it");
    // It came after the rename, before the line was durable; or that is torn.
    for torn in [
        "",
        "{\"at\":1,\"event\":\"plai",
        "{\"at\":1,\"event\":\"plain\",\"octets\":7}\n",
    ] {
        drop(yard.opened(key));
        let text = [&before[..], torn.as_bytes()].concat();
        std::fs::write(&sidecar, text).unwrap();
        let hold = yard.spool.hold_to_deliver(key.id).unwrap().unwrap();
        assert_eq!(hold.key(), key, "it would be delivered unopened: {torn}");
        drop(hold);
        assert_eq!(yard.notes().await, ["plain-unfinished"], "{torn}");
        assert_eq!(yard.wrong().await, [""; 0], "{torn}");
        assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 1);
        assert!(!plain.exists(), "{torn}");
        assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    }
    // After the line it stays.
    drop(yard.opened(key));
    assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    assert_eq!(std::fs::read(&plain).unwrap(), PLAIN);
}

#[tokio::test]
async fn what_somebody_is_at_work_on_is_not_taken_for_left_behind() {
    let yard = Yard::new();
    let key = yard.received().await;
    let mut writer = yard.spool.partial(key.plain()).unwrap().resume(0).unwrap();
    writer.append(PLAIN).unwrap();
    assert!(yard.spool.is_busy(key.id));
    assert!(yard.spool.partial(key.plain()).is_err(), "one writer alone");
    assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    let hold = writer.finish().unwrap().seal_plain().unwrap();
    assert!(yard.spool.is_busy(key.id));
    assert!(yard.spool.hold_to_deliver(key.id).is_err(), "held");
    drop(hold);
    assert!(!yard.spool.is_busy(key.id));
    // One that was begun and given up leaves the file as it was.
    let yard = Yard::new();
    let key = yard.received().await;
    let writer = yard.spool.partial(key.plain()).unwrap().resume(0).unwrap();
    writer.discard().unwrap();
    let pieces = yard.spool.pieces(key.id).unwrap();
    assert!(pieces.inbound_sidecar && pieces.wire.sealed.is_some());
    assert_eq!(pieces.plain, Default::default());
}

#[tokio::test]
async fn each_damage_of_either_content_is_named() {
    let yard = Yard::new();
    let key = yard.received().await;
    drop(yard.opened(key));
    let (wire, plain) = (
        yard.file(&format!("sealed/{}", key.id)),
        yard.file(&format!("sealed/{}.plain", key.id)),
    );
    for (file, good) in [(&wire, WIRE), (&plain, PLAIN)] {
        std::fs::write(file, &good[1..]).unwrap();
        assert_eq!(yard.wrong().await, ["content-size"], "{file:?}");
        std::fs::write(file, good.to_ascii_uppercase()).unwrap();
        assert_eq!(yard.wrong().await, ["content-digest"], "{file:?}");
        let found = yard.audit().await;
        let finding = found.discrepancies().next().unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(finding.file, format!("spool/sealed/{name}"));
        let database = yard.folder.path().join("damaged.db");
        let _ = std::fs::remove_file(&database);
        let left = rebuilt(&database, &yard.spool).left;
        assert_eq!(left.len(), 1, "neither delivered nor forgotten");
        std::fs::write(file, good).unwrap();
        assert_eq!(yard.wrong().await, [""; 0]);
    }
    std::fs::remove_file(&plain).unwrap();
    assert_eq!(
        yard.wrong().await,
        ["content-missing"],
        "nothing was placed"
    );
    std::fs::write(&plain, PLAIN).unwrap();
    yard.delivered(key).await;
    std::fs::write(&plain, PLAIN).unwrap();
    assert_eq!(yard.wrong().await, ["delivered-still-sealed"]);
}

#[tokio::test]
async fn a_file_that_is_discarded_or_refused_keeps_neither_content() {
    let yard = Yard::new();
    let key = yard.received().await;
    drop(yard.opened(key));
    yard.spool
        .discard_contents(Direction::Inbound, key.id)
        .unwrap();
    let pieces = yard.spool.pieces(key.id).unwrap();
    assert!(pieces.inbound_sidecar, "that it came is known");
    assert_eq!(pieces.wire, Default::default());
    assert_eq!(pieces.plain, Default::default());
    let yard = Yard::new();
    let key = yard.received().await;
    drop(yard.opened(key));
    yard.spool.discard(key.id).unwrap();
    assert_eq!(yard.spool.pieces(key.id).unwrap(), Default::default());
    assert!(yard.spool.transfers().unwrap().is_empty());
    assert!(!yard.spool.is_used().unwrap());
}

#[tokio::test]
async fn a_file_to_send_keeps_both_contents_and_gives_both_to_whom_it_is_sent_again_as() {
    let yard = Yard::new();
    let (old, new) = (TransferId::new(), TransferId::new());
    let whole = yard.spool.import(old, &mut &WIRE[..]).unwrap();
    let file = to_send(old, whole.measure().digest.clone());
    whole.seal(&Sidecar::outbound(&file)).unwrap();
    let key = ContentKey::wire_to_send(old);
    drop(yard.opened(key));
    yard.ledger.enqueue(file.clone()).await.unwrap();
    assert_eq!(yard.wrong().await, [""; 0]);
    let plain = yard.file(&format!("outgoing/{old}.plain"));
    std::fs::write(&plain, b"CONTENT").unwrap();
    assert_eq!(yard.wrong().await, ["content-digest"]);
    std::fs::write(&plain, PLAIN).unwrap();
    let again = NewFile { id: new, ..file };
    yard.spool
        .send_again(old, &Sidecar::outbound(&again))
        .unwrap();
    let record = yard
        .spool
        .record(Direction::Outbound, new)
        .unwrap()
        .unwrap();
    assert_eq!(record.plain().unwrap().octets, PLAIN.len() as u64);
    let mut octets = [0; 64];
    for (content, expected) in [(Content::Wire, WIRE), (Content::Plain, PLAIN)] {
        let blob = yard
            .spool
            .blob(ContentKey::wire_to_send(new).with(content))
            .unwrap();
        let count = blob.read_at(0, &mut octets).unwrap();
        assert_eq!(&octets[..count], expected);
    }
    assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    yard.spool.withdraw(new).unwrap();
    assert_eq!(yard.spool.pieces(new).unwrap(), Default::default());
    assert_eq!(yard.spool.pieces(old).unwrap().plain.outgoing, Some(7));
}

#[test]
fn an_import_that_is_given_up_takes_no_received_file_of_its_id_with_it() {
    let yard = Yard::new();
    let id = TransferId::new();
    let writer = yard.spool.partial(ContentKey::wire_received(id)).unwrap();
    let whole = writer.resume(0).unwrap().finish().unwrap();
    let received = Received {
        measure: whole.measure().clone(),
        counts: oftp::Counts::default(),
        target: offer().target,
        verdict: Verdict::Positive,
        note: String::new().into(),
        labels: Vec::new(),
    };
    let sidecar = Sidecar::inbound(id, "them", &offer().header, &received, "S1");
    whole.seal(&sidecar).unwrap();
    let import = yard.spool.partial(ContentKey::wire_to_send(id)).unwrap();
    import.resume(0).unwrap().discard().unwrap();
    let import = yard.spool.import(id, &mut &WIRE[..]).unwrap();
    import.discard().unwrap();
    let pieces = yard.spool.pieces(id).unwrap();
    assert!(
        pieces.inbound_sidecar,
        "without it the file would be unknown"
    );
    assert_eq!(pieces.wire.sealed, Some(0));
}

#[tokio::test]
async fn files_of_a_spool_that_knew_one_content_have_the_names_they_had() {
    let yard = Yard::new();
    let key = yard.received().await;
    assert!(yard.file(&format!("sealed/{}", key.id)).exists());
    assert!(yard.file(&format!("sealed/{}.jsonl", key.id)).exists());
    let text = std::fs::read_to_string(yard.file(&format!("sealed/{}.jsonl", key.id))).unwrap();
    assert!(!text.contains("plain"), "{text}");
    let state = yard.rebuilt_state(key.id).await;
    assert_eq!(state, InboundState::Received.into());
}
