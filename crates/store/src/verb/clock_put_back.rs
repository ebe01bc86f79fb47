//! The clock was ahead, and shows an earlier time now.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::transition::VerbName;

/// A question that was put off while the clock was ahead is due now: a policy may choose any delay, so the intended one
/// is unknown.
#[derive(Debug)]
pub(crate) struct ClockPutBack {
    /// When the question was put off, by the clock of that time.
    pub(crate) put_off: SystemTime,
}

impl Verb for ClockPutBack {
    fn name(&self) -> VerbName {
        VerbName::ClockPutBack
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        let decision = &mut file.decision;
        let is_to_come = decision.ask_at.is_some_and(|when| when > now);
        if !(decision.waits && is_to_come && self.put_off > now) {
            return Ok(Effect::Repeated);
        }
        decision.ask_at = Some(now);
        Ok(Effect::Changed)
    }
}
