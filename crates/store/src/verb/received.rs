//! A file is all here.

use std::time::SystemTime;

use oftp::Position;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{AllHere, Received, Verdict};

/// Receiving → Received; with a negative verdict Receiving → Rejected, and the NERP is owed. The ledger makes one of a
/// content that is sealed ([`Ledger::received`](crate::Ledger::received)).
#[derive(Debug)]
pub(crate) struct Receive(pub(crate) Received);

impl Verb for Receive {
    fn name(&self) -> VerbName {
        VerbName::Received
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let Self(received) = self;
        let all_here = AllHere::from(received);
        let effect = enter(row, all_here, InboundState::Received, "octets", now)?;
        if effect == Effect::Repeated {
            return Ok(effect);
        }
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        file.decision.follow(&received.verdict);
        // Last, since the history has the file before its NERP.
        if let Verdict::Negative(nerp) = &received.verdict {
            row.reject(nerp, now);
        }
        Ok(effect)
    }

    /// A file that is going to be delivered gets its entry with `placing`: one write less before EFPA.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        matches!(self.0.verdict, Verdict::Negative(_)).then_some(Entry::Received)
    }
}

/// Receiving → `state`, where all of the file is here; `octets` says what was counted of it.
pub(super) fn enter(
    row: &mut Row,
    received: AllHere<'_>,
    state: InboundState,
    octets: &str,
    now: SystemTime,
) -> Result<Effect, Unfit> {
    let measure = received.measure;
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
    row.wire_hash = received.wire_hash.cloned();
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
