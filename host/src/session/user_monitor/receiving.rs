//! A file on its way in (RFC 5024, 9.12, OPI): data, credit, and what is kept when it breaks off.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use oftp::{
    Counts, CreditTicket, FileData, FileHeader, FileKey, FileReason, Position, RecordLayout,
    RecordWriter, Session,
};
use pointsman_policy::types;
use pointsman_store::{Committing, LedgerError, Offer, SpoolError, Target, TransferId};

use super::{Monitor, Trouble};
use crate::contents::intake::Intake;
use crate::events::Event as Happening;
use crate::policy::facts::{self, Finished};
use crate::station::holders::Holding;
use crate::station::quota::{Allowance, STEP};
use crate::station::roster::UnderWay;

/// The file being received.
#[derive(Debug)]
pub(super) struct Receiving {
    pub id: TransferId,
    /// Which of the files of its identity it is.
    pub edition: u32,
    pub header: FileHeader,
    pub target: Target,
    pub intake: Intake,
    /// A file of records: how they stand in the spool, and who puts them there.
    pub records: Option<(RecordLayout, RecordWriter)>,
    /// What was here before this session.
    pub held: Position,
    /// Octets of the virtual file by now, those that were here before included.
    pub octets: u64,
    pub began: Instant,
    pub labels: Vec<(String, String)>,
    /// Octets it may have.
    pub most: u64,
    /// What it has of its partner's quota, if there is one.
    pub allowance: Option<Allowance>,
    /// It is this session's.
    pub holding: Holding,
    /// It has more: the rest is not kept, and EFID is answered with EFNA.
    pub over_limit: bool,
    /// A file that is here already and comes once more, to be compared: `id` is for the copy alone then, and the
    /// ledger does not know it.
    pub again: Option<Box<Again>>,
    /// Its row, on the way to the disk.
    pub committing: Option<Committing>,
    /// How far it is, for whoever looks at the sessions.
    pub shown: UnderWay,
}

/// What a file that comes to be compared is compared with, and what it is should it be another.
#[derive(Debug)]
pub(super) struct Again {
    /// The file that is here.
    pub of: TransferId,
    /// What is taken then, or why another one is not.
    pub another: Result<Offer, Refused>,
}

impl Receiving {
    /// From where the file could go on if it broke off now.
    fn boundary(&self) -> Position {
        match &self.records {
            Some((_, writer)) => writer.boundary(),
            None => Position {
                octets: self.intake.octets(),
                records: 0,
            },
        }
    }

    /// Octets of the virtual file that were here before this session.
    pub fn octets_held(&self) -> u64 {
        match &self.records {
            Some((layout, _)) => layout.virtual_octets(self.held),
            None => self.held.octets,
        }
    }
}

impl Monitor {
    pub(super) async fn data(
        &mut self,
        data: FileData,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Some(receiving) = &mut self.receiving else {
            return Ok(());
        };
        if receiving.over_limit {
            return Ok(());
        }
        // SFIDFSIZ is an estimate; what counts is what comes.
        receiving.octets = receiving.octets.saturating_add(data.octets.len() as u64);
        receiving.holding.moved();
        receiving.shown.moved(receiving.octets);
        let octets = match &mut receiving.records {
            Some((_, writer)) => writer.write(data),
            None => data.octets,
        };
        // What stands around records takes room, too, be they as empty as they like.
        let local = receiving.intake.octets() + octets.len() as u64;
        let needed = receiving.octets.max(local);
        if needed > receiving.most && !self.takes_more(needed).await? {
            return Ok(());
        }
        let Some(receiving) = &mut self.receiving else {
            return Ok(());
        };
        if octets.is_empty() {
            return Ok(());
        }
        if let Some(spent) = receiving.intake.write(octets).await? {
            session.recycle(spent);
        }
        Ok(())
    }

    /// All but the last 64 KiB of the window is written: the peer may send the next one. What an earlier sync made durable
    /// is committed as a checkpoint.
    pub(super) async fn window_used_up(
        &mut self,
        ticket: CreditTicket,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        if let Some(receiving) = &mut self.receiving {
            let boundary = receiving.boundary();
            let durable = receiving.intake.settle(boundary).await?;
            if let Some(durable) = durable.filter(|_| receiving.again.is_none()) {
                self.station
                    .ledger
                    .checkpoint(receiving.id, durable)
                    .await?;
            }
        }
        let _ = session.grant_credit(ticket);
        Ok(())
    }

