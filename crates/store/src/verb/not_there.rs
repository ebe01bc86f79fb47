//! The partner answered that it does not have a file.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// A Ready file is in doubt no more. It stays known that an EFID was sent.
#[derive(Debug)]
pub(crate) struct NotThere;

impl Verb for NotThere {
    fn name(&self) -> VerbName {
        VerbName::NotThere
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if file.state == OutboundState::Ready {
            file.in_doubt = false;
        }
        row.note(self.name().in_history(), "the partner says so");
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::InDoubt(false))
    }
}
