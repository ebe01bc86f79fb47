//! EFPA came: the partner has every octet.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// → Sent, from any state that an operator's order led to in the meantime. A receipt may overtake EFPA where two
/// sessions run at once.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) note: String,
}

impl Verb for Sent {
    fn name(&self) -> VerbName {
        VerbName::Sent
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if !file.state.is_unsent() {
            return Ok(Effect::Repeated);
        }
        file.sent_at = Some(now);
        row.move_to(OutboundState::Sent, None);
        row.note(self.name().in_history(), &*self.note);
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::State(OutboundState::Sent, None))
    }
}
