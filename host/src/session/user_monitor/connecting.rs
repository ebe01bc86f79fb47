//! Who is there, and on what terms (RFC 5024, 9.8).

use std::time::{Duration, Instant, SystemTime};

use oftp::{
    Agreement, ConnectionAnswer, ConnectionTicket, Leniency, Level, Mode, OdetteId, Params,
    Session, SessionReason, Ssid,
};
use pointsman_policy::{Decided, types};

use super::{Monitor, Trouble, labelled};
use crate::config::Config;
use crate::config::Limit;
use crate::config::partners::Profile;
use crate::events::Event as Happening;
use crate::policy::facts;
use crate::station::seats::CallerSeat;

/// What a caller hears whose password was wrong, or might have been.
const WRONG_PASSWORD: &str = "the password is not the agreed one";

/// What the policies granted a session beyond what is negotiated.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Whether the peer may send files, and we may.
    pub takes_files: bool,
    pub sends_files: bool,
    /// Largest file, in 1024-octet blocks.
    pub max_file_blocks: Option<u64>,
    /// Folder for its files where `accept-file` names none.
    pub directory: Option<String>,
}

impl Terms {
    /// Nothing was said.
    pub(super) fn none() -> Self {
        Self {
            takes_files: true,
            sends_files: true,
            max_file_blocks: None,
            directory: None,
        }
    }
}

/// A session we will not have: the ESID, and what the log alone is told.
struct Refused {
    reason: SessionReason,
    text: String,
    limit: Option<Limit>,
    /// Whether a password was compared, and was wrong.
    is_a_guess: bool,
    /// Where the caller is to hear less than we know: what we know.
    truly: Option<String>,
    /// A policy's word, for the partner as it stands.
    by_policy: bool,
    /// What is wrong is ours: the caller is not made to wait for it.
    is_our_fault: bool,
}

impl Refused {
    fn new(reason: SessionReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
            limit: None,
            is_a_guess: false,
            truly: None,
            by_policy: false,
            is_our_fault: false,
        }
    }

    fn by(limit: Limit) -> Self {
        let text = "too many sessions at the moment, call again";
        Self {
            limit: Some(limit),
            ..Self::new(SessionReason::Resources, text)
        }
    }
}

impl Monitor {
    pub(super) async fn connection_offered(
        &mut self,
        ticket: ConnectionTicket,
        offer: Ssid,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let own = Profile::by_ssid(&self.station.config, &offer.code);
        self.claims = own.map(|own| own.name);
        let answer = match self.admit(&offer).await {
            Ok(params) => ConnectionAnswer::Accept(Box::new(params)),
            Err(Refused {
                reason,
                text,
                limit,
                truly,
                ..
            }) => {
                let known = truly.as_ref().unwrap_or(&text);
                let mut why = format!("ESID {:02} {}: {known}", reason.code(), reason.meaning());
                if let Some(limit) = limit {
                    why += &format!(" ({limit} is reached)");
                }
                if let Some(claims) = &self.claims {
                    self.station.contacts.refused(&self.contact(claims), &why);
                }
                self.tell(Happening::ConnectionRefused {
                    session: self.talk(),
                    ssid: offer.code.to_string(),
                    reason: why,
                });
                ConnectionAnswer::Refuse { reason, text }
            }
        };
        // Too late means that the session ended meanwhile, and its end is the next event; so below, too.
        let _ = session.answer_connection(ticket, answer);
        Ok(())
    }

