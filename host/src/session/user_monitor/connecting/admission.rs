//! A caller is let in, or not.

use std::sync::Arc;
use std::time::Instant;

use oftp::{Level, Params, Ssid};
use pointsman_policy::types;

use super::proof;
use super::seats::SessionSeats;
use super::session_refusal::SessionRefusal;
use super::terms;
use crate::config::Partner;
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;
use crate::station::seats::CallerSeat;

/// A caller's SSID, and its seats.
pub(super) struct Admission<'a> {
    pub context: &'a mut SessionContext,
    pub seats: &'a mut SessionSeats,
    pub offer: &'a Ssid,
}

impl Admission<'_> {
    /// 1. Certificate and password by the profile of the SSID code: a caller that has not shown the right ones spends no
    ///    policy's time, unless a policy is to decide who a caller is.
    /// 2. A place among the sessions of its partner.
    /// 3. The policies are asked with everything that is known of the caller.
    /// 4. Certificate and password once more, by the profile that the policies chose: a policy may only narrow it.
    /// 5. The session's terms, and a place once more, where the policies chose another partner.
    ///
    /// Nothing of ours is said before.
    pub async fn admit(mut self) -> Result<Params, SessionRefusal> {
        let own = self.context.plan.partner_by_ssid(&self.offer.code);
        let known = match self.proves(own.as_deref()) {
            Ok(()) => own,
            Err(missing) => Some(self.recognise_stranger(own, missing).await?),
        };
        self.context
            .shows(known.as_deref().map(|known| known.name.clone()));
        if let Some(known) = &known {
            self.take_seat(known).await?;
        }
        let connection = self.facts(known.as_deref());
        let terms = terms::ask(self.context, &connection).await?;
        let profile = match &terms.partner {
            Some(name) => self.context.plan.partner(name),
            None => known,
        };
        if let Err(refused) = self.proves(profile.as_deref()) {
            self.context.shows(None);
            return Err(self.brake(profile.as_deref(), refused).await);
        }
        self.context
            .shows(profile.as_deref().map(|shown| shown.name.clone()));
        let profile = profile.ok_or_else(|| self.unknown())?;
        let params = terms::narrow(self.context, &profile, &terms, self.offer)?;
        self.take_seat(&profile).await?;
        // The place among callers is released only now, so that the session is counted at every moment.
        self.seats.caller = None;
        let code = &profile.ssid;
        self.context
            .log_case("SSID SSIDCODE", &self.offer.code, code);
        self.context.enter(profile, connection, terms);
        Ok(params)
    }

    fn proves(&self, profile: Option<&Partner>) -> Result<(), SessionRefusal> {
        proof::proves(self.context, self.seats, profile, self.offer)
    }

    fn unknown(&self) -> SessionRefusal {
        SessionRefusal::unknown(&self.context.plan)
    }

    /// What the policies are told of the caller.
    fn facts(&self, profile: Option<&Partner>) -> types::ConnectionInfo {
        let level = profile.map_or(Level::V20, |one| one.params().level);
        terms::facts(self.context, profile, self.offer, level)
    }

    /// Asks those policies that decide who a caller is: for which profile it has shown the right certificate and password
    /// after all. Whatever they answer, a wrong password counts as a guess.
    async fn recognise_stranger(
        &mut self,
        own: Option<Arc<Partner>>,
        missing: SessionRefusal,
    ) -> Result<Arc<Partner>, SessionRefusal> {
        // No policy is asked about a caller that is locked out.
        if missing.limit.is_some() || !self.context.policies.knows_strangers() {
            return Err(self.brake(own.as_deref(), missing).await);
        }
        let connection = self.facts(own.as_deref());
        let answer = self.context.policies.accept_stranger(&connection).await;
        let profile = match terms::granted(self.context, &answer) {
            Ok(types::SessionTerms {
                partner: Some(name),
                ..
            }) => self.context.plan.partner(&name),
            Ok(_) => own,
            Err(refused) => {
                let refused = SessionRefusal {
                    is_a_guess: missing.is_a_guess,
                    ..refused
                };
                return Err(self.brake(own.as_deref(), refused).await);
            }
        };
        match self.proves(profile.as_deref()) {
            Ok(()) => profile.ok_or_else(|| self.unknown()),
            Err(refused) => Err(self.brake(profile.as_deref(), refused).await),
        }
    }

    /// A place among the partner's sessions, for the one at the listener: from here on no crowd of strangers takes it away,
    /// however long policies think. A partner whose sessions go wrong one after the other waits meanwhile.
    async fn take_seat(&mut self, profile: &Partner) -> Result<(), SessionRefusal> {
        let seat = self.seats.seat.as_ref();
        if seat.is_some_and(|seat| seat.is_of(&profile.name)) {
            return Ok(());
        }
        let Some(caller) = &self.seats.caller else {
            return Ok(());
        };
        let station = &self.context.station;
        let code = &profile.ssid;
        station.guesses.right(code, caller.origin());
        let seat = station.seat_for_session(&self.context.plan, profile, caller);
        self.seats.seat = Some(seat.map_err(SessionRefusal::by_limit)?);
        caller.settle();
        let wait = station.failures.wait(&profile.name, Instant::now());
        Ok(self.seats.pause(wait).await?)
    }

    /// A caller that did not prove who it is waits for its answer, each time longer. One that guesses passwords is locked out
    /// in the end.
    async fn brake(&self, profile: Option<&Partner>, refused: SessionRefusal) -> SessionRefusal {
        let Some(origin) = self.seats.caller.as_ref().map(CallerSeat::origin) else {
            return refused;
        };
        if refused.is_our_fault {
            return refused;
        }
        let config = &self.context.plan;
        let guessed = profile.filter(|_| refused.is_a_guess);
        let code = guessed.map(|profile| &profile.ssid);
        let guesses = &self.context.station.guesses;
        let brake = guesses.wrong(code, origin, Instant::now());
        if brake.locks_out
            && let Some(profile) = guessed
        {
            self.context.log(Event::LockedOut {
                partner: profile.name.clone(),
                remote: origin.to_string(),
                lasts: config.limits.lock_out,
            });
        }
        // A wait for one code would show that there is such a code.
        let wait = match config.limits.conceal_partners {
            true => brake.of_origin,
            false => brake.of_origin.max(brake.of_code),
        };
        match self.seats.pause(wait).await {
            Ok(()) => refused.concealed(config),
            Err(crowded) => crowded.into(),
        }
    }
}
