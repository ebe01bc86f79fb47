//! A ledger, and the files, offers and receipts that the stories have of it.

use std::path::Path;
use std::time::Duration;

use oftp::{Counts, FileHeader, Position};
use pointsman_store::{
    ContentKey, Files, Ledger, Longest, Measure, NewFile, NotOpened, Note, Offer, Offered, Opened,
    Quota, Received, Sealed, SqliteLedger, State, TransferId, Verdict, Work,
};
use tempfile::TempDir;

use crate::partner::offer_of;
pub use crate::partner::{eerp, key, nerp, soon};

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub const PLENTY: Quota = Quota {
    policy: 1 << 30,
    all: 1 << 30,
};

/// What keeps a ledger. The stories are the same for each.
pub trait BackEnd {
    type Ledger: Ledger + Clone + 'static;

    /// The ledger that is kept in that folder, made where there is none.
    fn open(folder: &Path) -> Self::Ledger;
}

pub struct Sqlite;

impl BackEnd for Sqlite {
    type Ledger = SqliteLedger;

    fn open(folder: &Path) -> SqliteLedger {
        SqliteLedger::open(&folder.join("ledger.db")).unwrap()
    }
}

pub struct Books<B: BackEnd> {
    pub folder: TempDir,
    pub ledger: B::Ledger,
}

impl<B: BackEnd> Books<B> {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let ledger = B::open(folder.path());
        Self { folder, ledger }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub async fn new_file(&self, dataset: &str) -> TransferId {
        match self.ledger.offer(offer(dataset)).await.unwrap() {
            Offered::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// The position at which the file may be resumed under that offer.
    pub async fn position(&self, id: TransferId, offer: Offer) -> Position {
        let standing = self.ledger.standing(id, offer).await.unwrap();
        standing.unwrap().position
    }

    pub async fn delivered_file(&self, dataset: &str, verdict: Verdict) -> TransferId {
        let id = self.new_file(dataset).await;
        self.ledger
            .received(&sealed(id), received(verdict))
            .await
            .unwrap();
        self.ledger.placing(id, "in/x").await.unwrap();
        self.ledger.delivered(id).await.unwrap();
        id
    }

    pub async fn queued_file(&self, dataset: &str) -> TransferId {
        let id = TransferId::new();
        self.ledger.enqueue(to_send(id, dataset)).await.unwrap();
        id
    }

    pub async fn claim(&self) -> Option<Work> {
        self.ledger
            .claim("them", "node/S1", Longest::UNKNOWN, Files::Any)
            .await
            .unwrap()
    }

    pub async fn state(&self, id: TransferId) -> State {
        self.ledger.show(id).await.unwrap().unwrap().state
    }
}

pub fn offer(dataset: &str) -> Offer {
    offer_of(dataset, 5000, "policy route".into())
}

pub fn at(octets: u64, records: u64) -> Position {
    Position { octets, records }
}

pub fn received(verdict: Verdict) -> Received {
    let target = offer("x").target;
    Received {
        measure: measure(),
        counts: virtual_counts(),
        target,
        wire_hash: None,
        verdict: Some(verdict),
        note: Note::default(),
        labels: Vec::new(),
        removal: None,
    }
}

pub fn received_secured() -> Received {
    Received {
        verdict: None,
        ..received(Verdict::Positive)
    }
}

pub fn opened(verdict: Verdict) -> Opened {
    Opened {
        plain: plain(),
        counts: Counts {
            records: 5,
            octets: 60,
        },
        wire_hash: None,
        target: offer("x").target,
        verdict,
        found: Note::default(),
        note: Note::default(),
        labels: Vec::new(),
        removal: None,
    }
}

pub fn not_opened(dataset: &str) -> NotOpened {
    NotOpened {
        nerp: Box::new(nerp(dataset)),
        wire_hash: None,
        note: Note::default(),
        removal: None,
    }
}

/// What EFID said of every received file. Its content as it is kept has other octets.
pub fn virtual_counts() -> Counts {
    Counts {
        records: 3,
        octets: 4000,
    }
}

/// Its content counts as sealed: this is about rows alone.
pub fn sealed(id: TransferId) -> Sealed {
    Sealed::unproven(ContentKey::wire_received(id), measure())
}

/// Its plain content counts as sealed.
pub fn sealed_plain(id: TransferId) -> Sealed {
    Sealed::unproven(ContentKey::wire_received(id).plain(), plain())
}

pub fn plain() -> Measure {
    Measure {
        octets: 70,
        digest: "p1".to_owned(),
    }
}

pub fn measure() -> Measure {
    Measure {
        octets: 5000,
        digest: "d1".to_owned(),
    }
}

pub fn to_send(id: TransferId, dataset: &str) -> NewFile {
    NewFile {
        id,
        partner: "them".to_owned(),
        header: FileHeader::plain(key(dataset), 5000),
        octets: 5000,
        digest: "d2".to_owned(),
        layout: None,
        counts: Counts {
            records: 0,
            octets: 5000,
        },
        wire_hash: None,
        priority: NewFile::PRIORITY,
        labels: Vec::new(),
        note: Default::default(),
    }
}
