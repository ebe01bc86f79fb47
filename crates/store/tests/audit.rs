//! Ledger and spool are compared with each other, and a ledger is rebuilt from the spool.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oftp::{
    DatasetName, Eerp, FileHeader, FileKey, FileStamp, Nerp, NerpReason, OdetteId, Position,
    Positions, PositionsFinder, Response, UserData,
};
use pointsman_store::{
    Access, Acknowledgement, Audit, Audited, Books, Contact, ContactKind, ContentKey, Direction,
    Entry, Files, KeptPositions, Ledger, LedgerError, Longest, Measure, NewFile, Note, Offer,
    Offered, Order, OutboundState, Quota, Rebuilt, ReceiptState, Received, Repeated, Sealed,
    Sidecar, Spool, SqliteLedger, Target, TransferId, Verdict, Weight, Work, rebuild,
};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use tempfile::TempDir;

fn key(dataset: &str) -> FileKey {
    FileKey {
        dataset: DatasetName::new(dataset).unwrap(),
        stamp: FileStamp::new("20261122", "0815300001").unwrap(),
        originator: OdetteId::new("O0013THEM").unwrap(),
        destination: OdetteId::new("O0013US").unwrap(),
    }
}

fn nerp(dataset: &str) -> Box<Nerp> {
    Box::new(Nerp {
        key: key(dataset),
        creator: OdetteId::new("O0013US").unwrap(),
        reason: NerpReason::from_code(34),
        text: "not usable".to_owned(),
        hash: Vec::new(),
        signature: Vec::new(),
    })
}

fn eerp(dataset: &str) -> Response {
    Response::Positive(Eerp {
        key: key(dataset),
        user: UserData::default(),
        hash: Vec::new(),
        signature: Vec::new(),
    })
}

fn at(octets: u64) -> oftp::Position {
    oftp::Position { octets, records: 0 }
}

fn offer(dataset: &str) -> Offer {
    Offer {
        partner: "them".to_owned(),
        header: FileHeader::plain(key(dataset), 7),
        target: Target {
            directory: "in".to_owned(),
            file_name: dataset.to_owned(),
            overwrite: false,
        },
        layout: None,
        session: "S1".to_owned(),
        note: Note::default(),
        may_resume: true,
        repeated: Repeated::Refused,
    }
}

fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(600)
}

/// A whole store, and the steps of a server in it.
/// What [`Yard::sealed`] has sealed.
fn sealed(id: TransferId, received: &Received) -> Sealed {
    Sealed::unproven(id, received.measure.clone())
}

struct Yard {
    folder: TempDir,
    spool: Spool,
    ledger: SqliteLedger,
}

