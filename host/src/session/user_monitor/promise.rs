//! What may be said only when it is durable: EFPA, EFID, EERP and NERP, RTR.
//!
//! Each takes the proof that only a committed verb of the ledger gives, so that saying it too early does not
//! compile. The engine's own methods for them are called nowhere else in this program (`host/clippy.toml`).
#![expect(
    clippy::disallowed_methods,
    reason = "this is the place they are allowed in"
)]

use oftp::{CloseAnswer, CloseTicket, Counts, FileReason, ResponseTicket, Session, TurnTicket};
use pointsman_store::transition::reached;
use pointsman_store::{Acknowledgement, InDoubt, OwedResponse, Persisted, Stored};

use super::responding::swapped;

/// EFPA: the file is here, and ours.
pub(super) fn efpa(
    session: &mut Session,
    ticket: CloseTicket,
    change_direction: bool,
    _stored: Persisted<Stored>,
) {
    // Whoever comes too late has a session that is over; what is written down stays true.
    reached("wire.efpa.before");
    let _ = session.answer_close(ticket, CloseAnswer::Accept { change_direction });
    reached("wire.efpa.after");
}

/// EFNA: nothing is promised, so nothing is to be proved.
pub(super) fn efna(session: &mut Session, ticket: CloseTicket, reason: FileReason, text: String) {
    let _ = session.answer_close(ticket, CloseAnswer::Refuse { reason, text });
}

/// EERP or NERP: the end of the file is decided, and the receipt stays owed until RTR. `unswapped` for partners
/// that want the stations as the file had them (RFC 5024, 5.3.13, swaps them).
pub(super) fn receipt(
    session: &mut Session,
    ticket: TurnTicket,
    owed: Persisted<Box<OwedResponse>>,
    unswapped: bool,
) {
    let response = owed.into_inner().response;
    let response = if unswapped {
        swapped(&response)
    } else {
        response
    };
    reached("wire.receipt.before");
    let _ = session.respond(ticket, response);
    reached("wire.receipt.after");
}

/// EFID: from now on only the peer knows whether it has the file.
pub(super) fn efid(session: &mut Session, counts: Counts, _in_doubt: Persisted<InDoubt>) {
    reached("wire.efid.before");
    let _ = session.close_file(counts);
    reached("wire.efid.after");
}

/// RTR: the receipt is recorded, or answers nothing of ours.
pub(super) fn rtr(
    session: &mut Session,
    ticket: ResponseTicket,
    _recorded: Persisted<Acknowledgement>,
) {
    reached("wire.rtr.before");
    let _ = session.answer_response(ticket);
    reached("wire.rtr.after");
}
