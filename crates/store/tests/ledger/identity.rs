//! Files of one identity.

use std::time::SystemTime;

use oftp::{FileHeader, FileKey, FileStamp};
use pointsman_store::{
    InboundState, Ledger, LedgerError, Offer, Offered, OutboundState, Repeated, TransferId,
    Verdict, Work,
};

use crate::books::{BackEnd, Books, DAY, Sqlite, at, key, nerp, offer, received, sealed, to_send};

stories! {
    sqlite: Sqlite;
    the_same_identity_is_the_same_file,
    a_file_gives_its_identity_away_once_its_nerp_is_confirmed,
    files_of_one_identity_are_told_apart_by_what_their_sender_knows_and_by_their_content,
    what_is_here_of_a_file_is_known_before_anything_is_decided_about_it,
}

async fn the_same_identity_is_the_same_file<B: BackEnd>() {
    let books = Books::<B>::new();
    let id = books.new_file("ORDER").await;
    books.ledger.checkpoint(id, at(4096, 0)).await.unwrap();
    assert_eq!(
        books.ledger.offer(offer("ORDER")).await.unwrap(),
        Offered::Again(id)
    );
    assert_eq!(books.position(id, offer("ORDER")).await, at(4096, 0));
    let without_restart = Offer {
        may_resume: false,
        ..offer("ORDER")
    };
    let position = books.position(id, without_restart).await;
    assert_eq!(position, at(0, 0), "started over");
    books.ledger.checkpoint(id, at(4096, 0)).await.unwrap();
    let mut other_content = offer("ORDER");
    other_content.header.size_blocks += 1;
    let position = books.position(id, other_content).await;
    assert_eq!(position, at(0, 0), "halves of two files never meet");
    books
        .ledger
        .received(&sealed(id), received(Verdict::Positive))
        .await
        .unwrap();
    assert_eq!(
        books.ledger.offer(offer("ORDER")).await.unwrap(),
        Offered::Duplicate(id)
    );
    let of_another = Offer {
        partner: "others".to_owned(),
        ..offer("ORDER")
    };
    assert!(
        matches!(
            books.ledger.offer(of_another).await.unwrap(),
            Offered::New(_)
        ),
        "partners do not collide"
    );

    let queued = books.queued_file("INVOIC").await;
    let twice = books
        .ledger
        .enqueue(to_send(TransferId::new(), "INVOIC"))
        .await;
    assert!(
        matches!(twice, Err(LedgerError::IdentityTaken(_))),
        "{twice:?}"
    );
    assert_eq!(books.state(queued).await, OutboundState::Ready.into());
}

async fn a_file_gives_its_identity_away_once_its_nerp_is_confirmed<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let first = books.new_file("ORDER").await;
    let negative = Verdict::Negative(Box::new(nerp("ORDER")));
    ledger
        .received(&sealed(first), received(negative))
        .await
        .unwrap();
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(first), "its NERP is owed");
    let Some(Work::Response(owed)) = books.claim().await else {
        panic!("a NERP is owed")
    };
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(first), "nobody knows if it came");
    ledger.response_taken(owed.id).await.unwrap();

    let Offered::Another(second, 1) = ledger.offer(offer("ORDER")).await.unwrap() else {
        panic!("the mended file is another one");
    };
    assert_ne!(first, second);
    // While it is being received it is the file of that identity, and is resumed where it broke off.
    ledger.checkpoint(second, at(2048, 0)).await.unwrap();
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Again(second));
    let standing = ledger.standing(second, offer("ORDER")).await.unwrap();
    let standing = standing.unwrap();
    assert_eq!((standing.edition, standing.position), (1, at(2048, 0)));
    let before = ledger.standing(first, offer("ORDER")).await.unwrap();
    assert!(!before.unwrap().is_receiving, "each id has its own row");
    ledger
        .received(&sealed(second), received(Verdict::Positive))
        .await
        .unwrap();
    let again = ledger.offer(offer("ORDER")).await.unwrap();
    assert_eq!(again, Offered::Duplicate(second));
    assert_eq!(books.state(first).await, InboundState::Rejected.into());

    let sum = async |beside: &FileKey| {
        let since = SystemTime::now() - DAY;
        let arrived = ledger.arrived("them", since, beside, Repeated::Refused);
        arrived.await.unwrap().files
    };
    assert_eq!(sum(&key("ORDER")).await, 1, "the first counts all the same");
    assert_eq!(sum(&key("OTHER")).await, 2);
}

async fn files_of_one_identity_are_told_apart_by_what_their_sender_knows_and_by_their_content<
    B: BackEnd,
