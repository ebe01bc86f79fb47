//! What a policy sees of the world: the event, what the server gives, and nothing else.

#![cfg(test)]

mod common;

use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use common::*;
use pointsman_policy::types::*;
use tracing::field::{Field, Visit};
use tracing::span;

/// Takes down what is logged with the target `policy`, in all tests of this process.
#[derive(Default)]
struct Pad(Mutex<Vec<String>>);

static PAD: LazyLock<Arc<Pad>> = LazyLock::new(|| {
    let pad = Arc::new(Pad::default());
    tracing::subscriber::set_global_default(pad.clone()).expect("nobody else listens");
    pad
});

/// The lines that hold a text, such as the name of a session that no other test uses.
fn lines_of(text: &str) -> Vec<String> {
    let lines = PAD.0.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(text))
        .cloned()
        .collect()
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.0 = format!("{value:?} {}", self.0),
            name => self.0.push_str(&format!("{name}={value:?} ")),
        }
    }
}

impl tracing::Subscriber for Pad {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "policy" && *metadata.level() <= tracing::Level::INFO
    }
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0
            .lock()
            .unwrap()
            .push(format!("{} {}", event.metadata().level(), line.0));
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn there_are_no_files_no_network_and_no_environment() {
    let policies = load(vec![spec("misbehave", &[])]).await;
    let look = async |session: &str, at| {
        let mut session = policies
            .current()
            .session(session.to_owned(), Arc::new(Server::default()));
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
    assert!(
        lines_of(&digest)
            .iter()
            .any(|line| line.starts_with("INFO policy-loaded"))
    );

    let server = Arc::new(Server::default());
    let mut session = policies
        .current()
        .session("printing".to_owned(), server.clone());
    session.accept_file(&acme(), &file("WASI"), noon()).await;
    assert_eq!(
        lines_of("printing"),
        [
            "INFO printed policy=misbehave session=printing ",
            "ERROR printed as an error policy=misbehave session=printing "
        ]
    );

    let mut session = policies.current().session("panicking".to_owned(), server);
    session.accept_file(&acme(), &file("TRAP"), noon()).await;
    let lines = lines_of("panicking");
    let [panic, failed] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(panic.starts_with("ERROR panicked at "), "{panic}");
    assert!(panic.contains("a bug in the policy"), "{panic}");
    let told = format!("WARN policy-failed policy=misbehave digest={digest} generation=1 ");
    assert!(failed.starts_with(&told), "{failed}");
    assert!(
        failed.contains("session=\"panicking\" hook=accept-file kind=trap"),
        "{failed}"
    );
}

#[tokio::test]
async fn a_flood_in_the_log_is_cut_and_said_to_be() {
    LazyLock::force(&PAD);
    let policies = load(vec![spec("misbehave", &[])]).await;
    let mut session = policies
        .current()
        .session("flooding".to_owned(), Arc::new(Server::default()));
    let answer = session.accept_file(&acme(), &file("FLOOD"), noon()).await;
    assert_eq!(answer.failures, []);
    let lines = lines_of("flooding");
    assert_eq!(lines.len(), 257);
    assert!(lines[255].starts_with("WARN line 255 "), "{}", lines[255]);
    assert!(
        lines[256].starts_with("WARN policy-log-cut"),
        "{}",
        lines[256]
    );
    assert!(lines[256].contains("dropped=99744"), "{}", lines[256]);
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
