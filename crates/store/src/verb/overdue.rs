//! The receipt of a file has not come in time.

use std::time::{Duration, SystemTime};

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// Sent → Overdue, if it was sent so long ago.
#[derive(Debug)]
pub(crate) struct Overdue {
    pub(crate) deadline: Duration,
    pub(crate) at: SystemTime,
}

impl Verb for Overdue {
    fn name(&self) -> VerbName {
        VerbName::Overdue
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if file.state != OutboundState::Sent {
            return Err(Unfit::State);
        }
        // It was sent while the clock was ahead: the real time is unknown, but is not later than now.
        let sent = file.sent_at.unwrap_or(SystemTime::UNIX_EPOCH).min(self.at);
        file.sent_at = Some(sent);
        let is_late = self
            .at
            .checked_sub(self.deadline)
            .is_some_and(|last| sent <= last);
        if !is_late {
            return Ok(Effect::Repeated);
        }
        file.state = OutboundState::Overdue;
        row.note(self.name().in_history(), "its receipt has not come in time");
        Ok(Effect::Changed)
    }
}
