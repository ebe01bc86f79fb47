//! The ledger as an audit reads it.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::error::LedgerError;
use crate::finding::Finding;
use crate::row::Row;
use crate::transfer::TransferId;

/// A ledger that can be audited.
#[async_trait]
pub trait Books: Send + Sync {
    /// What is wrong with the ledger itself. With `thorough`, slow checks are made too. A ledger that cannot be read is
    /// a finding as well.
    async fn damage(&self, thorough: bool) -> Vec<Finding>;

    /// Every row of the ledger, by its transfer.
    async fn books(&self) -> Result<BTreeMap<TransferId, Read>, LedgerError>;

    /// The row of this transfer; none where it has none.
    async fn book(&self, id: TransferId) -> Result<Option<Read>, LedgerError>;
}

/// A row, as the audit sees it.
#[derive(Clone, Debug)]
pub struct Book {
    /// The transfer with its receipt and its history, as it was read.
    pub row: Row,
    /// Whether its receipt, if it has one, belongs to the same partner.
    pub receipt_fits: bool,
    /// Whether it is a rejected file whose content was not to be kept.
    pub content_removed: bool,
}

/// A row; or the word in its state column, where that names no state.
pub type Read = Result<Book, String>;
