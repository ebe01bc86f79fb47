//! The contents of transfers: written as they arrive, read as they are sent, compared with what was queued.

pub(crate) mod blocking;
pub(crate) mod checking;
pub(crate) mod intake;
pub(crate) mod padding;
pub(crate) mod records;
