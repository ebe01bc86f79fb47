//! One SQLite connection on a thread of its own, and group commit.
//!
//! A flush costs milliseconds whatever it carries, so the writer takes every verb that waits, runs each in a savepoint
//! of one transaction, commits once, and only then answers all of them: a hundred sessions that end a file at the same
//! time pay for one flush. Only the offer of a new file, and a remark that nobody relies on, may be answered before
//! their commit, since they promise nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pointsman_log::emit;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::door;
use super::failed::{database, is_full};
use super::schema::migrate;
use crate::committing::{Committing, Failure, OF_SESSION, SESSION};
use crate::error::LedgerError;
use crate::events::StoreEvent;
use crate::planted;
use crate::transition::{VerbName, reached_verb};

/// The most verbs in one commit: it limits how long a verb waits for the others.
const GROUP: usize = 256;

/// What a job leaves behind.
struct Done {
    /// Why its verb failed.
    failed: Option<Failure>,
    /// Called with the outcome of the commit; it answers the caller of the verb.
    answer: Answer,
}

type Answer = Box<dyn FnOnce(Result<(), Failure>) + Send>;
/// It gets no transaction where none could be begun.
type Job = Box<dyn FnOnce(Option<&mut Transaction<'_>>) -> Done + Send>;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self {
            why: error.to_string(),
            full: is_full(&error),
        }
    }
}

/// Mistakes to plant: how SQLite is asked for less than it must keep.
const LESS_DURABLE: [(&str, &str); 2] = [
    ("sqlite-synchronous-normal", "PRAGMA synchronous = NORMAL;"),
    ("sqlite-synchronous-off", "PRAGMA synchronous = OFF;"),
];

/// Mistakes to plant: the verb is answered first, and committed when there is time for it.
const ANSWERED_EARLY: [(VerbName, &str); 5] = [
    (VerbName::Received, "efpa-before-row"),
    (VerbName::InDoubt, "efid-before-doubt"),
    (VerbName::Acknowledged, "rtr-before-row"),
    (VerbName::Placing, "placed-before-row"),
    (VerbName::Enqueue, "watched-removed-before-row"),
];

/// How far a ledger with such a mistake is behind.
const BEHIND: Duration = Duration::from_millis(30);

/// The thread that changes the ledger. Each verb has a name, at which the campaigns can kill the program.
#[derive(Clone, Debug)]
pub(super) struct Writer(Thread);

impl Writer {
    /// Opens (and where needed makes or migrates) the ledger at `path`, with full durability.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut db = door::open(path, OpenFlags::default()).map_err(database("open"))?;
        // NORMAL is the usual setting with WAL; but only with FULL does a commit survive a power cut.
        db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(database("open"))?;
        door::be_write_ahead(&db, path)?;
        for (mistake, pragma) in LESS_DURABLE {
            if planted(mistake) {
                db.execute_batch(pragma).map_err(database("open"))?;
            }
        }
        migrate(&mut db, path)?;
        // From here on its log is there, too, and stays as long as we do.
        door::sync_folder_of(path)?;
        Thread::start("ledger-writer", db, TransactionBehavior::Immediate).map(Self)
    }

    /// Runs the verb of this name in a transaction and returns its result once the transaction is committed.
    pub(super) async fn run<T, F>(&self, name: VerbName, verb: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        let (done, committing) = self.ask(name, verb, move |_| answers_early(name)).await?;
        if !answers_early(name) {
            committing.done().await?;
        }
        Ok(done)
    }

    /// The same, but a result that `promises_nothing` is returned before its commit. Verbs that build on it come later
    /// in the ledger, so they are not committed without it.
    pub(super) async fn ask<T, F>(
        &self,
        name: VerbName,
        verb: F,
        promises_nothing: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(T, Committing), LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        let verb = move |db: &Connection| {
            let done = verb(db)?;
            reached_verb(name, "before");
            Ok(done)
        };
        let (done, settled) = self.0.ask(verb, promises_nothing).await?;
        let verb = name;
        Ok((done, Committing { verb, settled }))
    }
}

