//! What becomes of a file that was offered: it is sent, offered again later, or parked for an operator.

use std::time::SystemTime;

use oftp::{CloseRefusal, FileReason};
use pointsman_policy::types;
use pointsman_store::{SpoolError, planted};

use super::sending::Sending;
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;

/// Why a file was not taken.
struct NotTaken {
    reason: FileReason,
    retry: bool,
    why: String,
}

impl Sending {
    /// SFNA.
    pub async fn refused(
        &mut self,
        context: &mut SessionContext,
        reason: FileReason,
        retry: bool,
        text: &str,
    ) -> Result<(), InternalError> {
        // The EFPA of an earlier attempt was lost: the partner has the file (RFC 5024, 5.3.5, reason 13).
        let in_doubt = self.file.in_doubt && !planted("doubt-ignored");
        if reason == FileReason::Duplicate && in_doubt {
            let how = "SFNA 13 after an attempt whose answer was lost";
            return self.sent(context, how).await;
        }
        let why = format!("SFNA {:02} {}: {text}", reason.code(), reason.meaning());
        let refusal = NotTaken { reason, retry, why };
        self.park_or_wait(context, refusal).await
    }

    /// EFPA, or EFNA.
    pub async fn close_answered(
        &mut self,
        context: &mut SessionContext,
        answer: Result<(), CloseRefusal>,
    ) -> Result<(), InternalError> {
        match answer {
            Ok(()) => self.sent(context, "EFPA").await,
            // It looks for duplicates when it has the file once more (RFC 5024, 5.3.10, reason 13).
            Err(CloseRefusal { reason, .. })
                if reason == FileReason::Duplicate && self.file.may_have =>
            {
                let how = "EFNA 13 after an attempt whose answer was lost";
                self.sent(context, how).await
            }
            Err(CloseRefusal { reason, text }) => {
                let why = format!("EFNA {:02} {}: {text}", reason.code(), reason.meaning());
                context.station.ledger.not_there(self.id()).await?;
                let refusal = NotTaken {
                    reason,
                    retry: true,
                    why,
                };
                self.park_or_wait(context, refusal).await
            }
        }
    }

    /// The partner has the file.
    async fn sent(&mut self, context: &mut SessionContext, how: &str) -> Result<(), InternalError> {
        context.station.ledger.sent(self.id(), how).await?;
        self.is_concluded = true;
        self.tell_policies(context, types::TransferOutcome::Completed)
            .await?;
        context.log(Event::FileSent {
            session: context.talk(),
            transfer: self.id(),
            file: self.name(),
        });
        Ok(())
    }

    /// Content that cannot be read at the moment is offered again, as often as a file that is refused; content that is gone
    /// is not.
    pub(super) async fn unreadable(
        &mut self,
        context: &mut SessionContext,
        error: SpoolError,
    ) -> Result<(), InternalError> {
        if error.is_gone() {
            return self.park_damaged(context, error.to_string()).await;
        }
        let refusal = NotTaken {
            reason: FileReason::AccessMethod,
            retry: true,
            why: format!("its content cannot be read now: {error}"),
        };
        self.park_or_wait(context, refusal).await?;
        Err(InternalError::NotSendable(
            "the file to send cannot be read",
        ))
    }

    /// Content that is lost cannot be sent by trying again: an operator must see it.
    pub(super) async fn park_damaged(
        &mut self,
        context: &SessionContext,
        why: String,
    ) -> Result<(), InternalError> {
        let reason = format!("its content in the spool is damaged: {why}; queue the file again");
        context.log(Event::ContentDamaged {
            session: context.talk(),
            transfer: self.id(),
            file: self.name(),
            reason: reason.clone(),
        });
        context.station.ledger.park(self.id(), &reason).await?;
        self.is_concluded = true;
        self.log_refused(context, reason);
        Err(InternalError::NotSendable("the file to send is damaged"))
    }

    async fn park_or_wait(
        &mut self,
        context: &mut SessionContext,
        refusal: NotTaken,
    ) -> Result<(), InternalError> {
        let what = self.write_down(context, &refusal).await?;
        self.is_concluded = true;
        let refused = types::Refusal {
            reason: refusal.reason.code(),
            text: refusal.why,
            retry: refusal.retry,
        };
        self.tell_policies(context, types::TransferOutcome::Refused(refused))
            .await?;
        self.log_refused(context, what);
        Ok(())
    }

    /// The file waits for its next offer, or is parked where there is none; returns which, in words.
    async fn write_down(
        &self,
        context: &SessionContext,
        NotTaken { retry, why, .. }: &NotTaken,
    ) -> Result<String, InternalError> {
        let retries = context.profile().map(|profile| profile.retry);
        let refusals = self.file.refusals + 1;
        let again = retries
            .filter(|retries| *retry && refusals < retries.offers)
            .map(|retries| retries.refused.after(refusals));
        let ledger = &context.station.ledger;
        if let Some(wait) = again {
            let when = SystemTime::now() + wait;
            ledger.refused(self.id(), when, why).await?;
            let seconds = wait.as_secs();
            return Ok(format!("{why}; it is offered again in {seconds} seconds"));
        }
        ledger.park(self.id(), why).await?;
        let because = match retry {
            true => format!("it was refused {refusals} times, as often as `retry.offers` allows"),
            false => "the partner refused it for good".to_owned(),
        };
        Ok(format!("{why}; it is parked, since {because}"))
    }

    fn log_refused(&self, context: &SessionContext, reason: String) {
        context.log(Event::SendRefused {
            session: context.talk(),
            transfer: self.id(),
            file: self.name(),
            reason,
        });
    }
}
