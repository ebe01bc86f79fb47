//! Listening: files and responses that come in (RFC 5024, 9.12).

use crate::command::{Command, Efna, Kind, Sfna};
use crate::event::{CloseTicket, CreditTicket, FileTicket, ResponseTicket};
use crate::{
    CloseAnswer, Closing, Counts, FileAnswer, FileHeader, Leniency, NotNow, Response,
    SessionReason, buffer,
};

use super::abort::Refusal;
use super::notices::Notice;
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
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::IdleLi => "IDLELI",
            Self::IdleLiCd => "IDLELICD",
            Self::Opip(_) => "OPIP",
            Self::Opi(_) => "OPI",
            Self::Clip => "CLIP",
            Self::Rtrp => "RTRP",
        }
    }

    pub(super) fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IdleLi => &[Kind::Sfid, Kind::Eerp, Kind::Nerp, Kind::Cd],
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

/// A file that is being received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OpenInput {
    /// DATA buffers the partner may still send.
    credit: u16,
    in_records: bool,
    /// Octets came since the last end of record.
    in_record: bool,
    /// An end of record came, which in a file of one record is its end.
    ended: bool,
    /// Records inside a file of one record were already spoken of.
    told_of_records: bool,
    received: Counts,
}

impl OpenInput {
    /// Counts what a DATA buffer brought: how many octets, how many ends, octets after the last end.
    fn count(&mut self, octets: usize, ends: usize, after_last_end: usize) {
        self.credit -= 1;
        self.received.octets = self.received.octets.saturating_add(octets as u64);
        if self.in_records {
            self.received.records = self.received.records.saturating_add(ends as u64);
        }
        self.in_record = if ends > 0 {
            after_last_end > 0
        } else {
            self.in_record || octets > 0
        };
        self.ended |= ends > 0;
    }
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

    /// OPI: lets the partner send another window (CDT). Does nothing if the partner has ended the
    /// file without waiting.
    ///
    /// # Errors
    /// [`NotNow`] if the session ended meanwhile.
    pub fn grant_credit(&mut self, ticket: CreditTicket) -> Result<(), NotNow> {
        let window = self.window();
        let now = self.notices.is_now(ticket.moment);
        match &mut self.state {
            State::Ending(_) => return Err(self.not_now()),
            State::Listener(Listener::Opi(file)) if now && file.credit == 0 => {
                file.credit = window;
                self.send(&Command::Cdt);
            }
            _ => (),
        }
        self.clock.touch();
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
                self.send(&Command::Efpa(change_direction));
                if change_direction {
                    self.state = State::Speaker(Speaker::WfCd);
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
        self.send(&Command::Rtr);
        self.state = State::Listener(Listener::IdleLi);
        Ok(())
    }

    pub(super) fn take_listening(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Sfid(header) => return self.take_file(header),
            Command::Efid(announced) => return self.take_end_of_file(announced),
            Command::Eerp(eerp) => self.take_response(Response::Positive(*eerp)),
            Command::Nerp(nerp) => self.take_response(Response::Negative(*nerp)),
            Command::Cd => self.your_turn(Speaker::IdleSpCd),
            _ => (),
        }
        Ok(())
    }

    /// DATA in OPI (9.12, I), straight from where it was received.
    pub(super) fn take_data(&mut self, payload: &[u8]) -> Result<(), Refusal> {
        let compression = self
            .agreement
            .as_ref()
            .is_some_and(|agreed| agreed.compression);
        let (State::Listener(Listener::Opi(file)), outbox) = (&mut self.state, &mut self.outbox)
        else {
            return Ok(());
        };
        if file.credit == 0 {
            return Err(Refusal::violation("DATA beyond the credit that was given"));
        }
        let Some(data) = self.notices.data(|| outbox.spare(payload.len())) else {
            return Ok(());
        };
        let (octets, ends) = (data.octets.len(), data.record_ends.len());
        buffer::unpack(payload, compression, data)?;
        let new_ends = data.record_ends.get(ends..).unwrap_or_default();
        let (first, last) = (
            new_ends.first(),
            new_ends.last().copied().unwrap_or_default(),
        );
        let goes_on = data.octets.len()
            > if file.ended {
                octets
            } else {
                first.copied().unwrap_or(usize::MAX)
            };
        let (ends, after_last_end) = (new_ends.len(), data.octets.len() - last);
        file.count(data.octets.len() - octets, ends, after_last_end);
        let used_up = file.credit == 0;
        let stray = goes_on && !file.in_records && !file.told_of_records;
        file.told_of_records |= stray;
        if stray {
            self.tolerate(
                Leniency::RecordsInStream,
                Kind::Data,
                SessionReason::InvalidData,
            )?;
        }
        if used_up {
            let moment = self.notices.ask();
            self.tell(Notice::WindowUsedUp(moment));
        }
        Ok(())
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
        self.send(&Command::Sfpa(restart));
        self.state = State::Listener(Listener::Opi(OpenInput {
            credit: self.window(),
            in_records: offered.in_records,
            in_record: false,
            ended: false,
            told_of_records: false,
            received: Counts {
                records,
                octets: octets_held,
            },
        }));
    }

    /// EFID in OPI (J). It ends the last record even if nothing else did.
    fn take_end_of_file(&mut self, announced: Counts) -> Result<(), Refusal> {
        let State::Listener(Listener::Opi(file)) = &self.state else {
            return Ok(());
        };
        let (credit, in_records, in_record) = (file.credit, file.in_records, file.in_record);
        let mut received = file.received;
        if credit == 0 {
            self.tolerate(
                Leniency::EarlyEndOfFile,
                Kind::Efid,
                SessionReason::ProtocolViolation,
            )?;
        }
        if in_record {
            self.tolerate(
                Leniency::MissingEndOfRecord,
                Kind::Efid,
                SessionReason::InvalidData,
            )?;
        }
        if in_record && in_records {
            received.records = received.records.saturating_add(1);
            if let Some(data) = self.notices.data(Vec::new) {
                data.record_ends.push(data.octets.len());
            }
        }
        let moment = self.notices.ask();
        self.tell(Notice::FileClosed(
            moment,
            Closing {
                announced,
                received,
                counts_records: in_records,
            },
        ));
        self.outbox.end_file();
        self.state = State::Listener(Listener::Clip);
        Ok(())
    }

    /// EERP and NERP in IDLELI and IDLELICD (E, L).
    fn take_response(&mut self, response: Response) {
        self.state = State::Listener(Listener::Rtrp);
        let moment = self.notices.ask();
        self.tell(Notice::ResponseOffered(moment, Box::new(response)));
    }

    pub(super) fn window(&self) -> u16 {
        self.agreement.as_ref().map_or(1, |agreed| agreed.credit)
    }
}
