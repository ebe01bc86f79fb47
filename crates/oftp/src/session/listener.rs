//! Listening: files and responses that come in (RFC 5024, 9.12).

use crate::answer::{CloseTicket, FileTicket, ResponseTicket};
use crate::command::{Command, Efna, Kind, Sfna, Spoils};
use crate::{
    CloseAnswer, Counts, FileAnswer, FileHeader, Leniency, NotNow, Response, SessionReason,
    StateName,
};

use super::abort::Refusal;
use super::notices::Notice;
use super::receiving::OpenInput;
use super::speaker::Speaker;
use super::{Session, State};

/// States of 9.12.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Listener {
    /// IDLELI: idle.
    IdleLi,
    /// IDLELICD: idle, having given our turn away; the session may be released here.
    IdleLiCd,
    /// OPIP: a file is offered, waiting to be told what becomes of it.
    Opip(Offered),
    /// OPI: a file is open.
    Opi(OpenInput),
    /// CLIP: a file was sent whole, waiting to be told what becomes of it.
    Clip,
    /// RTRP: a response came, waiting to be told that it is kept.
    Rtrp,
}

impl Listener {
    pub(super) fn name(&self) -> StateName {
        match self {
            Self::IdleLi => StateName::IdleLi,
            Self::IdleLiCd => StateName::IdleLiCd,
            Self::Opip(_) => StateName::Opip,
            Self::Opi(_) => StateName::Opi,
            Self::Clip => StateName::Clip,
            Self::Rtrp => StateName::Rtrp,
        }
    }

    pub(super) fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IdleLi => &[Kind::Sfid, Kind::Eerp, Kind::Nerp, Kind::Cd],
            Self::IdleLiCd if planted!(TurnGoesRound) => Self::IdleLi.expects(),
            Self::IdleLiCd => &[Kind::Sfid, Kind::Eerp, Kind::Nerp],
            Self::Opi(_) => &[Kind::Data, Kind::Efid],
            Self::Opip(_) | Self::Clip | Self::Rtrp => &[],
        }
    }
}

/// A file that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Offered {
    /// SFIDREST: our answer may not be above it.
    restart: u64,
    in_records: bool,
}

impl Session {
    /// OPIP: takes a file from a position on, or does not (F_START_FILE_RS).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile, or if the answer goes on beyond the position
    /// offered, which ends the session.
    pub fn answer_file(&mut self, ticket: FileTicket, answer: FileAnswer) -> Result<(), NotNow> {
        let State::Listener(Listener::Opip(offered)) = &self.state else {
            return Err(self.not_now());
        };
        let offered = offered.clone();
        self.check(ticket.moment, true)?;
        match answer {
            FileAnswer::Accept { restart, .. } if restart > offered.restart => {
                let text = format!(
                    "position {restart} was to be answered to {}",
                    offered.restart
                );
                self.refuse(Refusal::new(SessionReason::Unspecified, &text));
                return Err(self.not_now());
            }
            FileAnswer::Accept {
                restart,
                octets_held,
            } => self.accept_file(&offered, restart, octets_held),
            FileAnswer::Refuse {
                reason,
                retry,
                text,
            } => {
                self.send(&Command::Sfna(Sfna {
                    reason,
                    retry,
                    text,
                }));
                self.state = State::Listener(Listener::IdleLi);
            }
        }
        Ok(())
    }

