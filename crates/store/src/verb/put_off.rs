//! The partner refused a file for now.

use std::time::SystemTime;

use super::{Effect, PutBack, Unfit, Verb};
use crate::row::Row;
use crate::transition::VerbName;

/// It goes back to the queue, as by [`PutBack`], and the refusal is counted instead of a broken session.
#[derive(Debug)]
pub(crate) struct PutOff(pub(crate) PutBack);

impl Verb for PutOff {
    fn name(&self) -> VerbName {
        VerbName::Refused
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        if let Some(file) = row.outbound_mut() {
            file.refusals += 1;
            file.breaks = 0;
        }
        self.0.apply(row, now)
    }
}