impl Yard {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        Self::of(folder)
    }

    /// With what is in the folder.
    fn of(folder: TempDir) -> Self {
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let ledger = open(folder.path(), &spool);
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

    fn database(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    fn sql(&self, sql: &str) {
        let db = past_the_program(&self.database());
        assert_eq!(db.execute(sql, []).unwrap(), 1, "{sql}");
    }

    async fn offered(&self, dataset: &str) -> TransferId {
        match self.ledger.offer(offer(dataset)).await.unwrap() {
            Offered::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Sealed, its row not saying so: where a crash may come.
    fn sealed(&self, id: TransferId, dataset: &str, verdict: Verdict) -> Received {
        self.sealed_as(id, 0, dataset, verdict)
    }

    fn sealed_as(&self, id: TransferId, edition: u32, dataset: &str, verdict: Verdict) -> Received {
        let mut writer = self.spool.partial(id).unwrap().resume(0).unwrap();
        writer.append(b"content").unwrap();
        let whole = writer.finish().unwrap();
        let received = Received {
            measure: whole.measure().clone(),
            counts: oftp::Counts::default(),
            target: offer(dataset).target,
            verdict,
            note: Note::default(),
            labels: Vec::new(),
        };
        let header = offer(dataset).header;
        whole
            .seal(&Sidecar::inbound(id, "them", &header, &received, "S1").of_edition(edition))
            .unwrap();
        received
    }

    async fn received(&self, dataset: &str, verdict: Verdict) -> TransferId {
        let id = self.offered(dataset).await;
        let received = self.sealed(id, dataset, verdict);
        self.ledger
            .received(&sealed(id, &received), received)
            .await
            .unwrap();
        id
    }

    async fn delivered(&self, dataset: &str, verdict: Verdict) -> TransferId {
        let id = self.received(dataset, verdict).await;
        let path = format!("in/{dataset}");
        self.ledger.placing(id, &path).await.unwrap();
        self.spool
            .place(
                ContentKey::received(id),
                &self.inbox(),
                &path,
                false,
                Access::default(),
            )
            .unwrap();
        self.ledger.delivered(id).await.unwrap();
        id
    }

    fn imported(&self, dataset: &str) -> NewFile {
        let id = TransferId::new();
        let whole = self.spool.import(id, &mut &b"content"[..]).unwrap();
        let file = NewFile {
            id,
            partner: "them".to_owned(),
            header: FileHeader::plain(key(dataset), 7),
            octets: 7,
            digest: whole.measure().digest.clone(),
            layout: None,
            counts: oftp::Counts::default(),
            priority: 3,
            labels: Vec::new(),
        };
        whole.seal(&Sidecar::outbound(&file)).unwrap();
        file
    }

    async fn queued(&self, dataset: &str) -> TransferId {
        let file = self.imported(dataset);
        let id = file.id;
        self.ledger.enqueue(file).await.unwrap();
        id
    }

    async fn audit(&self) -> Audited {
        self.audit_where(BTreeSet::new()).await
    }

    async fn audit_where(&self, to_be_queued: BTreeSet<TransferId>) -> Audited {
        let audit = Audit {
            spool: self.spool.clone(),
            inbox: self.inbox(),
            digests: true,
            to_be_queued,
        };
        audit.run(&self.ledger).await.unwrap()
    }

    async fn assert_clean(&self) {
        let audited = self.audit().await;
        assert!(audited.is_clean(), "{:#?}", audited.findings);
    }

    /// What is wrong with the one transfer something is wrong with.
    async fn wrong(&self) -> (TransferId, Vec<&'static str>) {
        let audited = self.audit().await;
        let kinds = audited.discrepancies().map(|finding| finding.kind);
        let first = audited.discrepancies().next().unwrap();
        assert!(!first.file.is_empty() && !first.what.is_empty() && !first.remedy.is_empty());
        assert!(
            audited
                .discrepancies()
                .all(|finding| finding.id == first.id)
        );
        (first.id.unwrap(), kinds.collect())
    }

    async fn state(&self, id: TransferId) -> (String, String) {
        let row = self.ledger.show(id).await.unwrap().unwrap();
        let receipt = row.receipt.map_or("none", ReceiptState::as_str);
        (row.state.to_string(), receipt.to_owned())
    }

    /// Another one in which all is the same: made without the flushes that it takes to get there step by step.
    fn twin(&self) -> Self {
        let folder = TempDir::new().unwrap();
        copy_folder(self.folder.path(), folder.path());
        let database = folder.path().join("ledger.db");
        let db = past_the_program(&self.database());
        db.execute_batch("PRAGMA synchronous = OFF").unwrap();
        let copied = database.to_str().unwrap();
        db.execute("VACUUM INTO ?1", [copied]).unwrap();
        Self::of(folder)
    }

    /// Takes the ledger away and rebuilds it.
    fn rebuilt(mut self) -> (Self, Rebuilt) {
        self.ledger = open(&self.spare(), &self.spool);
        let rebuilt = eventually_free(&self.database(), &self.spool);
        self.ledger = open(self.folder.path(), &self.spool);
        (self, rebuilt)
    }

    fn spare(&self) -> PathBuf {
        let spare = self.folder.path().join("spare");
        std::fs::create_dir_all(&spare).unwrap();
        spare
    }
}

/// Copies what lies below a folder, but the ledger.
fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&copy).unwrap();
            copy_folder(&entry.path(), &copy);
        } else if !entry.file_name().to_string_lossy().starts_with("ledger.db") {
            std::fs::copy(entry.path(), &copy).unwrap();
        }
    }
}

/// Changes rows as a disk that fails would: no part of the program is notified.
fn past_the_program(database: &Path) -> Connection {
    let db = Connection::open(database).unwrap();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    db.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;")
        .unwrap();
    db
}

fn open(folder: &Path, spool: &Spool) -> SqliteLedger {
    let ledger = SqliteLedger::open(&folder.join("ledger.db")).unwrap();
    ledger.with_sidecars(spool.clone())
}

/// The threads of a ledger end a moment after it is dropped.
fn eventually_free(database: &Path, spool: &Spool) -> Rebuilt {
    for _ in 0..100 {
        match rebuild(database, spool) {
            Err(LedgerError::InUse(_)) => std::thread::sleep(Duration::from_millis(20)),
            other => return other.unwrap(),
        }
    }
    panic!("the ledger is not let go");
}

