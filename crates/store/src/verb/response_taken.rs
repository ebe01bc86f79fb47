//! The partner confirmed our receipt.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::transition::VerbName;

/// RTR came: owed → given.
#[derive(Debug)]
pub(crate) struct ResponseTaken;

impl Verb for ResponseTaken {
    fn name(&self) -> VerbName {
        VerbName::ResponseTaken
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        if !row.give_receipt() {
            return Ok(Effect::Repeated);
        }
        row.note(self.name().in_history(), "");
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then_some(Entry::Given)
    }
}
