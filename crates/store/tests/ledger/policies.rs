//! What policies keep.

use pointsman_store::{Ledger, Quota};

use crate::books::{BackEnd, Books, PLENTY, Sqlite};

stories! {
    sqlite: Sqlite;
    policies_keep_no_more_than_their_quotas,
    what_a_policy_keeps_is_its_own,
}

async fn policies_keep_no_more_than_their_quotas<B: BackEnd>() {
    let books = Books::<B>::new();
    let quota = Quota {
        policy: 10_000,
        all: 15_000,
    };
    let set = async |policy: &str, key: &str, octets| {
        let value = vec![1; octets];
        books.ledger.kv_set(policy, key, value, quota).await
    };
    for key in ["a", "b", "c"] {
        set("one", key, 3000).await.unwrap();
    }
    let full = set("one", "d", 3000).await.unwrap_err().to_string();
    assert!(
        full.contains("policy `one` keeps 9204 octets and may keep 10000")
            && full.contains("policies.one.limits.kept"),
        "{full}"
    );
    // Another value in the place of one, and what is let go, make room.
    set("one", "a", 3700).await.unwrap();
    set("one", "a", 4000).await.unwrap_err();
    set("one", "b", 0).await.unwrap();
    set("one", "d", 3000).await.unwrap();

    set("other", "a", 4000).await.unwrap();
    let full = set("other", "b", 4000).await.unwrap_err().to_string();
    assert!(full.contains("`limits.policies_kept`"), "{full}");
    assert_eq!(books.ledger.kv_get("other", "b").await.unwrap(), None);
    set("one", "a", 0).await.unwrap();
    set("other", "b", 4000).await.unwrap();

    // A quota that was made smaller takes nothing away, and what becomes less is kept.
    let none = Quota { policy: 0, all: 0 };
    let smaller = books.ledger.kv_set("one", "d", vec![1; 2000], none).await;
    smaller.unwrap();
    let more = books.ledger.kv_set("one", "d", vec![1; 2001], none).await;
    more.unwrap_err();
    assert_eq!(
        books
            .ledger
            .kv_get("one", "d")
            .await
            .unwrap()
            .unwrap()
            .len(),
        2000
    );
}

async fn what_a_policy_keeps_is_its_own<B: BackEnd>() {
    let books = Books::<B>::new();
    books
        .ledger
        .kv_set("one", "count", vec![1], PLENTY)
        .await
        .unwrap();
    books
        .ledger
        .kv_set("other", "count", vec![2], PLENTY)
        .await
        .unwrap();
    assert_eq!(
        books.ledger.kv_get("one", "count").await.unwrap(),
        Some(vec![1])
    );
    books
        .ledger
        .kv_set("one", "count", Vec::new(), PLENTY)
        .await
        .unwrap();
    assert_eq!(books.ledger.kv_get("one", "count").await.unwrap(), None);
    assert_eq!(
        books.ledger.kv_get("other", "count").await.unwrap(),
        Some(vec![2])
    );
}
