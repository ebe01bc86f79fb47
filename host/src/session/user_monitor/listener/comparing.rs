//! A file that is here came once more, to be compared: EFPA once more if it is the same, and nothing else. Other content is
//! refused, or kept as another file, as the partner's profile has it. But for the latter the copy is gone afterwards.

use std::sync::Arc;

use oftp::FileHeader;
use pointsman_store::{LedgerError, Offer, Persisted, Stored, TransferId};

use super::closing::{Close, WholeFile};
use super::file_refusal::FileRefusal;
use super::receiving::{Comparison, IfAnother, Incoming, Receiving};
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::session::user_monitor::promise;

impl Close<'_> {
    /// EFID of a copy.
    pub(super) async fn copy(
        self,
        comparison: Comparison,
        received: Receiving,
        objection: Option<FileRefusal>,
    ) -> Result<(), InternalError> {
        let objection = match &comparison.if_another {
            // It is longer than the file that is here.
            IfAnother::Refuse(refused) if received.over_limit.is_some() => Some(refused.clone()),
            _ => objection,
        };
        let Receiving {
            file,
            writer,
            octets,
            ..
        } = received;
        let held = writer.octets_held();
        let content = match writer.finish().await {
            Ok(content) => content,
            Err(error) => {
                self.efna(&file.header, error.into()).await;
                return Ok(());
            }
        };
        if let Some(refused) = objection {
            content.discard().await?;
            self.efna(&file.header, refused).await;
            return Ok(());
        }
        let copy = WholeFile {
            file,
            held,
            content,
        };
        self.compare(comparison, copy, octets).await
    }

    async fn compare(
        self,
        comparison: Comparison,
        copy: WholeFile,
        octets: u64,
    ) -> Result<(), InternalError> {
        let ledger = Arc::clone(&self.context.station.ledger);
        let measure = copy.content.measure().clone();
        let compared = ledger.received_again(comparison.with, measure).await;
        let is_another = matches!(compared, Err(LedgerError::OtherContent(_)));
        match comparison.if_another {
            IfAnother::Keep(offer) if is_another => self.keep_another(*offer, copy, octets).await,
            if_another => {
                copy.content.discard().await?;
                let refused = match if_another {
                    IfAnother::Refuse(refused) => refused,
                    IfAnother::Keep(_) => FileRefusal::other_content(),
                };
                self.compared(comparison.with, &copy.file.header, compared, refused)
                    .await
            }
        }
    }

    /// The copy is discarded: EFPA once more; or EFNA, where it was another file, with the reason why that is not taken.
    async fn compared(
        self,
        with: TransferId,
        header: &FileHeader,
        compared: Result<Persisted<Stored>, LedgerError>,
        refused: FileRefusal,
    ) -> Result<(), InternalError> {
        match compared {
            Ok(stored) => {
                promise::efpa(self.session, self.ticket, with, false, stored)?;
                self.unfinished.promised(self.context, with);
                Ok(())
            }
            Err(LedgerError::OtherContent(_)) => {
                self.efna(header, refused).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// It is another file of the same identity, and gets a row of its own.
    async fn keep_another(
        self,
        offer: Offer,
        mut copy: WholeFile,
        octets: u64,
    ) -> Result<(), InternalError> {
        match give_row(self.context, offer, &copy.file, octets).await {
            Ok(Some(edition)) => {
                copy.file.edition = edition;
                self.whole(copy).await
            }
            Ok(None) => {
                copy.content.discard().await?;
                let refused = FileRefusal::beyond_quota();
                self.refuse(copy.file.id, &copy.file.header, refused).await
            }
            Err(error) => {
                copy.content.discard().await?;
                Err(error.into())
            }
        }
    }
}

/// Gives the file its row: which edition of its identity it is, unless it is beyond the quota.
async fn give_row(
    context: &SessionContext,
    offer: Offer,
    copy: &Incoming,
    octets: u64,
) -> Result<Option<u32>, LedgerError> {
    let edition = context.station.ledger.another(copy.id, offer).await?;
    // The file that it was compared with was left out when the quota was looked at first.
    let quota = context.quota();
    let is_beyond = quota.is_beyond(&copy.header.key, copy.id, octets).await?;
    Ok((!is_beyond).then_some(edition))
}
