//! The storage as a whole: compared, made again from the spool, completed.

use std::fmt;
use std::path::PathBuf;

use pointsman_store::{Audit, Audited, Finding, Rebuilt, Spool, SpoolError, Weight, rebuild};
use serde::{Deserialize, Serialize};

use super::Operator;
use super::error::{ErrorCode, OperatorError};
use super::lock::StorageLock;
use crate::config::files::{ledger_path, spool_path};
use crate::config::leads::is_there;
use crate::outbound::watch;

/// How ledger, spool and inbox compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreReport {
    /// Whether nothing is wrong; there may be notes.
    pub clean: bool,
    /// Transfers that were looked at.
    pub transfers: u64,
    /// Contents that were read.
    pub contents_read: u64,
    /// Receipts that are owed.
    pub receipts_owed: u64,
    /// What does not fit, and what is worth knowing.
    pub findings: Vec<FindingReport>,
    /// What could not be found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FindingWeight {
    /// Something does not fit.
    Error,
    /// It is worth knowing.
    Note,
}

impl fmt::Display for FindingWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Note => "note",
        })
    }
}

/// Something that does not fit, or is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FindingReport {
    /// The transfer, where it is about one.
    pub transfer: Option<String>,
    /// How serious it is.
    pub weight: FindingWeight,
    /// A fixed word for it.
    pub kind: String,
    /// Which file or table.
    pub file: String,
    pub what: String,
    /// What an operator can do about it.
    pub remedy: String,
}

/// A ledger that was made from the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RebuildReport {
    /// Received files.
    pub received: u64,
    /// Files to send, and files sent.
    pub to_send: u64,
    /// Partials that were removed: their senders start over.
    pub partials_removed: u64,
    /// Whether histories, and what policies keep, came over from the old ledger.
    pub history_kept: bool,
    /// Where the old ledger is now.
    pub old_ledger: Option<PathBuf>,
    /// Files that could not be taken in, and stay in the spool.
    pub left: Vec<LeftReport>,
}

/// A file of the spool without a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftReport {
    /// The transfer that its name in the spool says.
    pub transfer: String,
    /// Why no row could be made of it.
    pub why: String,
}

impl Operator {
    /// Compares ledger, spool and inbox with each other; `quick` compares sizes alone. Changes nothing, and may run
    /// beside a server.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn verify_store(&self, quick: bool) -> Result<StoreReport, OperatorError> {
        let (ledger, spool) = self.open_store()?;
        let (to_be_queued, unseen) = watch::to_be_queued(self.plan());
        let unknown = unseen.iter().map(|error| {
            format!(
                "{error}: what was taken from this watched folder and is not queued yet is not known, so look again before you send such a file once more"
            )
        });
        let audit = Audit {
            spool,
            inbox: self.plan().storage.inbox.clone(),
            digests: !quick,
            to_be_queued,
        };
        let audited = audit.run(&ledger).await?;
        Ok(StoreReport::of(&audited, unknown.collect()))
    }

    /// Makes the ledger again from what lies in the spool; the old one is kept under another name.
    ///
    /// # Errors
    /// A server runs, there is no spool, or it cannot be done; the old ledger is as it was then.
    pub(crate) fn rebuild_store(&self) -> Result<RebuildReport, OperatorError> {
        let _lock = StorageLock::take(self.plan())?;
        let folder = spool_path(self.plan());
        let cannot_look = |error| SpoolError::Io {
            path: folder.clone(),
            source: error,
        };
        if !is_there(&folder).map_err(cannot_look)? {
            return Err(ErrorCode::NoStore.because(format!(
                "there is no spool at {}: nothing to make a ledger from",
                folder.display()
            )));
        }
        let rebuilt = rebuild(&ledger_path(self.plan()), &Spool::open(&folder)?)?;
        Ok(RebuildReport::from(rebuilt))
    }

    /// Writes a sidecar for every file of the ledger that has none; returns how many.
    ///
    /// # Errors
    /// A server runs, or ledger or spool cannot be used.
    pub(crate) async fn describe_store(&self) -> Result<u64, OperatorError> {
        let _lock = StorageLock::take(self.plan())?;
        let (ledger, spool) = self.open_store()?;
        Ok(ledger.describe(&spool).await?)
    }
}

impl StoreReport {
    fn of(audited: &Audited, unknown: Vec<String>) -> Self {
        Self {
            clean: audited.is_clean(),
            transfers: audited.transfers,
            contents_read: audited.contents,
            receipts_owed: audited.owed,
            findings: audited.findings.iter().map(FindingReport::from).collect(),
            unknown,
        }
    }
}

impl From<&Finding> for FindingReport {
    fn from(finding: &Finding) -> Self {
        let weight = match finding.weight {
            Weight::Discrepancy => FindingWeight::Error,
            Weight::Note => FindingWeight::Note,
        };
        Self {
            transfer: finding.id.map(|id| id.to_string()),
            weight,
            kind: finding.kind.to_owned(),
            file: finding.file.clone(),
            what: finding.what.clone(),
            remedy: finding.remedy.to_owned(),
        }
    }
}

impl From<Rebuilt> for RebuildReport {
    fn from(rebuilt: Rebuilt) -> Self {
        let left = rebuilt.left.into_iter().map(|left| LeftReport {
            transfer: left.id.to_string(),
            why: left.why,
        });
        Self {
            received: rebuilt.inbound,
            to_send: rebuilt.outbound,
            partials_removed: rebuilt.partials,
            history_kept: rebuilt.kept_history,
            old_ledger: rebuilt.aside,
            left: left.collect(),
        }
    }
}
