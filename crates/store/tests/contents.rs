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
use std::sync::Arc;

use oftp::{DatasetName, FileHeader, FileKey, FileStamp, NerpReason, OdetteId, Security};
use pointsman_store::contents::{Contents, Intake};
use pointsman_store::{
    Access, Audit, Audited, Content, ContentKey, Direction, InboundState, Ledger, LedgerError,
    NewFile, NotOpened, Offer, Offered, Opened, Received, Repeated, Reserve, Sealed, Sidecar,
    Spool, SpoolError, SqliteLedger, State, Stored, Target, TransferId, Verdict, Weight, WireHash,
    WireHashAlgorithm,
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
            wire_hash: None,
            target: offer().target,
            verdict: None,
            note: String::new().into(),
            labels: Vec::new(),
            removal: None,
        };
        let sidecar = Sidecar::inbound(id, "them", &offer().header, &received, "S1");
        let sealed = whole.seal(&sidecar).unwrap();
        let stored = self.ledger.received(&sealed, received).await;
        assert_eq!(stored.unwrap().into_inner(), Stored(id), "EFPA may go");
        key
    }

    /// Its plain content is sealed beside it, and its row does not say so.
    fn sealed_plain(&self, key: ContentKey) -> Sealed {
        let mut writer = self.spool.partial(key.plain()).unwrap().resume(0).unwrap();
        writer.append(PLAIN).unwrap();
        writer.finish().unwrap().seal_plain().unwrap()
    }

    async fn opened(&self, key: ContentKey) {
        self.opened_as(key, Verdict::Positive).await;
    }

    async fn opened_as(&self, key: ContentKey, verdict: Verdict) {
        let sealed = self.sealed_plain(key);
        let opened = opened(&sealed, verdict);
        self.ledger.opened(&sealed, opened).await.unwrap();
    }

    /// Neither the ledger nor the spool lets it be delivered.
    async fn assert_not_delivered(&self, key: ContentKey) {
        let held = self.spool.hold_to_deliver(key.id);
        assert!(
            matches!(held, Err(SpoolError::NotOpened(id)) if id == key.id),
            "{held:?}"
        );
        assert!(
            self.ledger
                .undelivered_after(None, 99)
                .await
                .unwrap()
                .is_empty()
        );
        let placing = self.ledger.placing(key.id, "FILE").await;
        assert!(
            matches!(placing, Err(LedgerError::WrongState { .. })),
            "{placing:?}"
        );
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

    async fn state(&self, key: ContentKey) -> State {
        let row = self.ledger.show(key.id).await.unwrap().unwrap();
        row.state
    }

    /// Its state, and how many receipts are owed.
    async fn assert_state(&self, key: ContentKey, state: InboundState, owed: u64) {
        assert_eq!(self.state(key).await, state.into());
        assert_eq!(self.ledger.recover().await.unwrap().owed, owed);
    }

    /// Changes the row as a disk that fails would.
    fn sql(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.folder.path().join("ledger.db")).unwrap();
        let triggers = rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER;
        db.set_db_config(triggers, false).unwrap();
        assert_eq!(db.execute(sql, []).unwrap(), 1);
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
    /// A ledger that is rebuilt has the file in that state, and an audit of this one finds nothing wrong.
    async fn assert_rebuilt(&self, key: ContentKey, state: InboundState) {
        assert_eq!(self.rebuilt_state(key.id).await, state.into());
        assert_eq!(self.wrong().await, [""; 0]);
    }

    async fn rebuilt_state(&self, id: TransferId) -> State {
        let database = self.folder.path().join("another.db");
        let _ = std::fs::remove_file(&database);
        rebuilt(&database, &self.spool);
        let ledger = SqliteLedger::open(&database).unwrap();
        ledger.show(id).await.unwrap().unwrap().state
    }
}

fn opened(sealed: &Sealed, verdict: Verdict) -> Opened {
    Opened {
        plain: sealed.measure().clone(),
        counts: oftp::Counts::default(),
        wire_hash: WireHash::new(WireHashAlgorithm::Sha1, vec![4; 20]),
        target: offer().target,
        verdict,
        found: "signed by CN=them".into(),
        note: "policy".into(),
        labels: Vec::new(),
        removal: None,
    }
}

