//! Why TLS is not possible with a certificate or key.

use std::fmt;

use crate::security::error::KeyringError;

/// A certificate or key that cannot be used. Its text says which, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl From<KeyringError> for TlsError {
    fn from(error: KeyringError) -> Self {
        Self(error.to_string())
    }
}

/// An error about a file, a certificate, or TLS.
pub(super) fn wrong(what: impl fmt::Display, why: &dyn fmt::Display) -> TlsError {
    TlsError(format!("{what}: {why}"))
}
