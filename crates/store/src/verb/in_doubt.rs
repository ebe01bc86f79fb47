//! EFID leaves: from now on it is not known whether the partner has the file.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// Every octet was handed over and EFID is about to leave. Only for a Ready file: where an operator has decided
/// otherwise, EFID must not be sent.
#[derive(Debug)]
pub(crate) struct Doubt;

impl Verb for Doubt {
    fn name(&self) -> VerbName {
        VerbName::InDoubt
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if file.state != OutboundState::Ready {
            return Err(Unfit::State);
        }
        file.in_doubt = true;
        file.may_have = true;
        row.note(self.name().in_history(), "EFID leaves");
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::InDoubt(true))
    }
}
