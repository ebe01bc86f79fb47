//! A file is closed (RFC 5024, 9.12, CLIP): its end is judged, every octet made durable, then written down, then EFPA.

use oftp::{CloseTicket, Closing, FileHeader, Position, Session};
use pointsman_policy::types::TransferOutcome;
use pointsman_store::contents::WholeContent;
use pointsman_store::{
    ContentKey, LedgerError, Note, Received, Sealed, Sidecar, TransferId, Undelivered, Verdict,
    planted,
};

use super::file_refusal::FileRefusal;
use super::judging::{self, Acceptance, Judgement};
use super::received::ReceivedFiles;
use super::receiving::Incoming;
use crate::events::Event;
use crate::inbound::rejected;
use crate::policy::facts::Finished;
use crate::security::is_to_be_opened;
use crate::session::user_monitor::activity::Activity;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::session::user_monitor::promise;

/// The answer to an EFID, until it is given.
pub(crate) struct Close<'a> {
    pub context: &'a mut SessionContext,
    pub unfinished: &'a mut ReceivedFiles,
    pub session: &'a mut Session,
    pub ticket: CloseTicket,
    pub closing: Closing,
}

/// A file whose octets are all here.
pub(super) struct WholeFile {
    pub file: Incoming,
    /// Octets of it that were here before this session.
    pub held: u64,
    pub content: Box<dyn WholeContent>,
}

