//! Our receipt is owed no more.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::ReceiptState;
use crate::transition::VerbName;

/// The partner confirmed our receipt (RTR): owed → given.
#[derive(Debug)]
pub(crate) struct ResponseTaken;

/// Our receipt is a NERP, which is not supported at the partner's level: owed → given, and the history of the file says
/// why.
#[derive(Debug)]
pub(crate) struct ResponseClosed {
    pub(crate) why: String,
}

impl Verb for ResponseTaken {
    fn name(&self) -> VerbName {
        VerbName::ResponseTaken
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        if !give(row) {
            return Ok(Effect::Repeated);
        }
        row.note("response-taken", "");
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then_some(Entry::Given)
    }
}

impl Verb for ResponseClosed {
    fn name(&self) -> VerbName {
        VerbName::ResponseClosed
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        if !give(row) {
            return Ok(Effect::Repeated);
        }
        row.reason = Some(self.why.clone());
        row.note("receipt-closed", &*self.why);
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then_some(Entry::Given)
    }
}

/// Whether it was owed.
fn give(row: &mut Row) -> bool {
    let Some(receipt) = row.owed_mut() else {
        return false;
    };
    receipt.state = ReceiptState::Given;
    receipt.leased_to = None;
    true
}
