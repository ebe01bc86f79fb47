//! A rebuilt ledger finds that a file was delivered.

use std::time::SystemTime;

use super::{Delivered, Effect, Unfit, Verb};
use crate::row::Row;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Received or Placing → Delivered, as by [`Delivered`]: the content has left the spool, or something is written down
/// that can only follow a delivery. That it was placed may have been lost.
#[derive(Debug)]
pub(crate) struct FoundDelivered;

impl Verb for FoundDelivered {
    fn name(&self) -> VerbName {
        VerbName::Delivered
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if file.state == InboundState::Received {
            file.state = InboundState::Placing;
        }
        Delivered.apply(row, now)
    }
}
