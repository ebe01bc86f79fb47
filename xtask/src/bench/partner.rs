//! A partner made of octets: the same that the tests from outside speak with.

#[path = "../../../tests/support/patience.rs"]
#[allow(clippy::panic, reason = "written for tests")]
mod patience;
#[path = "../../../tests/support/peer.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "written for tests"
)]
pub(crate) mod peer;

use super::served::{OURS, THEIRS, THEM, US};