    /// Certificate and password first: who has not shown the right ones spends no policy's time, unless a policy is to
    /// decide who a caller is. Then the policies are asked with everything that is known of the caller; and what they let
    /// pass must still be what the profile says, since a policy may only narrow it. Nothing of ours is said before.
    async fn admit(&mut self, offer: &Ssid) -> Result<Params, Refused> {
        let own = Profile::by_ssid(&self.station.config, &offer.code);
        let known = match self.proves(own.as_ref(), offer) {
            Ok(()) => own,
            Err(missing) => Some(self.recognise_stranger(own, offer, missing).await?),
        };
        self.shown = known.as_ref().map(|known| known.name.clone());
        if let Some(known) = &known {
            self.take_seat(known).await?;
        }
        let connection = self.describe_caller(known.as_ref(), offer);
        let terms = self.ask_terms(&connection).await?;
        let profile = match &terms.partner {
            Some(name) => Profile::by_name(&self.station.config, name),
            None => known,
        };
        if let Err(refused) = self.proves(profile.as_ref(), offer) {
            self.shown = None;
            return Err(self.brake(profile.as_ref(), refused).await);
        }
        self.shown = profile.as_ref().map(|shown| shown.name.clone());
        let profile = profile.ok_or_else(|| unknown(&self.station.config))?;
        let params = self.narrow(profile.params(&self.station.config), &terms)?;
        self.take_seat(&profile).await?;
        self.caller = None;
        self.tell_case("SSID SSIDCODE", &offer.code, &profile.partner.ssid.0);
        self.enter(profile, connection, terms);
        Ok(params)
    }

    /// Policies that are to decide who a caller is are asked: which profile it has shown the right ones for after all.
    /// Whatever they say, a wrong password was a guess.
    async fn recognise_stranger(
        &mut self,
        own: Option<Profile>,
        offer: &Ssid,
        missing: Refused,
    ) -> Result<Profile, Refused> {
        // Whoever is locked out is asked about by nobody.
        if missing.limit.is_some() || !self.policies.knows_strangers() {
            return Err(self.brake(own.as_ref(), missing).await);
        }
        let connection = self.describe_caller(own.as_ref(), offer);
        let answer = self
            .policies
            .accept_stranger(&connection, SystemTime::now())
            .await;
        let profile = match self.terms_of(&answer) {
            Ok(types::SessionTerms {
                partner: Some(name),
                ..
            }) => Profile::by_name(&self.station.config, &name),
            Ok(_) => own,
            Err(refused) => {
                let refused = Refused {
                    is_a_guess: missing.is_a_guess,
                    ..refused
                };
                return Err(self.brake(own.as_ref(), refused).await);
            }
        };
        match self.proves(profile.as_ref(), offer) {
            Ok(()) => profile.ok_or_else(|| unknown(&self.station.config)),
            Err(refused) => Err(self.brake(profile.as_ref(), refused).await),
        }
    }

    /// Whether the caller has shown what the profile asks for. What is wrong with a certificate is said before anything is
    /// said of the password: else one could be found out with the other.
    fn proves(&self, profile: Option<&Profile>, offer: &Ssid) -> Result<(), Refused> {
        let profile = profile.ok_or_else(|| unknown(&self.station.config))?;
        self.is_not_locked_out(profile)?;
        self.check_certificate(profile)?;
        if !profile.partner.password.matches(&offer.password) {
            return Err(Refused {
                is_a_guess: true,
                ..Refused::new(SessionReason::InvalidPassword, WRONG_PASSWORD)
            });
        }
        Ok(())
    }

    /// A place among the partner's sessions, for the one at the listener: from here on no crowd of strangers takes it away,
    /// however long policies think. A partner whose sessions go wrong one after the other waits meanwhile.
    async fn take_seat(&mut self, profile: &Profile) -> Result<(), Refused> {
        if self
            .seat
            .as_ref()
            .is_some_and(|seat| seat.is_of(&profile.name))
        {
            return Ok(());
        }
        let Some(caller) = &self.caller else {
            return Ok(());
        };
        let code = &profile.partner.ssid.0;
        self.station.guesses.right(code, caller.origin());
        let seat = self.station.seat_for_session(profile, caller);
        self.seat = Some(seat.map_err(Refused::by)?);
        caller.settle();
        let wait = self.station.failures.wait(&profile.name, Instant::now());
        self.pause(wait).await
    }

