//! One SQLite connection on a thread of its own, and group commit.
//!
//! A flush costs milliseconds whatever it carries, so the writer takes every verb that waits, runs each in
//! a savepoint of one transaction, commits once, and only then answers all of them: a hundred sessions
//! that end a file at the same time pay for one flush. One verb may be answered before: the offer of a new file,
//! which promises nothing.

use std::cell::RefCell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pointsman_log::tell;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{door, sums};
use crate::events::Event;
use crate::transition::reached_verb;
use crate::{LedgerError, Persisted, planted};

/// Verbs of one commit, at most: bounds the time a verb waits for the others.
const GROUP: usize = 256;

/// What a job leaves behind.
struct Done {
    /// Why its verb failed.
    failed: Option<Failure>,
    /// Called with the fate of the commit, it answers the one who asked.
    answer: Answer,
}

type Answer = Box<dyn FnOnce(Result<(), Failure>) + Send>;
/// Is given no transaction where none could be begun.
type Job = Box<dyn FnOnce(Option<&mut Transaction<'_>>) -> Done + Send>;

/// Why a commit failed: told to everybody in the group.
#[derive(Clone, Debug)]
struct Failure {
    why: String,
    full: bool,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self {
            why: error.to_string(),
            full: crate::ledger::is_full(&error),
        }
    }
}

impl From<&LedgerError> for Failure {
    fn from(error: &LedgerError) -> Self {
        Self {
            why: error.to_string(),
            full: error.is_full(),
        }
    }
}

impl From<Failure> for LedgerError {
    fn from(Failure { why, full }: Failure) -> Self {
        Self::Commit { why, full }
    }
}
/// Mistakes to plant: how SQLite is asked for less than it must keep.
const LESS_DURABLE: [(&str, &str); 2] = [
    ("sqlite-synchronous-normal", "PRAGMA synchronous = NORMAL;"),
    ("sqlite-synchronous-off", "PRAGMA synchronous = OFF;"),
];

/// Mistakes to plant: the verb is answered first, and committed when there is time for it.
const ANSWERED_EARLY: [(&str, &str); 5] = [
    ("received", "efpa-before-row"),
    ("in_doubt", "efid-before-doubt"),
    ("acknowledged", "rtr-before-row"),
    ("placing", "placed-before-row"),
    ("enqueue", "watched-removed-before-row"),
];

/// How far a ledger with such a mistake is behind.
const BEHIND: Duration = Duration::from_millis(30);

pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema-1.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
    include_str!("schema-6.sql"),
    include_str!("schema-7.sql"),
    include_str!("schema-8.sql"),
    include_str!("schema-9.sql"),
    include_str!("schema-10.sql"),
    include_str!("schema-11.sql"),
    include_str!("schema-12.sql"),
    include_str!("schema-13.sql"),
];

/// A verb that was answered already, on its way to the disk.
#[derive(Debug)]
pub struct Committing {
    verb: &'static str,
    settled: oneshot::Receiver<Result<(), Failure>>,
}

impl Committing {
    /// Returns when it is durable.
    ///
    /// # Errors
    /// The commit failed: it did not happen, nor did anything that was built on it.
    pub async fn done(self) -> Result<(), LedgerError> {
        let settled = self.settled.await.map_err(|_| LedgerError::Closed)?;
        settled?;
        reached_verb(self.verb, "committed");
        Ok(())
    }
}

tokio::task_local! {
    /// The session that a task drives.
    static SESSION: Arc<OfSession>;
}

thread_local! {
    /// The session whose verb runs on this thread.
    static OF_SESSION: RefCell<Option<Arc<OfSession>>> = const { RefCell::new(None) };
}

/// Whose verb it is.
#[derive(Debug)]
pub(super) struct OfSession {
    pub(super) id: String,
    /// Of the policies that decide in it.
    pub(super) generation: u64,
}

/// Does `work`: lines of the ledger's timelines that are written meanwhile have this session's id, and the generation of
/// the policies that decide in it.
pub async fn in_session<W: Future>(session: &str, generation: u64, work: W) -> W::Output {
    let id = session.to_owned();
    SESSION
        .scope(Arc::new(OfSession { id, generation }), work)
        .await
}

/// The session whose verb runs.
pub(super) fn of_session() -> Option<Arc<OfSession>> {
    OF_SESSION.with_borrow(Clone::clone)
}

/// The thread that changes the ledger. What it does has a name, at which the campaigns can kill the program.
#[derive(Clone, Debug)]
pub(super) struct Writer(Thread);

impl Writer {
    /// Opens (and where needed makes or migrates) the ledger at `path`, with full durability.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut db = door::open(path, OpenFlags::default()).map_err(database("open"))?;
        // By common advice WAL goes with NORMAL; only FULL keeps a commit through a power cut.
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

