//! Why a request was not done: a stable code for programs, the cause, and what to do about it.

use std::fmt;

use pointsman_store::{AuditError, LedgerError, SpoolError};
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::outbound::enqueue::QueueError;
use crate::session::dial::DialError;
use crate::station::error::StartError;
use crate::station::policies::LoadPoliciesError;

/// What kind of failure it is: a face makes its exit code or status of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Something is not as it must be.
    Problem,
    /// The request makes no sense: repeated, it fails again.
    Nonsense,
    /// The server, or the partner, was not reached.
    Unreached,
}

macro_rules! codes {
    ($($(#[doc = $means:literal])+ $code:ident $word:literal $kind:ident,)+) => {
        /// The codes of errors. A code keeps its meaning for ever; `docs/operating.md` lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum ErrorCode {
            $($(#[doc = $means])+ #[serde(rename = $word)] $code,)+
        }

        impl ErrorCode {
            /// The kind of all errors with this code.
            pub(crate) fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$code => ErrorKind::$kind,)+
                }
            }
        }

        /// Each code with what it means, as the operator's page has it.
        #[cfg(test)]
        const CODES: &[(&str, &str)] = &[$(($word, concat!($($means),+)),)+];
    };
}

codes! {
    /// the configuration is wrong; the cause is a report with file, line and column
    Configuration "configuration" Problem,
    /// the configuration has no partner of that name
    NoSuchPartner "no-such-partner" Nonsense,
    /// arguments of the request do not go together
    ArgumentsDisagree "arguments-disagree" Nonsense,
    /// there is no transfer of that id
    NoSuchTransfer "no-such-transfer" Problem,
    /// the beginning or end of an id fits several transfers
    AmbiguousTransfer "ambiguous-transfer" Problem,
    /// the request is not possible in the state that the transfer is in
    WrongState "wrong-state" Problem,
    /// a session has the transfer just now
    InSession "in-session" Problem,
    /// the transfer has its receipt already
    ReceiptGiven "receipt-given" Problem,
    /// no receipt came that could be passed on
    NoReceipt "no-receipt" Problem,
    /// the two transfers have different contents
    OtherContent "other-content" Problem,
    /// a file of the same identity was queued before
    IdentityTaken "identity-taken" Problem,
    /// the file cannot be sent as it is
    Unsendable "unsendable" Problem,
    /// a policy does not want the file to be queued
    RefusedByPolicy "refused-by-policy" Problem,
    /// a policy wants the file to wait, or could not decide about it: it is not queued now, and may be later
    PutOff "put-off" Problem,
    /// a secured file is not what it was said to be, or cannot be opened
    NotOpened "not-opened" Problem,
    /// the file was not sent; it stays queued
    NotSent "not-sent" Problem,
    /// the file was not sent, and is parked
    Parked "parked" Problem,
    /// the partner rejected the file with a NERP
    Rejected "rejected" Problem,
    /// the partner's receipt came, and its hash or signature is not what it must be
    ReceiptInvalid "receipt-invalid" Problem,
    /// no connection to the partner, or no session
    PartnerUnreached "partner-unreached" Unreached,
    /// no server runs on this configuration
    NoServer "no-server" Unreached,
    /// the server does not answer, or not as it should
    ServerSilent "server-silent" Problem,
    /// a server runs on this configuration
    ServerRuns "server-runs" Problem,
    /// this user may not do it
    NotPermitted "not-permitted" Problem,
    /// no server ever ran on this configuration
    NoStore "no-store" Problem,
    /// the ledger, the spool or a folder cannot be used
    Storage "storage" Problem,
    /// a disk is full
    DiskFull "disk-full" Problem,
    /// a policy cannot be loaded; those in force stay
    Policy "policy" Problem,
    /// a store of keys or certificates cannot be read, or none can be made
    KeyStore "key-store" Problem,
    /// the server cannot start, or cannot continue
    NotReady "not-ready" Problem,
    /// the operating system, or this program
    Internal "internal" Problem,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OperatorError {
    /// What programs go by.
    pub code: ErrorCode,
    /// Why it was not done.
    pub cause: String,
    /// What to do; empty where the cause says it.
    pub hint: String,
}

impl ErrorCode {
    /// The error of this code, whose cause says all there is to say.
    pub(crate) fn because(self, cause: impl fmt::Display) -> OperatorError {
        OperatorError {
            code: self,
            cause: cause.to_string(),
            hint: String::new(),
        }
    }
}

impl OperatorError {
    /// The same, with what to do.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        Self { hint, ..self }
    }
}

