//! What sidecars tell, entry by entry.

use oftp::{FileStamp, RecordLayout};

use super::*;
use crate::samples::{at, eerp, key, nerp};
use crate::transfer::{Target, TransferId};
use crate::wire_hash::WireHashAlgorithm;

fn sidecar(way: Way) -> Sidecar {
    Sidecar {
        id: TransferId::new(),
        partner: "them".to_owned(),
        header: FileHeader::plain(key(), 7),
        edition: 1,
        measure: Measure {
            octets: 7,
            digest: "d".to_owned(),
        },
        wire_hash: None,
        session: "S".to_owned(),
        at: at(0),
        labels: vec![("a".to_owned(), "b".to_owned())],
        way,
    }
}

fn received(verdict: impl Into<Option<Verdict>>, entries: &[Entry]) -> Record {
    let target = Target {
        directory: "them".to_owned(),
        file_name: "ORDERS".to_owned(),
        overwrite: false,
    };
    Record {
        sidecar: sidecar(Way::Inbound {
            target,
            verdict: verdict.into(),
        }),
        entries: entries.to_vec(),
    }
}

fn to_send(entries: &[Entry]) -> Record {
    let way = Way::Outbound {
        priority: 7,
        layout: None::<RecordLayout>,
        counts: Counts::default(),
    };
    Record {
        sidecar: sidecar(way),
        entries: entries.to_vec(),
    }
}

fn shown(row: &Row) -> String {
    let receipt = row.receipt_state();
    let receipt = receipt.map_or_else(String::new, |state| format!("+{state}"));
    let waits = row.inbound().is_some_and(|file| file.decision.waits);
    format!("{}{}{receipt}", row.state(), if waits { "?" } else { "" })
}

fn placing() -> Entry {
    Entry::Placing("them/ORDERS".to_owned())
}

fn state(state: OutboundState) -> Entry {
    Entry::State(state, Some("why".to_owned()))
}

#[test]
fn a_received_file_is_rebuilt_as_its_entries_and_its_content_say() {
    let negative = || Verdict::Negative(Box::new(nerp()));
    let later = Verdict::Later(Some(at(60)));
    let decided = |verdict| Entry::Decided(verdict);
    let forwarded = Entry::Forwarded(eerp(b"signed"));
    let told = |verdict: &Verdict, entries: &[Entry], is_here| {
        shown(&rebuilt(
            &received(verdict.clone(), entries),
            is_here,
            at(9),
        ))
    };
    let positive = &Verdict::Positive;
    // The rename is its own proof, and its lack is, too.
    assert_eq!(told(positive, &[], true), "received");
    assert_eq!(told(positive, &[placing()], true), "received");
    assert_eq!(told(positive, &[], false), "delivered+owed");
    assert_eq!(told(positive, &[placing()], false), "delivered+owed");
    assert_eq!(
        told(positive, &[placing(), Entry::Given], false),
        "delivered+given"
    );
    // What comes after a delivery proves it, whatever else was lost.
    assert_eq!(told(positive, &[Entry::Given], true), "delivered+given");
    assert_eq!(told(&later, &[placing()], false), "delivered?");
    assert_eq!(
        told(&later, &[placing(), decided(Verdict::Positive)], false),
        "delivered+owed"
    );
    assert_eq!(
        told(&later, &[placing(), decided(later.clone())], false),
        "delivered?"
    );
    assert_eq!(
        told(&later, &[placing(), decided(negative())], false),
        "rejected+owed"
    );
    assert_eq!(
        told(&later, &[decided(negative()), Entry::Given], false),
        "rejected+given"
    );
    assert_eq!(
        told(&later, std::slice::from_ref(&forwarded), false),
        "delivered+owed"
    );
    assert_eq!(told(&negative(), &[], true), "rejected+owed");
    assert_eq!(
        told(&negative(), &[Entry::Received, Entry::Given], true),
        "rejected+given"
    );
    let row = rebuilt(&received(later, &[forwarded]), false, at(9));
    assert_eq!(row.receipt.unwrap().response, eerp(b"signed"));
}