    /// Runs the verb of that name in a transaction and returns what it returned once the transaction is committed.
    pub(super) async fn run<T, F>(&self, name: &'static str, verb: F) -> Result<T, LedgerError>
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

    /// The same, but a result that `promises_nothing` is returned before its commit. Whatever builds on it comes later in the
    /// ledger, too.
    pub(super) async fn ask<T, F>(
        &self,
        name: &'static str,
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

    /// The same, with the proof that it is committed.
    pub(super) async fn commit<T, F>(
        &self,
        name: &'static str,
        verb: F,
    ) -> Result<Persisted<T>, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        self.run(name, verb).await.map(Persisted::committed)
    }
}

/// Sends jobs to the thread that owns the connection; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(super) struct Thread(mpsc::Sender<Job>);

impl Thread {
    /// Opens the ledger to look at it: a long list does not stop the writer.
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

    /// Runs `verb` in a transaction and returns what it returned once the transaction is committed.
    pub(super) async fn run<T, F>(&self, verb: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        Ok(self.ask(verb, |_| false).await?.0)
    }

    /// Exactly one of the two channels carries the fate of the commit: `answer` for a verb that waits for it, `settle`
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

/// A verb that panics takes its group with it, of which nothing is done: whoever asked hears that, the log has the panic,
/// and the thread goes on, since without it no session would come to anything any more.
fn serve(mut db: Connection, behavior: TransactionBehavior, mut queue: mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        // What a panic leaves behind is put right: the transaction is taken back as it is dropped, the group is given up.
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
        tell(&Event::CommitFailed {
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
        // A full disk or a failed one makes SQLite take back the whole transaction: what came after would be alone.
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

fn answers_early(verb: &str) -> bool {
    let mut mistakes = ANSWERED_EARLY.iter();
    mistakes.any(|(early, mistake)| *early == verb && planted(mistake))
}

/// A verb that fails takes back its own changes and leaves the rest of the group alone.
fn in_savepoint<T>(
    group: &mut Transaction<'_>,
    verb: impl FnOnce(&Connection) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let savepoint = group.savepoint().map_err(database("savepoint"))?;
    let value = verb(&savepoint)?;
    savepoint.commit().map_err(database("savepoint"))?;
    Ok(value)
}

pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let version = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
    let before = db.query_row("PRAGMA user_version", [], version);
    let before = before.map_err(database("migrate"))?;
    // Somebody else's, or one of which not all was put back.
    if before > 0
        && !db
            .table_exists(None, "transfers")
            .map_err(database("migrate"))?
    {
        return Err(LedgerError::NoLedger(path.display().to_string()));
    }
    // Nothing is written where nothing is to be done: a ledger on a full disk can be looked at.
    if before as usize == MIGRATIONS.len() {
        return Ok(());
    }
    let step = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database("migrate"))?;
    let found: u32 = step
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(database("migrate"))?;
    let known = is_known(path, found)?;
    for script in MIGRATIONS.iter().skip(found as usize) {
        if planted("identity-not-unique") {
            let script = script.replace("UNIQUE (direction, partner,", "CHECK (1) -- (");
            step.execute_batch(&script).map_err(database("migrate"))?;
            continue;
        }
        step.execute_batch(script).map_err(database("migrate"))?;
    }
    sums::keep(&step)?;
    step.pragma_update(None, "user_version", known)
        .map_err(database("migrate"))?;
    step.commit().map_err(database("migrate"))
}

/// Whether this program knows the schema of that ledger; gives its own.
pub(super) fn is_known(path: &Path, found: u32) -> Result<u32, LedgerError> {
    let known = MIGRATIONS.len() as u32;
    match found <= known {
        true => Ok(known),
        false => Err(LedgerError::TooNew {
            path: path.display().to_string(),
            found,
            known,
        }),
    }
}

/// Names the verb in which SQLite failed.
pub(super) fn database(verb: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Database { verb, source }
}

/// The same where the verb writes an identity, which another transfer may have.
pub(super) fn identity(
    verb: &'static str,
    key: &dyn Display,
) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => LedgerError::IdentityTaken(key.to_string()),
        _ => database(verb)(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::TransferId;

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

    /// Every row of a table, each value as SQLite writes it, by the names of its columns.
    fn rows(db: &Connection, table: &str) -> rusqlite::Result<Vec<BTreeMap<String, String>>> {
        let mut select = db.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
        let names: Vec<String> = select.column_names().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            let value = |(at, name): (usize, &String)| {
                Ok((name.clone(), format!("{:?}", row.get_ref(at)?)))
            };
            names.iter().enumerate().map(value).collect()
        };
        select.query_map([], read)?.collect()
    }

    /// Indexes and triggers, but for blanks.
    fn shape(db: &Connection) -> rusqlite::Result<Vec<String>> {
        let sql = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema
                   WHERE type <> 'table' ORDER BY 1";
        let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut select = db.prepare(sql)?;
        select.query_map([], |row| row.get(0).map(plain))?.collect()
    }

    /// A ledger as the program of that schema wrote it, with a file received, one sent, their receipts, a history.
    fn of_schema(version: usize) -> rusqlite::Result<Connection> {
        let db = Connection::open_in_memory()?;
        db.execute_batch("PRAGMA foreign_keys = ON;")?;
        for script in MIGRATIONS.iter().take(version) {
            db.execute_batch(script)?;
        }
        // From the tenth on rows have checksums, which triggers keep.
        if version >= 10 {
            sums::keep(&db).map_err(|_| rusqlite::Error::InvalidQuery)?;
        }
        db.pragma_update(None, "user_version", version as u32)?;
        for (id, direction, state) in [("a", "in", "rejected"), ("b", "out", "acknowledged")] {
            db.execute(
                "INSERT INTO transfers (id, direction, partner, state, dataset, date, time, originator, destination, user,
                 format, record, size_blocks, original_blocks, security, cipher, compressed, enveloped, signed_receipt,
                 description, octets, digest, attempts, created)
                 VALUES (?1, ?2, 'them', ?3, 'ORDER', '20261122', '0815300001', 'O1', 'O2', 'user', 'F', 80, 5, 6, 0, 0, 0,
                 1, 0, 'an order', 4711, 'd1', 3, 42)",
                [id, direction, state],
            )?;
        }
        db.execute_batch(
            "INSERT INTO receipts (transfer, partner, state, positive, reason, text, hash, created)
             VALUES ('a', 'them', 'given', 0, 34, 'no good', x'0102', 43), ('b', 'them', 'received', 1, 0, '', x'', 44);
             INSERT INTO timeline (transfer, at, event, detail) VALUES ('a', 42, 'offered', 'why');
             INSERT INTO policy_values (policy, key, value) VALUES ('p', 'k', x'07');",
        )?;
        Ok(db)
    }