impl Close<'_> {
    /// EFID: the file is kept (EFPA), or refused (EFNA). As long as the ledger may fail the file counts as being received, so
    /// that it breaks off with the session.
    pub async fn file(self, activity: &mut Activity) -> Result<(), InternalError> {
        let received = activity.receiving()?;
        let objection = received.objection(self.context, &self.closing).await?;
        let mut received = activity.end_receiving()?;
        if let Some(comparison) = received.comparison.take() {
            return self.copy(*comparison, received, objection).await;
        }
        let file = received.file;
        if let Some(refused) = objection {
            self.refuse(file.id, &file.header, refused).await?;
            return Ok(received.writer.intake.discard().await?);
        }
        // Whatever is sealed has a row. So a start that finds a sealed content without one knows that the ledger is an
        // older copy of itself, and removes nothing.
        if let Some(committing) = received.committing
            && let Err(error) = committing.done().await
        {
            received.writer.intake.discard().await?;
            return Err(error.into());
        }
        let held = received.writer.octets_held();
        match received.writer.finish().await {
            Ok(content) => {
                let whole = WholeFile {
                    file,
                    held,
                    content,
                };
                self.whole(whole).await
            }
            Err(error) => self.refuse(file.id, &file.header, error.into()).await,
        }
    }

    /// Every octet has come and is counted in the digest, and the file has its row. (The last octets may be written only
    /// when it is sealed.) The policies are asked what its end means, and it is kept or refused.
    pub(super) async fn whole(self, whole: WholeFile) -> Result<(), InternalError> {
        if is_to_be_opened(&whole.file.header) {
            return self.secured(whole).await;
        }
        let done = Finished {
            counts: self.closing.received,
            held: whole.held,
            digest: Some(&whole.content.measure().digest),
            can_refuse: Some(true),
            ..whole.file.finished(TransferOutcome::Completed)
        };
        match judging::judge(self.context, &done, &whole.file.target).await? {
            Judgement::Kept(kept) => self.keep(whole.file, whole.content, kept).await,
            Judgement::Refused(refused, note) => {
                self.write_down(whole.file.id, &refused, note.data).await?;
                self.efna(&whole.file.header, refused).await;
                Ok(whole.content.discard().await?)
            }
        }
    }

    /// The order that everything rests on: the content is sealed with its sidecar, the ledger commits, EFPA leaves.
    async fn keep(
        self,
        file: Incoming,
        content: Box<dyn WholeContent>,
        kept: Acceptance,
    ) -> Result<(), InternalError> {
        let id = file.id;
        let received = Received {
            counts: self.closing.received,
            measure: content.measure().clone(),
            wire_hash: None,
            target: kept.target.clone(),
            verdict: Some(kept.verdict.clone()),
            note: kept.note.clone(),
            labels: [&file.labels[..], &kept.labels].concat(),
            removal: rejected::removal_of(&self.context.delivery()),
        };
        let (partner, session_id) = (self.context.partner().to_owned(), &self.context.id);
        let sidecar = Sidecar::inbound(id, &partner, &file.header, &received, session_id)
            .of_edition(file.edition);
        if planted("row-before-seal") {
            row_before_seal(self.context, id, &received).await?;
        }
        let sealed = match content.seal(&sidecar).await {
            Ok(sealed) => sealed,
            Err(error) => return self.refuse(id, &file.header, error.into()).await,
        };
        let (ledger, removal) = (&self.context.station.ledger, received.removal);
        let stored = ledger.received(&sealed, received).await?;
        promise::efpa(self.session, self.ticket, id, kept.wants_turn, stored)?;
        self.unfinished.promised(self.context, id);
        let file = file.undelivered(partner, kept.target);
        log_received(self.context, &file, sealed.measure().octets);
        log_waiting(self.context, &file, &kept.verdict, kept.note.text);
        let (unfinished, hold) = (self.unfinished, sealed.into_hold());
        unfinished.follow_up(self.context, file, &kept.verdict, removal, hold);
        Ok(())
    }

    /// Records that nothing is kept of the file, and why; then EFNA. The row says so before anything is removed of a
    /// partial; a partial that stays is cut when the file is offered again.
    pub(super) async fn refuse(
        self,
        id: TransferId,
        header: &FileHeader,
        refused: FileRefusal,
    ) -> Result<(), InternalError> {
        self.write_down(id, &refused, None).await?;
        self.efna(header, refused).await;
        Ok(())
    }

    /// The row says that nothing is here, and the history why; with what led to the decision, where it was a policy's.
    pub(super) async fn write_down(
        &self,
        id: TransferId,
        refused: &FileRefusal,
        data: Option<String>,
    ) -> Result<(), InternalError> {
        let ledger = &self.context.station.ledger;
        ledger.checkpoint(id, Position::default()).await?;
        let text = refused.sentence("EFNA");
        let note = Note { text, data };
        Ok(ledger.remark(id, "refused", note).await?)
    }

    /// EFNA, once the row says what it has to say. Of a copy that is only compared there is no row.
    pub(super) async fn efna(self, header: &FileHeader, refused: FileRefusal) {
        refused.log(self.context, header, "EFNA");
        self.context.slow_down().await;
        promise::efna(self.session, self.ticket, refused.reason, refused.text);
    }
}

/// The planted mistake: the row says that the file is here before its content is sealed.
#[expect(
    clippy::disallowed_methods,
    reason = "only a planted mistake goes around the proof"
)]
async fn row_before_seal(
    context: &SessionContext,
    id: TransferId,
    received: &Received,
) -> Result<(), LedgerError> {
    let early = Sealed::unproven(ContentKey::wire_received(id), received.measure.clone());
    let ledger = &context.station.ledger;
    ledger.received(&early, received.clone()).await.map(drop)
}

/// EFPA is handed to the engine.
pub(super) fn log_received(context: &SessionContext, file: &Undelivered, octets: u64) {
    let transfer = file.id;
    context.station.partials.forget(&file.partner, transfer);
    context.log(Event::FileReceived {
        session: context.talk(),
        transfer,
        file: file.header.key.to_string(),
        octets,
    });
}

/// An operator decides about the receipt, where that is the verdict.
pub(super) fn log_waiting(
    context: &SessionContext,
    file: &Undelivered,
    verdict: &Verdict,
    reason: String,
) {
    if matches!(verdict, Verdict::Later(None)) {
        context.log(Event::ReceiptWaits {
            session: Some(context.id.clone()),
            transfer: file.id,
            partner: file.partner.clone(),
            file: file.header.key.to_string(),
            reason,
        });
    }
}