/// One file in every state.
async fn everything(yard: &Yard) -> BTreeMap<&'static str, TransferId> {
    let ledger = &yard.ledger;
    let mut ids = BTreeMap::new();
    ids.insert(
        "received",
        yard.received("RECEIVED", Verdict::Positive).await,
    );
    let placing = yard.received("PLACING", Verdict::Positive).await;
    ledger.placing(placing, "in/PLACING").await.unwrap();
    // Its entry is appended to the sidecar just before the rename.
    let heard = Entry::Placing("in/PLACING".to_owned());
    yard.spool
        .append(Direction::Inbound, placing, &heard)
        .unwrap();
    ids.insert("placing", placing);
    let moved = yard.received("MOVED", Verdict::Positive).await;
    ledger.placing(moved, "in/MOVED").await.unwrap();
    yard.spool
        .place(
            ContentKey::received(moved),
            &yard.inbox(),
            "in/MOVED",
            false,
            Access::default(),
        )
        .unwrap();
    ids.insert("moved", moved);
    ids.insert("owed", yard.delivered("OWED", Verdict::Positive).await);
    let given = yard.delivered("GIVEN", Verdict::Positive).await;
    ledger.response_taken(given).await.unwrap();
    ids.insert("given", given);
    let later = yard.delivered("LATER", Verdict::Later(None)).await;
    ids.insert("later", later);
    let decided = yard
        .delivered("DECIDED", Verdict::Later(Some(soon())))
        .await;
    ledger
        .decided(decided, Verdict::Negative(nerp("DECIDED")), "".into())
        .await
        .unwrap();
    ids.insert("decided", decided);
    let refused = Verdict::Negative(nerp("REFUSED"));
    ids.insert("refused", yard.received("REFUSED", refused).await);

    ids.insert("ready", yard.queued("READY").await);
    let held = yard.queued("HELD").await;
    ledger.order(held, Order::Hold, "why").await.unwrap();
    ids.insert("held", held);
    let parked = yard.queued("PARKED").await;
    ledger.park(parked, "SFNA 01").await.unwrap();
    ids.insert("parked", parked);
    let cancelled = yard.queued("CANCELLED").await;
    ledger.order(cancelled, Order::Cancel, "why").await.unwrap();
    ids.insert("cancelled", cancelled);
    for (name, response) in [
        ("SENT", None),
        ("ACKED", Some(eerp("ACKED"))),
        ("NERPED", Some(Response::Negative(*nerp("NERPED")))),
    ] {
        let id = yard.queued(name).await;
        ledger.in_doubt(id).await.unwrap();
        ledger.sent(id, "EFPA").await.unwrap();
        if let Some(response) = response {
            ledger.acknowledged("them", &response, "").await.unwrap();
        }
        ids.insert(name, id);
    }
    ids
}

#[tokio::test]
async fn a_store_in_every_state_is_clean_and_the_audit_changes_nothing() {
    let yard = Yard::new();
    everything(&yard).await;
    let half = yard.offered("HALF").await;
    let mut writer = yard.spool.partial(half).unwrap().resume(0).unwrap();
    writer.append(b"some").unwrap();
    let synced = writer.sync().unwrap();
    yard.ledger.checkpoint(half, at(synced)).await.unwrap();
    drop(writer);
    let before = yard.spool.transfers().unwrap();
    let audited = yard.audit().await;
    assert!(audited.is_clean(), "{:#?}", audited.findings);
    assert_eq!((audited.transfers, audited.owed), (16, 3));
    assert_eq!(yard.spool.transfers().unwrap(), before);
}

/// A file of [`everything`], the kinds of the findings, and what is done to the file.
type Damage = (&'static str, &'static [&'static str], fn(&Yard, TransferId));

#[tokio::test]
async fn every_damage_is_named_with_its_transfer_its_file_and_what_to_do() {
    let damage: &[Damage] = &[
        ("received", &["content-missing"], |yard, id| {
            std::fs::remove_file(yard.file(&format!("sealed/{id}"))).unwrap();
        }),
        ("received", &["content-size"], |yard, id| {
            std::fs::write(yard.file(&format!("sealed/{id}")), "conten").unwrap();
        }),
        ("refused", &["content-digest"], |yard, id| {
            std::fs::write(yard.file(&format!("sealed/{id}")), "Content").unwrap();
        }),
        ("ready", &["content-digest"], |yard, id| {
            std::fs::write(yard.file(&format!("outgoing/{id}")), "Content").unwrap();
        }),
        ("SENT", &["content-missing"], |yard, id| {
            std::fs::remove_file(yard.file(&format!("outgoing/{id}"))).unwrap();
        }),
        ("owed", &["delivered-still-sealed"], |yard, id| {
            std::fs::write(yard.file(&format!("sealed/{id}")), "content").unwrap();
        }),
        ("owed", &["row-without-sidecar"], |yard, id| {
            std::fs::remove_file(yard.file(&format!("sealed/{id}.jsonl"))).unwrap();
        }),
        ("ready", &["sidecar-unreadable"], |yard, id| {
            std::fs::write(yard.file(&format!("outgoing/{id}.jsonl")), [0; 512]).unwrap();
        }),
        ("given", &["row-changed", "sidecar-differs"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET digest = 'd' WHERE id = '{id}'"
            ));
        }),
        ("owed", &["receipt"], |yard, id| {
            yard.sql(&format!("DELETE FROM receipts WHERE transfer = '{id}'"));
        }),
        ("owed", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET receipt_later = 1 WHERE id = '{id}'"
            ));
        }),
        ("later", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET receipt_later = 0 WHERE id = '{id}'"
            ));
        }),
        ("owed", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE receipts SET partner = 'x' WHERE transfer = '{id}'"
            ));
        }),
        ("ACKED", &["receipt"], |yard, id| {
            yard.sql(&format!("DELETE FROM receipts WHERE transfer = '{id}'"));
        }),
        ("ACKED", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET state = 'sent' WHERE id = '{id}'"
            ));
        }),
        ("ready", &["row-changed", "state"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET state = 'x' WHERE id = '{id}'"
            ));
        }),
        ("ready", &["sidecar-without-row"], |yard, id| {
            yard.sql(&format!("DELETE FROM transfers WHERE id = '{id}'"));
        }),
        ("placing", &["row-changed", "row-behind"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET state = 'receiving' WHERE id = '{id}'"
            ));
        }),
    ];
    let original = Yard::new();
    let ids = everything(&original).await;
    let mut tests = Vec::new();
    for (which, kinds, harm) in damage {
        let (yard, id) = (original.twin(), ids[which]);
        tests.push(tokio::spawn(async move {
            harm(&yard, id);
            assert_eq!(yard.wrong().await, (id, kinds.to_vec()), "{which}");
        }));
    }
    for test in tests {
        test.await.unwrap();
    }
}

