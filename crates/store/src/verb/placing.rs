//! The visible path of a file is chosen, before the rename.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Received → Placing.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) path: String,
}

impl Verb for Placing {
    fn name(&self) -> VerbName {
        VerbName::Placing
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match file.state {
            // A folder that cannot be written is tried again for days.
            InboundState::Placing if file.path.as_ref() == Some(&self.path) => {
                return Ok(Effect::Repeated);
            }
            InboundState::Received | InboundState::Placing => {}
            _ => return Err(Unfit::State),
        }
        file.state = InboundState::Placing;
        file.path = Some(self.path.clone());
        row.note(self.name().in_history(), &*self.path);
        Ok(Effect::Changed)
    }

    /// It is appended before the rename, so that a rebuilt ledger knows the path of a content that has left. A repeated
    /// one appends it too, since a crash may have come before the first.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::Placing(self.path.clone()))
    }
}
