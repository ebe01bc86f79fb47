//! A lost ledger is rebuilt.

use std::time::Duration;

use oftp::Response;
use pointsman_store::{
    ContentKey, Direction, Files, InboundState, Ledger, LedgerError, Longest, Note, Offered,
    OutboundState, Quota, ReceiptState, Received, State, TransferId, Verdict, Work, rebuild,
};

use crate::partner::nerp;
use crate::yard::{Yard, everything, offer, open, sealed};

#[tokio::test]
async fn a_rebuilt_ledger_owes_what_was_owed_and_delivers_nothing_twice() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    let quota = Quota {
        policy: 1000,
        all: 1000,
    };
    let kept = yard.ledger.kv_set("policy", "k", vec![1], quota);
    kept.await.unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.left.is_empty(), "{rebuilt:?}");
    assert_eq!((rebuilt.inbound, rebuilt.outbound), (11, 7));
    yard.assert_clean().await;
    let expected: [(_, State, _); 18] = [
        ("received", InboundState::Received.into(), None),
        // Not renamed yet, so it is delivered again; renamed, so it is delivered.
        ("placing", InboundState::Received.into(), None),
        (
            "moved",
            InboundState::Delivered.into(),
            Some(ReceiptState::Owed),
        ),
        (
            "owed",
            InboundState::Delivered.into(),
            Some(ReceiptState::Owed),
        ),
        (
            "given",
            InboundState::Delivered.into(),
            Some(ReceiptState::Given),
        ),
        ("later", InboundState::Delivered.into(), None),
        (
            "decided",
            InboundState::Rejected.into(),
            Some(ReceiptState::Owed),
        ),
        (
            "refused",
            InboundState::Rejected.into(),
            Some(ReceiptState::Owed),
        ),
        ("opening", InboundState::Opening.into(), None),
        ("opened", InboundState::Received.into(), None),
        (
            "unopened",
            InboundState::Rejected.into(),
            Some(ReceiptState::Owed),
        ),
        ("ready", OutboundState::Ready.into(), None),
        ("held", OutboundState::Held.into(), None),
        ("parked", OutboundState::Parked.into(), None),
        ("cancelled", OutboundState::Cancelled.into(), None),
        ("SENT", OutboundState::Sent.into(), None),
        (
            "ACKED",
            OutboundState::Acknowledged.into(),
            Some(ReceiptState::Received),
        ),
        (
            "NERPED",
            OutboundState::Rejected.into(),
            Some(ReceiptState::Received),
        ),
    ];
    assert_eq!(expected.len(), ids.len());
    for (which, state, receipt) in expected {
        let found = yard.state(ids[which]).await;
        assert_eq!(found, (state, receipt), "{which}");
    }
    let undelivered: Vec<_> = yard.ledger.undelivered_after(None, 99).await.unwrap();
    assert_eq!(
        undelivered.iter().map(|file| file.id).collect::<Vec<_>>(),
        [ids["received"], ids["placing"], ids["opened"]]
    );
    for which in ["opening", "opened"] {
        let details = yard.ledger.details(ids[which]).await.unwrap().unwrap();
        assert_eq!(details.wire_hash.unwrap().octets(), [6; 32], "{which}");
        assert_eq!(details.plain.is_some(), which == "opened");
    }
    let row = yard.ledger.show(ids["given"]).await.unwrap().unwrap();
    assert_eq!(row.path.as_deref(), Some("in/GIVEN"));
    for dataset in ["GIVEN", "RECEIVED", "REFUSED"] {
        let again = yard.ledger.offer(offer(dataset)).await.unwrap();
        assert!(
            matches!(again, Offered::Duplicate(_)),
            "{dataset}: {again:?}"
        );
    }
    let claim = || {
        yard.ledger
            .claim("them", "node/S1", Longest::UNKNOWN, Files::Any)
    };
    let mut owed = Vec::new();
    while let Some(Work::Response(response)) = claim().await.unwrap() {
        owed.push((response.id, response.into_inner().response));
    }
    assert_eq!(owed.len(), 5);
    assert!(owed.contains(&(ids["decided"], Response::Negative(nerp("DECIDED")))));
    assert_eq!(
        yard.ledger.kv_get("policy", "k").await.unwrap(),
        Some(vec![1])
    );
    let quota = Quota {
        policy: 100,
        all: 1000,
    };
    let more = yard.ledger.kv_set("policy", "l", vec![1], quota).await;
    let told = more.unwrap_err().to_string();
    assert!(told.contains("keeps 72 octets"), "{told}");
    let events = yard.ledger.timeline(ids["owed"]).await.unwrap();
    assert_eq!(
        events.len(),
        5,
        "the old history and that it was rebuilt: {events:?}"
    );
    // An EFID may have left: an SFNA 13 is to be believed.
    let queue = yard.ledger.queue(None).await.unwrap();
    assert!(queue[0].in_doubt && queue[0].priority == 3);
}

