//! The ledger in stories: what a file goes through, told in verbs, and what a repetition or a crash makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

/// Has each story told by a back-end.
macro_rules! stories {
    ($module:ident: $back_end:ident; $($story:ident,)+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story::<super::$back_end>().await;
                }
            )+
        }
    };
}

mod books;
mod content_keys;
mod identity;
mod lookups;
mod model;
mod overview;
#[path = "../support/partner.rs"]
mod partner;
mod partners;
mod policies;
mod questions;
mod queue;
mod receipts;
mod sqlite;
mod stamps;
mod verbs;
mod waiting;
