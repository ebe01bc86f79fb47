//! Durable, then acknowledged: the commands that promise something leave here, and nowhere else in this program
//! (`host/clippy.toml`).
//!
//! | command | what it says | proof, from the verb of the ledger |
//! |---|---|---|
//! | EFPA | the file is here, and ours | `Persisted<Stored>`, `received` or `received_again` |
//! | EFID | we sent all of it | `Persisted<InDoubt>`, `in_doubt`: from now on only the partner knows whether it has the file |
//! | EERP, NERP | the end of the file is decided | `Persisted<Box<OwedResponse>>`, `claim`: the receipt stays owed until RTR |
//! | RTR | we have the receipt | `Persisted<Acknowledgement>`, `acknowledged` |
//!
//! Only the ledger makes a [`Persisted`], and only when its transaction is committed; and the verb `received` asks for a
//! [`Sealed`](pointsman_store::Sealed), which only the sealing of a content makes. So a promise that comes before its row
//! does not compile, nor, but for tests, does a row that comes before its content. That all promises leave here is a lint.
//!
//! EFNA promises nothing, and asks for no proof. Neither does SFPA: it says how much of the file is here, which holds
//! whatever becomes of the file (`offering.rs`). An EERP or NERP whose content cannot be read gets its RTR from the engine
//! (`pass_over`), or its sender would send it for ever: nothing of it is kept but an event, and no file has its receipt.
//!
//! An answer that comes too late finds a session that is over; what is written down stays true, so it is not an error.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the place they are allowed in"
)]

use oftp::{CloseAnswer, CloseTicket, Counts, FileReason, ResponseTicket, Session, TurnTicket};
use pointsman_store::transition::reached;
use pointsman_store::{Acknowledgement, InDoubt, OwedResponse, Persisted, Stored, TransferId};

use super::error::InternalError;

/// EFPA for that file: the proof has to be of the same one.
pub(super) fn efpa(
    session: &mut Session,
    ticket: CloseTicket,
    file: TransferId,
    wants_turn: bool,
    stored: Persisted<Stored>,
) -> Result<(), InternalError> {
    if *stored != Stored(file) {
        return Err(InternalError::OutOfStep("what is stored is another file"));
    }
    reached("wire.efpa.before");
    let change_direction = wants_turn;
    let _ = session.answer_close(ticket, CloseAnswer::Accept { change_direction });
    reached("wire.efpa.after");
    Ok(())
}

pub(super) fn efna(session: &mut Session, ticket: CloseTicket, reason: FileReason, text: String) {
    let _ = session.answer_close(ticket, CloseAnswer::Refuse { reason, text });
}

pub(super) fn efid(session: &mut Session, counts: Counts, _in_doubt: Persisted<InDoubt>) {
    reached("wire.efid.before");
    let _ = session.close_file(counts);
    reached("wire.efid.after");
}

/// EERP or NERP; `unswapped` for partners that want the stations as the file had them (RFC 5024, 5.3.13, swaps them).
pub(super) fn receipt(
    session: &mut Session,
    ticket: TurnTicket,
    owed: Persisted<Box<OwedResponse>>,
    unswapped: bool,
) {
    let response = owed.into_inner().response;
    let response = match unswapped {
        true => response.swapped(),
        false => response,
    };
    reached("wire.receipt.before");
    let _ = session.respond(ticket, response);
    reached("wire.receipt.after");
}

pub(super) fn rtr(
    session: &mut Session,
    ticket: ResponseTicket,
    _recorded: Persisted<Acknowledgement>,
) {
    reached("wire.rtr.before");
    let _ = session.answer_response(ticket);
    reached("wire.rtr.after");
}
