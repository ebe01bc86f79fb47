//! What may happen to a transfer. Each verb is a value whose rule is a pure function on the row.
//!
//! Each file here is a verb: its name, the states that it leads from and to, and its entry in the sidecar. The ledger's
//! back-end reads the row, applies the verb and writes what has changed; a lost ledger is rebuilt by the same rules,
//! from the sidecars' entries ([`crate::replay`]).

mod acknowledged;
mod begin;
mod checkpoint;
mod claim_file;
mod claim_response;
mod clock_put_back;
mod confirmed;
mod decided;
mod delivered;
mod enqueue;
mod forwarded;
mod found_delivered;
mod found_here;
mod found_unknown;
mod free;
mod hashed;
mod in_doubt;
mod not_opened;
mod not_there;
mod offer;
mod opened;
mod order;
mod overdue;
mod park;
mod placing;
mod put_back;
mod put_off;
mod receipt_invalid;
mod received;
mod received_again;
mod resend;
mod response_closed;
mod response_taken;
mod sent;
mod signed;
mod stamp;
#[cfg(test)]
mod table;
#[cfg(test)]
mod told;

use std::fmt;
use std::time::SystemTime;

pub(crate) use self::acknowledged::Acknowledged;
pub(crate) use self::begin::Begin;
pub(crate) use self::checkpoint::Checkpoint;
pub(crate) use self::claim_file::ClaimFile;
pub(crate) use self::claim_response::ClaimResponse;
pub(crate) use self::clock_put_back::ClockPutBack;
pub(crate) use self::confirmed::Confirmed;
pub(crate) use self::decided::DecideReceipt;
pub(crate) use self::delivered::Delivered;
pub(crate) use self::enqueue::queued;
pub(crate) use self::forwarded::Forwarded;
pub(crate) use self::found_delivered::FoundDelivered;
pub(crate) use self::found_here::FoundHere;
pub(crate) use self::found_unknown::FoundUnknown;
pub(crate) use self::free::Free;
pub(crate) use self::hashed::Hashed;
pub(crate) use self::in_doubt::Doubt;
pub(crate) use self::not_opened::RefuseToOpen;
pub(crate) use self::not_there::NotThere;
pub(crate) use self::offer::{another, known, lets_another_be_received, offer, standing};
pub(crate) use self::opened::Open;
pub(crate) use self::order::Ordered;
pub(crate) use self::overdue::Overdue;
pub(crate) use self::park::Park;
pub(crate) use self::placing::Placing;
pub(crate) use self::put_back::PutBack;
pub(crate) use self::put_off::PutOff;
pub(crate) use self::receipt_invalid::{ReceiptInvalid, why_invalid};
pub(crate) use self::received::Receive;
pub(crate) use self::received_again::ReceivedAgain;
pub(crate) use self::resend::{Resend, queued_again};
pub(crate) use self::response_closed::ResponseClosed;
pub(crate) use self::response_taken::ResponseTaken;
pub(crate) use self::sent::Sent;
pub(crate) use self::signed::Sign;
pub(crate) use self::stamp::Stamp;
use crate::error::LedgerError;
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::Direction;
use crate::transition::VerbName;

/// Something that may happen to a transfer that has a row.
pub trait Verb: fmt::Debug + Send + Sync {
    /// Its name, for errors and for the points where the campaigns kill the program.
    fn name(&self) -> VerbName;

    /// The same, or the word of the order where one verb stands for several orders.
    fn word(&self) -> &'static str {
        self.name().as_str()
    }

    /// Changes the row.
    ///
    /// # Errors
    /// The verb does not apply to the state of the row, which must then be left as it was.
    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit>;

    /// The entry that must be durable in the sidecar before the row is changed, and the direction of the file.
    fn entry_before(&self) -> Option<(Direction, Entry)> {
        None
    }

    /// The entry for the sidecar, appended once the change is committed; `row` is the changed row. It is not synced.
    fn entry(&self, row: &Row, effect: Effect) -> Option<Entry> {
        let _ = (row, effect);
        None
    }
}

/// What a verb did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It led the file or its receipt on.
    Changed,
    /// It had done so before: the row stands.
    Repeated,
    /// The content that came differs from the one that is here: the row stays as it is, and its history says so.
    Differs,
}

/// Why a verb does not apply to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It does not lead on from the row's state.
    State,
    /// The content is another.
    Content,
    /// A session has the file.
    InSession,
}

impl Unfit {
    pub(crate) fn of(self, verb: &dyn Verb, row: &Row) -> LedgerError {
        match self {
            Self::State => LedgerError::WrongState {
                id: row.id,
                state: row.state(),
                verb: verb.word(),
            },
            Self::Content => LedgerError::OtherContent(row.id),
            Self::InSession => LedgerError::InSession(row.id),
        }
    }
}