/// Sends jobs to the thread that owns the connection; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(super) struct Thread(mpsc::Sender<Job>);

impl Thread {
    /// Opens the ledger for reading, so that a long query does not block the writer.
    pub(super) fn reader(path: &Path) -> Result<Self, LedgerError> {
        let db = door::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(database("open"))?;
        db.execute_batch("PRAGMA query_only = ON;")
            .map_err(database("open"))?;
        Self::start("ledger-reader", db, TransactionBehavior::Deferred)
    }

    fn start(
        name: &str,
        db: Connection,
        behavior: TransactionBehavior,
    ) -> Result<Self, LedgerError> {
        let (jobs, queue) = mpsc::channel(1024);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(db, behavior, queue))
            .map_err(|e| LedgerError::Commit {
                why: format!("no thread for the ledger: {e}"),
                full: false,
            })?;
        Ok(Self(jobs))
    }

    /// Runs `verb` in a transaction and returns its result once the transaction is committed.
    pub(super) async fn run<T, F>(&self, verb: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        Ok(self.ask(verb, |_| false).await?.0)
    }

    /// Exactly one of the two channels gets the outcome of the commit: `answer` for a verb that waits for it, `settle`
    /// for one that was answered before.
    async fn ask<T, F>(
        &self,
        verb: F,
        promises_nothing: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(T, oneshot::Receiver<Result<(), Failure>>), LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        let (answer, asked) = oneshot::channel();
        let (settle, settled) = oneshot::channel();
        let session = SESSION.try_with(Arc::clone).ok();
        let job: Job = Box::new(move |group| {
            OF_SESSION.set(session);
            let outcome = match group {
                Some(group) => in_savepoint(group, verb),
                None => Err(LedgerError::Closed),
            };
            let failed = outcome.as_ref().err().map(Failure::from);
            // The one who asked may be gone; what it asked for is done all the same.
            if outcome.as_ref().is_ok_and(promises_nothing) {
                let _ = answer.send(outcome);
                fall_behind();
                let answer: Answer = Box::new(move |committed| drop(settle.send(committed)));
                return Done { failed, answer };
            }
            let answer: Answer = Box::new(move |committed| {
                let _ = answer.send(committed.map_err(Into::into).and(outcome));
                let _ = settle.send(Ok(()));
            });
            Done { failed, answer }
        });
        self.0.send(job).await.map_err(|_| LedgerError::Closed)?;
        let done = asked.await.map_err(|_| LedgerError::Closed)??;
        Ok((done, settled))
    }
}

/// A verb that panics takes its whole group with it: nothing of the group is done, its callers get an error, and the
/// log has the panic. The thread keeps running, since no session could do anything without it.
fn serve(mut db: Connection, behavior: TransactionBehavior, mut queue: mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        // A panic leaves nothing inconsistent: the transaction is rolled back when it is dropped, and the group is
        // given up.
        let done = AssertUnwindSafe(|| do_all(&mut db, behavior, &mut group));
        if catch_unwind(done).is_err() {
            group.clear();
        }
    }
}

fn do_all(db: &mut Connection, behavior: TransactionBehavior, group: &mut Vec<Job>) {
    let mut answers = Vec::with_capacity(group.len());
    let fate = commit(db, behavior, group, &mut answers);
    answers.extend(group.drain(..).map(|job| job(None).answer));
    if let Err(Failure { why, .. }) = &fate {
        emit(&StoreEvent::CommitFailed {
            verbs: answers.len(),
            reason: why.clone(),
        });
    }
    for answer in answers {
        answer(fate.clone());
    }
}

