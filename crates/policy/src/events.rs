//! What policies tell the log, and what is told of them.

use std::sync::Arc;

use pointsman_log::events;

events! {
    /// Something about a policy.
    pub enum Event of "policy";

    /// a component is in force from the start
    "POL-001" "policy-loaded" Info Every
    Loaded { policy: String, digest: String, file: String }
    says("policy {policy} is sha256:{digest}")
    remedy("–")

    /// a policy failed; kind, detail, and what was answered instead
    "POL-002" "policy-failed" Warn Counted
    Failed { policy: String, digest: String, generation: u64, session: String, hook: String, kind: String, on_failure: String, reason: String }
    says("session {session}: {hook}: policy {policy} failed ({kind}), answered by `{on_failure}`: {reason}")
    remedy("`error-text`: usually a setting; the detail names it. `deadline`, `memory`: raise its limits, or see its author; `memory` that names `limits.policies_memory` is the limit of all policies together. `trap`, `stack`, `bad-decision`: its author. Swap the last good component in")

    /// a policy logged more than it may
    "POL-003" "policy-log-cut" Warn Counted
    LogCut { policy: Arc<str>, session: Arc<str>, dropped: u32 }
    says("policy {policy} logged more than its limits allow: {dropped} lines are missing")
    remedy("its author")

    /// a line of a policy's own, at the level `error`
    "POL-004" "policy-says" Error Counted
    SaysError { policy: Arc<str>, session: Arc<str>, said: String }
    says("policy {policy}: {said}")
    remedy("its author")

    /// a line of a policy's own
    "POL-005" "policy-says" Warn Counted
    SaysWarn { policy: Arc<str>, session: Arc<str>, said: String }
    says("policy {policy}: {said}")
    remedy("its author")

    /// a line of a policy's own
    "POL-006" "policy-says" Info Counted
    SaysInfo { policy: Arc<str>, session: Arc<str>, said: String }
    says("policy {policy}: {said}")
    remedy("–")

    /// a line of a policy's own
    "POL-007" "policy-says" Debug Counted
    SaysDebug { policy: Arc<str>, session: Arc<str>, said: String }
    says("policy {policy}: {said}")
    remedy("–")

    /// a line of a policy's own
    "POL-008" "policy-says" Trace Counted
    SaysTrace { policy: Arc<str>, session: Arc<str>, said: String }
    says("policy {policy}: {said}")
    remedy("–")

    /// how long an instance took for an answer
    "POL-009" "policy-answered" Trace Every
    Answered { policy: Arc<str>, hook: String, took: std::time::Duration }
    says("policy {policy} answered {hook}")
    remedy("–")
}
