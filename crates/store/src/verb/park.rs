//! A file will not be sent until an operator says so.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// Ready → Parked.
#[derive(Debug)]
pub(crate) struct Park {
    pub(crate) why: String,
}

impl Verb for Park {
    fn name(&self) -> VerbName {
        VerbName::Park
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        use OutboundState::{Parked, Ready};
        let file = row.outbound().ok_or(Unfit::State)?;
        if !matches!(file.state, Ready | Parked) {
            return Err(Unfit::State);
        }
        row.move_to(Parked, Some(&self.why));
        row.note(self.name().in_history(), &*self.why);
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::State(OutboundState::Parked, Some(self.why.clone())))
    }
}
