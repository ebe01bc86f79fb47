//! Policies are replaced while sessions go on.

#![cfg(test)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::*;
use pointsman_policy::{ComponentFault, LoadError, PolicySpec};

/// The same component with a custom section more: other octets, other digest, same behaviour.
fn edition(component: &[u8], number: u8) -> Vec<u8> {
    [component, &[0, 3, 1, b'n', number]].concat()
}

fn misbehave() -> Vec<u8> {
    std::fs::read(component("misbehave")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_sees_two_generations_and_old_ones_are_freed() {
    let policies = Arc::new(load(vec![spec("misbehave", &[]), spec("known-partners", &[])]).await);
    let done = Arc::new(AtomicBool::new(false));
    let sessions: Vec<_> = (0..4)
        .map(|task| {
            let (policies, done) = (policies.clone(), done.clone());
            tokio::spawn(async move {
                let (mut sessions, mut generations) = (0, std::collections::BTreeSet::new());
                while !done.load(Ordering::Relaxed) {
                    let generation = policies.current();
                    let mut session = generation
                        .session(format!("{task}-{sessions}"), Arc::new(Server::default()));
                    let (_, digest) = generation.policies().next().unwrap();
                    let digest = digest.to_owned();
                    let number = generation.number();
                    drop(generation);
                    for _ in 0..20 {
                        let answer = session.accept_file(&acme(), &file("COUNT"), noon()).await;
                        assert_eq!(answer.failures, []);
                        let by = answer.decided_by.unwrap();
                        assert_eq!((by.generation, by.digest), (number, digest.clone()));
                        assert_eq!(session.generation(), number);
                        tokio::task::yield_now().await;
                    }
                    generations.insert(number);
                    sessions += 1;
                }
                generations
            })
        })
        .collect();

    let component = misbehave();
    for n in 0..12 {
        let swapped = policies
            .swap("misbehave", &edition(&component, n))
            .await
            .unwrap();
        assert_eq!(swapped.generation, u64::from(n) + 2);
        assert_ne!(swapped.digest, swapped.previous);
    }
    done.store(true, Ordering::Relaxed);
    let mut seen = std::collections::BTreeSet::new();
    for session in sessions {
        seen.extend(session.await.unwrap());
    }
    assert!(
        seen.len() > 3,
        "the sessions saw too few generations to prove anything: {seen:?}"
    );
    assert_eq!(policies.live_generations(), [13]);
}

#[tokio::test]
async fn a_session_keeps_its_generation_alive_and_no_longer() {
    let policies = load(vec![spec("misbehave", &[])]).await;
    let session = policies
        .current()
        .session("s".to_owned(), Arc::new(Server::default()));
    policies
        .swap("misbehave", &edition(&misbehave(), 1))
        .await
        .unwrap();
    policies
        .swap("misbehave", &edition(&misbehave(), 2))
        .await
        .unwrap();
    assert_eq!(policies.live_generations(), [1, 3]);
    assert_eq!(session.generation(), 1);
    drop(session);
    assert_eq!(policies.live_generations(), [3]);
}

#[tokio::test]
async fn a_broken_component_changes_nothing() {
    let policies = load(vec![spec("misbehave", &[])]).await;
    let error = policies
        .swap("misbehave", b"not a component")
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LoadError::Component {
                fault: ComponentFault::NotWasm,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(policies.current().number(), 1);

    let error = policies.swap("routing", &misbehave()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no policy `routing`; there are: misbehave"
    );
}

#[tokio::test]
async fn changed_files_are_found_and_broken_ones_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let deployed = folder.path().join("policy.wasm");
    let put = |octets: &[u8]| {
        let beside = folder.path().join("policy.new");
        std::fs::write(&beside, octets).unwrap();
        std::fs::rename(&beside, &deployed).unwrap();
    };
    put(&misbehave());
    let spec = PolicySpec {
        component: deployed.clone(),
        ..spec("misbehave", &[])
    };
    let policies = load(vec![spec]).await;
    let (_, first) = policies
        .current()
        .policies()
        .map(|(n, d)| (n.to_owned(), d.to_owned()))
        .next()
        .unwrap();
    assert!(policies.reload_changed().await.is_empty());

    // Touched, the content is the same.
    put(&misbehave());
    assert!(policies.reload_changed().await.is_empty());
    assert_eq!(policies.current().number(), 1);

    put(&edition(&misbehave(), 1));
    let outcomes = policies.reload_changed().await;
    let [Ok(swapped)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!((swapped.generation, &swapped.previous), (2, &first));
    assert!(policies.reload_changed().await.is_empty());

    put(b"half a compo");
    let outcomes = policies.reload_changed().await;
    let [Err(LoadError::Component { file, .. })] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!(file, Path::new(&deployed));
    assert!(policies.reload_changed().await.is_empty());
    assert_eq!(policies.current().number(), 2);

    std::fs::remove_file(&deployed).unwrap();
    let outcomes = policies.reload_changed().await;
    assert!(
        matches!(outcomes.as_slice(), [Err(LoadError::Read { .. })]),
        "{outcomes:?}"
    );
    assert!(policies.reload_changed().await.is_empty());

    put(&misbehave());
    let outcomes = policies.reload_changed().await;
    let [Ok(swapped)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!((swapped.generation, &swapped.digest), (3, &first));
}
