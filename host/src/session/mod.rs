//! A session: from a socket, called or dialled, to its end.

mod clock;
pub(crate) mod dial;
mod drive;
pub(crate) mod ending;
mod in_flight;
pub(crate) mod listen;
pub(crate) mod user_monitor;
mod wire;
mod wire_io;