fn refused() -> NotOpened {
    let reason = NerpReason::from_code(31);
    let Verdict::Negative(nerp) = Verdict::negative(&offer().header.key, reason, String::new())
    else {
        panic!("it is negative");
    };
    NotOpened {
        nerp,
        wire_hash: None,
        note: "its signature is none".into(),
        removal: None,
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
        header: FileHeader {
            security: Security::EncryptedAndSigned,
            compressed: true,
            ..offer().header
        },
        octets: WIRE.len() as u64,
        digest,
        layout: None,
        counts: oftp::Counts::default(),
        wire_hash: WireHash::new(WireHashAlgorithm::Sha256, vec![5; 32]),
        priority: 3,
        labels: Vec::new(),
        note: Default::default(),
    }
}

#[tokio::test]
async fn the_plain_content_is_delivered_and_its_leaving_proves_it_while_the_other_stays() {
    let yard = Yard::new();
    let key = yard.received().await;
    yard.opened(key).await;
    let hold = yard.spool.hold_to_deliver(key.id).unwrap().unwrap();
    assert_eq!(hold.key(), key.plain());
    drop(hold);
    yard.assert_rebuilt(key, InboundState::Received).await;
    yard.delivered(key).await;
    let delivered = std::fs::read(yard.inbox().join("FILE")).unwrap();
    assert_eq!(delivered, PLAIN);
    let wire = yard.file(&format!("sealed/{}", key.id));
    assert_eq!(std::fs::read(&wire).unwrap(), WIRE, "kept as evidence");
    assert!(yard.spool.hold_to_deliver(key.id).unwrap().is_none());
    yard.assert_rebuilt(key, InboundState::Delivered).await;
    // Its retention is over.
    yard.spool.discard_content(key).unwrap();
    assert!(!wire.exists());
    yard.assert_rebuilt(key, InboundState::Delivered).await;
    assert_eq!(yard.notes().await, [""; 0]);
}

#[tokio::test]
async fn what_the_wire_content_does_says_nothing_of_the_delivery() {
    let yard = Yard::new();
    let key = yard.received().await;
    yard.opened(key).await;
    yard.spool.discard_content(key).unwrap();
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Received.into(),
        "its plain content waits to be delivered"
    );
    assert_eq!(yard.wrong().await, [""; 0]);
    yard.delivered(key).await;
    yard.assert_rebuilt(key, InboundState::Delivered).await;
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
    let noted = yard.audit().await.findings.remove(0).file;
    assert_eq!(noted, format!("spool/incoming/{}.plain", key.id));
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Opening.into()
    );
    assert!(!partial.exists(), "a rebuild removes it");
    // It came after the rename, before the line was durable; or that is torn.
    for torn in [
        "",
        "{\"at\":1,\"event\":\"plai",
        "{\"at\":1,\"event\":\"plain\",\"octets\":7}\n",
    ] {
        drop(yard.sealed_plain(key));
        let text = [&before[..], torn.as_bytes()].concat();
        std::fs::write(&sidecar, text).unwrap();
        yard.assert_not_delivered(key).await;
        assert!(yard.spool.opened(key.id).unwrap().is_none(), "{torn}");
        assert_eq!(yard.notes().await, ["plain-unfinished"], "{torn}");
        assert_eq!(yard.wrong().await, [""; 0], "{torn}");
        assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 1);
        assert!(!plain.exists(), "{torn}");
        assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    }
    // Without a sidecar nobody knows whether it counts.
    drop(yard.sealed_plain(key));
    let whole = std::fs::read(&sidecar).unwrap();
    std::fs::remove_file(&sidecar).unwrap();
    assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    assert_eq!(std::fs::read(&plain).unwrap(), PLAIN);
    let hold = yard.spool.hold_to_deliver(key.id).unwrap().unwrap();
    assert_eq!(hold.key(), key.plain());
    drop(hold);
    // After the line it stays.
    std::fs::write(&sidecar, whole).unwrap();
    assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    assert_eq!(std::fs::read(&plain).unwrap(), PLAIN);
}

