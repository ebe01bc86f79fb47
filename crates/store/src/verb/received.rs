//! A file is all here.

use std::time::SystemTime;

use oftp::Position;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{Received, Verdict};

/// Receiving → Received; with a negative verdict Receiving → Rejected, and the NERP is owed; without a verdict, of a
/// secured file, Receiving → Opening. The ledger makes one of a content that is sealed
/// ([`Ledger::received`](crate::Ledger::received)).
#[derive(Debug)]
pub(crate) struct Receive(pub(crate) Received);

impl Verb for Receive {
    fn name(&self) -> VerbName {
        VerbName::Received
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let Self(received) = self;
        let effect = enter(row, received, now)?;
        if effect == Effect::Repeated {
            return Ok(effect);
        }
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if let Some(verdict) = &received.verdict {
            file.decision.follow(verdict);
        }
        // Last, since the history has the file before its NERP.
        if let Some(Verdict::Negative(nerp)) = &received.verdict {
            row.note_removal(received.removal);
            row.reject(nerp, now);
        }
        Ok(effect)
    }

    /// A file that is going to be delivered gets its entry with `placing`: one write less before EFPA. It may take long to
    /// open a secured one, and an older ledger must not have it discarded meanwhile.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        matches!(self.0.verdict, Some(Verdict::Negative(_)) | None).then_some(Entry::Received)
    }
}

/// Receiving → Received, or Opening: all of the file is here.
fn enter(row: &mut Row, received: &Received, now: SystemTime) -> Result<Effect, Unfit> {
    let (state, octets) = match received.verdict {
        Some(_) => (InboundState::Received, "octets"),
        None => (InboundState::Opening, "octets as on the wire"),
    };
    let measure = &received.measure;
    let is_same = row.measure.digest == measure.digest;
    let file = row.inbound_mut().ok_or(Unfit::State)?;
    match file.state {
        InboundState::Receiving => {}
        here if here == state && is_same => return Ok(Effect::Repeated),
        here if here == state => return Err(Unfit::Content),
        _ => return Err(Unfit::State),
    }
    file.state = state;
    file.position = Position {
        octets: measure.octets,
        ..file.position
    };
    file.target = received.target.clone();
    file.received_at = Some(now);
    row.measure = measure.clone();
    row.wire_hash.clone_from(&received.wire_hash);
    row.counts = received.counts;
    row.labels = received.labels.clone();
    let what = format!(
        "{} {octets}, blake3 {}; {}",
        measure.octets, measure.digest, received.note.text
    );
    row.note(
        VerbName::Received.in_history(),
        received.note.with_text(what),
    );
    Ok(Effect::Changed)
}
