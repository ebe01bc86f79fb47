//! A whole store, the steps of a server in it, and what a disk that fails makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use oftp::{FileHeader, Response};
use pointsman_store::{
    Access, Audit, Audited, ContentKey, Ledger, LedgerError, NewFile, NotOpened, Note, Offer,
    Offered, Opened, Order, Rebuilt, ReceiptState, Received, Sealed, Sidecar, Spool, SqliteLedger,
    State, TransferId, Verdict, Whole, WireHash, WireHashAlgorithm, rebuild,
};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use crate::partner::{eerp, key, nerp, offer_of, soon};

pub fn at(octets: u64) -> oftp::Position {
    oftp::Position { octets, records: 0 }
}

pub fn offer(dataset: &str) -> Offer {
    offer_of(dataset, 7, Note::default())
}

/// What [`Yard::sealed`] has sealed.
pub fn sealed(id: TransferId, received: &Received) -> Sealed {
    Sealed::unproven(ContentKey::wire_received(id), received.measure.clone())
}

/// A whole store, and the steps of a server in it.
pub struct Yard {
    pub folder: TempDir,
    pub spool: Spool,
    pub ledger: SqliteLedger,
}

impl Yard {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        Self::of(folder)
    }

    /// With what is in the folder.
    pub fn of(folder: TempDir) -> Self {
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let ledger = open(folder.path(), &spool);
        Self {
            folder,
            spool,
            ledger,
        }
    }

    pub fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub fn sql(&self, sql: &str) {
        let db = past_the_program(&self.database());
        assert_eq!(db.execute(sql, []).unwrap(), 1, "{sql}");
    }

    pub async fn offered(&self, dataset: &str) -> TransferId {
        match self.ledger.offer(offer(dataset)).await.unwrap() {
            Offered::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Sealed, its row not saying so: where a crash may come.
    pub fn sealed(&self, id: TransferId, dataset: &str, verdict: Verdict) -> Received {
        self.sealed_as(id, 0, dataset, verdict)
    }

    pub fn sealed_as(
        &self,
        id: TransferId,
        edition: u32,
        dataset: &str,
        verdict: Verdict,
    ) -> Received {
        let whole = self.whole(ContentKey::wire_received(id));
        let received = Received {
            measure: whole.measure().clone(),
            counts: oftp::Counts::default(),
            target: offer(dataset).target,
            wire_hash: None,
            verdict: Some(verdict),
            note: Note::default(),
            labels: Vec::new(),
            removal: None,
        };
        let header = offer(dataset).header;
        whole
            .seal(&Sidecar::inbound(id, "them", &header, &received, "S1").of_edition(edition))
            .unwrap();
        received
    }

    pub async fn received(&self, dataset: &str, verdict: Verdict) -> TransferId {
        let id = self.offered(dataset).await;
        let received = self.sealed(id, dataset, verdict);
        self.ledger
            .received(&sealed(id, &received), received)
            .await
            .unwrap();
        id
    }

    /// As it is on the wire.
    pub async fn received_secured(&self, dataset: &str) -> TransferId {
        let id = self.offered(dataset).await;
        let whole = self.whole(ContentKey::wire_received(id));
        let received = Received {
            measure: whole.measure().clone(),
            counts: oftp::Counts::default(),
            wire_hash: WireHash::new(WireHashAlgorithm::Sha256, vec![6; 32]),
            target: offer(dataset).target,
            verdict: None,
            note: Note::default(),
            labels: Vec::new(),
            removal: None,
        };
        let header = offer(dataset).header;
        let sidecar = Sidecar::inbound(id, "them", &header, &received, "S1");
        let sealed = whole.seal(&sidecar).unwrap();
        let stored = self.ledger.received(&sealed, received).await;
        stored.unwrap();
        id
    }

    pub async fn opened(&self, id: TransferId, dataset: &str) {
        let whole = self.whole(ContentKey::wire_received(id).plain());
        let sealed = whole.seal_plain().unwrap();
        let opened = Opened {
            plain: sealed.measure().clone(),
            counts: oftp::Counts::default(),
            wire_hash: None,
            target: offer(dataset).target,
            verdict: Verdict::Positive,
            found: Note::default(),
            note: Note::default(),
            labels: Vec::new(),
            removal: None,
        };
        self.ledger.opened(&sealed, opened).await.unwrap();
    }

    fn whole(&self, key: ContentKey) -> Whole {
        let mut writer = self.spool.partial(key).unwrap().resume(0).unwrap();
        writer.append(b"content").unwrap();
        writer.finish().unwrap()
    }

    pub async fn delivered(&self, dataset: &str, verdict: Verdict) -> TransferId {
        let id = self.received(dataset, verdict).await;
        let path = format!("in/{dataset}");
        self.ledger.placing(id, &path).await.unwrap();
        self.spool
            .place(
                ContentKey::wire_received(id),
                &self.inbox(),
                &path,
                false,
                Access::default(),
            )
            .unwrap();
        self.ledger.delivered(id).await.unwrap();
        id
    }

    pub fn imported(&self, dataset: &str) -> NewFile {
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
            wire_hash: None,
            priority: 3,
            labels: Vec::new(),
            note: Default::default(),
        };
        whole.seal(&Sidecar::outbound(&file)).unwrap();
        file
    }

    pub async fn queued(&self, dataset: &str) -> TransferId {
        let file = self.imported(dataset);
        let id = file.id;
        self.ledger.enqueue(file).await.unwrap();
        id
    }

    pub async fn audit(&self) -> Audited {
        self.audit_where(BTreeSet::new()).await
    }

    pub async fn audit_where(&self, to_be_queued: BTreeSet<TransferId>) -> Audited {
        let audit = Audit {
            spool: self.spool.clone(),
            inbox: self.inbox(),
            digests: true,
            to_be_queued,
        };
        audit.run(&self.ledger).await.unwrap()
    }

    pub async fn assert_clean(&self) {
        let audited = self.audit().await;
        assert!(audited.is_clean(), "{:#?}", audited.findings);
    }

    /// What is wrong with the one transfer something is wrong with.
    pub async fn wrong(&self) -> (TransferId, Vec<&'static str>) {
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

    pub async fn state(&self, id: TransferId) -> (State, Option<ReceiptState>) {
        let row = self.ledger.show(id).await.unwrap().unwrap();
        (row.state, row.receipt)
    }

    /// Another one in which all is the same: made without the flushes that it takes to get there step by step.
    pub fn twin(&self) -> Self {
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
    pub fn rebuilt(mut self) -> (Self, Rebuilt) {
        self.ledger = open(&self.spare(), &self.spool);
        let rebuilt = eventually_free(&self.database(), &self.spool);
        self.ledger = open(self.folder.path(), &self.spool);
        (self, rebuilt)
    }

    pub fn spare(&self) -> PathBuf {
        let spare = self.folder.path().join("spare");
        std::fs::create_dir_all(&spare).unwrap();
        spare
    }
}

/// Copies what lies below a folder, but the ledger.
pub fn copy_folder(from: &Path, to: &Path) {
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
pub fn past_the_program(database: &Path) -> Connection {
    let db = Connection::open(database).unwrap();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    db.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;")
        .unwrap();
    db
}

pub fn open(folder: &Path, spool: &Spool) -> SqliteLedger {
    let ledger = SqliteLedger::open(&folder.join("ledger.db")).unwrap();
    ledger.with_sidecars(spool.clone())
}

/// The threads of a ledger end a moment after it is dropped.
pub fn eventually_free(database: &Path, spool: &Spool) -> Rebuilt {
    for _ in 0..100 {
        match rebuild(database, spool) {
            Err(LedgerError::InUse(_)) => std::thread::sleep(Duration::from_millis(20)),
            other => return other.unwrap(),
        }
    }
    panic!("the ledger is not let go");
}

/// One file in every state.
pub async fn everything(yard: &Yard) -> BTreeMap<&'static str, TransferId> {
    let ledger = &yard.ledger;
    let mut ids = BTreeMap::new();
    ids.insert(
        "received",
        yard.received("RECEIVED", Verdict::Positive).await,
    );
    let placing = yard.received("PLACING", Verdict::Positive).await;
    ledger.placing(placing, "in/PLACING").await.unwrap();
    ids.insert("placing", placing);
    let moved = yard.received("MOVED", Verdict::Positive).await;
    ledger.placing(moved, "in/MOVED").await.unwrap();
    yard.spool
        .place(
            ContentKey::wire_received(moved),
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
        .decided(
            decided,
            Verdict::Negative(Box::new(nerp("DECIDED"))),
            "".into(),
        )
        .await
        .unwrap();
    ids.insert("decided", decided);
    let refused = Verdict::Negative(Box::new(nerp("REFUSED")));
    ids.insert("refused", yard.received("REFUSED", refused).await);

    ids.insert("opening", yard.received_secured("OPENING").await);
    let opened = yard.received_secured("OPENED").await;
    yard.opened(opened, "OPENED").await;
    ids.insert("opened", opened);
    let unopened = yard.received_secured("UNOPENED").await;
    let why = NotOpened {
        nerp: Box::new(nerp("UNOPENED")),
        wire_hash: None,
        note: Note::default(),
        removal: None,
    };
    ledger.not_opened(unopened, why).await.unwrap();
    ids.insert("unopened", unopened);

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
        ("NERPED", Some(Response::Negative(nerp("NERPED")))),
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