#[tokio::test]
async fn what_somebody_is_at_work_on_is_not_taken_for_left_behind() {
    let yard = Yard::new();
    let key = yard.received().await;
    let mut writer = yard.spool.partial(key.plain()).unwrap().resume(0).unwrap();
    writer.append(PLAIN).unwrap();
    assert!(yard.spool.is_busy(key.id).unwrap());
    assert!(yard.spool.partial(key.plain()).is_err(), "one writer alone");
    assert_eq!(yard.spool.discard_unfinished_plain().unwrap(), 0);
    let hold = writer.finish().unwrap().seal_plain().unwrap();
    assert!(yard.spool.is_busy(key.id).unwrap());
    let held = yard.spool.hold_to_deliver(key.id);
    assert!(matches!(held, Err(SpoolError::Busy(_))), "{held:?}");
    drop(hold);
    assert!(!yard.spool.is_busy(key.id).unwrap());
    // Where nobody can say, it is not taken for left behind either.
    let looped = yard
        .folder
        .path()
        .join(format!("spool/incoming/{}", key.id));
    std::os::unix::fs::symlink(&looped, &looped).unwrap();
    let busy = yard.spool.is_busy(key.id);
    assert!(matches!(busy, Err(SpoolError::Io { .. })), "{busy:?}");
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
    yard.opened(key).await;
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
    yard.opened(key).await;
    yard.spool
        .discard_contents(Direction::Inbound, key.id)
        .unwrap();
    let pieces = yard.spool.pieces(key.id).unwrap();
    assert!(pieces.inbound_sidecar, "that it came is known");
    assert_eq!(pieces.wire, Default::default());
    assert_eq!(pieces.plain, Default::default());
    let yard = Yard::new();
    let key = yard.received().await;
    yard.opened(key).await;
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
    drop(yard.sealed_plain(key));
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
    assert_eq!(record.sidecar.wire_hash, again.wire_hash, "EERPs have it");
    assert_eq!(record.sidecar.header, again.header, "and its services");
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
        wire_hash: None,
        verdict: Some(Verdict::Positive),
        note: String::new().into(),
        labels: Vec::new(),
        removal: None,
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

/// One that is not secured, as spools of older programs have it.
#[tokio::test]
async fn files_of_a_spool_that_knew_one_content_have_the_names_they_had() {
    let yard = Yard::new();
    let Offered::New(id) = yard.ledger.offer(offer()).await.unwrap() else {
        panic!("it is new");
    };
    let key = ContentKey::wire_received(id);
    let mut writer = yard.spool.partial(key).unwrap().resume(0).unwrap();
    writer.append(PLAIN).unwrap();
    let whole = writer.finish().unwrap();
    let received = Received {
        measure: whole.measure().clone(),
        counts: oftp::Counts::default(),
        target: offer().target,
        wire_hash: None,
        verdict: Some(Verdict::Positive),
        note: String::new().into(),
        labels: Vec::new(),
        removal: None,
    };
    let sidecar = Sidecar::inbound(id, "them", &offer().header, &received, "S1");
    let sealed = whole.seal(&sidecar).unwrap();
    yard.ledger.received(&sealed, received).await.unwrap();
    drop(sealed);
    assert!(yard.file(&format!("sealed/{id}")).exists());
    let text = std::fs::read_to_string(yard.file(&format!("sealed/{id}.jsonl"))).unwrap();
    assert!(!text.contains("plain") && !text.contains("open"), "{text}");
    assert_eq!(yard.rebuilt_state(id).await, InboundState::Received.into());
    let hold = yard.spool.hold_to_deliver(id).unwrap().unwrap();
    assert_eq!(hold.key(), key);
}

#[tokio::test]
async fn a_file_that_is_not_opened_is_not_delivered_whatever_the_crash_left() {
    let yard = Yard::new();
    let key = yard.received().await;
    yard.assert_not_delivered(key).await;
    let waiting = yard.ledger.unopened_after(None, 99).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].id), (1, key.id));
    assert_eq!(waiting[0].measure.octets, WIRE.len() as u64);
    assert_eq!(yard.ledger.recover().await.unwrap().unopened, 1);
    let unsettled = yard.ledger.unsettled(9).await.unwrap();
    assert_eq!(unsettled[0].id, key.id, "an operator sees it");
    yard.assert_rebuilt(key, InboundState::Opening).await;
    // Between the line of its plain content and its row.
    let sealed = yard.sealed_plain(key);
    let measure = sealed.measure().clone();
    drop(sealed);
    yard.assert_rebuilt(key, InboundState::Opening).await;
    let again = yard.spool.opened(key.id).unwrap().unwrap();
    assert_eq!(again.measure(), &measure, "it is not made again");
    let as_it_is = opened(&again, Verdict::Positive);
    yard.ledger.opened(&again, as_it_is).await.unwrap();
    drop(again);
    assert!(
        yard.ledger
            .unopened_after(None, 99)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        yard.ledger.undelivered_after(None, 99).await.unwrap()[0].id,
        key.id
    );
    assert_eq!(yard.wrong().await, [""; 0]);
    let details = yard.ledger.details(key.id).await.unwrap().unwrap();
    assert_eq!(details.plain, Some(measure));
    assert_eq!(details.wire_hash.unwrap().octets(), [4; 20]);
    yard.delivered(key).await;
    assert_eq!(yard.wrong().await, [""; 0]);
}

