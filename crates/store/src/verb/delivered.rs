//! The file is in its folder.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::planted;
use crate::row::Row;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Placing → Delivered, and the receipt is owed in the same transaction, unless its decision waits.
#[derive(Debug)]
pub(crate) struct Delivered;

impl Verb for Delivered {
    fn name(&self) -> VerbName {
        VerbName::Delivered
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match file.state {
            InboundState::Delivered => {
                let owed = row.owe_positive(now);
                return Ok(if owed {
                    Effect::Changed
                } else {
                    Effect::Repeated
                });
            }
            InboundState::Placing => file.state = InboundState::Delivered,
            _ => return Err(Unfit::State),
        }
        if !planted("receipt-in-its-own-transaction") {
            row.owe_positive(now);
        }
        row.note(self.name().in_history(), "");
        Ok(Effect::Changed)
    }
}
