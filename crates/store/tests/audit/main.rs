//! Ledger and spool are compared with each other, and a ledger is rebuilt from the spool.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod damage;
mod decay;
#[path = "../support/partner.rs"]
mod partner;
mod rebuilt;
mod texts;
mod torn;
mod yard;
