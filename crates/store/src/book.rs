//! The ledger as an audit reads it.

use async_trait::async_trait;
use oftp::FileKey;

use crate::error::LedgerError;
use crate::finding::Finding;
use crate::state::{ReceiptState, State};
use crate::transfer::TransferId;

/// A ledger that can be audited.
#[async_trait]
pub trait Books: Send + Sync {
    /// What is wrong with the ledger itself. `thorough` says whether what takes long is looked at, too. That the ledger
    /// cannot be read is a finding as well.
    async fn damage(&self, thorough: bool) -> Vec<Finding>;

    /// Every row.
    async fn books(&self) -> Result<Vec<Book>, LedgerError>;

    /// One row.
    async fn book(&self, id: TransferId) -> Result<Option<Book>, LedgerError>;
}

/// A row, as the audit sees it.
#[derive(Clone, Debug)]
pub struct Book {
    pub id: TransferId,
    pub partner: String,
    /// The word, where it is that of no state.
    pub state: Result<State, String>,
    pub key: FileKey,
    pub edition: u32,
    pub octets: u64,
    pub digest: String,
    pub position: u64,
    pub path: Option<String>,
    /// The receipt waits for a decision.
    pub waits: bool,
    /// The state of its receipt's row.
    pub receipt: Option<ReceiptState>,
    /// The receipt is the same partner's.
    pub receipt_fits: bool,
    /// A rejected file whose content was not to be kept.
    pub content_removed: bool,
}
