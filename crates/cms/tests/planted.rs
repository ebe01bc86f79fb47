//! Each planted mistake is found by the forgeries: the figure "none is taken" can be another one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use pointsman_cms::planted::{PlantedMistake, plant};
use pointsman_cms::{CHALLENGE, OwnChallenge, answer_challenge};
use support::{Services, US, forged_files, forged_receipts, suite, text, wrap, wrapping};

/// What challenges must be like, as one check.
fn challenges(long: &[u8], challenge: &OwnChallenge, reply: &[u8; CHALLENGE]) -> Vec<String> {
    let mut wrong = Vec::new();
    if answer_challenge(long, std::slice::from_ref(&US.identity)).is_ok() {
        wrong.push("a challenge of 21 octets is answered".to_owned());
    }
    if challenge.is_answered_by(&reply[..19]) || challenge.is_answered_by(&[]) {
        wrong.push("a short answer is taken".to_owned());
    }
    wrong
}

#[test]
fn every_planted_mistake_is_found() {
    let (files, receipts) = (forged_files::all(), forged_receipts::all());
    let long = wrap(&wrapping(suite(4), Services::of("e")), &text(21)).0;
    let (challenge, octets) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
    let reply = answer_challenge(&octets, std::slice::from_ref(&US.identity))
        .unwrap()
        .octets;
    let look = || {
        let mut wrong: Vec<String> = files.iter().filter_map(|file| file.check().err()).collect();
        wrong.extend(receipts.iter().filter_map(|receipt| receipt.check().err()));
        wrong.extend(challenges(&long, &challenge, &reply));
        wrong
    };
    plant(None);
    assert_eq!(look(), Vec::<String>::new(), "without a mistake");
    let mut missed = Vec::new();
    for mistake in PlantedMistake::ALL {
        plant(Some(*mistake));
        let wrong = look();
        plant(None);
        println!("{mistake:?}: found by {}", wrong.len());
        if wrong.is_empty() {
            missed.push(mistake);
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
    assert!(PlantedMistake::ALL.len() >= 12);
}
