//! The listener's side of a file (RFC 5024, 9.12).

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use oftp::{
    CloseAnswer, CloseTicket, Closing, Counts, CreditTicket, FileAnswer, FileData, FileHeader,
    FileReason, FileTicket, Format, Security, Session,
};
use pointsman_policy::types;
use pointsman_store::{Offer, Offered, Seal, SpoolError, Target, TransferId, Undelivered, Verdict};

use super::{Monitor, Trouble};
use crate::delivery;
use crate::describe::{self, Finished};
use crate::events::Event as Happening;
use crate::intake::{Intake, blocking};
use crate::names;
use crate::partners;
use crate::receipts;

/// Octets in one step of a restart position: a record for fixed records, else a block (RFC 5024, 5.3.3, SFIDREST).
fn restart_unit(header: &FileHeader) -> u64 {
    match header.format {
        Format::Fixed(record) if header.goes_in_records() => u64::from(record).max(1),
        _ => 1024,
    }
}

/// The file being received.
#[derive(Debug)]
pub(super) struct Receiving {
    id: TransferId,
    header: FileHeader,
    target: Target,
    intake: Intake,
    held: u64,
    began: Instant,
    labels: Vec<(String, String)>,
}

/// What the policies said about a file we take.
struct Route {
    target: Target,
    /// The highest restart position to answer, if not as far as we have it.
    restart: Option<u64>,
    labels: Vec<(String, String)>,
    /// Which policy decided, for the ledger.
    note: String,
}

/// A file we will not have: SFNA, or EFNA where it is closed already.
struct Refused {
    reason: FileReason,
    retry: bool,
    text: String,
}

impl Refused {
    fn for_good(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            retry: false,
            text: text.into(),
        }
    }

    fn for_now(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            retry: true,
            text: text.into(),
        }
    }
}

impl From<SpoolError> for Refused {
    fn from(error: SpoolError) -> Self {
        tracing::error!(event = "spool-failed", %error);
        match &error {
            SpoolError::Busy(_) => Self::for_now(
                FileReason::AccessMethod,
                "an earlier session still holds this file",
            ),
            full if full.is_full() => {
                Self::for_now(FileReason::TooBig, "there is no room at the moment")
            }
            _ => Self::for_now(
                FileReason::AccessMethod,
                "the file cannot be stored at the moment",
            ),
        }
    }
}

impl Monitor {
    pub(super) async fn file_offered(
        &mut self,
        ticket: FileTicket,
        header: FileHeader,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let may_resume = session.agreement().is_some_and(|agreed| agreed.restart);
        let answer = match self.take_in(&header, may_resume).await? {
            Ok(receiving) => {
                let answer = FileAnswer::Accept {
                    restart: receiving.held / restart_unit(&header),
                    octets_held: receiving.held,
                };
                self.receiving = Some(receiving);
                answer
            }
            Err(Refused {
                reason,
                retry,
                text,
            }) => {
                self.tell_refused(&header, "SFNA", reason, &text);
                FileAnswer::Refuse {
                    reason,
                    retry,
                    text,
                }
            }
        };
        let _ = session.answer_file(ticket, answer);
        Ok(())
    }

    /// Profile, policies, ledger, spool: in that order, the last two only for what is wanted.
    async fn take_in(
        &mut self,
        header: &FileHeader,
        may_resume: bool,
    ) -> Result<Result<Receiving, Refused>, Trouble> {
        if let Err(refused) = self.allows(header) {
            return Ok(Err(refused));
        }
        let route = match self.route(header).await? {
            Ok(routed) => routed,
            Err(refused) => return Ok(Err(refused)),
        };
        let offer = Offer {
            partner: self.partner().to_owned(),
            header: header.clone(),
            target: route.target.clone(),
            session: self.id.clone(),
            note: route.note,
            may_resume,
        };
        let unit = restart_unit(header);
        let (id, held) = match self.station.ledger.offer(offer).await? {
            Offered::New(id) => (id, 0),
            // Never more than was asked for (RFC 5024, 5.3.4), and whole blocks.
            Offered::Resume(id, octets) => {
                let wanted = header.restart.min(route.restart.unwrap_or(u64::MAX));
                (id, (octets / unit).min(wanted) * unit)
            }
            Offered::Duplicate(_) => {
                return Ok(Err(Refused::for_good(
                    FileReason::Duplicate,
                    "this file was received before",
                )));
            }
        };
        let spool = self.station.spool.clone();
        let opened = blocking(move || spool.resume(id, held)).await;
        Ok(opened.map_err(Refused::from).map(|writer| Receiving {
            id,
            header: header.clone(),
            target: route.target,
            intake: Intake::new(writer),
            held,
            began: Instant::now(),
            labels: route.labels,
        }))
    }

