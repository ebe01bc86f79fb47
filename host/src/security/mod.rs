//! File security, receipts and sessions: with which keys and certificates.

pub(crate) mod error;
#[allow(
    dead_code,
    reason = "what opens, wraps and authenticates asks for them, and is not there yet"
)]
pub(crate) mod keyring;
mod stores;
