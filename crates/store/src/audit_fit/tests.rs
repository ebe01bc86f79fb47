//! Each pair of a state and a receipt, and each thing in which a sidecar may differ from its row.

use oftp::{FileHeader, FileStamp};

use super::*;
use crate::measure::Measure;
use crate::row::{Outbound, Receipt};
use crate::samples::{at, eerp, key};
use crate::sidecar::Entry;
use crate::transfer::{NewFile, Target, TransferId};

fn row(course: Course, receipt: Option<ReceiptState>) -> Row {
    Row {
        id: TransferId::new(),
        version: 1,
        partner: "them".to_owned(),
        header: FileHeader::plain(key(), 7),
        edition: 0,
        measure: Measure {
            octets: 7,
            digest: "d".to_owned(),
        },
        wire_hash: None,
        counts: oftp::Counts::default(),
        layout: None,
        labels: Vec::new(),
        reason: None,
        created: at(0),
        course,
        receipt: receipt.map(|state| Receipt::new(state, eerp(b""), at(1))),
        history: Vec::new(),
    }
}

fn received(state: InboundState, waits: bool, receipt: Option<ReceiptState>) -> Row {
    let target = Target {
        directory: String::new(),
        file_name: "ORDERS".to_owned(),
        overwrite: false,
    };
    let mut file = Inbound::receiving(target);
    file.state = state;
    file.decision.waits = waits;
    row(Course::Inbound(file), receipt)
}

fn to_send(state: OutboundState, receipt: Option<ReceiptState>) -> Row {
    let mut file = Outbound::ready(NewFile::PRIORITY);
    file.state = state;
    row(Course::Outbound(file), receipt)
}

fn book(row: Row) -> Book {
    Book {
        row,
        receipt_fits: true,
        content_removed: false,
    }
}

const RECEIPTS: [Option<ReceiptState>; 4] = [
    None,
    Some(ReceiptState::Owed),
    Some(ReceiptState::Given),
    Some(ReceiptState::Received),
];

/// By state: what is said where there is no receipt, one that is owed, one that is given, one of the partner's.
fn found(row: impl Fn(Option<ReceiptState>) -> Row) -> [Option<&'static str>; 4] {
    RECEIPTS.map(|receipt| wrong_receipt(&book(row(receipt))))
}

#[test]
fn a_received_file_has_the_receipt_that_its_state_asks_for() {
    use InboundState::{Delivered, Opening, Placing, Received, Receiving, Rejected};
    let early = Some("a receipt for a file that is not delivered");
    for state in [Receiving, Opening, Received, Placing] {
        for waits in [false, true] {
            let all = found(|receipt| received(state, waits, receipt));
            assert_eq!(all, [None, early, early, early], "{state}");
        }
    }
    let neither = Some("delivered, and neither is a receipt owed nor does a question wait");
    let of_sent = Some("its receipt is in a state that only sent files have");
    let all = found(|receipt| received(Delivered, false, receipt));
    assert_eq!(all, [neither, None, None, of_sent]);
    let both = Some("it has its receipt, and the question of it waits all the same");
    let all = found(|receipt| received(Delivered, true, receipt));
    assert_eq!(all, [None, both, both, both]);
    let no_nerp = Some("rejected, and no NERP is owed or given");
    let all = found(|receipt| received(Rejected, false, receipt));
    assert_eq!(all, [no_nerp, None, None, no_nerp]);
}

#[test]
fn a_sent_file_has_the_receipt_that_its_state_asks_for() {
    use OutboundState::{Acknowledged, Rejected};
    let not_known = Some("the partner's receipt is there, and the row does not know");
    let missing = Some("answered, and the partner's receipt is not there");
    let of_received = Some("its receipt is in a state that only received files have");
    for state in OutboundState::ALL {
        let all = found(|receipt| to_send(*state, receipt));
        let expected = match state {
            Acknowledged | Rejected => [missing, of_received, of_received, None],
            _ => [None, not_known, not_known, not_known],
        };
        assert_eq!(all, expected, "{state}");
    }
}

