//! The partner sent something after our EFPA, so it has the EFPA.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::transition::VerbName;

/// Changes no state: offered again, the file is a duplicate.
#[derive(Debug)]
pub(crate) struct Confirmed;

impl Verb for Confirmed {
    fn name(&self) -> VerbName {
        VerbName::Confirmed
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound_mut().ok_or(Unfit::State)?;
        if std::mem::replace(&mut file.confirmed, true) {
            return Ok(Effect::Repeated);
        }
        Ok(Effect::Changed)
    }
}
