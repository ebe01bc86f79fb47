//! Which encrypted keys of contents came before: a file whose key was in another one was made of that.

use async_trait::async_trait;

use crate::error::LedgerError;
use crate::transfer::TransferId;

/// The keys that encrypted files had, and what the files were as on the wire. A rebuilt ledger has those of the sidecars,
/// and of the old ledger where that can be read.
#[async_trait]
pub trait ContentKeys: Send + Sync {
    /// Keeps the SHA-256 of the encrypted key by which a file is opened, with the digest of the file's content as on the
    /// wire. Returns the transfer that had the key first, where its content was another one. None where the key is new, and
    /// where the same octets came before: its sender may send them again, under any name, whatever became of them.
    ///
    /// # Errors
    /// The ledger cannot be written.
    async fn content_key(
        &self,
        id: TransferId,
        sha256: [u8; 32],
        digest: &str,
    ) -> Result<Option<TransferId>, LedgerError>;
}
