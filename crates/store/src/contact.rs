//! What is remembered of a partner, and what waits for it: for whoever asks why nothing goes.

use std::time::SystemTime;

/// Which of a partner's sessions is remembered: the last of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContactKind {
    /// Any that came about.
    Session,
    /// One that came to its end as it should.
    Good,
    /// One that did not, or a call of ours that reached nobody.
    Failure,
    /// A caller that presented the partner's code and was not let in: it need not have been the partner.
    Refusal,
}

impl ContactKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Session, Self::Good, Self::Failure, Self::Refusal];

    /// The word the ledger keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Good => "good",
            Self::Failure => "failure",
            Self::Refusal => "refusal",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The last time that something of its kind happened with a partner: a session, or a caller that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The partner's name in the configuration.
    pub partner: String,
    /// What is meant.
    pub kind: ContactKind,
    /// When the session ended, or the caller was refused.
    pub at: SystemTime,
    /// Whether we dialled.
    pub dialled: bool,
    /// The other end: its address and port, or what was dialled.
    pub remote: String,
    /// How it ended.
    pub words: String,
    /// Why files that wait for the partner were not to go in it, where that was so.
    pub stayed: Option<String>,
}

/// What waits for one partner, or for its word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Files that are not sent yet: those that are in a session, rest, are held or parked included.
    pub files: u64,
    /// Their octets.
    pub octets: u64,
    /// Of these files: a session has them just now.
    pub in_session: u64,
    /// Of these files: they rest after a refusal or a broken session.
    pub resting: u64,
    /// When the first of those that rest may go.
    pub rests_until: Option<SystemTime>,
    /// Of these files: an operator keeps them back.
    pub held: u64,
    /// Of these files: nobody tries them again by itself.
    pub parked: u64,
    /// When the oldest of them was queued.
    pub oldest: Option<SystemTime>,
    /// When the oldest of those that may go now was queued.
    pub ready_since: Option<SystemTime>,
    /// Why one of those that are to go was put back last.
    pub reason: Option<String>,
    /// Receipts we owe the partner.
    pub owed: u64,
    /// Files it has whose receipt has not come; in time so far.
    pub awaited: u64,
    /// Files it has whose receipt is overdue.
    pub overdue: u64,
    /// When the first of those was sent.
    pub overdue_since: Option<SystemTime>,
    /// Files of its whose receipt waits for an operator.
    pub unanswered: u64,
}
