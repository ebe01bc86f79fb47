//! A file is closed (RFC 5024, 9.12, CLIP): its end is judged, every octet made durable,
//! then written down, then EFPA.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use oftp::{
    CloseTicket, Closing, FileHeader, FileReason, NerpReason, Position, RecordLayout, RecordWriter,
    Session,
};
use pointsman_policy::types;
use pointsman_store::{
    CONTENT_REMOVED, Labels, LedgerError, Persisted, Received, Repeated, Sidecar, SpoolError,
    Stored, Target, TransferId, Undelivered, Verdict, Whole, planted,
};

use super::offering::{BLOCK, too_big};
use super::receiving::{Again, Receiving, Refused};
use super::{Monitor, Trouble, labelled, promise};
use crate::contents::blocking::blocking;
use crate::contents::intake::Intake;
use crate::events::Event as Happening;
use crate::inbound::delivery;
use crate::inbound::receipts;
use crate::naming::names;
use crate::policy::facts::{self, Finished};

/// Commands of one session whose receipts our next turn waits for.
const HAND_OVERS: usize = 64;

/// A file whose octets are all here.
struct Here {
    id: TransferId,
    edition: u32,
    header: FileHeader,
    target: Target,
    began: Instant,
    labels: Vec<(String, String)>,
    /// Octets of it that were here before this session.
    held: u64,
}

/// What becomes of a file whose octets are all here.
enum Ending {
    /// EFPA.
    Kept {
        verdict: Verdict,
        target: Target,
        change_direction: bool,
        /// What `end-transfer` says of it, beside what `accept-file` said.
        labels: Labels,
    },
    /// EFNA.
    Refused(Refused),
}

impl Monitor {
    pub(super) async fn file_closed(
        &mut self,
        ticket: CloseTicket,
        closing: Closing,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Some(mut receiving) = self.receiving.take() else {
            return Err(Trouble::OutOfStep("a file was closed that was not open"));
        };
        if let Some(again) = receiving.again.take() {
            return self
                .closed_again(ticket, *again, receiving, &closing, session)
                .await;
        }
        let refused = match wrong(&receiving, &closing) {
            None => self.beyond_quota(&receiving).await?,
            wrong => wrong,
        };
        if let Some(refused) = refused {
            let Receiving {
                id, header, intake, ..
            } = receiving;
            self.say_refused(ticket, id, &header, refused, session)
                .await?;
            return Ok(intake.discard().await?);
        }
        let held = receiving.octets_held();
        let Receiving {
            id,
            edition,
            header,
            target,
            intake,
            records,
            began,
            labels,
            committing,
            ..
        } = receiving;
        // What is sealed has a row, always: so a start can tell a crash from a ledger that is an older one.
        if let Some(committing) = committing
            && let Err(error) = committing.done().await
        {
            intake.discard().await?;
            return Err(error.into());
        }
        let whole = match finish(intake, records).await {
            Ok(whole) => whole,
            Err(error) => {
                return self
                    .say_refused(ticket, id, &header, error.into(), session)
                    .await;
            }
        };
        let here = Here {
            id,
            edition,
            header,
            target,
            began,
            labels,
            held,
        };
        self.keep(ticket, here, whole, &closing, session).await
    }

