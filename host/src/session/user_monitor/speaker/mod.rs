//! We send (RFC 5024, 9.10, 9.11): our turn is planned, a file is offered, sent, and concluded.

mod feeding;
mod opening;
mod outcome;
pub(super) mod sending;
pub(super) mod turn;
