//! Why a session is ended by us: what the ESID will say.

use crate::command::{Kind, Malformed};
use crate::{SessionReason, StateName};

/// A reason to end the session with an ESID: its code, and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Abort {
    pub(crate) reason: SessionReason,
    pub(crate) text: String,
}

impl Abort {
    pub(super) fn new(reason: SessionReason, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { reason, text }
    }

    pub(super) fn violation(text: impl Into<String>) -> Self {
        Self::new(SessionReason::ProtocolViolation, text)
    }

    /// What came, where, and what was expected.
    pub(super) fn unexpected(kind: Kind, state: StateName, expected: &[Kind]) -> Self {
        let names: Vec<&str> = expected.iter().map(|kind| kind.name()).collect();
        let expected = if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(" or ")
        };
        Self::violation(format!(
            "{kind} came in {state}, where {expected} was expected"
        ))
    }
}

impl From<Malformed> for Abort {
    fn from(malformed: Malformed) -> Self {
        Self::new(malformed.reason, malformed.problem)
    }
}
