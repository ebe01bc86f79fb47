//! Session authentication (RFC 5024, 4.2.3, 5.3.16 to 5.3.18): the partner's challenge is opened with a key of ours, and
//! ours is encrypted to its certificates.
//!
//! To open a challenge is a decryption for whoever asks. So every failure is one on the wire, ESID 11 with one text,
//! whatever it was; why, and with which certificate, is in the log alone.

use std::time::SystemTime;

use oftp::{
    Challenge, ChallengeAnswer, ChallengeTicket, End, OwnChallengeTicket, Session, SessionReason,
};
use pointsman_cms::{Certificate, ChallengeReply, Identity, OwnChallenge, answer_challenge};
use tokio::task::spawn_blocking;

use super::dialled;
use crate::events::Event;
use crate::security::listed;
use crate::session::user_monitor::context::SessionContext;

/// How far the authentication of a session is.
#[derive(Debug, Default)]
pub(crate) struct Authentication {
    /// The certificate of ours whose key opened the partner's challenge.
    ours: Option<Certificate>,
    /// The partner's certificates that our challenge was encrypted to.
    theirs: Vec<Certificate>,
    /// Our challenge has been sent, and is not answered as far as we know.
    is_challenged: bool,
    /// It failed here, and the log has why.
    has_failed: bool,
}

impl Authentication {
    /// AUCH: the partner challenges us. The error is why we ended the session, where we dialled another station than we
    /// wanted: none of its challenges is opened.
    pub async fn offered(
        &mut self,
        context: &SessionContext,
        ticket: ChallengeTicket,
        challenge: Vec<u8>,
        session: &mut Session,
    ) -> Result<(), String> {
        if let Some(agreement) = session.agreement()
            && let Some(profile) = context.profile().filter(|_| context.wire.dialled)
            && let Err(refused) = dialled::is_the_one(context, profile, &agreement.partner)
        {
            return Err(dialled::abort(context, refused, session));
        }
        // The responder challenges first, so a caller that challenges has answered.
        self.is_challenged = false;
        let answer = match open(context, challenge).await {
            Ok(reply) => {
                self.ours = Some(reply.certificate);
                ChallengeAnswer::Opened(Challenge::new(reply.octets))
            }
            Err(why) => {
                self.failed(context, why);
                let text = ChallengeAnswer::FAILED.to_owned();
                ChallengeAnswer::Refuse { text }
            }
        };
        let _ = session.answer_challenge(ticket, answer);
        Ok(())
    }

    /// SECD: we are to challenge the partner.
    pub async fn wanted(
        &mut self,
        context: &SessionContext,
        ticket: OwnChallengeTicket,
        session: &mut Session,
    ) {
        match challenge(context).await {
            Ok((challenge, octets, theirs)) => {
                (self.theirs, self.is_challenged) = (theirs, true);
                let challenge = Challenge::new(*challenge.expose());
                let _ = session.send_challenge(ticket, challenge, octets);
            }
            Err(why) => {
                self.failed(context, why);
                let reason = SessionReason::InvalidChallengeResponse;
                session.abort(reason, ChallengeAnswer::FAILED);
            }
        }
    }

    /// Both sides are authenticated, where that was agreed.
    pub fn connected(&mut self, context: &SessionContext) {
        self.is_challenged = false;
        if let Some(ours) = &self.ours {
            context.log(Event::Authenticated {
                session: context.talk(),
                ours: ours.to_string(),
                theirs: listed(&self.theirs),
            });
        }
    }

    /// The session is over: whether its authentication was why, and with which certificates.
    pub fn ended(&mut self, context: &SessionContext, end: &End) {
        let why = match end {
            End::AbortedByUs {
                reason: SessionReason::InvalidChallengeResponse,
                ..
            } if self.is_challenged => format!(
                "it did not answer our challenge, which was encrypted to {}: does it have the key of one of them? Ask it for the certificate that it uses, and add it under `certificates`",
                listed(&self.theirs)
            ),
            End::AbortedByPartner {
                reason: SessionReason::InvalidChallengeResponse,
                ..
            } => match &self.ours {
                Some(ours) => format!(
                    "it did not take our answer to its challenge, which we opened with the key of {ours}, or could not open our challenge, encrypted to {}",
                    listed(&self.theirs)
                ),
                None => format!(
                    "it could not open our challenge, encrypted to {}, or has no certificate of ours",
                    listed(&self.theirs)
                ),
            },
            _ => return,
        };
        self.failed(context, why);
    }

    fn failed(&mut self, context: &SessionContext, reason: String) {
        if !std::mem::replace(&mut self.has_failed, true) {
            context.log(Event::AuthenticationFailed {
                session: context.talk(),
                reason,
            });
        }
    }
}

/// Opens the partner's challenge with the key of ours that it was encrypted to. The error is for the log.
async fn open(context: &SessionContext, challenge: Vec<u8>) -> Result<ChallengeReply, String> {
    let keyring = context.plan.keyring().partner(context.partner());
    let keys = keyring.map_err(|error| error.to_string())?.authentication();
    let ours: Vec<Certificate> = keys.iter().map(Identity::certificate).cloned().collect();
    let opening = spawn_blocking(move || answer_challenge(&challenge, &keys)).await;
    let opened = opening.map_err(|lost| lost.to_string())?;
    opened.map_err(|error| {
        format!(
            "{error}; those for authentication are {}: has the partner another certificate of ours?",
            listed(&ours)
        )
    })
}

/// Makes our challenge: with its octets as AUCH has them, and the certificates that it is encrypted to.
async fn challenge(
    context: &SessionContext,
) -> Result<(OwnChallenge, Vec<u8>, Vec<Certificate>), String> {
    let keyring = context.plan.keyring().partner(context.partner());
    let theirs = keyring.and_then(|keys| keys.partner_authentication(SystemTime::now()));
    let theirs = theirs.map_err(|error| error.to_string())?;
    let profile = context.profile().ok_or("the partner is not known")?;
    let suite = profile.file_security.send.suite;
    let made = spawn_blocking(move || (OwnChallenge::make(suite, &theirs), theirs)).await;
    let (made, theirs) = made.map_err(|lost| lost.to_string())?;
    let (challenge, octets) = made.map_err(|error| error.to_string())?;
    Ok((challenge, octets, theirs))
}
