//! Policies are replaced while sessions continue.

#![cfg(test)]

mod common;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use pointsman_policy::{ComponentFault, Conversation, Engine, LoadError, PolicySet, PolicySpec};
use sha2::{Digest as _, Sha256};

/// The same component with a custom section more: other octets, other digest, same behaviour.
fn edition(component: &[u8], number: u8) -> Vec<u8> {
    [component, &[0, 3, 1, b'n', number]].concat()
}

/// Deployed in a folder of its own: a swap replaces the configured file.
fn deployed(folder: &Path) -> PolicySpec {
    let component = folder.join("misbehave.wasm");
    std::fs::write(&component, misbehave()).unwrap();
    PolicySpec {
        component,
        ..spec("misbehave", &[])
    }
}

fn misbehave() -> Vec<u8> {
    std::fs::read(component("misbehave")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_sees_two_generations_and_old_ones_are_freed() {
    let folder = tempfile::tempdir().unwrap();
    let chain = vec![deployed(folder.path()), spec("known-partners", &[])];
    let policies = Arc::new(load(chain).await);
    let done = Arc::new(AtomicBool::new(false));
    let sessions: Vec<_> = (0..4)
        .map(|task| {
            let (policies, done) = (policies.clone(), done.clone());
            tokio::spawn(async move {
                let (mut sessions, mut generations) = (0, std::collections::BTreeSet::new());
                while !done.load(Ordering::Relaxed) {
                    let generation = policies.current();
                    let server = Arc::new(Server::default());
                    let mut session = Conversation::open(
                        Arc::clone(&generation),
                        format!("{task}-{sessions}"),
                        server,
                    );
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
    let folder = tempfile::tempdir().unwrap();
    let policies = load(vec![deployed(folder.path())]).await;
    let session = Conversation::open(
        policies.current(),
        "s".to_owned(),
        Arc::new(Server::default()),
    );
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
    let folder = tempfile::tempdir().unwrap();
    let policies = load(vec![deployed(folder.path())]).await;
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
    assert!(policies.reload("misbehave").await.is_none());

    // Touched, the content is the same.
    put(&misbehave());
    assert!(policies.reload("misbehave").await.is_none());
    assert_eq!(policies.current().number(), 1);

    put(&edition(&misbehave(), 1));
    let outcomes: Vec<_> = policies.reload("misbehave").await.into_iter().collect();
    let [Ok(swapped)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!((swapped.generation, &swapped.previous), (2, &first));
    assert!(policies.reload("misbehave").await.is_none());

    put(b"half a compo");
    let outcomes: Vec<_> = policies.reload("misbehave").await.into_iter().collect();
    let [Err(LoadError::Component { file, .. })] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!(file, Path::new(&deployed));
    assert!(policies.reload("misbehave").await.is_none());
    assert_eq!(policies.current().number(), 2);

    std::fs::remove_file(&deployed).unwrap();
    let outcomes: Vec<_> = policies.reload("misbehave").await.into_iter().collect();
    assert!(
        matches!(outcomes.as_slice(), [Err(LoadError::Read { .. })]),
        "{outcomes:?}"
    );
    assert!(policies.reload("misbehave").await.is_none());

    put(&misbehave());
    let outcomes: Vec<_> = policies.reload("misbehave").await.into_iter().collect();
    let [Ok(swapped)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!((swapped.generation, &swapped.digest), (3, &first));
}

/// A compiler that takes as long as the last four octets of the component say, in seconds. All editions of one
/// component have the same machine code; it has been made before.
fn patient_compiler(folder: &Path) -> Engine {
    let artefact = folder.join("artefact");
    let compiled = Command::new(compiler_program())
        .args(["60", "512"])
        .stdin(std::fs::File::open(component("misbehave")).unwrap())
        .stdout(std::fs::File::create(&artefact).unwrap())
        .stderr(Stdio::inherit())
        .status()
        .unwrap();
    assert!(compiled.success());
    let script = "sleep $(tail -c4); exec cat \"$0\"".to_owned();
    let args = vec!["-c".to_owned(), script, artefact.display().to_string()];
    with_program(Path::new("/bin/sh"), args)
}

/// The same component with another digest, which takes so many hundredths of a second to compile.
fn slow_edition(number: usize, hundredths: usize) -> Vec<u8> {
    let seconds = format!("{:.2}", hundredths as f64 / 100.0);
    let number = u32::try_from(number).unwrap().to_be_bytes();
    [
        &misbehave()[..],
        &[0, 10, 1, b'n'],
        &number,
        seconds.as_bytes(),
    ]
    .concat()
}

fn digest(component: &[u8]) -> String {
    let mut text = String::new();
    for octet in Sha256::digest(component) {
        write!(text, "{octet:02x}").unwrap();
    }
    text
}

fn in_force(policies: &PolicySet) -> String {
    let generation = policies.current();
    let (_, digest) = generation.policies().next().unwrap();
    digest.to_owned()
}

/// Two changes one right after the other, by command or by hand, with the watcher running all the while: whichever
/// compiles longer, the policy never goes back. `POLICY_SWAP_RACES` says how many times.
#[tokio::test]
async fn what_was_asked_for_last_is_in_force_whichever_compiles_longer() {
    let races: usize = std::env::var("POLICY_SWAP_RACES").map_or(20, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let deployed = deployed(folder.path());
    let place = deployed.component.clone();
    std::fs::write(&place, slow_edition(0, 0)).unwrap();
    let engine = patient_compiler(folder.path());
    let policies = PolicySet::load(&engine, vec![deployed]).await.unwrap();
    let mut chance = Chance::new();
    let mut editions = HashMap::from([(digest(&slow_edition(0, 0)), 0)]);
    let (mut overtaken, mut by_hand) = (0, 0);
    for race in 0..races {
        let [older, newer] = [1, 2].map(|n| {
            let component = slow_edition(2 * race + n, chance.below(10));
            editions.insert(digest(&component), 2 * race + n);
            component
        });
        let last = 2 * race + 2;
        let copied = chance.below(4) == 0;
        let pause = Duration::from_millis(chance.below(40) as u64);
        let mut newest = 2 * race;
        let mut look = || {
            let edition = editions[&in_force(&policies)];
            assert!(edition >= newest, "{edition} came back after {newest}");
            newest = edition;
        };
        let copy = async {
            // Who looks at the file after the older one was asked for waits until that one has its number.
            assert!(policies.reload("misbehave").await.is_none());
            tokio::time::sleep(pause).await;
            let beside = folder.path().join("beside");
            std::fs::write(&beside, &newer).unwrap();
            std::fs::rename(&beside, &place).unwrap();
        };
        let changes = async {
            match copied {
                false => {
                    let (older, newer) = tokio::join!(
                        policies.swap("misbehave", &older),
                        policies.swap("misbehave", &newer)
                    );
                    assert_eq!(newer.unwrap().not_installed, None);
                    older
                }
                true => tokio::join!(policies.swap("misbehave", &older), copy).0,
            }
        };
        let watching = async {
            loop {
                let reloaded = policies.reload("misbehave").await;
                assert!(copied || reloaded.is_none(), "{reloaded:?}");
                look();
                tokio::task::yield_now().await;
            }
        };
        let changed = tokio::time::timeout(Duration::from_secs(60), async {
            tokio::select! {
                biased;
                older = changes => older,
                () = watching => unreachable!("it watches for ever"),
            }
        });
        let older = changed.await.expect("both changes are done");
        match older {
            Ok(_) => {}
            Err(LoadError::Overtaken { .. }) => overtaken += 1,
            Err(other) => panic!("{other}"),
        }
        // What was copied in while nobody looked is found by the next look, or the one after if it was being read.
        for _ in 0..2 {
            if copied {
                let reloaded = policies.reload("misbehave").await;
                reloaded.transpose().unwrap();
            }
        }
        assert_eq!(
            editions[&in_force(&policies)],
            last,
            "the newer one is in force; copied: {copied}"
        );
        by_hand += usize::from(copied);
        assert!(policies.reload("misbehave").await.is_none());
        assert_eq!(
            std::fs::read(&place).unwrap(),
            newer,
            "a restart changes nothing"
        );
    }
    println!("{races} races, {by_hand} with a copy; {overtaken} overtaken");
    assert!(overtaken > 0, "no newer one was quicker");
}

#[tokio::test]
async fn nobody_waits_for_another_policys_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let slow = PolicySpec {
        name: "slow".to_owned(),
        component: folder.path().join("slow.wasm"),
        ..PolicySpec::default()
    };
    let quick = deployed(folder.path());
    for place in [&slow.component, &quick.component] {
        std::fs::write(place, slow_edition(0, 0)).unwrap();
    }
    let engine = patient_compiler(folder.path());
    let place = quick.component.clone();
    let policies = PolicySet::load(&engine, vec![slow, quick]).await.unwrap();

    let (long, short) = (slow_edition(1, 999), slow_edition(2, 0));
    let others = async {
        policies.swap("misbehave", &short).await.unwrap();
        std::fs::write(&place, slow_edition(3, 0)).unwrap();
        policies.reload("misbehave").await.unwrap().unwrap();
        // The same policy, too.
        policies.swap("slow", &slow_edition(4, 0)).await.unwrap();
    };
    let (slow, ()) = tokio::time::timeout(Duration::from_secs(9), async {
        tokio::join!(policies.swap("slow", &long), others)
    })
    .await
    .expect("the others, and who was overtaken, are done before that compiler is");
    let error = slow.unwrap_err();
    assert!(matches!(error, LoadError::Overtaken { .. }), "{error}");
    assert_eq!(policies.current().number(), 4);
}

#[tokio::test]
async fn a_component_that_is_a_pipe_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let spec = deployed(folder.path());
    let place = spec.component.clone();
    let policies = load(vec![spec.clone()]).await;
    std::fs::remove_file(&place).unwrap();
    let made = Command::new("mkfifo").arg(&place).status().unwrap();
    assert!(made.success());
    let soon = Duration::from_secs(30);
    let looked = tokio::time::timeout(soon, policies.reload("misbehave")).await;
    let error = looked.unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("not a file"), "{error}");
    let loaded = tokio::time::timeout(soon, PolicySet::load(&ENGINE, vec![spec])).await;
    let error = loaded.unwrap().unwrap_err().to_string();
    assert!(error.contains("not a file"), "{error}");

    let swapped = policies.swap("misbehave", &edition(&misbehave(), 1)).await;
    assert_eq!(swapped.unwrap().not_installed, None);
    assert!(std::fs::metadata(&place).unwrap().is_file());
}