    fn allows(&self, header: &FileHeader) -> Result<(), Refused> {
        let Some(profile) = &self.profile else {
            return Err(Refused::for_now(FileReason::Unspecified, "no partner"));
        };
        let key = &header.key;
        if !profile.may_originate(&key.originator) {
            return Err(Refused::for_good(
                FileReason::InvalidOrigin,
                format!(
                    "`{}` is not agreed for files of this partner",
                    key.originator
                ),
            ));
        }
        if !partners::is_ours(&self.station.config, &key.destination) {
            return Err(Refused::for_good(
                FileReason::InvalidDestination,
                format!("`{}` is not a station here", key.destination),
            ));
        }
        if matches!(
            header.security,
            Security::Encrypted | Security::EncryptedAndSigned
        ) {
            return Err(Refused::for_good(
                FileReason::EncryptedNotAllowed,
                "encrypted files are not agreed",
            ));
        }
        if header.security == Security::Signed {
            return Err(Refused::for_good(
                FileReason::SignedNotAllowed,
                "signed files are not agreed",
            ));
        }
        if header.compressed {
            return Err(Refused::for_good(
                FileReason::CompressionNotAllowed,
                "compressed files are not agreed",
            ));
        }
        if matches!(header.format, Format::Variable(_)) {
            return Err(Refused::for_good(
                FileReason::RecordFormat,
                "files of variable records are not agreed",
            ));
        }
        match self.terms.max_file_blocks {
            Some(most) if header.size_blocks > most => Err(too_big(most)),
            _ => Ok(()),
        }
    }

    /// Asks where the file goes.
    async fn route(&mut self, header: &FileHeader) -> Result<Result<Route, Refused>, Trouble> {
        let connection = self.connection()?.clone();
        let answer = self
            .policies
            .accept_file(&connection, &describe::file(header), SystemTime::now())
            .await;
        let terms = match &answer.decision {
            types::FileDecision::Pass => no_terms(),
            types::FileDecision::Accept(terms) => terms.clone(),
            types::FileDecision::Refuse(no) => {
                self.note(
                    "accept-file",
                    &answer,
                    format!("refused with SFNA {:02} {}", no.reason, no.text),
                );
                let (reason, text) = (FileReason::from_code(no.reason), no.text.clone());
                return Ok(Err(Refused {
                    reason,
                    retry: no.retry,
                    text,
                }));
            }
        };
        let directory = terms
            .directory
            .as_deref()
            .or(self.terms.directory.as_deref());
        let replaces = terms.overwrite.unwrap_or(false);
        let target = names::target(
            self.partner(),
            header,
            directory,
            terms.file_name.as_deref(),
            replaces,
        );
        let target = match target {
            Ok(target) => target,
            Err(bad) => {
                self.note("accept-file", &answer, format!("not usable: {bad}"));
                let text = "no place could be decided for this file";
                return Ok(Err(Refused::for_now(FileReason::AccessMethod, text)));
            }
        };
        // To refuse what is there is the policy's wish; without one the new file gets a number.
        if terms.overwrite == Some(false)
            && self.station.inbox.join(describe::path(&target)).exists()
        {
            let text = format!("a file of the name {} is there", target.file_name);
            self.note(
                "accept-file",
                &answer,
                format!("refused with SFNA 13: {text}"),
            );
            return Ok(Err(Refused::for_good(FileReason::Duplicate, text)));
        }
        let note = self.note(
            "accept-file",
            &answer,
            format!("accepted, to {}", describe::path(&target)),
        );
        Ok(Ok(Route {
            target,
            restart: terms.restart,
            labels: terms.labels,
            note,
        }))
    }

