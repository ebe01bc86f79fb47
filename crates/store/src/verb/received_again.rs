//! The same file came once more, because its sender never saw our EFPA.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::measure::Measure;
use crate::row::Row;
use crate::state::InboundState;
use crate::transition::VerbName;

/// Changes no state: says whether the content is that of the file that is here.
#[derive(Debug)]
pub(crate) struct ReceivedAgain {
    pub(crate) measure: Measure,
}

impl Verb for ReceivedAgain {
    fn name(&self) -> VerbName {
        VerbName::ReceivedAgain
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        let file = row.inbound().ok_or(Unfit::State)?;
        if file.state == InboundState::Receiving {
            return Err(Unfit::State);
        }
        let Measure { octets, digest } = &self.measure;
        let (effect, what) = if row.measure.digest == *digest {
            let what = "the same content; EFPA once more".to_owned();
            (Effect::Repeated, what)
        } else {
            let what = format!("not the same: {octets} octets, blake3 {digest}");
            (Effect::Differs, what)
        };
        row.note_often(None, self.name().in_history(), what);
        Ok(effect)
    }
}
