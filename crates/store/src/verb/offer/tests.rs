//! What becomes of an offer, by what is here of its identity.

use std::time::Duration;

use oftp::{Format, Nerp, NerpReason, OdetteId, Response};

use super::*;
use crate::row::Receipt;
use crate::samples::key;
use crate::transfer::Target;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
}

fn offered(repeated: Repeated) -> Offer {
    Offer {
        partner: "them".to_owned(),
        header: FileHeader::plain(key(), 7),
        target: Target {
            directory: "them".to_owned(),
            file_name: "ORDERS".to_owned(),
            overwrite: false,
        },
        layout: None,
        session: "S".to_owned(),
        note: "accepted".into(),
        may_resume: true,
        repeated,
    }
}

fn known(state: InboundState) -> Row {
    let (_, row) = offer(&offered(Repeated::Refused), None, now());
    let mut row = row.unwrap();
    row.history.clear();
    row.inbound_mut().unwrap().state = state;
    row
}

fn rejected(receipt: ReceiptState) -> Row {
    let mut row = known(InboundState::Rejected);
    let nerp = Nerp {
        key: key(),
        creator: OdetteId::new("OUS").unwrap(),
        reason: NerpReason::from_code(34),
        text: "no good".to_owned(),
        hash: Vec::new(),
        signature: Vec::new(),
    };
    row.receipt = Some(Receipt::new(receipt, Response::Negative(nerp), now()));
    row
}

fn confirmed(mut row: Row) -> Row {
    row.inbound_mut().unwrap().confirmed = true;
    row
}

/// The answer in a word, and how many lines the row that is here gets by it.
fn answer(repeated: Repeated, mut here: Row) -> (&'static str, usize) {
    let id = here.id;
    let (offered, new) = offer(&offered(repeated), Some(&mut here), now());
    let word = match offered {
        Offered::New(_) => "new",
        Offered::Another(new, edition) => {
            assert!(new != id && edition == here.edition + 1);
            "another"
        }
        Offered::Again(of) => {
            assert_eq!(of, id);
            "again"
        }
        Offered::Duplicate(of) => {
            assert_eq!(of, id);
            "duplicate"
        }
        Offered::Unconfirmed(of) => {
            assert_eq!(of, id);
            "unconfirmed"
        }
    };
    assert_eq!(new.is_some(), matches!(word, "new" | "another"));
    (word, here.history.len())
}

#[test]
fn what_is_not_here_is_new() {
    let (answer, row) = offer(&offered(Repeated::Refused), None, now());
    let row = row.unwrap();
    assert_eq!(answer, Offered::New(row.id));
    assert_eq!(row.state(), InboundState::Receiving.into());
    assert_eq!((row.edition, row.history.len()), (0, 1));
    assert_eq!(row.history[0].event, "offered");
    assert_eq!(row.history[0].session.as_deref(), Some("S"));
}

#[test]
fn what_is_here_is_a_duplicate_or_compared_or_lets_another_be_received() {
    use InboundState::{Delivered, Placing, Received, Receiving};
    use Repeated::{Compared, Refused, Taken};
    for repeated in [Refused, Compared, Taken] {
        assert_eq!(answer(repeated, known(Receiving)), ("again", 0));
        // Its sender knows that it was refused: what comes then is the mended one.
        let mended = rejected(ReceiptState::Given);
        assert_eq!(answer(repeated, mended), ("another", 1));
    }
    for state in [Received, Placing, Delivered] {
        assert_eq!(answer(Refused, known(state)), ("duplicate", 1));
        assert_eq!(answer(Compared, known(state)), ("unconfirmed", 1));
        assert_eq!(answer(Taken, known(state)), ("unconfirmed", 1));
        assert_eq!(answer(Refused, confirmed(known(state))), ("duplicate", 1));
        assert_eq!(answer(Compared, confirmed(known(state))), ("duplicate", 1));
        assert_eq!(answer(Taken, confirmed(known(state))), ("another", 1));
    }
    // Its sender may not know of the NERP yet.
    assert_eq!(
        answer(Refused, rejected(ReceiptState::Owed)),
        ("duplicate", 1)
    );
    assert_eq!(
        answer(Compared, rejected(ReceiptState::Owed)),
        ("unconfirmed", 1)
    );
}

#[test]
fn the_next_file_of_an_identity_names_the_one_before_it_and_is_named_by_it() {
    let mut before = known(InboundState::Delivered);
    before.edition = 4;
    let id = TransferId::new();
    let row = another(id, &offered(Repeated::Taken), Some(&mut before), now());
    assert_eq!((row.id, row.edition), (id, 5));
    assert!(row.history[0].note.text.contains(&before.id.to_string()));
    assert!(before.history[0].note.text.contains(&id.to_string()));
    assert!(before.history[0].often);
    let alone = another(id, &offered(Repeated::Taken), None, now());
    assert_eq!(alone.edition, 0);
}

#[test]
fn what_is_here_is_told_before_anything_is_decided() {
    use Repeated::{Compared, Refused, Taken};
    let header = FileHeader::plain(key(), 7);
    let known = || known(InboundState::Delivered);
    let compared = |row: Row, repeated| {
        super::known(row, &header, repeated).map(|known| known.is_to_be_compared)
    };
    assert_eq!(compared(known(), Refused), Some(false));
    assert_eq!(compared(known(), Compared), Some(true));
    assert_eq!(compared(known(), Taken), Some(true));
    assert_eq!(compared(confirmed(known()), Compared), Some(false));
    assert_eq!(
        compared(confirmed(known()), Taken),
        None,
        "it is another file"
    );
    assert_eq!(compared(rejected(ReceiptState::Given), Refused), None);
    assert_eq!(
        compared(super::tests::known(InboundState::Receiving), Refused),
        None
    );
    // Another description cannot be this file, where another one may come.
    let mut other = known();
    other.header.format = Format::Text;
    assert_eq!(compared(other.clone(), Taken), None);
    assert_eq!(compared(other, Compared), Some(false));
}

#[test]
fn a_partial_is_resumed_under_the_same_description_alone() {
    let mut row = known(InboundState::Receiving);
    let untouched = standing(&row, &offered(Repeated::Refused)).unwrap();
    assert!(untouched.is_untouched && untouched.is_receiving);
    let at = Position {
        octets: 5,
        records: 0,
    };
    row.inbound_mut().unwrap().position = at;
    let position = |offer: &Offer| standing(&row, offer).unwrap().position;
    assert_eq!(position(&offered(Repeated::Refused)), at);
    assert_eq!(position(&offered(Repeated::Taken)), Position::default());
    let mut offer = offered(Repeated::Refused);
    offer.may_resume = false;
    assert_eq!(position(&offer), Position::default());
    let mut offer = offered(Repeated::Refused);
    offer.header.size_blocks += 1;
    assert_eq!(position(&offer), Position::default());
    let mut offer = offered(Repeated::Refused);
    offer.header.compressed = true;
    assert_eq!(position(&offer), Position::default());
    // What it says of itself beside its content does not matter.
    let mut offer = offered(Repeated::Refused);
    offer.header.description = "other words".to_owned();
    assert_eq!(position(&offer), at);
    assert!(!standing(&row, &offer).unwrap().is_untouched);
}
