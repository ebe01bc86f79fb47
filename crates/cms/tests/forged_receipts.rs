//! Forged receipts: none is taken, and each is refused by the check that is documented.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

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
    println!(
        "{forged} forged receipts and {} good ones, {} with another outcome",
        receipts.len() - forged,
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        receipts.len(),
        wrong.join("\n")
    );
    assert!(forged >= 300, "{forged} forged receipts");
}
