//! The wire below a session.

pub(crate) mod tls;
pub(crate) mod wire;
