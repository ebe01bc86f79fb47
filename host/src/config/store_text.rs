//! Secret texts of key stores.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text of a store: its password, or all of it. It is erased when nobody has it any more.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreText(Zeroizing<String>);

impl StoreText {
    pub(super) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreText(…)")
    }
}
