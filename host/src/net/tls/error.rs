//! A certificate or key that cannot be used.

use std::path::Path;

/// A certificate or key that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct TlsError {
    what: String,
    why: String,
}

/// An error about a file, or about TLS.
pub(super) fn wrong(what: impl AsRef<Path>, why: &dyn std::fmt::Display) -> TlsError {
    TlsError {
        what: what.as_ref().display().to_string(),
        why: why.to_string(),
    }
}