#[tokio::test]
async fn only_a_plain_content_that_is_sealed_makes_a_file_opened() {
    let yard = Yard::new();
    let key = yard.received().await;
    let plain = yard.sealed_plain(key);
    let other = Opened {
        plain: pointsman_store::Measure::default(),
        ..opened(&plain, Verdict::Positive)
    };
    let refused = yard.ledger.opened(&plain, other).await;
    assert!(matches!(refused, Err(LedgerError::OtherContent(_))));
    let wire = Sealed::unproven(key, plain.measure().clone());
    let refused = yard.ledger.opened(&wire, opened(&plain, Verdict::Positive));
    let refused = refused.await;
    assert!(matches!(refused, Err(LedgerError::OtherContent(_))));
    yard.assert_state(key, InboundState::Opening, 0).await;
    // Without a sidecar a plain content has no line, and does not count.
    let sidecar = yard.file(&format!("sealed/{}.jsonl", key.id));
    std::fs::remove_file(sidecar).unwrap();
    drop(plain);
    let mut writer = yard.spool.partial(key.plain()).unwrap().resume(0).unwrap();
    writer.append(PLAIN).unwrap();
    let sealed = writer.finish().unwrap().seal_plain();
    assert!(matches!(sealed, Err(SpoolError::Io { .. })), "{sealed:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_or_is_refused_then_is_rejected_with_or_without_its_content() {
    for (is_opened, removal) in [
        (false, None),
        (true, None),
        (false, Some("deleted")),
        (true, Some("deleted")),
    ] {
        let yard = Yard::new();
        let key = yard.received().await;
        let why = || NotOpened {
            removal,
            ..refused()
        };
        if is_opened {
            let sealed = yard.sealed_plain(key);
            let negative = Opened {
                removal,
                ..opened(&sealed, Verdict::Negative(refused().nerp))
            };
            yard.ledger.opened(&sealed, negative).await.unwrap();
        } else {
            yard.ledger.not_opened(key.id, why()).await.unwrap();
            let again = yard.ledger.not_opened(key.id, why()).await;
            assert!(matches!(again, Err(LedgerError::WrongState { .. })));
        }
        yard.assert_state(key, InboundState::Rejected, 1).await;
        assert!(
            yard.ledger
                .undelivered_after(None, 99)
                .await
                .unwrap()
                .is_empty()
        );
        yard.assert_rebuilt(key, InboundState::Rejected).await;
        // A crash may come at once: with the verdict the ledger knows whether the contents are kept.
        let is_removed = yard.ledger.is_content_removed(key.id).await.unwrap();
        assert_eq!(is_removed, removal.is_some());
        let unfinished = yard.ledger.unfinished().await.unwrap();
        assert_eq!(unfinished.contains(&key.id), removal.is_some());
        if removal.is_none() {
            continue;
        }
        yard.spool
            .discard_contents(Direction::Inbound, key.id)
            .unwrap();
        yard.assert_rebuilt(key, InboundState::Rejected).await;
    }
}

#[tokio::test]
async fn by_the_content_on_the_wire_a_start_finds_what_is_left_of_two() {
    let yard = Yard::new();
    let key = yard.received().await;
    drop(yard.sealed_plain(key));
    // The disk fails, or a crash comes, where the first of them is removed.
    let plain = yard.file(&format!("sealed/{}.plain", key.id));
    std::fs::remove_file(&plain).unwrap();
    std::fs::create_dir(&plain).unwrap();
    let discarded = yard.spool.discard_contents(Direction::Inbound, key.id);
    assert!(
        matches!(discarded, Err(SpoolError::Io { .. })),
        "{discarded:?}"
    );
    assert!(yard.spool.hold(key).unwrap().is_some());
    std::fs::remove_dir(&plain).unwrap();
    yard.spool
        .discard_contents(Direction::Inbound, key.id)
        .unwrap();
    assert!(yard.spool.hold(key).unwrap().is_none());
}

#[tokio::test]
async fn each_damage_of_a_file_that_is_to_be_opened_is_named() {
    let yard = Yard::new();
    let key = yard.received().await;
    let wire = yard.file(&format!("sealed/{}", key.id));
    let plain = yard.file(&format!("sealed/{}.plain", key.id));
    let sidecar = yard.file(&format!("sealed/{}.jsonl", key.id));
    std::fs::remove_file(&wire).unwrap();
    assert_eq!(yard.wrong().await, ["content-missing"]);
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Opening.into(),
        "not delivered"
    );
    std::fs::write(&wire, WIRE.to_ascii_uppercase()).unwrap();
    assert_eq!(yard.wrong().await, ["content-digest"]);
    std::fs::write(&wire, WIRE).unwrap();
    let unopened = std::fs::read(&sidecar).unwrap();
    drop(yard.sealed_plain(key));
    std::fs::remove_file(&plain).unwrap();
    assert_eq!(yard.wrong().await, ["content-missing"]);
    let audited = yard.audit().await;
    let remedy = audited.discrepancies().next().unwrap().remedy;
    assert!(remedy.contains("store describe"), "{remedy}");
    // As the remedy says.
    std::fs::remove_file(&sidecar).unwrap();
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 1);
    assert_eq!(yard.wrong().await, [""; 0]);
    assert_eq!(
        yard.rebuilt_state(key.id).await,
        InboundState::Opening.into()
    );
    yard.assert_not_delivered(key).await;
    // A row that is opened, and a sidecar that does not say so.
    yard.opened(key).await;
    let whole = std::fs::read(&sidecar).unwrap();
    std::fs::write(&sidecar, unopened).unwrap();
    assert_eq!(yard.wrong().await, ["sidecar-differs"]);
    let held = yard.spool.hold_to_deliver(key.id);
    assert!(matches!(held, Err(SpoolError::NotOpened(_))), "{held:?}");
    // A ledger that is older than its sidecar.
    std::fs::write(&sidecar, whole).unwrap();
    yard.sql("UPDATE transfers SET state = 'opening', plain_digest = ''");
    let found = yard.wrong().await;
    assert_eq!(found, ["row-changed", "row-behind"]);
}