#[tokio::test]
async fn without_the_lines_a_power_cut_takes_a_new_ledger_is_careful() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    for (part, keep) in [("sealed", 1), ("outgoing", 1)] {
        for entry in std::fs::read_dir(yard.file(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                let text = std::fs::read_to_string(&path).unwrap();
                let kept: Vec<&str> = text.lines().take(keep).collect();
                std::fs::write(&path, kept.join("\n")).unwrap();
            }
        }
    }
    std::fs::remove_file(yard.database()).unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(
        rebuilt.left.is_empty() && !rebuilt.kept_history,
        "{rebuilt:?}"
    );
    yard.assert_clean().await;
    let expected: [(_, State, _); 9] = [
        ("received", InboundState::Received.into(), None),
        (
            "given",
            InboundState::Delivered.into(),
            Some(ReceiptState::Owed),
        ),
        ("decided", InboundState::Delivered.into(), None),
        (
            "refused",
            InboundState::Rejected.into(),
            Some(ReceiptState::Owed),
        ),
        // Opened again; the decision to refuse it is made again too.
        ("opening", InboundState::Opening.into(), None),
        ("opened", InboundState::Opening.into(), None),
        ("unopened", InboundState::Opening.into(), None),
        // Nobody knows whether the partner has it: an operator decides.
        ("ready", OutboundState::Parked.into(), None),
        ("ACKED", OutboundState::Parked.into(), None),
    ];
    for (which, state, receipt) in expected {
        let found = yard.state(ids[which]).await;
        assert_eq!(found, (state, receipt), "{which}");
    }
}

#[tokio::test]
async fn what_a_crash_left_half_is_no_delivered_file() {
    let yard = Yard::new();
    // The sidecar was written, the blob not renamed.
    let early = yard.received("EARLY", Verdict::Positive).await;
    std::fs::rename(
        yard.file(&format!("sealed/{early}")),
        yard.file(&format!("incoming/{early}")),
    )
    .unwrap();
    let half = yard.offered("HALF").await;
    drop(yard.spool.partial(ContentKey::wire_received(half)).unwrap());
    let (yard, rebuilt) = yard.rebuilt();
    assert_eq!((rebuilt.inbound, rebuilt.partials), (0, 2), "{rebuilt:?}");
    yard.assert_clean().await;
    assert!(yard.spool.transfers().unwrap().is_empty());
    for dataset in ["EARLY", "HALF"] {
        let again = yard.ledger.offer(offer(dataset)).await.unwrap();
        assert!(matches!(again, Offered::New(_)), "it may come again");
    }
}

#[tokio::test]
async fn files_of_one_identity_are_rebuilt_as_they_were() {
    let yard = Yard::new();
    let refused = Verdict::Negative(Box::new(nerp("ORDER")));
    let first = yard.received("ORDER", refused).await;
    yard.ledger.response_taken(first).await.unwrap();
    let Offered::Another(second, edition) = yard.ledger.offer(offer("ORDER")).await.unwrap() else {
        panic!("the mended file is another one");
    };
    let received = yard.sealed_as(second, edition, "ORDER", Verdict::Positive);
    yard.ledger
        .received(&sealed(second, &received), received)
        .await
        .unwrap();
    yard.assert_clean().await;

    let (yard, rebuilt) = yard.rebuilt();
    assert_eq!((rebuilt.inbound, rebuilt.left.len()), (2, 0), "{rebuilt:?}");
    yard.assert_clean().await;
    let state = yard.state(first).await;
    let given = Some(ReceiptState::Given);
    assert_eq!(state, (InboundState::Rejected.into(), given));
    let again = yard.ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(second));

    // A sidecar that is written from the row says it, too.
    std::fs::remove_file(yard.file(&format!("sealed/{second}.jsonl"))).unwrap();
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 1);
    yard.assert_clean().await;
    yard.sql("UPDATE transfers SET edition = 7 WHERE edition = 1");
    let kinds = vec!["row-changed", "sidecar-differs"];
    assert_eq!(yard.wrong().await, (second, kinds));
}

#[tokio::test]
async fn damaged_content_is_neither_delivered_nor_sent_and_says_so() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    for (which, part) in [("received", "sealed"), ("ready", "outgoing")] {
        let path = yard.file(&format!("{part}/{}", ids[which]));
        std::fs::write(path, "Content").unwrap();
    }
    let twin = ids["owed"].to_string();
    let other = TransferId::new().to_string();
    let text = std::fs::read_to_string(yard.file(&format!("sealed/{twin}.jsonl"))).unwrap();
    std::fs::write(
        yard.file(&format!("sealed/{other}.jsonl")),
        text.replace(&twin, &other),
    )
    .unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    let left: Vec<String> = rebuilt
        .left
        .iter()
        .map(|left| left.id.to_string())
        .collect();
    assert_eq!(left.len(), 3, "{rebuilt:?}");
    assert!(left.contains(&other), "two files of one identity: {left:?}");
    let known = |id| yard.ledger.show(id);
    assert!(known(ids["received"]).await.unwrap().is_none());
    assert!(
        known(ids["owed"]).await.unwrap().is_some(),
        "the older one stays"
    );
    let audited = yard.audit().await;
    assert_eq!(
        audited.discrepancies().count(),
        3,
        "{:#?}",
        audited.findings
    );
}

