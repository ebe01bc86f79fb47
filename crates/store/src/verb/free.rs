//! A session is over: what it has is free.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::transition::VerbName;

/// What that session has is due now.
#[derive(Debug)]
pub(crate) struct Free<'a> {
    pub(crate) session: &'a str,
}

impl Verb for Free<'_> {
    fn name(&self) -> VerbName {
        VerbName::Free
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let is_its = |lease: &Option<String>| lease.as_deref() == Some(self.session);
        let mut freed = false;
        if let Some(file) = row.outbound_mut()
            && is_its(&file.leased_to)
        {
            file.leased_to = None;
            file.not_before = Some(now);
            freed = true;
        }
        if let Some(receipt) = &mut row.receipt
            && is_its(&receipt.leased_to)
        {
            receipt.leased_to = None;
            receipt.not_before = Some(now);
            freed = true;
        }
        if !freed {
            return Ok(Effect::Repeated);
        }
        row.note(self.name().in_history(), "the session that had it is gone");
        Ok(Effect::Changed)
    }
}