#[test]
fn a_hash_and_a_signature_that_only_later_lines_have_are_rebuilt() {
    let hash = WireHash::new(WireHashAlgorithm::Sha1, vec![7; 20]).unwrap();
    let signed = Entry::Signed(eerp(b"signed"));
    let lines = [Entry::Hashed(hash.clone()), placing(), signed.clone()];
    let row = rebuilt(&received(Verdict::Positive, &lines), false, at(9));
    assert_eq!(shown(&row), "delivered+owed");
    assert_eq!(row.wire_hash, Some(hash));
    assert_eq!(row.receipt.unwrap().response, eerp(b"signed"));
    // The first signature stays, whoever made it.
    let forwarded = Entry::Forwarded(eerp(b"theirs"));
    let row = rebuilt(
        &received(Verdict::Later(None), &[forwarded, signed.clone()]),
        false,
        at(9),
    );
    assert_eq!(row.receipt.unwrap().response, eerp(b"theirs"));
    // What is signed was delivered, whatever else was lost; a question that waits has no receipt to sign.
    let row = rebuilt(
        &received(Verdict::Positive, std::slice::from_ref(&signed)),
        true,
        at(9),
    );
    assert_eq!(shown(&row), "delivered+owed");
    let row = rebuilt(
        &received(Verdict::Later(None), &[placing(), signed]),
        false,
        at(9),
    );
    assert_eq!(shown(&row), "delivered?");
}

#[test]
fn a_file_to_send_is_rebuilt_as_its_entries_and_its_content_say() {
    use OutboundState::{Cancelled, Held, Overdue, Parked, Ready, Sent};
    let told = |entries: &[Entry], is_here| shown(&rebuilt(&to_send(entries), is_here, at(9)));
    let answered = Entry::Answered(eerp(b""));
    let refused = Entry::Answered(Response::Negative(nerp()));
    assert_eq!(
        told(&[], true),
        "parked",
        "nobody was told that it is queued"
    );
    assert_eq!(told(&[state(Ready)], true), "ready");
    assert_eq!(
        told(&[state(Ready)], false),
        "parked",
        "its content is gone"
    );
    assert_eq!(told(&[state(Ready), state(Held)], true), "held");
    assert_eq!(told(&[state(Held), state(Ready)], true), "ready");
    assert_eq!(told(&[state(Ready), state(Parked)], false), "parked");
    assert_eq!(told(&[state(Ready), state(Cancelled)], true), "cancelled");
    assert_eq!(told(&[state(Ready), state(Sent)], true), "sent");
    assert_eq!(told(&[state(Cancelled), state(Sent)], true), "sent");
    // Two that were committed in this order may be written in the other one.
    assert_eq!(told(&[state(Sent), state(Held)], true), "sent");
    assert_eq!(told(&[state(Sent), state(Overdue)], true), "overdue");
    assert_eq!(
        told(&[state(Ready), answered.clone()], true),
        "acknowledged+received"
    );
    assert_eq!(
        told(&[state(Sent), refused.clone()], false),
        "rejected+received"
    );
    assert_eq!(told(&[answered, refused], true), "acknowledged+received");
}

#[test]
fn a_rebuilt_file_says_why_its_receipt_was_not_taken() {
    use OutboundState::{Acknowledged, Ready, Sent};
    let invalid = |why: &str| Entry::ReceiptInvalid(why.to_owned());
    let row = |entries: &[Entry]| rebuilt(&to_send(entries), true, at(9));
    let waiting = row(&[state(Ready), state(Sent), invalid("its hash is another")]);
    let reason = waiting.reason.as_ref().map(ToString::to_string);
    assert_eq!(
        (shown(&waiting).as_str(), reason.as_deref()),
        ("sent", Some("receipt invalid: its hash is another"))
    );
    let lines = |row: &Row| {
        let lines = row.history.iter();
        let lines = lines.map(|line| format!("{}: {}", line.event, line.note.text));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        lines(&waiting),
        [
            "receipt-invalid: its hash is another",
            "rebuilt: from its sidecar"
        ]
    );
    let again = described(&waiting).unwrap();
    assert_eq!(rebuilt(&again, true, at(9)).reason, waiting.reason);
    // A good one may come later.
    let good = Entry::Answered(eerp(b""));
    let answered = row(&[state(Sent), invalid("its hash is another"), good]);
    assert_eq!(answered.state(), Acknowledged.into());
    assert_eq!((lines(&answered).len(), &answered.reason), (2, &None));
}

