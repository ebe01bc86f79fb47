//! The user monitor of RFC 5024 (chapter 9): it answers what the engine asks.
//!
//! This is where protocol, policies and store meet in a session (outside of one, `inbound/asking.rs` asks): each question of the
//! engine is put to the partner's profile, then to the policies, and what is positive is said only when the ledger has it
//! (`promise.rs`). SFPA to a new file promises nothing: its row may still be on the way
//! ([`pointsman_store::Ledger::offer_early`]).

mod activity;
mod connecting;
mod context;
mod error;
mod listener;
mod promise;
mod responding;
mod signing;
mod speaker;

use std::sync::Arc;
use std::time::Instant;

use oftp::{
    Agreement, CloseRefusal, CloseTicket, Closing, End, Event, FileHeader, FileReason, FileTicket,
    Session, SessionReason, StateName, TurnTicket,
};
use pointsman_store::transition::reached;
use pointsman_store::{TransferId, planted};
use tokio::sync::Notify;

use self::activity::Activity;
use self::connecting::{Authentication, SessionSeats};
use self::context::SessionContext;
use self::error::InternalError;
use self::listener::closing::Close;
use self::listener::offering;
use self::listener::received::ReceivedFiles;
use self::speaker::turn::OurTurns;
use crate::config::Partner;
use crate::events;
use crate::security::tls::Side;
use crate::session::ending::Ending;
use crate::session::wire::Wire;
use crate::station::Station;
use crate::station::in_force::Pinned;
use crate::station::seats::CallerSeat;

pub(super) use self::connecting::CROWDED;

/// One session's user monitor.
pub struct UserMonitor {
    context: SessionContext,
    seats: SessionSeats,
    authentication: Authentication,
    activity: Activity,
    turns: OurTurns,
    unfinished: ReceivedFiles,
    /// Why we ended the session, where we did. What the engine still asks is not answered then.
    failure: Option<String>,
}

impl UserMonitor {
    /// For a caller, which has that place at its listener.
    #[must_use]
    pub fn called(station: Arc<Station>, plan: Pinned, wire: Wire, caller: CallerSeat) -> Self {
        let context = SessionContext::new(station, plan, wire, None);
        Self::new(context, SessionSeats::of_caller(caller), None)
    }

    /// For a partner that we dialled, to send that file and no other, or whatever waits.
    #[must_use]
    pub fn dialled(
        station: Arc<Station>,
        plan: Pinned,
        wire: Wire,
        profile: Arc<Partner>,
        only: Option<TransferId>,
    ) -> Self {
        let context = SessionContext::new(station, plan, wire, Some(profile));
        Self::new(context, SessionSeats::default(), only)
    }

    fn new(context: SessionContext, seats: SessionSeats, only: Option<TransferId>) -> Self {
        Self {
            context,
            seats,
            authentication: Authentication::default(),
            activity: Activity::Idle,
            turns: OurTurns::new(only),
            unfinished: ReceivedFiles::default(),
            failure: None,
        }
    }

    /// The session's name, and the generation of policies that decides in it.
    pub fn session(&self) -> (&str, u64) {
        (&self.context.id, self.context.policies.generation())
    }

    /// Which side opened the connection.
    pub fn side(&self) -> Side {
        match self.context.wire.dialled {
            true => Side::Dialled,
            false => Side::Called,
        }
    }

    /// Whether it is a caller that has not identified itself.
    pub fn is_stranger(&self) -> bool {
        self.seats.is_of_stranger()
    }

    /// What ends the session from outside: a caller's place is wanted by others, or its file comes over a new session.
    pub fn dismissals(&self) -> (Arc<Notify>, Arc<Notify>) {
        (self.seats.seat_lost(), Arc::clone(&self.context.overtaken))
    }

    /// Whether the file that is received here comes over a new session.
    pub fn is_overtaken(&self) -> bool {
        matches!(&self.activity, Activity::Receiving(file) if file.is_overtaken())
    }

    /// The seats that the session takes up as long as its connection is there.
    pub(super) fn seats(&mut self) -> SessionSeats {
        std::mem::take(&mut self.seats)
    }

    /// From now on the session ends at its next turn.
    pub fn drain(&mut self) {
        self.turns.drain();
    }

