//! A file is received (RFC 5024, 9.12, OPI): data, credit, and what is kept when it breaks off.

use std::time::Instant;

use oftp::{
    Closing, Counts, CreditTicket, FileData, FileHeader, FileReason, RecordLayout, Session,
};
use pointsman_policy::types;
use pointsman_store::{Committing, LedgerError, Offer, Target, TransferId, Undelivered};

use super::file_refusal::FileRefusal;
use super::partial::FileWriter;
use crate::policy::facts::Finished;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::station::holders::Holding;
use crate::station::roster::UnderWay;
use crate::station::size_limit::{GrowError, SizeLimit};

/// What is known of a file from its SFID to the answer to its EFID.
#[derive(Debug)]
pub(super) struct Incoming {
    pub id: TransferId,
    /// Which of the files of its identity it is.
    pub edition: u32,
    pub header: FileHeader,
    pub target: Target,
    /// When its SFID came.
    pub began: Instant,
    pub labels: Vec<(String, String)>,
    /// How its records are kept; of a secured file, once it is opened.
    pub layout: Option<RecordLayout>,
}

/// The file that is being received.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(super) file: Incoming,
    pub(super) writer: FileWriter,
    /// Octets of the virtual file by now, those that were here before included.
    pub(super) octets: u64,
    pub(super) limit: SizeLimit,
    /// That this session has the file.
    pub(super) holding: Holding,
    /// More came than `limit` allows: the rest is not kept, and EFID is answered with this (EFNA).
    pub(super) over_limit: Option<FileRefusal>,
    /// A file that is here already and comes once more, to be compared: its id is for the copy alone then, and the
    /// ledger does not know it.
    pub(super) comparison: Option<Box<Comparison>>,
    /// Its row, on the way to the disk.
    pub(super) committing: Option<Committing>,
    /// Its progress, as it is shown among the sessions.
    pub(super) shown: UnderWay,
}

/// What a file that comes to be compared is compared with, and what becomes of it should it be another.
#[derive(Debug)]
pub(super) struct Comparison {
    /// The file that is here.
    pub with: TransferId,
    pub if_another: IfAnother,
}

/// What becomes of a file whose content is another than that of the file it was compared with.
#[derive(Debug)]
pub(super) enum IfAnother {
    /// It is received under this offer.
    Keep(Box<Offer>),
    /// EFNA.
    Refuse(FileRefusal),
}

impl Comparison {
    /// With that file, as the partner's profile has it for the offer.
    pub fn of_offer(with: TransferId, offer: &Offer) -> Self {
        let if_another = match offer.repeated.takes_other_content(&offer.header.key) {
            true => IfAnother::Keep(Box::new(offer.clone())),
            false => IfAnother::Refuse(FileRefusal::other_content()),
        };
        Self { with, if_another }
    }
}

impl Incoming {
    /// The facts of its end, without those that its content gives.
    pub fn finished(&self, outcome: types::TransferOutcome) -> Finished<'_> {
        let took = self.began.elapsed();
        Finished::inbound(outcome, &self.header, &self.target, &self.labels, took)
    }

    /// It is kept, and is to be delivered there.
    pub fn undelivered(self, partner: String, target: Target) -> Undelivered {
        Undelivered {
            id: self.id,
            partner,
            header: self.header,
            target,
            placing: None,
        }
    }
}

impl Receiving {
    /// DATA: what came goes to the spool, as far as the file may have so much.
    pub async fn data(
        &mut self,
        context: &SessionContext,
        data: FileData,
        session: &mut Session,
    ) -> Result<(), InternalError> {
        if self.over_limit.is_some() {
            return Ok(());
        }
        // SFIDFSIZ is an estimate; what counts is what comes.
        self.octets = self.octets.saturating_add(data.octets.len() as u64);
        self.holding.moved();
        self.shown.moved(self.octets);
        let octets = self.writer.arrange(data);
        // What is written around records takes space, too, however empty they are.
        let local = self.writer.intake.octets() + octets.len() as u64;
        let needed = self.octets.max(local);
        if !self.limit.allows(needed) {
            self.grow(context, needed).await?;
        }
        if octets.is_empty() || self.over_limit.is_some() {
            return Ok(());
        }
        if let Some(spent) = self.writer.intake.write(octets).await? {
            session.recycle(spent);
        }
        Ok(())
    }

