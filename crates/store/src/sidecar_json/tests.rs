//! What is written is read again.

use std::time::Duration;

use oftp::{Eerp, Nerp, NerpReason, Response};

use super::*;
use crate::samples::key;
use crate::transfer::TransferId;
use crate::verdict::Verdict;
use crate::wire_hash::WireHashAlgorithm;

fn eerp() -> Response {
    Response::Positive(Eerp {
        key: key(),
        user: UserData::from_wire(b"user").unwrap(),
        hash: vec![1, 2],
        signature: vec![3],
    })
}

fn nerp() -> Nerp {
    Nerp {
        key: key(),
        creator: OdetteId::new("OUS").unwrap(),
        reason: NerpReason::from_code(34),
        text: "no good".to_owned(),
        hash: vec![4],
        signature: Vec::new(),
    }
}

fn sidecar(way: Way) -> Sidecar {
    let mut header = FileHeader::plain(key(), 4711);
    header.description = "an order, \"quoted\"\nand broken".to_owned();
    header.compressed = true;
    Sidecar {
        id: TransferId::new(),
        partner: "them".to_owned(),
        header,
        edition: 2,
        measure: Measure {
            octets: 4711,
            digest: "d".to_owned(),
        },
        wire_hash: None,
        session: "S".to_owned(),
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        labels: vec![("a".to_owned(), String::new())],
        way,
    }
}

fn received(verdict: impl Into<Option<Verdict>>) -> Sidecar {
    let target = Target {
        directory: "them/in".to_owned(),
        file_name: "ORDERS".to_owned(),
        overwrite: true,
    };
    sidecar(Way::Inbound {
        target,
        verdict: verdict.into(),
    })
}

fn to_send() -> Sidecar {
    sidecar(Way::Outbound {
        priority: 7,
        layout: None,
        counts: Counts {
            records: 0,
            octets: 4711,
        },
    })
}

fn wire_hash() -> Option<WireHash> {
    WireHash::new(WireHashAlgorithm::Sha512, vec![7; 64])
}

fn entries() -> Vec<Entry> {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_456);
    let mut entries = vec![
        Entry::Received,
        Entry::Placing("them/in/ORDERS".to_owned()),
        Entry::Decided(Verdict::Positive),
        Entry::Decided(Verdict::Negative(Box::new(nerp()))),
        Entry::Decided(Verdict::Later(Some(at))),
        Entry::Decided(Verdict::Later(None)),
        Entry::Decided(Verdict::HandOver(at)),
        Entry::Forwarded(eerp()),
        Entry::Forwarded(Response::Negative(nerp())),
        Entry::Signed(eerp()),
        Entry::Signed(Response::Negative(nerp())),
        Entry::Given,
        Entry::Stamped(FileStamp::from_wire(b"20261130", b"0000000000").unwrap()),
        Entry::InDoubt(true),
        Entry::InDoubt(false),
        Entry::Answered(eerp()),
        Entry::ReceiptInvalid("its signature is wrong".to_owned()),
        Entry::Plain(Measure {
            octets: 5,
            digest: "e".to_owned(),
        }),
    ];
    entries.extend(wire_hash().map(Entry::Hashed));
    entries.push(Entry::ContentKey([0xA5; 32]));
    for verdict in [Verdict::Positive, Verdict::Negative(Box::new(nerp()))] {
        for wire_hash in [None, wire_hash()] {
            entries.push(Entry::Opened {
                target: Target {
                    directory: String::new(),
                    file_name: "ORDERS".to_owned(),
                    overwrite: false,
                },
                verdict: verdict.clone(),
                labels: vec![("a".to_owned(), "b".to_owned())],
                found: Note {
                    text: wire_hash.iter().map(|_| "signed").collect(),
                    data: wire_hash.as_ref().map(|_| "{}".to_owned()),
                },
                wire_hash,
            });
        }
    }
    for state in OutboundState::ALL {
        entries.push(Entry::State(*state, None));
        entries.push(Entry::State(*state, Some("why".to_owned())));
    }
    entries
}

fn written(sidecar: &Sidecar, entries: &[Entry]) -> Vec<u8> {
    let mut text = sidecar.line().unwrap();
    for entry in entries {
        text.extend(entry.line().unwrap());
    }
    text
}