#[tokio::test]
async fn positions_of_records_are_those_that_were_noted_or_none_and_cost_nobody_the_file() {
    let yard = Yard::new();
    let file = yard.imported("POSITIONS");
    let mut finder = PositionsFinder::default();
    for records in 1..=50_000 {
        let octets = 100 * records;
        finder.record_ended(Position { octets, records });
    }
    let noted = finder.found();
    let measure = |digest: &str| Measure {
        octets: file.octets,
        digest: digest.to_owned(),
    };
    let id = file.id;
    yard.spool
        .keep_positions(id, &measure(&file.digest), &noted);
    assert_eq!(yard.spool.positions(id), noted);
    yard.ledger.enqueue(file.clone()).await.unwrap();
    yard.assert_clean().await;
    let (yard, rebuilt) = yard.rebuilt();
    assert_eq!(rebuilt.outbound, 1);
    assert_eq!(yard.spool.positions(id), noted, "they are no part of a row");
    yard.assert_clean().await;

    // One digit of one of them.
    let path = yard.file(&format!("outgoing/{id}.jsonl"));
    let sidecar = std::fs::read_to_string(&path).unwrap();
    let (octets, records) = (noted.points()[1].octets, noted.points()[1].records);
    let rotten = sidecar.replace(
        &format!("[{octets},{records}]"),
        &format!("[{octets},{}]", records + 1),
    );
    assert_ne!(rotten, sidecar);
    std::fs::write(&path, rotten).unwrap();
    assert_eq!(yard.spool.positions(id), Positions::default());
    assert_eq!(yard.wrong().await, (id, vec!["positions-damaged"]));

    // What the audit says to do about it.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 1);
    assert_eq!(yard.spool.positions(id), Positions::default());
    yard.assert_clean().await;

    // Those of another content.
    let other = Entry::Positions(KeptPositions::new(&noted, &measure("another")));
    yard.spool.append(Direction::Outbound, id, &other).unwrap();
    assert_eq!(yard.spool.positions(id), Positions::default());
}

#[tokio::test]
async fn blobs_that_nobody_knows_are_named_too() {
    let yard = Yard::new();
    let id = TransferId::new();
    std::fs::write(yard.file(&format!("sealed/{id}")), "x").unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["blob-without-row"]));
    std::fs::remove_file(yard.file(&format!("sealed/{id}"))).unwrap();
    let id = yard.imported("NEVER").id;
    assert_eq!(yard.wrong().await, (id, vec!["never-queued"]));
}

#[tokio::test]
async fn a_blob_that_the_next_server_queues_is_no_damage_and_one_whose_row_was_lost_is() {
    let yard = Yard::new();
    let (begun, lost) = (yard.imported("BEGUN"), yard.imported("LOST"));
    // It was queued once, so its sidecar says so: the ledger is an older one.
    let ready = Entry::State(OutboundState::Ready, None);
    yard.spool
        .append(Direction::Outbound, lost.id, &ready)
        .unwrap();
    let to_be_queued = BTreeSet::from([begun.id, lost.id]);
    let audited = yard.audit_where(to_be_queued).await;
    let kinds: Vec<_> = audited
        .findings
        .iter()
        .map(|found| (found.id.unwrap(), found.kind, found.weight))
        .collect();
    assert_eq!(
        kinds,
        [
            (begun.id, "to-be-queued", Weight::Note),
            (lost.id, "sidecar-without-row", Weight::Discrepancy)
        ]
    );
}

#[tokio::test]
async fn a_partial_shorter_than_its_checkpoint_is_named() {
    let yard = Yard::new();
    let id = yard.offered("HALF").await;
    yard.ledger.checkpoint(id, at(4096)).await.unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["partial-short"]));
    std::fs::write(yard.file(&format!("incoming/{id}")), [0; 4095]).unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["partial-short"]));
    std::fs::write(yard.file(&format!("incoming/{id}")), [0; 4097]).unwrap();
    yard.assert_clean().await;
}

