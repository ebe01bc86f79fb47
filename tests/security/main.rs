//! File security, from outside: what is sent, what comes in, receipts, sessions, keys. What the program makes is read by
//! the `openssl cms` command, and what it reads was made by that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod authentication;
mod change_over;
mod cms_command;
mod deciding;
mod incoming;
mod keys;
mod keys_gone;
mod openings;
mod receipts;
mod refused;
mod secured;
mod sending;
mod stations;
#[path = "../support/mod.rs"]
mod support;
mod their_receipts;
mod tls;
mod tokens;
mod wrapped;
