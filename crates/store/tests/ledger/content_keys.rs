//! The keys that encrypted files had.

use pointsman_store::{ContentKeys, TransferId};

use crate::books::{BackEnd, Books, Sqlite};

stories! {
    sqlite: Sqlite;
    a_key_that_came_before_is_known_by_the_file_that_had_it_first,
}

async fn a_key_that_came_before_is_known_by_the_file_that_had_it_first<B: BackEnd>() {
    let books = Books::<B>::new();
    let [one, other] = [TransferId::new(), TransferId::new()];
    for (id, key, first) in [
        (one, 1, one),
        (one, 1, one),
        (other, 2, other),
        (other, 1, one),
    ] {
        let found = books.ledger.content_key(id, [key; 32]).await.unwrap();
        assert_eq!(found, first, "{key}");
    }
}
