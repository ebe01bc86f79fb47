//! Verbs about the hash and the signature of receipts (RFC 5024, 5.3.13), ours and the partner's.

use async_trait::async_trait;

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::note::Note;
use crate::persisted::Persisted;
use crate::queue::Acknowledgement;
use crate::transfer::{OwedResponse, TransferId};
use crate::verb;
use crate::wire_hash::WireHash;

/// What proves a receipt. Every ledger has these.
#[async_trait]
pub trait Proofs: Ledger {
    /// The hash of a received file as it was transmitted, where it was not known when the file came (before the content
    /// leaves the spool). The first one stays.
    ///
    /// # Errors
    /// There is no such row, or the file is not all here.
    async fn hashed(&self, id: TransferId, hash: WireHash) -> Result<(), LedgerError> {
        let done = self.apply(id, Box::new(verb::Hashed { hash })).await;
        done.map(drop)
    }

    /// The receipt that is owed gets its hash and its signature (before it is sent), and is the same octets from then on.
    /// One that is signed already stays as it is.
    ///
    /// # Errors
    /// No receipt is owed.
    async fn receipt_signed(
        &self,
        signed: OwedResponse,
    ) -> Result<Persisted<Box<OwedResponse>>, LedgerError> {
        let (hash, signature) = signed.response.proof();
        let (hash, signature) = (hash.to_vec(), signature.to_vec());
        let sign = verb::Sign { hash, signature };
        let done = self.apply(signed.id, Box::new(sign)).await?;
        Ok(done.map(|_| Box::new(signed)))
    }

    /// A receipt came for this file (before RTR), and is not taken for what it says: the file continues to wait for its
    /// receipt, and its history says why.
    ///
    /// # Errors
    /// There is no such row, or the partner cannot have the file.
    async fn receipt_invalid(
        &self,
        id: TransferId,
        note: Note,
    ) -> Result<Persisted<Acknowledgement>, LedgerError> {
        let invalid = verb::ReceiptInvalid { note };
        let done = self.apply(id, Box::new(invalid)).await?;
        Ok(done.map(|_| Acknowledgement::Invalid(id)))
    }
}

impl<L: Ledger + ?Sized> Proofs for L {}
