//! What a policy sees of the world: the event, what the server gives, and nothing else.

#![cfg(test)]

mod common;

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use common::*;
use pointsman_log::{Log, LogFilter, Severity, Style};
use pointsman_policy::Conversation;
use pointsman_policy::types::*;
use serde_json::Value;

/// Takes down what is logged, in all tests of this process.
#[derive(Clone, Default)]
struct Pad(Arc<Mutex<Vec<u8>>>);

static PAD: LazyLock<Pad> = LazyLock::new(|| {
    let pad = Pad::default();
    Log::start(LogFilter::at(Severity::Info), Style::Json, pad.clone()).unwrap();
    Log::repeats(u32::MAX);
    pad
});

impl Write for Pad {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines whose field says this, such as the name of a session that no other test uses.
fn lines_of(field: &str, text: &str) -> Vec<Value> {
    Log::finish(Duration::from_secs(30));
    let written = String::from_utf8(PAD.0.lock().unwrap().clone()).unwrap();
    written
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line[field] == text)
        .collect()
}

/// Level, event and message.
fn in_short(line: &Value) -> String {
    let text = |field: &str| line[field].as_str().unwrap().to_owned();
    format!("{} {}: {}", text("level"), text("event"), text("message"))
}

#[tokio::test]
async fn there_are_no_files_no_network_and_no_environment() {
    let policies = load(vec![spec("misbehave", &[])]).await;
    let look = async |session: &str, at| {
        let mut session = Conversation::open(
            policies.current(),
            session.to_owned(),
            Arc::new(Server::default()),
        );
        let answer = session.accept_file(&acme(), &file("WASI"), at).await;
        let FileDecision::Accept(terms) = answer.decision else {
            panic!("{:?}", answer.failures);
        };
        terms
            .labels
            .into_iter()
            .map(|(_, seen)| seen)
            .collect::<Vec<_>>()
    };
    let first = look("a", noon()).await;
    assert_eq!(
        first[..6],
        [
            "false",
            "permission denied",
            "0",
            "0",
            "1795356359000",
            "1795356359000"
        ]
    );
    assert_eq!(
        look("a", noon()).await,
        first,
        "the same event gave another answer"
    );
    assert_ne!(
        look("b", noon()).await[6],
        first[6],
        "another session drew the same numbers"
    );
    let later = look("a", noon() + Duration::from_secs(60)).await;
    assert_eq!(later[4..6], ["1795356419000", "1795356419000"]);
}

#[tokio::test]
async fn what_it_prints_and_why_it_panics_is_in_the_log() {
    LazyLock::force(&PAD);
    let policies = load(vec![spec("misbehave", &[])]).await;
    let (_, digest) = policies
        .current()
        .policies()
        .map(|(n, d)| (n.to_owned(), d.to_owned()))
        .next()
        .unwrap();
    let loaded = lines_of("digest", &digest).remove(0);
    assert_eq!(loaded["event"], "policy-loaded");
    assert_eq!(loaded["policy"], "misbehave");

    let server = Arc::new(Server::default());
    let mut session = Conversation::open(policies.current(), "printing".to_owned(), server.clone());
    session.accept_file(&acme(), &file("WASI"), noon()).await;
    let printed: Vec<String> = lines_of("session", "printing")
        .iter()
        .map(in_short)
        .collect();
    assert_eq!(
        printed,
        [
            "INFO policy-says: session printing with acme at 198.51.100.7:51234: policy misbehave: printed",
            "ERROR policy-says: session printing with acme at 198.51.100.7:51234: policy misbehave: printed as an error"
        ]
    );

    let mut session = Conversation::open(policies.current(), "panicking".to_owned(), server);
    session.accept_file(&acme(), &file("TRAP"), noon()).await;
    let lines = lines_of("session", "panicking");
    let [panic, failed] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(panic["level"], "ERROR");
    let said = panic["said"].as_str().unwrap();
    assert!(said.starts_with("panicked at "), "{said}");
    assert!(said.contains("a bug in the policy"), "{said}");
    assert_eq!(failed["event"], "policy-failed");
    assert_eq!(failed["level"], "WARN");
    assert_eq!(failed["policy"], "misbehave");
    assert_eq!(failed["digest"], digest);
    assert_eq!(failed["generation"], 1);
    assert_eq!(failed["hook"], "accept-file");
    assert_eq!(failed["kind"], "trap");
}

#[tokio::test]
async fn a_flood_in_the_log_is_cut_and_said_to_be() {
    LazyLock::force(&PAD);
    let policies = load(vec![spec("misbehave", &[])]).await;
    let mut session = Conversation::open(
        policies.current(),
        "flooding".to_owned(),
        Arc::new(Server::default()),
    );
    let answer = session.accept_file(&acme(), &file("FLOOD"), noon()).await;
    assert_eq!(answer.failures, []);
    let lines = lines_of("session", "flooding");
    assert_eq!(lines.len(), 257);
    let last = in_short(&lines[255]);
    assert!(
        last.starts_with("WARN policy-says: session flooding ")
            && last.contains(": policy misbehave: line 255"),
        "{last}"
    );
    assert_eq!(lines[256]["event"], "policy-log-cut");
    assert_eq!(lines[256]["dropped"], 99744);
}

#[tokio::test]
async fn the_queue_can_be_looked_at_and_chosen_from() {
    let mut session = session(vec![spec("misbehave", &[("misbehave", "newest")])]).await;
    let answer = session.ready_to_send(&acme(), noon()).await;
    let files = ["out-3", "out-2", "out-1"].map(str::to_owned).to_vec();
    assert_eq!(
        answer.decision,
        TurnDecision::Send(TurnTerms {
            files: Some(files),
            max_files: Some(1)
        })
    );
}

#[tokio::test]
async fn a_session_can_be_served_from_any_thread() {
    let mut session = session(vec![spec("misbehave", &[])]).await;
    let answer =
        tokio::spawn(async move { session.end_response(&acme(), &eerp("X"), noon()).await })
            .await
            .unwrap();
    assert_eq!(answer.failures, []);
}