#[tokio::test]
async fn what_the_next_start_mends_or_a_reader_took_is_a_note() {
    let yard = Yard::new();
    let id = yard.offered("CRASH").await;
    yard.sealed(id, "CRASH", Verdict::Positive);
    let orphan = TransferId::new();
    std::fs::write(yard.file(&format!("incoming/{orphan}")), "x").unwrap();
    let taken = yard.delivered("TAKEN", Verdict::Positive).await;
    std::fs::remove_file(yard.inbox().join("in/TAKEN")).unwrap();
    let changed = yard.delivered("CHANGED", Verdict::Positive).await;
    std::fs::write(yard.inbox().join("in/CHANGED"), "").unwrap();
    let audited = yard.audit().await;
    let mut notes: Vec<_> = audited
        .findings
        .iter()
        .map(|finding| (finding.id.unwrap(), finding.kind, finding.weight))
        .collect();
    notes.sort_by_key(|(_, kind, _)| *kind);
    assert_eq!(
        notes,
        [
            (changed, "delivered-changed", Weight::Note),
            (taken, "delivered-taken", Weight::Note),
            (orphan, "partial-without-row", Weight::Note),
            (id, "sealed-uncommitted", Weight::Note),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beside_a_server_at_work_only_settled_things_are_told() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    const FILES: u64 = 150;
    let (yard, done) = (Arc::new(Yard::new()), Arc::new(AtomicU64::new(0)));
    let work: Vec<_> = (0..3)
        .map(|worker| {
            let (yard, done) = (yard.clone(), done.clone());
            tokio::spawn(async move {
                while done.load(Ordering::Relaxed) < FILES {
                    let name = format!("W{worker}.{}", done.fetch_add(1, Ordering::Relaxed));
                    let id = yard.delivered(&name, Verdict::Positive).await;
                    yard.ledger.response_taken(id).await.unwrap();
                    let id = yard.queued(&name).await;
                    yard.ledger.sent(id, "EFPA").await.unwrap();
                    let answer = yard.ledger.acknowledged("them", &eerp(&name), "").await;
                    assert_eq!(*answer.unwrap(), Acknowledgement::Recorded(id));
                }
            })
        })
        .collect();
    let mut audits = 0;
    while work.iter().any(|worker| !worker.is_finished()) {
        yard.assert_clean().await;
        audits += 1;
    }
    for worker in work {
        worker.await.unwrap();
    }
    assert!(audits > 0);
    println!("{audits} audits beside {FILES} files each way");
    // And it is not blind: what stays wrong beside a server is told.
    let id = yard.queued("LAST").await;
    std::fs::remove_file(yard.file(&format!("outgoing/{id}"))).unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["content-missing"]));
}

#[tokio::test]
async fn a_rebuilt_ledger_owes_what_was_owed_and_delivers_nothing_twice() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    let quota = Quota {
        policy: 1000,
        all: 1000,
    };
    let kept = yard.ledger.kv_set("policy", "k", vec![1], quota);
    kept.await.unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.left.is_empty(), "{rebuilt:?}");
    assert_eq!((rebuilt.inbound, rebuilt.outbound), (8, 7));
    yard.assert_clean().await;
    let expected = [
        ("received", "received", "none"),
        // Not renamed yet, so it is delivered again; renamed, so it is delivered.
        ("placing", "received", "none"),
        ("moved", "delivered", "owed"),
        ("owed", "delivered", "owed"),
        ("given", "delivered", "given"),
        ("later", "delivered", "none"),
        ("decided", "rejected", "owed"),
        ("refused", "rejected", "owed"),
        ("ready", "ready", "none"),
        ("held", "held", "none"),
        ("parked", "parked", "none"),
        ("cancelled", "cancelled", "none"),
        ("SENT", "sent", "none"),
        ("ACKED", "acknowledged", "received"),
        ("NERPED", "rejected", "received"),
    ];
    assert_eq!(expected.len(), ids.len());
    for (which, state, receipt) in expected {
        let found = yard.state(ids[which]).await;
        assert_eq!(found, (state.to_owned(), receipt.to_owned()), "{which}");
    }
    let undelivered: Vec<_> = yard.ledger.undelivered().await.unwrap();
    assert_eq!(
        undelivered.iter().map(|file| file.id).collect::<Vec<_>>(),
        [ids["received"], ids["placing"]]
    );
    let row = yard.ledger.show(ids["given"]).await.unwrap().unwrap();
    assert_eq!(row.path.as_deref(), Some("in/GIVEN"));
    for dataset in ["GIVEN", "RECEIVED", "REFUSED"] {
        let again = yard.ledger.offer(offer(dataset)).await.unwrap();
        assert!(
            matches!(again, Offered::Duplicate(_)),
            "{dataset}: {again:?}"
        );
    }
    let claim = || {
        yard.ledger
            .claim("them", "node/S1", Longest::UNKNOWN, Files::Any)
    };
    let mut owed = Vec::new();
    while let Some(Work::Response(response)) = claim().await.unwrap() {
        owed.push((response.id, response.into_inner().response));
    }
    assert_eq!(owed.len(), 4);
    assert!(owed.contains(&(ids["decided"], Response::Negative(*nerp("DECIDED")))));
    assert_eq!(
        yard.ledger.kv_get("policy", "k").await.unwrap(),
        Some(vec![1])
    );
    let quota = Quota {
        policy: 100,
        all: 1000,
    };
    let more = yard.ledger.kv_set("policy", "l", vec![1], quota).await;
    let told = more.unwrap_err().to_string();
    assert!(told.contains("keeps 72 octets"), "{told}");
    let events = yard.ledger.timeline(ids["owed"]).await.unwrap();
    assert_eq!(
        events.len(),
        5,
        "the old history and that it was rebuilt: {events:?}"
    );
    // An EFID may have left: an SFNA 13 is to be believed.
    let queue = yard.ledger.queue(None).await.unwrap();
    assert!(queue[0].in_doubt && queue[0].priority == 3);
}

