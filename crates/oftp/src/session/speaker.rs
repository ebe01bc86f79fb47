//! Speaking: files and responses that go out, and the turn (RFC 5024, 9.10, 9.11).

use crate::answer::TurnTicket;
use crate::command::{Command, Efna, Kind, Sfna};
use crate::{CloseRefusal, FileHeader, FileReason, Format, Level, NotNow, Response, StateName};

use super::abort::Refusal;
use super::listener::Listener;
use super::notices::Notice;
use super::sending::OpenOutput;
use super::{Session, State};

/// States of 9.10 and 9.11. The four that store a request until CD comes cannot arise: the turn is
/// asked about only when it is ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Speaker {
    /// IDLESP: idle.
    IdleSp,
    /// IDLESPCD: idle, having been given the turn unasked; the session may be released here.
    IdleSpCd,
    /// WF_RTR: a response is out.
    WfRtr,
    /// WF_CD: the turn is asked for.
    WfCd,
    /// OPOP: a file is offered.
    Opop(Offering),
    /// OPO, and OPOWFC while there is no credit: a file is open.
    Opo(OpenOutput),
    /// CLOP: a file was sent whole.
    Clop,
}

impl Speaker {
    pub(super) fn name(&self) -> StateName {
        match self {
            Self::IdleSp => StateName::IdleSp,
            Self::IdleSpCd => StateName::IdleSpCd,
            Self::WfRtr => StateName::WfRtr,
            Self::WfCd => StateName::WfCd,
            Self::Opop(_) => StateName::Opop,
            Self::Opo(file) if file.has_credit() => StateName::Opo,
            Self::Opo(_) => StateName::Opowfc,
            Self::Clop => StateName::Clop,
        }
    }

    pub(super) fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IdleSp | Self::IdleSpCd => &[],
            Self::WfRtr => &[Kind::Rtr],
            Self::WfCd => &[Kind::Cd],
            Self::Opop(_) => &[Kind::Sfpa, Kind::Sfna],
            Self::Opo(_) => &[Kind::Cdt],
            Self::Clop => &[Kind::Efpa, Kind::Efna, Kind::Cdt],
        }
    }
}

/// A file that is being offered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Offering {
    /// SFIDREST: the answer may not be above it.
    restart: u64,
    in_records: bool,
}

impl Session {
    /// IDLESP, IDLESPCD: offers a file (F_START_FILE_RQ).
    ///
    /// A file that this session cannot carry is answered with
    /// [`FileRefused`](crate::Event::FileRefused) without a word to the partner. If restart was
    /// not agreed, the file is offered from its start.
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn start_file(&mut self, ticket: TurnTicket, header: FileHeader) -> Result<(), NotNow> {
        self.check_turn(&ticket)?;
        if let Some((reason, retry, text)) = self.cannot_carry(&header) {
            self.tell(Notice::FileRefused {
                reason,
                retry,
                text: text.to_owned(),
            });
            self.your_turn_again(&ticket);
            return Ok(());
        }
        let restart_agreed = self.agreement.as_ref().is_some_and(|agreed| agreed.restart);
        let restart = if restart_agreed { header.restart } else { 0 };
        let header = FileHeader { restart, ..header };
        let offering = Offering {
            restart,
            in_records: header.goes_in_records(),
        };
        self.send(&Command::Sfid(Box::new(header)));
        self.state = State::Speaker(Speaker::Opop(offering));
        Ok(())
    }

