//! A session gets a file to send, or a receipt: which one goes first, and what becomes of it.

use std::cmp::Reverse;
use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::queue::Files;
use crate::row::Row;
use crate::state::OutboundState;
use crate::transfer::TransferId;
use crate::transition::VerbName;

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

/// The file is that session's, and its attempt is counted.
#[derive(Debug)]
pub(crate) struct ClaimFile<'a> {
    pub(crate) session: &'a str,
    /// Of the policies that decide in it.
    pub(crate) generation: Option<u64>,
}

/// The receipt is that session's.
#[derive(Debug)]
pub(crate) struct ClaimResponse<'a> {
    pub(crate) session: &'a str,
}

impl Verb for ClaimFile<'_> {
    fn name(&self) -> VerbName {
        VerbName::Claim
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if file.state != OutboundState::Ready {
            return Err(Unfit::State);
        }
        if file.leased_to.is_some() {
            return Err(Unfit::InSession);
        }
        file.leased_to = Some(self.session.to_owned());
        file.attempts += 1;
        file.breaks += 1;
        let attempt = file.attempts;
        let what = match self.generation {
            Some(generation) => format!("attempt {attempt}, policies of generation {generation}"),
            None => format!("attempt {attempt}"),
        };
        row.note("claimed", what);
        Ok(Effect::Changed)
    }
}

impl Verb for ClaimResponse<'_> {
    fn name(&self) -> VerbName {
        VerbName::Claim
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let receipt = row.owed_mut().ok_or(Unfit::State)?;
        if receipt.leased_to.is_some() {
            return Err(Unfit::InSession);
        }
        receipt.leased_to = Some(self.session.to_owned());
        receipt.tries += 1;
        Ok(Effect::Changed)
    }
}