#[tokio::test]
async fn a_sidecar_that_is_written_from_a_row_leads_to_the_same_row() {
    for verdict in [Verdict::Positive, Verdict::Later(None)] {
        let yard = Yard::new();
        let key = yard.received().await;
        yard.opened_as(key, verdict).await;
        let sidecar = yard.file(&format!("sealed/{}.jsonl", key.id));
        std::fs::remove_file(&sidecar).unwrap();
        assert_eq!(yard.wrong().await, ["row-without-sidecar"]);
        assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 1);
        assert_eq!(yard.wrong().await, [""; 0]);
        assert_eq!(
            yard.rebuilt_state(key.id).await,
            InboundState::Received.into()
        );
        let hold = yard.spool.hold_to_deliver(key.id).unwrap().unwrap();
        assert_eq!(hold.key(), key.plain());
        drop(hold);
        yard.delivered(key).await;
        yard.assert_rebuilt(key, InboundState::Delivered).await;
    }
}

/// Its sender never saw our EFPA.
#[tokio::test]
async fn a_secured_file_that_comes_once_more_is_compared_with_what_came() {
    let yard = Yard::new();
    let key = yard.received().await;
    let wire = yard.ledger.unopened_after(None, 99).await.unwrap()[0]
        .measure
        .clone();
    for _ in 0..2 {
        let again = yard.ledger.offer(offer()).await.unwrap();
        assert_eq!(again, Offered::Duplicate(key.id));
        let same = yard.ledger.received_again(key.id, wire.clone()).await;
        assert_eq!(same.unwrap().into_inner(), Stored(key.id));
        if yard.state(key).await == InboundState::Opening.into() {
            yard.opened(key).await;
        }
    }
    let row = yard.ledger.row(key.id).await.unwrap().unwrap();
    let plain = row.inbound().unwrap().plain.clone().unwrap();
    let other = yard.ledger.received_again(key.id, plain).await;
    assert!(matches!(other, Err(LedgerError::OtherContent(_))));
}