impl fmt::Display for OperatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        match self.hint.is_empty() {
            true => Ok(()),
            false => write!(f, "; {}", self.hint),
        }
    }
}

impl From<LedgerError> for OperatorError {
    fn from(error: LedgerError) -> Self {
        use ErrorCode::{DiskFull, IdentityTaken, InSession, NoSuchTransfer, Storage, WrongState};
        match &error {
            LedgerError::NotFound(_) => NoSuchTransfer.because(&error),
            LedgerError::WrongState { .. } => WrongState.because(&error),
            LedgerError::InSession(_) => InSession.because(&error),
            LedgerError::IdentityTaken(_) => IdentityTaken.because(&error),
            _ if error.is_full() => DiskFull.because(&error),
            _ => Storage.because(&error),
        }
    }
}

impl From<SpoolError> for OperatorError {
    fn from(error: SpoolError) -> Self {
        match error.is_full() {
            true => ErrorCode::DiskFull.because(error),
            false => ErrorCode::Storage.because(error),
        }
    }
}

impl From<AuditError> for OperatorError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Ledger(error) => error.into(),
            AuditError::Spool(error) => error.into(),
            AuditError::Lost(_) => ErrorCode::Internal.because(error),
        }
    }
}

impl From<StartError> for OperatorError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Spool(error) => error.into(),
            StartError::Ledger(error) => error.into(),
            StartError::Policies(error) => error.into(),
            error if error.is_full() => ErrorCode::DiskFull.because(error),
            error => ErrorCode::Storage.because(error),
        }
    }
}

impl From<QueueError> for OperatorError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Spool(error) => error.into(),
            QueueError::Ledger(error) => error.into(),
            QueueError::Refused { .. } => ErrorCode::RefusedByPolicy.because(error),
            QueueError::PutOff { .. } => ErrorCode::PutOff.because(error),
            error => ErrorCode::Unsendable.because(error),
        }
    }
}

impl From<LoadPoliciesError> for OperatorError {
    fn from(error: LoadPoliciesError) -> Self {
        ErrorCode::Policy.because(error)
    }
}

impl From<ConfigError> for OperatorError {
    fn from(error: ConfigError) -> Self {
        ErrorCode::Configuration.because(error)
    }
}

impl From<std::io::Error> for OperatorError {
    fn from(error: std::io::Error) -> Self {
        ErrorCode::Internal.because(error)
    }
}

impl From<serde_json::Error> for OperatorError {
    fn from(error: serde_json::Error) -> Self {
        ErrorCode::Internal.because(error)
    }
}

impl From<DialError> for OperatorError {
    fn from(error: DialError) -> Self {
        ErrorCode::PartnerUnreached.because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_data_and_a_sentence() {
        let error = ErrorCode::NoServer
            .because("no server runs")
            .hint("start it");
        assert_eq!(error.to_string(), "no server runs; start it");
        let data = serde_json::to_value(&error).unwrap();
        let expected = serde_json::json!({
            "code": "no-server", "cause": "no server runs", "hint": "start it",
        });
        assert_eq!(data, expected);
        assert_eq!(
            serde_json::from_value::<OperatorError>(data).unwrap(),
            error
        );
    }

    #[test]
    fn the_operators_page_has_every_code_with_its_meaning_and_no_other() {
        let page = include_str!("../../../docs/operating.md");
        let (_, table) = page
            .split_once("| code of an error | means |\n|---|---|\n")
            .unwrap();
        let listed = table.lines().take_while(|line| line.starts_with('|'));
        let declared = CODES
            .iter()
            .map(|(code, means)| format!("| `{code}` |{means} |"));
        assert_eq!(
            listed.map(str::to_owned).collect::<Vec<_>>(),
            declared.collect::<Vec<_>>()
        );
    }
}