    /// While a code is locked out nothing is compared, so nothing can be found out, and no call makes it longer. It is the
    /// code of the profile that counts, whoever found the profile: the caller's code, or a policy.
    fn is_not_locked_out(&self, profile: &Profile) -> Result<(), Refused> {
        let Some(caller) = &self.caller else {
            return Ok(());
        };
        let guesses = &self.station.guesses;
        let code = &profile.partner.ssid.0;
        if !guesses.is_locked_out(code, caller.origin(), Instant::now()) {
            return Ok(());
        }
        Err(Refused {
            truly: Some(
                "callers with this code are locked out from there for limits.lock_out".into(),
            ),
            limit: Some(Limit {
                key: "limits.guesses",
                most: self.station.config.limits.guesses.0.0 as usize,
            }),
            ..Refused::new(SessionReason::InvalidPassword, WRONG_PASSWORD)
        })
    }

    /// A caller that did not show what it must waits for its answer, ever longer. One that guesses passwords is locked out
    /// in the end.
    async fn brake(&mut self, profile: Option<&Profile>, refused: Refused) -> Refused {
        let Some(origin) = self.caller.as_ref().map(CallerSeat::origin) else {
            return refused;
        };
        if refused.is_our_fault {
            return refused;
        }
        let guessed = profile.filter(|_| refused.is_a_guess);
        let code = guessed.map(|profile| &profile.partner.ssid.0);
        let guesses = &self.station.guesses;
        let brake = guesses.wrong(code, origin, Instant::now());
        if brake.locks_out
            && let Some(profile) = guessed
        {
            self.tell(Happening::LockedOut {
                partner: profile.name.clone(),
                remote: origin.to_string(),
                lasts: self.station.config.limits.lock_out.0.0,
            });
        }
        // The wait for one code would tell that there is such a code.
        let wait = match self.station.config.limits.conceal_partners {
            true => brake.of_origin,
            false => brake.of_origin.max(brake.of_code),
        };
        match self.pause(wait).await {
            Ok(()) => concealed(&self.station.config, refused),
            Err(crowded) => crowded,
        }
    }

