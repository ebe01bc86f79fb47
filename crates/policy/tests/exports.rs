//! Components export the hooks that they want, and of which version they like: they are asked those and no others.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;

use common::*;
use pointsman_policy::types::*;
use pointsman_policy::{ComponentFault, Hook, LoadError, PolicySet, PolicySpec};

fn label(value: &str) -> Vec<(String, String)> {
    vec![("older".to_owned(), value.to_owned())]
}

/// Refuses files whose names begin otherwise, and exports nothing but that.
fn one_hook(begins: &str) -> PolicySpec {
    spec("one-hook", &[("begins", begins)])
}

fn fault(refused: LoadError) -> ComponentFault {
    match refused {
        LoadError::Component { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_component_of_one_hook_is_asked_that_and_passes_all_others() {
    let policies = load(vec![one_hook("DESADV")]).await;
    assert_eq!(
        policies.current().hooks("one-hook"),
        [Hook::AcceptFile],
        "it exports no other"
    );
    let mut session = session(vec![one_hook("DESADV")]).await;
    let taken = session.accept_file(&acme(), &file("DESADV1"), noon()).await;
    assert_eq!(taken.decision, FileDecision::Pass);
    assert_eq!(taken.asked.len(), 1);
    let refused = session.accept_file(&acme(), &file("ORDERS"), noon()).await;
    let FileDecision::Refuse(refusal) = refused.decision else {
        panic!("{:?}", refused.failures)
    };
    assert_eq!((refusal.reason, &*refusal.text), (14, "only DESADV"));

    // Of the others it is not even asked.
    let connection = session.accept_connection(&acme(), noon()).await;
    assert_eq!(connection.decision, ConnectionDecision::Pass);
    let end = session.end_transfer(&acme(), &received("X"), noon()).await;
    assert_eq!(end.decision, ResponseDecision::Pass);
    let turn = session.ready_to_send(&acme(), noon()).await;
    assert_eq!(turn.decision, TurnDecision::Pass);
    let told = session.end_response(&acme(), &eerp("X"), noon()).await;
    let queue = session.queue_file(&to_queue("X"), noon()).await;
    assert_eq!(queue.decision, QueueDecision::Pass);
    assert!(connection.asked.is_empty() && end.asked.is_empty() && queue.asked.is_empty());
    assert!(turn.asked.is_empty() && told.asked.is_empty());
}

#[tokio::test]
async fn in_a_chain_each_is_asked_what_it_exports() {
    let older = spec("older", &[]);
    let mut session = session(vec![one_hook("DESADV"), older]).await;
    let names = |asked: &[pointsman_policy::AskedPolicy]| {
        asked.iter().map(|one| one.name.clone()).collect::<Vec<_>>()
    };
    let file = session.accept_file(&acme(), &file("DESADV1"), noon()).await;
    assert_eq!(names(&file.asked), ["one-hook", "older"]);
    let turn = session.ready_to_send(&acme(), noon()).await;
    assert_eq!(names(&turn.asked), ["older"]);
}

/// The octets of such a component are deployed for years, whatever the contract gets in the meantime.
#[tokio::test]
async fn what_was_built_against_the_first_contract_runs_unchanged() {
    let wit = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/older/wit");
    let world = std::fs::read_to_string(wit.join("world.wit")).unwrap();
    assert!(world.contains("package oftp:policy@0.2.0;"), "{world}");

    let policies = load(vec![spec("older", &[])]).await;
    let asked: BTreeSet<Hook> = policies.current().hooks("older").into_iter().collect();
    let of_that_time = [
        Hook::AcceptConnection,
        Hook::AcceptFile,
        Hook::EndTransfer,
        Hook::ReadyToSend,
        Hook::EndResponse,
    ];
    assert_eq!(asked, of_that_time.into_iter().collect());

    let mut session = session(vec![spec("older", &[("credit", "7")])]).await;
    let answer = session.accept_connection(&acme(), noon()).await;
    let ConnectionDecision::Accept(terms) = answer.decision else {
        panic!("{:?}", answer.failures)
    };
    assert_eq!(
        (terms.credit, terms.labels),
        (Some(7), label("O0013000001ACME"))
    );
    let answer = session.accept_file(&acme(), &file("ORDERS"), noon()).await;
    let FileDecision::Accept(terms) = answer.decision else {
        panic!("{:?}", answer.failures)
    };
    assert_eq!(
        (terms.directory.as_deref(), terms.labels),
        (Some("older"), label("ORDERS"))
    );
    let answer = session.end_transfer(&acme(), &received("X"), noon()).await;
    let ResponseDecision::Positive(terms) = answer.decision else {
        panic!("{:?}", answer.failures)
    };
    assert_eq!(terms.labels, label("12000"));
    let answer = session.ready_to_send(&acme(), noon()).await;
    let TurnDecision::Send(terms) = answer.decision else {
        panic!("{:?}", answer.failures)
    };
    let files = terms.files.unwrap_or_default();
    assert_eq!(files, ["out-3", "out-2", "out-1"]);
    let answer = session.end_response(&acme(), &eerp("X"), noon()).await;
    assert_eq!(answer.failures, []);
    // What came after it, it has no opinion on.
    let queue = session.queue_file(&to_queue("X"), noon()).await;
    assert_eq!(queue.decision, QueueDecision::Pass);
    assert!(queue.asked.is_empty() && queue.failures.is_empty());
    let kept = answer.host_calls.iter().map(|call| call.function);
    assert_eq!(kept.collect::<Vec<_>>(), ["kv-set"]);
}

#[tokio::test]
async fn a_policy_that_is_deployed_for_what_it_does_not_export_is_refused() {
    let deployed = |hooks: &[Hook]| PolicySpec {
        hooks: hooks.to_vec(),
        ..one_hook("DESADV")
    };
    let both = deployed(&[Hook::AcceptFile, Hook::ReadyToSend]);
    let refused = PolicySet::load(&ENGINE, vec![both.clone()]).await;
    let why = fault(refused.unwrap_err());
    assert!(matches!(why, ComponentFault::NotExported { .. }), "{why}");
    for words in [
        "ready-to-send",
        "exports accept-file alone",
        "oftp:policy/turns",
    ] {
        assert!(why.to_string().contains(words), "{why}");
    }

    // The same when only the configuration changes, and when only the component does.
    let policies = load(vec![deployed(&[Hook::AcceptFile])]).await;
    let refused = policies.prepare(vec![both]).await.unwrap_err();
    let why = fault(refused);
    assert!(matches!(why, ComponentFault::NotExported { .. }), "{why}");

    let mut older = spec("older", &[]);
    older.hooks = vec![Hook::ReadyToSend];
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("older.wasm");
    std::fs::copy(&older.component, &place).unwrap();
    older.component = place;
    let policies = load(vec![older]).await;
    let narrower = std::fs::read(component("one-hook")).unwrap();
    let why = fault(policies.swap("older", &narrower).await.unwrap_err());
    assert!(matches!(why, ComponentFault::NotExported { .. }), "{why}");
    assert_eq!(policies.current().hooks("older"), [Hook::ReadyToSend]);
}