    /// The session ended in the middle of a file: what is here is made durable, to go on from.
    pub(super) async fn break_off(
        &mut self,
        receiving: Receiving,
        why: &str,
    ) -> Result<(), Trouble> {
        if receiving.again.is_some() {
            return Ok(receiving.intake.discard().await?);
        }
        // Kept before it is let go: whoever takes it up then is to find it among those that are kept.
        self.station.partials.keep(self.partner(), receiving.id);
        let (at, held) = (receiving.boundary(), receiving.octets_held());
        let Receiving {
            id,
            header,
            target,
            intake,
            records,
            began,
            labels,
            ..
        } = receiving;
        let locked = intake.pause().await?;
        self.station.ledger.checkpoint(id, at).await?;
        drop(locked);
        self.station.bound_partials(self.partner()).await;
        let octets = records.map_or(at.octets, |(layout, _)| layout.virtual_octets(at));
        let kept = format!("{why}; {octets} octets are kept to go on from");
        self.station.ledger.remark(id, "broken-off", &kept).await?;
        let done = Finished {
            received: true,
            header: &header,
            outcome: types::TransferOutcome::Aborted(why.to_owned()),
            target: Some(&target),
            counts: Counts {
                records: at.records,
                octets,
            },
            held,
            digest: None,
            took: began.elapsed(),
            labels: &labels,
            asked: 0,
        };
        let connection = self.connection()?.clone();
        self.policies
            .end_transfer(&connection, &facts::transfer(&done), SystemTime::now())
            .await;
        Ok(())
    }

    /// Whether the open file may have so many octets: more than it announced, of a quota that has as much left.
    async fn takes_more(&mut self, needed: u64) -> Result<bool, Trouble> {
        let within = needed <= self.most_octets();
        let key = self.receiving.as_ref().map(|file| file.header.key.clone());
        let granted = match key {
            Some(key) if within => self.grant_more(needed, &key).await?,
            _ => None,
        };
        if let Some(receiving) = &mut self.receiving {
            match granted {
                Some(granted) => receiving.most = granted,
                None => receiving.over_limit = true,
            }
        }
        Ok(granted.is_some())
    }

    async fn grant_more(&mut self, needed: u64, key: &FileKey) -> Result<Option<u64>, Trouble> {
        let Some(id) = self.receiving.as_ref().map(|file| file.id) else {
            return Ok(None);
        };
        if self.quota().is_none() {
            return Ok(None);
        }
        let station = Arc::clone(&self.station);
        let _gate = station.quotas.gate(self.partner()).await;
        let left = self.quota_left(key, Some(id)).await?;
        let Some(receiving) = self.receiving.as_ref().filter(|_| needed <= left) else {
            return Ok(None);
        };
        let Some(allowance) = &receiving.allowance else {
            return Ok(None);
        };
        let granted = (receiving.most + STEP).max(needed).min(left);
        allowance.grant(granted);
        Ok(Some(granted.min(self.most_octets())))
    }

    /// Tells what is wrong here, if so, and that the file is refused by this command.
    pub(super) fn tell_refused(&self, header: &FileHeader, command: &str, refused: &Refused) {
        let file = header.key.to_string();
        let Refused { reason, text, .. } = refused;
        let session = self.talk();
        match refused.cause.clone() {
            Some(Cause::Spool(reason)) => self.tell(Happening::SpoolFailed {
                session,
                file: file.clone(),
                reason,
            }),
            Some(Cause::Ledger(reason)) => self.tell(Happening::LedgerFailed {
                session,
                file: file.clone(),
                reason,
            }),
            None => {}
        }
        self.tell(Happening::FileRefused {
            session: self.talk(),
            file,
            reason: format!(
                "{command} {:02} {}: {text}",
                reason.code(),
                reason.meaning()
            ),
        });
    }
}

/// A file we will not have: SFNA, or EFNA where it is closed already.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub reason: FileReason,
    pub retry: bool,
    pub text: String,
    /// What is wrong here, where it is not the file.
    pub cause: Option<Cause>,
}

/// What of ours failed, for the log alone.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Spool(String),
    Ledger(String),
}

impl Refused {
    pub fn for_good(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            retry: false,
            text: text.into(),
            cause: None,
        }
    }

    pub fn for_now(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            retry: true,
            text: text.into(),
            cause: None,
        }
    }
}

/// Nothing was written down, so nothing is promised: the file may come again.
impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        let text = "the file cannot be written down at the moment";
        Self {
            cause: Some(Cause::Ledger(error.to_string())),
            ..Self::for_now(FileReason::AccessMethod, text)
        }
    }
}

impl From<SpoolError> for Refused {
    fn from(error: SpoolError) -> Self {
        let (reason, text) = match &error {
            // Nothing is wrong here: the file goes on in the session that has it.
            SpoolError::Busy(_) => {
                let text = "an earlier session still holds this file";
                return Self::for_now(FileReason::AccessMethod, text);
            }
            full if full.is_full() => (FileReason::TooBig, "there is no room at the moment"),
            _ => (
                FileReason::AccessMethod,
                "the file cannot be stored at the moment",
            ),
        };
        Self {
            cause: Some(Cause::Spool(error.to_string())),
            ..Self::for_now(reason, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what is wrong here is an error of ours.
    #[test]
    fn a_file_that_another_session_holds_is_no_trouble_of_the_spool() {
        let held = Refused::from(SpoolError::Busy("spool/x".into()));
        assert!(held.retry && held.cause.is_none());
        let failed = SpoolError::Io {
            path: "spool/x".into(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        };
        assert!(matches!(Refused::from(failed).cause, Some(Cause::Spool(_))));
    }
}