    /// Waits, unless others want the caller's place meanwhile.
    async fn pause(&mut self, wait: Duration) -> Result<(), Refused> {
        if wait.is_zero() {
            return Ok(());
        }
        let (gives_way, _) = self.dismissals();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = gives_way.notified() => Err(Refused::new(SessionReason::Resources, super::CROWDED)),
        }
    }

    fn describe_caller(&self, profile: Option<&Profile>, offer: &Ssid) -> types::ConnectionInfo {
        let level = profile.map_or(Level::V20, |one| one.params(&self.station.config).level);
        self.describe(profile, offer, level)
    }

    fn describe(
        &self,
        profile: Option<&Profile>,
        offer: &Ssid,
        level: Level,
    ) -> types::ConnectionInfo {
        let password_ok =
            profile.is_some_and(|known| known.partner.password.matches(&offer.password));
        let name = profile.map(|known| known.name.as_str());
        facts::connection(&self.id, &self.wire, name, password_ok, offer, level.code())
    }

    /// What the policies say to a connection; all of them silent is no terms at all.
    async fn ask_terms(
        &mut self,
        connection: &types::ConnectionInfo,
    ) -> Result<types::SessionTerms, Refused> {
        let answer = self
            .policies
            .accept_connection(connection, SystemTime::now())
            .await;
        self.terms_of(&answer)
    }

    fn terms_of(
        &self,
        answer: &Decided<types::ConnectionDecision>,
    ) -> Result<types::SessionTerms, Refused> {
        match &answer.decision {
            types::ConnectionDecision::Pass => Ok(types::SessionTerms::default()),
            types::ConnectionDecision::Accept(terms) => {
                let shown = format!("accepted{}", labelled(&terms.labels));
                self.note(("accept-connection", None), answer, shown);
                Ok(terms.clone())
            }
            types::ConnectionDecision::Refuse(no) => {
                self.note(
                    ("accept-connection", None),
                    answer,
                    format!("refused with ESID {:02} {}", no.reason, no.text),
                );
                Err(Refused {
                    by_policy: true,
                    ..Refused::new(SessionReason::from_code(no.reason), no.text.clone())
                })
            }
        }
    }

    fn enter(
        &mut self,
        profile: Profile,
        mut connection: types::ConnectionInfo,
        terms: types::SessionTerms,
    ) {
        connection.partner = Some(profile.name.clone());
        connection.labels = terms.labels;
        self.profile = Some(profile);
        self.connection = Some(connection);
        self.terms = Terms {
            takes_files: terms.mode != Some(types::TransferMode::SendOnly),
            sends_files: terms.mode != Some(types::TransferMode::ReceiveOnly),
            max_file_blocks: terms.max_file_kib,
            directory: terms.directory,
        };
    }

    /// A partner with a certificate must show it, unless its profile lets it call without. A certificate that is known as
    /// another partner's speaks for nobody else.
    fn check_certificate(&self, profile: &Profile) -> Result<(), Refused> {
        let refuse = |text: &str| {
            let text = format!("the TLS certificate {text}");
            Err(Refused::new(SessionReason::InvalidPassword, text))
        };
        let shown = self.wire.tls.as_ref().and_then(|facts| facts.peer.as_ref());
        let Some(shown) = shown else {
            let needs_none = profile.partner.certificate.is_none()
                || profile.partner.calls_without_certificate
                || self.wire.dialled;
            return match needs_none {
                true => Ok(()),
                false => refuse("agreed for this SSID code was not shown"),
            };
        };
        if let Some(other) = self.station.certificates.others(&profile.name, shown) {
            self.tell(Happening::CertificateOfAnother {
                session: self.talk(),
                known_as: other.to_owned(),
            });
            return refuse("is another station's");
        }
        // Whom we dialled has shown one that TLS believed.
        if self.wire.dialled {
            return Ok(());
        }
        match self.station.certificates.is_partners(&profile.name, shown) {
            Ok(true) => Ok(()),
            Ok(false) => refuse("is not the one agreed for this SSID code"),
            Err(error) => {
                self.tell(Happening::CertificateUnreadable {
                    partner: profile.name.clone(),
                    reason: error.to_string(),
                });
                let text = "no certificate can be compared at the moment, call again";
                Err(Refused {
                    is_our_fault: true,
                    ..Refused::new(SessionReason::Resources, text)
                })
            }
        }
    }

    pub(super) async fn connected(
        &mut self,
        agreement: &Agreement,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        if self.wire.dialled
            && let Err(Refused {
                reason,
                text,
                by_policy,
                ..
            }) = self.recognise(agreement).await
        {
            // What is wrong with a partner by its profile is ours to know.
            let told = if by_policy { &text } else { reason.meaning() };
            session.abort(reason, told);
            self.give_up(format!("dialled `{}`: {text}", self.partner()));
            return Ok(());
        }
        if let Some(connection) = &mut self.connection {
            facts::agreed(connection, agreement);
        }
        let secured = match &self.wire.tls {
            Some(facts) => format!("{} {}", facts.version, facts.cipher_suite),
            None => "without TLS".to_owned(),
        };
        let terms = format!(
            "OFTP {}, buffers of {} octets, credit {}, {secured}",
            agreement.level, agreement.buffer_size, agreement.credit
        );
        self.line.agreed(self.partner(), &terms);
        self.tell(Happening::Connected {
            session: self.talk(),
            terms,
        });
        Ok(())
    }

    /// Whether the station we dialled is the one we wanted, and the policies want it, too.
    async fn recognise(&mut self, agreement: &Agreement) -> Result<(), Refused> {
        let Some(profile) = self.profile.clone() else {
            return Ok(());
        };
        let offer = &agreement.partner;
        if !profile.is_called(&self.station.config, &offer.code) {
            let text = format!(
                "it calls itself `{}`, its profile says `{}`",
                offer.code, profile.partner.ssid.0
            );
            return Err(Refused::new(SessionReason::UnknownUser, text));
        }
        if !profile.partner.password.matches(&offer.password) {
            let text = "its password is not the one in its profile".to_owned();
            return Err(Refused::new(SessionReason::InvalidPassword, text));
        }
        self.check_certificate(&profile)?;
        let connection = self.describe(Some(&profile), offer, agreement.level);
        let terms = self.ask_terms(&connection).await?;
        self.tell_case("SSID SSIDCODE", &offer.code, &profile.partner.ssid.0);
        self.enter(profile, connection, terms);
        Ok(())
    }

    /// The profile's parameters, made smaller where the policies want it.
    fn narrow(&self, mut params: Params, terms: &types::SessionTerms) -> Result<Params, Refused> {
        if terms.secure_authentication == Some(true) {
            let text =
                "session authentication is asked for, and no certificate is configured for it";
            return Err(Refused::new(
                SessionReason::AuthenticationIncompatible,
                text,
            ));
        }
        if let Some(code) = &terms.ssid_code {
            params.code = OdetteId::new(code).map_err(|error| {
                self.tell(Happening::PolicyBadCode {
                    session: self.talk(),
                    reason: error.to_string(),
                });
                let text = "no answer could be decided, call again";
                Refused::new(SessionReason::Resources, text)
            })?;
        }
        params.buffer_size = terms
            .buffer_size
            .map_or(params.buffer_size, |size| size.min(params.buffer_size));
        params.credit = terms
            .credit
            .map_or(params.credit, |credit| credit.min(params.credit));
        params.level = terms.level.map_or(params.level, |level| {
            Level::at_most(level).min(params.level)
        });
        params.compression &= terms.compression.unwrap_or(true);
        params.restart &= terms.restart.unwrap_or(true);
        if let Some(seconds) = terms.idle_timeout {
            params.timeouts.idle = Duration::from_secs(seconds.into()).min(params.timeouts.idle);
        }
        params.mode = match terms.mode {
            Some(types::TransferMode::SendOnly) => narrower(params.mode, Mode::SendOnly)?,
            Some(types::TransferMode::ReceiveOnly) => narrower(params.mode, Mode::ReceiveOnly)?,
            Some(types::TransferMode::Both) | None => params.mode,
        };
        Ok(params)
    }

    /// The log says where an Odette ID was taken that is written in another case.
    pub(super) fn tell_case(&self, field: &str, written: &OdetteId, agreed: &OdetteId) {
        if written != agreed {
            let leniency = Leniency::OdetteIdCase;
            self.tolerate(format!(
                "{field} `{written}`: {leniency} ({})",
                leniency.name()
            ));
        }
    }
}

fn unknown(config: &Config) -> Refused {
    let text = "this SSID code is not known here";
    concealed(config, Refused::new(SessionReason::UnknownUser, text))
}

/// With `limits.conceal_partners` every caller that has not shown who it is hears the same.
fn concealed(config: &Config, refused: Refused) -> Refused {
    let reasons = [SessionReason::UnknownUser, SessionReason::InvalidPassword];
    if !config.limits.conceal_partners || !reasons.contains(&refused.reason) {
        return refused;
    }
    let text = "SSID code and password are not known here";
    Refused {
        reason: SessionReason::InvalidPassword,
        truly: refused.truly.or(Some(refused.text)),
        text: text.to_owned(),
        ..refused
    }
}

/// What a policy wants must be within what the profile allows.
fn narrower(allowed: Mode, wanted: Mode) -> Result<Mode, Refused> {
    if allowed == Mode::Both || allowed == wanted {
        return Ok(wanted);
    }
    let text = "no files may go either way in this session";
    Err(Refused::new(SessionReason::Incompatible, text))
}
