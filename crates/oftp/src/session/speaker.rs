//! Speaking: files and responses that go out, and the turn (RFC 5024, 9.10, 9.11).

use crate::answer::TurnTicket;
use crate::command::{Command, Efna, Sfna};
use crate::{BLOCK, CloseRefusal, FileHeader, FileReason, Format, Level, NotNow, Response};

use super::Session;
use super::abort::Abort;
use super::notices::Notice;
use super::open_file::OpenOutput;
use super::state::{Listening, SessionState, Speaking};

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
            self.emit(Notice::FileRefused {
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
        let in_records = header.goes_in_records();
        self.send(&Command::Sfid(Box::new(header)));
        self.enter(Speaking::Opop {
            restart,
            in_records,
        });
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
            self.emit(Notice::ResponseNotSent { text });
            self.your_turn_again(&ticket);
            return Ok(());
        }
        self.send(&command);
        self.enter(Speaking::WfRtr);
        Ok(())
    }

    /// IDLESP, IDLESPCD: there is nothing to send, or nothing more. In IDLESP this gives the turn to the partner
    /// (F_CD_RQ), who may send or release the session; in IDLESPCD it releases the session (F_RELEASE_RQ), since a
    /// turn that goes back and forth would do so for ever (RFC 5024, 3.3.4.2).
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn end_turn(&mut self, ticket: TurnTicket) -> Result<(), NotNow> {
        self.check_turn(&ticket)?;
        if ticket.may_release {
            self.release();
        } else {
            self.send(&Command::Cd);
            self.enter(Listening::IdleLiCd);
        }
        Ok(())
    }

    pub(super) fn take_speaking(&mut self, command: Command) -> Result<(), Abort> {
        match command {
            Command::Sfpa(restart) => return self.take_acceptance(restart),
            Command::Sfna(Sfna {
                reason,
                retry,
                text,
            }) => {
                self.emit(Notice::FileRefused {
                    reason,
                    retry,
                    text,
                });
                self.your_turn(Speaking::IdleSp);
            }
            Command::Cdt => return self.take_credit(),
            Command::Efpa(change_direction) => self.take_close_acceptance(change_direction),
            Command::Efna(Efna { reason, text }) => {
                self.emit(Notice::CloseAnswered(Err(CloseRefusal { reason, text })));
                self.your_turn(Speaking::IdleSp);
            }
            Command::Rtr => {
                self.emit(Notice::ResponseTaken);
                self.your_turn(Speaking::IdleSp);
            }
            Command::Cd => self.your_turn(Speaking::IdleSp),
            _ => (),
        }
        Ok(())
    }

    /// Becomes the idle speaker and asks what to do with the turn.
    pub(super) fn your_turn(&mut self, idle: Speaking) {
        let may_release = idle == Speaking::IdleSpCd;
        let moment = self.notices.ask();
        self.emit(Notice::YourTurn {
            moment,
            may_release,
        });
        self.enter(idle);
    }

    fn your_turn_again(&mut self, ticket: &TurnTicket) {
        self.your_turn(if ticket.may_release {
            Speaking::IdleSpCd
        } else {
            Speaking::IdleSp
        });
    }

    fn check_turn(&mut self, ticket: &TurnTicket) -> Result<(), NotNow> {
        let idle = matches!(
            self.state,
            SessionState::Speaking(Speaking::IdleSp | Speaking::IdleSpCd)
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
        // Below level 2.0 SFID has no fields for what is looked at from here on, and a shorter one for the size.
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
    fn take_acceptance(&mut self, restart: u64) -> Result<(), Abort> {
        let SessionState::Speaking(Speaking::Opop {
            restart: offered,
            in_records,
        }) = self.state
        else {
            return Ok(());
        };
        if restart > offered {
            return Err(Abort::violation(format!(
                "SFPA with position {restart}, beyond the {offered} of our SFID"
            )));
        }
        let file = OpenOutput::begin(in_records, self.window());
        self.enter(Speaking::Opo(file));
        self.emit(Notice::FileAccepted { restart });
        Ok(())
    }

    /// EFPA in CLOP (9.11, C): the turn goes back at once if it is asked for.
    fn take_close_acceptance(&mut self, change_direction: bool) {
        self.emit(Notice::CloseAnswered(Ok(())));
        if change_direction {
            self.send(&Command::Cd);
            self.enter(Listening::IdleLi);
        } else {
            self.your_turn(Speaking::IdleSp);
        }
    }
}

/// EFIDUCNT has twelve digits up to level 1.4: the file, in blocks of 1024 octets.
const LARGEST_OF_LEVEL_14: u64 = 999_999_999_999 / BLOCK;
