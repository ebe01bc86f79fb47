//! Errors, aborts and ends (RFC 5024, 3.4, 9.9).

use crate::command::{Command, Esid, Kind};
use crate::{End, Leniency, SessionReason};

use super::Session;
use super::abort::Abort;
use super::notices::Notice;
use super::state::{Connecting, Listening, SessionState, Speaking};

impl Session {
    /// Ends the session with an ESID that gives the reason.
    pub(super) fn abort_with(&mut self, abort: Abort) {
        let Abort { reason, text } = abort.clone();
        self.end_with_esid(reason, text, aborted(abort));
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
            _ => End::AbortedByPartner { reason, text },
        };
        self.end_silently(end);
    }

    /// Drops a connection that an ESID would be no answer to.
    pub(super) fn drop_with(&mut self, abort: Abort) {
        self.end_silently(aborted(abort));
    }

    /// Ends without a word. What was not yet taken to be sent never is.
    pub(super) fn end_silently(&mut self, end: End) {
        self.transmit_buffer.clear();
        self.spare.release();
        self.receive_buffer.clear();
        self.emit(Notice::Ended(end));
        self.enter(SessionState::Idle);
    }

    pub(super) fn end_disconnected(&mut self) {
        match self.state {
            SessionState::WfNdisc | SessionState::Idle => {
                self.transmit_buffer.clear();
                self.spare.release();
                self.enter(SessionState::Idle);
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
            SessionState::WfNdisc | SessionState::Idle => self.end_disconnected(),
            SessionState::Connecting(_) => self.end_silently(end),
            SessionState::Speaking(_) | SessionState::Listening(_) => {
                self.end_with_esid(SessionReason::TimeOut, format!("{end}"), end);
            }
        }
    }

    /// A partner that introduces itself again is dropped without a word, but for the time of
    /// authentication (9.8, F and L). Anything else that does not belong is answered with ESID.
    pub(super) fn drops_on(&self, code: u8) -> bool {
        let introducible = matches!(
            self.state,
            SessionState::Connecting(
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
            SessionState::Listening(Listening::IdleLiCd) => true,
            SessionState::Listening(Listening::IdleLi)
            | SessionState::Speaking(Speaking::IdleSp | Speaking::IdleSpCd | Speaking::WfCd) => {
                self.tolerate(Leniency::EarlyRelease, Kind::Esid, SessionReason::Normal)
                    .is_ok()
            }
            _ => false,
        }
    }

    /// Sends ESID and waits for the partner to close. Before the greeting there is nobody to tell.
    fn end_with_esid(&mut self, reason: SessionReason, text: String, end: End) {
        if matches!(self.state, SessionState::Connecting(Connecting::IWfRm)) {
            return self.end_silently(end);
        }
        self.transmit_buffer.drop_open();
        self.receive_buffer.clear();
        self.send(&Command::Esid(Esid { reason, text }));
        self.emit(Notice::Ended(end));
        self.enter(SessionState::WfNdisc);
        self.timers.end();
    }
}

fn aborted(Abort { reason, text }: Abort) -> End {
    End::AbortedByUs { reason, text }
}