    pub(super) async fn data(
        &mut self,
        data: FileData,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Some(receiving) = &mut self.receiving else {
            return Ok(());
        };
        if let Some(spent) = receiving.intake.write(data.octets).await? {
            session.recycle(spent);
        }
        Ok(())
    }

    /// The disk has the window: the peer may send the next one.
    pub(super) async fn window_used_up(
        &mut self,
        ticket: CreditTicket,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        if let Some(receiving) = &mut self.receiving
            && let Some(octets) = receiving.intake.settle().await?
        {
            self.station.ledger.checkpoint(receiving.id, octets).await?;
        }
        let _ = session.grant_credit(ticket);
        Ok(())
    }

    pub(super) async fn file_closed(
        &mut self,
        ticket: CloseTicket,
        closing: Closing,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Some(receiving) = self.receiving.take() else {
            return Err(Trouble::OutOfStep("a file was closed that was not open"));
        };
        if let Some(reason) = closing.discrepancy() {
            return self
                .refuse_close(ticket, receiving, &closing, reason, session)
                .await;
        }
        let Receiving {
            id,
            header,
            target,
            intake,
            held,
            began,
            labels,
        } = receiving;
        let seal = match intake.seal().await {
            Ok(seal) => seal,
            Err(error) => {
                let Refused { reason, text, .. } = error.into();
                self.tell_refused(&header, "EFNA", reason, &text);
                let _ = session.answer_close(ticket, CloseAnswer::Refuse { reason, text });
                return Ok(());
            }
        };
        let done = Finished {
            received: true,
            header: &header,
            outcome: types::TransferOutcome::Completed,
            target: Some(&target),
            counts: closing.announced,
            held,
            digest: Some(&seal.digest),
            took: began.elapsed(),
            labels: &labels,
            asked: 0,
        };
        let (ending, note) = self.judge(&done, target.clone()).await?;
        self.settle(ticket, id, &header, &seal, ending, &note, session)
            .await
    }

