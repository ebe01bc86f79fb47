//! Which of the things that are due to a partner goes first.

use std::cmp::Reverse;
use std::time::SystemTime;

use crate::queue::Files;
use crate::row::Row;
use crate::transfer::TransferId;

/// After this many sessions that ended with it unfinished, a file or a receipt is taken after all others: it may be what
/// breaks them.
pub(crate) const YIELD_AFTER: u32 = 2;

/// In which order goes what is due: the smallest first. A back-end may ask its storage for the first one in its own
/// language, but is to find the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Precedence {
    /// What [`YIELD_AFTER`] sessions broke off with goes last.
    yields: bool,
    among: Among,
}

/// The order among those that yield, and among those that do not: receipts before files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Among {
    /// The oldest first.
    Receipts(SystemTime, TransferId),
    /// By their place among those that are wanted, where these are named; then by priority; then as an operator ordered
    /// them; then the oldest first.
    Files(usize, Reverse<u8>, Option<SystemTime>, TransferId),
}

impl Precedence {
    /// Of the receipt of a received file; none where there is no receipt.
    pub(crate) fn of_receipt(row: &Row) -> Option<Self> {
        let receipt = row.receipt.as_ref()?;
        Some(Self {
            yields: receipt.tries >= YIELD_AFTER,
            among: Among::Receipts(receipt.created, row.id),
        })
    }

    /// Of a file to send; none where it is not wanted.
    pub(crate) fn of_file(row: &Row, wanted: &Files) -> Option<Self> {
        let place = match wanted {
            Files::None => return None,
            Files::Any => 0,
            Files::Only(ids) => ids.iter().position(|id| *id == row.id)?,
        };
        let file = row.outbound()?;
        Some(Self {
            yields: file.breaks >= YIELD_AFTER,
            among: Among::Files(place, Reverse(file.priority), file.ordered, row.id),
        })
    }

    /// Whether no file can go before it, so that files need not be looked at.
    pub(crate) fn is_before_any_file(&self) -> bool {
        !self.yields && matches!(self.among, Among::Receipts(..))
    }
}
