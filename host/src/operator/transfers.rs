//! The history of files.

use oftp::FileKey;
use pointsman_store::{
    Direction, Filter, InboundState, OutboundState, ReceiptState, State, Transfer,
};
use serde::{Deserialize, Serialize};

use super::Operator;
use super::error::{ErrorCode, OperatorError};
use super::utc_time::UtcTime;
use crate::config::{Pattern, Scalar};

/// Which files are listed: those that fit everything that is given, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TransferQuery {
    /// So many at most.
    pub count: u32,
    /// Of this partner alone.
    pub partner: Option<String>,
    /// In this state alone, as `delivered` or `sent`.
    pub state: Option<String>,
    /// Received or sent ones alone: `in` or `out`.
    pub direction: Option<Direction>,
    /// Of this data set name alone; `*` stands for any characters, `?` for any one, `[ab]` for one of those.
    pub name: Option<String>,
}

/// A file, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransferSummary {
    pub transfer: String,
    /// When it was offered, or queued.
    pub since: UtcTime,
    /// Which way it goes, and how far it is.
    #[serde(flatten)]
    pub state: StateReport,
    /// The partner's name in the configuration.
    pub partner: String,
    /// `owed`, `given` or `received`, and `none` where there is no receipt.
    #[serde(with = "receipt_word")]
    pub receipt: Option<ReceiptState>,
    /// Octets that are sealed; 0 of a file that is being received.
    pub octets: u64,
    /// The digest of its content, hexadecimal; empty while it is being received.
    pub blake3: String,
    /// Its path below the inbox, once one is chosen.
    pub path: Option<String>,
    /// Why it is where it is, if there is something to say.
    pub reason: Option<String>,
    pub file: FileIdentity,
}

/// The state of a file with the way it goes, as two members: a word alone may be that of two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StateWords", try_from = "StateWords")]
pub(crate) struct StateReport(pub State);

#[derive(Serialize, Deserialize)]
struct StateWords {
    direction: Direction,
    state: String,
}

impl From<StateReport> for StateWords {
    fn from(StateReport(state): StateReport) -> Self {
        Self {
            direction: state.direction(),
            state: state.to_string(),
        }
    }
}

impl TryFrom<StateWords> for StateReport {
    type Error = String;

    fn try_from(words: StateWords) -> Result<Self, String> {
        let StateWords { direction, state } = words;
        State::of(direction, &state)
            .map(Self)
            .ok_or_else(|| format!("no file that goes {direction} is {state}"))
    }
}

/// A receipt that there is not is `none`.
mod receipt_word {
    use pointsman_store::ReceiptState;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const NONE: &str = "none";

    pub(super) fn serialize<S: Serializer>(
        receipt: &Option<ReceiptState>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(receipt.map_or(NONE, ReceiptState::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<ReceiptState>, D::Error> {
        let word = String::deserialize(from)?;
        match ReceiptState::parse(&word) {
            None if word != NONE => Err(D::Error::unknown_variant(&word, ReceiptState::WORDS)),
            receipt => Ok(receipt),
        }
    }
}

/// What partners know a file by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileIdentity {
    /// The data set name.
    pub dataset: String,
    /// CCYYMMDD.
    pub date: String,
    /// HHMMSScccc.
    pub time: String,
    /// The station it is from.
    pub originator: String,
    /// The station it is for.
    pub destination: String,
    /// All of it, as the log has it.
    pub text: String,
}

impl Operator {
    /// Files, the newest first.
    ///
    /// # Errors
    /// There is no such partner, state or pattern, or the ledger cannot be read.
    pub(crate) async fn transfers(
        &self,
        query: TransferQuery,
    ) -> Result<Vec<TransferSummary>, OperatorError> {
        let senseless = |why| ErrorCode::ArgumentsDisagree.because(why);
        let states = match &query.state {
            Some(word) => states(word).map_err(senseless)?,
            None => Vec::new(),
        };
        if let Some(text) = &query.name {
            pattern(text).map_err(senseless)?;
        }
        let filter = Filter {
            partner: query.partner.clone(),
            states,
            direction: query.direction,
            name: query.name,
        };
        let rows = self.store()?.ledger.find(filter, query.count).await?;
        self.known_partner(query.partner.as_deref(), !rows.is_empty())?;
        Ok(rows.iter().map(TransferSummary::from).collect())
    }
}

/// The states of that word. One that no state has would fit nothing, for ever.
pub(crate) fn states(word: &str) -> Result<Vec<State>, String> {
    let called = State::called(word);
    if !called.is_empty() {
        return Ok(called);
    }
    Err(format!(
        "there is no such state; of received files there are {}, of files to send {}",
        InboundState::WORDS.join(", "),
        OutboundState::WORDS.join(", ")
    ))
}

/// A pattern of names. One that is none would fit nothing, for ever.
pub(crate) fn pattern(text: &str) -> Result<String, String> {
    Pattern::read(text).map(|_| text.to_owned())
}

impl From<&Transfer> for TransferSummary {
    fn from(row: &Transfer) -> Self {
        Self {
            transfer: row.id.to_string(),
            since: UtcTime(row.created),
            state: StateReport(row.state),
            partner: row.partner.clone(),
            receipt: row.receipt,
            octets: row.octets,
            blake3: row.digest.clone(),
            path: row.path.clone(),
            reason: row.reason.as_ref().map(ToString::to_string),
            file: FileIdentity::from(&row.key),
        }
    }
}

impl From<&FileKey> for FileIdentity {
    fn from(key: &FileKey) -> Self {
        Self {
            dataset: key.dataset.as_str().to_owned(),
            date: key.stamp.date().to_owned(),
            time: key.stamp.time().to_owned(),
            originator: key.originator.as_str().to_owned(),
            destination: key.destination.as_str().to_owned(),
            text: key.to_string(),
        }
    }
}
