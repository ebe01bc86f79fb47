//! Who is there, and on what terms (RFC 5024, 9.8).

use std::time::{Duration, SystemTime};

use oftp::{
    Agreement, ConnectionAnswer, ConnectionTicket, Level, Mode, OdetteId, Offer, Params, Session,
    SessionReason,
};
use pointsman_policy::types;

use super::{Monitor, Trouble, labelled};
use crate::describe;
use crate::events::Event as Happening;
use crate::partners::Profile;
use crate::tls;

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

/// A session we will not have: the ESID.
struct Refused(SessionReason, String);

impl Monitor {
    pub(super) async fn connection_offered(
        &mut self,
        ticket: ConnectionTicket,
        offer: Offer,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let answer = match self.admit(&offer).await {
            Ok(params) => ConnectionAnswer::Accept(Box::new(params)),
            Err(Refused(reason, text)) => {
                let why = format!("ESID {:02} {}: {text}", reason.code(), reason.meaning());
                self.tell(Happening::ConnectionRefused {
                    session: self.id.clone(),
                    ssid: offer.code.to_string(),
                    why,
                });
                ConnectionAnswer::Refuse { reason, text }
            }
        };
        // Too late means that the session ended meanwhile, and its end is the next event; so below, too.
        let _ = session.answer_connection(ticket, answer);
        Ok(())
    }

    /// The policies are asked with everything that is known of the caller; then what they let pass must
    /// still be what the profile says, since a policy may only narrow it. Nothing of ours is said before.
    async fn admit(&mut self, offer: &Offer) -> Result<Params, Refused> {
        let own = Profile::by_ssid(&self.station.config, &offer.code);
        let level = own
            .as_ref()
            .map_or(Level::V20, |own| own.params(&self.station.config).level);
        let connection = self.describe(own.as_ref(), offer, level);
        let terms = self.ask_terms(&connection).await?;
        let profile = match &terms.partner {
            Some(name) => Profile::by_name(&self.station.config, name),
            None => own,
        };
        let profile = profile.ok_or_else(|| {
            Refused(
                SessionReason::UnknownUser,
                "this SSID code is not known here".to_owned(),
            )
        })?;
        if !profile.partner.password.matches(&offer.password) {
            let text = "the password is not the agreed one".to_owned();
            return Err(Refused(SessionReason::InvalidPassword, text));
        }
        self.check_certificate(&profile)?;
        self.seat = self.station.seat_for_session();
        if self.seat.is_none() {
            let text = "too many sessions at the moment, call again".to_owned();
            return Err(Refused(SessionReason::Resources, text));
        }
        let params = narrow(profile.params(&self.station.config), &terms)?;
        self.enter(profile, connection, terms);
        Ok(params)
    }

    fn describe(
        &self,
        profile: Option<&Profile>,
        offer: &Offer,
        level: Level,
    ) -> types::ConnectionInfo {
        let password_ok =
            profile.is_some_and(|known| known.partner.password.matches(&offer.password));
        let name = profile.map(|known| known.name.as_str());
        describe::connection(&self.id, &self.wire, name, password_ok, offer, level.code())
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
        match &answer.decision {
            types::ConnectionDecision::Pass => Ok(types::SessionTerms::default()),
            types::ConnectionDecision::Accept(terms) => {
                let shown = format!("accepted{}", labelled(&terms.labels));
                self.note("accept-connection", &answer, shown);
                Ok(terms.clone())
            }
            types::ConnectionDecision::Refuse(no) => {
                self.note(
                    "accept-connection",
                    &answer,
                    format!("refused with ESID {:02} {}", no.reason, no.text),
                );
                Err(Refused(
                    SessionReason::from_code(no.reason),
                    no.text.clone(),
                ))
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

    /// A partner with a certificate must show it, unless its profile lets it call without.
    fn check_certificate(&self, profile: &Profile) -> Result<(), Refused> {
        let shown = self.wire.tls.as_ref().and_then(|facts| facts.peer.as_ref());
        let (own, text) = match shown {
            Some(shown) => (
                tls::is_partners(&profile.partner, shown),
                "is not the one agreed for this SSID code",
            ),
            None => {
                let needs_none = profile.partner.certificate.is_none()
                    || profile.partner.calls_without_certificate;
                (Ok(needs_none), "agreed for this SSID code was not shown")
            }
        };
        let own = own.unwrap_or_else(|error| {
            tracing::error!(event = "certificate-unreadable", partner = profile.name, %error);
            false
        });
        if own {
            return Ok(());
        }
        Err(Refused(
            SessionReason::InvalidPassword,
            format!("the TLS certificate {text}"),
        ))
    }

    pub(super) async fn connected(
        &mut self,
        agreement: &Agreement,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        if self.wire.dialled
            && let Err(Refused(reason, text)) = self.recognise(agreement).await
        {
            let what = format!("dialled `{}`: {text}", self.partner());
            self.tell(Happening::Trouble {
                session: self.id.clone(),
                what,
            });
            self.given_up = true;
            session.abort(reason, reason.meaning());
            return Ok(());
        }
        if let Some(connection) = &mut self.connection {
            describe::agreed(connection, agreement);
        }
        let secured = match &self.wire.tls {
            Some(facts) => format!("{} {}", facts.version, facts.cipher_suite),
            None => "without TLS".to_owned(),
        };
        let terms = format!(
            "OFTP {}, buffers of {} octets, credit {}, {secured}",
            agreement.level, agreement.buffer_size, agreement.credit
        );
        self.tell(Happening::Connected {
            session: self.id.clone(),
            partner: self.partner().to_owned(),
            terms,
        });
        Ok(())
    }

    /// Whether the station we dialled is the one we wanted, and the policies want it, too.
    async fn recognise(&mut self, agreement: &Agreement) -> Result<(), Refused> {
        let Some(profile) = self.profile.clone() else {
            return Ok(());
        };
        let offer = &agreement.peer;
        if offer.code != *profile.partner.ssid {
            let text = format!(
                "it calls itself `{}`, its profile says `{}`",
                offer.code, profile.partner.ssid.0
            );
            return Err(Refused(SessionReason::UnknownUser, text));
        }
        if !profile.partner.password.matches(&offer.password) {
            let text = "its password is not the one in its profile".to_owned();
            return Err(Refused(SessionReason::InvalidPassword, text));
        }
        let connection = self.describe(Some(&profile), offer, agreement.level);
        let terms = self.ask_terms(&connection).await?;
        self.enter(profile, connection, terms);
        Ok(())
    }
}

/// The profile's parameters, made smaller where the policies want it.
fn narrow(mut params: Params, terms: &types::SessionTerms) -> Result<Params, Refused> {
    if terms.secure_authentication == Some(true) {
        let text = "session authentication is asked for, and no certificate is configured for it";
        return Err(Refused(
            SessionReason::AuthenticationIncompatible,
            text.to_owned(),
        ));
    }
    if let Some(code) = &terms.ssid_code {
        params.code = OdetteId::new(code).map_err(|error| {
            tracing::error!(event = "policy-bad-code", %error);
            Refused(
                SessionReason::Resources,
                "no answer could be decided, call again".to_owned(),
            )
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

/// What a policy wants must be within what the profile allows.
fn narrower(allowed: Mode, wanted: Mode) -> Result<Mode, Refused> {
    if allowed == Mode::Both || allowed == wanted {
        return Ok(wanted);
    }
    let text = "no files may go either way in this session".to_owned();
    Err(Refused(SessionReason::Incompatible, text))
}
