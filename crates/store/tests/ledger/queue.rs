//! The queue: what goes when, and what does not go.

use std::time::SystemTime;

use pointsman_store::{
    Acknowledgement, Ledger, LedgerError, NewFile, Order, OutboundState, TransferId, Verdict, Work,
};

use crate::books::{BackEnd, Books, Sqlite, eerp, received, sealed, soon, to_send};

stories! {
    sqlite: Sqlite;
    the_queue_goes_by_priority_then_age_and_an_urgent_file_rests_no_longer,
    what_is_held_parked_or_cancelled_does_not_go,
    a_file_sent_again_is_another_file_and_the_old_row_stays,
    what_waits_longest_goes_first_though_it_was_under_way_before,
    what_ends_session_after_session_lets_others_go_first,
    a_file_that_goes_through_at_once_is_not_shown_as_broken_off_or_in_doubt,
}

async fn the_queue_goes_by_priority_then_age_and_an_urgent_file_rests_no_longer<B: BackEnd>() {
    let books = Books::<B>::new();
    let mut ids = Vec::new();
    for (dataset, priority) in [("A", 5), ("B", 9), ("C", 0), ("D", 9)] {
        let file = NewFile {
            priority,
            ..to_send(TransferId::new(), dataset)
        };
        ids.push(file.id);
        books.ledger.enqueue(file).await.unwrap();
    }
    let queue = books.ledger.queue(Some("them")).await.unwrap();
    let order: Vec<TransferId> = queue.iter().map(|file| file.id).collect();
    assert_eq!(order, [ids[1], ids[3], ids[0], ids[2]]);
    assert!(books.ledger.queue(Some("others")).await.unwrap().is_empty());

    books
        .ledger
        .put_back(ids[2], soon(), "SFNA 06")
        .await
        .unwrap();
    assert!(
        books.ledger.queue(None).await.unwrap()[3]
            .backs_off_until
            .is_some()
    );
    for _ in 0..2 {
        books
            .ledger
            .order(ids[2], Order::SendNow, "")
            .await
            .unwrap();
    }
    let mut went = Vec::new();
    while let Some(Work::File(file)) = books.claim().await {
        went.push(file.id);
    }
    // `C` is as urgent as `B` and `D` now, and became so after them.
    assert_eq!(went, [ids[1], ids[3], ids[2], ids[0]]);
}

async fn what_is_held_parked_or_cancelled_does_not_go<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let id = books.queued_file("INVOIC").await;
    // A receipt for what cannot have left is none.
    let early = ledger.acknowledged("them", &eerp("INVOIC"), "").await;
    assert_eq!(*early.unwrap(), Acknowledgement::Unknown);
    ledger.in_doubt(id).await.unwrap();
    for (order, state) in [
        (Order::Hold, OutboundState::Held),
        (Order::Release, OutboundState::Ready),
        (Order::Park, OutboundState::Parked),
        (Order::Release, OutboundState::Ready),
        (Order::Hold, OutboundState::Held),
        (Order::Cancel, OutboundState::Cancelled),
    ] {
        for _ in 0..2 {
            ledger.order(id, order, "why").await.unwrap();
        }
        assert_eq!(books.state(id).await, state.into());
        let goes = books.claim().await;
        assert_eq!(goes.is_some(), state == OutboundState::Ready, "{state}");
        if goes.is_some() {
            let refused = ledger.order(id, Order::Hold, "").await;
            assert!(
                matches!(refused, Err(LedgerError::InSession(_))),
                "{refused:?}"
            );
            ledger
                .put_back(id, SystemTime::UNIX_EPOCH, "")
                .await
                .unwrap();
        }
    }
    for order in [Order::Hold, Order::Release, Order::Park, Order::SendNow] {
        let refused = ledger.order(id, order, "").await;
        assert!(
            matches!(refused, Err(LedgerError::WrongState { .. })),
            "{order:?}"
        );
    }
    let received = books.new_file("ORDER").await;
    let refused = ledger.order(received, Order::Cancel, "").await;
    assert!(matches!(refused, Err(LedgerError::WrongState { .. })));
    let nobody = ledger.order(TransferId::new(), Order::Hold, "").await;
    assert!(matches!(nobody, Err(LedgerError::NotFound(_))));
    let doubted = ledger.in_doubt(id).await;
    assert!(
        matches!(doubted, Err(LedgerError::WrongState { .. })),
        "nothing proves that its EFID may leave: {doubted:?}"
    );
    // The partner had it after all: its receipt is a fact, whatever was wanted.
    let answered = ledger
        .acknowledged("them", &eerp("INVOIC"), "")
        .await
        .unwrap();
    assert_eq!(*answered, Acknowledgement::Recorded(id));
    assert_eq!(books.state(id).await, OutboundState::Acknowledged.into());
}

