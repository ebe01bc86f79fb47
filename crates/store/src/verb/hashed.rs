//! The hash of a received file as it was transmitted is known.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::wire_hash::WireHash;

/// Stays where it is: a file that is all here gets the hash that its receipt is to carry. The first one stays.
#[derive(Debug)]
pub(crate) struct Hashed {
    pub(crate) hash: WireHash,
}

impl Verb for Hashed {
    fn name(&self) -> VerbName {
        VerbName::Hashed
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound().ok_or(Unfit::State)?;
        if file.state == InboundState::Receiving {
            return Err(Unfit::State);
        }
        if row.wire_hash.is_some() {
            return Ok(Effect::Repeated);
        }
        row.complete_wire_hash(Some(&self.hash));
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then(|| Entry::Hashed(self.hash.clone()))
    }
}
