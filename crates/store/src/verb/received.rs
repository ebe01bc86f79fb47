//! A file is all here.

use std::time::SystemTime;

use oftp::Position;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{Received, Verdict};

/// Receiving → Received; with a negative verdict Receiving → Rejected, and the NERP is owed.
impl Verb for Received {
    fn name(&self) -> VerbName {
        VerbName::Received
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let seal = &self.seal;
        let is_same = row.seal.digest == seal.digest;
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match file.state {
            InboundState::Receiving => {}
            InboundState::Received if is_same => return Ok(Effect::Repeated),
            InboundState::Received => return Err(Unfit::Content),
            _ => return Err(Unfit::State),
        }
        file.state = InboundState::Received;
        file.position = Position {
            octets: seal.octets,
            ..file.position
        };
        file.target = self.target.clone();
        file.received_at = Some(now);
        match &self.verdict {
            Verdict::Later(when) => file.decision.ask(*when),
            Verdict::HandOver(when) => file.decision.hand_over(*when),
            Verdict::Positive | Verdict::Negative(_) => {}
        }
        row.seal = seal.clone();
        row.counts = self.counts;
        row.labels = self.labels.clone();
        let what = format!(
            "{} octets, blake3 {}; {}",
            seal.octets, seal.digest, self.note.text
        );
        row.note("received", self.note.with_text(what));
        if let Verdict::Negative(nerp) = &self.verdict {
            row.reject(nerp, now);
        }
        Ok(Effect::Changed)
    }

    /// A file that is going to be delivered gets its entry with `placing`: one write less before EFPA.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        matches!(self.verdict, Verdict::Negative(_)).then_some(Entry::Received)
    }
}
