//! Why there is no key or certificate.

/// Why there is no key or certificate for a purpose. Its text has the place in the configuration, the store, the
/// certificates, and what to do; nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// A store cannot be read, or what is meant in it is of no use.
    #[error("{place}: {why}")]
    Unusable {
        /// The key of the configuration.
        place: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The configuration has none for it.
    #[error("{place} has nothing for {purpose}: add one")]
    Nothing {
        /// The key of the configuration where it would stand.
        place: String,
        /// What it would be for.
        purpose: &'static str,
    },
    /// There are some, and none is valid at the time.
    #[error("no certificate for {purpose} is valid now: {there}; add one that is to {place}")]
    NoneValid {
        /// The key of the configuration where a valid one would stand.
        place: String,
        /// What it would be for.
        purpose: &'static str,
        /// Those that there are, and when each is valid.
        there: String,
    },
}

impl KeyringError {
    pub(super) fn unusable(place: &str, why: String) -> Self {
        Self::Unusable {
            place: place.to_owned(),
            why,
        }
    }

    /// What a command did not read since it does not need it.
    pub(super) fn not_read(place: &str) -> Self {
        let why = "this command does not read it, or its password is not known here";
        Self::unusable(place, why.to_owned())
    }
}
