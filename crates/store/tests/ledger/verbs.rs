//! Each verb: where it leads, again and again, and from where it does not.

use std::time::SystemTime;

use oftp::{Counts, RecordLayout, Response};
use pointsman_store::{
    Acknowledgement, InboundState, Ledger, LedgerError, Note, Offer, Offered, Opened, ReceiptState,
    Received, TransferId, Verdict, Work,
};

use crate::books::{
    BackEnd, Books, Sqlite, at, eerp, key, nerp, offer, opened, plain, received, received_secured,
    sealed, sealed_plain, to_send,
};

stories! {
    sqlite: Sqlite;
    a_received_file_owes_its_receipt_when_it_is_delivered_and_not_before,
    every_verb_repeated_changes_nothing,
    a_verb_that_does_not_lead_on_is_refused_and_changes_nothing,
    records_are_counted_where_they_were_kept_the_same_way,
    a_hundred_verbs_at_once_are_a_hundred_rows,
    what_a_partner_says_again_and_again_does_not_fill_the_history,
    what_led_to_a_decision_is_kept_beside_its_sentence,
    a_secured_file_is_opened_before_it_is_delivered_and_its_question_is_about_what_was_in_it,
}

async fn a_received_file_owes_its_receipt_when_it_is_delivered_and_not_before<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    assert!(books.claim().await.is_none());
    books
        .ledger
        .received(&sealed(id), received(Verdict::Positive))
        .await
        .unwrap();
    assert!(books.claim().await.is_none(), "received is not delivered");
    books.ledger.placing(id, "in/ORDER").await.unwrap();
    assert!(books.claim().await.is_none());
    books.ledger.delivered(id).await.unwrap();
    let Some(Work::Response(owed)) = books.claim().await else {
        panic!("a receipt is owed")
    };
    assert_eq!((owed.id, owed.response.key()), (id, &key("ORDER")));
    assert!(books.claim().await.is_none(), "it is leased");
    books.ledger.response_taken(id).await.unwrap();
    assert_eq!(
        books.ledger.show(id).await.unwrap().unwrap().receipt,
        Some(ReceiptState::Given)
    );
    let events: Vec<String> = books
        .ledger
        .timeline(id)
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.event)
        .collect();
    assert_eq!(
        events,
        [
            "offered",
            "received",
            "placing",
            "delivered",
            "response-taken"
        ]
    );
}

async fn every_verb_repeated_changes_nothing<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    for _ in 0..2 {
        books.ledger.checkpoint(id, at(4096, 0)).await.unwrap();
    }
    for _ in 0..2 {
        books
            .ledger
            .received(&sealed(id), received(Verdict::Positive))
            .await
            .unwrap();
    }
    for _ in 0..2 {
        books.ledger.placing(id, "in/ORDER").await.unwrap();
    }
    for _ in 0..2 {
        books.ledger.delivered(id).await.unwrap();
    }
    let told = books.ledger.timeline(id).await.unwrap();
    let told: Vec<_> = told.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(told, ["offered", "received", "placing", "delivered"]);
    assert!(books.claim().await.is_some());
    for _ in 0..2 {
        books.ledger.response_taken(id).await.unwrap();
    }
    assert!(books.claim().await.is_none(), "one file, one receipt");

    let out = books.queued_file("INVOIC").await;
    for _ in 0..2 {
        books.ledger.sent(out, "EFPA").await.unwrap();
    }
    let first = books
        .ledger
        .acknowledged("them", &eerp("INVOIC"), "")
        .await
        .unwrap();
    let again = books
        .ledger
        .acknowledged("them", &eerp("INVOIC"), "")
        .await
        .unwrap();
    assert_eq!(
        (first.into_inner(), again.into_inner()),
        (
            Acknowledgement::Recorded(out),
            Acknowledgement::Repeated(out)
        )
    );
}

async fn a_verb_that_does_not_lead_on_is_refused_and_changes_nothing<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    let refused = books.ledger.delivered(id).await;
    assert!(
        matches!(refused, Err(LedgerError::WrongState { .. })),
        "{refused:?}"
    );
    assert_eq!(books.state(id).await, InboundState::Receiving.into());
    let nobody = books.ledger.placing(TransferId::new(), "x").await;
    assert!(
        matches!(nobody, Err(LedgerError::NotFound(_))),
        "{nobody:?}"
    );
}

