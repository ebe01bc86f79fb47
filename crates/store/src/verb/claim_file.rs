//! A session gets a file to send.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::state::OutboundState;
use crate::transition::VerbName;

/// The file is that session's, and its attempt is counted.
#[derive(Debug)]
pub(crate) struct ClaimFile<'a> {
    pub(crate) session: &'a str,
    /// Of the policies that decide in it.
    pub(crate) generation: Option<u64>,
}

impl Verb for ClaimFile<'_> {
    fn name(&self) -> VerbName {
        VerbName::Claim
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if file.state != OutboundState::Ready {
            return Err(Unfit::State);
        }
        if file.leased_to.is_some() {
            return Err(Unfit::InSession);
        }
        file.leased_to = Some(self.session.to_owned());
        file.attempts += 1;
        file.breaks += 1;
        let attempt = file.attempts;
        let what = match self.generation {
            Some(generation) => format!("attempt {attempt}, policies of generation {generation}"),
            None => format!("attempt {attempt}"),
        };
        row.note(self.name().in_history(), what);
        Ok(Effect::Changed)
    }
}