#[tokio::test]
async fn without_the_lines_a_power_cut_takes_a_new_ledger_is_careful() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    for (part, keep) in [("sealed", 1), ("outgoing", 1)] {
        for entry in std::fs::read_dir(yard.file(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some() {
                let text = std::fs::read_to_string(&path).unwrap();
                let kept: Vec<&str> = text.lines().take(keep).collect();
                std::fs::write(&path, kept.join("\n")).unwrap();
            }
        }
    }
    std::fs::remove_file(yard.database()).unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(
        rebuilt.left.is_empty() && !rebuilt.kept_history,
        "{rebuilt:?}"
    );
    yard.assert_clean().await;
    for (which, state, receipt) in [
        ("received", "received", "none"),
        ("given", "delivered", "owed"),
        ("decided", "delivered", "none"),
        ("refused", "rejected", "owed"),
        // Nobody knows whether the partner has it: an operator decides.
        ("ready", "parked", "none"),
        ("ACKED", "parked", "none"),
    ] {
        let found = yard.state(ids[which]).await;
        assert_eq!(found, (state.to_owned(), receipt.to_owned()), "{which}");
    }
}

#[tokio::test]
async fn what_a_crash_left_half_is_no_delivered_file() {
    let yard = Yard::new();
    // The sidecar was written, the blob not renamed.
    let early = yard.received("EARLY", Verdict::Positive).await;
    std::fs::rename(
        yard.file(&format!("sealed/{early}")),
        yard.file(&format!("incoming/{early}")),
    )
    .unwrap();
    let half = yard.offered("HALF").await;
    drop(yard.spool.partial(half).unwrap());
    let (yard, rebuilt) = yard.rebuilt();
    assert_eq!((rebuilt.inbound, rebuilt.partials), (0, 2), "{rebuilt:?}");
    yard.assert_clean().await;
    assert!(yard.spool.transfers().unwrap().is_empty());
    for dataset in ["EARLY", "HALF"] {
        let again = yard.ledger.offer(offer(dataset)).await.unwrap();
        assert!(matches!(again, Offered::New(_)), "it may come again");
    }
}

#[tokio::test]
async fn files_of_one_identity_are_rebuilt_as_they_were() {
    let yard = Yard::new();
    let refused = Verdict::Negative(nerp("ORDER"));
    let first = yard.received("ORDER", refused).await;
    yard.ledger.response_taken(first).await.unwrap();
    let Offered::Another(second, edition) = yard.ledger.offer(offer("ORDER")).await.unwrap() else {
        panic!("the mended file is another one");
    };
    let received = yard.sealed_as(second, edition, "ORDER", Verdict::Positive);
    yard.ledger
        .received(&sealed(second, &received), received)
        .await
        .unwrap();
    yard.assert_clean().await;

    let (yard, rebuilt) = yard.rebuilt();
    assert_eq!((rebuilt.inbound, rebuilt.left.len()), (2, 0), "{rebuilt:?}");
    yard.assert_clean().await;
    let state = yard.state(first).await;
    assert_eq!(state, ("rejected".to_owned(), "given".to_owned()));
    let again = yard.ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(second));

    // A sidecar that is written from the row says it, too.
    std::fs::remove_file(yard.file(&format!("sealed/{second}.jsonl"))).unwrap();
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 1);
    yard.assert_clean().await;
    yard.sql("UPDATE transfers SET edition = 7 WHERE edition = 1");
    let kinds = vec!["row-changed", "sidecar-differs"];
    assert_eq!(yard.wrong().await, (second, kinds));
}

#[tokio::test]
async fn damaged_content_is_neither_delivered_nor_sent_and_says_so() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    for (which, part) in [("received", "sealed"), ("ready", "outgoing")] {
        let path = yard.file(&format!("{part}/{}", ids[which]));
        std::fs::write(path, "Content").unwrap();
    }
    let twin = ids["owed"].to_string();
    let other = TransferId::new().to_string();
    let text = std::fs::read_to_string(yard.file(&format!("sealed/{twin}.jsonl"))).unwrap();
    std::fs::write(
        yard.file(&format!("sealed/{other}.jsonl")),
        text.replace(&twin, &other),
    )
    .unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    let left: Vec<String> = rebuilt
        .left
        .iter()
        .map(|left| left.id.to_string())
        .collect();
    assert_eq!(left.len(), 3, "{rebuilt:?}");
    assert!(left.contains(&other), "two files of one identity: {left:?}");
    let known = |id| yard.ledger.show(id);
    assert!(known(ids["received"]).await.unwrap().is_none());
    assert!(
        known(ids["owed"]).await.unwrap().is_some(),
        "the older one stays"
    );
    let audited = yard.audit().await;
    assert_eq!(
        audited.discrepancies().count(),
        3,
        "{:#?}",
        audited.findings
    );
}

