//! What fits together: a row with its receipt, and a row with its sidecar.

use crate::book::Book;
use crate::row::{Course, Inbound, Row};
use crate::sidecar::Record;
use crate::state::{InboundState, OutboundState, ReceiptState};

/// What is wrong with the receipt of a transfer, or with there being none.
pub(crate) fn wrong_receipt(book: &Book) -> Option<&'static str> {
    let receipt = book.row.receipt_state();
    let (wrong, of_another) = match &book.row.course {
        Course::Inbound(file) => (
            wrong_for_received(file, receipt),
            "its receipt is owed to another partner",
        ),
        Course::Outbound(file) => (
            wrong_for_sent(file.state, receipt),
            "its receipt is another partner's",
        ),
    };
    wrong.or((!book.receipt_fits).then_some(of_another))
}

/// A delivered file has one receipt or an open question. Of the other received files only rejected ones have a receipt.
fn wrong_for_received(file: &Inbound, receipt: Option<ReceiptState>) -> Option<&'static str> {
    let owes = matches!(receipt, Some(ReceiptState::Owed | ReceiptState::Given));
    match file.state {
        InboundState::Delivered => match (receipt, file.decision.waits) {
            (None, true) => None,
            (None, false) => {
                Some("delivered, and neither is a receipt owed nor does a question wait")
            }
            (Some(_), true) => {
                Some("it has its receipt, and the question of it waits all the same")
            }
            (Some(_), false) => {
                (!owes).then_some("its receipt is in a state that only sent files have")
            }
        },
        InboundState::Rejected => (!owes).then_some("rejected, and no NERP is owed or given"),
        _ => receipt
            .is_some()
            .then_some("a receipt for a file that is not delivered"),
    }
}

fn wrong_for_sent(state: OutboundState, receipt: Option<ReceiptState>) -> Option<&'static str> {
    use OutboundState::{Acknowledged, Rejected};
    let is_answered = matches!(state, Acknowledged | Rejected);
    match (is_answered, receipt) {
        (true, None) => Some("answered, and the partner's receipt is not there"),
        (false, Some(_)) => Some("the partner's receipt is there, and the row does not know"),
        (true, Some(state)) if state != ReceiptState::Received => {
            Some("its receipt is in a state that only received files have")
        }
        _ => None,
    }
}

/// What a sidecar says of a file that its row does not.
pub(crate) fn difference(record: &Record, row: &Row) -> Option<String> {
    let sidecar = &record.sidecar;
    if sidecar.partner != row.partner {
        return Some(format!(
            "it is of partner {}, its row of {}",
            sidecar.partner, row.partner
        ));
    }
    if !record.is_of(&row.header.key) {
        return Some(format!(
            "it is of {}, its row of {}",
            record.key(),
            row.header.key
        ));
    }
    if sidecar.edition != row.edition {
        return Some(format!(
            "it is edition {} of its identity, its row {}",
            sidecar.edition, row.edition
        ));
    }
    if sidecar.measure.octets != row.measure.octets || sidecar.measure.digest != row.measure.digest
    {
        return Some(format!(
            "it says {} octets, blake3 {}; its row {}, blake3 {}",
            sidecar.measure.octets, sidecar.measure.digest, row.measure.octets, row.measure.digest
        ));
    }
    let plain = row.inbound().and_then(|file| file.plain.as_ref());
    if let Some(plain) = plain.filter(|plain| record.plain() != Some(plain)) {
        return Some(format!(
            "its row tells of a plain content of {} octets, blake3 {}, and the sidecar does not",
            plain.octets, plain.digest
        ));
    }
    None
}

#[cfg(test)]
mod tests;
