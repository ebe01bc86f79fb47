//! Sending the data of an open file: credit, records, the end (RFC 5024, 4.4, 4.5, 9.11).

use crate::command::{Command, Kind};
use crate::{Counts, Leniency, NotNow, SessionReason};

use super::Session;
use super::abort::Abort;
use super::notices::Notice;
use super::state::{SessionState, Speaking};

impl Session {
    /// How many octets of the open file [`send_data`](Self::send_data) takes now, were they one
    /// record. 0 while out of credit, and while enough waits to be transmitted (256 KiB, whatever
    /// the window).
    pub fn want_data(&self) -> usize {
        match &self.state {
            SessionState::Speaking(Speaking::Opo(file)) if file.takes_data() => self
                .transmit_buffer
                .data_room(self.buffer_size(), file.credit),
            _ => 0,
        }
    }

    /// Hands over octets of the open file; gives back how many were taken, which may be fewer.
    ///
    /// A file that [goes in records](crate::FileHeader::goes_in_records) is handed over record by record,
    /// each in one call or several, `end_of_record` in the last: it counts once all octets of the
    /// call are taken. Any other file is one record: its end may be said here, or be left to
    /// [`close_file`](Self::close_file). Small records share DATA buffers. Call it while
    /// [`want_data`](Self::want_data) is above 0.
    ///
    /// # Errors
    /// [`NotNow`] if no file is open to send, or its end was already said.
    pub fn send_data(&mut self, octets: &[u8], end_of_record: bool) -> Result<usize, NotNow> {
        if !matches!(&self.state, SessionState::Speaking(Speaking::Opo(file)) if file.takes_data())
        {
            return Err(self.not_now());
        }
        self.timers.touch();
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
            SessionState::Speaking(Speaking::Opo(file)) if file.totals.is_none() => {
                let records = if file.in_records { totals.records } else { 0 };
                file.totals = Some(Counts { records, ..totals });
                file.in_record
            }
            _ => return Err(self.not_now()),
        };
        self.timers.touch();
        if in_record {
            self.end_record();
        }
        self.try_to_close();
        Ok(())
    }

    /// CDT: in OPOWFC where it belongs (O), in OPO and CLOP too early (P). It never adds up.
    pub(super) fn take_credit(&mut self) -> Result<(), Abort> {
        let window = self.window();
        let early =
            !matches!(&self.state, SessionState::Speaking(Speaking::Opo(file)) if file.credit == 0);
        if early {
            self.tolerate(
                Leniency::EarlyCredit,
                Kind::Cdt,
                SessionReason::ProtocolViolation,
            )?;
        }
        let SessionState::Speaking(Speaking::Opo(file)) = &mut self.state else {
            return Ok(());
        };
        file.credit = window;
        let takes_data = file.takes_data();
        self.settle_ends();
        if takes_data && !early {
            self.emit(Notice::MoreData);
        }
        self.try_to_close();
        Ok(())
    }

    /// Packs octets into DATA buffers as far as credit and room go.
    fn pack(&mut self, octets: &[u8]) -> usize {
        let (size, compression) = (self.buffer_size(), self.compression());
        let SessionState::Speaking(Speaking::Opo(file)) = &mut self.state else {
            return 0;
        };
        let mut rest = octets;
        while !rest.is_empty() {
            if !self.transmit_buffer.data_is_open() {
                if !file.may_begin_data() || self.transmit_buffer.is_full() {
                    break;
                }
                file.credit = file.credit.saturating_sub(1);
                self.transmit_buffer.open_data();
            }
            let taken = self.transmit_buffer.pack(rest, size, compression);
            rest = rest.get(taken..).unwrap_or_default();
        }
        let taken = octets.len() - rest.len();
        file.in_record |= taken > 0;
        taken
    }

    /// Ends a record: in the header of its last subrecord, or with an empty one.
    fn end_record(&mut self) {
        let SessionState::Speaking(Speaking::Opo(file)) = &mut self.state else {
            return;
        };
        let marked = file.in_record && self.transmit_buffer.mark_end_of_record();
        file.in_record = false;
        if !marked {
            file.owed_ends = file.owed_ends.saturating_add(1);
        }
        self.settle_ends();
    }

    /// Writes the empty subrecords that are owed, as far as credit goes.
    fn settle_ends(&mut self) {
        let size = self.buffer_size();
        let SessionState::Speaking(Speaking::Opo(file)) = &mut self.state else {
            return;
        };
        while file.owed_ends > 0 {
            if !self.transmit_buffer.data_is_open() {
                if file.credit == 0 {
                    return;
                }
                file.credit -= 1;
                self.transmit_buffer.open_data();
            }
            self.transmit_buffer.pack_empty_end(size);
            file.owed_ends -= 1;
        }
    }

    /// Sends EFID once everything before it is out and there is credit.
    fn try_to_close(&mut self) {
        let SessionState::Speaking(Speaking::Opo(file)) = &self.state else {
            return;
        };
        let Some(totals) = file.totals.filter(|_| file.owed_ends == 0) else {
            return;
        };
        let may_close = file.may_close();
        self.transmit_buffer.close_data();
        if may_close {
            self.send(&Command::Efid(totals));
            self.spare.release();
            self.enter(Speaking::Clop);
        }
    }

    pub(super) fn buffer_size(&self) -> usize {
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