#[test]
fn every_sidecar_is_read_as_it_was_written() {
    let later = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_789);
    let sidecars = [
        received(Verdict::Positive),
        received(Verdict::Negative(Box::new(nerp()))),
        received(Verdict::Later(None)),
        received(Verdict::HandOver(later)),
        received(None),
        Sidecar {
            wire_hash: wire_hash(),
            ..received(None)
        },
        to_send(),
    ];
    for sidecar in sidecars {
        let read = Record::parse(&written(&sidecar, &[])).unwrap();
        assert_eq!(read.sidecar, sidecar);
        assert_eq!(read.entries, []);
    }
}

#[test]
fn every_entry_is_read_as_it_was_written() {
    let entries = entries();
    let read = Record::parse(&written(&to_send(), &entries)).unwrap();
    assert_eq!(read.entries, entries);
}

#[test]
fn a_line_is_one_line_whatever_is_in_it() {
    let line = to_send().line().unwrap();
    let ends = line.iter().filter(|octet| **octet == b'\n');
    assert_eq!(ends.count(), 1);
    assert_eq!(line.last(), Some(&b'\n'));
}

#[test]
fn wherever_an_append_was_torn_the_other_lines_are_read() {
    let entries = [Entry::Given, Entry::InDoubt(true)];
    let whole = written(&to_send(), &entries);
    let first = to_send().line().unwrap().len();
    let last = whole.len() - entries[1].line().unwrap().len();
    for length in last + 1..whole.len() - 1 {
        let read = Record::parse(&whole[..length]).unwrap();
        assert_eq!(
            read.entries,
            entries[..1],
            "{length} of {} octets",
            whole.len()
        );
    }
    for length in 0..first - 1 {
        assert!(Record::parse(&whole[..length]).is_err());
    }
}

#[test]
fn what_a_newer_program_wrote_is_not_read() {
    let line = String::from_utf8(to_send().line().unwrap()).unwrap();
    let newer = line.replace("\"version\":1", "\"version\":2");
    let read = Record::parse(newer.as_bytes());
    assert!(matches!(read, Err(SidecarError::TooNew(2))));
    // An entry that it does not know is passed over.
    let mut text = line.into_bytes();
    text.extend(b"{\"at\":1,\"event\":\"unheard-of\"}\n{\"at\":2,\"event\":\"given\"}\n");
    assert_eq!(Record::parse(&text).unwrap().entries, [Entry::Given]);
}

#[test]
fn what_an_older_program_wrote_lacks_what_is_newer() {
    let line = String::from_utf8(to_send().line().unwrap()).unwrap();
    assert!(
        !line.contains("hash"),
        "nothing where there is none: {line}"
    );
    let older = line
        .replace("\"edition\":2,", "")
        .replace(",\"labels\":[[\"a\",\"\"]]", "");
    assert_ne!(older, line);
    let read = Record::parse(older.as_bytes()).unwrap().sidecar;
    assert_eq!((read.edition, read.labels.len()), (0, 0));
}

#[test]
fn that_a_file_is_to_be_opened_is_said_and_is_no_decision() {
    let line = String::from_utf8(received(None).line().unwrap()).unwrap();
    assert!(line.contains("\"verdict\":\"opening\""), "{line}");
    // A program that does not know the word must not take it for anything else.
    let unknown = line.replace("\"opening\"", "\"unheard-of\"");
    assert!(Record::parse(unknown.as_bytes()).is_err());
    // As a later decision it has no meaning.
    let mut text = line.into_bytes();
    text.extend(b"{\"at\":1,\"event\":\"decided\",\"verdict\":\"opening\"}\n");
    let target = r#"{"directory":"","file_name":"F","overwrite":false}"#;
    text.extend(
        format!("{{\"at\":1,\"event\":\"opened\",\"target\":{target},\"verdict\":\"opening\",\"labels\":[]}}\n")
            .into_bytes(),
    );
    let record = Record::parse(&text).unwrap();
    assert!(record.entries.is_empty(), "{record:?}");
    assert!(matches!(
        record.sidecar.way,
        Way::Inbound { verdict: None, .. }
    ));
}
