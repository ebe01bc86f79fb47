//! Answers, and the tickets they spend.

use std::fmt;

use crate::{FileReason, Params, SessionReason, StateName};

/// What to tell a partner that introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionAnswer {
    /// Negotiate with these parameters, which are this partner's own; it may still end in ESID 10
    /// or 12.
    Accept(Box<Params>),
    /// End the session.
    Refuse {
        /// ESIDREAS.
        reason: SessionReason,
        /// For the partner's people.
        text: String,
    },
}

/// What to tell a partner that challenged us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeAnswer {
    /// What was encrypted in the AUCH, which the AURP sends back in the clear (RFC 5024, 5.3.18).
    Opened(Challenge),
    /// It cannot be opened: ends the session with ESID 11. Say the same for every cause, or the
    /// answer tells a stranger about the key.
    Refuse {
        /// For the partner's people.
        text: String,
    },
}

impl ChallengeAnswer {
    /// The text of every ESID 11, whatever failed on whichever side.
    pub const FAILED: &'static str = "the authentication failed";
}

/// What to tell a partner that offers a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAnswer {
    /// Take it, from there on.
    Accept {
        /// At most the position offered, in its unit. A larger one ends the session with ESID 99:
        /// the data would not fit together.
        restart: u64,
        /// Octets held before that position, for the totals.
        octets_held: u64,
    },
    /// Do not take it.
    Refuse {
        /// SFNAREAS.
        reason: FileReason,
        /// Whether the partner may try again in a later session.
        retry: bool,
        /// For the partner's people.
        text: String,
    },
}

/// What to tell a partner that has sent a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseAnswer {
    /// All octets are stored.
    Accept {
        /// Whether we want the turn now.
        change_direction: bool,
    },
    /// The file is not taken after all.
    Refuse {
        /// EFNAREAS.
        reason: FileReason,
        /// For the partner's people.
        text: String,
    },
}

/// The moment for an answer has passed: the session ended or moved on meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too late: the session is in {state}")]
pub struct NotNow {
    /// Where the session is.
    pub state: StateName,
}

/// The 20 random octets of a session authentication (RFC 5024, 5.3.17). Never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Challenge([u8; Challenge::LENGTH]);

impl Challenge {
    /// Octets of a challenge.
    pub const LENGTH: usize = 20;

    /// Takes the octets of a challenge.
    pub fn new(octets: [u8; Self::LENGTH]) -> Self {
        Self(octets)
    }

    /// The octets, to be enveloped.
    pub fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(other.0)
            .fold(0, |seen, (a, b)| seen | (a ^ b))
            == 0
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

macro_rules! tickets {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        #[must_use = "the partner waits until the question is answered"]
        pub struct $name {
            pub(crate) moment: u64,
        }
    )*};
}

tickets! {
    /// Spent by [`answer_connection`](crate::Session::answer_connection).
    ConnectionTicket
    /// Spent by [`answer_challenge`](crate::Session::answer_challenge).
    ChallengeTicket
    /// Spent by [`send_challenge`](crate::Session::send_challenge).
    OwnChallengeTicket
    /// Spent by [`answer_file`](crate::Session::answer_file).
    FileTicket
    /// Spent by [`grant_credit`](crate::Session::grant_credit).
    CreditTicket
    /// Spent by [`answer_close`](crate::Session::answer_close).
    CloseTicket
    /// Spent by [`answer_response`](crate::Session::answer_response).
    ResponseTicket
}

/// Spent by [`start_file`](crate::Session::start_file), [`respond`](crate::Session::respond) or
/// [`end_turn`](crate::Session::end_turn).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the partner waits until the turn is used"]
pub struct TurnTicket {
    pub(crate) moment: u64,
    pub(crate) may_release: bool,
}

impl TurnTicket {
    /// Whether the session may end here, which is where the partner gave its turn away unasked
    /// (IDLESPCD). Elsewhere the turn can be given away instead, but not there
    /// (RFC 5024, 3.3.4.2, 3.4.1).
    pub fn may_release(&self) -> bool {
        self.may_release
    }
}
