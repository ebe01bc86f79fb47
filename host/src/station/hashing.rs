//! The hash of a received file as it was transmitted, where its receipt is to be signed and the hash is not known yet: it
//! is made before the content leaves the spool.

use pointsman_cms::Suite;
use pointsman_store::{
    ContentKey, LedgerError, Proofs as _, Row, SpoolError, TransferId, WireHash,
};

use super::Station;
use crate::security::virtual_file::{VirtualPurpose, VirtualShape};
use crate::security::wrapping::{WrappingError, hash_of_plain};

/// Why a hash is not known.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The content is not there, or cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The content cannot be read, or is not as it was received.
    #[error(transparent)]
    Content(#[from] WrappingError),
}

/// The hash of a received file, which its row has from then on. None where no signed receipt is asked for, or its SFID
/// named no cipher suite.
///
/// # Errors
/// [`HashError`].
pub async fn hash_for_receipt(
    station: &Station,
    id: TransferId,
) -> Result<Option<WireHash>, HashError> {
    let row = row(station, id).await?;
    if !row.header.signed_receipt || row.wire_hash.is_some() {
        return Ok(row.wire_hash);
    }
    let Some(suite) = Suite::of(row.header.cipher) else {
        return Ok(None);
    };
    let content = match station.contents.open(ContentKey::wire_received(id)).await {
        Ok(content) => content,
        // Whoever removed it made the hash before.
        Err(error) => return Ok(Some(known(station, id).await?.ok_or(error)?)),
    };
    let shape = VirtualShape {
        format: row.header.format,
        // What is secured is a stream of octets, whatever is in it.
        layout: row.layout.filter(|_| !row.header.is_secured()),
        purpose: VirtualPurpose::Hashing,
    };
    let hash = hash_of_plain(content, shape, suite).await?;
    station.ledger.hashed(id, hash.clone()).await?;
    Ok(Some(hash))
}

async fn row(station: &Station, id: TransferId) -> Result<Row, LedgerError> {
    let row = station.ledger.row(id).await?;
    row.ok_or(LedgerError::NotFound(id))
}

async fn known(station: &Station, id: TransferId) -> Result<Option<WireHash>, LedgerError> {
    Ok(row(station, id).await?.wire_hash)
}
