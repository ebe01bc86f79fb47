//! The user monitor of RFC 5024 (chapter 9): it answers what the engine asks.
//!
//! This is where protocol, policies and store meet in a session (outside of one, `receipts.rs` asks): each question of the engine is put to
//! the partner's profile, then to the policies, and what is positive is said only when the ledger has it. SFPA to a new
//! file promises nothing: its row may still be on the way ([`pointsman_store::Ledger::offer_early`]).

mod closing;
mod connecting;
mod deliveries;
mod offering;
mod promise;
mod receiving;
mod responding;
mod sending;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use oftp::{End, Event, FileKey, Session, SessionReason};
use pointsman_policy::{Conversation, Decided, types};
use pointsman_store::transition::reached;
use pointsman_store::{LedgerError, SpoolError, TransferId, planted};
use tokio::sync::Notify;

use self::deliveries::Deliveries;
use self::receiving::Receiving;
use self::sending::{Sending, Turn};
use crate::config::partners::Profile;
use crate::contents::records::RecordError;
use crate::events::{Event as Happening, Talk};
use crate::net::tls::Side;
use crate::net::wire::Wire;
use crate::session::ending::{Ending, beside_states};
use crate::station::Station;
use crate::station::contacts::Line;
use crate::station::questions::Awaited;
use crate::station::roster::{Enrolled, SessionNow};
use crate::station::seats::{CallerSeat, Seat};
use crate::station::services::Services;

/// What a caller hears whose place others want.
pub const CROWDED: &str = "too many callers at the moment, call again";

/// What a call of ours is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errand {
    /// Send this file and no other.
    pub only: Option<TransferId>,
}

/// One session's user monitor.
pub struct Monitor {
    station: Arc<Station>,
    wire: Wire,
    /// The session's name.
    id: String,
    /// Its line among the sessions that run.
    line: Enrolled,
    /// Whose session it is: known from the start when we dial, from SSID on when called.
    profile: Option<Profile>,
    /// Whose SSID code a caller gave, while it has not shown that it is the one.
    claims: Option<String>,
    /// The partner, once it has shown that it is the one.
    shown: Option<String>,
    /// What the policies are told of the connection, once there is an SSID.
    connection: Option<types::ConnectionInfo>,
    /// What the policies granted the session.
    terms: connecting::Terms,
    policies: Conversation,
    receiving: Option<Receiving>,
    sending: Option<Sending>,
    /// A file whose EFPA the partner is not known to have yet.
    unconfirmed: Option<TransferId>,
    /// The file whose receipt we sent last, until RTR.
    answering: Option<TransferId>,
    /// Files of this session on their way to the inbox: their receipts belong in our next turn.
    deliveries: Deliveries,
    /// Those of them that a command takes before they are receipted.
    hand_overs: Vec<Awaited>,
    errand: Errand,
    /// What the policies want done with our turn, while it lasts.
    turn: Option<Turn>,
    /// Why files that wait were not to go at our last turn, where that was so.
    stayed: Option<String>,
    draining: bool,
    /// A caller's place at its listener, until it has said who it is.
    caller: Option<CallerSeat>,
    /// Its place among the sessions, from then on.
    seat: Option<Seat>,
    /// Notified when the file that this session stands still in comes over a new one.
    overtaken: Arc<Notify>,
    /// We ended the session: what the engine asks until its end is moot.
    given_up: bool,
    /// Why, where it was a trouble of ours.
    trouble: Option<String>,
}

