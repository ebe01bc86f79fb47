//! Receiving the data of an open file: credit, records, the end (RFC 5024, 4.4, 4.5, 9.12).

use crate::answer::CreditTicket;
use crate::buffer::{self, Hollow};
use crate::command::{Command, Kind};
use crate::{Closing, Counts, Leniency, NotNow, SessionReason, Tolerance};

use super::abort::Refusal;
use super::listener::Listener;
use super::notices::Notice;
use super::{Session, State};

/// Subrecords without any meaning that one DATA buffer may have, and DATA buffers without any that may come in a row.
/// The RFC has a use for neither; what is beyond costs us work and brings nothing.
const HOLLOW: usize = 16;

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
    /// A buffer that is too long was already spoken of.
    told_of_size: bool,
    /// DATA buffers that brought nothing, since one that did.
    hollow: usize,
    received: Counts,
}

impl OpenInput {
    pub(super) fn begin(in_records: bool, credit: u16, received: Counts) -> Self {
        Self {
            credit,
            in_records,
            in_record: false,
            ended: false,
            told_of_records: false,
            told_of_size: false,
            hollow: 0,
            received,
        }
    }

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

    /// Refuses DATA that says nothing, once there is much of it. An empty record says something only in a file of records.
    fn bound_hollow(&mut self, hollow: Hollow, octets: usize, ends: usize) -> Result<(), Refusal> {
        let (ends, empty_ends) = match self.in_records {
            true => (ends, 0),
            false => (ends - hollow.ends, hollow.ends),
        };
        let nothing = hollow.subrecords + empty_ends;
        self.hollow = if octets + ends > 0 {
            0
        } else {
            self.hollow + 1
        };
        let text = if nothing > HOLLOW {
            format!("DATA with {nothing} empty subrecords, and {HOLLOW} are the most")
        } else if self.hollow > HOLLOW {
            format!("more than {HOLLOW} DATA buffers in a row with nothing in them")
        } else {
            return Ok(());
        };
        Err(Refusal::new(SessionReason::InvalidData, &text))
    }
}

impl Session {
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
                file.credit = if planted!(CreditNotCounted) {
                    0
                } else {
                    window
                };
                self.send(&Command::Cdt);
            }
            _ => (),
        }
        self.clock.touch();
        Ok(())
    }

    /// DATA in OPI (9.12, I), straight from where it was received.
    pub(super) fn take_data(&mut self, payload: &[u8]) -> Result<(), Refusal> {
        let compression = self
            .agreement
            .as_ref()
            .is_some_and(|agreed| agreed.compression);
        self.check_size(payload)?;
        let (State::Listener(Listener::Opi(file)), outbox) = (&mut self.state, &mut self.outbox)
        else {
            return Ok(());
        };
        if file.credit == 0 {
            return Err(Refusal::violation("DATA beyond the credit that was given"));
        }
        let Some(data) = self.notices.data(|| outbox.spare()) else {
            return Ok(());
        };
        let (octets, ends) = (data.octets().len(), data.record_ends().len());
        let hollow = buffer::unpack(payload, compression, data)?;
        let new_ends = data.record_ends().get(ends..).unwrap_or_default();
        let (first, last) = (
            new_ends.first(),
            new_ends.last().copied().unwrap_or_default(),
        );
        let goes_on = data.octets().len()
            > if file.ended {
                octets
            } else {
                first.copied().unwrap_or(usize::MAX)
            };
        let (ends, after_last_end) = (new_ends.len(), data.octets().len() - last);
        let brought = data.octets().len() - octets;
        file.bound_hollow(hollow, brought, ends)?;
        file.count(brought, ends, after_last_end);
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

    /// Speaks of the first DATA buffer of a file that is too long. How long it may be at most was
    /// seen to when it was admitted.
    fn check_size(&mut self, payload: &[u8]) -> Result<(), Refusal> {
        let agreed = self.buffer_size();
        let State::Listener(Listener::Opi(file)) = &mut self.state else {
            return Ok(());
        };
        if payload.len() < agreed || file.told_of_size {
            return Ok(());
        }
        file.told_of_size = true;
        self.tolerate(
            Leniency::OversizedData,
            Kind::Data,
            SessionReason::BufferSize,
        )
    }

    /// EFID in OPI (J). It ends the last record even if nothing else did.
    pub(super) fn take_end_of_file(&mut self, announced: Counts) -> Result<(), Refusal> {
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
                data.end_record();
            }
        }
        let counted = !in_records && announced.records > 0;
        if counted && self.params.tolerances.stream_record_counts {
            let (leniency, records) = (Leniency::RecordCountOfStream, announced.records);
            let what = format!("EFID EFIDRCNT: {records} records");
            self.tell(Notice::Tolerated(Tolerance { leniency, what }));
        }
        let closing = self.judge_totals(Closing {
            announced,
            received,
            counts_records: in_records || counted && !self.params.tolerances.stream_record_counts,
            forgiven: false,
        });
        let moment = self.notices.ask();
        self.tell(Notice::FileClosed(moment, closing));
        self.outbox.end_file();
        if planted!(EfpaBeforeStored) {
            self.send(&Command::Efpa(false));
        }
        self.state = State::Listener(Listener::Clip);
        Ok(())
    }

    /// Forgives totals that differ, if that is allowed; if not, the caller refuses the file (EFNA),
    /// and the session goes on.
    fn judge_totals(&mut self, closing: Closing) -> Closing {
        let allowed = self.params.tolerances.wrong_counts;
        if !allowed || closing.difference().is_none() {
            return closing;
        }
        let Closing {
            announced,
            received,
            ..
        } = closing;
        let mut what = format!(
            "EFID in OPI: {} octets announced, {} received",
            announced.octets, received.octets
        );
        if closing.counts_records {
            what += &format!(
                "; {} records announced, {} received",
                announced.records, received.records
            );
        }
        self.tell(Notice::Tolerated(Tolerance {
            leniency: Leniency::WrongCounts,
            what,
        }));
        Closing {
            forgiven: true,
            ..closing
        }
    }

    pub(super) fn window(&self) -> u16 {
        self.agreement.as_ref().map_or(1, |agreed| agreed.credit)
    }
}
