//! Dates and times for partners whose level has no counter in them: each file has a second of its own.

use oftp::FileStamp;
use pointsman_store::{Entry, Files, Ledger, Longest, Order, Spool, SqliteLedger, TransferId};

use crate::books::{BackEnd, Books, Sqlite, to_send};

stories! {
    sqlite: Sqlite;
    the_first_file_of_a_second_keeps_it_and_the_next_gets_the_next,
    a_file_that_the_partner_may_have_keeps_its_stamp,
    files_of_other_names_and_partners_share_a_second,
    a_second_that_another_is_queued_with_is_passed_over,
    after_a_hundred_taken_seconds_comes_the_one_behind_all_others,
}

fn stamp(time: &str) -> FileStamp {
    FileStamp::new("20261122", time).unwrap()
}

impl<B: BackEnd> Books<B> {
    async fn queued_at(&self, dataset: &str, time: &str) -> TransferId {
        let mut file = to_send(TransferId::new(), dataset);
        file.header.key.stamp = stamp(time);
        let id = file.id;
        self.ledger.enqueue(file).await.unwrap();
        id
    }

    /// It was offered to the partner, and the session is over.
    async fn was_offered(&self, id: TransferId) {
        let only = Files::Only(vec![id]);
        let claimed = self.ledger.claim("them", "S", Longest::UNKNOWN, only);
        assert!(claimed.await.unwrap().is_some());
        self.ledger.free(vec!["S".to_owned()]).await.unwrap();
    }

    async fn stamp_of(&self, id: TransferId) -> FileStamp {
        self.ledger.show(id).await.unwrap().unwrap().key.stamp
    }
}

async fn the_first_file_of_a_second_keeps_it_and_the_next_gets_the_next<B: BackEnd>() {
    let books = Books::<B>::new();
    let first = books.queued_at("ORDERS", "0815300001").await;
    let second = books.queued_at("ORDERS", "0815300002").await;
    for id in [first, second] {
        let kept = books.ledger.stamp_to_the_second(id).await.unwrap();
        assert_eq!(kept, None, "nobody of that second was offered before");
    }
    books.was_offered(first).await;
    assert_eq!(books.ledger.stamp_to_the_second(first).await.unwrap(), None);
    let given = books.ledger.stamp_to_the_second(second).await.unwrap();
    let next = stamp("0815300002").next_second();
    assert_eq!(given, Some(next.clone()));
    assert_eq!(books.stamp_of(second).await, next);
    assert_eq!(books.stamp_of(first).await, stamp("0815300001"));
    let again = books.ledger.stamp_to_the_second(second).await.unwrap();
    assert_eq!(again, None, "that second is its own");
    let history = books.ledger.timeline(second).await.unwrap();
    let line = history.iter().find(|line| line.event == "stamped").unwrap();
    assert!(
        line.detail.starts_with(&next.to_string()),
        "{}",
        line.detail
    );
}

async fn a_file_that_the_partner_may_have_keeps_its_stamp<B: BackEnd>() {
    let books = Books::<B>::new();
    let first = books.queued_at("ORDERS", "0815300001").await;
    books.was_offered(first).await;
    let doubtful = books.queued_at("ORDERS", "0815300002").await;
    books.ledger.in_doubt(doubtful).await.unwrap();
    let held = books.queued_at("ORDERS", "0815300003").await;
    books.ledger.order(held, Order::Hold, "wait").await.unwrap();
    for id in [doubtful, held, TransferId::new()] {
        assert_eq!(books.ledger.stamp_to_the_second(id).await.unwrap(), None);
    }
    // Its doubt is over: it can have another.
    books.ledger.not_there(doubtful).await.unwrap();
    let given = books.ledger.stamp_to_the_second(doubtful).await.unwrap();
    assert_eq!(given, Some(stamp("0815300002").next_second()));
}

async fn files_of_other_names_and_partners_share_a_second<B: BackEnd>() {
    let books = Books::<B>::new();
    let first = books.queued_at("ORDERS", "0815300001").await;
    books.was_offered(first).await;
    let other_name = books.queued_at("INVOIC", "0815300002").await;
    let mut other_partner = to_send(TransferId::new(), "ORDERS");
    other_partner.partner = "others".to_owned();
    let of_others = other_partner.id;
    books.ledger.enqueue(other_partner).await.unwrap();
    let mut other_day = to_send(TransferId::new(), "ORDERS");
    other_day.header.key.stamp = FileStamp::new("20261123", "0815300001").unwrap();
    let next_day = other_day.id;
    books.ledger.enqueue(other_day).await.unwrap();
    for id in [other_name, of_others, next_day] {
        assert_eq!(books.ledger.stamp_to_the_second(id).await.unwrap(), None);
    }
}

async fn a_second_that_another_is_queued_with_is_passed_over<B: BackEnd>() {
    let books = Books::<B>::new();
    let first = books.queued_at("ORDERS", "0815300001").await;
    books.was_offered(first).await;
    books.queued_at("ORDERS", "0815310009").await;
    books.queued_at("ORDERS", "0815320000").await;
    let late = books.queued_at("ORDERS", "0815300002").await;
    let given = books
        .ledger
        .stamp_to_the_second(late)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(given.time().get(..6), Some("081533"));
}

async fn after_a_hundred_taken_seconds_comes_the_one_behind_all_others<B: BackEnd>() {
    let books = Books::<B>::new();
    let mut next = stamp("0815300001");
    let mut stamps = Vec::new();
    for _ in 0..103 {
        stamps.push(next.clone());
        next = next.next_second();
    }
    // One far behind the others: behind that one there is certainly a second that is free.
    stamps.push(stamp("2000000000"));
    let files = stamps.into_iter().map(|stamp| {
        let mut file = to_send(TransferId::new(), "ORDERS");
        file.header.key.stamp = stamp;
        file
    });
    let files: Vec<_> = files.collect();
    let first = files[0].id;
    for file in files {
        books.ledger.enqueue(file).await.unwrap();
    }
    books.was_offered(first).await;
    let late = books.queued_at("ORDERS", "0815300002").await;
    let given = books
        .ledger
        .stamp_to_the_second(late)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(given, stamp("2000000000").next_second());
}

/// The sidecar is told first: a rebuilt ledger must not offer under the old stamp what went under the new.
#[tokio::test]
async fn the_sidecar_of_a_file_knows_its_new_stamp() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    let ledger = ledger.with_sidecars(spool.clone());
    let books = Books::<Sqlite> { folder, ledger };
    let first = books.queued_at("ORDERS", "0815300001").await;
    books.was_offered(first).await;
    let mut file = to_send(TransferId::new(), "ORDERS");
    file.header.key.stamp = stamp("0815300002");
    let whole = spool.import(file.id, &mut &b"content"[..]).unwrap();
    drop(
        whole
            .seal(&pointsman_store::Sidecar::outbound(&file))
            .unwrap(),
    );
    books.ledger.enqueue(file.clone()).await.unwrap();
    let given = books
        .ledger
        .stamp_to_the_second(file.id)
        .await
        .unwrap()
        .unwrap();
    let direction = pointsman_store::Direction::Outbound;
    let record = spool.record(direction, file.id).unwrap().unwrap();
    assert_eq!(record.entries.last(), Some(&Entry::Stamped(given.clone())));
    assert_eq!(record.key().stamp, given);
    let mut under_either = file.header.key.clone();
    assert!(
        record.is_of(&under_either),
        "a crash may have come before its row"
    );
    under_either.stamp = given;
    assert!(record.is_of(&under_either));
    under_either.stamp = stamp("0815400000");
    assert!(!record.is_of(&under_either));
}
