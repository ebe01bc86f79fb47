//! What is kept of a decision: the question, the answer, what was called, and who was asked.

#![cfg(test)]

mod common;

use common::*;
use pointsman_policy::types::*;
use pointsman_policy::{Decided, PolicySpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// `misbehave` under another name.
fn named(name: &str, settings: &[(&str, &str)]) -> PolicySpec {
    PolicySpec {
        name: name.to_owned(),
        ..spec("misbehave", settings)
    }
}

/// The functions that were called.
fn functions<T>(decided: &Decided<T>) -> Vec<(&str, &str)> {
    let calls = decided.host_calls.iter();
    calls
        .map(|call| (call.policy.as_str(), call.function))
        .collect()
}

#[tokio::test]
async fn question_answer_and_calls_are_kept_under_the_names_of_the_wit_files() {
    let mut session = session(vec![named("first", &[("misbehave", "newest")])]).await;
    let decided = session.ready_to_send(&acme(), noon()).await;
    let kept = decided.to_json();
    assert_eq!(kept["hook"], "ready-to-send");
    assert_eq!(kept["at"], 1_795_356_359_000_u64);
    assert_eq!(kept["generation"], 1);
    assert_eq!(kept["decided-by"], "first");
    assert_eq!(kept["policies"][0]["name"], "first");
    let digest = decided.decided_by.as_ref().unwrap().digest.as_str();
    assert_eq!(kept["policies"][0]["digest"], digest);
    assert_eq!(kept["facts"]["connection"]["ssid-code"], "O0013000001ACME");
    assert_eq!(kept["facts"]["connection"]["direction"], "inbound");
    let answer = json!({ "send": { "files": ["out-3", "out-2", "out-1"], "max-files": 1 } });
    assert_eq!(kept["answer"], answer);
    assert!(kept["took-us"].as_u64().unwrap() > 0);
    assert_eq!(
        functions(&decided),
        [("first", "setting"), ("first", "list-outbound")]
    );
    let list = &kept["host-calls"][1];
    assert_eq!(list["arguments"], json!(["acme", 10]));
    assert_eq!(list["answer"][0]["file"]["dataset-name"], "ORDERS1");
    assert_eq!(list["answer"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn all_that_were_asked_are_kept_with_their_calls_and_failures() {
    let mut session = session(vec![
        named("passes", &[]),
        named("fails", &[("misbehave", "ERROR")]),
        named("not-asked", &[("misbehave", "refuse")]),
    ])
    .await;
    let decided = session.accept_connection(&acme(), noon()).await;
    let kept = decided.to_json();
    let asked: Vec<&str> = decided.asked.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(asked, ["passes", "fails"]);
    assert_eq!(
        functions(&decided),
        [("passes", "setting"), ("fails", "setting")]
    );
    assert_eq!(kept["decided-by"], "fails");
    assert_eq!(kept["failures"][0]["kind"], "error-text");
    assert_eq!(kept["answer"]["refuse"]["reason"], 8);
}

#[tokio::test]
async fn what_is_kept_has_no_value_of_a_setting() {
    let settings = [("misbehave", "accept"), ("partner", "hidden-value")];
    let mut session = session(vec![named("first", &settings)]).await;
    let decided = session.accept_connection(&acme(), noon()).await;
    let calls = json!(decided.host_calls).to_string();
    assert!(calls.contains(r#"["partner"]"#), "{calls}");
    assert!(!calls.contains("hidden-value"), "{calls}");
}

#[tokio::test]
async fn however_much_a_policy_calls_what_is_kept_is_bounded() {
    let mut session = session(vec![named("first", &[])]).await;
    let decided = session.accept_file(&acme(), &file("FLOOD"), noon()).await;
    assert!(decided.host_calls_omitted > 0);
    assert!(decided.host_calls.len() > 10);
    let octets = decided.to_json().to_string().len();
    assert!(octets < 64 << 10, "{octets} octets are kept");
}

#[tokio::test]
async fn where_nobody_is_asked_nothing_is_made_up() {
    let mut session = session(vec![]).await;
    let decided = session.accept_file(&acme(), &file("ORDERS"), noon()).await;
    assert_eq!(decided.facts, Value::Null);
    assert!(decided.asked.is_empty());
    assert_eq!(decided.to_json()["answer"], "pass");
}

#[tokio::test]
async fn facts_and_decisions_are_read_back_as_they_were() {
    fn again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) -> Value {
        let json = serde_json::to_value(value).unwrap();
        assert_eq!(serde_json::from_value::<T>(json.clone()).unwrap(), *value);
        json
    }
    again(&acme());
    again(&file("ORDERS"));
    again(&received("ORDERS"));
    again(&eerp("ORDERS"));
    let refusal = Refusal {
        reason: 35,
        text: "nobody home".to_owned(),
        retry: true,
    };
    assert_eq!(
        again(&ResponseDecision::Negative(refusal)),
        json!({ "negative": { "reason": 35, "text": "nobody home", "retry": true } })
    );
    assert_eq!(again(&ResponseDecision::Later(7)), json!({ "later": 7 }));
    again(&ConnectionDecision::Accept(SessionTerms {
        mode: Some(TransferMode::SendOnly),
        labels: vec![("by".to_owned(), "day".to_owned())],
        ..SessionTerms::default()
    }));
    again(&FileDecision::Pass);
}

/// What `misbehave` draws at random when it is asked for a file, in a chain of so many that were deployed before it.
async fn drawn(before: usize) -> Vec<(String, String)> {
    let mut chain: Vec<PolicySpec> = (0..before).map(|n| named(&format!("p{n}"), &[])).collect();
    chain.push(named("draws", &[]));
    let mut session = session(chain).await;
    session.accept_connection(&acme(), noon()).await;
    let mut only_last = Vec::new();
    let decided = session.accept_file(&acme(), &file("WASI"), noon()).await;
    if let FileDecision::Accept(terms) = decided.decision {
        only_last.extend(terms.labels);
    }
    let each = only_last.len() / (before + 1);
    only_last.split_off(each * before)
}

#[tokio::test]
async fn what_a_policy_draws_at_random_does_not_depend_on_who_else_is_deployed() {
    let alone = drawn(0).await;
    assert!(!alone.is_empty());
    assert_eq!(drawn(2).await, alone);
}

#[tokio::test]
async fn two_policies_do_not_draw_the_same_at_random() {
    let mut session = session(vec![named("a", &[]), named("b", &[])]).await;
    let decided = session.accept_file(&acme(), &file("WASI"), noon()).await;
    let FileDecision::Accept(terms) = decided.decision else {
        panic!("{:?}", decided.failures);
    };
    let (a, b) = terms.labels.split_at(terms.labels.len() / 2);
    assert_eq!(a.len(), b.len());
    assert_ne!(a, b);
}
