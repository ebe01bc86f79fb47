//! Forged receipts: none is taken, and each is refused by the check that is documented.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use support::assert_outcomes;
use support::forged_receipts::all;

#[test]
fn every_forged_receipt_is_refused_by_its_check() {
    let receipts = all();
    let wrong: Vec<String> = receipts
        .iter()
        .filter_map(|one| one.check().err())
        .collect();
    let forged = receipts
        .iter()
        .filter(|one| one.refused_by.is_some())
        .count();
    assert_outcomes("receipts", receipts.len(), forged, &wrong);
}
