//! Every verb on every state.

use std::time::Duration;

use oftp::{FileHeader, FileStamp, Position, Response};

use super::*;
use crate::audit_fit::wrong_receipt;
use crate::book::Book;
use crate::measure::Measure;
use crate::note::Note;
use crate::offer::{Offer, Repeated};
use crate::queue::Order;
use crate::row::{Course, Inbound, Outbound, Receipt, Row};
use crate::samples::{at, eerp, key, nerp};
use crate::state::{InboundState, OutboundState, ReceiptState};
use crate::state_reason::StateReason;
use crate::transfer::{NewFile, Target, TransferId};
use crate::verdict::{NotOpened, Opened, Received, Verdict};
use crate::wire_hash::{WireHash, WireHashAlgorithm};

fn target() -> Target {
    Target {
        directory: "them".to_owned(),
        file_name: "ORDERS".to_owned(),
        overwrite: false,
    }
}

fn measure(digest: &str) -> Measure {
    Measure {
        octets: 7,
        digest: digest.to_owned(),
    }
}

fn row(course: Course) -> Row {
    Row {
        id: TransferId::new(),
        version: 4,
        partner: "them".to_owned(),
        header: FileHeader::plain(key(), 7),
        edition: 0,
        measure: measure("d"),
        wire_hash: None,
        counts: oftp::Counts::default(),
        layout: None,
        labels: Vec::new(),
        reason: None,
        created: at(0),
        course,
        receipt: None,
        history: Vec::new(),
    }
}

fn received(state: InboundState) -> Row {
    let file = Inbound {
        state,
        ..Inbound::receiving(target())
    };
    let mut row = row(Course::Inbound(file));
    let path = matches!(state, InboundState::Placing | InboundState::Delivered);
    row.inbound_mut().unwrap().path = path.then(|| "them/ORDERS".to_owned());
    if state == InboundState::Receiving {
        row.measure = Measure::default();
    }
    row
}

fn waiting() -> Row {
    let mut row = received(InboundState::Delivered);
    row.inbound_mut().unwrap().decision.ask(Some(at(60)));
    row
}

fn owing(state: InboundState, response: Response, receipt: ReceiptState) -> Row {
    let mut row = received(state);
    row.receipt = Some(Receipt::new(receipt, response, at(1)));
    row
}

fn to_send(state: OutboundState) -> Row {
    let mut file = Outbound::ready(NewFile::PRIORITY);
    file.state = state;
    let is_sent = !state.is_unsent();
    file.may_have = is_sent;
    file.sent_at = is_sent.then(|| at(2));
    row(Course::Outbound(file))
}

fn doubtful() -> Row {
    let mut row = to_send(OutboundState::Ready);
    let file = row.outbound_mut().unwrap();
    (file.in_doubt, file.may_have) = (true, true);
    row
}

fn answered(state: OutboundState, response: Response) -> Row {
    let mut row = to_send(state);
    row.receipt = Some(Receipt::new(ReceiptState::Received, response, at(3)));
    row
}

/// A row in each of the states that a verb may tell apart.
pub(super) fn rows() -> [Row; 17] {
    use InboundState::{Delivered, Opening, Placing, Receiving, Rejected};
    let negative = Response::Negative(nerp());
    [
        received(Receiving),
        received(Opening),
        received(InboundState::Received),
        received(Placing),
        waiting(),
        owing(Delivered, eerp(b""), ReceiptState::Owed),
        owing(Delivered, eerp(b""), ReceiptState::Given),
        owing(Rejected, negative.clone(), ReceiptState::Owed),
        to_send(OutboundState::Ready),
        doubtful(),
        to_send(OutboundState::Held),
        to_send(OutboundState::Parked),
        to_send(OutboundState::Cancelled),
        to_send(OutboundState::Sent),
        to_send(OutboundState::Overdue),
        answered(OutboundState::Acknowledged, eerp(b"")),
        answered(OutboundState::Rejected, negative),
    ]
}

/// The state, `?` where something is open, and the receipt.
pub(super) fn shown(row: &Row) -> String {
    let is_open = match &row.course {
        Course::Inbound(file) => file.decision.waits,
        Course::Outbound(file) => file.in_doubt,
    };
    let mark = if is_open { "?" } else { "" };
    let receipt = row.receipt_state();
    let receipt = receipt.map_or_else(String::new, |state| format!("+{state}"));
    format!("{}{mark}{receipt}", row.state())
}

