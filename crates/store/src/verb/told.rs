//! What each verb has the sidecar told, and that a ledger rebuilt from it stands where the verb led.

use std::collections::BTreeMap;

use oftp::FileHeader;

use super::table::{rows, shown, table};
use super::*;
use crate::replay::{beyond, described, rebuilt};
use crate::samples::{at, key};
use crate::sidecar::{Entry, Record, Sidecar};
use crate::state::{InboundState, OutboundState, State};
use crate::transfer::{NewFile, TransferId};

/// The kind of an entry in a word; of a state, which.
fn word(entry: &Entry) -> String {
    match entry {
        Entry::Received => "received".to_owned(),
        Entry::Placing(path) => format!("placing {path}"),
        Entry::Decided(_) => "decided".to_owned(),
        Entry::Forwarded(_) => "forwarded".to_owned(),
        Entry::Hashed(_) => "hashed".to_owned(),
        Entry::Signed(_) => "signed".to_owned(),
        Entry::Given => "given".to_owned(),
        Entry::Stamped(_) => "stamped".to_owned(),
        Entry::State(state, why) => format!("{state} {}", why.as_deref().unwrap_or("-")),
        Entry::InDoubt(is_in_doubt) => format!("in doubt {is_in_doubt}"),
        Entry::Answered(_) => "answered".to_owned(),
        Entry::ReceiptInvalid(_) => "receipt invalid".to_owned(),
        Entry::Positions(_) => "positions".to_owned(),
        Entry::Plain(_) => "plain".to_owned(),
        Entry::ContentKey(_) => "content key".to_owned(),
        Entry::Opened { .. } => "opened".to_owned(),
    }
}

/// What the sidecar has of a verb that changed the row.
fn told(verb: &dyn Verb, row: &Row, effect: Effect) -> Option<Entry> {
    let before = verb.entry_before().map(|(direction, entry)| {
        assert_eq!(direction, row.state().direction(), "{verb:?}");
        entry
    });
    let after = verb.entry(row, effect);
    assert!(before.is_none() || after.is_none(), "{verb:?}: one entry");
    before.or(after)
}

/// By the word of the verb: all that it ever says to a sidecar, whatever the row was.
fn said() -> BTreeMap<&'static str, Vec<String>> {
    let mut said: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (verb, _) in table() {
        let words = said.entry(verb.word()).or_default();
        for before in rows() {
            let mut after = before.clone();
            let Ok(effect) = verb.apply(&mut after, at(1000)) else {
                continue;
            };
            let told = told(&*verb, &after, effect).as_ref().map(word);
            words.push(told.unwrap_or_else(|| "nothing".to_owned()));
        }
        words.sort();
        words.dedup();
    }
    said
}

#[test]
fn a_sidecar_is_told_of_what_a_rebuilt_ledger_must_know_and_of_nothing_else() {
    let expected: &[(&str, &[&str])] = &[
        ("acknowledged", &["answered", "nothing"]),
        ("begin", &["nothing"]),
        ("cancelled", &["cancelled why"]),
        ("checkpoint", &["nothing"]),
        ("claim", &["nothing"]),
        ("clock-put-back", &["nothing"]),
        ("confirmed", &["nothing"]),
        ("decided", &["decided", "nothing"]),
        ("delivered", &["nothing"]),
        ("forwarded", &["forwarded", "nothing"]),
        ("free", &["nothing"]),
        ("hashed", &["hashed"]),
        ("held", &["held why"]),
        ("in-doubt", &["in doubt true", "nothing"]),
        ("not-opened", &["opened"]),
        ("not-there", &["in doubt false"]),
        ("opened", &["opened"]),
        ("overdue", &["nothing"]),
        ("park", &["parked why"]),
        ("parked", &["parked why"]),
        // What only a rebuilt ledger finds has the names of these verbs, and says nothing.
        ("placing", &["nothing", "placing them/ORDERS"]),
        ("put-back", &["nothing"]),
        ("receipt-invalid", &["nothing", "receipt invalid"]),
        ("received", &["nothing", "received"]),
        ("received-again", &["nothing"]),
        ("refused", &["nothing"]),
        ("released", &["ready why"]),
        ("resend", &["nothing"]),
        ("response-closed", &["given", "nothing"]),
        ("response-taken", &["given", "nothing"]),
        ("send-now", &["ready why"]),
        ("sent", &["sent -"]),
        ("signed", &["signed"]),
        ("stamp-to-the-second", &["stamped"]),
    ];
    let said = said();
    let found: Vec<_> = said.keys().copied().collect();
    let known: Vec<_> = expected.iter().map(|(verb, _)| *verb).collect();
    assert_eq!(found, known, "each verb has its line here");
    for (verb, words) in expected {
        assert_eq!(said[verb], *words, "{verb}");
    }
}

