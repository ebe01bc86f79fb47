//! Session authentication: challenges are answered by the right key alone, and every failure is the same one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use pointsman_cms::{CHALLENGE, ChallengeFailed, OwnChallenge, Suite, answer_challenge};
use support::forged_files::enveloped_changes::of_cipher_text;
use support::tree::{Form, Node};
use support::{STRANGER, Services, US, US_NEXT, suite, text, wrap, wrapping};

#[test]
fn challenges_of_every_suite_are_answered() {
    let own = [US_NEXT.identity.clone(), US.identity.clone()];
    for suite in Suite::all() {
        let (challenge, octets) = OwnChallenge::make(suite, &[US.certificate()]).unwrap();
        let reply = answer_challenge(&octets, &own).unwrap();
        assert!(challenge.is_answered_by(&reply.octets), "{suite}");
        assert_eq!(
            (reply.certificate, reply.was_named),
            (US.certificate(), true)
        );
        // As Bouncy Castle writes it.
        for form in [Form::Indefinite, Form::Long] {
            let octets = Node::parse(&octets).encode(form);
            assert!(challenge.is_answered_by(&answer_challenge(&octets, &own).unwrap().octets));
        }
    }
}

#[test]
fn a_challenge_to_both_certificates_of_a_change_over_is_answered_by_either() {
    let both = [US.certificate(), US_NEXT.certificate()];
    let (challenge, octets) = OwnChallenge::make(suite(4), &both).unwrap();
    for own in [&*US, &*US_NEXT] {
        let reply = answer_challenge(&octets, std::slice::from_ref(&own.identity)).unwrap();
        assert!(challenge.is_answered_by(&reply.octets));
        assert_eq!(reply.certificate, own.certificate());
    }
}

#[test]
fn answers_are_exactly_the_challenge() {
    let (challenge, octets) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
    let reply = answer_challenge(&octets, std::slice::from_ref(&US.identity))
        .unwrap()
        .octets;
    assert!(challenge.is_answered_by(&reply));
    for length in 0..CHALLENGE {
        assert!(
            !challenge.is_answered_by(&reply[..length]),
            "{length} octets"
        );
    }
    assert!(!challenge.is_answered_by(&[&reply[..], &[0]].concat()));
    for at in 0..CHALLENGE {
        let mut wrong = reply;
        wrong[at] ^= 0x80;
        assert!(!challenge.is_answered_by(&wrong), "octet {at}");
    }
}

#[test]
fn two_challenges_are_never_the_same() {
    let (one, octets) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
    let (other, _) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
    let reply = answer_challenge(&octets, std::slice::from_ref(&US.identity))
        .unwrap()
        .octets;
    assert!(one.is_answered_by(&reply) && !other.is_answered_by(&reply));
}

#[test]
fn every_failure_is_the_same_one() {
    let mut failures = Vec::new();
    let envelope = |octets: usize| wrap(&wrapping(suite(4), Services::of("e")), &text(octets)).0;
    for octets in [0, 1, 15, 16, 19, 21, 32, 255, 256, 257, 5000, 100_000] {
        failures.push((format!("{octets} octets"), envelope(octets)));
    }
    for (name, change, _) in of_cipher_text() {
        let (_, octets) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
        let mut tree = Node::parse(&octets);
        change(&mut tree);
        failures.push((name.to_owned(), tree.der()));
    }
    let (_, to_stranger) = OwnChallenge::make(suite(4), &[STRANGER.certificate()]).unwrap();
    failures.push(("to a stranger".into(), to_stranger));
    let (_, good) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
    failures.push(("an octet behind".into(), [good.as_slice(), &[0]].concat()));
    for at in 0..good.len() {
        failures.push((format!("cut at {at}"), good[..at].to_vec()));
    }
    for letters in ["s", "z", "sze"] {
        failures.push((
            format!("a file {letters}"),
            wrap(&wrapping(suite(4), Services::of(letters)), &text(20)).0,
        ));
    }
    println!("{} failures", failures.len());
    for (name, octets) in failures {
        let outcome = answer_challenge(&octets, &[US_NEXT.identity.clone(), US.identity.clone()]);
        assert_eq!(outcome.err(), Some(ChallengeFailed), "{name}");
    }
}

#[test]
fn nothing_of_a_challenge_is_shown() {
    let (challenge, octets) = OwnChallenge::make(suite(4), &[US.certificate()]).unwrap();
    assert_eq!(format!("{challenge:?}"), "OwnChallenge(…)");
    let reply = answer_challenge(&octets, std::slice::from_ref(&US.identity)).unwrap();
    assert!(!format!("{reply:?}").contains("octets"));
    assert!(format!("{:?}", US.identity).contains("PrivateKey(…)"));
}
