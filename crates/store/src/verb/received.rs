//! A file is all here.

use std::time::SystemTime;

use oftp::Position;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{Received, Verdict};

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
        let measure = &received.measure;
        let is_same = row.measure.digest == measure.digest;
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match file.state {
            InboundState::Receiving => {}
            InboundState::Received if is_same => return Ok(Effect::Repeated),
            InboundState::Received => return Err(Unfit::Content),
            _ => return Err(Unfit::State),
        }
        file.state = InboundState::Received;
        file.position = Position {
            octets: measure.octets,
            ..file.position
        };
        file.target = received.target.clone();
        file.received_at = Some(now);
        file.decision.follow(&received.verdict);
        row.measure = measure.clone();
        row.wire_hash.clone_from(&received.wire_hash);
        row.counts = received.counts;
        row.labels = received.labels.clone();
        let what = format!(
            "{} octets, blake3 {}; {}",
            measure.octets, measure.digest, received.note.text
        );
        row.note(self.name().in_history(), received.note.with_text(what));
        // Last, since the history has the file before its NERP.
        if let Verdict::Negative(nerp) = &received.verdict {
            row.reject(nerp, now);
        }
        Ok(Effect::Changed)
    }

    /// A file that is going to be delivered gets its entry with `placing`: one write less before EFPA.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        matches!(self.0.verdict, Verdict::Negative(_)).then_some(Entry::Received)
    }
}
