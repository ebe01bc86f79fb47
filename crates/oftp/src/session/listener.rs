//! Listening: files and responses that come in (RFC 5024, 9.12).

use crate::answer::{CloseTicket, FileTicket, ResponseTicket};
use crate::command::{Command, Efna, Kind, Sfna, Spoils};
use crate::{
    CloseAnswer, Counts, FileAnswer, FileHeader, Leniency, NotNow, Response, SessionReason,
};

use super::Session;
use super::abort::Abort;
use super::notices::Notice;
use super::open_file::OpenInput;
use super::state::{Listening, SessionState, Speaking};

impl Session {
    /// OPIP: takes a file from a position on, or does not (F_START_FILE_RS).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile, or if the answer continues beyond the position
    /// offered, which ends the session.
    pub fn answer_file(&mut self, ticket: FileTicket, answer: FileAnswer) -> Result<(), NotNow> {
        let SessionState::Listening(Listening::Opip {
            restart: offered,
            in_records,
        }) = self.state
        else {
            return Err(self.not_now());
        };
        self.check(ticket.moment, true)?;
        match answer {
            FileAnswer::Accept { restart, .. } if restart > offered => {
                let text = format!("position {restart} was to be answered to {offered}");
                self.abort_with(Abort::new(SessionReason::Unspecified, text));
                return Err(self.not_now());
            }
            FileAnswer::Accept {
                restart,
                octets_held,
            } => self.accept_file(in_records, restart, octets_held),
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
                self.enter(Listening::IdleLi);
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
            matches!(self.state, SessionState::Listening(Listening::Clip)),
        )?;
        self.enter(Listening::IdleLi);
        match answer {
            CloseAnswer::Accept { change_direction } => {
                self.send(&Command::Efpa(change_direction));
                if change_direction {
                    self.enter(Speaking::WfCd);
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
            matches!(self.state, SessionState::Listening(Listening::Rtrp)),
        )?;
        self.send(&Command::Rtr);
        self.enter(Listening::IdleLi);
        Ok(())
    }

    pub(super) fn take_listening(&mut self, command: Command) -> Result<(), Abort> {
        match command {
            Command::Sfid(header) => return self.take_file(header),
            Command::Efid(announced) => return self.take_end_of_file(announced),
            Command::Eerp(eerp) => self.take_response(Response::Positive(*eerp)),
            Command::Nerp(nerp) => self.take_response(Response::Negative(*nerp)),
            Command::Cd => return self.take_turn(),
            _ => (),
        }
        Ok(())
    }

    /// CD in IDLELI (C). In IDLELICD it answers ours: the partner has nothing to send either and leaves the release to us.
    fn take_turn(&mut self) -> Result<(), Abort> {
        if matches!(self.state, SessionState::Listening(Listening::IdleLiCd)) {
            self.tolerate(
                Leniency::ReturnedTurn,
                Kind::Cd,
                SessionReason::ProtocolViolation,
            )?;
        }
        self.your_turn(Speaking::IdleSpCd);
        Ok(())
    }

    /// SFID, EERP or NERP in IDLELI and IDLELICD whose content cannot be read, though its layout can: the next one may be
    /// good, and whoever ends the session hears the same one first in the next.
    pub(super) fn pass_over(&mut self, spoils: Spoils, problem: String) {
        self.enter(Listening::IdleLi);
        match spoils {
            Spoils::File(reason) => {
                self.send(&Command::Sfna(Sfna {
                    reason,
                    retry: false,
                    text: problem.clone(),
                }));
                self.emit(Notice::FileUnreadable {
                    reason,
                    text: problem,
                });
            }
            Spoils::Response => {
                self.send(&Command::Rtr);
                self.emit(Notice::ResponseUnreadable { text: problem });
            }
        }
    }

    /// SFID in IDLELI and IDLELICD (A).
    fn take_file(&mut self, header: Box<FileHeader>) -> Result<(), Abort> {
        let agreed = self.agreement.as_ref();
        if !agreed.is_some_and(|agreed| agreed.may_receive) {
            return Err(Abort::violation(
                "SFID against the direction that was agreed",
            ));
        }
        if header.restart > 0 && !agreed.is_some_and(|agreed| agreed.restart) {
            return Err(Abort::violation(
                "SFID with a restart position, though restart was not agreed",
            ));
        }
        self.enter(Listening::Opip {
            restart: header.restart,
            in_records: header.goes_in_records(),
        });
        let moment = self.notices.ask();
        self.emit(Notice::FileOffered(moment, header));
        Ok(())
    }

    /// F_START_FILE_RS(+) in OPIP (H).
    fn accept_file(&mut self, in_records: bool, restart: u64, octets_held: u64) {
        let held = Counts {
            records: if in_records { restart } else { 0 },
            octets: octets_held,
        };
        self.send(&Command::Sfpa(restart));
        let file = OpenInput::begin(in_records, self.window(), held);
        self.enter(Listening::Opi(file));
    }

    /// EERP and NERP in IDLELI and IDLELICD (E, L).
    fn take_response(&mut self, response: Response) {
        self.enter(Listening::Rtrp);
        let moment = self.notices.ask();
        self.emit(Notice::ResponseOffered(moment, Box::new(response)));
    }
}