async fn a_file_sent_again_is_another_file_and_the_old_row_stays<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let old = books.queued_file("INVOIC").await;
    let again = |dataset| to_send(TransferId::new(), dataset);
    let refused = ledger.resend(old, again("INVOIC.2")).await;
    assert!(
        matches!(refused, Err(LedgerError::WrongState { .. })),
        "it has not gone yet"
    );
    ledger.sent(old, "EFPA").await.unwrap();
    let taken = ledger.resend(old, again("INVOIC")).await;
    assert!(
        matches!(taken, Err(LedgerError::IdentityTaken(_))),
        "{taken:?}"
    );
    let file = again("INVOIC.2");
    let new = file.id;
    ledger.resend(old, file).await.unwrap();
    assert_eq!(
        (books.state(old).await, books.state(new).await),
        (OutboundState::Sent.into(), OutboundState::Ready.into())
    );
    let told = ledger.timeline(old).await.unwrap();
    assert!(
        told.iter()
            .any(|line| line.event == "resent" && line.detail.contains(&new.to_string()))
    );
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == new));
    let received = books.delivered_file("ORDER", Verdict::Positive).await;
    let refused = ledger.resend(received, again("X")).await;
    assert!(
        matches!(refused, Err(LedgerError::WrongState { .. })),
        "only what we send"
    );
}

async fn what_waits_longest_goes_first_though_it_was_under_way_before<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let (first, second) = (
        books.queued_file("FIRST").await,
        books.queued_file("SECOND").await,
    );
    let owed_first = books.delivered_file("OWED.1", Verdict::Positive).await;
    let owed_second = books.delivered_file("OWED.2", Verdict::Positive).await;
    // A session began with the first receipt and was stopped; the next one's program was killed.
    assert!(matches!(books.claim().await, Some(Work::Response(owed)) if owed.id == owed_first));
    let back = ledger.put_back(owed_first, SystemTime::now(), "stopped");
    back.await.unwrap();
    for expected in [owed_first, owed_second] {
        assert!(matches!(books.claim().await, Some(Work::Response(owed)) if owed.id == expected));
        ledger.response_taken(expected).await.unwrap();
    }
    assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == first));
    let freed = ledger.free(vec!["node/S1".to_owned()]).await.unwrap();
    assert_eq!(freed, 1);
    for expected in [first, second] {
        assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == expected));
    }
}

async fn what_ends_session_after_session_lets_others_go_first<B: BackEnd>() {
    let books = Books::<B>::new();
    let choking = books.new_file("CHOKES").await;
    let ledger = &books.ledger;
    let verdict = received(Verdict::Positive);
    ledger.received(&sealed(choking), verdict).await.unwrap();
    ledger.placing(choking, "in/CHOKES").await.unwrap();
    ledger.delivered(choking).await.unwrap();
    let breaking = books.queued_file("BREAKS").await;
    for _ in 0..2 {
        assert!(matches!(books.claim().await, Some(Work::Response(owed)) if owed.id == choking));
        assert!(matches!(books.claim().await, Some(Work::File(file)) if file.id == breaking));
        for id in [choking, breaking] {
            let back = ledger.put_back(id, SystemTime::now(), "connection lost");
            back.await.unwrap();
        }
    }
    let other = books.queued_file("OTHER").await;
    let mut order = Vec::new();
    while let Some(work) = books.claim().await {
        order.push(match work {
            Work::Response(owed) => owed.id,
            Work::File(file) => file.id,
        });
    }
    assert_eq!(order, [other, choking, breaking]);
}

async fn a_file_that_goes_through_at_once_is_not_shown_as_broken_off_or_in_doubt<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.queued_file("ORDER").await;
    let shown = async || {
        let details = books.ledger.details(id).await.unwrap().unwrap();
        (details.attempts, details.breaks, details.in_doubt)
    };
    books.claim().await.unwrap();
    assert_eq!(shown().await, (1, 0, false), "in its first session");
    books.ledger.in_doubt(id).await.unwrap();
    assert_eq!(shown().await, (1, 0, true));
    books
        .ledger
        .put_back(id, SystemTime::now(), "lost")
        .await
        .unwrap();
    assert_eq!(shown().await, (1, 1, true), "it broke off");
    books.claim().await.unwrap();
    books.ledger.sent(id, "EFPA").await.unwrap();
    assert_eq!(shown().await, (2, 0, false), "it is sent");
}
