//! What waits for a partner, what a session may take of it, and what an operator may order.

use std::time::{Duration, SystemTime};

use crate::persisted::Persisted;
use crate::transfer::{OutboundFile, OwedResponse, TransferId};

/// How exactly a receipt must name a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As its SFID did.
    Exact,
    /// Names and stations may differ in case and in blanks around them, and the counter of the time may be blank, where
    /// only one of the files that wait for their receipt matches.
    Loose,
}

/// What waits for a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Since when the item is due that became due last; since 1970 where the clock was ahead when that was written.
    pub since: SystemTime,
    /// When the oldest of it was given to us.
    pub oldest: SystemTime,
    /// When an operator ordered last that a file of it goes now.
    pub ordered: Option<SystemTime>,
}

/// How long an item for a partner can wait at most. A longer wait was written while the clock was ahead: its end is
/// unknown, so it counts as over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Longest {
    /// Of a file: its partner's longest `retry.refused`.
    pub file: Duration,
    /// Of a receipt: how long one waits that the agreed level does not have.
    pub receipt: Duration,
}

impl Longest {
    /// No limit: every wait counts as it was written.
    pub const UNKNOWN: Self = Self {
        file: Duration::MAX,
        receipt: Duration::MAX,
    };
}

/// Which files may be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Files {
    /// The first that is due, by priority, then the oldest.
    Any,
    /// The first of these that is due.
    Only(Vec<TransferId>),
    /// No file at all: receipts alone.
    None,
}

/// An operator's order about a file to send. A repeated order changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ready → Held: it stays in the queue and does not go.
    Hold,
    /// Held or Parked → Ready.
    Release,
    /// Ready or Held → Parked.
    Park,
    /// Ready, Held or Parked → Cancelled; the content is kept.
    Cancel,
    /// Stays Ready, does not back off any longer, and is sent before the others.
    SendNow,
}

impl Order {
    /// The word of the timeline.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "held",
            Self::Release => "released",
            Self::Park => "parked",
            Self::Cancel => "cancelled",
            Self::SendNow => "send-now",
        }
    }
}

/// One thing to say in our turn.
#[derive(Debug)]
pub enum Work {
    /// A receipt: always before files.
    Response(Persisted<Box<OwedResponse>>),
    /// A file, which the session has claimed.
    File(Box<OutboundFile>),
}

/// What a receipt from a partner meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It answers this file, for the first time.
    Recorded(TransferId),
    /// It answers this file, and was recorded before.
    Repeated(TransferId),
    /// It is about this file, and its hash or its signature is not what it must be: it is not taken.
    Invalid(TransferId),
    /// We sent no such file: RTR, log, drop.
    Unknown,
}
