//! The receipt that a delivered file waited for was made by somebody else.

use std::time::SystemTime;

use oftp::Response;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Delivered → Delivered, or → Rejected: the receipt is owed as it is, with its hash and its signature.
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) response: Response,
}

impl Verb for Forwarded {
    fn name(&self) -> VerbName {
        VerbName::Forwarded
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if file.state != InboundState::Delivered {
            return Err(Unfit::State);
        }
        if !file.decision.waits {
            return Ok(Effect::Repeated);
        }
        file.decision.end();
        row.note(
            self.name().in_history(),
            "the receipt of the file that was sent on",
        );
        match &self.response {
            Response::Negative(nerp) => row.reject(nerp, now),
            Response::Positive(_) => {
                row.owe_positive(now);
                if let Some(receipt) = &mut row.receipt {
                    receipt.response = self.response.clone();
                }
            }
        }
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then(|| Entry::Forwarded(self.response.clone()))
    }
}