/// What a verb makes of a row: what it is then, `=` where it had done so before, `~` where what came is another content;
/// `-` where it does not lead on from there, `content` and `session` where that is why.
fn outcome(verb: &dyn Verb, before: &Row) -> String {
    let mut after = before.clone();
    match verb.apply(&mut after, at(1000)) {
        Ok(Effect::Changed) => shown(&after),
        Ok(Effect::Repeated) => {
            assert_eq!(shown(&after), shown(before), "{verb:?}");
            "=".to_owned()
        }
        Ok(Effect::Differs) => "~".to_owned(),
        Err(Unfit::State) => "-".to_owned(),
        Err(Unfit::Content) => "content".to_owned(),
        Err(Unfit::InSession) => "session".to_owned(),
    }
}

fn offer() -> Offer {
    Offer {
        partner: "them".to_owned(),
        header: FileHeader::plain(key(), 7),
        target: target(),
        layout: None,
        session: "S".to_owned(),
        note: Note::default(),
        may_resume: true,
        repeated: Repeated::Refused,
    }
}

fn sealed(digest: &str, verdict: Verdict) -> Box<dyn Verb> {
    Box::new(Receive(Received {
        measure: measure(digest),
        counts: oftp::Counts::default(),
        target: target(),
        wire_hash: None,
        verdict: Some(verdict),
        note: Note::default(),
        labels: Vec::new(),
        removal: None,
    }))
}

fn secured(digest: &str) -> Box<dyn Verb> {
    Box::new(Receive(Received {
        measure: measure(digest),
        counts: oftp::Counts::default(),
        wire_hash: None,
        target: target(),
        verdict: None,
        note: Note::default(),
        labels: Vec::new(),
        removal: None,
    }))
}

fn opened(verdict: Verdict) -> Box<dyn Verb> {
    Box::new(Open(Opened {
        plain: measure("p"),
        counts: oftp::Counts::default(),
        wire_hash: None,
        target: target(),
        verdict,
        found: Note::default(),
        note: Note::default(),
        labels: Vec::new(),
        removal: None,
    }))
}

fn not_opened() -> Box<dyn Verb> {
    Box::new(RefuseToOpen(NotOpened {
        nerp: Box::new(nerp()),
        wire_hash: None,
        note: Note::default(),
        removal: None,
    }))
}

fn decided(verdict: Verdict) -> Box<dyn Verb> {
    let note = Note::default();
    Box::new(DecideReceipt { verdict, note })
}

fn acknowledged(response: Response) -> Box<dyn Verb> {
    let note = String::new();
    Box::new(Acknowledged { response, note })
}

fn hash() -> WireHash {
    WireHash::new(WireHashAlgorithm::Sha1, vec![9; 20]).unwrap()
}

fn ordered(order: Order) -> Box<dyn Verb> {
    let why = "why".to_owned();
    Box::new(Ordered { order, why })
}

fn put_back() -> PutBack {
    let why = "why".to_owned();
    PutBack { when: at(500), why }
}

