//! What a policy called while it was asked, as it is kept with the decision.
//!
//! It shows an operator why a policy decided as it did, and lets the question be asked once more. It is bounded, and it
//! has no values of settings, since those may be secrets.

use serde::Serialize;
use serde_json::{Value, json};

use crate::bindings::types::{Level, OutboundFile};
use crate::bounded;

/// The approximate octets of all calls of one event as JSON; further calls are only counted.
const MOST: usize = 16 << 10;
/// Files of a list that are kept.
const FILES: usize = 20;
/// Octets of a value that are kept.
const OF_A_VALUE: usize = 256;

/// A call of a policy into the server, and its answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostCall {
    /// Name of the policy.
    pub policy: String,
    /// The function of the interface `host`.
    pub function: &'static str,
    /// What it was called with, in the order of the WIT file.
    pub arguments: Vec<Value>,
    /// What the policy got. Of a setting only whether there is one.
    pub answer: Value,
}

/// The calls of one event, in their order.
#[derive(Debug, Default)]
pub(crate) struct HostCalls {
    pub(crate) kept: Vec<HostCall>,
    /// Calls that were too many to keep.
    pub(crate) omitted: u32,
    octets: usize,
}

impl HostCalls {
    /// Adds the calls of the next policy.
    pub(crate) fn append(&mut self, later: HostCalls) {
        for call in later.kept {
            self.keep(call);
        }
        self.omitted = self.omitted.saturating_add(later.omitted);
    }

    /// Notes a call. Its values are not built where there is no space left for them.
    pub(crate) fn note(
        &mut self,
        policy: &str,
        function: &'static str,
        arguments: impl FnOnce() -> Vec<Value>,
        answer: impl FnOnce() -> Value,
    ) {
        if self.octets >= MOST {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        self.keep(HostCall {
            policy: policy.to_owned(),
            function,
            arguments: arguments(),
            answer: answer(),
        });
    }

    fn keep(&mut self, call: HostCall) {
        if self.octets >= MOST {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        let values = call.arguments.iter().chain([&call.answer]);
        let octets: usize = values.map(bounded::size).sum();
        self.octets += octets + call.policy.len() + call.function.len();
        self.kept.push(call);
    }
}

/// A log line's arguments.
pub(crate) fn line(level: Level, message: &str) -> Vec<Value> {
    vec![
        json!(level),
        bounded::text(message, OF_A_VALUE).into_owned().into(),
    ]
}

/// A value that a policy keeps: a text as text, other octets in hexadecimal digits, cut to the space that is left.
pub(crate) fn octets(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => bounded::text(text, OF_A_VALUE).into_owned().into(),
        Err(_) => {
            let kept = value.iter().take(OF_A_VALUE / 2);
            let hex: String = kept.map(|octet| format!("{octet:02x}")).collect();
            json!({ "octets": value.len(), "hex": hex })
        }
    }
}

/// Files that wait: the first of them, and how many there are.
pub(crate) fn files(files: &[OutboundFile]) -> Value {
    let mut kept: Vec<Value> = files.iter().take(FILES).map(|file| json!(file)).collect();
    if let Some(more) = files.len().checked_sub(FILES).filter(|more| *more > 0) {
        kept.push(bounded::more(more));
    }
    kept.into()
}

/// Whether a value was kept.
pub(crate) fn outcome(result: &Result<(), String>) -> Value {
    match result {
        Ok(()) => json!("ok"),
        Err(text) => json!({ "error": bounded::text(text, OF_A_VALUE) }),
    }
}
