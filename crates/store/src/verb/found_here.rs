//! A rebuilt ledger finds that a file was not renamed.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Placing → Received: the content is still in the spool, so that it is delivered again. Delivered → Received, too,
/// where nothing is decided about its receipt.
#[derive(Debug)]
pub(crate) struct FoundHere;

impl Verb for FoundHere {
    fn name(&self) -> VerbName {
        VerbName::Placing
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let is_undecided = row.receipt.is_none();
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        match file.state {
            InboundState::Received => Ok(Effect::Repeated),
            InboundState::Placing | InboundState::Delivered if is_undecided => {
                file.state = InboundState::Received;
                Ok(Effect::Changed)
            }
            _ => Err(Unfit::State),
        }
    }
}
