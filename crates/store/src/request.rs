//! What the ledger is asked for, and what a start is answered.

use crate::state::{Direction, State};

/// What policies may keep, in octets: of each value its own, those of its key and its policy's name, and 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The policy that asks.
    pub policy: u64,
    /// All policies together, including those that are no longer deployed.
    pub all: u64,
}

/// Which rows are returned: those that match every field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The partner's name in the configuration.
    pub partner: Option<String>,
    /// The states of the rows; any state where this is empty.
    pub states: Vec<State>,
    /// Received files alone, or files to send alone.
    pub direction: Option<Direction>,
    /// The data set name; `*` stands for any characters, `?` for any one, `[ab]` for one of those, `[!ab]` for any other.
    /// Brackets that do not close fit nothing.
    pub name: Option<String>,
}

/// What a start found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Files with a partial in the spool.
    pub receiving: u64,
    /// Secured files received and not opened.
    pub unopened: u64,
    /// Files received and not delivered; those that are to be opened first are left out.
    pub undelivered: u64,
    /// Receipts owed.
    pub owed: u64,
    /// Files waiting to be sent.
    pub ready: u64,
}
