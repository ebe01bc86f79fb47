//! A session: the state machine of RFC 5024, 9, as a value.
//!
//! Octets come in by [`Session::receive`]; a buffer is admitted or refused by its first octet in
//! one place ([`Session::admit`]), then goes to the half of the machine that is on: connecting
//! (9.8), speaking (9.10, 9.11) or listening (9.12). Ends are in `abort` (9.9). `planted!(…)` is false but in
//! builds that test the tests.

mod abort;
mod clock;
mod connect;
mod inbox;
mod listener;
mod notices;
mod outbox;
pub(crate) mod params;
mod receiving;
mod sending;
mod speaker;
pub(crate) mod tolerance;

use std::time::Duration;

use crate::command::{self, Command, Kind, Malformed};
use crate::{
    Agreement, Event, Leniency, Level, NotNow, Params, SessionReason, StateName, Tolerance,
};

use abort::{Ending, Refusal};
use clock::Clock;
use connect::Connecting;
use inbox::Inbox;
use listener::Listener;
use notices::{Notice, Notices};
use outbox::Outbox;
use speaker::Speaker;

/// One session with one partner.
///
/// Answers are spent with the ticket of the question; `Err(NotNow)` says that its moment has
/// passed. A ticket belongs to the session that gave it out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    params: Params,
    role: Role,
    state: State,
    /// Whose layouts hold: our level, and from the partner's SSID on the lower of the two.
    level: Level,
    agreement: Option<Agreement>,
    inbox: Inbox,
    outbox: Outbox,
    notices: Notices,
    clock: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Initiator,
    Responder,
}

/// Where a session is: states of RFC 5024, 9.3, each with what only it needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    Connecting(Connecting),
    Speaker(Speaker),
    Listener(Listener),
    Ending(Ending),
}

impl State {
    fn name(&self) -> StateName {
        match self {
            Self::Connecting(state) => state.name(),
            Self::Speaker(state) => state.name(),
            Self::Listener(state) => state.name(),
            Self::Ending(state) => state.name(),
        }
    }

    /// The commands that belong here. ESID does everywhere.
    fn expects(&self) -> &'static [Kind] {
        match self {
            Self::Connecting(state) => state.expects(),
            Self::Speaker(state) => state.expects(),
            Self::Listener(state) => state.expects(),
            Self::Ending(_) => &[],
        }
    }
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
        let clock = Clock::start(now, params.timeouts);
        let (state, level) = (State::Connecting(state), params.level);
        let (inbox, outbox, notices) = (Inbox::default(), Outbox::default(), Notices::default());
        Self {
            params,
            role,
            state,
            level,
            agreement: None,
            inbox,
            outbox,
            notices,
            clock,
        }
    }

    /// Takes all of `bytes`, as the connection gave them. Works from the slice and keeps only a
    /// buffer that is still incomplete.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        self.clock.tell(now);
        if !self.is_reading() {
            return;
        }
        self.clock.came(bytes.len());
        let mut rest = self.complete_kept(bytes);
        while let Some((buffer, after)) = self.next_buffer(rest) {
            self.take_buffer(buffer);
            rest = after;
        }
        if self.is_reading() {
            self.inbox.keep(rest);
        }
    }

    /// The connection is gone, or the partner closed its side of it (N_DISC_IND).
    pub fn disconnected(&mut self, now: Duration) {
        self.clock.tell(now);
        self.end_disconnected();
    }

    /// Tells the time. What is answered, and what is taken to be sent, counts as done at the latest time that was told:
    /// tell it before either.
    pub fn tell_time(&mut self, now: Duration) {
        self.clock.tell(now);
    }

    /// The partner's system has taken so many octets of what was sent, by `at`. A partner that reads slowly is not
    /// silent.
    pub fn progressed(&mut self, octets: u64, at: Duration) {
        self.clock.taken(octets, at);
    }

    /// Tells the time; at or after [`poll_timeout`](Self::poll_timeout) it ends the session.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.clock.tell(now);
        if self.poll_timeout().is_some_and(|deadline| now >= deadline) {
            self.end_timed_out();
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, unless something happens before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.state {
            State::Connecting(_) => Some(self.clock.setup_deadline()),
            State::Speaker(_) | State::Listener(_) => Some(self.clock.idle_deadline()),
            State::Ending(Ending::WfNdisc) if planted!(WaitsForEver) => None,
            State::Ending(Ending::WfNdisc) => Some(self.clock.disconnect_deadline()),
            State::Ending(Ending::Idle) => None,
        }
    }

    /// The next octets for the connection: all that is ready.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let octets = self.outbox.take()?;
        if self.is_reading() {
            self.clock.touch();
        }
        Some(octets)
    }

    /// Takes a used buffer back, from [`poll_transmit`](Self::poll_transmit) or
    /// [`Event::Data`]. Its capacity is used again while a file is open.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.file_is_open() {
            self.outbox.recycle(buffer);
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
        matches!(self.state, State::Ending(Ending::Idle)) && self.outbox.is_empty()
    }

    /// Ends the session with an ESID, at any time (F_ABORT_RQ, F_RELEASE_RQ with a reason).
    pub fn abort(&mut self, reason: SessionReason, text: &str) {
        if self.is_reading() {
            self.clock.touch();
            self.refuse(Refusal {
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
                self.clock.touch();
                self.take_command(buffer)
            }
        };
        if let Err(refusal) = taken {
            self.refuse(refusal);
        }
    }

    fn take_command(&mut self, buffer: &[u8]) -> Result<(), Refusal> {
        let mut tolerated = Vec::new();
        let read = command::decode(buffer, self.level, &self.params.tolerances, &mut tolerated);
        for tolerance in tolerated {
            self.tell(Notice::Tolerated(tolerance));
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
            State::Connecting(_) => self.take_connecting(command),
            State::Speaker(_) => self.take_speaking(command),
            State::Listener(_) => self.take_listening(command),
            State::Ending(_) => Ok(()),
        }
    }

    /// While a file is open buffers are worth keeping; an idle session is to be small.
    fn file_is_open(&self) -> bool {
        matches!(
            self.state,
            State::Speaker(Speaker::Opo(_)) | State::Listener(Listener::Opi(_))
        )
    }

    fn is_reading(&self) -> bool {
        !matches!(self.state, State::Ending(_))
    }

    fn send(&mut self, command: &Command) {
        self.outbox.command(command, self.level);
    }

    fn tell(&mut self, notice: Notice) {
        self.notices.tell(notice);
    }

    /// Notes a leniency, or refuses where it is not allowed.
    fn tolerate(
        &mut self,
        leniency: Leniency,
        kind: Kind,
        otherwise: SessionReason,
    ) -> Result<(), Refusal> {
        if !self.params.tolerances.allow(leniency) {
            let text = format!(
                "{kind} in {}: {leniency} (not tolerated here)",
                self.state.name()
            );
            return Err(Refusal {
                reason: otherwise,
                text,
            });
        }
        let what = format!("{kind} in {}", self.state.name());
        self.tell(Notice::Tolerated(Tolerance { leniency, what }));
        Ok(())
    }

    /// An answer counts only at the moment its question was asked.
    fn check(&mut self, ticket: u64, in_state: bool) -> Result<(), NotNow> {
        if !in_state || !self.notices.is_now(ticket) {
            return Err(self.not_now());
        }
        self.clock.touch();
        Ok(())
    }

    fn not_now(&self) -> NotNow {
        NotNow {
            state: self.state.name(),
        }
    }
}
