//! Setting up a session: greeting, introductions, authentication (RFC 5024, 4.2, 9.8).

use crate::answer::{ChallengeTicket, ConnectionTicket, OwnChallengeTicket};
use crate::command::{Command, Kind};
use crate::{
    Agreement, Challenge, ChallengeAnswer, ConnectionAnswer, Leniency, Level, NotNow, Params,
    SessionReason, Ssid,
};

use super::abort::Abort;
use super::notices::Notice;
use super::state::{Connecting, Listening, SessionState, Speaking};
use super::{Role, Session};

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
        let SessionState::Connecting(Connecting::AWfConrs(offer)) = &self.state else {
            return Err(self.not_now());
        };
        let offer = Ssid::clone(offer);
        self.check(ticket.moment, true)?;
        let accepted = match answer {
            ConnectionAnswer::Accept(params) => self.accept_connection(*params, offer),
            ConnectionAnswer::Refuse { reason, text } => Err(Abort { reason, text }),
        };
        if let Err(abort) = accepted {
            self.abort_with(abort);
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
            matches!(self.state, SessionState::Connecting(Connecting::Opening)),
        )?;
        match answer {
            ChallengeAnswer::Opened(challenge) => {
                self.send(&Command::Aurp(challenge));
                self.after_our_response();
            }
            ChallengeAnswer::Refuse { text } => {
                self.abort_with(Abort {
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
            matches!(
                self.state,
                SessionState::Connecting(Connecting::Challenging)
            ),
        )?;
        if cms.len() > usize::from(u16::MAX) {
            let text = "our challenge is longer than 65,535 octets";
            self.abort_with(Abort::new(SessionReason::Unspecified, text));
            return Ok(());
        }
        self.send(&Command::Auch(cms));
        self.enter(Connecting::WfAurp(challenge));
        Ok(())
    }

    pub(super) fn take_connecting(&mut self, command: Command) -> Result<(), Abort> {
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
        self.enter(Connecting::IWfSsid);
    }

    /// SSID in A_NC_ONLY (E).
    fn take_offer(&mut self, offer: Box<Ssid>) {
        self.level = self.params.level.min(Level::at_most(offer.level));
        let moment = self.notices.ask();
        self.emit(Notice::ConnectionOffered(moment, offer.clone()));
        self.enter(Connecting::AWfConrs(offer));
    }

    /// F_CONNECT_RS in A_WF_CONRS (G).
    fn accept_connection(&mut self, params: Params, offer: Ssid) -> Result<(), Abort> {
        self.timers.set_timeouts(params.timeouts);
        self.params = params;
        self.level = self.params.level.min(Level::at_most(offer.level));
        let agreed = Agreement::reach(&self.params, offer)?;
        let answer = self.params.answer(&agreed);
        let authentication = agreed.authentication;
        self.agreement = Some(agreed);
        self.send(&Command::Ssid(Box::new(answer)));
        if authentication {
            self.enter(Connecting::WfSecd);
        } else {
            self.connected();
        }
        Ok(())
    }

    /// SSID in I_WF_SSID (D).
    fn take_answer(&mut self, offer: Ssid) -> Result<(), Abort> {
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
            self.enter(Connecting::WfAuch);
        } else {
            self.connected();
        }
        Ok(())
    }

    /// AUCH in WF_AUCH (I): the answer needs our key.
    fn take_challenge(&mut self, cms: Vec<u8>) {
        let moment = self.notices.ask();
        self.emit(Notice::ChallengeOffered(moment, cms));
        self.enter(Connecting::Opening);
    }

    /// SECD in WF_SECD (J): the challenge needs the partner's certificate.
    fn take_challenger_part(&mut self) {
        let moment = self.notices.ask();
        self.emit(Notice::ChallengeWanted(moment));
        self.enter(Connecting::Challenging);
    }

    /// AURP in WF_AURP (K).
    fn take_challenge_response(&mut self, response: &Challenge) -> Result<(), Abort> {
        let SessionState::Connecting(Connecting::WfAurp(challenge)) = &self.state else {
            return Ok(());
        };
        if !challenge.matches(response) {
            // Nothing tells this failure from that of a challenge which cannot be opened.
            let text = ChallengeAnswer::FAILED;
            return Err(Abort::new(SessionReason::InvalidChallengeResponse, text));
        }
        match self.role {
            Role::Initiator => self.connected(),
            Role::Responder => {
                self.send(&Command::Secd);
                self.enter(Connecting::WfAuch);
            }
        }
        Ok(())
    }

    /// The responder challenges first, so the initiator is next to challenge, and the responder's
    /// own response is the last step.
    fn after_our_response(&mut self) {
        match self.role {
            Role::Initiator => self.enter(Connecting::WfSecd),
            Role::Responder => self.connected(),
        }
    }

    /// The initiator is the first speaker (RFC 5024, 3.3.4.1).
    fn connected(&mut self) {
        if let Some(agreed) = &self.agreement {
            let notice = Notice::Connected(Box::new(agreed.clone()));
            self.emit(notice);
        }
        match self.role {
            Role::Initiator => self.your_turn(Speaking::IdleSp),
            Role::Responder => self.enter(Listening::IdleLi),
        }
    }
}
