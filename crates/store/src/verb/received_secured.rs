//! A secured file is all here, as it is on the wire.

use std::time::SystemTime;

use oftp::Position;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::ReceivedSecured;

/// Receiving → Opening. The ledger makes one of a content that is sealed
/// ([`Ledger::received_secured`](crate::Ledger::received_secured)).
#[derive(Debug)]
pub(crate) struct ReceiveSecured(pub(crate) ReceivedSecured);

impl Verb for ReceiveSecured {
    fn name(&self) -> VerbName {
        VerbName::ReceivedSecured
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let Self(received) = self;
        let measure = &received.measure;
        let is_same = row.measure.digest == measure.digest;
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match file.state {
            InboundState::Receiving => {}
            InboundState::Opening if is_same => return Ok(Effect::Repeated),
            InboundState::Opening => return Err(Unfit::Content),
            _ => return Err(Unfit::State),
        }
        file.state = InboundState::Opening;
        file.position = Position {
            octets: measure.octets,
            ..file.position
        };
        file.target = received.target.clone();
        file.received_at = Some(now);
        row.measure = measure.clone();
        row.counts = received.counts;
        row.wire_hash.clone_from(&received.wire_hash);
        row.labels = received.labels.clone();
        let what = format!(
            "{} octets as on the wire, blake3 {}; {}",
            measure.octets, measure.digest, received.note.text
        );
        row.note(self.name().in_history(), received.note.with_text(what));
        Ok(Effect::Changed)
    }

    /// It may take long to open the file, and an older ledger must not have it discarded meanwhile.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::Received)
    }
}
