//! Each damage is named.

use std::collections::BTreeSet;

use oftp::{Position, Positions, PositionsFinder};
use pointsman_store::{
    Acknowledgement, ContentKey, Direction, Entry, KeptPositions, Ledger, Measure, OutboundState,
    TransferId, Verdict, Weight,
};

use crate::partner::eerp;
use crate::yard::{Yard, at, everything};

#[tokio::test]
async fn a_store_in_every_state_is_clean_and_the_audit_changes_nothing() {
    let yard = Yard::new();
    everything(&yard).await;
    let half = yard.offered("HALF").await;
    let mut writer = yard
        .spool
        .partial(ContentKey::wire_received(half))
        .unwrap()
        .resume(0)
        .unwrap();
    writer.append(b"some").unwrap();
    let synced = writer.sync().unwrap();
    yard.ledger.checkpoint(half, at(synced)).await.unwrap();
    drop(writer);
    let before = yard.spool.transfers().unwrap();
    let audited = yard.audit().await;
    assert!(audited.is_clean(), "{:#?}", audited.findings);
    assert_eq!((audited.transfers, audited.owed), (19, 4));
    assert_eq!(yard.spool.transfers().unwrap(), before);
}

/// A file of [`everything`], the kinds of the findings, and what is done to the file.
type Damage = (&'static str, &'static [&'static str], fn(&Yard, TransferId));

#[tokio::test]
async fn every_damage_is_named_with_its_transfer_its_file_and_what_to_do() {
    let damage: &[Damage] = &[
        ("received", &["content-missing"], |yard, id| {
            std::fs::remove_file(yard.file(&format!("sealed/{id}"))).unwrap();
        }),
        ("received", &["content-size"], |yard, id| {
            std::fs::write(yard.file(&format!("sealed/{id}")), "conten").unwrap();
        }),
        ("refused", &["content-digest"], |yard, id| {
            std::fs::write(yard.file(&format!("sealed/{id}")), "Content").unwrap();
        }),
        ("ready", &["content-digest"], |yard, id| {
            std::fs::write(yard.file(&format!("outgoing/{id}")), "Content").unwrap();
        }),
        ("SENT", &["content-missing"], |yard, id| {
            std::fs::remove_file(yard.file(&format!("outgoing/{id}"))).unwrap();
        }),
        ("owed", &["delivered-still-sealed"], |yard, id| {
            std::fs::write(yard.file(&format!("sealed/{id}")), "content").unwrap();
        }),
        ("owed", &["row-without-sidecar"], |yard, id| {
            std::fs::remove_file(yard.file(&format!("sealed/{id}.jsonl"))).unwrap();
        }),
        ("ready", &["sidecar-unreadable"], |yard, id| {
            std::fs::write(yard.file(&format!("outgoing/{id}.jsonl")), [0; 512]).unwrap();
        }),
        ("given", &["row-changed", "sidecar-differs"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET digest = 'd' WHERE id = '{id}'"
            ));
        }),
        ("owed", &["receipt"], |yard, id| {
            yard.sql(&format!("DELETE FROM receipts WHERE transfer = '{id}'"));
        }),
        ("owed", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET receipt_later = 1 WHERE id = '{id}'"
            ));
        }),
        ("later", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET receipt_later = 0 WHERE id = '{id}'"
            ));
        }),
        ("owed", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE receipts SET partner = 'x' WHERE transfer = '{id}'"
            ));
        }),
        ("ACKED", &["receipt"], |yard, id| {
            yard.sql(&format!("DELETE FROM receipts WHERE transfer = '{id}'"));
        }),
        ("ACKED", &["row-changed", "receipt"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET state = 'sent' WHERE id = '{id}'"
            ));
        }),
        ("ready", &["row-changed", "state"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET state = 'x' WHERE id = '{id}'"
            ));
        }),
        ("ready", &["sidecar-without-row"], |yard, id| {
            yard.sql(&format!("DELETE FROM transfers WHERE id = '{id}'"));
        }),
        ("placing", &["row-changed", "row-behind"], |yard, id| {
            yard.sql(&format!(
                "UPDATE transfers SET state = 'receiving' WHERE id = '{id}'"
            ));
        }),
    ];
    let original = Yard::new();
    let ids = everything(&original).await;
    let mut tests = Vec::new();
    for (which, kinds, harm) in damage {
        let (yard, id) = (original.twin(), ids[which]);
        tests.push(tokio::spawn(async move {
            harm(&yard, id);
            assert_eq!(yard.wrong().await, (id, kinds.to_vec()), "{which}");
        }));
    }
    for test in tests {
        test.await.unwrap();
    }
}

#[tokio::test]
async fn positions_of_records_are_those_that_were_noted_or_none_and_cost_nobody_the_file() {
    let yard = Yard::new();
    let file = yard.imported("POSITIONS");
    let mut finder = PositionsFinder::default();
    for records in 1..=50_000 {
        let octets = 100 * records;
        finder.record_ended(Position { octets, records });
    }
    let noted = finder.found();
    let measure = |digest: &str| Measure {
        octets: file.octets,
        digest: digest.to_owned(),
    };
    let id = file.id;
    yard.spool
        .keep_positions(id, &measure(&file.digest), &noted);
    assert_eq!(yard.spool.positions(id), noted);
    yard.ledger.enqueue(file.clone()).await.unwrap();
    yard.assert_clean().await;
    let (yard, rebuilt) = yard.rebuilt();
    assert_eq!(rebuilt.outbound, 1);
    assert_eq!(yard.spool.positions(id), noted, "they are no part of a row");
    yard.assert_clean().await;

    // One digit of one of them.
    let path = yard.file(&format!("outgoing/{id}.jsonl"));
    let sidecar = std::fs::read_to_string(&path).unwrap();
    let (octets, records) = (noted.points()[1].octets, noted.points()[1].records);
    let rotten = sidecar.replace(
        &format!("[{octets},{records}]"),
        &format!("[{octets},{}]", records + 1),
    );
    assert_ne!(rotten, sidecar);
    std::fs::write(&path, rotten).unwrap();
    assert_eq!(yard.spool.positions(id), Positions::default());
    assert_eq!(yard.wrong().await, (id, vec!["positions-damaged"]));

    // What the audit says to do about it.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 1);
    assert_eq!(yard.spool.positions(id), Positions::default());
    yard.assert_clean().await;

    // Those of another content.
    let other = Entry::Positions(KeptPositions::new(&noted, &measure("another")));
    yard.spool.append(Direction::Outbound, id, &other).unwrap();
    assert_eq!(yard.spool.positions(id), Positions::default());
}

