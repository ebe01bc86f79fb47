//! Receipts, of ours and of the partner.

use std::time::SystemTime;

use oftp::{FileStamp, Response};
use pointsman_store::{
    Acknowledgement, Files, InboundState, Ledger, Longest, Naming, OutboundState, TransferId,
    Verdict, Work,
};

use crate::books::{BackEnd, Books, Sqlite, eerp, nerp, received, sealed, soon, to_send};

stories! {
    sqlite: Sqlite;
    receipts_come_before_files_and_only_wanted_files_go,
    a_nerp_says_why_either_way,
    a_receipt_of_an_older_level_finds_its_file_without_the_counter,
    a_receipt_that_names_a_file_loosely_finds_the_only_one_it_fits,
    a_receipt_that_contradicts_the_first_is_written_down_and_changes_nothing,
    a_receipt_put_off_is_asked_for_when_it_is_due,
}

async fn receipts_come_before_files_and_only_wanted_files_go<B: BackEnd>() {
    let books = Books::<B>::new();
    let first = books.queued_file("A").await;
    let second = books.queued_file("B").await;
    let received = books.delivered_file("ORDER", Verdict::Positive).await;
    let claim = |files| {
        books
            .ledger
            .claim("them", "node/S1", Longest::UNKNOWN, files)
    };
    assert!(
        matches!(claim(Files::Any).await.unwrap(), Some(Work::Response(owed)) if owed.id == received)
    );
    assert!(claim(Files::None).await.unwrap().is_none());
    let wanted = Files::Only(vec![TransferId::new(), second]);
    assert!(matches!(claim(wanted).await.unwrap(), Some(Work::File(file)) if file.id == second));
    assert!(matches!(claim(Files::Any).await.unwrap(), Some(Work::File(file)) if file.id == first));
    assert!(
        books
            .ledger
            .claim("others", "node/S1", Longest::UNKNOWN, Files::Any)
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_nerp_says_why_either_way<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    books
        .ledger
        .received(
            &sealed(id),
            received(Verdict::Negative(Box::new(nerp("ORDER")))),
        )
        .await
        .unwrap();
    assert_eq!(books.state(id).await, InboundState::Rejected.into());
    let Some(Work::Response(owed)) = books.claim().await else {
        panic!("a NERP is owed")
    };
    assert_eq!(owed.response, Response::Negative(nerp("ORDER")));

    let out = books.queued_file("INVOIC").await;
    books.ledger.sent(out, "EFPA").await.unwrap();
    let negative = Response::Negative(nerp("INVOIC"));
    books
        .ledger
        .acknowledged("them", &negative, "")
        .await
        .unwrap();
    let row = books.ledger.show(out).await.unwrap().unwrap();
    assert_eq!(
        (row.state.as_str(), row.reason),
        ("rejected", Some("34 not usable".into()))
    );
    let stranger = books
        .ledger
        .acknowledged("others", &eerp("INVOIC"), "")
        .await
        .unwrap();
    assert_eq!(
        *stranger,
        Acknowledgement::Unknown,
        "another partner cannot answer for it"
    );
}

/// Two files of the same second, which the counters of their times tell apart.
async fn two_sent_of_one_name<B: BackEnd>(books: &Books<B>) -> [TransferId; 2] {
    let both = [TransferId::new(), TransferId::new()];
    for (id, time) in both.into_iter().zip(["0815300001", "0815300002"]) {
        let mut file = to_send(id, "INVOIC");
        file.header.key.stamp = FileStamp::new("20261122", time).unwrap();
        books.ledger.enqueue(file).await.unwrap();
        books.ledger.sent(id, "EFPA").await.unwrap();
    }
    both
}

/// Levels 1.2 and 1.3 have no counter in their times: a receipt comes back without the one that we gave.
async fn a_receipt_of_an_older_level_finds_its_file_without_the_counter<B: BackEnd>() {
    let books = Books::<B>::new();
    let [first, second] = two_sent_of_one_name(&books).await;
    let Response::Positive(mut short) = eerp("INVOIC") else {
        panic!("an EERP")
    };
    short.key.stamp = FileStamp::new("20261122", "0815300000").unwrap();
    let short = Response::Positive(short);
    for meant in [first, second] {
        let answer = books.ledger.acknowledged("them", &short, "").await.unwrap();
        assert_eq!(*answer, Acknowledgement::Recorded(meant));
    }
    // One that the partner cannot have is not meant, however often the receipt comes.
    let mut waits = to_send(TransferId::new(), "INVOIC");
    waits.header.key.stamp = FileStamp::new("20261122", "0815300003").unwrap();
    books.ledger.enqueue(waits).await.unwrap();
    let again = books.ledger.acknowledged("them", &short, "").await.unwrap();
    assert_eq!(*again, Acknowledgement::Repeated(first));
}

/// A receipt in another case is of the only file that waits and that it fits; where two do, nobody can say of which.
async fn a_receipt_that_names_a_file_loosely_finds_the_only_one_it_fits<B: BackEnd>() {
    let books = Books::<B>::new();
    let [first, second] = two_sent_of_one_name(&books).await;
    let named = |name, time| {
        let Response::Positive(mut eerp) = eerp(name) else {
            panic!("an EERP")
        };
        eerp.key.stamp = FileStamp::new("20261122", time).unwrap();
        Response::Positive(eerp)
    };
    let ledger = &books.ledger;
    let loosely = async |response| {
        let answer = ledger
            .acknowledged_by("them", &response, Naming::Loose, "")
            .await
            .unwrap();
        (*answer).clone()
    };
    let either = named("invoic", "0815300000");
    assert_eq!(loosely(either.clone()).await, Acknowledgement::Unknown);
    let small = named("invoic", "0815300001");
    let exact = ledger.acknowledged("them", &small, "").await.unwrap();
    assert_eq!(*exact, Acknowledgement::Unknown);
    assert_eq!(
        loosely(named("INVOICE", "0815300001")).await,
        Acknowledgement::Unknown
    );
    assert_eq!(
        loosely(named("Invoic", "0815300001")).await,
        Acknowledgement::Recorded(first)
    );
    assert_eq!(loosely(either).await, Acknowledgement::Recorded(second));
}

async fn a_receipt_that_contradicts_the_first_is_written_down_and_changes_nothing<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = TransferId::new();
    books.ledger.enqueue(to_send(id, "INVOIC")).await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    let eerp = eerp("INVOIC");
    books.ledger.acknowledged("them", &eerp, "").await.unwrap();
    let nerp = Response::Negative(nerp("INVOIC"));
    let answer = books.ledger.acknowledged("them", &nerp, "").await.unwrap();
    assert_eq!(*answer, Acknowledgement::Repeated(id));
    let row = books.ledger.show(id).await.unwrap().unwrap();
    assert_eq!(row.state, OutboundState::Acknowledged.into());
    let last = books.ledger.timeline(id).await.unwrap().pop().unwrap();
    assert_eq!(last.event, "receipt-contradicts");
    assert!(last.detail.contains("NERP 34"), "{}", last.detail);
}

