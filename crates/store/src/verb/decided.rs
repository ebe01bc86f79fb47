//! The receipt of a delivered file that waited is decided.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::note::Note;
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::Verdict;

/// Delivered → Delivered, the EERP is owed or the question waits again; or → Rejected, and the NERP is owed. It changes
/// nothing where the receipt does not wait any more, since a receipt is decided once.
#[derive(Debug)]
pub(crate) struct DecideReceipt {
    pub(crate) verdict: Verdict,
    pub(crate) note: Note,
}

impl Verb for DecideReceipt {
    fn name(&self) -> VerbName {
        VerbName::Decided
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if file.state != InboundState::Delivered {
            return Err(Unfit::State);
        }
        if !file.decision.waits {
            return Ok(Effect::Repeated);
        }
        file.decision.end();
        file.decision.follow(&self.verdict);
        row.note(self.name().in_history(), self.note.clone());
        match &self.verdict {
            Verdict::Negative(nerp) => row.reject(nerp, now),
            _ => {
                row.owe_positive(now);
            }
        }
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then(|| Entry::Decided(self.verdict.clone()))
    }
}