/// What fails on our side. The session ends, the server stays up.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("a file of records in the spool: {0}")]
    Records(#[from] RecordError),
    #[error("{0}")]
    OutOfStep(&'static str),
}

impl Monitor {
    /// A monitor for a caller, which has that place at its listener.
    #[must_use]
    pub fn called(station: Arc<Station>, wire: Wire, caller: CallerSeat) -> Self {
        let mut monitor = Self::new(station, wire, None, Errand::default());
        monitor.caller = Some(caller);
        monitor
    }

    /// A monitor for a partner we dialled.
    #[must_use]
    pub fn dialled(station: Arc<Station>, wire: Wire, profile: Profile, errand: Errand) -> Self {
        Self::new(station, wire, Some(profile), errand)
    }

    fn new(station: Arc<Station>, wire: Wire, profile: Option<Profile>, errand: Errand) -> Self {
        let id = station.session_id();
        let line = station.roster.enrol(SessionNow {
            session: id.clone(),
            partner: profile.as_ref().map(|profile| profile.name.clone()),
            remote: wire.remote,
            dialled: wire.dialled,
            terms: None,
            since: SystemTime::now(),
            file: None,
        });
        // Pinned here: a swap while the session runs is for the sessions after it.
        let services = Arc::new(Services(Arc::clone(&station)));
        let policies = Conversation::open(station.policies.current(), id.clone(), services);
        Self {
            station,
            wire,
            id,
            line,
            profile,
            claims: None,
            shown: None,
            connection: None,
            terms: connecting::Terms::none(),
            policies,
            receiving: None,
            sending: None,
            unconfirmed: None,
            answering: None,
            deliveries: Deliveries::default(),
            hand_overs: Vec::new(),
            errand,
            turn: None,
            stayed: Some("it ended before it was our turn to send".to_owned()),
            draining: false,
            given_up: false,
            trouble: None,
            caller: None,
            seat: None,
            overtaken: Arc::default(),
        }
    }

    /// Whether it is a caller that has not identified itself.
    pub fn is_stranger(&self) -> bool {
        self.caller.is_some()
    }

    /// What ends the session from outside: a caller's place is wanted by others, or its file comes over a new session.
    pub fn dismissals(&self) -> (Arc<Notify>, Arc<Notify>) {
        let gives_way = self.caller.as_ref().map(CallerSeat::gives_way);
        (gives_way.unwrap_or_default(), Arc::clone(&self.overtaken))
    }

    /// The places that the session takes up as long as its connection is there.
    pub fn place(&mut self) -> (Option<CallerSeat>, Option<Seat>) {
        (self.caller.take(), self.seat.take())
    }

    /// Whether a file is being sent.
    pub fn is_feeding(&self) -> bool {
        self.sending.is_some()
    }

    /// Who began the connection.
    pub fn side(&self) -> Side {
        match self.wire.dialled {
            true => Side::Dialled,
            false => Side::Called,
        }
    }

    /// From now on the session ends at its next turn.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Answers one event of the engine. Gives the session's end when this was it.
    pub async fn answer(&mut self, event: Event, session: &mut Session) -> Option<End> {
        if self.given_up && !matches!(event, Event::Ended(_)) {
            return None;
        }
        if let Err(trouble) = self.notice_confirmation(&event).await {
            // The file is here all the same, and may be offered and compared once more.
            self.tell(Happening::NotConfirmed {
                session: self.talk(),
                reason: trouble.to_string(),
            });
        }
        let outcome = match event {
            Event::ConnectionOffered(ticket, offer) => {
                self.connection_offered(ticket, offer, session).await
            }
            Event::Connected(agreement) => self.connected(&agreement, session).await,
            Event::FileOffered(ticket, header) => self.file_offered(ticket, header, session).await,
            Event::Data(data) => self.data(data, session).await,
            Event::WindowUsedUp(ticket) => self.window_used_up(ticket, session).await,
            Event::FileClosed(ticket, closing) => self.file_closed(ticket, closing, session).await,
            Event::ResponseOffered(ticket, response) => {
                self.response_offered(ticket, response, session).await
            }
            Event::YourTurn(ticket) => self.your_turn(ticket, session).await,
            Event::FileAccepted { restart } => self.file_accepted(restart).await,
            Event::FileRefused {
                reason,
                retry,
                text,
            } => self.file_refused(reason, retry, &text).await,
            Event::CloseAnswered(answer) => self.close_answered(answer, session).await,
            Event::ResponseTaken => self.response_taken().await,
            Event::ResponseNotSent { text } => self.response_not_sent(&text).await,
            // Neither side of a session of ours offers authentication (RFC 5024, 5.3.2, SSIDAUTH).
            Event::ChallengeOffered(..) | Event::ChallengeWanted(_) => {
                Err(Trouble::OutOfStep("authentication was not agreed"))
            }
            Event::MoreData => Ok(()),
            Event::FileUnreadable { reason, text } => {
                self.file_unreadable(reason, &text).await;
                Ok(())
            }
            Event::ResponseUnreadable { text } => {
                self.tolerate(format!(
                    "a receipt that names no file was confirmed and dropped: {text}"
                ));
                Ok(())
            }
            Event::Tolerated(what) => {
                self.tolerate(beside_states(&what.to_string()));
                Ok(())
            }
            Event::Ended(end) => return Some(end),
        };
        if let Err(trouble) = outcome {
            self.give_up(trouble.to_string());
            session.abort(
                SessionReason::LocalEmergency,
                "internal error, nothing was lost, try again",
            );
        }
        None
    }

    /// Something of ours is wrong: the session is about to be ended.
    fn give_up(&mut self, what: String) {
        self.tell(Happening::Trouble {
            session: self.talk(),
            reason: what.clone(),
        });
        self.given_up = true;
        self.trouble = Some(what);
    }

    /// Whatever the partner says after our EFPA says that it has it; all but the end of a session that went wrong.
    async fn notice_confirmation(&mut self, event: &Event) -> Result<(), LedgerError> {
        let says_so = match event {
            Event::Ended(end) => end.is_normal(),
            Event::FileOffered(..) | Event::ResponseOffered(..) | Event::YourTurn(_) => true,
            _ => false,
        };
        match self.unconfirmed.take_if(|_| says_so) {
            Some(id) => self.station.ledger.confirmed(id).await,
            None => Ok(()),
        }
    }

    /// The session is over: leases are given back, a broken file keeps what it has.
    pub async fn ended(mut self: Box<Self>, ending: &Ending) {
        if !ending.is_normal() && !self.wire.dialled && self.profile.is_some() {
            self.station.failures.count(self.partner(), Instant::now());
        }
        reached("session.ended");
        if let Err(trouble) = self.give_back(&ending.words).await {
            self.tell(Happening::Trouble {
                session: self.talk(),
                reason: trouble.to_string(),
            });
        }
        reached("session.given-back");
        self.remember(ending);
        let (session, reason) = (self.talk(), ending.words.clone());
        self.tell(match ending.is_normal() {
            true => Happening::SessionEnded { session, reason },
            false if ending.is_a_probe() => Happening::CallerLeft {
                session: Some(session.session),
                remote: session.remote,
            },
            false => Happening::SessionBroken { session, reason },
        });
    }

    /// For whoever asks later how the last session went.
    fn remember(&self, ending: &Ending) {
        let Some(profile) = &self.profile else {
            return;
        };
        let words = match &self.trouble {
            Some(trouble) => format!("{trouble} ({})", ending.words),
            None => ending.words.clone(),
        };
        let line = self.contact(&profile.name);
        self.station
            .contacts
            .ended(&line, ending.is_normal(), &words, self.stayed.as_deref());
    }

    fn contact(&self, partner: &str) -> Line {
        Line {
            partner: partner.to_owned(),
            dialled: self.wire.dialled,
            remote: self.wire.remote.to_string(),
        }
    }

    async fn give_back(&mut self, why: &str) -> Result<(), Trouble> {
        if let Some(receiving) = self.receiving.take() {
            self.break_off(receiving, why).await?;
        }
        if let Some(sending) = self.sending.take()
            && !planted("file-of-a-broken-session-kept")
        {
            let told = self
                .tell_policies(&sending, types::TransferOutcome::Aborted(why.to_owned()))
                .await;
            self.release(sending.id(), why).await?;
            told?;
        }
        if let Some(id) = self.answering.take()
            && !planted("receipt-of-a-broken-session-kept")
        {
            self.release(id, why).await?;
        }
        Ok(())
    }

    /// Gives a lease back; where the ledger cannot write that now, `leases::give_back` does later.
    async fn release(&mut self, id: TransferId, why: &str) -> Result<(), LedgerError> {
        let ledger = &self.station.ledger;
        ledger.put_back(id, SystemTime::now(), why).await
    }

    /// What events say of this session.
    fn talk(&self) -> Talk {
        let own = self.profile.as_ref().map(|profile| profile.name.clone());
        let partner = own.or_else(|| self.shown.clone());
        Talk {
            session: self.id.clone(),
            claims: self.claims.clone().filter(|_| partner.is_none()),
            partner,
            remote: self.wire.remote,
        }
    }

    /// The log says what was forgiven.
    fn tolerate(&self, what: String) {
        self.tell(Happening::Tolerated {
            session: self.talk(),
            what,
        });
    }

    fn tell(&self, happening: Happening) {
        self.station.events.tell(happening);
    }

    /// Tells what a policy decided, and gives the line the ledger keeps of it.
    fn note<T>(
        &self,
        (hook, file): (&'static str, Option<&FileKey>),
        answer: &Decided<T>,
        decision: String,
    ) -> String {
        let Some(by) = &answer.decided_by else {
            return format!(
                "{hook}: no policy had an opinion, generation {}",
                self.policies.generation()
            );
        };
        let talk = self.talk();
        let policy = Some(by.policy.clone());
        let by = format!(
            "{} (generation {}, sha256:{})",
            by.policy,
            by.generation,
            by.digest.get(..12).unwrap_or_default()
        );
        self.tell(Happening::Decided {
            session: Some(talk.session),
            partner: talk.partner,
            claims: talk.claims,
            remote: Some(talk.remote),
            policy,
            transfer: None,
            file: file.map(FileKey::to_string),
            hook,
            by: format!("policy {by}"),
            decision: decision.clone(),
        });
        format!("{hook}: policy {by}: {decision}")
    }

    /// The session's name, and the generation of policies that decides in it.
    pub fn session(&self) -> (&str, u64) {
        (&self.id, self.policies.generation())
    }

    fn partner(&self) -> &str {
        self.profile
            .as_ref()
            .map_or("", |profile| profile.name.as_str())
    }

    fn connection(&self) -> Result<&types::ConnectionInfo, Trouble> {
        self.connection.as_ref().ok_or(Trouble::OutOfStep(
            "a question came before the connection was agreed",
        ))
    }
}

/// Labels as a line of the log and the ledger has them.
fn labelled(labels: &[(String, String)]) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("; {key}={value}"))
        .collect()
}