/// Leaves in `group` what it could not begin.
fn commit(
    db: &mut Connection,
    behavior: TransactionBehavior,
    group: &mut Vec<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), Failure> {
    let mut transaction = db.transaction_with_behavior(behavior)?;
    let mut jobs = std::mem::take(group).into_iter();
    for job in jobs.by_ref() {
        let done = job(Some(&mut transaction));
        answers.push(done.answer);
        // On a full or failed disk SQLite rolls back the whole transaction, and later verbs would run without the
        // earlier ones.
        if transaction.is_autocommit() {
            group.extend(jobs);
            return match done.failed {
                // A commit would only say that there is none any more.
                Some(failed) => Err(failed),
                None => Ok(transaction.commit()?),
            };
        }
    }
    Ok(transaction.commit()?)
}

fn fall_behind() {
    if ANSWERED_EARLY.iter().any(|(_, mistake)| planted(mistake)) {
        std::thread::sleep(BEHIND);
    }
}

fn answers_early(verb: VerbName) -> bool {
    let mut mistakes = ANSWERED_EARLY.iter();
    mistakes.any(|(early, mistake)| *early == verb && planted(mistake))
}

/// A verb that fails is rolled back by itself, without the other verbs of the group.
fn in_savepoint<T>(
    group: &mut Transaction<'_>,
    verb: impl FnOnce(&Connection) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let savepoint = group.savepoint().map_err(database("savepoint"))?;
    let value = verb(&savepoint)?;
    savepoint.commit().map_err(database("savepoint"))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::TransferId;

    #[tokio::test]
    async fn a_verb_that_panics_is_taken_back_and_the_next_one_is_done() -> Result<(), LedgerError>
    {
        let folder = std::env::temp_dir().join(format!("ledger-{}", TransferId::new()));
        std::fs::create_dir(&folder).map_err(door::file(&folder))?;
        let writer = Writer::open(&folder.join("ledger.db"))?;
        let make = |db: &Connection, table: &str| {
            db.execute_batch(&format!("CREATE TABLE {table} (x)"))
                .map_err(database("verb"))
        };
        let verb = move |db: &Connection| -> Result<(), LedgerError> {
            make(db, "one")?;
            std::panic::panic_any("a mistake")
        };
        let lost = writer.0.run(verb).await.map_err(|error| error.to_string());
        // It would fail if the table was there still.
        let next = writer.0.run(move |db| make(db, "one")).await;
        let _ = std::fs::remove_dir_all(&folder);
        assert!(lost.is_err_and(|why| why.contains("nothing of it was done")));
        next
    }

    #[tokio::test]
    async fn whoever_shares_a_transaction_that_sqlite_took_back_hears_why()
    -> Result<(), LedgerError> {
        let folder = std::env::temp_dir().join(format!("ledger-{}", TransferId::new()));
        let cannot = door::file(&folder);
        std::fs::create_dir(&folder).map_err(cannot)?;
        let writer = Writer::open(&folder.join("ledger.db"))?;
        let id = TransferId::new();
        let verb = move |db: &Connection| -> Result<(), LedgerError> {
            db.execute_batch("ROLLBACK").map_err(database("verb"))?;
            Err(LedgerError::NotFound(id))
        };
        let told = writer.0.run(verb).await.map_err(|error| error.to_string());
        let _ = std::fs::remove_dir_all(&folder);
        assert!(told.is_err_and(|why| why.contains(&id.to_string())));
        Ok(())
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk_and_a_row_for_its_transfer() -> Result<(), LedgerError> {
        let folder = std::env::temp_dir().join(format!("ledger-{}", TransferId::new()));
        let cannot = door::file(&folder);
        std::fs::create_dir(&folder).map_err(cannot)?;
        let writer = Writer::open(&folder.join("ledger.db"))?;
        // Each is of the connection that writes, so nobody else can ask for it.
        let asked = writer.0.run(|db: &Connection| {
            let ask = |what| db.pragma_query_value(None, what, |row| row.get::<_, i64>(0));
            let pair = ask("synchronous").and_then(|full| Ok((full, ask("foreign_keys")?)));
            pair.map_err(database("verb"))
        });
        let asked = asked.await;
        let _ = std::fs::remove_dir_all(&folder);
        assert_eq!(asked?, (2, 1), "FULL, and foreign keys are looked after");
        Ok(())
    }
}

#[cfg(test)]
mod group_tests;
