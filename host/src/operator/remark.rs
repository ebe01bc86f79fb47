//! What there is to say of certificates and keys, one by one.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::utc_time::UtcTime;

/// How many days before its end a certificate is warned of, each time once.
const WARNED_BEFORE: [u64; 5] = [60, 30, 14, 7, 1];

/// How many of those marks a certificate has passed that ends in so many days.
pub(super) fn stage(days: u64) -> usize {
    WARNED_BEFORE.iter().filter(|mark| days <= **mark).count()
}

/// How bad a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RemarkLevel {
    /// As it should be.
    Good,
    /// Sessions come about, for now or with most partners.
    Warning,
    /// Sessions that need this fail.
    Error,
}

/// What there is to say of one certificate or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// How bad it is.
    pub severity: RemarkLevel,
    /// The key of the configuration.
    pub place: String,
    /// What there is to say.
    pub text: String,
    /// When the certificate ends, where the remark is about one.
    pub ends: Option<UtcTime>,
    /// How many of the marks of [`WARNED_BEFORE`] it has passed.
    pub stage: usize,
}

impl Remark {
    /// The key of the partner's profile that it is about, where it is about one.
    #[must_use]
    pub(crate) fn key_of_partner(&self, name: &str) -> Option<&str> {
        let key = self.place.strip_prefix("partners.")?.strip_prefix(name)?;
        // Of a partner whose name continues behind a point it is not.
        key.strip_prefix('.').filter(|key| !key.contains('.'))
    }

    /// Whether it is about what every partner sees: the certificates of our listeners.
    #[must_use]
    pub(crate) fn is_of_station(&self) -> bool {
        !self.place.starts_with("partners.")
    }

    /// The same about a certificate that ends then, in seconds since 1970.
    #[must_use]
    pub(super) fn ending(self, not_after: u64, stage: usize) -> Self {
        let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(not_after);
        Self {
            ends: Some(UtcTime(ends)),
            stage,
            ..self
        }
    }

    pub(crate) fn new(severity: RemarkLevel, place: &str, text: String) -> Self {
        Self {
            severity,
            place: place.to_owned(),
            text,
            ends: None,
            stage: 0,
        }
    }
}
