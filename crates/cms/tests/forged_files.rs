//! Forged files: none is taken, and each is refused for what is wrong with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use support::assert_outcomes;
use support::forged_files::{Outcome, all};

#[test]
fn every_forged_file_has_its_documented_outcome() {
    let files = all();
    let wrong: Vec<String> = files.iter().filter_map(|file| file.check().err()).collect();
    let forged = files
        .iter()
        .filter(|file| file.outcome != Outcome::Taken)
        .count();
    assert_outcomes("files", files.len(), forged, &wrong);
}
