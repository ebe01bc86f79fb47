//! Everything a policy can do wrong is contained, named, and answered; the next question works.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use pointsman_policy::types::*;
use pointsman_policy::{
    Conversation, Engine, EngineConfig, FailureKind, Hook, OnFailure, PolicySet, PolicySpec,
    ResourceLimits,
};

/// `misbehave` with little time, so that the tests have more.
fn misbehave(settings: &[(&str, &str)]) -> PolicySpec {
    PolicySpec {
        limits: ResourceLimits {
            time: Duration::from_millis(100),
            call: Duration::from_millis(500),
            ..ResourceLimits::default()
        },
        ..spec("misbehave", settings)
    }
}

/// Where the policy has been, by its own account: in this instance, and in this session.
async fn counts(session: &mut Conversation) -> (u32, u32) {
    let answer = session.accept_file(&acme(), &file("COUNT"), noon()).await;
    let FileDecision::Accept(terms) = answer.decision else {
        panic!("the next question was not answered: {:?}", answer.failures);
    };
    let labels: Vec<u32> = terms
        .labels
        .iter()
        .map(|(_, count)| count.parse().unwrap())
        .collect();
    (labels[0], labels[1])
}

#[tokio::test]
async fn each_failure_has_its_name_and_the_next_question_is_answered() {
    let mut session = session(vec![misbehave(&[])]).await;
    let mut asked = 0;
    for (name, kind, detail) in [
        (
            "LOOP",
            FailureKind::Deadline,
            "it ran for more than `limits.time`, 100 ms",
        ),
        (
            "HANG",
            FailureKind::Deadline,
            "the question took more than 500 ms",
        ),
        (
            "SLEEP",
            FailureKind::Deadline,
            "the question took more than 500 ms",
        ),
        (
            "MEMORY",
            FailureKind::Memory,
            "it wanted more than `limits.memory`, 33554432 octets",
        ),
        (
            "RECURSE",
            FailureKind::Stack,
            "it recursed beyond its stack",
        ),
        ("TRAP", FailureKind::Trap, "a bug in the policy"),
        ("EXIT", FailureKind::Trap, "xit"),
        (
            "CALLS",
            FailureKind::Trap,
            "more than 1000 calls into the server in one event",
        ),
        (
            "ERROR",
            FailureKind::ErrorText,
            "the table of partners is empty",
        ),
        ("ERROR.LONG", FailureKind::ErrorText, "xxxx"),
        (
            "ABSURD.PATH",
            FailureKind::BadDecision,
            "`directory`: `..` cannot be part of a path",
        ),
        (
            "ABSURD.NAME",
            FailureKind::BadDecision,
            "`file-name`: `a/b` cannot be part of a path",
        ),
        (
            "ABSURD.TEXT",
            FailureKind::BadDecision,
            "`text`: it has 1000 octets",
        ),
        (
            "ABSURD.REASON",
            FailureKind::BadDecision,
            "`reason`: SFNA has no reason 77",
        ),
        ("ABSURD.LABELS", FailureKind::Trap, "fuel"),
    ] {
        let before = Instant::now();
        let answer = session.accept_file(&acme(), &file(name), noon()).await;
        let [failure] = answer.failures.as_slice() else {
            panic!(
                "{name}: one failure was expected, {:?} came",
                answer.failures
            );
        };
        println!("{name}: {failure}");
        assert_eq!(failure.kind, kind, "{name}: {failure}");
        assert!(failure.detail.contains(detail), "{name}: {failure}");
        assert!(
            failure.detail.len() < 5000,
            "{name}: the detail is not bounded"
        );
        assert_eq!(failure.hook, Hook::AcceptFile);
        assert_eq!(failure.policy, "misbehave");
        let FileDecision::Refuse(refusal) = &answer.decision else {
            panic!("{name}: the file was taken");
        };
        assert_eq!((refusal.reason, refusal.retry), (99, true), "{name}");
        assert!(
            before.elapsed() < Duration::from_secs(5),
            "{name}: it took too long"
        );

        asked += 1;
        let (instance, session_count) = counts(&mut session).await;
        assert_eq!(
            session_count, asked,
            "{name}: what is kept with the session was lost"
        );
        // An orderly answer leaves the instance as it is; all else makes a new one.
        let orderly = matches!(kind, FailureKind::ErrorText | FailureKind::BadDecision);
        assert_eq!(instance > 1, orderly, "{name}: {instance}");
    }
}

