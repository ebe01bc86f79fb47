//! So much of a partial is on the disk.

use std::time::SystemTime;

use oftp::Position;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Receiving → Receiving.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) at: Position,
}

impl Verb for Checkpoint {
    fn name(&self) -> VerbName {
        VerbName::Checkpoint
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if file.state != InboundState::Receiving {
            return Err(Unfit::State);
        }
        file.position = self.at;
        Ok(Effect::Changed)
    }
}
