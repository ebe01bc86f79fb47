//! A session: the state machine of RFC 5024, 9, as a value.
//!
//! Octets come in by [`Session::receive`]. `admission` admits or refuses a buffer by its first octet; its command then
//! goes to the part of the machine that is on: `connect` (9.8), `speaker` with `sending` (9.10, 9.11) or `listener` with
//! `receiving` (9.12). `ends` is 9.9. Where a session can be is in `state`, what it can do in `effects`.

mod abort;
mod admission;
mod connect;
mod effects;
mod ends;
mod listener;
mod notices;
mod open_file;
pub(crate) mod params;
mod receive_buffer;
mod receiving;
mod sending;
mod spare;
mod speaker;
mod state;
mod timers;
pub(crate) mod tolerance;
mod transmit_buffer;

use std::time::Duration;

use crate::command::{self, Command, Kind, Malformed};
use crate::{
    Agreement, Event, Leniency, Level, NotNow, Params, SessionReason, StateName, Tolerance,
};

use abort::Abort;
use notices::{Notice, Notices};
use receive_buffer::ReceiveBuffer;
use spare::Spare;
use state::{Connecting, SessionState};
use timers::Timers;
use transmit_buffer::TransmitBuffer;

/// One session with one partner. [`tutorial`](crate::tutorial) leads through a whole one.
///
/// A session does no I/O. Whoever drives it owns the connection and the clock, and calls methods of five kinds:
///
/// - **The connection**: [`receive`](Self::receive) takes the octets that came,
///   [`poll_transmit`](Self::poll_transmit) returns those to be sent, [`disconnected`](Self::disconnected) says that
///   there is no connection any more. [`progressed`](Self::progressed) and [`recycle`](Self::recycle) are optional: the
///   first keeps a slow reader from being taken for a silent one, the second saves memory.
/// - **The time**: [`poll_timeout`](Self::poll_timeout) says when to call [`handle_timeout`](Self::handle_timeout).
///   [`set_time`](Self::set_time) comes before an answer that took time to find.
/// - **Events**: [`poll_event`](Self::poll_event) returns what happened. An event with a ticket is a question, and the
///   partner waits until its answer is given: [`answer_connection`](Self::answer_connection),
///   [`answer_challenge`](Self::answer_challenge), [`send_challenge`](Self::send_challenge),
///   [`answer_file`](Self::answer_file), [`grant_credit`](Self::grant_credit), [`answer_close`](Self::answer_close),
///   [`answer_response`](Self::answer_response); for the turn one of [`start_file`](Self::start_file),
///   [`respond`](Self::respond), [`end_turn`](Self::end_turn).
/// - **The file that is open to send**, between [`Event::FileAccepted`] and `close_file`:
///   [`want_data`](Self::want_data), [`send_data`](Self::send_data), [`close_file`](Self::close_file).
/// - **The end**: [`abort`](Self::abort) ends a session at any time. The connection is closed once
///   [`is_over`](Self::is_over).
///
/// After any call that changes something, first take all events, answering them, and then all octets to be sent:
/// answers make octets. [`state_name`](Self::state_name) and [`agreement`](Self::agreement) may be asked at any time.
///
/// An answer spends the ticket of its question; `Err(NotNow)` says that its moment has passed. A ticket belongs to the
/// session that gave it out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    params: Params,
    role: Role,
    state: SessionState,
    /// Whose layouts hold: our level, and from the partner's SSID on the lower of the two.
    level: Level,
    agreement: Option<Agreement>,
    receive_buffer: ReceiveBuffer,
    transmit_buffer: TransmitBuffer,
    spare: Spare,
    notices: Notices,
    timers: Timers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Initiator,
    Responder,
}

impl Session {
    /// The side that opened the connection: it waits to be greeted (I_WF_RM).
    pub fn initiator(params: Params, now: Duration) -> Self {
        Self::new(params, Role::Initiator, Connecting::IWfRm, now)
    }

    /// The side that was called: it greets at once (A_NC_ONLY). The parameters are those before the
    /// partner is known; [`answer_connection`](Self::answer_connection) brings the partner's own.
    pub fn responder(params: Params, now: Duration) -> Self {
        let mut session = Self::new(params, Role::Responder, Connecting::ANcOnly, now);
        session.send(&Command::Ssrm);
        session
    }

    fn new(params: Params, role: Role, state: Connecting, now: Duration) -> Self {
        Self {
            role,
            state: SessionState::Connecting(state),
            level: params.level,
            agreement: None,
            receive_buffer: ReceiveBuffer::default(),
            transmit_buffer: TransmitBuffer::default(),
            spare: Spare::default(),
            notices: Notices::default(),
            timers: Timers::start(now, params.timeouts),
            params,
        }
    }

