//! Our receipt is signed.

use std::time::SystemTime;

use oftp::Response;

use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::transition::VerbName;

/// Stays where it is: the receipt that is owed gets its hash and its signature, and goes out with the same octets each
/// time from then on. One that has a signature keeps it, be it ours or that of somebody else.
#[derive(Debug)]
pub(crate) struct Sign {
    pub(crate) hash: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Verb for Sign {
    fn name(&self) -> VerbName {
        VerbName::Signed
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let receipt = row.owed_mut().ok_or(Unfit::State)?;
        let (hash, signature) = match &mut receipt.response {
            Response::Positive(eerp) => (&mut eerp.hash, &mut eerp.signature),
            Response::Negative(nerp) => (&mut nerp.hash, &mut nerp.signature),
        };
        if !signature.is_empty() {
            return Ok(Effect::Repeated);
        }
        hash.clone_from(&self.hash);
        signature.clone_from(&self.signature);
        row.note(self.name().in_history(), "");
        Ok(Effect::Changed)
    }

    fn entry(&self, row: &Row, effect: Effect) -> Option<Entry> {
        let receipt = row.receipt.as_ref()?;
        (effect == Effect::Changed).then(|| Entry::Signed(receipt.response.clone()))
    }
}