>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let taken = |repeated| Offer {
        repeated,
        ..offer("ORDER")
    };
    let undated = |repeated| {
        let mut offer = taken(repeated);
        offer.header.key.stamp = FileStamp::from_wire(b"00000000", b"0000000000").unwrap();
        offer
    };
    let first = books.delivered_file("ORDER", Verdict::Positive).await;
    for compares in [Repeated::Compared, Repeated::Taken] {
        let again = ledger.offer(taken(compares)).await.unwrap();
        assert_eq!(again, Offered::Unconfirmed(first), "{compares:?}");
    }
    ledger.confirmed(first).await.unwrap();
    for refused in [Repeated::Refused, Repeated::Compared] {
        let again = ledger.offer(taken(refused)).await.unwrap();
        assert_eq!(again, Offered::Duplicate(first), "{refused:?}");
    }
    let Offered::Another(second, 1) = ledger.offer(taken(Repeated::Taken)).await.unwrap() else {
        panic!("it is another file");
    };
    let verdict = received(Verdict::Positive);
    ledger.received(&sealed(second), verdict).await.unwrap();
    // What was compared and is another gets the id of its copy.
    let copy = TransferId::new();
    let edition = ledger.another(copy, taken(Repeated::Taken)).await.unwrap();
    assert_eq!(
        (edition, books.state(copy).await),
        (2, InboundState::Receiving.into())
    );

    let Offered::New(first) = ledger.offer(undated(Repeated::Compared)).await.unwrap() else {
        panic!("not seen before");
    };
    let verdict = received(Verdict::Positive);
    ledger.received(&sealed(first), verdict).await.unwrap();
    ledger.confirmed(first).await.unwrap();
    let again = ledger.offer(undated(Repeated::Compared)).await.unwrap();
    assert_eq!(again, Offered::Unconfirmed(first), "its content will tell");
    let again = ledger.offer(undated(Repeated::Refused)).await.unwrap();
    assert_eq!(again, Offered::Duplicate(first));
}

async fn what_is_here_of_a_file_is_known_before_anything_is_decided_about_it<B: BackEnd>() {
    let books = Books::<B>::new();
    let ledger = &books.ledger;
    let header = offer("ORDER").header;
    let undated = |header: &FileHeader| {
        let mut undated = header.clone();
        undated.key.stamp = FileStamp::from_wire(b"00000000", b"0000000000").unwrap();
        undated
    };
    let here = async |header: &FileHeader, repeated| {
        let here = ledger.known("them", header, repeated).await.unwrap();
        here.map(|here| (here.id, here.is_to_be_compared))
    };
    let every = [Repeated::Refused, Repeated::Compared, Repeated::Taken];
    let Offered::New(first) = ledger.offer(offer("ORDER")).await.unwrap() else {
        panic!("not seen before");
    };
    for repeated in every {
        assert_eq!(here(&header, repeated).await, None, "it is not all here");
    }
    ledger
        .received(&sealed(first), received(Verdict::Positive))
        .await
        .unwrap();
    let unconfirmed = [false, true, true];
    for (repeated, compares) in every.into_iter().zip(unconfirmed) {
        assert_eq!(here(&header, repeated).await, Some((first, compares)));
        let others = ledger.known("others", &header, repeated).await.unwrap();
        assert_eq!(others, None, "it is another partner's");
        assert_eq!(here(&undated(&header), repeated).await, None);
    }
    // The same octets in records would be another file.
    let in_records = FileHeader {
        format: oftp::Format::Variable(80),
        ..header.clone()
    };
    assert_eq!(
        here(&in_records, Repeated::Compared).await,
        Some((first, false))
    );
    assert_eq!(here(&in_records, Repeated::Taken).await, None);

    ledger.confirmed(first).await.unwrap();
    for (repeated, known) in every.into_iter().zip([true, true, false]) {
        let duplicate = known.then_some((first, false));
        assert_eq!(here(&header, repeated).await, duplicate, "{repeated:?}");
    }

    // Without a date, other content is another file, so only what its sender may not know of comes first.
    let header = undated(&header);
    let undated = Offer {
        header: header.clone(),
        ..offer("ORDER")
    };
    let Offered::New(second) = ledger.offer(undated).await.unwrap() else {
        panic!("not seen before");
    };
    ledger
        .received(&sealed(second), received(Verdict::Positive))
        .await
        .unwrap();
    assert_eq!(
        here(&header, Repeated::Compared).await,
        Some((second, true))
    );
    ledger.confirmed(second).await.unwrap();
    assert_eq!(here(&header, Repeated::Compared).await, None);
    assert_eq!(
        here(&header, Repeated::Refused).await,
        Some((second, false))
    );
}
