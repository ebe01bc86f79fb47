//! The contents of rejected files that are not to be kept (`delivery.rejected: delete`, `file_security.failed: delete`).
//! The history says with the verdict that they are removed, in one transaction. From then on nobody opens or delivers
//! the file, and where a crash comes before its contents are removed, the next start removes them.

use pointsman_store::{Direction, LedgerError, SpoolError, TransferId};

use crate::config::DeliveryTerms;
use crate::events::Event;
use crate::station::Station;
use crate::station::hashing::{self, HashError};

/// What the history says of a file whose contents are not kept by `delivery.rejected: delete`; none where they are.
#[must_use]
pub fn removal_of(delivery: &DeliveryTerms) -> Option<&'static str> {
    (!delivery.keeps_rejected).then_some("delivery.rejected: delete")
}

/// Why the contents of a rejected file stay.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// Whether its receipt needs them is not known.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// One cannot be removed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Removes the contents of a rejected file; that it came is remembered. Its receipt may need the hash of them, which is made
/// first.
///
/// # Errors
/// [`RemovalError`].
pub async fn remove(station: &Station, id: TransferId) -> Result<(), RemovalError> {
    match hashing::hash_for_receipt(station, id).await {
        Err(HashError::Ledger(error)) => return Err(error.into()),
        // A content that cannot be read now will not be readable later either: the receipt goes unsigned.
        Ok(_) | Err(HashError::Spool(_) | HashError::Content(_)) => {}
    }
    let contents = &station.contents;
    Ok(contents.discard_contents(Direction::Inbound, id).await?)
}

/// Removes them where the verdict said so (`removal`). What cannot be removed is told, and left to the next start.
pub async fn forget(
    station: &Station,
    partner: &str,
    transfer: TransferId,
    removal: Option<&'static str>,
) {
    if removal.is_none() {
        return;
    }
    if let Err(error) = remove(station, transfer).await {
        station.events.emit(Event::ContentStays {
            transfer,
            partner: partner.to_owned(),
            reason: error.to_string(),
        });
    }
}
