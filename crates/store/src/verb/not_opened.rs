//! A secured file is not opened: it cannot be, or must not be.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::note::Note;
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{NotOpened, Verdict};

/// Opening → Rejected, and the NERP is owed.
#[derive(Debug)]
pub(crate) struct RefuseToOpen(pub(crate) NotOpened);

impl Verb for RefuseToOpen {
    fn name(&self) -> VerbName {
        VerbName::NotOpened
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let Self(failed) = self;
        let file = row.inbound().ok_or(Unfit::State)?;
        if file.state != InboundState::Opening {
            return Err(Unfit::State);
        }
        row.complete_wire_hash(failed.wire_hash.as_ref());
        row.note(self.name().in_history(), failed.note.clone());
        row.note_removal(failed.removal);
        row.reject(&failed.nerp, now);
        Ok(Effect::Changed)
    }

    fn entry(&self, row: &Row, _: Effect) -> Option<Entry> {
        let file = row.inbound()?;
        Some(Entry::Opened {
            target: file.target.clone(),
            verdict: Verdict::Negative(self.0.nerp.clone()),
            labels: row.labels.clone(),
            wire_hash: row.wire_hash.clone(),
            found: Note::default(),
        })
    }
}
