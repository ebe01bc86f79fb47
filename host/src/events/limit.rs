//! A limit of the configuration that somebody reached.

use std::fmt;

use pointsman_log::{Field, FieldValue};

/// A limit that was reached: its key in the configuration, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The key, as `limits.sessions`.
    pub key: &'static str,
    /// How many it allows.
    pub most: usize,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.key, self.most)
    }
}

/// In the log: the key alone.
impl Field for Limit {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        see(name, FieldValue::Text(self.key.into()));
    }
}
