//! The audit: ledger, spool and inbox compared with each other.
//!
//! Each transfer is checked by itself, from its row and its files. A discrepancy is checked again a little later with a
//! fresh row. It is reported only if it is still the same and no session uses the transfer. So the audit may run beside
//! a server, whose every step makes the two differ for a moment.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::audit_case::{Audit, Case};
use crate::book::{Book, Books, Read};
use crate::error::LedgerError;
use crate::finding::{Finding, Weight};
use crate::spool::SpoolError;
use crate::state::ReceiptState;
use crate::transfer::TransferId;

/// How often a discrepancy must be seen before it is reported.
const LOOKS: u32 = 3;

/// How long to wait between two looks: longer than any step of a server from one state to the next.
const PAUSE: Duration = Duration::from_millis(400);

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// Transfers that were looked at.
    pub transfers: u64,
    /// Blobs whose content was read.
    pub contents: u64,
    /// Receipts that are owed.
    pub owed: u64,
    /// What does not fit, by transfer.
    pub findings: Vec<Finding>,
}

impl Audited {
    /// Whether nothing is wrong. There may be notes.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.discrepancies().next().is_none()
    }

    /// What is wrong.
    pub fn discrepancies(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.weight == Weight::Discrepancy)
    }
}

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The spool cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The audit's thread was lost.
    #[error("the audit was cut off: {0}")]
    Lost(#[from] tokio::task::JoinError),
}

impl Audit {
    /// Audits everything. Changes nothing.
    ///
    /// # Errors
    /// Ledger or spool cannot be read. Where the ledger is damaged, that is a finding and no error.
    pub async fn run(&self, ledger: &impl Books) -> Result<Audited, AuditError> {
        let damage = ledger.damage(self.digests).await;
        let mut audited = match self.transfers(ledger).await {
            Err(AuditError::Ledger(_)) if !damage.is_empty() => Audited::default(),
            audited => audited?,
        };
        audited.findings.splice(0..0, damage);
        Ok(audited)
    }

    async fn transfers(&self, ledger: &impl Books) -> Result<Audited, AuditError> {
        let books = ledger.books().await?;
        let mut audited = Audited {
            owed: count(books.values().flatten(), |book| {
                book.row.receipt_state() == Some(ReceiptState::Owed)
            }),
            ..Audited::default()
        };
        let mut ids: BTreeSet<TransferId> = books.keys().copied().collect();
        ids.extend(self.spool.transfers()?);
        for id in ids {
            let (found, read) = self.judge(id, books.get(&id).cloned()).await?;
            audited.transfers += 1;
            audited.contents += u64::from(read);
            audited.findings.extend(self.settled(ledger, found).await?);
        }
        Ok(audited)
    }

    /// The findings about one transfer that are the same in each look while no session uses it.
    async fn settled(
        &self,
        ledger: &impl Books,
        mut found: Vec<Finding>,
    ) -> Result<Vec<Finding>, AuditError> {
        for _ in 1..LOOKS {
            let Some(id) = found.first().and_then(|finding| finding.id) else {
                break;
            };
            // A note costs nobody anything if it is a moment old.
            if found.iter().all(|finding| finding.weight == Weight::Note) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            if self.spool.is_busy(id)? {
                return Ok(Vec::new());
            }
            let book = ledger.book(id).await?;
            let (again, _) = self.judge(id, book).await?;
            found.retain(|finding| again.contains(finding));
        }
        Ok(found)
    }

    async fn judge(
        &self,
        id: TransferId,
        book: Option<Read>,
    ) -> Result<(Vec<Finding>, bool), AuditError> {
        let audit = self.clone();
        Ok(tokio::task::spawn_blocking(move || {
            let mut case = Case::open(&audit, id, book)?;
            case.judge()?;
            Ok::<_, SpoolError>((case.findings, case.read))
        })
        .await??)
    }
}

fn count<'a>(books: impl Iterator<Item = &'a Book>, is: impl Fn(&Book) -> bool) -> u64 {
    books.filter(|book| is(book)).count() as u64
}
