//! Planted mistakes: a program that makes one on purpose, to see whether the campaigns find it.
//!
//! Each mistake is one line at the place where it would be made. In a real build the answer is always no, and known
//! when it is built, so that nothing is left of the line. With the feature `planted` the environment chooses one:
//! `POINTSMAN_PLANTED=blob-not-synced`.

/// Whether this mistake is to be made.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn planted(_mistake: &str) -> bool {
    false
}

/// Whether this mistake is to be made.
#[cfg(feature = "planted")]
#[must_use]
pub fn planted(mistake: &str) -> bool {
    use std::sync::LazyLock;
    static CHOSEN: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("POINTSMAN_PLANTED").ok());
    CHOSEN.as_deref() == Some(mistake)
}
