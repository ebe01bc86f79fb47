//! Who is there, and on what terms (RFC 5024, 9.8).

use std::time::{Duration, SystemTime};

use oftp::{
    Agreement, ConnectionAnswer, ConnectionTicket, Level, Mode, Offer, Params, Session,
    SessionReason,
};
use pointsman_policy::types;

use super::{Monitor, Trouble};
use crate::describe;
use crate::events::Event as Happening;
use crate::partners::Profile;
use crate::tls;

/// What the policies granted a session beyond what is negotiated.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    /// Largest file, in 1024-octet blocks.
    pub max_file_blocks: Option<u64>,
    /// Folder for its files where `accept-file` names none.
    pub directory: Option<String>,
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

    /// The profile first, since a policy may only narrow it; nothing of ours is said before both agree.
    async fn admit(&mut self, offer: &Offer) -> Result<Params, Refused> {
        let config = &self.station.config;
        let profile = Profile::by_ssid(config, &offer.code).ok_or_else(|| {
            Refused(
                SessionReason::UnknownUser,
                "this SSID code is not known here".to_owned(),
            )
        })?;
        if !profile.partner.password.matches(&offer.password) {
            return Err(Refused(
                SessionReason::InvalidPassword,
                "the password is not the agreed one".to_owned(),
            ));
        }
        self.check_certificate(&profile)?;
        let params = profile.params(config);
        let connection = describe::connection(
            &self.id,
            &self.wire,
            &profile.name,
            true,
            offer,
            params.level.code(),
        );
        let answer = self
            .policies
            .accept_connection(&connection, SystemTime::now())
            .await;
        let shown = match &answer.decision {
            types::ConnectionDecision::Pass => "no opinion".to_owned(),
            types::ConnectionDecision::Accept(_) => "accepted".to_owned(),
            types::ConnectionDecision::Refuse(no) => {
                format!("refused with ESID {:02} {}", no.reason, no.text)
            }
        };
        self.note("accept-connection", &answer, shown);
        let params = match answer.decision {
            types::ConnectionDecision::Pass => params,
            types::ConnectionDecision::Accept(terms)
                if terms.secure_authentication == Some(true) =>
            {
                let text =
                    "session authentication is asked for, and no certificate is configured for it";
                return Err(Refused(
                    SessionReason::AuthenticationIncompatible,
                    text.to_owned(),
                ));
            }
            types::ConnectionDecision::Accept(terms) => self.narrow(params, terms),
            types::ConnectionDecision::Refuse(no) => {
                return Err(Refused(SessionReason::from_code(no.reason), no.text));
            }
        };
        if self.station.is_full() {
            return Err(Refused(
                SessionReason::Resources,
                "too many sessions at the moment, call again".to_owned(),
            ));
        }
        self.profile = Some(profile);
        self.connection = Some(connection);
        Ok(params)
    }

    fn check_certificate(&self, profile: &Profile) -> Result<(), Refused> {
        let shown = self.wire.tls.as_ref().and_then(|facts| facts.peer.as_ref());
        let own = match shown {
            Some(shown) => tls::is_partners(&profile.partner, shown).unwrap_or_else(|error| {
                tracing::error!(event = "certificate-unreadable", partner = profile.name, %error);
                false
            }),
            None => true,
        };
        if own {
            return Ok(());
        }
        Err(Refused(
            SessionReason::InvalidPassword,
            "the TLS certificate is not the one agreed for this SSID code".to_owned(),
        ))
    }

    fn narrow(&mut self, mut params: Params, terms: types::SessionTerms) -> Params {
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
            Some(types::TransferMode::SendOnly) => Mode::SendOnly,
            Some(types::TransferMode::ReceiveOnly) => Mode::ReceiveOnly,
            Some(types::TransferMode::Both) | None => params.mode,
        };
        self.terms = Terms {
            max_file_blocks: terms.max_file_kib,
            directory: terms.directory,
        };
        params
    }

    pub(super) fn connected(
        &mut self,
        agreement: &Agreement,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        if self.wire.dialled {
            self.recognise(agreement, session);
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

    /// Whether the station we dialled is the one we wanted.
    fn recognise(&mut self, agreement: &Agreement, session: &mut Session) {
        let Some(profile) = &self.profile else { return };
        let offer = &agreement.peer;
        let params = profile.params(&self.station.config);
        self.connection = Some(describe::connection(
            &self.id,
            &self.wire,
            &profile.name,
            true,
            offer,
            params.level.code(),
        ));
        let (reason, what) = if offer.code != *profile.partner.ssid {
            (
                SessionReason::UnknownUser,
                format!(
                    "it calls itself `{}`, its profile says `{}`",
                    offer.code, profile.partner.ssid.0
                ),
            )
        } else if !profile.partner.password.matches(&offer.password) {
            (
                SessionReason::InvalidPassword,
                "its password is not the one in its profile".to_owned(),
            )
        } else {
            return;
        };
        self.tell(Happening::Trouble {
            session: self.id.clone(),
            what: format!("dialled `{}`: {what}", profile.name),
        });
        session.abort(reason, reason.meaning());
    }
}
