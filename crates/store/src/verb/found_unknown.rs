//! A rebuilt ledger does not know what became of a file to send in its sessions.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::transition::VerbName;

/// The partner is asked whether it has the file, which is due now; the time for its receipt starts over.
#[derive(Debug)]
pub(crate) struct FoundUnknown;

impl Verb for FoundUnknown {
    fn name(&self) -> VerbName {
        VerbName::InDoubt
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        file.in_doubt = true;
        file.may_have = true;
        file.attempts = 1;
        file.not_before = None;
        file.sent_at = Some(now);
        Ok(Effect::Changed)
    }
}
