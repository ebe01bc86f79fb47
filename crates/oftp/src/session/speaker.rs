//! Speaking: files and responses that go out, and the turn (RFC 5024, 9.10, 9.11).

use crate::command::{Command, Efna, Kind, Sfna};
use crate::event::TurnTicket;
use crate::{
    CloseRefusal, Counts, FileHeader, FileReason, Format, Leniency, Level, NotNow, Response,
    SessionReason,
};

use super::abort::Refusal;
use super::listener::Listener;
use super::notices::Notice;
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
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::IdleSp => "IDLESP",
            Self::IdleSpCd => "IDLESPCD",
            Self::WfRtr => "WF_RTR",
            Self::WfCd => "WF_CD",
            Self::Opop(_) => "OPOP",
            Self::Opo(file) if file.credit > 0 => "OPO",
            Self::Opo(_) => "OPOWFC",
            Self::Clop => "CLOP",
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

/// A file that is being sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OpenOutput {
    /// DATA buffers that may still be begun.
    credit: u16,
    in_records: bool,
    /// A record was begun and not ended. A file of one record begins in it.
    in_record: bool,
    /// Ends of record that found no room yet.
    owed_ends: u64,
    /// The totals, once everything was handed over.
    closing: Option<Counts>,
}

impl OpenOutput {
    /// A file of one record takes nothing after its end.
    fn takes_data(&self) -> bool {
        self.closing.is_none() && (self.in_records || self.in_record)
    }
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
        if ticket.may_release {
            self.release();
        } else {
            self.send(&Command::Cd);
            self.state = State::Listener(Listener::IdleLiCd);
        }
        Ok(())
    }

    /// How many octets of the open file [`send_data`](Self::send_data) takes now, were they one
    /// record. 0 while out of credit, and while enough waits to be transmitted (256 KiB, whatever
    /// the window).
    pub fn want_data(&self) -> usize {
        match &self.state {
            State::Speaker(Speaker::Opo(file)) if file.takes_data() => {
                self.outbox.data_room(self.buffer_size(), file.credit)
            }
            _ => 0,
        }
    }

    /// Hands over octets of the open file; gives back how many were taken, which may be fewer.
    ///
    /// A file that [goes in records](FileHeader::goes_in_records) is handed over record by record,
    /// each in one call or several, `end_of_record` in the last: it counts once all octets of the
    /// call are taken. Any other file is one record: its end may be said here, or be left to
    /// [`close_file`](Self::close_file). Small records share DATA buffers. Call it while
    /// [`want_data`](Self::want_data) is above 0.
    ///
    /// # Errors
    /// [`NotNow`] if no file is open to send, or its end was already said.
    pub fn send_data(&mut self, octets: &[u8], end_of_record: bool) -> Result<usize, NotNow> {
        if !matches!(&self.state, State::Speaker(Speaker::Opo(file)) if file.takes_data()) {
            return Err(self.not_now());
        }
        self.clock.touch();
        self.settle_ends();
        let taken = self.pack(octets);
        if taken == octets.len() && end_of_record {
            self.end_record();
        }
        Ok(taken)
    }

    /// The whole file was handed over: `totals` are those of the whole file, what a restart
    /// skipped included (F_CLOSE_FILE_RQ). Waits for credit by itself where there is none, because
    /// EFID is forbidden there (RFC 5024, 9.11.3).
    ///
    /// # Errors
    /// [`NotNow`] if no file is open to send.
    pub fn close_file(&mut self, totals: Counts) -> Result<(), NotNow> {
        let in_record = match &mut self.state {
            State::Speaker(Speaker::Opo(file)) if file.closing.is_none() => {
                let records = if file.in_records { totals.records } else { 0 };
                file.closing = Some(Counts { records, ..totals });
                file.in_record
            }
            _ => return Err(self.not_now()),
        };
        self.clock.touch();
        if in_record {
            self.end_record();
        }
        self.try_to_close();
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
            }
            Command::Cdt => return self.take_credit(),
            Command::Efpa(change_direction) => self.take_close_acceptance(change_direction),
            Command::Efna(Efna { reason, text }) => {
                self.tell(Notice::CloseAnswered(Err(CloseRefusal { reason, text })));
                self.your_turn(Speaker::IdleSp);
            }
            Command::Rtr => {
                self.tell(Notice::ResponseTaken);
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
        let file = OpenOutput {
            credit: self.window(),
            in_records: offering.in_records,
            in_record: !offering.in_records,
            owed_ends: 0,
            closing: None,
        };
        self.state = State::Speaker(Speaker::Opo(file));
        self.tell(Notice::FileAccepted { restart });
        Ok(())
    }

    /// CDT: in OPOWFC where it belongs (O), in OPO and CLOP too early (P). It never adds up.
    fn take_credit(&mut self) -> Result<(), Refusal> {
        let window = self.window();
        let early = !matches!(&self.state, State::Speaker(Speaker::Opo(file)) if file.credit == 0);
        if early {
            self.tolerate(
                Leniency::EarlyCredit,
                Kind::Cdt,
                SessionReason::ProtocolViolation,
            )?;
        }
        let State::Speaker(Speaker::Opo(file)) = &mut self.state else {
            return Ok(());
        };
        file.credit = window;
        let takes_data = file.takes_data();
        self.settle_ends();
        if takes_data && !early {
            self.tell(Notice::MoreData);
        }
        self.try_to_close();
        Ok(())
    }

    /// EFPA in CLOP (9.11, C): the turn goes back at once if it is asked for.
    fn take_close_acceptance(&mut self, change_direction: bool) {
        self.tell(Notice::CloseAnswered(Ok(())));
        if change_direction {
            self.send(&Command::Cd);
            self.state = State::Listener(Listener::IdleLi);
        } else {
            self.your_turn(Speaker::IdleSp);
        }
    }

    /// Packs octets into DATA buffers as far as credit and room go.
    fn pack(&mut self, octets: &[u8]) -> usize {
        let (size, compression) = (self.buffer_size(), self.compression());
        let State::Speaker(Speaker::Opo(file)) = &mut self.state else {
            return 0;
        };
        let mut rest = octets;
        while !rest.is_empty() {
            if !self.outbox.data_is_open() {
                if file.credit == 0 || self.outbox.is_full() {
                    break;
                }
                file.credit -= 1;
                self.outbox.open_data();
            }
            let taken = self.outbox.pack(rest, size, compression);
            rest = rest.get(taken..).unwrap_or_default();
        }
        let taken = octets.len() - rest.len();
        file.in_record |= taken > 0;
        taken
    }

    /// Ends a record: in the header of its last subrecord, or with an empty one.
    fn end_record(&mut self) {
        let State::Speaker(Speaker::Opo(file)) = &mut self.state else {
            return;
        };
        let marked = file.in_record && self.outbox.mark_end_of_record();
        file.in_record = false;
        if !marked {
            file.owed_ends = file.owed_ends.saturating_add(1);
        }
        self.settle_ends();
    }

    /// Writes the empty subrecords that are owed, as far as credit goes.
    fn settle_ends(&mut self) {
        let size = self.buffer_size();
        let State::Speaker(Speaker::Opo(file)) = &mut self.state else {
            return;
        };
        while file.owed_ends > 0 {
            if !self.outbox.data_is_open() {
                if file.credit == 0 {
                    return;
                }
                file.credit -= 1;
                self.outbox.open_data();
            }
            self.outbox.pack_empty_end(size);
            file.owed_ends -= 1;
        }
    }

    /// Sends EFID once everything before it is out and there is credit.
    fn try_to_close(&mut self) {
        let State::Speaker(Speaker::Opo(file)) = &self.state else {
            return;
        };
        let Some(totals) = file.closing.filter(|_| file.owed_ends == 0) else {
            return;
        };
        let out_of_credit = file.credit == 0;
        self.outbox.close_data();
        if !out_of_credit {
            self.send(&Command::Efid(totals));
            self.outbox.end_file();
            self.state = State::Speaker(Speaker::Clop);
        }
    }

    fn buffer_size(&self) -> usize {
        self.agreement
            .as_ref()
            .map_or(0, |agreed| agreed.buffer_size as usize)
    }

    fn compression(&self) -> bool {
        self.agreement
            .as_ref()
            .is_some_and(|agreed| agreed.compression)
    }
}

/// EFIDUCNT has twelve digits up to level 1.4: the file, in blocks of 1024 octets.
const LARGEST_OF_LEVEL_14: u64 = 999_999_999_999 / 1024;