/// Whether the content of a file in that state lies in the spool: it has left once it is delivered.
fn is_here(row: &Row) -> bool {
    let Some(file) = row.inbound() else {
        return true;
    };
    match file.state {
        InboundState::Delivered => false,
        InboundState::Rejected => file.path.is_none(),
        _ => true,
    }
}

/// As a rebuilt ledger can know it: whether an EFID left is asked of the partner in any case, and of a file that was not
/// renamed only its content tells.
fn as_rebuilt(row: &Row) -> String {
    let shown = shown(row);
    match row.state() {
        State::Outbound(_) => shown.replace('?', ""),
        State::Inbound(InboundState::Placing) => shown.replace("placing", "received"),
        State::Inbound(_) => shown,
    }
}

#[test]
fn a_ledger_rebuilt_from_what_a_row_is_has_the_row_where_it_is() {
    for row in rows() {
        let Some(record) = described(&row) else {
            assert_eq!(row.state(), InboundState::Receiving.into());
            continue;
        };
        let again = rebuilt(&record, is_here(&row), at(2000));
        assert_eq!(as_rebuilt(&again), as_rebuilt(&row));
        assert_eq!(beyond(&record, &row), None, "{}", shown(&row));
        // What was rebuilt once is rebuilt as the same.
        let twice = described(&again).unwrap();
        let twice = rebuilt(&twice, is_here(&again), at(2000));
        assert_eq!(twice, again, "{}", shown(&row));
    }
}

#[test]
fn what_a_verb_told_is_replayed_to_where_the_verb_led() {
    let mut replayed = 0;
    for (verb, _) in table() {
        for before in rows() {
            let mut after = before.clone();
            let told = match verb.apply(&mut after, at(1000)) {
                Ok(effect) => told(&*verb, &after, effect),
                Err(_) => continue,
            };
            let Some(mut record) = described(&before) else {
                continue;
            };
            // It is sealed before the verb.
            let plain = after.inbound().and_then(|file| file.plain.clone());
            record.entries.extend(plain.map(Entry::Plain));
            record.entries.extend(told);
            let mut meant = after.clone();
            // Nobody writes down that a receipt is late: its time starts over.
            if verb.name() == VerbName::Overdue
                && let Some(file) = meant.outbound_mut()
                && before.state() == OutboundState::Sent.into()
            {
                file.state = OutboundState::Sent;
            }
            let found = rebuilt(&record, is_here(&after), at(2000));
            let what = format!("{verb:?} on {}", shown(&before));
            assert_eq!(as_rebuilt(&found), as_rebuilt(&meant), "{what}");
            assert_eq!(found.header.key, after.header.key, "{what}");
            assert_eq!(beyond(&record, &after), None, "{what}");
            replayed += 1;
        }
    }
    assert!(replayed > 150, "{replayed}");
}