/// Inbound: receiving, opening, received, placing, delivered and its question waits, the same with its EERP owed, and given,
/// rejected. Outbound: ready, ready and in doubt, held, parked, cancelled, sent, overdue, acknowledged, rejected.
pub(super) fn table() -> Vec<(Box<dyn Verb>, [&'static str; 17])> {
    let negative = || Verdict::Negative(Box::new(nerp()));
    let begin = Begin {
        offer: offer(),
        from: Position::default(),
    };
    let at_7 = Position {
        octets: 7,
        records: 0,
    };
    let path = "them/ORDERS".to_owned();
    let stamp = FileStamp::from_wire(b"20261129", b"1200010000").unwrap();
    let late = Overdue {
        deadline: Duration::from_secs(60),
        at: at(1000),
    };
    let soon = Overdue {
        deadline: Duration::from_secs(60),
        at: at(30),
    };
    let why = || "why".to_owned();
    #[rustfmt::skip]
    let table: Vec<(Box<dyn Verb>, [&'static str; 17])> = vec![
        (Box::new(begin), ["receiving", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Checkpoint { at: at_7 }), ["receiving", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (sealed("d", Verdict::Positive), ["received", "-", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (sealed("e", Verdict::Positive), ["received", "-", "content", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (sealed("d", negative()), ["rejected+owed", "-", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (sealed("d", Verdict::Later(None)), ["received?", "-", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (secured("d"), ["opening", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (secured("e"), ["opening", "content", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (opened(Verdict::Positive), ["-", "received", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (opened(negative()), ["-", "rejected+owed", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (opened(Verdict::Later(None)), ["-", "received?", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (opened(Verdict::HandOver(at(9))), ["-", "received?", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (not_opened(), ["-", "rejected+owed", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(ReceivedAgain { measure: measure("d") }), ["-", "=", "=", "=", "=", "=", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(ReceivedAgain { measure: measure("e") }), ["-", "~", "~", "~", "~", "~", "~", "~", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Confirmed), ["receiving", "opening", "received", "placing", "delivered?", "delivered+owed", "delivered+given", "rejected+owed", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Placing { path }), ["-", "-", "placing", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Delivered), ["-", "-", "-", "delivered+owed", "=", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (decided(Verdict::Positive), ["-", "-", "-", "-", "delivered+owed", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (decided(negative()), ["-", "-", "-", "-", "rejected+owed", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (decided(Verdict::Later(None)), ["-", "-", "-", "-", "delivered?", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (decided(Verdict::HandOver(at(9))), ["-", "-", "-", "-", "delivered?", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(FoundDelivered), ["-", "-", "delivered+owed", "delivered+owed", "=", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(FoundHere), ["-", "-", "=", "received", "received?", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(FoundUnknown), ["-", "-", "-", "-", "-", "-", "-", "-", "ready?", "ready?", "held?", "parked?", "cancelled?", "sent?", "overdue?", "acknowledged?+received", "rejected?+received"]),
        (Box::new(Forwarded { response: eerp(b"s") }), ["-", "-", "-", "-", "delivered+owed", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Forwarded { response: Response::Negative(nerp()) }), ["-", "-", "-", "-", "rejected+owed", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Hashed { hash: hash() }), ["-", "opening", "received", "placing", "delivered?", "delivered+owed", "delivered+given", "rejected+owed", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Sign { hash: vec![1], signature: vec![2] }), ["-", "-", "-", "-", "-", "delivered+owed", "-", "rejected+owed", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(ResponseTaken), ["=", "=", "=", "=", "=", "delivered+given", "=", "rejected+given", "=", "=", "=", "=", "=", "=", "=", "=", "="]),
        (Box::new(ResponseClosed { why: why() }), ["=", "=", "=", "=", "=", "delivered+given", "=", "rejected+given", "=", "=", "=", "=", "=", "=", "=", "=", "="]),
        (Box::new(ClockPutBack { put_off: at(5000) }), ["=", "=", "=", "=", "=", "=", "=", "=", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Doubt), ["-", "-", "-", "-", "-", "-", "-", "-", "ready?", "ready?", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(NotThere), ["-", "-", "-", "-", "-", "-", "-", "-", "ready", "ready", "held", "parked", "cancelled", "sent", "overdue", "acknowledged+received", "rejected+received"]),
        (Box::new(Sent { note: why() }), ["-", "-", "-", "-", "-", "-", "-", "-", "sent", "sent?", "sent", "sent", "sent", "=", "=", "=", "="]),
        (acknowledged(eerp(b"")), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "acknowledged?+received", "-", "-", "-", "acknowledged+received", "acknowledged+received", "=", "="]),
        (acknowledged(Response::Negative(nerp())), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "rejected?+received", "-", "-", "-", "rejected+received", "rejected+received", "=", "="]),
        (Box::new(ReceiptInvalid { note: Note::default() }), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "ready?", "-", "-", "-", "sent", "overdue", "acknowledged+received", "rejected+received"]),
        (Box::new(put_back()), ["receiving", "opening", "received", "placing", "delivered?", "delivered+owed", "delivered+given", "rejected+owed", "ready", "ready?", "held", "parked", "cancelled", "sent", "overdue", "acknowledged+received", "rejected+received"]),
        (Box::new(PutOff(put_back())), ["receiving", "opening", "received", "placing", "delivered?", "delivered+owed", "delivered+given", "rejected+owed", "ready", "ready?", "held", "parked", "cancelled", "sent", "overdue", "acknowledged+received", "rejected+received"]),
        (Box::new(Park { why: why() }), ["-", "-", "-", "-", "-", "-", "-", "-", "parked", "parked?", "-", "parked", "-", "-", "-", "-", "-"]),
        (ordered(Order::Hold), ["-", "-", "-", "-", "-", "-", "-", "-", "held", "held?", "=", "-", "-", "-", "-", "-", "-"]),
        (ordered(Order::Release), ["-", "-", "-", "-", "-", "-", "-", "-", "=", "=", "ready", "ready", "-", "-", "-", "-", "-"]),
        (ordered(Order::Park), ["-", "-", "-", "-", "-", "-", "-", "-", "parked", "parked?", "parked", "=", "-", "-", "-", "-", "-"]),
        (ordered(Order::Cancel), ["-", "-", "-", "-", "-", "-", "-", "-", "cancelled", "cancelled?", "cancelled", "cancelled", "=", "-", "-", "-", "-"]),
        (ordered(Order::SendNow), ["-", "-", "-", "-", "-", "-", "-", "-", "ready", "ready?", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Stamp { stamp }), ["-", "-", "-", "-", "-", "-", "-", "-", "ready", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(late), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "overdue", "-", "-", "-"]),
        (Box::new(soon), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "=", "-", "-", "-"]),
        (Box::new(ClaimFile { session: "S", generation: None }), ["-", "-", "-", "-", "-", "-", "-", "-", "ready", "ready?", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(ClaimResponse { session: "S" }), ["-", "-", "-", "-", "-", "delivered+owed", "-", "rejected+owed", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
        (Box::new(Free { session: "S" }), ["=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "="]),
        (Box::new(Resend { new: TransferId::new() }), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "parked", "cancelled", "sent", "overdue", "acknowledged+received", "rejected+received"]),
    ];
    table
}

#[test]
fn every_verb_leads_each_state_where_the_table_says() {
    for (verb, meant) in table() {
        let found = rows().map(|row| outcome(&*verb, &row));
        assert_eq!(found.each_ref().map(String::as_str), meant, "{verb:?}");
    }
}

#[test]
fn a_verb_that_leads_on_leads_no_further_when_it_is_repeated() {
    for (verb, _) in table() {
        for before in rows() {
            let mut once = before.clone();
            if verb.apply(&mut once, at(1000)) != Ok(Effect::Changed) {
                continue;
            }
            let mut twice = once.clone();
            let again = verb.apply(&mut twice, at(2000));
            // What does not fit any more is refused; nothing is led on by it a second time.
            if again.is_ok() {
                assert_eq!(shown(&once), shown(&twice), "{verb:?}");
            }
        }
    }
}

/// What an audit would find wrong with the receipt of a row.
pub(super) fn audited(row: &Row) -> Option<&'static str> {
    wrong_receipt(&Book {
        row: row.clone(),
        receipt_fits: true,
        content_removed: false,
    })
}

#[test]
fn no_verb_leaves_a_row_that_an_audit_would_find() {
    for before in rows() {
        assert_eq!(audited(&before), None, "{}", shown(&before));
        for (verb, _) in table() {
            let mut after = before.clone();
            if verb.apply(&mut after, at(1000)).is_ok() {
                assert_eq!(audited(&after), None, "{verb:?} made {}", shown(&after));
            }
        }
    }
}

#[test]
fn whoever_sends_a_file_decides_about_it_as_long_as_it_sends() {
    for order in [Order::Hold, Order::Park, Order::Cancel] {
        let mut row = to_send(OutboundState::Ready);
        row.outbound_mut().unwrap().leased_to = Some("S".to_owned());
        assert_eq!(outcome(&*ordered(order), &row), "session");
        assert_eq!(outcome(&*ordered(Order::SendNow), &row), "ready");
        let claim = ClaimFile {
            session: "T",
            generation: None,
        };
        assert_eq!(outcome(&claim, &row), "session");
    }
}

#[test]
fn what_a_session_has_is_free_and_due_when_it_is_over() {
    let mut row = to_send(OutboundState::Ready);
    let claim = ClaimFile {
        session: "S",
        generation: Some(3),
    };
    assert_eq!(claim.apply(&mut row, at(5)), Ok(Effect::Changed));
    let file = row.outbound().unwrap();
    assert_eq!((file.attempts, file.breaks), (1, 1));
    assert_eq!(
        row.history[0].note.text,
        "attempt 1, policies of generation 3"
    );
    let free = Free { session: "S" };
    assert_eq!(free.apply(&mut row, at(9)), Ok(Effect::Changed));
    let file = row.outbound().unwrap();
    assert_eq!((&file.leased_to, file.not_before), (&None, Some(at(9))));
    assert_eq!(free.apply(&mut row, at(10)), Ok(Effect::Repeated));

    let mut row = owing(InboundState::Delivered, eerp(b""), ReceiptState::Owed);
    let claim = ClaimResponse { session: "S" };
    assert_eq!(claim.apply(&mut row, at(5)), Ok(Effect::Changed));
    assert_eq!(row.receipt.as_ref().unwrap().tries, 1);
    assert_eq!(free.apply(&mut row, at(9)), Ok(Effect::Changed));
    let receipt = row.receipt.unwrap();
    assert_eq!((receipt.leased_to, receipt.not_before), (None, Some(at(9))));
}

#[test]
fn a_file_that_is_released_begins_again_only_where_it_was_parked() {
    for (state, attempts) in [(OutboundState::Held, 3), (OutboundState::Parked, 0)] {
        let mut row = to_send(state);
        let file = row.outbound_mut().unwrap();
        (file.attempts, file.refusals, file.breaks) = (3, 2, 1);
        row.reason = Some("once".into());
        let release = ordered(Order::Release);
        assert_eq!(release.apply(&mut row, at(5)), Ok(Effect::Changed));
        let file = row.outbound().unwrap();
        assert_eq!(
            (file.attempts, file.refusals, file.breaks),
            (attempts, 0, 0)
        );
        assert_eq!((file.not_before, &row.reason), (Some(at(5)), &None));
    }
}

#[test]
fn the_tries_of_a_command_are_counted_by_themselves() {
    let mut row = waiting();
    let asked = |row: &Row| row.inbound().unwrap().decision.asked;
    assert_eq!(asked(&row), 1);
    decided(Verdict::Later(None))
        .apply(&mut row, at(1))
        .unwrap();
    assert_eq!(asked(&row), 2);
    decided(Verdict::HandOver(at(5)))
        .apply(&mut row, at(2))
        .unwrap();
    assert_eq!(asked(&row), 0);
    decided(Verdict::HandOver(at(6)))
        .apply(&mut row, at(3))
        .unwrap();
    assert_eq!(asked(&row), 1);
}

#[test]
fn a_question_is_asked_now_only_where_a_clock_that_was_ahead_put_it_off() {
    let ask_at = |row: &Row| row.inbound().unwrap().decision.ask_at;
    let led = |mut row: Row, put_off, now| {
        let before = ask_at(&row);
        let effect = ClockPutBack {
            put_off: at(put_off),
        }
        .apply(&mut row, at(now));
        assert!(row.history.is_empty());
        (effect.unwrap(), ask_at(&row) == before, ask_at(&row))
    };
    // It is to be asked at 60.
    let asked_now = (Effect::Changed, false, Some(at(30)));
    assert_eq!(led(waiting(), 31, 30), asked_now);
    let asked_as_before = (Effect::Repeated, true, Some(at(60)));
    assert_eq!(
        led(waiting(), 30, 30),
        asked_as_before,
        "the clock was right"
    );
    assert_eq!(led(waiting(), 31, 60), asked_as_before, "it is due");
    let mut row = waiting();
    row.inbound_mut().unwrap().decision.ask(None);
    let asks_an_operator = (Effect::Repeated, true, None);
    assert_eq!(led(row, 31, 30), asks_an_operator);
}

#[test]
fn a_receipt_that_somebody_else_made_is_passed_on_as_it_is() {
    let mut row = waiting();
    let forwarded = Forwarded {
        response: eerp(b"signed"),
    };
    assert_eq!(forwarded.apply(&mut row, at(5)), Ok(Effect::Changed));
    assert_eq!(row.receipt.as_ref().unwrap().response, eerp(b"signed"));
    let entry = forwarded.entry(&row, Effect::Changed);
    assert_eq!(entry, Some(Entry::Forwarded(eerp(b"signed"))));
    assert_eq!(forwarded.entry(&row, Effect::Repeated), None);
}

#[test]
fn what_was_sent_while_the_clock_was_ahead_has_its_time_from_now_on() {
    let mut row = to_send(OutboundState::Sent);
    row.outbound_mut().unwrap().sent_at = Some(at(5000));
    let overdue = Overdue {
        deadline: Duration::from_secs(60),
        at: at(1000),
    };
    assert_eq!(overdue.apply(&mut row, at(1000)), Ok(Effect::Repeated));
    assert_eq!(row.outbound().unwrap().sent_at, Some(at(1000)));
}

#[test]
fn of_receipts_that_are_not_taken_the_sidecar_has_the_first() {
    let mut row = to_send(OutboundState::Sent);
    let mut invalid = |why: &str| {
        let verb = ReceiptInvalid { note: why.into() };
        let effect = verb.apply(&mut row, at(5)).unwrap();
        let why = StateReason::ReceiptInvalid(why.to_owned());
        assert_eq!(row.reason, Some(why));
        verb.entry(&row, effect)
    };
    let first = Entry::ReceiptInvalid("another hash".to_owned());
    assert_eq!(invalid("another hash"), Some(first));
    assert_eq!(invalid("no signature"), None, "however many come");
    assert_eq!(row.history.len(), 2);
    assert!(row.history.iter().all(|line| line.often));
}

#[test]
fn a_receipt_that_contradicts_the_first_is_written_down_and_not_taken() {
    let mut row = answered(OutboundState::Acknowledged, eerp(b""));
    let late = acknowledged(Response::Negative(nerp()));
    assert_eq!(late.apply(&mut row, at(5)), Ok(Effect::Repeated));
    assert_eq!(row.history[0].event, "receipt-contradicts");
    assert!(row.history[0].often);
    assert_eq!(shown(&row), "acknowledged+received");
}

#[test]
fn a_repeated_delivered_owes_the_receipt_that_the_first_one_did_not() {
    let mut row = received(InboundState::Delivered);
    assert_eq!((row.receipt_state(), audited(&row).is_some()), (None, true));
    assert_eq!(Delivered.apply(&mut row, at(9)), Ok(Effect::Changed));
    assert_eq!(shown(&row), "delivered+owed");
    assert_eq!(row.receipt.as_ref().unwrap().response, eerp(b""));
    assert_eq!(audited(&row), None);
    let once = row.clone();
    assert_eq!(Delivered.apply(&mut row, at(10)), Ok(Effect::Repeated));
    assert_eq!(row, once, "one receipt, however often it is repeated");
}

#[test]
fn a_secured_file_keeps_what_came_and_has_what_was_in_it_once_it_is_opened() {
    let hash = |octet| WireHash::new(WireHashAlgorithm::Sha1, vec![octet; 20]);
    for (known, found) in [(None, hash(2)), (hash(1), hash(2)), (hash(1), None)] {
        let kept = known.clone().or(found.clone());
        let secured = Received {
            measure: measure("d"),
            counts: oftp::Counts::default(),
            wire_hash: known,
            target: target(),
            verdict: None,
            note: Note::default(),
            labels: Vec::new(),
            removal: None,
        };
        let mut row = received(InboundState::Receiving);
        let effect = Receive(secured).apply(&mut row, at(5));
        assert_eq!(effect, Ok(Effect::Changed));
        let unopened = row.unopened().unwrap();
        assert_eq!((unopened.id, unopened.measure), (row.id, measure("d")));
        assert_eq!(row.inbound().unwrap().received_at, Some(at(5)));
        let opened = Open(Opened {
            plain: measure("p"),
            counts: oftp::Counts::default(),
            wire_hash: found,
            target: target(),
            verdict: Verdict::Later(Some(at(60))),
            found: "signed".into(),
            note: "policy".into(),
            labels: vec![("a".to_owned(), "b".to_owned())],
            removal: None,
        });
        assert_eq!(opened.apply(&mut row, at(6)), Ok(Effect::Changed));
        assert_eq!(row.measure, measure("d"), "copies are compared with it");
        assert_eq!(row.wire_hash, kept);
        assert_eq!(row.labels.len(), 1);
        assert!(row.unopened().is_none());
        let events: Vec<_> = row.history.iter().map(|line| line.event).collect();
        assert_eq!(events, ["received", "opened", "decided"]);
        assert_eq!(row.history[1].note.text, "7 octets, blake3 p; signed");
        let file = row.inbound_mut().unwrap();
        assert_eq!(file.plain, Some(measure("p")));
        assert_eq!(
            (file.decision.ask_at, file.decision.asked),
            (Some(at(60)), 1)
        );
        file.state = InboundState::Delivered;
        assert_eq!(row.question().unwrap().digest, "p", "of what is delivered");
        file_is(
            &opened,
            &mut row,
            InboundState::Received,
            Ok(Effect::Repeated),
        );
        row.inbound_mut().unwrap().plain = Some(measure("q"));
        file_is(
            &opened,
            &mut row,
            InboundState::Received,
            Err(Unfit::Content),
        );
    }
}

/// What a verb makes of the row in that state.
fn file_is(verb: &dyn Verb, row: &mut Row, state: InboundState, made: Result<Effect, Unfit>) {
    row.inbound_mut().unwrap().state = state;
    assert_eq!(verb.apply(row, at(9)), made);
}
