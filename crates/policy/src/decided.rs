//! What a chain of policies decided, and how it came about.

use std::time::SystemTime;

use crate::decision::Decision;
use crate::error::PolicyFailure;
use crate::hook::Hook;

/// The answer of a chain of policies to one question, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided<T> {
    /// The moment of the question.
    pub hook: Hook,
    /// The time of the event, as the policies saw it.
    pub at: SystemTime,
    /// The generation of the policies.
    pub generation: u64,
    /// What is to be done. It has been checked, and failures have been accounted for.
    pub decision: T,
    /// The policy that ended the chain, or the first that had an opinion. None if all passed.
    pub decided_by: Option<DecidedBy>,
    /// Policies that failed on the way. They have been logged.
    pub failures: Vec<PolicyFailure>,
}

/// A policy that made a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedBy {
    /// Its name.
    pub policy: String,
    /// SHA-256 of its component, hexadecimal.
    pub digest: String,
    /// The generation it belongs to.
    pub generation: u64,
}

impl<T> Decided<T> {
    /// Nobody has been asked yet.
    pub(crate) fn begin(hook: Hook, generation: u64, at: SystemTime) -> Self
    where
        T: Decision,
    {
        Decided {
            hook,
            at,
            generation,
            decision: T::pass(),
            decided_by: None,
            failures: Vec::new(),
        }
    }

    /// Adds what the next policy of the chain says. True where that ends the chain.
    pub(crate) fn add(&mut self, decision: T, by: impl FnOnce() -> DecidedBy) -> bool
    where
        T: Decision,
    {
        if decision.is_pass() {
            return false;
        }
        if decision.ends_chain() {
            self.decision = decision;
            self.decided_by = Some(by());
            return true;
        }
        let earlier = std::mem::replace(&mut self.decision, T::pass());
        self.decision = earlier.then(decision);
        self.decided_by.get_or_insert_with(by);
        false
    }
}
