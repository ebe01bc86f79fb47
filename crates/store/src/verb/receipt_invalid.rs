//! The partner's receipt came, and is not taken for what it says.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::note::Note;
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::state_reason::StateReason;
use crate::transition::VerbName;

/// Stays where it is: the file continues to wait for its receipt, and says why it does.
#[derive(Debug)]
pub(crate) struct ReceiptInvalid {
    pub(crate) note: Note,
}

/// Why the last receipt of a file that waits for one was not taken, by the reason of its row; none where that is another.
pub(crate) fn why_invalid(row: &Row) -> Option<&str> {
    match row.reason.as_ref()? {
        StateReason::ReceiptInvalid(why) => Some(why),
        StateReason::Words(_) => None,
    }
}

impl Verb for ReceiptInvalid {
    fn name(&self) -> VerbName {
        VerbName::ReceiptInvalid
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound().ok_or(Unfit::State)?;
        let (state, may_have) = (file.state, file.may_have);
        if state.is_unsent() && !may_have {
            return Err(Unfit::State);
        }
        row.note_often(None, self.name().in_history(), self.note.clone());
        if !matches!(state, OutboundState::Sent | OutboundState::Overdue) {
            return Ok(Effect::Changed);
        }
        let is_first = why_invalid(row).is_none();
        row.reason = Some(StateReason::ReceiptInvalid(self.note.text.clone()));
        Ok(match is_first {
            true => Effect::Changed,
            false => Effect::Repeated,
        })
    }

    /// The first of a file that waits for its receipt: a partner may send as many as it likes.
    fn entry(&self, row: &Row, effect: Effect) -> Option<Entry> {
        let why = why_invalid(row)?;
        (effect == Effect::Changed).then(|| Entry::ReceiptInvalid(why.to_owned()))
    }
}
