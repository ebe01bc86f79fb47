//! Why a transfer is in its state.

use std::fmt;

/// Why a transfer is in its state, where a reason is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateReason {
    /// In words.
    Words(String),
    /// The partner's receipt came and is not taken, for this reason: the file waits for another one.
    ReceiptInvalid(String),
}

/// How the text of an invalid receipt begins.
const RECEIPT_INVALID: &str = "receipt invalid: ";

impl StateReason {
    /// From the text that the ledger and the sidecar keep of it: as it is displayed.
    pub(crate) fn kept(text: String) -> Self {
        match text.strip_prefix(RECEIPT_INVALID) {
            Some(why) => Self::ReceiptInvalid(why.to_owned()),
            None => Self::Words(text),
        }
    }
}

impl fmt::Display for StateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(text) => f.write_str(text),
            Self::ReceiptInvalid(why) => write!(f, "{RECEIPT_INVALID}{why}"),
        }
    }
}

impl From<&str> for StateReason {
    fn from(text: &str) -> Self {
        Self::Words(text.to_owned())
    }
}

impl From<String> for StateReason {
    fn from(text: String) -> Self {
        Self::Words(text)
    }
}