#[tokio::test]
async fn a_damaged_ledger_is_put_aside_and_one_in_use_is_left_alone() {
    let yard = Yard::new();
    let id = yard.delivered("ORDER", Verdict::Positive).await;
    let refused = rebuild(&yard.database(), &yard.spool);
    assert!(matches!(refused, Err(LedgerError::InUse(_))), "{refused:?}");
    assert_eq!(
        yard.state(id).await.0,
        InboundState::Delivered.into(),
        "and nothing changed"
    );

    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.kept_history && rebuilt.aside.unwrap().exists());
    std::fs::remove_file(yard.folder.path().join("ledger.db-wal")).ok();
    let (yard, _) = {
        let mut yard = yard;
        yard.ledger = open(&yard.spare(), &yard.spool);
        std::thread::sleep(Duration::from_millis(200));
        std::fs::write(yard.database(), vec![7; 9000]).unwrap();
        yard.rebuilt()
    };
    assert_eq!(yard.state(id).await.0, InboundState::Delivered.into());
}

#[tokio::test]
async fn rows_older_than_sidecars_get_theirs() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    let mut before = Vec::new();
    for part in ["sealed", "outgoing"] {
        for entry in std::fs::read_dir(yard.file(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
    for which in ids.keys() {
        before.push(yard.state(ids[which]).await);
    }
    assert!(!yard.audit().await.is_clean());
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 18);
    assert_eq!(yard.ledger.describe(&yard.spool).await.unwrap(), 0);
    yard.assert_clean().await;
    std::fs::remove_file(yard.database()).unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.left.is_empty(), "{rebuilt:?}");
    for (which, state) in ids.keys().zip(before) {
        let found = yard.state(ids[which]).await;
        let moved = matches!(*which, "placing" | "moved");
        assert!(found == state || moved, "{which}: {found:?}, was {state:?}");
    }
}

#[tokio::test]
async fn what_led_to_decisions_comes_over_from_the_old_ledger() {
    let yard = Yard::new();
    let id = yard.offered("ORDER").await;
    let data = r#"{"hook":"end-transfer"}"#;
    let received = Received {
        note: Note {
            text: "yes".to_owned(),
            data: Some(data.to_owned()),
        },
        ..yard.sealed(id, "ORDER", Verdict::Positive)
    };
    yard.ledger
        .received(&sealed(id, &received), received)
        .await
        .unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.kept_history);
    let history = yard.ledger.timeline(id).await.unwrap();
    let kept = history.iter().find(|line| line.event == "received");
    assert_eq!(kept.unwrap().data.as_deref(), Some(data));
}

#[tokio::test]
async fn what_was_not_kept_of_a_refused_file_is_not_missed_when_the_ledger_is_lost() {
    for keeps_old in [true, false] {
        let yard = Yard::new();
        let id = yard.offered("ORDER").await;
        let refused = Received {
            removal: Some("deleted"),
            ..yard.sealed(id, "ORDER", Verdict::Negative(Box::new(nerp("ORDER"))))
        };
        let sealed = sealed(id, &refused);
        yard.ledger.received(&sealed, refused).await.unwrap();
        yard.spool.discard_contents(Direction::Inbound, id).unwrap();
        assert!(yard.audit().await.findings.is_empty());
        let (yard, _) = match keeps_old {
            true => yard.rebuilt(),
            false => {
                std::fs::remove_file(yard.database()).unwrap();
                yard.rebuilt()
            }
        };
        assert_eq!(yard.state(id).await.0, InboundState::Rejected.into());
        let audited = yard.audit().await;
        assert!(audited.findings.is_empty(), "{:#?}", audited.findings);
    }
}

#[tokio::test]
async fn a_file_that_is_sent_again_is_ready_in_a_rebuilt_ledger() {
    let yard = Yard::new();
    let old = yard.queued("ORDER").await;
    yard.ledger.in_doubt(old).await.unwrap();
    yard.ledger.sent(old, "EFPA").await.unwrap();
    let file = yard.imported("AGAIN");
    let new = file.id;
    yard.ledger.resend(old, file).await.unwrap();
    let audited = yard.audit().await;
    assert!(audited.findings.is_empty(), "{:#?}", audited.findings);
    let (yard, _) = yard.rebuilt();
    for (id, state) in [(old, OutboundState::Sent), (new, OutboundState::Ready)] {
        assert_eq!(yard.state(id).await.0, state.into());
    }
}

#[tokio::test]
async fn an_audit_names_a_queued_file_whose_sidecar_has_no_state() {
    let yard = Yard::new();
    let id = yard.queued("ORDER").await;
    let path = yard.file("outgoing").join(format!("{id}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    let first = text.lines().next().unwrap();
    std::fs::write(&path, format!("{first}\n")).unwrap();
    let audited = yard.audit().await;
    assert!(audited.is_clean(), "a crash may have come before the entry");
    let named = audited.findings.iter();
    let named: Vec<_> = named.map(|finding| (finding.id, finding.kind)).collect();
    assert_eq!(named, [(Some(id), "sidecar-without-state")]);
}
