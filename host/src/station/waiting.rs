//! Files that wait to be opened or delivered, read page by page: however many wait, few are in memory at a time.

use pointsman_store::{Ledger, LedgerError, TransferId, Undelivered, Unopened};

/// Files that are read at a time.
const PAGE: u32 = 256;

/// How far what waits was read, from the oldest file on.
pub struct WaitingFiles<'a> {
    ledger: &'a dyn Ledger,
    after: Option<TransferId>,
}

impl<'a> WaitingFiles<'a> {
    /// From the oldest on.
    #[must_use]
    pub fn of(ledger: &'a dyn Ledger) -> Self {
        let after = None;
        Self { ledger, after }
    }

    /// The next ones that are to be opened; none where there are no more.
    ///
    /// # Errors
    /// The ledger failed.
    pub async fn unopened(&mut self) -> Result<Option<Vec<Unopened>>, LedgerError> {
        let page = self.ledger.unopened_after(self.after, PAGE).await?;
        Ok(self.read_to(page.last().map(|file| file.id), page))
    }

    /// The next ones that are to be delivered; none where there are no more.
    ///
    /// # Errors
    /// The ledger failed.
    pub async fn undelivered(&mut self) -> Result<Option<Vec<Undelivered>>, LedgerError> {
        let page = self.ledger.undelivered_after(self.after, PAGE).await?;
        Ok(self.read_to(page.last().map(|file| file.id), page))
    }

    fn read_to<T>(&mut self, last: Option<TransferId>, page: Vec<T>) -> Option<Vec<T>> {
        self.after = Some(last?);
        Some(page)
    }
}
