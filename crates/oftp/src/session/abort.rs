//! Errors, aborts and ends (RFC 5024, 3.4, 9.9).

use crate::command::{Command, Esid, Kind, Malformed};
use crate::{End, Leniency, SessionReason, StateName};

use super::connect::Connecting;
use super::inbox::Inbox;
use super::listener::Listener;
use super::notices::Notice;
use super::speaker::Speaker;
use super::{Session, State};

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ending {
    /// Our ESID is on its way; what still arrives is dropped. The partner closes the connection, so
    /// that our ESID is not lost to a reset.
    WfNdisc,
    /// Nothing left.
    Idle,
}

impl Ending {
    pub(super) fn name(self) -> StateName {
        match self {
            Self::WfNdisc => StateName::WfNdisc,
            Self::Idle => StateName::Idle,
        }
    }
}

/// A reason to end the session: code and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: SessionReason,
    pub(crate) text: String,
}

impl Refusal {
    pub(super) fn new(reason: SessionReason, text: &str) -> Self {
        Self {
            reason,
            text: text.to_owned(),
        }
    }

    pub(super) fn violation(text: &str) -> Self {
        Self::new(SessionReason::ProtocolViolation, text)
    }

    pub(super) fn into_end(self) -> End {
        let Self { reason, text } = self;
        End::AbortedByUs { reason, text }
    }

    /// What came, where, and what was expected.
    pub(super) fn unexpected(kind: Kind, state: StateName, expected: &[Kind]) -> Self {
        let names: Vec<&str> = expected.iter().map(|kind| kind.name()).collect();
        let expected = if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(" or ")
        };
        Self::violation(&format!(
            "{kind} came in {state}, where {expected} was expected"
        ))
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self {
            reason: malformed.reason,
            text: malformed.problem,
        }
    }
}

impl Session {
    /// Ends the session with an ESID that gives the reason.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        let Refusal { reason, text } = refusal.clone();
        self.end_with_esid(reason, text, refusal.into_end());
    }

    /// ESID 00 after the partner gave its turn away (RFC 5024, 9.10, E).
    pub(super) fn release(&mut self) {
        self.end_with_esid(SessionReason::Normal, String::new(), End::Released);
    }

    /// The partner ended the session; it is ours to close the connection.
    pub(super) fn take_esid(&mut self, esid: Esid) {
        let Esid { reason, text } = esid;
        let end = match reason {
            SessionReason::Normal if self.may_be_released() => End::Released,
            _ => End::AbortedByPeer { reason, text },
        };
        self.end_silently(end);
    }

    /// Ends without a word. What was not yet taken to be sent never is.
    pub(super) fn end_silently(&mut self, end: End) {
        self.outbox.clear();
        self.inbox = Inbox::default();
        self.tell(Notice::Ended(end));
        self.state = State::Ending(Ending::Idle);
    }

    pub(super) fn end_disconnected(&mut self) {
        match self.state {
            State::Ending(_) => {
                self.outbox.clear();
                self.state = State::Ending(Ending::Idle);
            }
            _ => self.end_silently(End::Disconnected {
                state: self.state.name(),
            }),
        }
    }

    /// A partner that was never known is dropped; any other is told (ESID 09), which the RFC's
    /// table leaves out and its list of reasons provides for.
    pub(super) fn end_timed_out(&mut self) {
        let end = End::TimedOut {
            state: self.state.name(),
        };
        match self.state {
            State::Ending(_) => self.end_disconnected(),
            State::Connecting(_) => self.end_silently(end),
            State::Speaker(_) | State::Listener(_) => {
                self.end_with_esid(SessionReason::TimeOut, format!("{end}"), end);
            }
        }
    }

    /// A partner that introduces itself again is dropped without a word, but for the time of
    /// authentication (9.8, F and L). Anything else that does not belong is answered with ESID.
    pub(super) fn drops_on(&self, code: u8) -> bool {
        let introducible = matches!(
            self.state,
            State::Connecting(
                Connecting::IWfSsid
                    | Connecting::ANcOnly
                    | Connecting::WfAuch
                    | Connecting::Opening
                    | Connecting::WfSecd
                    | Connecting::Challenging
                    | Connecting::WfAurp(_)
            )
        );
        code == Kind::Ssid.code() && !introducible
    }

    /// In IDLELICD a release is expected (9.12, F). Elsewhere it is out of turn, which is forgiven
    /// as long as nothing is under way.
    fn may_be_released(&mut self) -> bool {
        match self.state {
            State::Listener(Listener::IdleLiCd) => true,
            State::Listener(Listener::IdleLi)
            | State::Speaker(Speaker::IdleSp | Speaker::IdleSpCd | Speaker::WfCd) => self
                .tolerate(Leniency::EarlyRelease, Kind::Esid, SessionReason::Normal)
                .is_ok(),
            _ => false,
        }
    }

    /// Sends ESID and waits for the partner to close. Before the greeting there is nobody to tell.
    fn end_with_esid(&mut self, reason: SessionReason, text: String, end: End) {
        if matches!(self.state, State::Connecting(Connecting::IWfRm)) {
            return self.end_silently(end);
        }
        self.outbox.drop_open();
        self.inbox = Inbox::default();
        self.send(&Command::Esid(Esid { reason, text }));
        self.tell(Notice::Ended(end));
        self.state = State::Ending(Ending::WfNdisc);
        self.clock.end();
    }
}
