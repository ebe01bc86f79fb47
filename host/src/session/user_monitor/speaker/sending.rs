//! The file that is being sent, from its SFID to the answer to its EFID.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use oftp::{BLOCK, Counts, RecordReader, Session, TurnTicket};
use pointsman_policy::types;
use pointsman_store::contents::{ContentCheck, StoredContent};
use pointsman_store::{Direction, OutboundFile, TransferId, planted};

use crate::policy::facts::Finished;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::station::roster::{FileNow, UnderWay};

/// The file that is being sent.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(super) file: OutboundFile,
    pub(super) stage: Stage,
    began: Instant,
    /// When progress was reported last.
    pub(super) reported: Instant,
    /// Its progress, as it is shown among the sessions.
    pub(super) shown: UnderWay,
    /// What becomes of it is written down: it is no longer leased to this session.
    pub(super) is_concluded: bool,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// SFID is on its way.
    Offered,
    /// The partner takes it.
    Open(OpenFile),
    /// EFID is on its way.
    Closed,
}

/// A file that the partner takes.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub content: Arc<dyn StoredContent>,
    /// The next octet to send.
    pub position: u64,
    /// Whether it is what was queued.
    pub check: ContentCheck,
    /// Finds the records of a file that goes in records.
    pub records: Option<Box<RecordReader>>,
}

impl Sending {
    /// SFID.
    pub(super) fn offer(
        context: &SessionContext,
        file: OutboundFile,
        ticket: TurnTicket,
        session: &mut Session,
    ) -> Self {
        let mut header = file.header.clone();
        header.restart = restart_position(&file, session);
        let sending = Self::new(context, file, Stage::Offered);
        let _ = session.start_file(ticket, header);
        sending
    }

    pub(super) fn new(context: &SessionContext, file: OutboundFile, stage: Stage) -> Self {
        let shown = context.show_file(FileNow {
            transfer: file.id.to_string(),
            file: file.header.key.to_string(),
            direction: Direction::Outbound,
            octets: 0,
            size: file.octets,
            since: SystemTime::now(),
        });
        let began = Instant::now();
        Self {
            file,
            stage,
            began,
            reported: began,
            shown,
            is_concluded: false,
        }
    }

    /// Whether the engine may take octets of it.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_)) && !self.is_concluded
    }

    pub(super) fn id(&self) -> TransferId {
        self.file.id
    }

    /// The file's identity, for the log.
    pub(super) fn name(&self) -> String {
        self.file.header.key.to_string()
    }

    /// The session ended in the middle of the file: it waits for the next one.
    pub async fn break_off(
        &self,
        context: &mut SessionContext,
        why: &str,
    ) -> Result<(), InternalError> {
        if self.is_concluded || planted("file-of-a-broken-session-kept") {
            return Ok(());
        }
        let aborted = types::TransferOutcome::Aborted(why.to_owned());
        let told = self.tell_policies(context, aborted).await;
        context.release(self.id(), why).await?;
        told
    }

    /// Tells the policies how it ended.
    pub(super) async fn tell_policies(
        &self,
        context: &mut SessionContext,
        outcome: types::TransferOutcome,
    ) -> Result<(), InternalError> {
        let done = Finished {
            direction: Direction::Outbound,
            header: &self.file.header,
            outcome,
            target: None,
            counts: self.counts(),
            held: 0,
            digest: None,
            took: self.began.elapsed(),
            labels: &self.file.labels,
            asked: 0,
            can_refuse: None,
            security: None,
        };
        let told = context.policies.end_transfer(&done).await?;
        Ok(context.keep_notification(self.id(), &told).await?)
    }

    /// What the partner has been given of the file, what it had before included.
    fn counts(&self) -> Counts {
        match &self.stage {
            Stage::Offered => Counts::default(),
            Stage::Open(open) => match (&open.records, self.file.layout) {
                (Some(reader), Some(layout)) => Counts {
                    records: reader.position().records,
                    octets: layout.virtual_octets(reader.position()),
                },
                _ => Counts {
                    records: 0,
                    octets: open.position,
                },
            },
            Stage::Closed => self.file.counts,
        }
    }
}

/// The furthest position the partner may answer with: after a broken attempt, the whole file's blocks or records.
fn restart_position(file: &OutboundFile, session: &Session) -> u64 {
    let agreed = session.agreement().is_some_and(|agreed| agreed.restart);
    match file.layout {
        _ if !agreed || file.attempts == 0 => 0,
        Some(_) => file.counts.records,
        None => file.octets / BLOCK,
    }
}
