//! What is stored is read again, and nobody overwrites what somebody else changed.

use std::time::Duration;

use oftp::{DatasetName, FileHeader, FileStamp, RecordLayout};

use super::*;
use crate::sqlite::schema::migrate;
use crate::sqlite::sums;
use crate::state::{InboundState, OutboundState};
use crate::transfer::NewFile;
use crate::wire_hash::{WireHash, WireHashAlgorithm};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
}

fn ledger() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    sums::know(&db).unwrap();
    migrate(&mut db, std::path::Path::new(":memory:")).unwrap();
    db
}

fn header(dataset: &str) -> FileHeader {
    let key = FileKey {
        dataset: DatasetName::new(dataset).unwrap(),
        stamp: FileStamp::from_wire(b"20261129", b"1200000001").unwrap(),
        originator: OdetteId::new("OTHEM").unwrap(),
        destination: OdetteId::new("OUS").unwrap(),
    };
    let mut header = FileHeader::plain(key, 7);
    header.description = "an order".to_owned();
    header.signed_receipt = true;
    header
}

fn row(dataset: &str, course: Course) -> Row {
    Row {
        id: TransferId::new(),
        version: 0,
        partner: "them".to_owned(),
        header: header(dataset),
        edition: 3,
        measure: Measure {
            octets: 7,
            digest: "d".to_owned(),
        },
        wire_hash: WireHash::new(WireHashAlgorithm::Sha256, vec![9; 32]),
        counts: Counts {
            records: 2,
            octets: 9,
        },
        layout: Some(RecordLayout::Lines),
        labels: vec![("a".to_owned(), "b".to_owned())],
        reason: Some("why".into()),
        created: at(0),
        course,
        receipt: None,
        history: Vec::new(),
    }
}

fn received(dataset: &str) -> Row {
    let target = Target {
        directory: "them".to_owned(),
        file_name: "ORDERS".to_owned(),
        overwrite: true,
    };
    let file = Inbound {
        state: InboundState::Delivered,
        position: Position {
            octets: 7,
            records: 2,
        },
        plain: Some(Measure {
            octets: 5,
            digest: "p".to_owned(),
        }),
        path: Some("them/ORDERS".to_owned()),
        confirmed: true,
        received_at: Some(at(1)),
        decision: ReceiptDecision {
            waits: true,
            ask_at: Some(at(2)),
            asked: 4,
            hand_over: true,
        },
        ..Inbound::receiving(target)
    };
    row(dataset, Course::Inbound(file))
}

fn to_send(dataset: &str) -> Row {
    let file = Outbound {
        state: OutboundState::Overdue,
        ordered: Some(at(3)),
        attempts: 5,
        refusals: 6,
        breaks: 7,
        in_doubt: true,
        may_have: true,
        not_before: Some(at(4)),
        leased_to: Some("node/S".to_owned()),
        sent_at: Some(at(5)),
        ..Outbound::ready(NewFile::URGENT)
    };
    row(dataset, Course::Outbound(file))
}

fn receipt(state: ReceiptState, response: Response) -> Receipt {
    Receipt {
        not_before: Some(at(6)),
        leased_to: Some("node/S".to_owned()),
        tries: 8,
        ..Receipt::new(state, response, at(7))
    }
}

fn eerp(key: &FileKey) -> Response {
    Response::Positive(Eerp {
        key: key.clone(),
        user: UserData::from_wire(b"user").unwrap(),
        hash: vec![1, 2],
        signature: vec![3],
    })
}

fn nerp(key: &FileKey) -> Response {
    Response::Negative(Nerp {
        key: key.clone(),
        creator: OdetteId::new("OUS").unwrap(),
        reason: NerpReason::from_code(34),
        text: "no good".to_owned(),
        hash: vec![4],
        signature: Vec::new(),
    })
}

#[test]
fn a_row_is_read_as_it_was_inserted() {
    let db = ledger();
    for mut row in [received("ONE"), to_send("TWO")] {
        row.receipt = None;
        insert(&db, &row, "test").unwrap();
        assert_eq!(load(&db, row.id, "test").unwrap(), Some(row));
    }
    for (n, response) in [eerp, nerp].into_iter().enumerate() {
        let mut row = received(&format!("THREE{n}"));
        let response = response(&row.header.key);
        row.receipt = Some(receipt(ReceiptState::Owed, response));
        insert(&db, &row, "test").unwrap();
        assert_eq!(load(&db, row.id, "test").unwrap(), Some(row));
    }
    assert_eq!(load(&db, TransferId::new(), "test").unwrap(), None);
}