async fn records_are_counted_where_they_were_kept_the_same_way<B: BackEnd>() {
    let books = Books::<B>::new();
    let lines = Offer {
        layout: Some(RecordLayout::Lines),
        ..offer("RECORDS")
    };
    let Offered::New(id) = books.ledger.offer(lines.clone()).await.unwrap() else {
        panic!("it is new");
    };
    books.ledger.checkpoint(id, at(820, 10)).await.unwrap();
    let again = books.ledger.offer(lines.clone()).await.unwrap();
    assert_eq!(again, Offered::Again(id));
    assert_eq!(books.position(id, lines).await, at(820, 10));
    let prefixed = Offer {
        layout: Some(RecordLayout::LengthPrefixed),
        ..offer("RECORDS")
    };
    let again = books.ledger.offer(prefixed.clone()).await.unwrap();
    assert_eq!(again, Offered::Again(id));
    let position = books.position(id, prefixed.clone()).await;
    assert_eq!(position, at(0, 0), "kept another way");
    books
        .ledger
        .begin(id, prefixed.clone(), at(0, 0))
        .await
        .unwrap();
    books.ledger.checkpoint(id, at(164, 2)).await.unwrap();
    let position = books.position(id, prefixed).await;
    assert_eq!(position, at(164, 2), "what begin said holds");

    let sent = TransferId::new();
    let mut file = to_send(sent, "SENT");
    file.layout = Some(RecordLayout::Lines);
    file.counts = Counts {
        records: 7,
        octets: 4986,
    };
    let counts = file.counts;
    books.ledger.enqueue(file).await.unwrap();
    let waiting = books.ledger.outbound("them", 9).await.unwrap();
    assert_eq!(waiting[0].layout, Some(RecordLayout::Lines));
    assert_eq!(waiting[0].counts, counts);
}

async fn a_hundred_verbs_at_once_are_a_hundred_rows<B: BackEnd>() {
    let books = Books::<B>::new();
    let offers = (0..100).map(|number| {
        let ledger = books.ledger.clone();
        tokio::spawn(async move { ledger.offer(offer(&format!("F{number}"))).await })
    });
    for offered in offers.collect::<Vec<_>>() {
        assert!(matches!(offered.await.unwrap().unwrap(), Offered::New(_)));
    }
    assert_eq!(books.ledger.list(1000).await.unwrap().len(), 100);
}

async fn what_a_partner_says_again_and_again_does_not_fill_the_history<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.queued_file("ORDER").await;
    books.ledger.in_doubt(id).await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    let eerp = eerp("ORDER");
    books.ledger.acknowledged("them", &eerp, "").await.unwrap();
    let mut contrary = nerp("ORDER");
    let received = books.delivered_file("CAME", Verdict::Positive).await;
    for time in 0..200 {
        // Another text each time.
        contrary.text = format!("no good, for the {time}th time");
        let contrary = Response::Negative(contrary.clone());
        let again = books.ledger.acknowledged("them", &contrary, "").await;
        assert_eq!(*again.unwrap(), Acknowledgement::Repeated(id));
        let again = books.ledger.offer(offer("CAME")).await.unwrap();
        assert_eq!(again, Offered::Duplicate(received));
    }
    for id in [id, received] {
        let history = books.ledger.timeline(id).await.unwrap();
        assert!((40..70).contains(&history.len()), "{}", history.len());
        let last = &history.last().unwrap().detail;
        assert!(last.ends_with("is not written down any more"), "{last}");
    }
}

