//! What a session knows of the file that is open, either way: credit, records, totals.

use crate::buffer::Hollow;
use crate::{Counts, SessionReason};

use super::abort::Abort;

/// Subrecords without any meaning that one DATA buffer may have, and DATA buffers without any that may come in a row.
/// The RFC has a use for neither; what is beyond costs us work and brings nothing.
const HOLLOW: usize = 16;

/// A file that is being received (OPI).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OpenInput {
    /// DATA buffers the partner may still send.
    pub(super) credit: u16,
    pub(super) in_records: bool,
    /// Octets came since the last end of record.
    pub(super) in_record: bool,
    /// An end of record came, which in a file of one record is its end.
    pub(super) ended: bool,
    /// That there are records inside a file of one record was tolerated before.
    pub(super) tolerated_records: bool,
    /// That a buffer is too long was tolerated before.
    pub(super) tolerated_size: bool,
    /// DATA buffers that brought nothing, since one that did.
    hollow: usize,
    pub(super) received: Counts,
}

impl OpenInput {
    pub(super) fn begin(in_records: bool, credit: u16, received: Counts) -> Self {
        Self {
            credit,
            in_records,
            in_record: false,
            ended: false,
            tolerated_records: false,
            tolerated_size: false,
            hollow: 0,
            received,
        }
    }

    /// Counts what a DATA buffer brought: how many octets, how many ends, octets after the last end.
    pub(super) fn count(&mut self, octets: usize, ends: usize, after_last_end: usize) {
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
    pub(super) fn bound_hollow(
        &mut self,
        hollow: Hollow,
        octets: usize,
        ends: usize,
    ) -> Result<(), Abort> {
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
        Err(Abort::new(SessionReason::InvalidData, text))
    }
}

/// A file that is being sent (OPO, OPOWFC).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OpenOutput {
    /// DATA buffers that may still be begun.
    pub(super) credit: u16,
    pub(super) in_records: bool,
    /// A record was begun and not ended. A file of one record begins in it.
    pub(super) in_record: bool,
    /// Ends of record that found no space yet.
    pub(super) owed_ends: u64,
    /// The totals, once everything was handed over.
    pub(super) totals: Option<Counts>,
}

impl OpenOutput {
    pub(super) fn begin(in_records: bool, credit: u16) -> Self {
        Self {
            credit,
            in_records,
            in_record: !in_records,
            owed_ends: 0,
            totals: None,
        }
    }

    /// A file of one record takes nothing after its end.
    pub(super) fn takes_data(&self) -> bool {
        self.totals.is_none() && (self.in_records || self.in_record)
    }

    /// Whether another DATA buffer may be begun with octets.
    pub(super) fn may_begin_data(&self) -> bool {
        self.credit > 0 || planted!(DataWithoutCredit)
    }

    /// EFID is forbidden while waiting for credit (RFC 5024, 9.11.3).
    pub(super) fn may_close(&self) -> bool {
        self.credit > 0 || planted!(EfidWithoutCredit)
    }
}
