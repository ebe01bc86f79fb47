//! Why a verb of the ledger did not happen.

use crate::spool::{SpoolError, is_full};
use crate::state::State;
use crate::transfer::TransferId;

/// Why a verb did not happen. Nothing was changed, with two exceptions: whether a failed commit has happened is not
/// known before the next start, and with [`LedgerError::OtherContent`] the history of the file has a line that other
/// content came.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database refused the verb.
    #[error("ledger: {verb}: {source}")]
    Database {
        /// The verb that was tried, as the history names it.
        verb: &'static str,
        /// What the database says.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The disk of the ledger was full.
        full: bool,
    },
    /// The commit failed: no caller of the group may rely on its verb.
    #[error("ledger: commit: {why}")]
    Commit {
        /// What the database says.
        why: String,
        /// The disk was full.
        full: bool,
    },
    /// The row is in another state than the verb leads from.
    #[error("ledger: transfer {id} is `{state}`: `{verb}` is not possible in that state")]
    WrongState {
        /// The row's transfer.
        id: TransferId,
        /// The state that the row is in and stays in.
        state: State,
        /// The verb that was tried, as the history names it.
        verb: &'static str,
    },
    /// There is a file of the same identity with other content.
    #[error("ledger: transfer {0} has the same identity and another content")]
    OtherContent(TransferId),
    /// A session is sending the file at the moment.
    #[error("ledger: a session has transfer {0} just now; try again when it is over")]
    InSession(TransferId),
    /// Another verb changed the row after it was read.
    #[error("ledger: transfer {0} was changed by another program meanwhile; try again")]
    Outrun(TransferId),
    /// There is no such row.
    #[error("ledger: there is no transfer {0}")]
    NotFound(TransferId),
    /// The file's identity is taken.
    #[error("ledger: a file of the same name, date, time and addresses was queued before: {0}")]
    IdentityTaken(String),
    /// A policy keeps as much as it may.
    #[error(
        "policy `{policy}` keeps {kept} octets and may keep {quota} (`policies.{policy}.limits.kept`): {more} more do not fit until it removes some or the limit is raised"
    )]
    PolicyKeepsTooMuch {
        /// Its name in the configuration.
        policy: String,
        /// What it keeps, in octets.
        kept: u64,
        /// What it wants to keep besides.
        more: u64,
        /// What it may keep.
        quota: u64,
    },
    /// All policies together keep as much as they may.
    #[error(
        "all policies together keep {kept} octets and may keep {quota} (`limits.policies_kept`): {more} more do not fit until one removes some or the limit is raised"
    )]
    PoliciesKeepTooMuch {
        /// What they keep, in octets.
        kept: u64,
        /// What one of them wants to keep besides.
        more: u64,
        /// What they may keep.
        quota: u64,
    },
    /// The ledger was written by a newer program.
    #[error(
        "ledger {path} has schema {found}, this program knows up to {known}: use the newer program"
    )]
    TooNew {
        /// The database file.
        path: String,
        /// The version that its header has.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file at its path is not a ledger.
    #[error(
        "ledger: {0} is no ledger: put the ledger there that it was, or move it away and run `pointsman store rebuild`, which rebuilds the ledger from the spool"
    )]
    NoLedger(String),
    /// Another program has the ledger open.
    #[error("ledger {0} is open in another program: end it first")]
    InUse(String),
    /// A file of the ledger cannot be used.
    #[error("ledger: {path}: {source}")]
    File {
        /// The file of the ledger, or the folder it lies in.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The spool cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The verb was lost in a panic, its own or that of another verb in the same commit, or the ledger's thread has
    /// ended.
    #[error(
        "ledger: a mistake in this program ended the change, and nothing of it was done; the log names the mistake"
    )]
    Closed,
}

impl LedgerError {
    /// Whether the disk of the ledger is full. The same verb succeeds once there is free space.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Database { full, .. } | Self::Commit { full, .. } => *full,
            Self::File { source, .. } => is_full(source),
            Self::Spool(error) => error.is_full(),
            _ => false,
        }
    }
}