async fn a_receipt_put_off_is_asked_for_when_it_is_due<B: BackEnd>() {
    let books = Books::<B>::new();
    let due = books
        .delivered_file("DUE", Verdict::Later(Some(SystemTime::now())))
        .await;
    let later = books
        .delivered_file("LATER", Verdict::Later(Some(soon())))
        .await;
    let operators = books.delivered_file("OPERATOR", Verdict::Later(None)).await;
    assert!(
        books.claim().await.is_none(),
        "nothing is owed while the decision waits"
    );
    let open = books.ledger.open_questions(10).await.unwrap();
    assert_eq!(
        open.iter()
            .map(|question| (question.id, question.asked))
            .collect::<Vec<_>>(),
        [(due, 1)]
    );
    books
        .ledger
        .decided(due, Verdict::Later(Some(SystemTime::now())), "".into())
        .await
        .unwrap();
    assert_eq!(books.ledger.open_questions(10).await.unwrap()[0].asked, 2);
    books
        .ledger
        .decided(due, Verdict::Positive, "policy".into())
        .await
        .unwrap();
    books
        .ledger
        .decided(
            due,
            Verdict::Negative(Box::new(nerp("DUE"))),
            "too late".into(),
        )
        .await
        .unwrap();
    assert!(
        matches!(books.claim().await, Some(Work::Response(owed)) if owed.response == eerp("DUE"))
    );
    books
        .ledger
        .decided(
            operators,
            Verdict::Negative(Box::new(nerp("OPERATOR"))),
            "operator".into(),
        )
        .await
        .unwrap();
    assert_eq!(books.state(operators).await, InboundState::Rejected.into());
    assert_eq!(books.state(later).await, InboundState::Delivered.into());
}
