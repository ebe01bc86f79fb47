//! Transfers as operators name them.

use std::fmt;
use std::str::FromStr;

use pointsman_store::{Ledger, TransferId};
use serde::{Deserialize, Serialize};

use super::error::{ErrorCode, OperatorError};

/// Fewer characters fit too much.
const LEAST: usize = 4;

/// Of the ids that fit, so many are named.
const NAMED: usize = 10;

/// The id of a transfer, or enough of its beginning or its end that no other has the same. The end is the shorter way:
/// ids begin with the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TransferName(String);

impl FromStr for TransferName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() < LEAST {
            return Err(format!(
                "at least {LEAST} characters of the id's beginning or end are needed"
            ));
        }
        if !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(
                "an id has the characters 0 to 9, a to f and `-`; `pointsman transfers list` and `queue list` show it"
                    .to_owned(),
            );
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl TryFrom<String> for TransferName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TransferName> for String {
    fn from(name: TransferName) -> Self {
        name.0
    }
}

impl fmt::Display for TransferName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TransferName {
    /// The one transfer that is meant.
    pub(super) async fn find(&self, ledger: &dyn Ledger) -> Result<TransferId, OperatorError> {
        match ledger
            .resembling(&self.0, NAMED as u32 + 1)
            .await?
            .as_slice()
        {
            [] => Err(ErrorCode::NoSuchTransfer
                .because(format!(
                    "there is no transfer {self}, and none whose id begins or ends so"
                ))
                .hint("`pointsman transfers list` shows what there is")),
            [only] => Ok(*only),
            found => Err(ErrorCode::AmbiguousTransfer
                .because(format!("{self} is the beginning or the end of several ids"))
                .hint(more_of_it(found))),
        }
    }
}

fn more_of_it(found: &[TransferId]) -> String {
    let mut hint = "give more of it:".to_owned();
    for id in found.iter().take(NAMED) {
        hint.push_str(&format!("\n  {id}"));
    }
    if found.len() > NAMED {
        hint.push_str("\n  and others");
    }
    hint
}
