//! What is known of partners.

use std::time::{Duration, SystemTime};

use pointsman_store::{Contact, ContactKind, Ledger, Received, TransferId, Verdict};
use tempfile::TempDir;

use crate::books::{BackEnd, Books, Sqlite, nerp, received, sealed, to_send};

stories! {
    sqlite: Sqlite;
    of_each_kind_of_contact_the_last_one_is_remembered,
    a_start_is_told_which_partners_there_are_and_what_a_crash_may_have_left,
}

/// The server and a `send` beside it may both remember a partner.
async fn of_each_kind_of_contact_the_last_one_is_remembered<B: BackEnd>() {
    let folder = TempDir::new().unwrap();
    let ledger = B::open(folder.path());
    let contact = |kind, seconds, words: &str| Contact {
        partner: "them".to_owned(),
        kind,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        dialled: true,
        remote: "127.0.0.1:3305".to_owned(),
        words: words.to_owned(),
        stayed: (kind == ContactKind::Good).then(|| "a policy held all files back".to_owned()),
    };
    let (early, late) = (
        contact(ContactKind::Failure, 1, "early"),
        contact(ContactKind::Failure, 2, "late"),
    );
    let good = contact(ContactKind::Good, 1, "good");
    ledger.note_contacts(vec![late.clone()]).await.unwrap();
    ledger
        .note_contacts(vec![early, good.clone()])
        .await
        .unwrap();
    drop(ledger);
    let ledger = B::open(folder.path());
    assert_eq!(ledger.contacts().await.unwrap(), [late, good]);

    // A clock that was a day ahead says nothing of what came later.
    let now = SystemTime::now();
    let at = |kind, at| Contact {
        at,
        ..contact(kind, 0, "by the clock")
    };
    let tomorrow = now + Duration::from_secs(24 * 60 * 60);
    let failed = at(ContactKind::Failure, tomorrow);
    ledger.note_contacts(vec![failed]).await.unwrap();
    let good = at(ContactKind::Good, now);
    ledger.note_contacts(vec![good.clone()]).await.unwrap();
    let known = ledger.contacts().await.unwrap();
    let of = |kind| known.iter().find(|one| one.kind == kind).unwrap().at;
    assert!(
        of(ContactKind::Failure) < of(ContactKind::Good),
        "{known:?}"
    );
    let again = at(ContactKind::Failure, now + Duration::from_millis(1));
    ledger.note_contacts(vec![again.clone()]).await.unwrap();
    assert!(
        ledger
            .contacts()
            .await
            .unwrap()
            .iter()
            .any(|one| one.kind == again.kind && one.at >= now - Duration::from_millis(1))
    );
}

async fn a_start_is_told_which_partners_there_are_and_what_a_crash_may_have_left<B: BackEnd>() {
    let books = Books::<B>::new();
    assert!(books.ledger.partners().await.unwrap().is_empty());
    let half = books.new_file("HALF").await;
    let refused = books.new_file("REFUSED").await;
    let kept = books.new_file("KEPT").await;
    for (id, removal) in [(kept, None), (refused, Some("delete"))] {
        let refused = Received {
            removal,
            ..received(Verdict::Negative(Box::new(nerp("REFUSED"))))
        };
        books.ledger.received(&sealed(id), refused).await.unwrap();
    }
    books.delivered_file("DELIVERED", Verdict::Positive).await;
    for (name, partner) in [
        ("A", "us too"),
        ("B", "them"),
        ("C", "another"),
        ("D", "them"),
    ] {
        let mut file = to_send(TransferId::new(), name);
        file.partner = partner.to_owned();
        books.ledger.enqueue(file).await.unwrap();
    }
    let partners = books.ledger.partners().await.unwrap();
    assert_eq!(partners, ["another", "them", "us too"]);
    assert!(!books.ledger.is_content_removed(kept).await.unwrap());
    assert!(books.ledger.is_content_removed(refused).await.unwrap());
    assert_eq!(books.ledger.unfinished().await.unwrap(), [half, refused]);
}
