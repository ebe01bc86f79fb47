//! Writes down what is remembered of partners.

use std::sync::Arc;
use std::time::Duration;

use super::Station;
use crate::events::Event;

/// How often new contacts are written to the ledger.
const WRITE: Duration = Duration::from_secs(1);

/// Writes new contacts to the ledger for as long as the server runs.
pub async fn keep_contacts(station: Arc<Station>) {
    let mut told = false;
    loop {
        tokio::time::sleep(WRITE).await;
        let written = station.contacts.write_down(station.ledger.as_ref()).await;
        if let Err(error) = &written
            && !told
        {
            let reason = error.to_string();
            station.events.emit(Event::ContactsNotWritten { reason });
        }
        told = written.is_err();
    }
}
