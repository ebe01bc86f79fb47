//! The partner's receipt came, and is not taken for what it says.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::note::Note;
use crate::row::Row;
use crate::state::OutboundState;
use crate::transfer::RECEIPT_INVALID;
use crate::transition::VerbName;

/// Stays where it is: the file continues to wait for its receipt, and says why it does.
#[derive(Debug)]
pub(crate) struct ReceiptInvalid {
    pub(crate) note: Note,
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
        if matches!(state, OutboundState::Sent | OutboundState::Overdue) {
            row.reason = Some(format!("{RECEIPT_INVALID}: {}", self.note.text));
        }
        Ok(Effect::Changed)
    }
}