    /// Takes all of `bytes`, as the connection gave them. Works from the slice and keeps only a
    /// buffer that is still incomplete.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.timers.advance(now);
        if self.state.has_ended() {
            return;
        }
        self.timers.came(bytes.len());
        let mut rest = self.complete_kept(bytes);
        while let Some((buffer, after)) = self.next_buffer(rest) {
            self.take_buffer(buffer);
            rest = after;
        }
        if !self.state.has_ended() {
            self.receive_buffer.keep(rest);
        }
    }

    /// The connection is gone, or the partner closed its side of it (N_DISC_IND).
    pub fn disconnected(&mut self, now: Duration) {
        self.timers.advance(now);
        self.end_disconnected();
    }

    /// Sets the time. What is answered, and what is taken to be sent, counts as done at the latest time that was set:
    /// call it before either.
    pub fn set_time(&mut self, now: Duration) {
        self.timers.advance(now);
    }

    /// The partner's system has taken so many octets of what was sent, by `at`. A partner that reads slowly is not
    /// silent.
    pub fn progressed(&mut self, octets: u64, at: Duration) {
        self.timers.taken(octets, at);
    }

    /// Sets the time; at or after [`poll_timeout`](Self::poll_timeout) it ends the session.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.timers.advance(now);
        if self.poll_timeout().is_some_and(|deadline| now >= deadline) {
            self.end_timed_out();
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, unless something happens before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.state {
            SessionState::Connecting(_) => Some(self.timers.setup_deadline()),
            SessionState::Speaking(_) | SessionState::Listening(_) => {
                Some(self.timers.idle_deadline())
            }
            SessionState::WfNdisc => self.timers.disconnect_deadline(),
            SessionState::Idle => None,
        }
    }

    /// The next octets for the connection: all that is ready.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let octets = self.transmit_buffer.take(&mut self.spare)?;
        if !self.state.has_ended() {
            self.timers.touch();
        }
        Some(octets)
    }

    /// Takes a used buffer back, from [`poll_transmit`](Self::poll_transmit) or
    /// [`Event::Data`]. Its capacity is used again while a file is open.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.state.is_in_a_file() {
            self.spare.keep(buffer);
        }
    }

    /// The next event, in the order of the wire.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.notices.next()
    }

    /// What was agreed upon, from the partner's SSID on; before [`Event::Connected`] too.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// Where the session is.
    pub fn state_name(&self) -> StateName {
        self.state.name()
    }

    /// Whether there is nothing more to send or to wait for: close the connection.
    pub fn is_over(&self) -> bool {
        matches!(self.state, SessionState::Idle) && self.transmit_buffer.is_empty()
    }

    /// Ends the session with an ESID, at any time (F_ABORT_RQ, F_RELEASE_RQ with a reason).
    pub fn abort(&mut self, reason: SessionReason, text: &str) {
        if !self.state.has_ended() {
            self.timers.touch();
            self.abort_with(Abort {
                reason,
                text: text.to_owned(),
            });
        }
    }

    /// Takes one admitted exchange buffer.
    fn take_buffer(&mut self, buffer: &[u8]) {
        let taken = match buffer.split_first() {
            Some((&code, payload)) if code == Kind::Data.code() => self.take_data(payload),
            _ => {
                self.timers.touch();
                self.take_command(buffer)
            }
        };
        if let Err(abort) = taken {
            self.abort_with(abort);
        }
    }

    fn take_command(&mut self, buffer: &[u8]) -> Result<(), Abort> {
        let mut tolerated = Vec::new();
        let read = command::decode(buffer, self.level, &self.params.tolerances, &mut tolerated);
        for tolerance in tolerated {
            self.emit(Notice::Tolerated(tolerance));
        }
        let command = match read {
            Ok(command) => command,
            Err(Malformed {
                problem,
                spoils: Some(spoils),
                ..
            }) => {
                self.pass_over(spoils, problem);
                return Ok(());
            }
            Err(malformed) => return Err(malformed.into()),
        };
        if let Command::Esid(esid) = command {
            self.take_esid(esid);
            return Ok(());
        }
        match self.state {
            SessionState::Connecting(_) => self.take_connecting(command),
            SessionState::Speaking(_) => self.take_speaking(command),
            SessionState::Listening(_) => self.take_listening(command),
            SessionState::WfNdisc | SessionState::Idle => Ok(()),
        }
    }

    /// Notes a leniency, or refuses where it is not allowed.
    fn tolerate(
        &mut self,
        leniency: Leniency,
        kind: Kind,
        otherwise: SessionReason,
    ) -> Result<(), Abort> {
        if !self.params.tolerances.allow(leniency) {
            let text = format!(
                "{kind} in {}: {leniency} (not tolerated here)",
                self.state.name()
            );
            return Err(Abort {
                reason: otherwise,
                text,
            });
        }
        let what = format!("{kind} in {}", self.state.name());
        self.emit(Notice::Tolerated(Tolerance { leniency, what }));
        Ok(())
    }

    /// An answer counts only at the moment its question was asked.
    fn check(&mut self, ticket: u64, in_state: bool) -> Result<(), NotNow> {
        if !in_state || !self.notices.is_now(ticket) {
            return Err(self.not_now());
        }
        self.timers.touch();
        Ok(())
    }

    fn not_now(&self) -> NotNow {
        NotNow {
            state: self.state.name(),
        }
    }
}