    /// Every octet is in the spool and the file has its row: what its end means is asked, and it is kept or not.
    async fn keep(
        &mut self,
        ticket: CloseTicket,
        here: Here,
        whole: Whole,
        closing: &Closing,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Here {
            id,
            edition,
            header,
            target,
            began,
            labels,
            held,
        } = here;
        let done = Finished {
            received: true,
            header: &header,
            outcome: types::TransferOutcome::Completed,
            target: Some(&target),
            counts: closing.received,
            held,
            digest: Some(&whole.seal().digest),
            took: began.elapsed(),
            labels: &labels,
            asked: 0,
        };
        let (ending, note) = self.judge(&done, target.clone()).await?;
        let (verdict, target, change_direction, more) = match ending {
            Ending::Kept {
                verdict,
                target,
                change_direction,
                labels,
            } => (verdict, target, change_direction, labels),
            Ending::Refused(refused) => {
                self.say_refused(ticket, id, &header, refused, session)
                    .await?;
                return Ok(blocking(move || whole.discard()).await?);
            }
        };
        let octets = whole.seal().octets;
        let delivers = !matches!(verdict, Verdict::Negative(_));
        let waits_for_operator = matches!(verdict, Verdict::Later(None)).then(|| note.clone());
        let handed_over = matches!(verdict, Verdict::HandOver(_));
        let keeps = delivers || self.delivery().keeps_rejected;
        let received = Received {
            counts: closing.received,
            seal: whole.seal().clone(),
            target: target.clone(),
            verdict,
            note,
            labels: [labels, more].concat(),
        };
        let sidecar =
            Sidecar::inbound(id, self.partner(), &header, &received, &self.id).of_edition(edition);
        if planted("row-before-seal") {
            self.station.ledger.received(id, received.clone()).await?;
        }
        // Held until the row says that the blob is there.
        let hold = match blocking(move || whole.keep(&sidecar)).await {
            Ok(hold) => hold,
            Err(error) => {
                return self
                    .say_refused(ticket, id, &header, error.into(), session)
                    .await;
            }
        };
        let stored = self.station.ledger.received(id, received).await?;
        promise::efpa(session, ticket, change_direction, stored);
        self.station.partials.forget(self.partner(), id);
        self.promised(id);
        if !keeps && let Err(error) = self.remove_rejected(id).await {
            // The next start removes it.
            self.tell(Happening::ContentStays {
                session: self.talk(),
                transfer: id,
                reason: error.to_string(),
            });
        }
        let (partner, file) = (self.partner().to_owned(), header.key.to_string());
        self.tell(Happening::FileReceived {
            session: self.talk(),
            transfer: id,
            file: file.clone(),
            octets,
        });
        if let Some(reason) = waits_for_operator {
            self.tell(Happening::ReceiptWaits {
                session: Some(self.id.clone()),
                transfer: id,
                partner: partner.clone(),
                file,
                reason,
            });
        }
        if delivers {
            let file = Undelivered {
                id,
                partner,
                header,
                target,
                placing: None,
            };
            self.make_way().await;
            if handed_over {
                self.hand_overs.extend(self.station.questions.expect(id));
            }
            self.deliveries
                .push(delivery::start(Arc::clone(&self.station), file, Some(hold)));
        }
        Ok(())
    }

    /// Looks at the quota once more: another process may have received something for the same partner meanwhile.
    async fn beyond_quota(&mut self, receiving: &Receiving) -> Result<Option<Refused>, Trouble> {
        if receiving.allowance.is_none() {
            return Ok(None);
        }
        let key = &receiving.header.key;
        let left = self.quota_left(key, Some(receiving.id)).await?;
        Ok((receiving.octets > left).then(used_up))
    }

    /// A file came once more: EFPA once more if it is the same, and nothing else. Other content is refused, or kept as
    /// another file, as the partner's profile has it. But for the latter the copy is gone afterwards.
    async fn closed_again(
        &mut self,
        ticket: CloseTicket,
        again: Again,
        receiving: Receiving,
        closing: &Closing,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Again { of, another } = again;
        let wrong = match &another {
            // It is longer than the file that is here.
            Err(refused) if receiving.over_limit => Some(refused.clone()),
            _ => wrong(&receiving, closing),
        };
        let held = receiving.octets_held();
        let Receiving {
            id,
            header,
            target,
            intake,
            records,
            octets,
            began,
            labels,
            ..
        } = receiving;
        let copy = match finish(intake, records).await {
            Ok(copy) => copy,
            Err(error) => {
                self.forget_copy(id).await;
                self.say_efna(ticket, &header, error.into(), session).await;
                return Ok(());
            }
        };
        if let Some(refused) = wrong {
            blocking(move || copy.discard()).await?;
            self.say_efna(ticket, &header, refused, session).await;
            return Ok(());
        }
        let ledger = Arc::clone(&self.station.ledger);
        let compared = ledger.received_again(of, copy.seal().clone()).await;
        let is_another = matches!(compared, Err(LedgerError::OtherContent(_)));
        let offer = match another {
            Ok(offer) if is_another => offer,
            another => {
                blocking(move || copy.discard()).await?;
                let refused = another.err();
                return self
                    .say_compared(ticket, &header, compared, refused, session)
                    .await;
            }
        };
        let edition = match ledger.another(id, offer).await {
            Ok(edition) => edition,
            Err(error) => {
                blocking(move || copy.discard()).await?;
                return Err(error.into());
            }
        };
        // The one it was compared with was left out when the quota was looked at first.
        match self.is_beyond_quota(&header.key, id, octets).await {
            Ok(false) => {}
            Ok(true) => {
                blocking(move || copy.discard()).await?;
                return self
                    .say_refused(ticket, id, &header, used_up(), session)
                    .await;
            }
            Err(error) => {
                blocking(move || copy.discard()).await?;
                return Err(error.into());
            }
        }
        let here = Here {
            id,
            edition,
            header,
            target,
            began,
            labels,
            held,
        };
        self.keep(ticket, here, copy, closing, session).await
    }

