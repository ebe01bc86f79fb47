//! What is remembered of a partner, and what waits for it. It answers the question why nothing is being sent.

use std::time::SystemTime;

/// The kinds of sessions of which the last one is remembered for each partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContactKind {
    /// Any session that was established.
    Session,
    /// A session that ended as it should.
    Good,
    /// A session that did not, or a call of ours that reached nobody.
    Failure,
    /// A caller that presented the partner's code and was refused. It need not have been the partner.
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

/// The last session of a kind with a partner, or the last caller that was refused.
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
    /// Why waiting files were not sent in it, where that was so.
    pub stayed: Option<String>,
}

/// What waits to be sent to one partner, and what is awaited from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Files that are not sent yet, including those that are in a session, back off, are held or are parked.
    pub files: u64,
    /// Their octets.
    pub octets: u64,
    /// Those of them that a session is sending at the moment.
    pub in_session: u64,
    /// Those of them that back off after a refusal or a broken session.
    pub backing_off: u64,
    /// When the first of those that back off may be sent.
    pub backs_off_until: Option<SystemTime>,
    /// Those of them that an operator holds.
    pub held: u64,
    /// Those of them that are parked: only an operator can have them sent again.
    pub parked: u64,
    /// When the oldest of them was queued.
    pub oldest: Option<SystemTime>,
    /// When the oldest of those that may be sent now was queued.
    pub ready_since: Option<SystemTime>,
    /// Why one of those that may be sent was last put back into the queue.
    pub reason: Option<String>,
    /// Receipts we owe the partner.
    pub owed: u64,
    /// Sent files whose receipt has not come and is not overdue.
    pub awaited: u64,
    /// Sent files whose receipt is overdue.
    pub overdue: u64,
    /// When the first of those was sent.
    pub overdue_since: Option<SystemTime>,
    /// Files received from it whose receipt waits for an operator.
    pub unanswered: u64,
}
