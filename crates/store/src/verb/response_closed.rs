//! Our receipt cannot be sent to the partner at all.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::transition::VerbName;

/// Our receipt is a NERP, which is not supported at the partner's level: owed → given, and the history of the file says
/// why.
#[derive(Debug)]
pub(crate) struct ResponseClosed {
    pub(crate) why: String,
}

impl Verb for ResponseClosed {
    fn name(&self) -> VerbName {
        VerbName::ResponseClosed
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        if !row.give_receipt() {
            return Ok(Effect::Repeated);
        }
        row.reason = Some(self.why.clone().into());
        row.note(self.name().in_history(), &*self.why);
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then_some(Entry::Given)
    }
}