/// More than the spool writes between two looks at the free space.
const MUCH: usize = 2 << 20;

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

/// A spool whose disk is full once its reserve is `FULL`.
fn spool_of_a_small_disk() -> (TempDir, Spool, Arc<Reserve>) {
    let folder = TempDir::new().unwrap();
    let reserve = Reserve::new(0, 0);
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    (folder, spool.with_reserve(Arc::clone(&reserve)), reserve)
}

const FULL: u64 = u64::MAX / 2;

/// Half of a content on a disk that is full takes the space that is missing.
#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_removed_however_it_ends() {
    for how in ["discard", "discard later", "finish", "seal"] {
        let (folder, spool, reserve) = spool_of_a_small_disk();
        let wire = ContentKey::wire_received(TransferId::new());
        for key in [wire, wire.plain()] {
            let partial = spool.partial(key).unwrap();
            let partial: Box<dyn pointsman_store::contents::PartialContent> = Box::new(partial);
            let mut intake = Intake::new(partial.resume(0).await.unwrap());
            intake.write(vec![7; MUCH]).await.unwrap();
            intake.catch_up(oftp::Position::default()).await.unwrap();
            if how == "seal" {
                intake.write(vec![7; 100]).await.unwrap();
            }
            reserve.change(FULL, 0);
            let failed = match how {
                "seal" => {
                    let whole = intake.finish().await.unwrap();
                    whole.seal_plain().await.map(drop)
                }
                _ => {
                    intake.write(vec![7; MUCH]).await.unwrap();
                    let next = match how {
                        "discard" => Err(full()),
                        "finish" => Ok(None),
                        _ => intake.write(vec![7; MUCH]).await,
                    };
                    match how {
                        "finish" => intake.finish().await.map(drop),
                        _ => {
                            intake.discard().await.unwrap();
                            next.map(drop)
                        }
                    }
                }
            };
            assert!(failed.unwrap_err().is_full(), "{how}");
            let left = names(&folder.path().join("spool/incoming"));
            assert!(left.is_empty(), "{how}, {key:?}: {left:?}");
            reserve.change(0, 0);
        }
    }
}

fn full() -> SpoolError {
    SpoolError::Io {
        path: PathBuf::new(),
        source: std::io::ErrorKind::StorageFull.into(),
    }
}

/// What was durable at a checkpoint is resumed, whatever failed behind it.
#[tokio::test]
async fn a_pause_after_a_write_that_failed_keeps_what_is_there() {
    let (_folder, spool, reserve) = spool_of_a_small_disk();
    let key = ContentKey::wire_received(TransferId::new());
    let partial = Contents::partial(&spool, key).await.unwrap();
    let mut intake = Intake::new(partial.resume(0).await.unwrap());
    intake.write(vec![7; MUCH]).await.unwrap();
    intake.catch_up(oftp::Position::default()).await.unwrap();
    reserve.change(FULL, 0);
    intake.write(vec![7; MUCH]).await.unwrap();
    assert!(intake.pause().await.unwrap_err().is_full());
    let partial = Contents::partial(&spool, key).await.unwrap();
    assert_eq!(partial.octets().await.unwrap(), MUCH as u64);
}

/// A plain content is made again, so what is left of one goes before any partial that its sender may resume.
#[tokio::test]
async fn plain_contents_that_nobody_makes_make_room_and_partials_stay() {
    let (folder, spool, reserve) = spool_of_a_small_disk();
    let begun = || {
        let key = ContentKey::wire_received(TransferId::new());
        let mut writer = spool.partial(key.plain()).unwrap().resume(0).unwrap();
        writer.append(b"half").unwrap();
        (key, writer)
    };
    let (_, left) = begun();
    drop(left);
    let (made, _writer) = begun();
    let partial = ContentKey::wire_received(TransferId::new());
    drop(spool.partial(partial).unwrap());
    reserve.change(FULL, 0);
    assert!(spool.make_room(1).unwrap().is_empty());
    let mut stay = names(&folder.path().join("spool/incoming"));
    stay.sort();
    let mut expected = vec![format!("{}.plain", made.id), partial.id.to_string()];
    expected.sort();
    assert_eq!(stay, expected);
}
