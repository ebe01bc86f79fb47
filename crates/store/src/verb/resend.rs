//! A file that was sent, answered, parked or cancelled is queued once more, as a new transfer.

use std::time::SystemTime;

use super::enqueue::queued;
use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transfer::{NewFile, TransferId};
use crate::transition::VerbName;

/// The old row stays as it is; its history names the new one.
#[derive(Debug)]
pub(crate) struct Resend {
    pub(crate) new: TransferId,
}

impl Verb for Resend {
    fn name(&self) -> VerbName {
        VerbName::Resend
    }

    fn apply(&self, row: &mut Row, _: SystemTime) -> Result<Effect, Unfit> {
        use OutboundState::{Held, Ready};
        let file = row.outbound().ok_or(Unfit::State)?;
        if matches!(file.state, Ready | Held) {
            return Err(Unfit::State);
        }
        row.note(
            self.name().in_history(),
            format!("again as transfer {}", self.new),
        );
        Ok(Effect::Changed)
    }
}

/// The row of the new transfer, whose history names the old one, and the entry for its sidecar.
pub(crate) fn queued_again(old: TransferId, file: &NewFile, now: SystemTime) -> (Row, Entry) {
    let (mut new, ready) = queued(file, now);
    new.note(
        VerbName::Resend.in_history(),
        format!("again what was transfer {old}"),
    );
    (new, ready)
}