#[test]
fn a_rebuilt_file_to_send_asks_its_partner_whether_it_has_it() {
    let row = rebuilt(&to_send(&[state(OutboundState::Ready)]), true, at(9));
    let file = row.outbound().unwrap();
    assert!(file.in_doubt && file.may_have);
    assert_eq!(
        (file.attempts, file.priority, file.leased_to.as_ref()),
        (1, 7, None)
    );
    assert_eq!((row.edition, &*row.labels[0].1), (1, "b"));
    assert_eq!(row.history.len(), 1);
    assert_eq!(row.history[0].event, "rebuilt");
}

#[test]
fn a_file_has_the_last_date_and_time_that_its_row_was_to_have() {
    let stamp = FileStamp::from_wire(b"20261129", b"1200010000").unwrap();
    let record = to_send(&[state(OutboundState::Ready), Entry::Stamped(stamp.clone())]);
    assert_eq!(rebuilt(&record, true, at(9)).header.key.stamp, stamp);
}

#[test]
fn a_question_that_was_put_off_while_the_clock_was_ahead_is_due() {
    let later = Verdict::Later(Some(at(90_000)));
    let mut record = received(later, &[placing()]);
    let asked_at = |record: &Record| {
        let row = rebuilt(record, false, at(9));
        row.inbound().unwrap().decision.ask_at
    };
    assert_eq!(asked_at(&record), Some(at(90_000)));
    record.sidecar.at = at(80_000);
    assert_eq!(asked_at(&record), Some(at(9)));
}

#[test]
fn a_receipt_that_was_forwarded_is_the_one_that_is_owed_whatever_the_first_line_says() {
    let forwarded = Entry::Forwarded(eerp(b"signed"));
    for verdict in [Verdict::Positive, Verdict::Later(None)] {
        let record = received(verdict, &[placing(), forwarded.clone()]);
        let row = rebuilt(&record, false, at(9));
        assert_eq!(shown(&row), "delivered+owed");
        assert_eq!(row.receipt.unwrap().response, eerp(b"signed"));
    }
}

#[test]
fn a_file_whose_content_is_here_is_delivered_again_unless_its_receipt_is_decided() {
    let later = Verdict::Later(Some(at(60)));
    let asked_again = Entry::Decided(later.clone());
    let row = |entries: &[Entry]| rebuilt(&received(later.clone(), entries), true, at(9));
    assert_eq!(shown(&row(&[placing(), asked_again])), "received?");
    let decided = Entry::Decided(Verdict::Positive);
    assert_eq!(shown(&row(&[placing(), decided])), "delivered+owed");
}

#[test]
fn a_row_knows_what_its_own_sidecar_tells() {
    use OutboundState::{Cancelled, Held, Parked, Ready, Sent};
    let later = Verdict::Later(Some(at(60)));
    let records = [
        received(Verdict::Positive, &[placing()]),
        received(Verdict::Positive, &[placing(), Entry::Given]),
        received(later.clone(), &[placing()]),
        received(later.clone(), &[Entry::Decided(Verdict::Positive)]),
        received(later, &[Entry::Forwarded(eerp(b"signed")), Entry::Given]),
        received(Verdict::Negative(Box::new(nerp())), &[Entry::Received]),
        to_send(&[state(Ready)]),
        to_send(&[state(Held)]),
        to_send(&[state(Parked)]),
        to_send(&[state(Cancelled)]),
        to_send(&[state(Sent)]),
        to_send(&[state(Sent), Entry::Answered(eerp(b""))]),
    ];
    for record in records {
        for is_here in [true, false] {
            let row = rebuilt(&record, is_here, at(9));
            assert_eq!(beyond(&record, &row), None, "{}", shown(&row));
            // Written down again and read again it is the same.
            let again = described(&row).unwrap();
            assert_eq!(beyond(&again, &row), None, "{}", shown(&row));
            let is_delivered = row.state() == InboundState::Delivered.into();
            if is_delivered || row.outbound().is_some() {
                let twice = rebuilt(&again, is_here && !is_delivered, at(9));
                assert_eq!(shown(&twice), shown(&row));
            }
        }
    }
}