#[tokio::test]
async fn blobs_that_nobody_knows_are_named_too() {
    let yard = Yard::new();
    let id = TransferId::new();
    std::fs::write(yard.file(&format!("sealed/{id}")), "x").unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["blob-without-row"]));
    std::fs::remove_file(yard.file(&format!("sealed/{id}"))).unwrap();
    let id = yard.imported("NEVER").id;
    assert_eq!(yard.wrong().await, (id, vec!["never-queued"]));
}

#[tokio::test]
async fn a_blob_that_the_next_server_queues_is_no_damage_and_one_whose_row_was_lost_is() {
    let yard = Yard::new();
    let (begun, lost) = (yard.imported("BEGUN"), yard.imported("LOST"));
    // It was queued once, so its sidecar says so: the ledger is an older one.
    let ready = Entry::State(OutboundState::Ready, None);
    yard.spool
        .append(Direction::Outbound, lost.id, &ready)
        .unwrap();
    let to_be_queued = BTreeSet::from([begun.id, lost.id]);
    let audited = yard.audit_where(to_be_queued).await;
    let kinds: Vec<_> = audited
        .findings
        .iter()
        .map(|found| (found.id.unwrap(), found.kind, found.weight))
        .collect();
    assert_eq!(
        kinds,
        [
            (begun.id, "to-be-queued", Weight::Note),
            (lost.id, "sidecar-without-row", Weight::Discrepancy)
        ]
    );
}

#[tokio::test]
async fn a_partial_shorter_than_its_checkpoint_is_named() {
    let yard = Yard::new();
    let id = yard.offered("HALF").await;
    yard.ledger.checkpoint(id, at(4096)).await.unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["partial-short"]));
    std::fs::write(yard.file(&format!("incoming/{id}")), [0; 4095]).unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["partial-short"]));
    std::fs::write(yard.file(&format!("incoming/{id}")), [0; 4097]).unwrap();
    yard.assert_clean().await;
}

#[tokio::test]
async fn what_the_next_start_mends_or_a_reader_took_is_a_note() {
    let yard = Yard::new();
    let id = yard.offered("CRASH").await;
    yard.sealed(id, "CRASH", Verdict::Positive);
    let orphan = TransferId::new();
    std::fs::write(yard.file(&format!("incoming/{orphan}")), "x").unwrap();
    let taken = yard.delivered("TAKEN", Verdict::Positive).await;
    std::fs::remove_file(yard.inbox().join("in/TAKEN")).unwrap();
    let changed = yard.delivered("CHANGED", Verdict::Positive).await;
    std::fs::write(yard.inbox().join("in/CHANGED"), "").unwrap();
    let audited = yard.audit().await;
    let mut notes: Vec<_> = audited
        .findings
        .iter()
        .map(|finding| (finding.id.unwrap(), finding.kind, finding.weight))
        .collect();
    notes.sort_by_key(|(_, kind, _)| *kind);
    assert_eq!(
        notes,
        [
            (changed, "delivered-changed", Weight::Note),
            (taken, "delivered-taken", Weight::Note),
            (orphan, "partial-without-row", Weight::Note),
            (id, "sealed-uncommitted", Weight::Note),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beside_a_server_at_work_only_settled_things_are_told() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    const FILES: u64 = 150;
    let (yard, done) = (Arc::new(Yard::new()), Arc::new(AtomicU64::new(0)));
    let work: Vec<_> = (0..3)
        .map(|worker| {
            let (yard, done) = (yard.clone(), done.clone());
            tokio::spawn(async move {
                while done.load(Ordering::Relaxed) < FILES {
                    let name = format!("W{worker}.{}", done.fetch_add(1, Ordering::Relaxed));
                    let id = yard.delivered(&name, Verdict::Positive).await;
                    yard.ledger.response_taken(id).await.unwrap();
                    let id = yard.queued(&name).await;
                    yard.ledger.sent(id, "EFPA").await.unwrap();
                    let answer = yard.ledger.acknowledged("them", &eerp(&name), "").await;
                    assert_eq!(*answer.unwrap(), Acknowledgement::Recorded(id));
                }
            })
        })
        .collect();
    let mut audits = 0;
    while work.iter().any(|worker| !worker.is_finished()) {
        yard.assert_clean().await;
        audits += 1;
    }
    for worker in work {
        worker.await.unwrap();
    }
    assert!(audits > 0);
    println!("{audits} audits beside {FILES} files each way");
    // And it is not blind: what stays wrong beside a server is told.
    let id = yard.queued("LAST").await;
    std::fs::remove_file(yard.file(&format!("outgoing/{id}"))).unwrap();
    assert_eq!(yard.wrong().await, (id, vec!["content-missing"]));
}
