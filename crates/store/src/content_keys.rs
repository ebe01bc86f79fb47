//! Which encrypted keys of contents came before: a file whose key was in another one was made of that.

use async_trait::async_trait;

use crate::error::LedgerError;
use crate::transfer::TransferId;

/// The keys that encrypted files had. A rebuilt ledger does not know them.
#[async_trait]
pub trait ContentKeys: Send + Sync {
    /// Keeps the SHA-256 of the encrypted key of a file that is opened. Returns the transfer that had it first; that is
    /// this one where it is new.
    ///
    /// # Errors
    /// The ledger cannot be written.
    async fn content_key(&self, id: TransferId, hash: [u8; 32]) -> Result<TransferId, LedgerError>;
}
