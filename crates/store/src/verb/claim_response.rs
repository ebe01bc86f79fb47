//! A session gets a receipt to send.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::transition::VerbName;

/// The receipt is that session's.
#[derive(Debug)]
pub(crate) struct ClaimResponse<'a> {
    pub(crate) session: &'a str,
}

impl Verb for ClaimResponse<'_> {
    fn name(&self) -> VerbName {
        VerbName::Claim
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let receipt = row.owed_mut().ok_or(Unfit::State)?;
        if receipt.leased_to.is_some() {
            return Err(Unfit::InSession);
        }
        receipt.leased_to = Some(self.session.to_owned());
        receipt.tries += 1;
        Ok(Effect::Changed)
    }
}
