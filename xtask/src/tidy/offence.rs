//! What a rule finds.

use std::fmt;

/// Something that is not as it should be: where, what, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offence {
    pub(super) place: String,
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Offence {
    pub(super) fn new(
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.what, self.remedy)
    }
}
