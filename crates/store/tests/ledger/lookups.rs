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
    let find = async |filter| {
        let rows = books.ledger.find(filter, 10).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let any = Filter::default;
    let word = |text: &str| Some(text.to_owned());
    let named = async |name| {
        let name = word(name);
        find(Filter { name, ..any() }).await.len()
    };
    assert_eq!(find(any()).await.len(), 3);
    let states = State::called("delivered");
    assert_eq!(find(Filter { states, ..any() }).await, [delivered]);
    let direction = Some(Direction::Outbound);
    assert_eq!(find(Filter { direction, ..any() }).await, [ready]);
    let partner = word("' OR 1=1");
    assert_eq!(find(Filter { partner, ..any() }).await, []);
    assert_eq!(named("ORDER*").await, 2);
    assert_eq!(named("[A-Z]*").await, 3);
    assert_eq!(named("[!A-Z]*").await, 0);
    assert_eq!(named("ORDER").await, 0);
    let both = Filter {
        name: word("ORDER.?"),
        states: State::called("receiving"),
        ..any()
    };
    assert_eq!(find(both).await.len(), 1);
}
