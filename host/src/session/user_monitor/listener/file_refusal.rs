//! A file that we do not take: SFNA, or EFNA where it is closed already.

use oftp::{BLOCK, FileAnswer, FileHeader, FileReason};
use pointsman_store::{LedgerError, SpoolError};

use crate::events::Event;
use crate::security::announced::NotAgreed;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::station::size_limit::{GrowError, QuotaError};

/// Why a file is not taken: for its partner, and what only the log has.
#[derive(Clone, Debug)]
pub(super) struct FileRefusal {
    pub reason: FileReason,
    pub retry: bool,
    pub text: String,
    /// What failed here, where nothing is wrong with the file.
    pub failure: Option<OurFailure>,
}

/// What of ours failed.
#[derive(Clone, Debug)]
pub(super) enum OurFailure {
    Spool(String),
    Ledger(String),
    /// A secured file cannot be opened.
    Opening(String),
}

impl FileRefusal {
    pub fn for_good(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            retry: false,
            text: text.into(),
            failure: None,
        }
    }

    pub fn for_now(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            retry: true,
            ..Self::for_good(reason, text)
        }
    }

    /// The file is here.
    pub fn duplicate() -> Self {
        Self::for_good(FileReason::Duplicate, "this file was received before")
    }

    /// A file of other content is here under an identity that counts.
    pub fn other_content() -> Self {
        let text = "a file of the same name, date and time is here, and it is another";
        Self::for_good(FileReason::Duplicate, text)
    }

    /// The partner's quota is used up.
    pub fn beyond_quota() -> Self {
        let text = "the quota of this partner is used up for now";
        Self::for_now(FileReason::TooBig, text)
    }

    /// A file may have so many KiB, and has more.
    pub fn too_big(most: u64) -> Self {
        let text = format!("files of more than {most} KiB are not agreed");
        Self::for_good(FileReason::TooBig, text)
    }

    /// The answer to SFID, with SFNAREAS, SFNARRTR and SFNAREAST.
    pub fn sfna(self) -> FileAnswer {
        FileAnswer::Refuse {
            reason: self.reason,
            retry: self.retry,
            text: self.text,
        }
    }

    /// The refusal as the log and the history of a file have it, sent by that command.
    pub fn sentence(&self, command: &str) -> String {
        let Self { reason, text, .. } = self;
        format!(
            "{command} {:02} {}: {text}",
            reason.code(),
            reason.meaning()
        )
    }

    /// Logs what failed here, if so, and that the file is refused by that command.
    pub fn log(&self, context: &SessionContext, header: &FileHeader, command: &str) {
        let (session, file) = (context.talk(), header.key.to_string());
        match self.failure.clone() {
            Some(OurFailure::Spool(reason)) => context.log(Event::SpoolFailed {
                session,
                file: file.clone(),
                reason,
            }),
            Some(OurFailure::Ledger(reason)) => context.log(Event::LedgerFailed {
                session,
                file: file.clone(),
                reason,
            }),
            Some(OurFailure::Opening(reason)) => context.log(Event::OpeningFailed {
                session,
                file: file.clone(),
                reason,
            }),
            None => {}
        }
        context.log(Event::InboundFileRefused {
            session: context.talk(),
            file,
            reason: self.sentence(command),
        });
    }
}

/// Nothing was written down, so nothing is promised: the file may come again.
impl From<LedgerError> for FileRefusal {
    fn from(error: LedgerError) -> Self {
        let text = "the file cannot be written down at the moment";
        Self {
            failure: Some(OurFailure::Ledger(error.to_string())),
            ..Self::for_now(FileReason::AccessMethod, text)
        }
    }
}

impl From<NotAgreed> for FileRefusal {
    fn from(why: NotAgreed) -> Self {
        Self::for_good(why.reason, why.text)
    }
}

impl From<QuotaError> for FileRefusal {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::UsedUp { .. } => Self::for_now(FileReason::TooBig, error.to_string()),
            QuotaError::Ledger(error) => error.into(),
        }
    }
}

impl From<GrowError> for FileRefusal {
    fn from(error: GrowError) -> Self {
        match error {
            GrowError::TooLarge(most) => Self::too_big(most / BLOCK),
            GrowError::UsedUp => Self::beyond_quota(),
            GrowError::Ledger(error) => error.into(),
        }
    }
}

impl From<SpoolError> for FileRefusal {
    fn from(error: SpoolError) -> Self {
        let (reason, text) = match &error {
            // Nothing is wrong here: the file continues in the session that has it.
            SpoolError::Busy(_) => {
                let text = "an earlier session still holds this file";
                return Self::for_now(FileReason::AccessMethod, text);
            }
            full if full.is_full() => (FileReason::TooBig, "there is no free space at the moment"),
            _ => (
                FileReason::AccessMethod,
                "the file cannot be stored at the moment",
            ),
        };
        Self {
            failure: Some(OurFailure::Spool(error.to_string())),
            ..Self::for_now(reason, text)
        }
    }
}

/// Why a file is not taken in.
pub(super) enum Stop {
    /// The partner gets SFNA.
    Refused(FileRefusal),
    /// The session ends, and the operator reads why in the log.
    Failed(InternalError),
}

impl From<FileRefusal> for Stop {
    fn from(refused: FileRefusal) -> Self {
        Self::Refused(refused)
    }
}

impl From<InternalError> for Stop {
    fn from(error: InternalError) -> Self {
        Self::Failed(error)
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<QuotaError> for Stop {
    fn from(error: QuotaError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<SpoolError> for Stop {
    fn from(error: SpoolError) -> Self {
        Self::Refused(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what is wrong here is an error of ours.
    #[test]
    fn a_file_that_another_session_holds_is_no_failure_of_the_spool() {
        let held = FileRefusal::from(SpoolError::Busy("spool/x".into()));
        assert!(held.retry && held.failure.is_none());
        let failed = FileRefusal::from(SpoolError::Io {
            path: "spool/x".into(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        });
        assert!(matches!(failed.failure, Some(OurFailure::Spool(_))));
    }
}