    /// Makes the verdict durable, answers, and only then lets the delivery begin.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything that is known of a closed file"
    )]
    async fn settle(
        &mut self,
        ticket: CloseTicket,
        id: TransferId,
        header: &FileHeader,
        seal: &Seal,
        ending: Ending,
        note: &str,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let (verdict, target, change_direction) = match ending {
            Ending::Refused { reason, text } => {
                let spool = self.station.spool.clone();
                blocking(move || spool.discard(id)).await?;
                self.station.ledger.checkpoint(id, 0).await?;
                self.tell_refused(header, "EFNA", reason, &text);
                let _ = session.answer_close(ticket, CloseAnswer::Refuse { reason, text });
                return Ok(());
            }
            Ending::Kept {
                verdict,
                target,
                change_direction,
            } => (verdict, target, change_direction),
        };
        let delivers = !matches!(verdict, Verdict::Negative(_));
        self.station
            .ledger
            .received(id, seal, verdict, note)
            .await?;
        let _ = session.answer_close(ticket, CloseAnswer::Accept { change_direction });
        let partner = self.partner().to_owned();
        self.tell(Happening::FileReceived {
            session: self.id.clone(),
            partner: partner.clone(),
            id,
            file: header.key.to_string(),
            octets: seal.octets,
        });
        if delivers {
            let file = Undelivered {
                id,
                partner,
                header: header.clone(),
                target,
                placing: None,
            };
            self.deliveries
                .push(delivery::start(Arc::clone(&self.station), file));
        }
        Ok(())
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
            .end_transfer(&connection, &describe::transfer(done), SystemTime::now())
            .await;
        let kept = |verdict| Ending::Kept {
            verdict,
            target: target.clone(),
            change_direction: false,
        };
        let (ending, shown) = match &answer.decision {
            types::ResponseDecision::Pass => {
                (kept(Verdict::Positive), "EERP after delivery".to_owned())
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
                let moved = names::target(
                    self.partner(),
                    done.header,
                    Some(&directory),
                    Some(&file_name),
                    target.overwrite,
                );
                // The place accept-file chose is sound; a bad second thought does not lose a file.
                let moved = moved.unwrap_or_else(|bad| {
                    tracing::warn!(event = "policy-bad-name", %bad);
                    target.clone()
                });
                let shown = format!("EERP after delivery to {}", describe::path(&moved));
                (
                    Ending::Kept {
                        verdict: Verdict::Positive,
                        target: moved,
                        change_direction: terms.request_turn.unwrap_or(false),
                    },
                    shown,
                )
            }
            types::ResponseDecision::Negative(no) => {
                let nerp = receipts::nerp(&done.header.key, no);
                (
                    kept(Verdict::Negative(Box::new(nerp))),
                    format!("NERP {:02} {}", no.reason, no.text),
                )
            }
            types::ResponseDecision::Later(seconds) => {
                let when = receipts::ask_again(*seconds);
                (kept(Verdict::Later(when)), receipts::waits(*seconds))
            }
            types::ResponseDecision::Refuse(no) => {
                let ending = Ending::Refused {
                    reason: FileReason::from_code(no.reason),
                    text: no.text.clone(),
                };
                (ending, format!("EFNA {:02} {}", no.reason, no.text))
            }
        };
        let note = self.note("end-transfer", &answer, shown);
        Ok((ending, note))
    }

    async fn refuse_close(
        &mut self,
        ticket: CloseTicket,
        receiving: Receiving,
        closing: &Closing,
        reason: FileReason,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let Counts { records, octets } = closing.received;
        let text = format!(
            "received {octets} octets and {records} records, EFID says {} and {}",
            closing.announced.octets, closing.announced.records
        );
        receiving.intake.discard().await?;
        self.station.ledger.checkpoint(receiving.id, 0).await?;
        self.tell_refused(&receiving.header, "EFNA", reason, &text);
        let _ = session.answer_close(ticket, CloseAnswer::Refuse { reason, text });
        Ok(())
    }

    /// The session ended in the middle of a file: what is here is made durable, to go on from.
    pub(super) async fn break_off(
        &mut self,
        receiving: Receiving,
        why: &str,
    ) -> Result<(), Trouble> {
        let Receiving {
            id,
            header,
            target,
            intake,
            held,
            began,
            labels,
        } = receiving;
        let octets = intake.pause().await?;
        self.station.ledger.checkpoint(id, octets).await?;
        let done = Finished {
            received: true,
            header: &header,
            outcome: types::TransferOutcome::Aborted(why.to_owned()),
            target: Some(&target),
            counts: Counts { records: 0, octets },
            held,
            digest: None,
            took: began.elapsed(),
            labels: &labels,
            asked: 0,
        };
        let connection = self.connection()?.clone();
        self.policies
            .end_transfer(&connection, &describe::transfer(&done), SystemTime::now())
            .await;
        Ok(())
    }

    fn tell_refused(&self, header: &FileHeader, command: &str, reason: FileReason, text: &str) {
        self.tell(Happening::FileRefused {
            session: self.id.clone(),
            partner: self.partner().to_owned(),
            file: header.key.to_string(),
            why: format!(
                "{command} {:02} {}: {text}",
                reason.code(),
                reason.meaning()
            ),
        });
    }
}

/// What becomes of a file whose octets are all here.
enum Ending {
    /// EFPA.
    Kept {
        verdict: Verdict,
        target: Target,
        change_direction: bool,
    },
    /// EFNA.
    Refused { reason: FileReason, text: String },
}

fn too_big(most: u64) -> Refused {
    Refused::for_good(
        FileReason::TooBig,
        format!("files of more than {most} KiB are not agreed"),
    )
}

fn no_terms() -> types::FileTerms {
    types::FileTerms {
        directory: None,
        file_name: None,
        overwrite: None,
        restart: None,
        labels: Vec::new(),
    }
}
