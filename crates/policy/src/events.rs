//! What is logged of policies, and what they log themselves.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pointsman_log::{Field, FieldValue, events};

use crate::bindings::types::ConnectionInfo;

/// The subject of a question: the session and its partner, or the file and its partner. The log counts repeated lines by subject, so that lines
/// about one partner cannot suppress those about another.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    session: Arc<str>,
    /// Whether that is no session, but the id of a file that is asked about outside of one.
    is_file: bool,
    /// The partner, which has shown that it is the one.
    partner: Option<Arc<str>>,
    /// The profile that the caller claims, while it has not proved its identity.
    claims: Option<Arc<str>>,
    remote: Option<SocketAddr>,
}

impl Subject {
    /// A session with nobody yet.
    pub(crate) fn nobody(session: Arc<str>) -> Self {
        Self {
            session,
            is_file: false,
            partner: None,
            claims: None,
            remote: None,
        }
    }

    /// A connection to the partner that it names.
    pub(crate) fn partner(session: Arc<str>, connection: &ConnectionInfo) -> Self {
        Self {
            partner: connection.partner.as_deref().map(Arc::from),
            remote: remote(connection),
            ..Self::nobody(session)
        }
    }

    /// A caller that has shown no right password or certificate.
    pub(crate) fn stranger(session: Arc<str>, connection: &ConnectionInfo) -> Self {
        Self {
            claims: connection.partner.as_deref().map(Arc::from),
            remote: remote(connection),
            ..Self::nobody(session)
        }
    }

    /// A file of ours for that partner, outside of sessions.
    pub(crate) fn file(id: &str, partner: &str) -> Self {
        Self {
            is_file: true,
            partner: Some(partner.into()),
            ..Self::nobody(id.into())
        }
    }

    /// The session's name; the file's id outside of one.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }
}

/// The address of the peer; none outside of a session.
fn remote(connection: &ConnectionInfo) -> Option<SocketAddr> {
    let address: IpAddr = connection.remote_address.parse().ok()?;
    Some(SocketAddr::new(address, connection.remote_port))
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_file {
            let partner = self.partner.as_deref().unwrap_or_default();
            return write!(f, "transfer {} for {partner}", self.session);
        }
        write!(f, "session {}", self.session)?;
        match (&self.partner, &self.claims) {
            (Some(partner), _) => write!(f, " with {partner}")?,
            (None, Some(claims)) => write!(f, " with a caller that claims to be {claims}")?,
            (None, None) => {}
        }
        match self.remote {
            Some(remote) => write!(f, " at {remote}"),
            None => Ok(()),
        }
    }
}

impl Field for Subject {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        let name = if self.is_file { "transfer" } else { name };
        self.session.show(name, see);
        self.partner.show("partner", see);
        self.claims.show("claims", see);
        self.remote.show("remote", see);
    }
}

events! {
    /// Something about a policy.
    pub enum PolicyEvent of "policy";

    /// a component is in force from the start
    "POL-001" "policy-loaded" Info Every
    Loaded { policy: String, digest: String, file: String }
    says("policy {policy} is sha256:{digest}")
    remedy("–")

    /// a policy failed; kind, detail, and what was answered instead
    "POL-002" "policy-failed" Warn Counted
    Failed { policy: String, digest: String, generation: u64, session: Subject, hook: String, kind: String, on_failure: String, reason: String }
    says("{session}: {hook}: policy {policy} failed ({kind}), answered by `{on_failure}`: {reason}")
    remedy("`error-text`: usually a setting; the detail names it. `deadline`, `memory`: raise its limits, or ask its author; `memory` that names `limits.policies_memory` is the limit of all policies together. `trap`, `stack`, `bad-decision`: ask its author. Swap the last good component in")

    /// a policy logged more than it may
    "POL-003" "policy-log-cut" Warn Counted
    LogCut { policy: Arc<str>, session: Subject, dropped: u32 }
    says("{session}: policy {policy} logged more than its limits allow: {dropped} lines are missing")
    remedy("ask its author")

    /// a line of a policy's own, at the level `error`
    "POL-004" "policy-says" Error Counted
    SaysError { policy: Arc<str>, session: Subject, said: String }
    says("{session}: policy {policy}: {said}")
    remedy("ask its author")

    /// a line of a policy's own
    "POL-005" "policy-says" Warn Counted
    SaysWarn { policy: Arc<str>, session: Subject, said: String }
    says("{session}: policy {policy}: {said}")
    remedy("ask its author")

    /// a line of a policy's own
    "POL-006" "policy-says" Info Counted
    SaysInfo { policy: Arc<str>, session: Subject, said: String }
    says("{session}: policy {policy}: {said}")
    remedy("–")

    /// a line of a policy's own
    "POL-007" "policy-says" Debug Counted
    SaysDebug { policy: Arc<str>, session: Subject, said: String }
    says("{session}: policy {policy}: {said}")
    remedy("–")

    /// a line of a policy's own
    "POL-008" "policy-says" Trace Counted
    SaysTrace { policy: Arc<str>, session: Subject, said: String }
    says("{session}: policy {policy}: {said}")
    remedy("–")

    /// how long an instance took for an answer
    "POL-009" "policy-answered" Trace Every
    Answered { policy: Arc<str>, hook: String, took: std::time::Duration }
    says("policy {policy} answered {hook}")
    remedy("–")
}
