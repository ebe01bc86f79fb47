//! Setting up a session: greeting, introductions, authentication (RFC 5024, 4.2, 9.8).

use crate::answer::{ChallengeTicket, ConnectionTicket, OwnChallengeTicket};
use crate::command::{Command, Kind};
use crate::{
    Agreement, Challenge, ChallengeAnswer, ConnectionAnswer, Leniency, Level, NotNow, Offer,
    Params, SessionReason, StateName,
};

use super::abort::Refusal;
use super::listener::Listener;
use super::notices::Notice;
use super::speaker::Speaker;
use super::{Role, Session, State};

/// States of 9.8.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Connecting {
    /// I_WF_RM: waiting to be greeted.
    IWfRm,
    /// I_WF_SSID: waiting for the partner to introduce itself in return.
    IWfSsid,
    /// A_NC_ONLY: greeted, waiting for the partner to introduce itself.
    ANcOnly,
    /// A_WF_CONRS: waiting to be told about the partner.
    AWfConrs(Box<Offer>),
    /// WF_AUCH: waiting for the partner's challenge.
    WfAuch,
    /// WF_AUCH, the challenge being opened.
    Opening,
    /// WF_SECD: waiting to be given the part of the challenger.
    WfSecd,
    /// WF_SECD, our challenge being made.
    Challenging,
    /// WF_AURP: waiting for the answer to our challenge.
    WfAurp(Challenge),
}

impl Connecting {
    pub(super) fn name(&self) -> StateName {
        match self {
            Self::IWfRm => StateName::IWfRm,
            Self::IWfSsid => StateName::IWfSsid,
            Self::ANcOnly => StateName::ANcOnly,
            Self::AWfConrs(_) => StateName::AWfConrs,
            Self::WfAuch | Self::Opening => StateName::WfAuch,
            Self::WfSecd | Self::Challenging => StateName::WfSecd,
            Self::WfAurp(_) => StateName::WfAurp,
        }
    }

    pub(super) fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IWfRm => &[Kind::Ssrm],
            Self::IWfSsid | Self::ANcOnly => &[Kind::Ssid],
            Self::WfAuch => &[Kind::Auch],
            Self::WfSecd => &[Kind::Secd],
            Self::WfAurp(_) => &[Kind::Aurp],
            Self::AWfConrs(_) | Self::Opening | Self::Challenging => &[],
        }
    }
}