async fn what_led_to_a_decision_is_kept_beside_its_sentence<B: BackEnd>() {
    let note = |text: &str, data: &str| Note {
        text: text.to_owned(),
        data: Some(data.to_owned()),
    };
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let offered = Offer {
        note: note("taken", r#"{"hook":"accept-file"}"#),
        ..offer("ORDER")
    };
    let Offered::New(id) = ledger.offer(offered).await.unwrap() else {
        panic!("it is new");
    };
    let later = Received {
        note: note("later", r#"{"hook":"end-transfer"}"#),
        ..received(Verdict::Later(Some(SystemTime::now())))
    };
    ledger.received(&sealed(id), later).await.unwrap();
    ledger.placing(id, "in/ORDER").await.unwrap();
    ledger.delivered(id).await.unwrap();
    let why = note("yes", r#"{"hook":"end-transfer","asked":1}"#);
    assert!(ledger.decided(id, Verdict::Positive, why).await.unwrap());
    let kept: Vec<_> = ledger.timeline(id).await.unwrap();
    let kept: Vec<_> = kept
        .iter()
        .map(|line| (line.event.as_str(), line.data.as_deref()))
        .collect();
    assert_eq!(
        kept,
        [
            ("offered", Some(r#"{"hook":"accept-file"}"#)),
            ("received", Some(r#"{"hook":"end-transfer"}"#)),
            ("placing", None),
            ("delivered", None),
            ("decided", Some(r#"{"hook":"end-transfer","asked":1}"#)),
        ]
    );
}

async fn a_secured_file_is_opened_before_it_is_delivered_and_its_question_is_about_what_was_in_it<
    B: BackEnd,
>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let (first, second) = (
        books.new_file("FIRST").await,
        books.new_file("SECOND").await,
    );
    for id in [second, first] {
        let sealed = sealed(id);
        let stored = ledger.received(&sealed, received_secured());
        assert_eq!(stored.await.unwrap().into_inner().0, id);
    }
    let waiting = ledger.unopened_after(None, 99).await.unwrap();
    let waiting: Vec<_> = waiting.iter().map(|file| file.id).collect();
    assert_eq!(waiting, [first, second], "the oldest first");
    for (after, most, meant) in [
        (None, 9, &waiting[..]),
        (None, 1, &waiting[..1]),
        (Some(first), 9, &waiting[1..]),
        (Some(second), 9, &[]),
    ] {
        let page = ledger.unopened_after(after, most).await.unwrap();
        let page: Vec<_> = page.iter().map(|file| file.id).collect();
        assert_eq!(page, meant, "{after:?}, {most}");
    }
    assert!(ledger.undelivered_after(None, 99).await.unwrap().is_empty());
    assert!(books.claim().await.is_none(), "no receipt is owed");
    let found = Note {
        text: "signed by CN=them".to_owned(),
        data: Some(r#"{"signer":"CN=them"}"#.to_owned()),
    };
    let asked = Opened {
        found,
        note: "policy later".into(),
        ..opened(Verdict::Later(Some(SystemTime::now())))
    };
    ledger.opened(&sealed_plain(first), asked).await.unwrap();
    ledger.placing(first, "in/FIRST").await.unwrap();
    ledger.delivered(first).await.unwrap();
    let questions = ledger.open_questions(9).await.unwrap();
    assert_eq!(questions[0].id, first);
    let what = (questions[0].octets, &questions[0].digest);
    assert_eq!(what, (plain().octets, &plain().digest));
    assert_eq!(questions[0].counts, opened(Verdict::Positive).counts);
    let history = ledger.timeline(first).await.unwrap();
    let kept = history.iter().find(|line| line.event == "opened").unwrap();
    assert!(
        kept.detail.ends_with("signed by CN=them"),
        "{}",
        kept.detail
    );
    assert_eq!(kept.data.as_deref(), Some(r#"{"signer":"CN=them"}"#));
    let waiting = ledger.unopened_after(None, 99).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].id), (1, second));
    let third = books.new_file("THIRD").await;
    let whole = received(Verdict::Positive);
    ledger.received(&sealed(third), whole).await.unwrap();
    let positive = opened(Verdict::Positive);
    ledger
        .opened(&sealed_plain(second), positive)
        .await
        .unwrap();
    for (after, most, meant) in [
        (None, 9, &[second, third][..]),
        (None, 1, &[second]),
        (Some(second), 9, &[third]),
        (Some(third), 9, &[]),
    ] {
        let page = ledger.undelivered_after(after, most).await.unwrap();
        let page: Vec<_> = page.iter().map(|file| file.id).collect();
        assert_eq!(page, meant, "{after:?}, {most}");
    }
}