#[test]
fn a_file_that_is_queued_for_the_first_time_or_again_is_replayed_as_ready() {
    let file = NewFile {
        id: TransferId::new(),
        partner: "them".to_owned(),
        header: FileHeader::plain(key(), 7),
        octets: 7,
        digest: "d".to_owned(),
        layout: None,
        counts: oftp::Counts::default(),
        wire_hash: None,
        priority: NewFile::PRIORITY,
        labels: Vec::new(),
        note: Default::default(),
    };
    let first = queued(&file, at(1000));
    let again = queued_again(TransferId::new(), &file, at(1000));
    for (row, entry) in [first, again] {
        let record = Record {
            sidecar: Sidecar::outbound(&file),
            entries: vec![entry],
        };
        let found = rebuilt(&record, true, at(2000));
        assert_eq!(as_rebuilt(&found), as_rebuilt(&row));
        assert_eq!(shown(&row), "ready");
        assert_eq!(beyond(&record, &row), None);
    }
}

#[test]
fn the_first_line_of_a_sidecar_alone_leads_to_where_its_seal_led() {
    for (verb, _) in table() {
        if verb.name() != VerbName::Received {
            continue;
        }
        let [receiving, ..] = rows();
        let mut row = receiving;
        verb.apply(&mut row, at(1000)).unwrap();
        let record = described(&row).unwrap();
        let alone = Record {
            entries: Vec::new(),
            ..record
        };
        let found = rebuilt(&alone, true, at(2000));
        assert_eq!(shown(&found), shown(&row), "{verb:?}");
        assert_eq!(found.measure, row.measure);
        assert_eq!(found.labels, row.labels);
    }
}

/// A power cut takes the last lines, and half of the last of those that are left.
#[test]
fn wherever_a_sidecar_ends_it_leads_to_a_sound_row_that_knows_no_more_than_the_whole() {
    for row in rows() {
        let Some(record) = described(&row) else {
            continue;
        };
        let text = text_of(&record);
        let record = Record::parse(&text).unwrap();
        let whole = rebuilt(&record, is_here(&row), at(2000));
        let first = record.sidecar.line().unwrap().len();
        for end in 0..=text.len() {
            let Ok(cut) = Record::parse(&text[..end]) else {
                assert!(end < first, "{end} of {}", shown(&row));
                continue;
            };
            assert!(end + 1 >= first, "no sidecar without its first line");
            let lines = cut.entries.len();
            assert_eq!(cut.sidecar, record.sidecar);
            assert_eq!(
                cut.entries,
                record.entries[..lines],
                "a torn line is passed over"
            );
            let found = rebuilt(&cut, is_here(&row), at(2000));
            assert_eq!(
                super::table::audited(&found),
                None,
                "{end}: {}",
                shown(&found)
            );
            assert_eq!(beyond(&cut, &whole), None, "{end} of {}", shown(&row));
            if lines == record.entries.len() {
                assert_eq!(found, whole);
            }
        }
    }
}

fn text_of(record: &Record) -> Vec<u8> {
    let Record { sidecar, entries } = record;
    let mut text = Sidecar::line(sidecar).unwrap();
    for entry in entries {
        text.extend(entry.line().unwrap());
    }
    text
}

/// What a power cut took of a received file is decided again, never forgotten: it stays received, and owes what it owed.
#[test]
fn fewer_lines_make_a_more_careful_row() {
    for row in rows() {
        let Some(record) = described(&row) else {
            continue;
        };
        for left in 0..record.entries.len() {
            let fewer = Record {
                entries: record.entries[..left].to_vec(),
                sidecar: record.sidecar.clone(),
            };
            let found = rebuilt(&fewer, is_here(&row), at(2000));
            let what = format!("{left} lines of {}: {}", shown(&row), shown(&found));
            match (row.state(), found.state()) {
                (State::Inbound(_), State::Inbound(found)) => {
                    assert_ne!(found, InboundState::Receiving, "{what}");
                }
                (State::Outbound(was), State::Outbound(is)) => {
                    let is_asked = found.outbound().is_some_and(|file| file.in_doubt);
                    assert!(is_asked, "the partner is asked whether it has it: {what}");
                    // Nothing was queued that nobody was told about.
                    assert!(
                        is == was
                            || is == OutboundState::Parked
                            || is.is_unsent()
                            || is == OutboundState::Sent,
                        "{what}"
                    );
                }
                _ => panic!("it goes the other way: {what}"),
            }
        }
    }
}
