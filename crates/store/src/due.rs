//! What is due: the files and receipts that a session may have now, and the questions that are to be asked.
//!
//! These rules on a row decide. A back-end narrows down in its own language what it reads; where that alone must be
//! fast, it is to find the same.

use std::time::{Duration, SystemTime};

use crate::queue::Longest;
use crate::row::{Course, Row};
use crate::state::{InboundState, OutboundState, ReceiptState};

impl Row {
    /// Whether a session may have the file to send, or the receipt of the received file: no session has it, and it does
    /// not back off.
    pub(crate) fn is_due(&self, now: SystemTime, longest: Longest) -> bool {
        match &self.course {
            Course::Outbound(file) => {
                file.state == OutboundState::Ready
                    && file.leased_to.is_none()
                    && !backs_off(file.not_before, now, longest.file)
            }
            Course::Inbound(_) => self.receipt.as_ref().is_some_and(|receipt| {
                receipt.state == ReceiptState::Owed
                    && receipt.leased_to.is_none()
                    && !backs_off(receipt.not_before, now, longest.receipt)
            }),
        }
    }

    /// Whether the question about the receipt of the received file is to be asked. Where an operator decides, it is
    /// not.
    pub(crate) fn is_to_be_asked(&self, now: SystemTime) -> bool {
        self.inbound().is_some_and(|file| {
            file.state == InboundState::Delivered
                && file.decision.waits
                && file.decision.ask_at.is_some_and(|when| when <= now)
        })
    }
}

/// Whether a wait until then is not over. One that would last longer than the longest was written while the clock was
/// ahead: its end is unknown, so it counts as over.
fn backs_off(until: Option<SystemTime>, now: SystemTime, longest: Duration) -> bool {
    let latest = now.checked_add(longest);
    until.is_some_and(|until| until > now && latest.is_none_or(|latest| until <= latest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    #[test]
    fn a_wait_is_over_at_its_end_and_counts_as_over_where_no_clock_that_was_right_wrote_it() {
        let minute = Duration::from_secs(60);
        assert!(!backs_off(None, at(100), minute));
        assert!(!backs_off(Some(at(100)), at(100), minute));
        assert!(backs_off(Some(at(101)), at(100), minute));
        assert!(backs_off(Some(at(160)), at(100), minute));
        assert!(!backs_off(Some(at(161)), at(100), minute));
        assert!(backs_off(Some(at(161)), at(100), Duration::MAX));
    }
}