    /// Whether the file comes over a new session, since none of its octets came here.
    pub fn is_overtaken(&self) -> bool {
        self.holding.is_overtaken()
    }

    /// Why a file whose end is announced is not kept, if it is not. A copy takes nothing of the quota.
    pub(super) async fn objection(
        &self,
        context: &SessionContext,
        closing: &Closing,
    ) -> Result<Option<FileRefusal>, LedgerError> {
        let wrong = self.wrong(closing);
        if wrong.is_some() || self.comparison.is_some() {
            return Ok(wrong);
        }
        let (quota, file) = (context.quota(), &self.file);
        let used_up = (self.limit).is_used_up(quota, &file.header.key, file.id, self.octets);
        Ok(used_up.await?.then(FileRefusal::beyond_quota))
    }

    /// What is wrong with the file by its records, its size, and what EFID says.
    fn wrong(&self, closing: &Closing) -> Option<FileRefusal> {
        if let Some(problem) = self.writer.problem() {
            return Some(FileRefusal::for_good(FileReason::RecordLength, problem));
        }
        if self.over_limit.is_some() {
            return self.over_limit.clone();
        }
        let reason = closing.discrepancy()?;
        let (received, announced) = (closing.received, closing.announced);
        let text = format!(
            "received {} octets and {} records, EFID says {} and {}",
            received.octets, received.records, announced.octets, announced.records
        );
        Some(FileRefusal::for_good(reason, text))
    }

    /// It takes more of the quota, or is over its limit.
    async fn grow(&mut self, context: &SessionContext, needed: u64) -> Result<(), LedgerError> {
        let (quota, file) = (context.quota(), &self.file);
        let grown = self.limit.grow(quota, &file.header.key, file.id, needed);
        match grown.await {
            Ok(()) => Ok(()),
            Err(GrowError::Ledger(error)) => Err(error),
            Err(error) => {
                self.over_limit = Some(error.into());
                Ok(())
            }
        }
    }

    /// All but the last 64 KiB of the window is written: the partner may send the next one (CDT). Written is not durable:
    /// `catch_up` begins a sync now and then, and what one that has ended made durable is committed as a checkpoint.
    pub async fn window_used_up(
        &mut self,
        context: &SessionContext,
        ticket: CreditTicket,
        session: &mut Session,
    ) -> Result<(), InternalError> {
        let boundary = self.writer.boundary();
        let durable = self.writer.intake.catch_up(boundary).await?;
        if let Some(durable) = durable.filter(|_| self.comparison.is_none()) {
            let ledger = &context.station.ledger;
            ledger.checkpoint(self.file.id, durable).await?;
        }
        let _ = session.grant_credit(ticket);
        Ok(())
    }

    /// The session ended in the middle of the file: what is here is made durable, to be resumed.
    pub async fn break_off(
        self,
        context: &mut SessionContext,
        why: &str,
    ) -> Result<(), InternalError> {
        if self.comparison.is_some() {
            return Ok(self.writer.intake.discard().await?);
        }
        let station = &context.station;
        // Listed before its lock is released: the session that gets the lock must find it in the list.
        station.partials.keep(context.partner(), self.file.id);
        let (at, held) = (self.writer.boundary(), self.writer.octets_held());
        let octets = self.writer.virtual_octets(at);
        let locked = self.writer.intake.pause().await?;
        station.ledger.checkpoint(self.file.id, at).await?;
        drop(locked);
        station.bound_partials(context.partner()).await;
        let kept = format!("{why}; {octets} octets are kept to resume from");
        station
            .ledger
            .remark(self.file.id, "broken-off", kept.into())
            .await?;
        let done = Finished {
            counts: Counts {
                records: at.records,
                octets,
            },
            held,
            ..self
                .file
                .finished(types::TransferOutcome::Aborted(why.to_owned()))
        };
        let told = context.policies.end_transfer(&done).await?;
        Ok(context.keep_notification(self.file.id, &told).await?)
    }
}