    /// Answers one event of the engine. Returns the session's end when this was it.
    pub async fn answer(&mut self, event: Event, session: &mut Session) -> Option<End> {
        if self.failure.is_some() && !matches!(event, Event::Ended(_)) {
            return None;
        }
        self.note_efpa_arrived(&event).await;
        if let Event::Ended(end) = event {
            return Some(end);
        }
        if let Err(error) = self.dispatch(event, session).await {
            self.fail(error.to_string());
            let text = "internal error, nothing was lost, try again";
            session.abort(SessionReason::LocalEmergency, text);
        }
        None
    }

    /// Each question of the engine goes to the file that answers it; those that begin or end an activity, by a method below.
    async fn dispatch(&mut self, event: Event, session: &mut Session) -> Result<(), InternalError> {
        let context = &mut self.context;
        match event {
            Event::ConnectionOffered(ticket, ssid) => {
                let seats = &mut self.seats;
                connecting::connection_offered(context, seats, ticket, ssid, session).await;
            }
            Event::Connected(agreement) => self.connected(&agreement, session).await,
            Event::FileOffered(ticket, header) => {
                self.file_offered(ticket, header, session).await?
            }
            Event::FileUnreadable { reason, text } => {
                offering::file_unreadable(context, reason, text).await;
            }
            Event::Data(data) => {
                let file = self.activity.receiving()?;
                file.data(context, data, session).await?;
            }
            Event::WindowUsedUp(ticket) => {
                let file = self.activity.receiving()?;
                file.window_used_up(context, ticket, session).await?;
            }
            Event::FileClosed(ticket, closing) => {
                self.file_closed(ticket, closing, session).await?
            }
            Event::ResponseOffered(ticket, response) => {
                responding::response_offered(context, ticket, response, session).await?;
            }
            Event::ResponseUnreadable { text } => responding::response_unreadable(context, &text),
            Event::YourTurn(ticket) => self.your_turn(ticket, session).await?,
            Event::FileAccepted { restart } => {
                self.activity.sending()?.accepted(context, restart).await?;
            }
            Event::FileRefused {
                reason,
                retry,
                text,
            } => self.file_refused(reason, retry, &text).await?,
            Event::CloseAnswered(answer) => self.close_answered(answer, session).await?,
            Event::ResponseTaken => self.response_taken().await?,
            Event::ResponseNotSent { text } => self.response_not_sent(&text).await?,
            Event::ChallengeOffered(ticket, challenge) => {
                let authentication = &mut self.authentication;
                let offered = authentication.offered(context, ticket, challenge, session);
                offered.await.unwrap_or_else(|why| self.fail(why));
            }
            Event::ChallengeWanted(ticket) => {
                self.authentication.wanted(context, ticket, session).await;
            }
            Event::Tolerated(tolerance) => context.log_tolerance(&tolerance),
            // Credit came back: what feeds the file sees it. The end was looked at before.
            Event::MoreData | Event::Ended(_) => {}
        }
        Ok(())
    }

    async fn connected(&mut self, agreement: &Agreement, session: &mut Session) {
        self.authentication.connected(&self.context);
        let connected = connecting::connected(&mut self.context, agreement, session).await;
        connected.unwrap_or_else(|why| self.fail(why));
    }

    async fn file_offered(
        &mut self,
        ticket: FileTicket,
        header: FileHeader,
        session: &mut Session,
    ) -> Result<(), InternalError> {
        let context = &mut self.context;
        self.unfinished.wait_for_a_place(context).await;
        let taken = offering::file_offered(context, ticket, header, session).await?;
        self.activity = taken.map_or(Activity::Idle, Activity::from);
        Ok(())
    }

    async fn file_closed(
        &mut self,
        ticket: CloseTicket,
        closing: Closing,
        session: &mut Session,
    ) -> Result<(), InternalError> {
        let close = Close {
            context: &mut self.context,
            unfinished: &mut self.unfinished,
            session,
            ticket,
            closing,
        };
        close.file(&mut self.activity).await
    }

    async fn your_turn(
        &mut self,
        ticket: TurnTicket,
        session: &mut Session,
    ) -> Result<(), InternalError> {
        let (context, unfinished) = (&mut self.context, &mut self.unfinished);
        let turn = self.turns.begin(context, unfinished, ticket, session);
        self.activity = turn.await?;
        Ok(())
    }

    async fn file_refused(
        &mut self,
        reason: FileReason,
        retry: bool,
        text: &str,
    ) -> Result<(), InternalError> {
        let file = self.activity.sending()?;
        file.refused(&mut self.context, reason, retry, text).await?;
        self.activity = Activity::Idle;
        Ok(())
    }

