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
    /// A command did not read it, since it does not need it.
    #[error("{place}: this command does not read it, or cannot know its password")]
    NotRead {
        /// The key of the configuration.
        place: String,
    },
    /// The configuration has none for it.
    #[error("there is nothing for {purpose}: add one under {place}")]
    Nothing {
        /// The key of the configuration where it would stand.
        place: String,
        /// What it would be for.
        purpose: &'static str,
    },
    /// There are some, and none is valid at the time.
    #[error(
        "nothing for {purpose} is valid now: {there}; add a certificate that is, under {place}"
    )]
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
    /// The key of the configuration that it is about.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Unusable { place, .. }
            | Self::NotRead { place }
            | Self::Nothing { place, .. }
            | Self::NoneValid { place, .. } => place,
        }
    }

    pub(super) fn unusable(place: &str, why: String) -> Self {
        Self::Unusable {
            place: place.to_owned(),
            why,
        }
    }
}
