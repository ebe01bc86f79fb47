//! The partner sends (RFC 5024, 9.12): a file is offered, received, closed, and promised.

pub(super) mod closing;
mod comparing;
mod file_checks;
mod file_refusal;
mod judging;
pub(super) mod offering;
mod partial;
pub(super) mod received;
pub(super) mod receiving;
mod routing;
mod secured;
