//! A secured file is opened.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{Opened, Verdict};

/// Opening → Received; with a negative verdict Opening → Rejected, and the NERP is owed. The ledger makes one of a plain
/// content that is sealed ([`Ledger::opened`](crate::Ledger::opened)).
#[derive(Debug)]
pub(crate) struct Open(pub(crate) Opened);

impl Verb for Open {
    fn name(&self) -> VerbName {
        VerbName::Opened
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let Self(opened) = self;
        let plain = &opened.plain;
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match (file.state, &file.plain) {
            (InboundState::Opening, _) => {}
            (InboundState::Received, Some(before)) if before == plain => {
                return Ok(Effect::Repeated);
            }
            (InboundState::Received, Some(_)) => return Err(Unfit::Content),
            _ => return Err(Unfit::State),
        }
        file.state = InboundState::Received;
        file.plain = Some(plain.clone());
        file.target = opened.target.clone();
        file.decision.follow(&opened.verdict);
        row.counts = opened.counts;
        row.labels = opened.labels.clone();
        row.complete_wire_hash(opened.wire_hash.as_ref());
        let what = format!(
            "{} octets, blake3 {}; {}",
            plain.octets, plain.digest, opened.found.text
        );
        row.note(self.name().in_history(), opened.found.with_text(what));
        // By the time of this line a clock that was ahead is found out.
        row.note(VerbName::Decided.in_history(), opened.note.clone());
        if let Verdict::Negative(nerp) = &opened.verdict {
            row.note_removal(opened.removal);
            row.reject(nerp, now);
        }
        Ok(Effect::Changed)
    }

    fn entry(&self, row: &Row, effect: Effect) -> Option<Entry> {
        let Self(opened) = self;
        (effect == Effect::Changed).then(|| Entry::Opened {
            target: opened.target.clone(),
            verdict: opened.verdict.clone(),
            labels: opened.labels.clone(),
            wire_hash: row.wire_hash.clone(),
            found: opened.found.clone(),
        })
    }
}
