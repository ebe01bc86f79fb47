//! Receiving the data of an open file: credit, records, the end (RFC 5024, 4.4, 4.5, 9.12).

use crate::answer::CreditTicket;
use crate::buffer;
use crate::command::{Command, Kind};
use crate::{Closing, Counts, Leniency, NotNow, SessionReason, Tolerance};

use super::Session;
use super::abort::Abort;
use super::notices::Notice;
use super::state::{Listening, SessionState};

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
            SessionState::WfNdisc | SessionState::Idle => return Err(self.not_now()),
            SessionState::Listening(Listening::Opi(file)) if now && file.credit == 0 => {
                file.credit = window;
                self.send(&Command::Cdt);
            }
            _ => (),
        }
        self.timers.touch();
        Ok(())
    }

    /// DATA in OPI (9.12, I), straight from where it was received.
    pub(super) fn take_data(&mut self, payload: &[u8]) -> Result<(), Abort> {
        let compression = self
            .agreement
            .as_ref()
            .is_some_and(|agreed| agreed.compression);
        self.check_size(payload)?;
        let SessionState::Listening(Listening::Opi(file)) = &mut self.state else {
            return Ok(());
        };
        if file.credit == 0 {
            return Err(Abort::violation("DATA beyond the credit that was given"));
        }
        let Some(data) = self.notices.data(|| self.spare.take()) else {
            return Ok(());
        };
        let (octets, ends) = (data.octets().len(), data.record_ends().len());
        let hollow = buffer::unpack(payload, compression, data)?;
        let new_ends = data.record_ends().get(ends..).unwrap_or_default();
        let (first, last) = (
            new_ends.first(),
            new_ends.last().copied().unwrap_or_default(),
        );
        // Without records a file is one record, whose end is the file's: octets behind an end show that the partner marks
        // ends inside it.
        let continues = data.octets().len()
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
        let stray = continues && !file.in_records && !file.tolerated_records;
        file.tolerated_records |= stray;
        if stray {
            self.tolerate(
                Leniency::RecordsInStream,
                Kind::Data,
                SessionReason::InvalidData,
            )?;
        }
        if used_up {
            let moment = self.notices.ask();
            self.emit(Notice::WindowUsedUp(moment));
        }
        Ok(())
    }

    /// Speaks of the first DATA buffer of a file that is too long. How long it may be at most was
    /// seen to when it was admitted.
    fn check_size(&mut self, payload: &[u8]) -> Result<(), Abort> {
        let agreed = self.buffer_size();
        let SessionState::Listening(Listening::Opi(file)) = &mut self.state else {
            return Ok(());
        };
        if payload.len() < agreed || file.tolerated_size {
            return Ok(());
        }
        file.tolerated_size = true;
        self.tolerate(
            Leniency::OversizedData,
            Kind::Data,
            SessionReason::BufferSize,
        )
    }

    /// EFID in OPI (J). It ends the last record even if nothing else did.
    pub(super) fn take_end_of_file(&mut self, announced: Counts) -> Result<(), Abort> {
        let SessionState::Listening(Listening::Opi(file)) = &self.state else {
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
        // The partner has counted the record that EFID ends.
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
            self.emit(Notice::Tolerated(Tolerance { leniency, what }));
        }
        let closing = self.judge_totals(Closing {
            announced,
            received,
            counts_records: in_records || counted && !self.params.tolerances.stream_record_counts,
            forgiven: false,
        });
        let moment = self.notices.ask();
        self.emit(Notice::FileClosed(moment, closing));
        self.spare.release();
        self.enter(Listening::Clip);
        Ok(())
    }

    /// Forgives totals that differ, if that is allowed; if not, the caller refuses the file (EFNA),
    /// and the session continues.
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
        self.emit(Notice::Tolerated(Tolerance {
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