#[tokio::test]
async fn a_damaged_ledger_is_put_aside_and_one_in_use_is_left_alone() {
    let yard = Yard::new();
    let id = yard.delivered("ORDER", Verdict::Positive).await;
    let refused = rebuild(&yard.database(), &yard.spool);
    assert!(matches!(refused, Err(LedgerError::InUse(_))), "{refused:?}");
    assert_eq!(yard.state(id).await.0, "delivered", "and nothing changed");

    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.kept_history && rebuilt.aside.unwrap().exists());
    std::fs::remove_file(yard.folder.path().join("ledger.db-wal")).ok();
    let (yard, _) = {
        let mut yard = yard;
        yard.ledger = open(&yard.spare(), &yard.spool);
        std::thread::sleep(Duration::from_millis(200));
        std::fs::write(yard.database(), vec![7; 9000]).unwrap();
        yard.rebuilt()
    };
    assert_eq!(yard.state(id).await.0, "delivered");
}

#[tokio::test]
async fn rows_older_than_sidecars_get_theirs() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    let mut before = Vec::new();
    for part in ["sealed", "outgoing"] {
        for entry in std::fs::read_dir(yard.file(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some() {
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
    for which in ids.keys() {
        before.push(yard.state(ids[which]).await);
    }
    assert!(!yard.audit().await.is_clean());
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 15);
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 0);
    yard.assert_clean().await;
    std::fs::remove_file(yard.database()).unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.left.is_empty(), "{rebuilt:?}");
    for (which, state) in ids.keys().zip(before) {
        let found = yard.state(ids[which]).await;
        let moved = matches!(*which, "placing" | "moved");
        assert!(found == state || moved, "{which}: {found:?}, was {state:?}");
    }
}