    /// IDLESP, IDLESPCD: answers for a file we received (F_EERP_RQ, F_NERP_RQ).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn respond(&mut self, ticket: TurnTicket, response: Response) -> Result<(), NotNow> {
        self.check_turn(&ticket)?;
        let command = match response {
            Response::Positive(eerp) => Command::Eerp(Box::new(eerp)),
            Response::Negative(nerp) => Command::Nerp(Box::new(nerp)),
        };
        if let Some(text) = self.cannot_say(&command) {
            self.tell(Notice::ResponseNotSent { text });
            self.your_turn_again(&ticket);
            return Ok(());
        }
        self.send(&command);
        self.state = State::Speaker(Speaker::WfRtr);
        Ok(())
    }

    /// IDLESP: gives the turn away (F_CD_RQ). In IDLESPCD that would go on for ever and is
    /// forbidden (RFC 5024, 3.3.4.2): there the session is released.
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn change_direction(&mut self, ticket: TurnTicket) -> Result<(), NotNow> {
        self.finish(ticket)
    }

    /// IDLESP, IDLESPCD: nothing more to send. Releases the session where that is allowed, else
    /// gives the turn away, so that the partner can.
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn finish(&mut self, ticket: TurnTicket) -> Result<(), NotNow> {
        self.check_turn(&ticket)?;
        let gives_back = planted!(CdAfterCd | TurnGoesRound);
        if ticket.may_release && !gives_back || planted!(ReleasesOutOfTurn) {
            self.release();
        } else {
            self.send(&Command::Cd);
            self.state = State::Listener(Listener::IdleLiCd);
        }
        Ok(())
    }

    pub(super) fn take_speaking(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Sfpa(restart) => return self.take_acceptance(restart),
            Command::Sfna(Sfna {
                reason,
                retry,
                text,
            }) => {
                self.tell(Notice::FileRefused {
                    reason,
                    retry,
                    text,
                });
                self.your_turn(Speaker::IdleSp);
                if planted!(LosesTheTurnAtSfna) {
                    self.state = State::Listener(Listener::IdleLi);
                }
            }
            Command::Cdt => return self.take_credit(),
            Command::Efpa(change_direction) => self.take_close_acceptance(change_direction),
            Command::Efna(Efna { reason, text }) => {
                self.tell(Notice::CloseAnswered(Err(CloseRefusal { reason, text })));
                self.your_turn(Speaker::IdleSp);
            }
            Command::Rtr => {
                self.tell(Notice::ResponseTaken);
                if planted!(TurnNotTold) {
                    self.state = State::Speaker(Speaker::IdleSp);
                    return Ok(());
                }
                self.your_turn(Speaker::IdleSp);
            }
            Command::Cd => self.your_turn(Speaker::IdleSp),
            _ => (),
        }
        Ok(())
    }

    /// Becomes the idle speaker and asks what to do with the turn.
    pub(super) fn your_turn(&mut self, idle: Speaker) {
        let may_release = idle == Speaker::IdleSpCd;
        let moment = self.notices.ask();
        self.tell(Notice::YourTurn {
            moment,
            may_release,
        });
        self.state = State::Speaker(idle);
    }

    fn your_turn_again(&mut self, ticket: &TurnTicket) {
        self.your_turn(if ticket.may_release {
            Speaker::IdleSpCd
        } else {
            Speaker::IdleSp
        });
    }

    fn check_turn(&mut self, ticket: &TurnTicket) -> Result<(), NotNow> {
        let idle = matches!(
            self.state,
            State::Speaker(Speaker::IdleSp | Speaker::IdleSpCd)
        );
        self.check(ticket.moment, idle)
    }

    /// Why the session cannot carry a file, whether another session might, and what to say.
    fn cannot_carry(&self, header: &FileHeader) -> Option<(FileReason, bool, &'static str)> {
        let agreed = self.agreement.as_ref()?;
        if !agreed.may_send {
            return Some((
                FileReason::DirectionRefused,
                true,
                "not offered: files may not go this way in this session",
            ));
        }
        if matches!(header.format, Format::Fixed(length) | Format::Variable(length) if length > 99_999)
        {
            return Some((
                FileReason::RecordLength,
                false,
                "not offered: records are longer than 99,999 octets",
            ));
        }
        if agreed.level >= Level::V20 {
            return None;
        }
        let below = |reason| {
            Some((
                reason,
                false,
                "not offered: the partner's level is below 2.0",
            ))
        };
        match header {
            header if header.security.is_encrypted() => below(FileReason::EncryptedNotAllowed),
            header if header.security.is_signed() || header.signed_receipt => {
                below(FileReason::SignedNotAllowed)
            }
            header if header.compressed || header.enveloped => {
                below(FileReason::CompressionNotAllowed)
            }
            header if header.size_blocks > LARGEST_OF_LEVEL_14 => below(FileReason::TooBig),
            _ => None,
        }
    }

    /// Why the session cannot carry a response.
    fn cannot_say(&self, command: &Command) -> Option<String> {
        let (hash, signature) = match command {
            Command::Eerp(eerp) => (&eerp.hash, &eerp.signature),
            Command::Nerp(nerp) => (&nerp.hash, &nerp.signature),
            _ => return None,
        };
        let longest = usize::from(u16::MAX);
        if !command.kind().exists_at(self.level) {
            return Some(format!("level {} has no negative response", self.level));
        }
        (hash.len().max(signature.len()) > longest)
            .then(|| "hash or signature is longer than 65,535 octets".to_owned())
    }

    /// SFPA in OPOP (9.10, K).
    fn take_acceptance(&mut self, restart: u64) -> Result<(), Refusal> {
        let State::Speaker(Speaker::Opop(offering)) = &self.state else {
            return Ok(());
        };
        if restart > offering.restart {
            let text = format!(
                "SFPA with position {restart}, beyond the {} of our SFID",
                offering.restart
            );
            return Err(Refusal::violation(&text));
        }
        let file = OpenOutput::begin(offering.in_records, self.window());
        self.state = State::Speaker(Speaker::Opo(file));
        let restart = if planted!(RestartNotTold) { 0 } else { restart };
        self.tell(Notice::FileAccepted { restart });
        Ok(())
    }

    /// EFPA in CLOP (9.11, C): the turn goes back at once if it is asked for.
    fn take_close_acceptance(&mut self, change_direction: bool) {
        self.tell(Notice::CloseAnswered(Ok(())));
        if change_direction && !planted!(KeepsTheTurn) {
            self.send(&Command::Cd);
            self.state = State::Listener(Listener::IdleLi);
        } else {
            self.your_turn(Speaker::IdleSp);
        }
    }
}

/// EFIDUCNT has twelve digits up to level 1.4: the file, in blocks of 1024 octets.
const LARGEST_OF_LEVEL_14: u64 = 999_999_999_999 / 1024;
