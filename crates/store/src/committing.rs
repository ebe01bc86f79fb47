//! A verb on its way to the disk, and the session it is of.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::LedgerError;
use crate::transition::{VerbName, reached_verb};

/// Why a commit failed, for each caller of the group.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) why: String,
    pub(crate) full: bool,
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

/// The commit of a verb that was answered before it.
#[derive(Debug)]
pub struct Committing {
    pub(crate) verb: VerbName,
    pub(crate) settled: oneshot::Receiver<Result<(), Failure>>,
}

impl Committing {
    /// Returns when it is durable.
    ///
    /// # Errors
    /// The commit failed: neither the verb nor anything that was built on it has happened.
    pub async fn done(self) -> Result<(), LedgerError> {
        let settled = self.settled.await.map_err(|_| LedgerError::Closed)?;
        settled?;
        reached_verb(self.verb, "committed");
        Ok(())
    }
}

tokio::task_local! {
    /// The session that a task drives.
    pub(crate) static SESSION: Arc<OfSession>;
}

thread_local! {
    /// The session whose verb runs on this thread.
    pub(crate) static OF_SESSION: RefCell<Option<Arc<OfSession>>> = const { RefCell::new(None) };
}

/// Whose verb it is.
#[derive(Debug)]
pub(crate) struct OfSession {
    pub(crate) id: String,
    /// Of the policies that decide in it.
    pub(crate) generation: u64,
}

/// Runs `work`. Lines of the ledger's timelines that it writes get this session's id and the generation of its
/// policies.
pub async fn in_session<W: Future>(session: &str, generation: u64, work: W) -> W::Output {
    let id = session.to_owned();
    SESSION
        .scope(Arc::new(OfSession { id, generation }), work)
        .await
}

/// The session whose verb runs.
pub(crate) fn of_session() -> Option<Arc<OfSession>> {
    OF_SESSION.with_borrow(Clone::clone)
}