#[test]
fn an_older_row_is_found_out_by_what_was_done_for_good() {
    use OutboundState::{Cancelled, Held, Parked, Ready, Sent};
    let row = |entries: &[Entry]| rebuilt(&to_send(entries), true, at(9));
    let beyond_of = |was: &[Entry], is: &[Entry]| {
        let mut was = row(was);
        was.outbound_mut().unwrap().leased_to = Some("S".to_owned());
        was.outbound_mut().unwrap().may_have = false;
        beyond(&to_send(is), &was)
    };
    let answered = Entry::Answered(eerp(b""));
    let sent = Some("the file was sent");
    assert_eq!(
        beyond_of(&[state(Ready)], &[state(Ready), state(Sent)]),
        sent
    );
    assert_eq!(
        beyond_of(&[state(Parked)], std::slice::from_ref(&answered)),
        sent
    );
    let cancelled = Some("the file was cancelled");
    assert_eq!(beyond_of(&[state(Held)], &[state(Cancelled)]), cancelled);
    let came = Some("its receipt came");
    assert_eq!(beyond_of(&[state(Sent)], &[state(Sent), answered]), came);
    // What may be undone again proves nothing.
    assert_eq!(beyond_of(&[state(Ready)], &[state(Held)]), None);
    assert_eq!(beyond_of(&[state(Held)], &[state(Parked)]), None);
    assert_eq!(beyond_of(&[state(Cancelled)], &[state(Parked)]), None);
}

#[test]
fn an_older_row_of_a_received_file_is_found_out() {
    let later = Verdict::Later(Some(at(60)));
    let positive = Verdict::Positive;
    let old = |verdict: &Verdict, is_here| {
        rebuilt(&received(verdict.clone(), &[placing()]), is_here, at(9))
    };
    let mut receiving = old(&positive, true);
    receiving.inbound_mut().unwrap().state = InboundState::Receiving;
    let decided = Entry::Decided(Verdict::Positive);
    let told = |verdict: &Verdict, entries: &[Entry], row: &Row| {
        beyond(&received(verdict.clone(), entries), row)
    };
    assert_eq!(
        told(&positive, &[], &receiving),
        None,
        "the sidecar comes before the row"
    );
    let was_received = Some("the file was received");
    assert_eq!(told(&positive, &[placing()], &receiving), was_received);
    assert_eq!(told(&later, &[Entry::Given], &receiving), was_received);
    let was_given = Some("its receipt was given");
    assert_eq!(
        told(&positive, &[Entry::Given], &old(&positive, false)),
        was_given
    );
    let was_decided = Some("its receipt was decided");
    assert_eq!(told(&later, &[decided], &old(&later, false)), was_decided);
    assert_eq!(
        told(
            &later,
            &[Entry::Decided(later.clone())],
            &old(&later, false)
        ),
        None
    );
}

fn plain() -> Entry {
    Entry::Plain(Measure {
        octets: 5,
        digest: "p".to_owned(),
    })
}

