//! The partner's receipt came.

use std::time::SystemTime;

use oftp::Response;

use super::{Effect, Unfit, Verb};
use crate::row::{Receipt, Row, reason};
use crate::sidecar::Entry;
use crate::state::{OutboundState, ReceiptState};
use crate::transfer::CONTRADICTS;
use crate::transition::VerbName;

/// → Acknowledged or Rejected, also for a file that an operator parked or cancelled in the meantime, if the partner may
/// have it (the row says so before EFID is sent). The first receipt counts.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) response: Response,
    pub(crate) note: String,
}

impl Verb for Acknowledged {
    fn name(&self) -> VerbName {
        VerbName::Acknowledged
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let file = row.outbound().ok_or(Unfit::State)?;
        let is_positive = matches!(self.response, Response::Positive(_));
        match file.state {
            OutboundState::Acknowledged if is_positive => return Ok(Effect::Repeated),
            OutboundState::Rejected if !is_positive => return Ok(Effect::Repeated),
            state @ (OutboundState::Acknowledged | OutboundState::Rejected) => {
                let came = shown(&self.response);
                let what = format!("not taken: {came} came for a file that is `{state}`");
                row.note_often(None, CONTRADICTS, what);
                return Ok(Effect::Repeated);
            }
            state if state.is_unsent() && !file.may_have => return Err(Unfit::State),
            _ => {}
        }
        let response = self.response.clone();
        row.receipt = Some(Receipt::new(ReceiptState::Received, response, now));
        match &self.response {
            Response::Positive(_) => {
                row.move_to(OutboundState::Acknowledged, None);
                row.note(OutboundState::Acknowledged.as_str(), &*self.note);
            }
            Response::Negative(nerp) => {
                let why = reason(nerp);
                row.move_to(OutboundState::Rejected, Some(&why));
                let what = format!("{why}; {}", self.note);
                row.note(OutboundState::Rejected.as_str(), what);
            }
        }
        Ok(Effect::Changed)
    }

    fn entry(&self, _: &Row, effect: Effect) -> Option<Entry> {
        (effect == Effect::Changed).then(|| Entry::Answered(self.response.clone()))
    }
}

fn shown(response: &Response) -> String {
    match response {
        Response::Positive(_) => "an EERP".to_owned(),
        Response::Negative(nerp) => format!("NERP {}", reason(nerp)),
    }
}
