//! Transfers as they are named on the command line.

use std::str::FromStr;

use pointsman_store::{Ledger, SqliteLedger, TransferId};

use super::Failed;

/// Fewer characters fit too much.
const LEAST: usize = 4;

/// Of those that fit, so many are told.
const TOLD: u32 = 10;

/// The id of a transfer, or enough of its beginning or its end that no other has the same. The end is the shorter way:
/// ids begin with the time.
#[derive(Clone, Debug)]
pub(super) struct Id(String);

impl FromStr for Id {
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

impl Id {
    /// The one transfer that is meant.
    pub(super) async fn find(&self, ledger: &SqliteLedger) -> Result<TransferId, Failed> {
        let Self(text) = self;
        match ledger.resembling(text, TOLD + 1).await?.as_slice() {
            [] => Err(failed(format!(
                "error: there is no transfer {text}, and none whose id begins or ends so; `pointsman transfers list` shows what there is"
            ))),
            [only] => Ok(*only),
            found => Err(failed(several(text, found))),
        }
    }
}

fn several(text: &str, found: &[TransferId]) -> String {
    let told = found.iter().take(TOLD as usize);
    let mut message =
        format!("error: {text} is the beginning or the end of several ids; give more of it:");
    told.for_each(|id| message.push_str(&format!("\n  {id}")));
    if found.len() > TOLD as usize {
        message.push_str("\n  and others");
    }
    message
}

fn failed(message: String) -> Failed {
    Failed { code: 1, message }
}