impl Session {
    /// A_WF_CONRS: says what becomes of a partner that introduced itself (F_CONNECT_RS).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn answer_connection(
        &mut self,
        ticket: ConnectionTicket,
        answer: ConnectionAnswer,
    ) -> Result<(), NotNow> {
        let State::Connecting(Connecting::AWfConrs(offer)) = &self.state else {
            return Err(self.not_now());
        };
        let offer = Offer::clone(offer);
        self.check(ticket.moment, true)?;
        let accepted = match answer {
            ConnectionAnswer::Accept(params) => self.accept_connection(*params, offer),
            ConnectionAnswer::Refuse { reason, text } => Err(Refusal { reason, text }),
        };
        if let Err(refusal) = accepted {
            self.refuse(refusal);
        }
        Ok(())
    }

    /// WF_AUCH: answers the partner's challenge (AURP).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn answer_challenge(
        &mut self,
        ticket: ChallengeTicket,
        answer: ChallengeAnswer,
    ) -> Result<(), NotNow> {
        self.check(
            ticket.moment,
            matches!(self.state, State::Connecting(Connecting::Opening)),
        )?;
        match answer {
            ChallengeAnswer::Opened(challenge) => {
                self.send(&Command::Aurp(challenge));
                self.after_our_response();
            }
            ChallengeAnswer::Refuse { text } => {
                self.refuse(Refusal {
                    reason: SessionReason::InvalidChallengeResponse,
                    text,
                });
            }
        }
        Ok(())
    }

    /// WF_SECD: challenges the partner. `challenge` is 20 random octets of this session alone,
    /// `cms` the same enveloped for the partner, at most 65,535 octets.
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn send_challenge(
        &mut self,
        ticket: OwnChallengeTicket,
        challenge: Challenge,
        cms: Vec<u8>,
    ) -> Result<(), NotNow> {
        self.check(
            ticket.moment,
            matches!(self.state, State::Connecting(Connecting::Challenging)),
        )?;
        if cms.len() > usize::from(u16::MAX) {
            let text = "our challenge is longer than 65,535 octets";
            self.refuse(Refusal::new(SessionReason::Unspecified, text));
            return Ok(());
        }
        self.send(&Command::Auch(cms));
        self.state = State::Connecting(Connecting::WfAurp(challenge));
        Ok(())
    }

    pub(super) fn take_connecting(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Ssrm => self.introduce(),
            Command::Ssid(offer) => match self.role {
                Role::Initiator => return self.take_answer(*offer),
                Role::Responder => self.take_offer(offer),
            },
            Command::Auch(cms) => self.take_challenge(cms),
            Command::Secd => self.take_challenger_part(),
            Command::Aurp(response) => return self.take_challenge_response(&response),
            _ => (),
        }
        Ok(())
    }

    /// SSRM in I_WF_RM (9.8, H).
    fn introduce(&mut self) {
        let offer = self.params.offer();
        self.send(&Command::Ssid(Box::new(offer)));
        self.state = State::Connecting(Connecting::IWfSsid);
    }

    /// SSID in A_NC_ONLY (E).
    fn take_offer(&mut self, offer: Box<Offer>) {
        self.level = self.params.level.min(Level::at_most(offer.level));
        let moment = self.notices.ask();
        self.tell(Notice::ConnectionOffered(moment, offer.clone()));
        self.state = State::Connecting(Connecting::AWfConrs(offer));
    }

    /// F_CONNECT_RS in A_WF_CONRS (G).
    fn accept_connection(&mut self, params: Params, offer: Offer) -> Result<(), Refusal> {
        self.clock.set_timeouts(params.timeouts);
        self.params = params;
        self.level = self.params.level.min(Level::at_most(offer.level));
        let agreed = Agreement::reach(&self.params, offer)?;
        let answer = self.params.answer(&agreed);
        let authentication = agreed.authentication;
        self.agreement = Some(agreed);
        self.send(&Command::Ssid(Box::new(answer)));
        if authentication {
            self.state = State::Connecting(Connecting::WfSecd);
        } else {
            self.connected();
        }
        Ok(())
    }

    /// SSID in I_WF_SSID (D).
    fn take_answer(&mut self, offer: Offer) -> Result<(), Refusal> {
        self.level = self.params.level.min(Level::at_most(offer.level));
        let ours = self.params.offer();
        let credit = offer.credit;
        let mut agreed = Agreement::reach(&self.params, offer)?;
        if credit > ours.credit {
            self.tolerate(
                Leniency::LargerCredit,
                Kind::Ssid,
                SessionReason::Incompatible,
            )?;
            agreed.credit = credit;
        }
        let authentication = agreed.authentication;
        self.agreement = Some(agreed);
        if authentication {
            self.send(&Command::Secd);
            self.state = State::Connecting(Connecting::WfAuch);
        } else {
            self.connected();
        }
        Ok(())
    }

    /// AUCH in WF_AUCH (I): the answer needs our key.
    fn take_challenge(&mut self, cms: Vec<u8>) {
        let moment = self.notices.ask();
        self.tell(Notice::ChallengeOffered(moment, cms));
        self.state = State::Connecting(Connecting::Opening);
    }

    /// SECD in WF_SECD (J): the challenge needs the partner's certificate.
    fn take_challenger_part(&mut self) {
        let moment = self.notices.ask();
        self.tell(Notice::ChallengeWanted(moment));
        self.state = State::Connecting(Connecting::Challenging);
    }

    /// AURP in WF_AURP (K).
    fn take_challenge_response(&mut self, response: &Challenge) -> Result<(), Refusal> {
        let State::Connecting(Connecting::WfAurp(challenge)) = &self.state else {
            return Ok(());
        };
        if !challenge.matches(response) {
            let text = "the response is not our challenge";
            return Err(Refusal::new(SessionReason::InvalidChallengeResponse, text));
        }
        match self.role {
            Role::Initiator => self.connected(),
            Role::Responder => {
                self.send(&Command::Secd);
                self.state = State::Connecting(Connecting::WfAuch);
            }
        }
        Ok(())
    }

    /// The responder challenges first, so the initiator is next to challenge, and the responder's
    /// own response is the last step.
    fn after_our_response(&mut self) {
        match self.role {
            Role::Initiator => self.state = State::Connecting(Connecting::WfSecd),
            Role::Responder => self.connected(),
        }
    }

    /// The initiator is the first speaker (RFC 5024, 3.3.4.1).
    fn connected(&mut self) {
        if let Some(agreed) = &self.agreement {
            let notice = Notice::Connected(Box::new(agreed.clone()));
            self.tell(notice);
        }
        match self.role {
            Role::Initiator => self.your_turn(Speaker::IdleSp),
            Role::Responder => self.state = State::Listener(Listener::IdleLi),
        }
    }
}