/// Dice that a number starts. `POINTSMAN_SEED` chooses it.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let chosen = std::env::var("POINTSMAN_SEED").ok();
        let seed = chosen.map_or_else(
            || u64::from(std::process::id()) << 20 | 1,
            |seed| seed.parse().unwrap(),
        );
        println!("POINTSMAN_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}

/// A ledger with rows in every table.
async fn full_ledger() -> Yard {
    let yard = Yard::new();
    everything(&yard).await;
    yard.offered("HALF").await;
    let quota = Quota {
        policy: 1 << 20,
        all: 1 << 20,
    };
    for (key, value) in [("counter", "17"), ("name", "value")] {
        let kept = yard.ledger.kv_set("route", key, value.into(), quota);
        kept.await.unwrap();
    }
    let contact = |kind| Contact {
        partner: "them".to_owned(),
        kind,
        at: SystemTime::now(),
        dialled: true,
        remote: "127.0.0.1:3305".to_owned(),
        words: "the connection was lost".to_owned(),
        stayed: Some("a policy held all files back".to_owned()),
    };
    let contacts = vec![contact(ContactKind::Session), contact(ContactKind::Failure)];
    yard.ledger.note_contacts(contacts).await.unwrap();
    yard
}

const TABLES: [&str; 6] = [
    "transfers",
    "receipts",
    "timeline",
    "policy_values",
    "policy_kept",
    "contacts",
];

/// All rows of a table.
fn rows(db: &Connection, table: &str) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut select = db.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
    let columns = select.column_count();
    let mut rows = select.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get_ref(column).map(Value::try_from));
        let values = values.map(|value| value.map(|value| value.unwrap_or(Value::Null)));
        all.push(values.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

/// The same value with one bit turned; where it has none, another.
fn turned(value: &Value, dice: &mut Dice) -> Value {
    let mut turn = |octets: &[u8]| {
        let mut octets = octets.to_vec();
        if octets.is_empty() {
            return vec![b'A'];
        }
        let at = dice.below(octets.len());
        octets[at] ^= 1 << dice.below(7);
        octets
    };
    match value {
        Value::Integer(number) => {
            let octets = turn(&number.to_le_bytes());
            Value::Integer(i64::from_le_bytes(octets.try_into().unwrap()))
        }
        Value::Text(text) => {
            Value::Text(String::from_utf8_lossy(&turn(text.as_bytes())).into_owned())
        }
        Value::Blob(octets) => Value::Blob(turn(octets)),
        _ => Value::Text("A".to_owned()),
    }
}

#[tokio::test]
async fn whichever_column_of_a_row_rots_its_row_is_named() {
    let yard = full_ledger().await;
    assert_eq!(yard.ledger.damage(true).await, []);
    let mut dice = Dice::new();
    let db = past_the_program(&yard.database());
    let mut columns = 0;
    for table in TABLES {
        let names = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = names.column_names().map(str::to_owned).collect();
        let rows = rows(&db, table).unwrap();
        for (at, column) in names.iter().enumerate() {
            let row = &rows[dice.below(rows.len())];
            let key = names.iter().map(|name| format!("{name} IS ?"));
            let key = key.collect::<Vec<_>>().join(" AND ");
            let change = format!("UPDATE {table} SET {column} = ? WHERE {key}");
            let change = |from: &[Value], to: &Value| {
                let values = std::iter::once(to).chain(from);
                db.execute(&change, rusqlite::params_from_iter(values))
            };
            // A turn that SQLite does not take, since another row has that key or a number is no word, is none.
            let changed = (0..1000).find_map(|_| {
                let mut changed = row.clone();
                changed[at] = match turned(&row[at], &mut dice) {
                    Value::Text(_) if column.ends_with("_at") => Value::Integer(1),
                    other => other,
                };
                change(row, &changed[at]).is_ok().then_some(changed)
            });
            let changed = changed.unwrap_or_else(|| panic!("{table}.{column}: {row:?}"));
            let found = yard.ledger.damage(false).await;
            let named = found.iter().find(|finding| finding.kind == "row-changed");
            let named = named.unwrap_or_else(|| panic!("{table}.{column}: {changed:?}: {found:?}"));
            assert_eq!(named.file, format!("ledger.db {table}"), "{column}");
            let owner = names
                .iter()
                .position(|name| name == "id" || name == "transfer");
            if let Some(owner) = owner.filter(|owner| *owner != at) {
                let Value::Text(id) = &row[owner] else {
                    panic!("{row:?}")
                };
                assert_eq!(named.id.unwrap().to_string(), *id, "{table}.{column}");
            }
            assert_eq!(change(&changed, &row[at]).unwrap(), 1, "{table}.{column}");
            columns += 1;
        }
    }
    assert!(columns > 80, "{columns}");
    assert_eq!(yard.ledger.damage(true).await, []);
}

/// What rotted stays so, whatever the program does with the row afterwards.
#[tokio::test]
async fn a_verb_does_not_make_good_what_rotted() {
    let yard = Yard::new();
    let id = yard.queued("READY").await;
    yard.sql("UPDATE transfers SET digest = 'other'");
    yard.ledger.order(id, Order::Hold, "why").await.unwrap();
    yard.ledger.order(id, Order::Release, "why").await.unwrap();
    let found = yard.ledger.damage(true).await;
    let named: Vec<_> = found.iter().map(|it| (it.id, it.kind)).collect();
    assert_eq!(named, [(Some(id), "row-changed")]);
}

/// Of every page of the ledger some bits are turned, one at a time. `POINTSMAN_FLIPS` says how many of each.
#[tokio::test]
async fn no_bit_whose_turn_changes_a_row_is_missed() {
    let yard = full_ledger().await;
    let path = yard.database();
    let db = Connection::open(&path).unwrap();
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    db.query_row(fold, [], |_| Ok(())).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let all = |db: &Connection| TABLES.map(|table| rows(db, table).ok());
    let before = all(&db);
    let flips = std::env::var("POINTSMAN_FLIPS").ok();
    let flips: usize = flips.map_or(6, |flips| flips.parse().unwrap());
    let mut dice = Dice::new();
    let (mut changed, mut named) = (0, 0);
    for (page, octets) in whole.chunks(4096).enumerate() {
        let used: Vec<usize> = (0..4096).filter(|at| octets[*at] != 0).collect();
        for flip in 0..flips {
            // Every other one anywhere in the page.
            let octet = match flip % 2 {
                0 if !used.is_empty() => used[dice.below(used.len())],
                _ => dice.below(4096),
            };
            let bit = (page * 4096 + octet) * 8 + dice.below(8);
            let mut octets = whole.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            // Each a file of its own: who had the one before lets it go a moment later.
            let copy = yard.spare().join(format!("{bit}.db"));
            std::fs::write(&copy, octets).unwrap();
            let changes = Connection::open(&copy).map(|db| all(&db)).ok().as_ref() != Some(&before);
            let found = match SqliteLedger::open(&copy) {
                Ok(ledger) => !ledger.damage(true).await.is_empty(),
                Err(_) => true,
            };
            std::fs::remove_file(&copy).unwrap();
            assert!(found || !changes, "bit {bit}");
            changed += usize::from(changes);
            named += usize::from(found);
        }
    }
    println!("{changed} turns changed a row, {named} were named");
    assert!(changed > 0);
}

#[tokio::test]
async fn what_led_to_decisions_comes_over_from_the_old_ledger() {
    let yard = Yard::new();
    let id = yard.offered("ORDER").await;
    let data = r#"{"hook":"end-transfer"}"#;
    let received = Received {
        note: Note {
            text: "yes".to_owned(),
            data: Some(data.to_owned()),
        },
        ..yard.sealed(id, "ORDER", Verdict::Positive)
    };
    yard.ledger
        .received(&sealed(id, &received), received)
        .await
        .unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.kept_history);
    let history = yard.ledger.timeline(id).await.unwrap();
    let kept = history.iter().find(|line| line.event == "received");
    assert_eq!(kept.unwrap().data.as_deref(), Some(data));
}
