//! How many files a ledger leads through all of their verbs in a second: `verbs_a_second FOLDER FILES`. On a RAM disk that
//! is what the ledger costs without the disk.
#![allow(clippy::unwrap_used, reason = "a measurement may fail anywhere")]

use std::time::{Instant, SystemTime};

use oftp::{
    Counts, DatasetName, Eerp, FileHeader, FileKey, FileStamp, OdetteId, Position, Response,
    UserData,
};
use pointsman_store::{
    ContentKey, Files, Ledger, Longest, Measure, NewFile, Offer, Offered, Received, Repeated,
    Sealed, SqliteLedger, Target, TransferId, Verdict,
};

fn header(n: u32) -> FileHeader {
    let stamp = format!("{:06}{:04}", n / 10_000 % 240_000, n % 10_000);
    let key = FileKey {
        dataset: DatasetName::new("ORDERS").unwrap(),
        stamp: FileStamp::from_wire(b"20261129", stamp.as_bytes()).unwrap(),
        originator: OdetteId::new("OTHEM").unwrap(),
        destination: OdetteId::new("OUS").unwrap(),
    };
    FileHeader::plain(key, 4096)
}

async fn received(ledger: &SqliteLedger, n: u32) {
    let target = Target {
        directory: "them".to_owned(),
        file_name: format!("ORDERS-{n}"),
        overwrite: false,
    };
    let offer = Offer {
        partner: "them".to_owned(),
        header: header(n),
        target: target.clone(),
        layout: None,
        session: "S".to_owned(),
        note: "accepted".into(),
        may_resume: true,
        repeated: Repeated::Refused,
    };
    let Offered::New(id) = ledger.offer(offer).await.unwrap() else {
        return;
    };
    let at = Position {
        octets: 4096,
        records: 0,
    };
    ledger.checkpoint(id, at).await.unwrap();
    let received = Received {
        measure: Measure {
            octets: 4096,
            digest: "0".repeat(64),
        },
        counts: Counts::default(),
        target,
        wire_hash: None,
        verdict: Some(Verdict::Positive),
        note: "accepted".into(),
        labels: Vec::new(),
        removal: None,
    };
    let sealed = Sealed::unproven(ContentKey::wire_received(id), received.measure.clone());
    ledger.received(&sealed, received).await.unwrap();
    ledger
        .placing(id, &format!("them/ORDERS-{n}"))
        .await
        .unwrap();
    ledger.delivered(id).await.unwrap();
    ledger
        .claim("them", "node/S", Longest::UNKNOWN, Files::None)
        .await
        .unwrap();
    ledger.response_taken(id).await.unwrap();
}

async fn sent(ledger: &SqliteLedger, n: u32) {
    let header = header(n);
    let key = header.key.clone();
    let id = TransferId::new();
    let file = NewFile {
        id,
        partner: "them".to_owned(),
        header,
        octets: 4096,
        layout: None,
        counts: Counts::default(),
        digest: "0".repeat(64),
        wire_hash: None,
        priority: 5,
        labels: Vec::new(),
        note: Default::default(),
    };
    ledger.enqueue(file).await.unwrap();
    ledger
        .claim("them", "node/S", Longest::UNKNOWN, Files::Any)
        .await
        .unwrap();
    ledger.in_doubt(id).await.unwrap();
    ledger.sent(id, "EFPA").await.unwrap();
    let eerp = Response::Positive(Eerp {
        key,
        user: UserData::from_wire(b"").unwrap(),
        hash: Vec::new(),
        signature: Vec::new(),
    });
    ledger.acknowledged("them", &eerp, "EERP").await.unwrap();
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (folder, files) = (words.next().unwrap(), words.next().unwrap());
    let files: u32 = files.parse().unwrap();
    let path = std::path::Path::new(&folder).join(format!("{}.db", TransferId::new()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let ledger = SqliteLedger::open(&path).unwrap();
        let began = Instant::now();
        for n in 0..files {
            received(&ledger, n).await;
        }
        let between = Instant::now();
        for n in 0..files {
            sent(&ledger, n).await;
        }
        let rate =
            |since: Instant, until: Instant| f64::from(files) / (until - since).as_secs_f64();
        let _ = SystemTime::now();
        let (received, sent) = (rate(began, between), rate(between, Instant::now()));
        println!("{received:.0} files received and {sent:.0} files sent a second");
    });
}