/// There is one thread for both: a policy that held it would be at its end before anybody else is asked.
#[tokio::test]
async fn other_tasks_run_while_a_policy_loops() {
    let mut patient = misbehave(&[]);
    patient.limits.time = Duration::from_secs(20);
    patient.limits.call = Duration::from_secs(20);
    let mut session = session(vec![patient]).await;
    counts(&mut session).await;
    let ticking = async {
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (partner, endless) = (acme(), file("LOOP"));
    tokio::select! {
        () = ticking => {}
        answer = session.accept_file(&partner, &endless, noon()) => {
            panic!("another task had to wait for the policy: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_failure_at_each_hook_is_answered_as_deployed() {
    let retry = OnFailure::Retry;
    let refuse = OnFailure::Refuse;
    let accept = OnFailure::Accept;
    for mode in [retry, refuse, accept] {
        let mut spec = misbehave(&[("misbehave", "trap")]);
        spec.on_failure = Hook::ALL.into_iter().map(|hook| (hook, mode)).collect();
        let mut session = session(vec![spec]).await;
        let (reason, again, by) = (
            |r: &Refusal| r.reason,
            |r: &Refusal| r.retry,
            mode != accept,
        );

        let answer = session.accept_connection(&acme(), noon()).await;
        assert_eq!(
            (answer.failures.len(), answer.decided_by.is_some()),
            (1, by)
        );
        match answer.decision {
            ConnectionDecision::Refuse(r) => {
                assert_eq!((reason(&r), again(&r)), (8, mode == retry))
            }
            other => assert_eq!((mode, other), (accept, ConnectionDecision::Pass)),
        }
        let answer = session.accept_file(&acme(), &file("TRAP"), noon()).await;
        match answer.decision {
            FileDecision::Refuse(r) => assert_eq!((reason(&r), again(&r)), (99, mode == retry)),
            other => assert_eq!((mode, other), (accept, FileDecision::Pass)),
        }
        let answer = session.end_transfer(&acme(), &received("X"), noon()).await;
        match answer.decision {
            ResponseDecision::Negative(r) => assert_eq!((mode, reason(&r)), (refuse, 34)),
            ResponseDecision::Later(seconds) => assert_eq!((mode, seconds), (retry, 300)),
            other => assert_eq!((mode, other), (accept, ResponseDecision::Pass)),
        }
        let answer = session.ready_to_send(&acme(), noon()).await;
        assert_eq!(answer.failures.len(), 1);
        match answer.decision {
            TurnDecision::Hold(_) => assert_eq!(mode, refuse),
            other => assert_eq!(other, TurnDecision::Pass),
        }
        let answer = session.end_response(&acme(), &eerp("X"), noon()).await;
        assert_eq!((answer.failures.len(), answer.decided_by), (1, None));
    }
}

#[tokio::test]
async fn impossible_answers_are_caught_at_each_hook() {
    let mut session = session(vec![misbehave(&[("misbehave", "absurd")])]).await;
    let failed = |failures: Vec<pointsman_policy::PolicyFailure>| {
        assert_eq!(failures.len(), 1);
        (failures[0].hook, failures[0].kind)
    };
    let bad = FailureKind::BadDecision;
    let answer = session.accept_connection(&acme(), noon()).await;
    assert_eq!(failed(answer.failures), (Hook::AcceptConnection, bad));
    let answer = session.end_transfer(&acme(), &received("X"), noon()).await;
    assert_eq!(failed(answer.failures), (Hook::EndTransfer, bad));
    let answer = session.ready_to_send(&acme(), noon()).await;
    assert_eq!(failed(answer.failures), (Hook::ReadyToSend, bad));
}

#[tokio::test]
async fn an_abandoned_question_does_not_spoil_the_next() {
    let mut session = session(vec![misbehave(&[])]).await;
    assert_eq!(counts(&mut session).await, (1, 1));
    let (partner, hang) = (acme(), file("HANG"));
    let abandoned = session.accept_file(&partner, &hang, noon());
    tokio::time::timeout(Duration::from_millis(50), abandoned)
        .await
        .unwrap_err();
    assert_eq!(counts(&mut session).await, (1, 2));
}

#[tokio::test]
async fn an_instance_is_created_again_after_a_few_hundred_questions() {
    let mut session = session(vec![misbehave(&[])]).await;
    let mut lifetimes = vec![];
    for asked in 1..=1000 {
        let (instance, session_count) = counts(&mut session).await;
        assert_eq!(
            session_count, asked,
            "what is kept with the session was lost"
        );
        if instance == 1 {
            lifetimes.push(0);
        }
        *lifetimes.last_mut().unwrap() += 1;
    }
    lifetimes.pop();
    assert!(lifetimes.len() >= 2, "{lifetimes:?}");
    assert!(
        lifetimes.iter().all(|n| (200..=400).contains(n)),
        "{lifetimes:?}"
    );
}

/// An engine whose instances may hold so many octets together.
fn engine_with(memory: u64) -> Engine {
    Engine::new(EngineConfig {
        memory,
        ..EngineConfig::default()
    })
    .unwrap()
}

async fn sessions(engine: &Engine, count: usize, spec: PolicySpec) -> Vec<Conversation> {
    let policies = PolicySet::load(engine, vec![spec]).await.unwrap();
    (0..count)
        .map(|n| {
            let server = Arc::new(Server::default());
            Conversation::open(policies.current(), format!("session-{n}"), server)
        })
        .collect()
}

#[tokio::test]
async fn instances_that_rest_make_way_where_all_together_would_be_too_much() {
    // One instance holds more than 1 MiB.
    let mut sessions = sessions(&engine_with(6 << 20), 20, misbehave(&[])).await;
    for round in 1..=3 {
        for (n, session) in sessions.iter_mut().enumerate() {
            let created_again = counts(session).await;
            assert_eq!(
                created_again,
                (1, 2 * round - 1),
                "session {n} had rested longest, and what it kept stays"
            );
            let at_hand = counts(session).await;
            assert_eq!(at_hand, (2, 2 * round), "there was room for session {n}");
        }
    }
}

#[tokio::test]
async fn where_all_memory_is_in_use_a_question_waits_for_room() {
    let engine = engine_with(6 << 20);
    let mut patient = misbehave(&[]);
    patient.limits.call = Duration::from_secs(30);
    let mut patient = sessions(&engine, 1, patient).await;
    let sleepers = sessions(&engine, 20, misbehave(&[])).await;
    let sleepers: Vec<_> = sleepers
        .into_iter()
        .map(|mut session| {
            tokio::spawn(async move {
                let asleep = file("SLEEP");
                session.accept_file(&acme(), &asleep, noon()).await.failures
            })
        })
        .collect();
    // They are at their questions before it asks its own.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(counts(&mut patient[0]).await, (1, 1));

    let mut no_room = 0;
    for sleeper in sleepers {
        let failures = sleeper.await.unwrap();
        let [failure] = failures.as_slice() else {
            panic!("one failure was expected, {failures:?} came");
        };
        match failure.kind {
            FailureKind::Deadline => {}
            FailureKind::Memory => {
                assert!(
                    failure.detail.contains("`limits.policies_memory`"),
                    "{failure}"
                );
                no_room += 1;
            }
            _ => panic!("{failure}"),
        }
    }
    assert!(no_room >= 10, "{no_room} had no room");
}

/// The wait for memory and the answer are within the time of one question together.
#[tokio::test]
async fn a_question_that_waited_for_memory_has_the_rest_of_its_time_to_be_answered() {
    // One instance holds more than 1 MiB, so that there is memory for one alone.
    let engine = engine_with(5 << 19);
    let allowed = |seconds| {
        let mut spec = misbehave(&[]);
        spec.limits.call = Duration::from_secs(seconds);
        spec
    };
    let mut first = sessions(&engine, 1, allowed(2)).await.remove(0);
    let mut second = sessions(&engine, 1, allowed(3)).await.remove(0);
    let (partner, asleep, began) = (acme(), file("SLEEP"), Instant::now());
    let (_, waited) = tokio::join!(
        first.accept_file(&partner, &asleep, noon()),
        second.accept_file(&partner, &asleep, noon())
    );
    let took = began.elapsed();
    let [failure] = waited.failures.as_slice() else {
        panic!("one failure was expected, {:?} came", waited.failures);
    };
    assert_eq!(
        failure.kind,
        FailureKind::Deadline,
        "it got memory: {failure}"
    );
    assert!(took < Duration::from_millis(4500), "{took:?}");
}

#[tokio::test]
async fn a_policy_that_needs_more_than_all_may_hold_is_not_loaded() {
    let refused = PolicySet::load(&engine_with(1 << 20), vec![misbehave(&[])]).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("`limits.policies_memory`"), "{error}");
}