fn opened(verdict: Verdict) -> Entry {
    Entry::Opened {
        target: Target {
            directory: "mine".to_owned(),
            file_name: "PLAIN".to_owned(),
            overwrite: true,
        },
        verdict,
        labels: vec![("c".to_owned(), "d".to_owned())],
        wire_hash: WireHash::new(WireHashAlgorithm::Sha1, vec![1; 20]),
        found: Note {
            text: "signed by CN=them".to_owned(),
            data: Some(r#"{"signers":1}"#.to_owned()),
        },
    }
}

#[test]
fn a_secured_file_is_rebuilt_as_its_entries_and_its_content_say() {
    let later = Verdict::Later(Some(at(60)));
    let negative = Verdict::Negative(Box::new(nerp()));
    let told =
        |entries: &[Entry], is_here| shown(&rebuilt(&received(None, entries), is_here, at(9)));
    // As on the wire it is delivered by nothing.
    for is_here in [true, false] {
        assert_eq!(told(&[], is_here), "opening");
        assert_eq!(told(&[Entry::Received], is_here), "opening");
        assert_eq!(told(&[placing()], is_here), "opening");
        assert_eq!(told(&[opened(Verdict::Positive)], is_here), "opening");
        assert_eq!(told(&[opened(negative.clone())], is_here), "rejected+owed");
    }
    assert_eq!(told(&[plain()], true), "opening");
    let both = |verdict: &Verdict| [plain(), opened(verdict.clone())];
    assert_eq!(told(&both(&Verdict::Positive), true), "received");
    assert_eq!(told(&both(&Verdict::Positive), false), "delivered+owed");
    assert_eq!(told(&both(&later), true), "received?");
    assert_eq!(told(&both(&later), false), "delivered?");
    assert_eq!(told(&both(&negative), true), "rejected+owed");
    assert_eq!(told(&both(&negative), false), "rejected+owed");
    // The line with the decision could not be written: an operator decides.
    assert_eq!(told(&[plain()], false), "delivered?");
    assert_eq!(told(&[plain(), placing()], true), "received?");
    let decided = Entry::Decided(Verdict::Positive);
    assert_eq!(told(&[plain(), decided], false), "delivered+owed");
    let forwarded = Entry::Forwarded(eerp(b"signed"));
    assert_eq!(told(&[plain(), forwarded.clone()], false), "delivered+owed");
    let positive = opened(Verdict::Positive);
    assert_eq!(
        told(&[plain(), positive, forwarded], false),
        "delivered+owed"
    );
}

#[test]
fn a_rebuilt_file_that_was_opened_has_what_was_found_and_decided_then() {
    let record = received(None, &[plain(), opened(Verdict::Positive)]);
    let row = rebuilt(&record, true, at(9));
    let file = row.inbound().unwrap();
    assert_eq!(file.plain.as_ref().unwrap().digest, "p");
    assert_eq!((&*row.measure.digest, row.measure.octets), ("d", 7));
    assert_eq!(
        (&*file.target.file_name, file.target.overwrite),
        ("PLAIN", true)
    );
    assert_eq!(row.labels[0].0, "c");
    assert_eq!(row.wire_hash.as_ref().unwrap().octets(), [1; 20]);
    let [kept] = &row.history[..] else {
        panic!("{:?}", row.history);
    };
    assert_eq!(kept.event, REBUILT);
    assert_eq!(kept.note.data.as_deref(), Some(r#"{"signers":1}"#));
    // What was known when it was received stays.
    let mut known = record;
    known.sidecar.wire_hash = WireHash::new(WireHashAlgorithm::Sha256, vec![2; 32]);
    let row = rebuilt(&known, true, at(9));
    assert_eq!(row.wire_hash, known.sidecar.wire_hash);
}

#[test]
fn an_older_row_of_a_secured_file_is_found_out() {
    let row = |entries: &[Entry]| rebuilt(&received(None, entries), true, at(9));
    let told = |entries: &[Entry], row: &Row| beyond(&received(None, entries), row);
    let mut receiving = row(&[]);
    receiving.inbound_mut().unwrap().state = InboundState::Receiving;
    assert_eq!(told(&[], &receiving), None);
    let was_received = Some("the file was received");
    assert_eq!(told(&[Entry::Received], &receiving), was_received);
    assert_eq!(told(&[opened(Verdict::Positive)], &receiving), was_received);
    let opening = row(&[]);
    assert_eq!(
        told(&[Entry::Received, plain()], &opening),
        None,
        "its row comes next"
    );
    let was_opened = Some("the file was opened");
    let both = [plain(), opened(Verdict::Positive)];
    assert_eq!(told(&both, &opening), was_opened);
    assert_eq!(told(&[plain(), placing()], &opening), was_opened);
    let refused = opened(Verdict::Negative(Box::new(nerp())));
    assert_eq!(told(&[refused], &opening), was_opened);
    assert_eq!(told(&both, &row(&both)), None);
}
