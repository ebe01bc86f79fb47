//! A file, or a receipt, goes back to the queue.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// The session ended before the item was done: it is not tried before `when`.
#[derive(Debug)]
pub(crate) struct PutBack {
    pub(crate) when: SystemTime,
    pub(crate) why: String,
}

impl Verb for PutBack {
    fn name(&self) -> VerbName {
        VerbName::PutBack
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        if let Some(file) = row.outbound_mut()
            && file.state == OutboundState::Ready
        {
            file.leased_to = None;
            file.not_before = Some(self.when);
            row.reason = Some(self.why.clone().into());
        }
        if let Some(receipt) = row.owed_mut() {
            receipt.leased_to = None;
            receipt.not_before = Some(self.when);
        }
        row.note(self.name().in_history(), &*self.why);
        Ok(Effect::Changed)
    }
}
