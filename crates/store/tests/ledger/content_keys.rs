//! The keys that encrypted files had.

use pointsman_store::{ContentKeys, TransferId};

use crate::books::{BackEnd, Books, Sqlite};

stories! {
    sqlite: Sqlite;
    a_key_that_another_content_had_is_known_by_the_file_that_had_it_first,
}

async fn a_key_that_another_content_had_is_known_by_the_file_that_had_it_first<B: BackEnd>() {
    let books = Books::<B>::new();
    let [one, other] = [TransferId::new(), TransferId::new()];
    for (id, key, content, first) in [
        (one, 1, "a", None),
        (one, 1, "a", None),
        (other, 2, "b", None),
        (other, 1, "b", Some(one)),
        // Whoever sends the same octets once more is free to do so; other ones under the first name are others.
        (other, 1, "a", None),
        (one, 1, "b", Some(one)),
    ] {
        let found = books.ledger.content_key(id, [key; 32], content).await;
        assert_eq!(found.unwrap(), first, "{key} {content}");
    }
}