    /// What came of a copy that could not be finished is nobody's: it has no row. What cannot be removed now, the next
    /// start removes.
    async fn forget_copy(&self, id: TransferId) {
        let spool = self.station.spool.clone();
        let _ = blocking(move || spool.partial(id)?.remove()).await;
    }

    /// EFPA once more for a copy that is gone; or EFNA, where it was another file, for the reason that speaks against that.
    async fn say_compared(
        &mut self,
        ticket: CloseTicket,
        header: &FileHeader,
        compared: Result<Persisted<Stored>, LedgerError>,
        refused: Option<Refused>,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        match compared {
            Ok(stored) => {
                let Stored(of) = *stored;
                promise::efpa(session, ticket, false, stored);
                self.promised(of);
                Ok(())
            }
            Err(LedgerError::OtherContent(_)) => {
                let refused = refused.unwrap_or_else(other_content);
                self.say_efna(ticket, header, refused, session).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// For one more delivery. Of commands that are slower than that the receipts of the latest are waited for.
    async fn make_way(&mut self) {
        self.hand_overs.retain(|one| !one.is_answered());
        if self.hand_overs.len() >= HAND_OVERS {
            self.hand_overs.remove(0);
        }
        self.deliveries.make_way().await;
    }

    /// EFPA has left. Where it matters, whatever the partner says next will show that it has come.
    fn promised(&mut self, id: TransferId) {
        self.unconfirmed = (self.repeated() != Repeated::Refused).then_some(id);
    }

    /// The content of a refused file is not to be kept; that it came is remembered.
    async fn remove_rejected(&mut self, id: TransferId) -> Result<(), Trouble> {
        let why = "delivery.rejected: delete";
        self.station.ledger.remark(id, CONTENT_REMOVED, why).await?;
        let spool = self.station.spool.clone();
        Ok(blocking(move || spool.discard_content(id)).await?)
    }

    /// Asks what the end of the file means.
    async fn judge(
        &mut self,
        done: &Finished<'_>,
        target: Target,
    ) -> Result<(Ending, String), Trouble> {
        let connection = self.connection()?.clone();
        let answer = self
            .policies
            .end_transfer(&connection, &facts::transfer(done), SystemTime::now())
            .await;
        let kept = |verdict| Ending::Kept {
            verdict,
            target: target.clone(),
            change_direction: false,
            labels: Labels::new(),
        };
        let (ending, shown) = match &answer.decision {
            types::ResponseDecision::Pass => {
                let (verdict, shown) = receipts::positive(&self.station.config, self.partner());
                (kept(verdict), shown)
            }
            types::ResponseDecision::Positive(terms) => {
                let directory = terms
                    .directory
                    .clone()
                    .unwrap_or_else(|| target.directory.clone());
                let file_name = terms
                    .file_name
                    .clone()
                    .unwrap_or_else(|| target.file_name.clone());
                // The folder is the one above: it is said in any case.
                let moved = names::target(
                    &directory,
                    done.header,
                    Some(&directory),
                    Some(&file_name),
                    None,
                    target.overwrite,
                );
                // The place accept-file chose is sound; a bad second thought does not lose a file.
                let moved = moved.unwrap_or_else(|bad| {
                    self.tell(Happening::PolicyBadName {
                        session: self.talk(),
                        reason: bad.to_string(),
                    });
                    target.clone()
                });
                let (verdict, shown) = receipts::positive(&self.station.config, self.partner());
                let shown = format!(
                    "{shown}, to {}{}",
                    facts::path(&moved),
                    labelled(&terms.labels)
                );
                (
                    Ending::Kept {
                        verdict,
                        target: moved,
                        change_direction: terms.request_turn.unwrap_or(false),
                        labels: terms.labels.clone(),
                    },
                    shown,
                )
            }
            types::ResponseDecision::Negative(no) => {
                let reason = NerpReason::from_code(no.reason);
                let (verdict, shown) = receipts::negative(&done.header.key, reason, &no.text);
                (kept(verdict), shown)
            }
            types::ResponseDecision::Later(seconds) => {
                let when = receipts::ask_again(*seconds);
                (kept(Verdict::Later(when)), receipts::waits(*seconds))
            }
            types::ResponseDecision::Refuse(no) => {
                let reason = FileReason::from_code(no.reason);
                let ending = Ending::Refused(Refused::for_good(reason, no.text.clone()));
                (ending, format!("EFNA {:02} {}", no.reason, no.text))
            }
        };
        let note = self.note(("end-transfer", Some(&done.header.key)), &answer, shown);
        Ok((ending, note))
    }

    /// EFNA, after the row that nothing is here and a line in the history that says why. What is in the spool is
    /// removed after that: the row goes first.
    async fn say_refused(
        &mut self,
        ticket: CloseTicket,
        id: TransferId,
        header: &FileHeader,
        refused: Refused,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Refused { reason, text, .. } = &refused;
        let nothing = Position::default();
        self.station.ledger.checkpoint(id, nothing).await?;
        let why = format!("EFNA {:02} {}: {text}", reason.code(), reason.meaning());
        self.station.ledger.remark(id, "refused", &why).await?;
        self.say_efna(ticket, header, refused, session).await;
        Ok(())
    }

    async fn say_efna(
        &mut self,
        ticket: CloseTicket,
        header: &FileHeader,
        refused: Refused,
        session: &mut Session,
    ) {
        self.tell_refused(header, "EFNA", &refused);
        self.slow_down().await;
        let Refused { reason, text, .. } = refused;
        promise::efna(session, ticket, reason, text);
    }
}

fn used_up() -> Refused {
    let text = "the quota of this partner is used up for now";
    Refused::for_now(FileReason::TooBig, text)
}

/// Ends the octets of a file, with those that its layout adds at its end.
/// Against a file of other content under an identity that counts.
pub(super) fn other_content() -> Refused {
    let text = "a file of the same name, date and time is here, and it is another";
    Refused::for_good(FileReason::Duplicate, text)
}

async fn finish(
    mut intake: Intake,
    records: Option<(RecordLayout, RecordWriter)>,
) -> Result<Whole, SpoolError> {
    let last = records.map_or_else(Vec::new, |(_, mut writer)| writer.finish());
    if !last.is_empty() {
        intake.write(last).await?;
    }
    intake.finish().await
}

/// What speaks against a file whose end was announced, and what to tell the partner.
fn wrong(receiving: &Receiving, closing: &Closing) -> Option<Refused> {
    let problem = receiving
        .records
        .as_ref()
        .and_then(|(_, writer)| writer.problem());
    if let Some(problem) = problem {
        let text = problem.to_string();
        return Some(Refused::for_good(FileReason::RecordLength, text));
    }
    if receiving.over_limit && receiving.allowance.is_some() {
        return Some(used_up());
    }
    if receiving.over_limit {
        return Some(too_big(receiving.most / BLOCK));
    }
    let reason = closing.discrepancy()?;
    let (received, announced) = (closing.received, closing.announced);
    let text = format!(
        "received {} octets and {} records, EFID says {} and {}",
        received.octets, received.records, announced.octets, announced.records
    );
    Some(Refused::for_good(reason, text))
}
