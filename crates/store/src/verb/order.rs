//! What an operator wants done with a queued file.

use std::time::SystemTime;

use super::{Effect, Unfit, Verb};
use crate::queue::Order;
use crate::row::{Outbound, Row};
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transfer::NewFile;
use crate::transition::VerbName;

/// See [`Order`] for what leads where.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) order: Order,
    pub(crate) why: String,
}

impl Order {
    /// The states that it applies to, including its own result, and the state that it leads to.
    fn course(self) -> (&'static [OutboundState], OutboundState) {
        use OutboundState::{Cancelled, Held, Parked, Ready};
        match self {
            Self::Hold => (&[Ready, Held], Held),
            Self::Release => (&[Ready, Held, Parked], Ready),
            Self::Park => (&[Ready, Held, Parked], Parked),
            Self::Cancel => (&[Ready, Held, Parked, Cancelled], Cancelled),
            Self::SendNow => (&[Ready], Ready),
        }
    }
}

impl Verb for Ordered {
    fn name(&self) -> VerbName {
        VerbName::Order
    }

    fn word(&self) -> &'static str {
        self.order.as_str()
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let (from, to) = self.order.course();
        let file = row.outbound_mut().ok_or(Unfit::State)?;
        if !from.contains(&file.state) {
            return Err(Unfit::State);
        }
        if self.order == Order::SendNow {
            send_now(file, now);
        } else if file.state == to {
            return Ok(Effect::Repeated);
        } else if file.leased_to.is_some() {
            // Whoever sends the file decides about it as long as it sends.
            return Err(Unfit::InSession);
        } else {
            start_over(file, self.order, now);
            row.move_to(to, Some(&*self.why).filter(|_| to != OutboundState::Ready));
        }
        row.note(self.order.as_str(), &*self.why);
        Ok(Effect::Changed)
    }

    fn entry(&self, row: &Row, _: Effect) -> Option<Entry> {
        let file = row.outbound()?;
        Some(Entry::State(file.state, Some(self.why.clone())))
    }
}

/// It becomes due now, and not at 1970, so that the decision about calls sees a new item.
fn send_now(file: &mut Outbound, now: SystemTime) {
    file.not_before = Some(now);
    file.ordered = Some(now);
    file.priority = NewFile::URGENT;
    file.breaks = 0;
}

fn start_over(file: &mut Outbound, order: Order, now: SystemTime) {
    file.not_before = Some(now);
    file.breaks = 0;
    if order == Order::Release {
        file.refusals = 0;
        // The octets that the partner has may be of a content that was damaged here, so the file is not resumed.
        if file.state == OutboundState::Parked {
            file.attempts = 0;
        }
    }
}
