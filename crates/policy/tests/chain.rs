//! Several policies: who is asked, who wins, and what is made of their terms.

#![cfg(test)]

mod common;

use common::*;
use pointsman_policy::types::*;
use pointsman_policy::{Hook, LoadError, OnFailure, PolicySet, PolicySpec};

/// `misbehave` under another name, behaving as told.
fn named(name: &str, settings: &[(&str, &str)]) -> PolicySpec {
    PolicySpec {
        name: name.to_owned(),
        ..spec("misbehave", settings)
    }
}

#[tokio::test]
async fn what_is_set_stays_and_numbers_only_fall() {
    let mut session = session(vec![
        named("quiet", &[]),
        named(
            "first",
            &[
                ("misbehave", "accept"),
                ("partner", "acme-test"),
                ("credit", "64"),
            ],
        ),
        named(
            "second",
            &[
                ("misbehave", "accept"),
                ("partner", "other"),
                ("credit", "99"),
                ("buffer-size", "2048"),
            ],
        ),
        named(
            "third",
            &[
                ("misbehave", "accept"),
                ("credit", "4"),
                ("buffer-size", "4096"),
            ],
        ),
    ])
    .await;
    let answer = session.accept_connection(&acme(), noon()).await;
    let ConnectionDecision::Accept(terms) = answer.decision else {
        panic!("not accepted")
    };
    assert_eq!(terms.partner.as_deref(), Some("acme-test"));
    assert_eq!((terms.credit, terms.buffer_size), (Some(4), Some(2048)));
    assert_eq!(terms.labels.len(), 3);
    assert_eq!(answer.decided_by.unwrap().policy, "first");
}

#[tokio::test]
async fn the_first_refusal_ends_the_chain() {
    let mut session = session(vec![
        named("open", &[("misbehave", "accept")]),
        named("closed", &[("misbehave", "refuse")]),
        // It would fail, if it were asked.
        named("after", &[("misbehave", "trap")]),
    ])
    .await;
    let answer = session.accept_connection(&acme(), noon()).await;
    let ConnectionDecision::Refuse(refusal) = answer.decision else {
        panic!("not refused")
    };
    assert_eq!((refusal.reason, refusal.text.as_str()), (5, "closed today"));
    assert_eq!(answer.decided_by.unwrap().policy, "closed");
    assert_eq!(answer.failures, []);
}

#[tokio::test]
async fn a_response_is_held_by_one_and_refused_by_another() {
    let later = |name, seconds| named(name, &[("misbehave", "later"), ("seconds", seconds)]);
    let mut session = session(vec![later("a", "60"), later("b", "600"), later("c", "5")]).await;
    let answer = session.end_transfer(&acme(), &received("X"), noon()).await;
    assert_eq!(answer.decision, ResponseDecision::Later(600));

    let mut session = common::session(vec![
        later("a", "60"),
        named("b", &[("misbehave", "negative")]),
    ])
    .await;
    let answer = session.end_transfer(&acme(), &received("X"), noon()).await;
    let ResponseDecision::Negative(refusal) = answer.decision else {
        panic!("not refused")
    };
    assert_eq!((refusal.reason, refusal.text.as_str()), (35, "nobody home"));
    assert_eq!(answer.decided_by.unwrap().policy, "b");
}

#[tokio::test]
async fn a_failure_of_one_is_not_a_failure_of_the_others() {
    let mut failing = named("failing", &[("misbehave", "trap")]);
    failing
        .on_failure
        .insert(Hook::AcceptConnection, OnFailure::Accept);
    let accepting = named("accepting", &[("misbehave", "accept"), ("credit", "7")]);
    let mut session = session(vec![failing, accepting]).await;
    let answer = session.accept_connection(&acme(), noon()).await;
    let ConnectionDecision::Accept(terms) = answer.decision else {
        panic!("not accepted")
    };
    assert_eq!(terms.credit, Some(7));
    assert_eq!(answer.failures.len(), 1);
    assert_eq!(answer.decided_by.unwrap().policy, "accepting");
}

#[tokio::test]
async fn a_policy_is_asked_only_what_it_is_deployed_for() {
    let mut closed = named("closed", &[("misbehave", "refuse")]);
    closed.hooks = vec![Hook::AcceptFile];
    let mut session = session(vec![closed]).await;
    let answer = session.accept_connection(&acme(), noon()).await;
    assert_eq!(
        (answer.decision, answer.decided_by),
        (ConnectionDecision::Pass, None)
    );
    let answer = session.accept_file(&acme(), &file("REFUSE"), noon()).await;
    assert!(matches!(answer.decision, FileDecision::Refuse(_)));
}

#[tokio::test]
async fn without_policies_everything_passes() {
    let mut session = session(vec![]).await;
    assert_eq!(
        session.accept_connection(&acme(), noon()).await.decision,
        ConnectionDecision::Pass
    );
    assert_eq!(
        session.ready_to_send(&acme(), noon()).await.decision,
        TurnDecision::Pass
    );
}

#[tokio::test]
async fn two_policies_of_one_name_are_refused() {
    let error = PolicySet::load(&ENGINE, vec![named("a", &[]), named("a", &[])])
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::Duplicate { .. }), "{error}");
}

/// `terms` under another name, which answers `queue-file` as told.
fn queueing(name: &str, settings: &[(&str, &str)]) -> PolicySpec {
    PolicySpec {
        name: name.to_owned(),
        ..spec("terms", settings)
    }
}

#[tokio::test]
async fn what_policies_want_files_to_be_secured_with_adds_up() {
    let mut session = session(vec![
        queueing(
            "first",
            &[("queue-security", "signed"), ("queue-suite", "6")],
        ),
        queueing(
            "second",
            &[
                ("queue-security", "encrypted"),
                ("queue-suite", "4"),
                ("queue-label", "b"),
            ],
        ),
    ])
    .await;
    let answer = session.queue_file(&to_queue("X"), noon()).await;
    let QueueDecision::Queue(terms) = answer.decision else {
        panic!("{:?}", answer.failures)
    };
    assert_eq!(terms.security, Some(SecurityLevel::EncryptedAndSigned));
    assert_eq!((terms.cipher_suite, terms.labels.len()), (Some(6), 1));
    assert_eq!(answer.decided_by.unwrap().policy, "first");
}

#[tokio::test]
async fn a_file_is_refused_by_one_and_waits_for_another() {
    let fails = || queueing("fails", &[("queue-fails", "no rules")]);
    let mut session = session(vec![
        fails(),
        queueing("b", &[("queue-security", "signed")]),
    ])
    .await;
    let answer = session.queue_file(&to_queue("X"), noon()).await;
    assert!(
        matches!(answer.decision, QueueDecision::Later(_)),
        "{answer:?}"
    );
    assert_eq!(answer.decided_by.unwrap().policy, "fails");

    let mut session =
        common::session(vec![fails(), queueing("b", &[("queue-refuse", "no")])]).await;
    let answer = session.queue_file(&to_queue("X"), noon()).await;
    assert_eq!(answer.decision, QueueDecision::Refuse("no".to_owned()));

    let absurd = queueing("absurd", &[("queue-suite", "100")]);
    let mut session = common::session(vec![absurd]).await;
    let answer = session.queue_file(&to_queue("X"), noon()).await;
    assert!(
        matches!(answer.decision, QueueDecision::Later(_)),
        "{answer:?}"
    );
    assert_eq!(
        answer.failures[0].kind,
        pointsman_policy::FailureKind::BadDecision
    );
}
