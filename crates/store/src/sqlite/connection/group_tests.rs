//! Verbs that share one transaction: each has an answer of its own, and all of them one disk.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::transfer::TransferId;

fn writer() -> (TempDir, Writer) {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::open(&folder.path().join("ledger.db")).unwrap();
    (folder, writer)
}

fn keep(db: &Connection, key: &str) -> Result<(), LedgerError> {
    let sql = "INSERT INTO policy_values (policy, key, value) VALUES ('one', ?1, x'01')";
    db.execute(sql, [key]).map(drop).map_err(database("verb"))
}

fn kept(db: &Connection) -> Result<Vec<String>, LedgerError> {
    let mut select = db
        .prepare("SELECT key FROM policy_values ORDER BY key")
        .map_err(database("look"))?;
    let rows = select
        .query_map([], |row| row.get(0))
        .map_err(database("look"))?;
    rows.collect::<Result<_, _>>().map_err(database("look"))
}

/// Keeps the writer's thread busy, so that all that is asked meanwhile shares the next transaction.
fn busy(writer: &Writer) -> tokio::task::JoinHandle<Result<(), LedgerError>> {
    let thread = writer.0.clone();
    tokio::spawn(async move {
        let slow = |_: &Connection| {
            std::thread::sleep(Duration::from_millis(150));
            Ok(())
        };
        thread.run(slow).await
    })
}

/// A verb that keeps a value, or fails.
type Keeps = fn(&Connection) -> Result<(), LedgerError>;

type Asked = Vec<(
    &'static str,
    tokio::task::JoinHandle<Result<(), LedgerError>>,
)>;

/// Each of these is asked while the thread is busy; how each ends is its own.
async fn together(
    writer: &Writer,
    verbs: Vec<(&'static str, Keeps)>,
) -> Vec<(&'static str, Result<(), String>)> {
    let before = busy(writer);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut asked: Asked = Vec::new();
    for (name, verb) in verbs {
        let thread = writer.0.clone();
        asked.push((name, tokio::spawn(async move { thread.run(verb).await })));
        tokio::task::yield_now().await;
    }
    before.await.unwrap().unwrap();
    let mut ended = Vec::new();
    for (name, verb) in asked {
        let outcome = verb.await.unwrap().map_err(|error| error.to_string());
        ended.push((name, outcome));
    }
    ended
}

#[tokio::test]
async fn a_verb_that_fails_in_a_group_fails_alone_and_leaves_nothing() {
    let (_folder, writer) = writer();
    let ended = together(
        &writer,
        vec![
            ("a", |db| keep(db, "a")),
            ("refused", |db| {
                keep(db, "refused")?;
                Err(LedgerError::NotFound(TransferId::default()))
            }),
            ("twice", |db| {
                keep(db, "twice")?;
                keep(db, "twice")
            }),
            ("b", |db| keep(db, "b")),
        ],
    )
    .await;
    for (name, outcome) in &ended {
        let is_refused = matches!(*name, "refused" | "twice");
        assert_eq!(outcome.is_err(), is_refused, "{name}: {outcome:?}");
    }
    let refused = ended[1].1.as_ref().unwrap_err();
    assert!(refused.contains("there is no transfer"), "{refused}");
    assert!(
        ended[2].1.as_ref().unwrap_err().contains("UNIQUE"),
        "{ended:?}"
    );
    assert_eq!(writer.0.run(kept).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn a_verb_that_panics_takes_its_group_with_it_and_says_so_to_each() {
    let (_folder, writer) = writer();
    let ended = together(
        &writer,
        vec![
            ("before", |db| keep(db, "before")),
            ("panics", |_| std::panic::panic_any("a mistake")),
            ("after", |db| keep(db, "after")),
        ],
    )
    .await;
    for (name, outcome) in &ended {
        let said = outcome.as_ref().unwrap_err();
        assert!(said.contains("nothing of it was done"), "{name}: {said}");
    }
    assert!(writer.0.run(kept).await.unwrap().is_empty());
    writer.0.run(|db| keep(db, "next")).await.unwrap();
    assert_eq!(writer.0.run(kept).await.unwrap(), ["next"]);
}

/// A failed disk makes SQLite take back the whole transaction: who came before and after has nothing either.
#[tokio::test]
async fn what_shares_a_transaction_that_was_taken_back_is_told_why_and_is_not_there() {
    let (_folder, writer) = writer();
    let ended = together(
        &writer,
        vec![
            ("before", |db| keep(db, "before")),
            ("taken back", |db| {
                db.execute_batch("ROLLBACK").map_err(database("verb"))?;
                Err(LedgerError::NoLedger("the disk".to_owned()))
            }),
            ("after", |db| keep(db, "after")),
        ],
    )
    .await;
    for (name, outcome) in &ended {
        assert!(outcome.is_err(), "{name}");
    }
    let before = ended[0].1.as_ref().unwrap_err();
    assert!(
        before.contains("the disk"),
        "it hears the reason of the other: {before}"
    );
    assert!(writer.0.run(kept).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_does_not_wait_for_the_answer_has_its_verb_done_all_the_same() {
    let (_folder, writer) = writer();
    let before = busy(&writer);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let thread = writer.0.clone();
    let asks = tokio::spawn(async move { thread.run(|db| keep(db, "kept")).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    asks.abort();
    before.await.unwrap().unwrap();
    assert_eq!(writer.0.run(kept).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn what_promises_nothing_is_answered_at_once_and_settled_when_it_is_durable() {
    let (_folder, writer) = writer();
    let early = writer.0.ask(|db| keep(db, "early"), |()| true);
    let ((), settled) = early.await.unwrap();
    settled.await.unwrap().unwrap();
    assert_eq!(writer.0.run(kept).await.unwrap(), ["early"]);
    // One that fails promises nothing either, and is answered by its failure.
    let failed = writer.0.ask(|db| keep(db, "early"), |()| true).await;
    assert!(matches!(failed, Err(LedgerError::Database { .. })));
}