    /// CLIP: has stored the file, or has not (F_CLOSE_FILE_RS). Asking for the turn makes us wait
    /// for it (WF_CD).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn answer_close(&mut self, ticket: CloseTicket, answer: CloseAnswer) -> Result<(), NotNow> {
        self.check(
            ticket.moment,
            matches!(self.state, State::Listener(Listener::Clip)),
        )?;
        self.state = State::Listener(Listener::IdleLi);
        match answer {
            CloseAnswer::Accept { change_direction } => {
                if !planted!(EfpaBeforeStored) {
                    self.send(&Command::Efpa(change_direction));
                }
                if change_direction {
                    self.state = State::Speaker(Speaker::WfCd);
                }
                if change_direction && planted!(SpeaksBeforeCd) {
                    self.your_turn(Speaker::IdleSp);
                }
            }
            CloseAnswer::Refuse { reason, text } => {
                self.send(&Command::Efna(Efna { reason, text }))
            }
        }
        Ok(())
    }

    /// RTRP: has kept the response (F_RTR_RS).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn answer_response(&mut self, ticket: ResponseTicket) -> Result<(), NotNow> {
        self.check(
            ticket.moment,
            matches!(self.state, State::Listener(Listener::Rtrp)),
        )?;
        if !planted!(RtrBeforeKept) {
            self.send(&Command::Rtr);
        }
        if !planted!(StaysInRtrp) {
            self.state = State::Listener(Listener::IdleLi);
        }
        Ok(())
    }

    pub(super) fn take_listening(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Sfid(header) => return self.take_file(header),
            Command::Efid(announced) => return self.take_end_of_file(announced),
            Command::Eerp(eerp) => self.take_response(Response::Positive(*eerp)),
            Command::Nerp(nerp) => self.take_response(Response::Negative(*nerp)),
            Command::Cd if planted!(MissesTheTurn) => (),
            Command::Cd => return self.take_turn(),
            _ => (),
        }
        Ok(())
    }

    /// CD in IDLELI (C). In IDLELICD it answers ours: the partner has nothing to send either and leaves the release to us.
    fn take_turn(&mut self) -> Result<(), Refusal> {
        let returned = matches!(self.state, State::Listener(Listener::IdleLiCd));
        if returned && !planted!(TurnGoesRound) {
            self.tolerate(
                Leniency::ReturnedTurn,
                Kind::Cd,
                SessionReason::ProtocolViolation,
            )?;
        }
        self.your_turn(Speaker::IdleSpCd);
        Ok(())
    }

    /// SFID, EERP or NERP in IDLELI and IDLELICD whose content cannot be read, though its layout can: the next one may be
    /// good, and whoever ends the session hears the same one first in the next.
    pub(super) fn pass_over(&mut self, spoils: Spoils, problem: String) {
        self.state = State::Listener(Listener::IdleLi);
        match spoils {
            Spoils::File(reason) => {
                self.send(&Command::Sfna(Sfna {
                    reason,
                    retry: false,
                    text: problem.clone(),
                }));
                self.tell(Notice::FileUnreadable {
                    reason,
                    text: problem,
                });
            }
            Spoils::Response => {
                self.send(&Command::Rtr);
                self.tell(Notice::ResponseUnreadable { text: problem });
            }
        }
    }

    /// SFID in IDLELI and IDLELICD (A).
    fn take_file(&mut self, header: Box<FileHeader>) -> Result<(), Refusal> {
        let agreed = self.agreement.as_ref();
        if !agreed.is_some_and(|agreed| agreed.may_receive) {
            return Err(Refusal::violation(
                "SFID against the direction that was agreed",
            ));
        }
        if header.restart > 0 && !agreed.is_some_and(|agreed| agreed.restart) {
            return Err(Refusal::violation(
                "SFID with a restart position, though restart was not agreed",
            ));
        }
        let offered = Offered {
            restart: header.restart,
            in_records: header.goes_in_records(),
        };
        self.state = State::Listener(Listener::Opip(offered));
        let moment = self.notices.ask();
        self.tell(Notice::FileOffered(moment, header));
        Ok(())
    }

    /// F_START_FILE_RS(+) in OPIP (H).
    fn accept_file(&mut self, offered: &Offered, restart: u64, octets_held: u64) {
        let records = if offered.in_records { restart } else { 0 };
        let held = Counts {
            records,
            octets: octets_held,
        };
        let held = if planted!(HeldNotCounted) {
            Counts::default()
        } else {
            held
        };
        self.send(&Command::Sfpa(restart));
        let file = OpenInput::begin(offered.in_records, self.window(), held);
        self.state = State::Listener(Listener::Opi(file));
    }

    /// EERP and NERP in IDLELI and IDLELICD (E, L).
    fn take_response(&mut self, response: Response) {
        self.state = State::Listener(Listener::Rtrp);
        let moment = self.notices.ask();
        self.tell(Notice::ResponseOffered(moment, Box::new(response)));
        if planted!(RtrBeforeKept) {
            self.send(&Command::Rtr);
        }
    }
}
