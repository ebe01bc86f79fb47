//! A file that the partner cannot have gets another date and time.

use std::time::SystemTime;

use oftp::FileStamp;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::{Direction, OutboundState};
use crate::transition::VerbName;

/// Ready → Ready, where no EFID of it may have arrived.
#[derive(Debug)]
pub(crate) struct Stamp {
    pub(crate) stamp: FileStamp,
}

impl Verb for Stamp {
    fn name(&self) -> VerbName {
        VerbName::StampToTheSecond
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound().ok_or(Unfit::State)?;
        if file.state != OutboundState::Ready || file.in_doubt {
            return Err(Unfit::State);
        }
        let stamp = &self.stamp;
        row.header.key.stamp = stamp.clone();
        let what = format!("{stamp}: the partner's level has no counter to tell it from another");
        row.note(self.name().in_history(), what);
        Ok(Effect::Changed)
    }

    /// A rebuilt ledger must not offer under the old stamp what was sent under the new one.
    fn entry_before(&self) -> Option<(Direction, Entry)> {
        Some((Direction::Outbound, Entry::Stamped(self.stamp.clone())))
    }
}
