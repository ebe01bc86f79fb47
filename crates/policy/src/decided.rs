//! What a chain of policies decided, and how it came about.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

use crate::bounded;
use crate::decision::Decision;
use crate::error::PolicyFailure;
use crate::hook::Hook;
use crate::host_calls::{HostCall, HostCalls};

/// The approximate octets of the facts, and of a decision, that are kept.
const MOST: usize = 16 << 10;

/// The answer of a chain of policies to one question, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided<T> {
    /// The moment of the question.
    pub hook: Hook,
    /// What the policies were asked about, under the names of the WIT files. Null if none was asked.
    pub facts: Value,
    /// The time of the event, as the policies saw it.
    pub at: SystemTime,
    /// How long it took all of them to answer.
    pub took: Duration,
    /// The generation of the policies.
    pub generation: u64,
    /// The policies that were asked, in their order.
    pub asked: Vec<AskedPolicy>,
    /// What they called meanwhile, in that order.
    pub host_calls: Vec<HostCall>,
    /// Calls after these, which were too many to keep.
    pub host_calls_omitted: u32,
    /// The decision. It has been checked, and failures have had their effect.
    pub decision: T,
    /// The policy that ended the chain, or the first that had an opinion. None if all passed.
    pub decided_by: Option<DecidedBy>,
    /// Policies that failed. They have been logged.
    pub failures: Vec<PolicyFailure>,
}

/// A policy that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedPolicy {
    /// Its name in the configuration.
    pub name: String,
    /// SHA-256 of its component, hexadecimal.
    pub digest: String,
}

/// A policy that made a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedBy {
    /// Its name in the configuration.
    pub policy: String,
    /// SHA-256 of its component, hexadecimal.
    pub digest: String,
    /// The generation it belongs to.
    pub generation: u64,
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            policy,
            digest,
            generation,
        } = self;
        let digest = digest.get(..12).unwrap_or_default();
        write!(f, "{policy} (generation {generation}, sha256:{digest})")
    }
}

impl<T> Decided<T> {
    /// Begins a question about which no policy has been asked yet.
    pub(crate) fn begin(hook: Hook, generation: u64, at: SystemTime) -> Self
    where
        T: Decision,
    {
        Decided {
            hook,
            facts: Value::Null,
            at,
            took: Duration::ZERO,
            generation,
            asked: Vec::new(),
            host_calls: Vec::new(),
            host_calls_omitted: 0,
            decision: T::pass(),
            decided_by: None,
            failures: Vec::new(),
        }
    }

    /// Adds the decision of the policy that was asked last. Returns whether that ends the chain.
    pub(crate) fn add(&mut self, decision: T) -> bool
    where
        T: Decision,
    {
        if decision.is_pass() {
            return false;
        }
        if decision.ends_chain() {
            self.decision = decision;
            self.decided_by = self.asked_last();
            return true;
        }
        let earlier = std::mem::replace(&mut self.decision, T::pass());
        self.decision = earlier.then(decision);
        self.decided_by = self.decided_by.take().or_else(|| self.asked_last());
        false
    }

    fn asked_last(&self) -> Option<DecidedBy> {
        self.asked.last().map(|asked| DecidedBy {
            policy: asked.name.clone(),
            digest: asked.digest.clone(),
            generation: self.generation,
        })
    }

    /// What the policies called.
    pub(crate) fn calls(&mut self, calls: HostCalls) {
        self.host_calls = calls.kept;
        self.host_calls_omitted = calls.omitted;
    }

    /// All of it as JSON, for the ledger: of a bounded size, with the names of the WIT files and times in milliseconds
    /// since 1970.
    pub fn to_json(&self) -> Value
    where
        T: Serialize,
    {
        let (mut facts, mut answer) = (self.facts.clone(), json!(self.decision));
        bounded::cut(&mut facts, MOST);
        bounded::cut(&mut answer, MOST);
        json!({
            "hook": self.hook.name(),
            "facts": facts,
            "at": millis(self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()),
            "took-us": u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "generation": self.generation,
            "policies": self.asked,
            "host-calls": self.host_calls,
            "host-calls-omitted": self.host_calls_omitted,
            "answer": answer,
            "decided-by": self.decided_by.as_ref().map(|by| &by.policy),
            "failures": self.failures.iter().map(failure).collect::<Vec<_>>(),
        })
    }
}

fn failure(failure: &PolicyFailure) -> Value {
    json!({
        "policy": failure.policy,
        "kind": failure.kind.to_string(),
        "detail": bounded::text(&failure.detail, 1000),
    })
}

fn millis(since_1970: Duration) -> u64 {
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