    #[test]
    fn a_ledger_of_every_older_schema_keeps_its_rows() -> Result<(), LedgerError> {
        let sql = database("test");
        let mut newest = Connection::open_in_memory().map_err(&sql)?;
        migrate(&mut newest, Path::new("ledger.db"))?;
        for version in 1..MIGRATIONS.len() {
            let mut db = of_schema(version).map_err(&sql)?;
            let tables = ["transfers", "receipts", "timeline", "policy_values"];
            let all = |db: &Connection| tables.map(|table| rows(db, table));
            let before = all(&db);
            migrate(&mut db, Path::new("ledger.db"))?;
            for (before, after) in before.into_iter().zip(all(&db)) {
                let (before, after) = (before.map_err(&sql)?, after.map_err(&sql)?);
                assert_eq!(before.len(), after.len(), "of schema {version}");
                for (old, new) in before.iter().zip(&after) {
                    // Columns that are gone, or called otherwise, held nothing here.
                    let lost = old.iter().filter(|(name, value)| {
                        !name.starts_with("lease_") && new.get(*name) != Some(*value)
                    });
                    let lost: Vec<_> = lost.collect();
                    let filled_in = ["virtual_octets", "sent_at", "may_have", "checksum"];
                    assert!(
                        lost.iter()
                            .all(|(name, _)| filled_in.contains(&name.as_str())),
                        "of schema {version}: {lost:?}"
                    );
                }
            }
            assert_eq!(shape(&db).map_err(&sql)?, shape(&newest).map_err(&sql)?);
            assert!(sums::rotten(&db)?.is_empty(), "of schema {version}");
            let broken = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
            let broken = db.query_row("PRAGMA foreign_key_check", [], broken);
            assert!(matches!(broken, Err(rusqlite::Error::QueryReturnedNoRows)));
            let orphan = "INSERT INTO receipts (transfer, partner, state, positive, created) VALUES ('x', 'p', 'owed', 1, 1)";
            assert!(db.execute(orphan, []).is_err(), "of schema {version}");
            let twice = "UPDATE transfers SET direction = 'in'";
            assert!(db.execute(twice, []).is_err(), "of schema {version}");
        }
        Ok(())
    }

    /// The ninth made both tables anew: nothing of them is forgotten.
    #[test]
    fn tables_that_were_made_anew_have_all_that_they_had() -> Result<(), LedgerError> {
        let sql = database("test");
        let columns = |db: &Connection, table: &str| {
            let named = "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '-') || ' ' || pk
                         FROM pragma_table_info(?1) ORDER BY 1";
            let mut select = db.prepare(named)?;
            let found = select.query_map([table], |row| row.get::<_, String>(0))?;
            found.collect::<rusqlite::Result<Vec<_>>>()
        };
        let before = of_schema(8).map_err(&sql)?;
        let after = of_schema(9).map_err(&sql)?;
        assert_eq!(shape(&before).map_err(&sql)?, shape(&after).map_err(&sql)?);
        for (table, new) in [
            ("transfers", Some("edition INTEGER 1 0 0")),
            ("receipts", None),
        ] {
            let mut had = columns(&before, table).map_err(&sql)?;
            had.extend(new.map(str::to_owned));
            had.sort();
            assert_eq!(columns(&after, table).map_err(&sql)?, had);
        }
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
