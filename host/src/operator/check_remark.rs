//! What there is to say of a configuration, key by key.

use serde::{Deserialize, Serialize};

use super::remark::{Remark, RemarkLevel};

/// What there is to say of one key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckRemark {
    /// How bad it is.
    pub severity: RemarkLevel,
    /// The key of the configuration that it concerns.
    pub place: String,
    /// What there is to say.
    pub text: String,
    /// Whether a server that runs does not take up a configuration with it. What time does to certificates, and others to
    /// watched folders, keeps no other change out.
    pub keeps_out: bool,
}

impl CheckRemark {
    pub(super) fn error(place: impl Into<String>, text: impl ToString) -> Self {
        Self {
            severity: RemarkLevel::Error,
            place: place.into(),
            text: text.to_string(),
            keeps_out: true,
        }
    }

    /// Something that keeps no configuration out.
    pub(super) fn warning(place: impl Into<String>, text: impl ToString) -> Self {
        Self {
            severity: RemarkLevel::Warning,
            keeps_out: false,
            ..Self::error(place, text)
        }
    }
}

impl From<Remark> for CheckRemark {
    fn from(remark: Remark) -> Self {
        Self {
            severity: remark.severity,
            place: remark.place,
            text: remark.text,
            keeps_out: remark.severity == RemarkLevel::Error && remark.ends.is_none(),
        }
    }
}
