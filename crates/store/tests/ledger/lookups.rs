//! Rows that are looked for.

use pointsman_store::{Direction, Filter, Ledger, State, Verdict};

use crate::books::{BackEnd, Books, Sqlite};

stories! {
    sqlite: Sqlite;
    rows_are_found_by_partner_state_direction_and_name,
}

async fn rows_are_found_by_partner_state_direction_and_name<B: BackEnd>() {
    let books = Books::<B>::new();
    let delivered = books.delivered_file("ORDER.1", Verdict::Positive).await;
    books.new_file("ORDER.2").await;
    let ready = books.queued_file("INVOIC").await;
    let find = |filter| books.ledger.find(filter, 10);
    let ids =
        |rows: Vec<pointsman_store::Transfer>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let any = Filter::default;
    let word = |text: &str| Some(text.to_owned());
    assert_eq!(find(any()).await.unwrap().len(), 3);
    assert_eq!(
        ids(find(Filter {
            states: State::called("delivered"),
            ..any()
        })
        .await
        .unwrap()),
        [delivered]
    );
    assert_eq!(
        ids(find(Filter {
            direction: Some(Direction::Outbound),
            ..any()
        })
        .await
        .unwrap()),
        [ready]
    );
    assert_eq!(
        find(Filter {
            name: word("ORDER*"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        2
    );
    assert_eq!(
        find(Filter {
            name: word("[A-Z]*"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        3
    );
    assert_eq!(
        find(Filter {
            name: word("[!A-Z]*"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        0
    );
    assert_eq!(
        find(Filter {
            name: word("ORDER"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        0
    );
    assert_eq!(
        find(Filter {
            partner: word("' OR 1=1"),
            ..any()
        })
        .await
        .unwrap()
        .len(),
        0
    );
    let both = Filter {
        name: word("ORDER.?"),
        states: State::called("receiving"),
        ..any()
    };
    assert_eq!(find(both).await.unwrap().len(), 1);
}