    async fn close_answered(
        &mut self,
        answer: Result<(), CloseRefusal>,
        session: &Session,
    ) -> Result<(), InternalError> {
        // EFPA may have asked for the turn: then CD is on its way, and the next turn is another.
        if session.state_name() != StateName::IdleSp {
            self.turns.over();
        }
        let file = self.activity.sending()?;
        file.close_answered(&mut self.context, answer).await?;
        self.activity = Activity::Idle;
        Ok(())
    }

    async fn response_taken(&mut self) -> Result<(), InternalError> {
        let id = self.activity.answering()?;
        responding::response_taken(&self.context, id).await?;
        self.activity = Activity::Idle;
        Ok(())
    }

    async fn response_not_sent(&mut self, text: &str) -> Result<(), InternalError> {
        let id = self.activity.answering()?;
        responding::response_not_sent(&self.context, id, text).await?;
        self.activity = Activity::Idle;
        Ok(())
    }

    /// Whether a file is being sent that the engine may take octets of.
    pub fn is_feeding(&self) -> bool {
        matches!(&self.activity, Activity::Sending(file) if file.is_open())
    }

    /// Hands the engine what it takes of the file that is being sent. False when it takes nothing now.
    pub async fn feed(&mut self, session: &mut Session) -> bool {
        let Activity::Sending(file) = &mut self.activity else {
            return false;
        };
        match file.feed(&mut self.context, session).await {
            Ok(fed) => fed,
            Err(error) => {
                self.fail(error.to_string());
                session.abort(SessionReason::LocalEmergency, "the file cannot be read");
                true
            }
        }
    }

    /// Whatever the partner says after our EFPA may confirm it.
    async fn note_efpa_arrived(&mut self, event: &Event) {
        let ledger = self.context.station.ledger.as_ref();
        if let Err(error) = self.unfinished.confirmed_by(event, ledger).await {
            // The file is here all the same, and may be offered and compared once more.
            self.context.log(events::Event::NotConfirmed {
                session: self.context.talk(),
                reason: error.to_string(),
            });
        }
    }

    /// We are about to end the session.
    fn fail(&mut self, why: String) {
        self.log_trouble(why.clone());
        self.failure = Some(why);
    }

    fn log_trouble(&self, reason: String) {
        self.context.log(events::Event::Trouble {
            session: self.context.talk(),
            reason,
        });
    }

    /// The session is over: leases are released, a broken file keeps what it has.
    pub async fn ended(mut self: Box<Self>, ending: &Ending) {
        let context = &self.context;
        if !ending.is_normal() && !context.wire.dialled && context.profile().is_some() {
            let failures = &context.station.failures;
            failures.count(context.partner(), Instant::now());
        }
        reached("session.ended");
        if let Err(error) = self.break_off(&ending.words).await {
            self.log_trouble(error.to_string());
        }
        reached("session.released");
        self.authentication.ended(&self.context, &ending.end);
        self.remember(ending);
        let (session, reason) = (self.context.talk(), ending.words.clone());
        self.context.log(match ending.is_normal() {
            true => events::Event::SessionEnded { session, reason },
            false if ending.is_a_probe() => events::Event::CallerLeft {
                session: Some(session.session),
                remote: session.remote,
            },
            false => events::Event::SessionBroken { session, reason },
        });
    }

    /// What is under way breaks off.
    async fn break_off(&mut self, why: &str) -> Result<(), InternalError> {
        match std::mem::take(&mut self.activity) {
            Activity::Idle => {}
            Activity::Receiving(file) => file.break_off(&mut self.context, why).await?,
            Activity::Sending(file) => file.break_off(&mut self.context, why).await?,
            Activity::Answering(_) if planted("receipt-of-a-broken-session-kept") => {}
            Activity::Answering(id) => self.context.release(id, why).await?,
        }
        Ok(())
    }

    /// The partner's contacts show how its last session went.
    fn remember(&self, ending: &Ending) {
        let Some(profile) = self.context.profile() else {
            return;
        };
        let words = match &self.failure {
            Some(failure) => format!("{failure} ({})", ending.words),
            None => ending.words.clone(),
        };
        let line = self.context.line(&profile.name);
        let (contacts, held_back) = (&self.context.station.contacts, self.turns.held_back());
        contacts.ended(&line, ending.is_normal(), &words, held_back);
    }
}