#[test]
fn what_changed_is_stored_and_counts_the_version() {
    let db = ledger();
    for before in [received("ONE"), to_send("TWO")] {
        insert(&db, &before, "test").unwrap();
        let mut after = before.clone();
        after.reason = None;
        after.measure.digest = "e".to_owned();
        match &mut after.course {
            Course::Inbound(file) => {
                file.state = InboundState::Rejected;
                file.path = None;
                file.decision.end();
            }
            Course::Outbound(file) => {
                file.state = OutboundState::Ready;
                file.leased_to = None;
                file.not_before = None;
            }
        }
        after.receipt = Some(receipt(ReceiptState::Owed, eerp(&before.header.key)));
        store(&db, &before, &after, "test").unwrap();
        after.version = 1;
        assert_eq!(load(&db, after.id, "test").unwrap(), Some(after.clone()));

        let mut given = after.clone();
        let receipt = given.receipt.as_mut().unwrap();
        (receipt.state, receipt.leased_to) = (ReceiptState::Given, None);
        store(&db, &after, &given, "test").unwrap();
        given.version = 2;
        assert_eq!(load(&db, given.id, "test").unwrap(), Some(given.clone()));

        store(&db, &given, &given, "test").unwrap();
        assert_eq!(
            load(&db, given.id, "test").unwrap(),
            Some(given),
            "unchanged"
        );
    }
    assert!(sums::rotten(&db).unwrap().is_empty());
}

#[test]
fn nobody_overwrites_what_somebody_else_changed() {
    let db = ledger();
    let before = to_send("ONE");
    insert(&db, &before, "test").unwrap();
    let mut mine = before.clone();
    mine.reason = Some("mine".into());
    let mut theirs = before.clone();
    theirs.reason = Some("theirs".into());
    store(&db, &before, &theirs, "test").unwrap();
    let outrun = store(&db, &before, &mine, "test");
    assert!(matches!(outrun, Err(LedgerError::Outrun(id)) if id == before.id));
    // A change of its receipt alone is a change of the row.
    let theirs = load(&db, before.id, "test").unwrap().unwrap();
    let mut answered = theirs.clone();
    let response = eerp(&theirs.header.key);
    answered.receipt = Some(receipt(ReceiptState::Received, response));
    store(&db, &theirs, &answered, "test").unwrap();
    assert!(store(&db, &theirs, &mine, "test").is_err());
    let kept = load(&db, before.id, "test").unwrap().unwrap();
    assert_eq!(kept.reason, Some("theirs".into()));
}

#[test]
fn an_identity_is_one_rows() {
    let db = ledger();
    let first = received("ONE");
    insert(&db, &first, "test").unwrap();
    let mut second = received("ONE");
    let taken = insert(&db, &second, "test");
    assert!(matches!(taken, Err(LedgerError::IdentityTaken(_))));
    second.edition += 1;
    insert(&db, &second, "test").unwrap();
    let other = to_send("TWO");
    insert(&db, &other, "test").unwrap();
    let mut stamped = to_send("THREE");
    insert(&db, &stamped, "test").unwrap();
    let before = stamped.clone();
    stamped.header.key = other.header.key.clone();
    let taken = store(&db, &before, &stamped, "test");
    assert!(matches!(taken, Err(LedgerError::IdentityTaken(_))));
}

#[test]
fn lines_of_a_change_are_added_to_the_history() {
    let db = ledger();
    let mut row = to_send("ONE");
    row.note("queued", "first");
    insert(&db, &row, "test").unwrap();
    let before = load(&db, row.id, "test").unwrap().unwrap();
    assert_eq!(before.history, []);
    for _ in 0..60 {
        let mut after = before.clone();
        after.note_often(Some("S"), "offered-again", "again");
        store(&db, &before, &after, "test").unwrap();
    }
    let lines = super::super::look::timeline(&db, row.id).unwrap();
    let again = lines.iter().filter(|line| line.event == "offered-again");
    assert_eq!((lines[0].event.as_str(), again.count()), ("queued", 50));
    assert!(lines[50].detail.contains("not written down any more"));
    assert_eq!(lines[50].session.as_deref(), Some("S"));
}