#[test]
fn a_receipt_is_of_the_partner_that_the_file_is_of() {
    let owed = received(InboundState::Delivered, false, Some(ReceiptState::Owed));
    let answered = to_send(OutboundState::Acknowledged, Some(ReceiptState::Received));
    for (row, wrong) in [
        (owed, "its receipt is owed to another partner"),
        (answered, "its receipt is another partner's"),
    ] {
        let mut book = book(row);
        assert_eq!(wrong_receipt(&book), None);
        book.receipt_fits = false;
        assert_eq!(wrong_receipt(&book), Some(wrong));
    }
    // What is worse is said first.
    let mut both = book(received(InboundState::Delivered, false, None));
    both.receipt_fits = false;
    let said = wrong_receipt(&both).unwrap();
    assert!(said.starts_with("delivered, and neither"), "{said}");
}

fn pair() -> (Record, Row) {
    let row = to_send(OutboundState::Ready, None);
    let record = crate::replay::described(&row).unwrap();
    (record, row)
}

#[test]
fn a_sidecar_that_differs_from_its_row_says_in_what() {
    let (record, row) = pair();
    assert_eq!(difference(&record, &row), None);
    let of_row = format!("{}", row.header.key);

    let mut other = record.clone();
    other.sidecar.partner = "others".to_owned();
    let said = difference(&other, &row).unwrap();
    assert_eq!(said, "it is of partner others, its row of them");

    let mut other = record.clone();
    other.sidecar.header.key.stamp = FileStamp::from_wire(b"20261130", b"1200000001").unwrap();
    let said = difference(&other, &row).unwrap();
    assert!(said.starts_with("it is of ") && said.ends_with(&format!("its row of {of_row}")));

    let mut other = record.clone();
    other.sidecar.edition = 2;
    let said = difference(&other, &row).unwrap();
    assert_eq!(said, "it is edition 2 of its identity, its row 0");

    for change in [
        |measure: &mut Measure| measure.octets = 8,
        |measure: &mut Measure| measure.digest = "e".to_owned(),
    ] {
        let mut other = record.clone();
        change(&mut other.sidecar.measure);
        let Measure { octets, digest } = &other.sidecar.measure;
        let expected = format!("it says {octets} octets, blake3 {digest}; its row 7, blake3 d");
        assert_eq!(difference(&other, &row), Some(expected));
    }
}

/// A crash may have come between the line that gives a file another date and time and its row.
#[test]
fn a_file_that_was_stamped_has_either_stamp() {
    let (mut record, mut row) = pair();
    let stamp = FileStamp::from_wire(b"20261130", b"1200000000").unwrap();
    record.entries.push(Entry::Stamped(stamp.clone()));
    assert_eq!(difference(&record, &row), None, "its row is behind");
    row.header.key.stamp = stamp;
    assert_eq!(difference(&record, &row), None);
    record.entries.pop();
    assert!(difference(&record, &row).is_some(), "nothing said so");
}

#[test]
fn what_is_delivered_of_a_secured_file_is_told_by_its_sidecar_too() {
    let mut row = received(InboundState::Received, false, None);
    let plain = Measure {
        octets: 5,
        digest: "p".to_owned(),
    };
    row.inbound_mut().unwrap().plain = Some(plain.clone());
    let mut record = crate::replay::described(&row).unwrap();
    assert_eq!(difference(&record, &row), None);
    let expected =
        "its row tells of a plain content of 5 octets, blake3 p, and the sidecar does not";
    record
        .entries
        .push(Entry::Plain(Measure { octets: 6, ..plain }));
    assert_eq!(difference(&record, &row).as_deref(), Some(expected));
    record.entries.clear();
    assert_eq!(difference(&record, &row).as_deref(), Some(expected));
    // The other way round a crash came before the row.
    record.entries.push(Entry::Plain(Measure::default()));
    row.inbound_mut().unwrap().plain = None;
    assert_eq!(difference(&record, &row), None);
}
