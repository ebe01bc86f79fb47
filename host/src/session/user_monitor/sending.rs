//! Our turn, and the speaker's side of a file (RFC 5024, 9.10, 9.11).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use oftp::{
    Agreement, CloseRefusal, Counts, FileReason, Level, Position, RecordLayout, RecordReader,
    Session, StateName, TurnTicket,
};
use pointsman_policy::types;
use pointsman_store::{
    Blob, Files, Longest, OutboundFile, Spool, SpoolError, TransferId, Work, planted,
};

use super::offering::BLOCK;
use super::{Monitor, Trouble, promise};
use crate::config::partners::Profile;
use crate::contents::blocking::{blocking, lost_thread};
use crate::contents::checking::{Check, PATIENCE};
use crate::contents::records::{self, PositionsCheck, RecordError};
use crate::events::Event as Happening;
use crate::policy::facts::{self, Finished};
use crate::station::leases::lessee;
use crate::station::roster::{FileNow, UnderWay};

/// Octets read from the spool at once, at most.
const CHUNK: usize = 256 * 1024;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(100);

/// The file being sent.
#[derive(Debug)]
pub(super) struct Sending {
    file: OutboundFile,
    stage: Stage,
    began: Instant,
    told: Instant,
    /// How far it is, for whoever looks at the sessions.
    shown: UnderWay,
}

/// What is to be done with our turn.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    files: Files,
    /// How many files more.
    left: Option<u32>,
    /// Why only those files go.
    why: Option<String>,
    /// Why no more of them go.
    bound: Option<String>,
}

impl Turn {
    /// Why a file that waits does not go now.
    fn stays(&self) -> Option<&String> {
        match self.left {
            Some(0) => self.why.as_ref().or(self.bound.as_ref()),
            _ => self.why.as_ref(),
        }
    }
}

#[derive(Debug)]
enum Stage {
    /// SFID is on its way.
    Offered,
    /// The peer takes it; the next octet to send.
    Open {
        blob: Arc<Blob>,
        position: u64,
        /// Whether it is what was queued.
        check: Check,
        /// Finds the records of a file that goes in records.
        records: Option<Box<RecordReader>>,
    },
    /// EFID is on its way.
    Closed,
}

impl Sending {
    /// What the peer has been given of the file, what it had before included.
    fn counts(&self) -> Counts {
        match &self.stage {
            Stage::Offered => Counts::default(),
            Stage::Open {
                records, position, ..
            } => match (records, self.file.layout) {
                (Some(reader), Some(layout)) => Counts {
                    records: reader.position().records,
                    octets: layout.virtual_octets(reader.position()),
                },
                _ => Counts {
                    records: 0,
                    octets: *position,
                },
            },
            Stage::Closed => self.file.counts,
        }
    }

    pub(super) fn id(&self) -> TransferId {
        self.file.id
    }

    /// The file's identity, for the log.
    pub(super) fn name(&self) -> String {
        self.file.header.key.to_string()
    }
}

impl Monitor {
    /// Receipts before files; and when there is nothing, the turn is given away or the session released.
    pub(super) async fn your_turn(
        &mut self,
        ticket: TurnTicket,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        if self.draining {
            self.stayed = Some("the server was about to stop".to_owned());
            let _ = session.end_turn(ticket);
            return Ok(());
        }
        self.await_deliveries().await;
        let Some(work) = self.next_work(session).await? else {
            let _ = session.end_turn(ticket);
            return Ok(());
        };
        match work {
            Work::Response(owed) => {
                self.answering = Some(owed.id);
                if planted("receipt-given-when-sent") {
                    self.station.ledger.response_taken(owed.id).await?;
                }
                let unswapped = self
                    .profile
                    .as_ref()
                    .is_some_and(|own| own.partner.unswapped_receipts);
                promise::receipt(session, ticket, owed, unswapped);
            }
            Work::File(mut file) => {
                self.make_unique(&mut file, session).await?;
                let mut header = file.header.clone();
                header.restart = restart_position(&file, session);
                let now = Instant::now();
                let shown = self.line.begin(FileNow {
                    transfer: file.id.to_string(),
                    file: header.key.to_string(),
                    received: false,
                    octets: 0,
                    size: file.octets,
                    since: SystemTime::now(),
                });
                self.sending = Some(Sending {
                    file: *file,
                    stage: Stage::Offered,
                    began: now,
                    told: now,
                    shown,
                });
                let _ = session.start_file(ticket, header);
            }
        }
        Ok(())
    }

    /// At a level whose times have no counter, files of one name and one second would have one identity.
    async fn make_unique(
        &mut self,
        file: &mut OutboundFile,
        session: &Session,
    ) -> Result<(), Trouble> {
        let is_counted = |agreed: &Agreement| agreed.level >= Level::V14;
        if session.agreement().is_none_or(is_counted) {
            return Ok(());
        }
        match self.station.ledger.stamp_to_the_second(file.id).await {
            Ok(Some(stamp)) => file.header.key.stamp = stamp,
            Ok(None) => {}
            Err(error) => {
                self.release(file.id, &error.to_string()).await?;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// The receipts of what this session brought go with it, if the deliveries are quick enough.
    async fn await_deliveries(&mut self) {
        let patience = self.station.config.limits.receipt_wait.0.0;
        let all = async {
            self.deliveries.done().await;
            while let Some(hand_over) = self.hand_overs.last_mut() {
                hand_over.answer().await;
                self.hand_overs.pop();
            }
        };
        // Past the limit the receipts wait for the next turn, or the next session.
        let _ = tokio::time::timeout(patience, all).await;
        // A slow command, and a folder that does not answer, are waited for once, not at every turn.
        self.hand_overs.clear();
        self.deliveries.pass_by();
    }

    async fn next_work(&mut self, session: &Session) -> Result<Option<Work>, Trouble> {
        let plan = match self.turn.take() {
            Some(plan) => plan,
            None => self.plan_turn(session).await?,
        };
        let files = if plan.left == Some(0) {
            Files::None
        } else {
            plan.files.clone()
        };
        let profile = self.profile.as_ref();
        let longest = profile.map_or(Longest::UNKNOWN, Profile::longest);
        let work = self
            .station
            .ledger
            .claim(
                self.partner(),
                &lessee(&self.station, &self.id),
                longest,
                files,
            )
            .await?;
        self.stayed = plan.stays().filter(|_| work.is_none()).cloned();
        // The plan lasts as long as there is work: without any, the turn is over.
        self.turn = work.as_ref().map(|work| match work {
            Work::File(_) => Turn {
                left: plan.left.map(|left| left - 1),
                ..plan
            },
            Work::Response(_) => plan,
        });
        Ok(work)
    }

    /// What the policies want done with the turn; they are asked once a turn.
    async fn plan_turn(&mut self, session: &Session) -> Result<Turn, Trouble> {
        let connection = self.connection()?.clone();
        let answer = self
            .policies
            .ready_to_send(&connection, SystemTime::now())
            .await;
        let policy = answer.decided_by.as_ref();
        let policy = policy.map_or_else(
            || "a policy".to_owned(),
            |by| format!("policy `{}`", by.policy),
        );
        let mut why = None;
        let (wanted, left) = match &answer.decision {
            types::TurnDecision::Pass => (None, None),
            types::TurnDecision::Send(terms) => {
                let wanted = terms.files.as_ref();
                let left_out = self.errand.only.is_some_and(|id| {
                    wanted.is_some_and(|wanted| !wanted.contains(&id.to_string()))
                });
                let shown = match left_out {
                    true => "the turn is planned, without the file that was to be sent",
                    false => "the turn is planned",
                };
                self.note(("ready-to-send", None), &answer, shown.to_owned());
                if wanted.is_some() {
                    why = Some(format!("{policy} let no files go but those it named"));
                }
                (terms.files.clone(), terms.max_files)
            }
            types::TurnDecision::Hold(reason) => {
                self.note(
                    ("ready-to-send", None),
                    &answer,
                    format!("files wait: {reason}"),
                );
                why = Some(format!("{policy} held all files back: {reason}"));
                (Some(Vec::new()), None)
            }
        };
        let one_way = self.sends_no_files(session);
        let wanted: Option<Vec<TransferId>> =
            wanted.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
        let files = match (self.errand.only, wanted) {
            _ if one_way.is_some() => Files::None,
            // An operator's word for one file is no word against what the policies hold back.
            (Some(id), Some(wanted)) if !wanted.contains(&id) => Files::None,
            (Some(id), _) => Files::Only(vec![id]),
            (None, Some(wanted)) => Files::Only(wanted),
            (None, None) => Files::Any,
        };
        let bound = left.map(|most| format!("{policy} let {most} files go in a turn, and no more"));
        Ok(Turn {
            files,
            left,
            why: one_way.map(str::to_owned).or(why),
            bound,
        })
    }

    /// Why no file of ours goes in this session at all, if none does.
    fn sends_no_files(&self, session: &Session) -> Option<&'static str> {
        match session.agreement() {
            Some(agreed) if agreed.may_send && self.terms.sends_files => None,
            Some(agreed) if !agreed.partner.mode.receives() => {
                Some("the partner said in its SSID that it only sends, so it takes no files")
            }
            _ if !self.terms.sends_files => Some("a policy allowed receiving only"),
            _ => Some("`session.mode` of the partner's profile is receive-only"),
        }
    }

    pub(super) async fn file_accepted(&mut self, restart: u64) -> Result<(), Trouble> {
        let Some(sending) = &mut self.sending else {
            return Ok(());
        };
        if sending.file.in_doubt {
            // It takes it once more, so it has not got it: what breaks now leaves no doubt.
            self.station.ledger.not_there(sending.file.id).await?;
            sending.file.in_doubt = false;
        }
        let (spool, id, expected) = (
            self.station.spool.clone(),
            sending.file.id,
            sending.file.octets,
        );
        let opened = blocking(move || {
            let blob = spool.outgoing(id)?;
            let octets = blob.octets()?;
            Ok((blob, octets))
        })
        .await;
        let blob = match opened {
            Ok((blob, octets)) if octets == expected => Arc::new(blob),
            Ok((_, octets)) => {
                return self
                    .park_damaged(id, format!("it has {octets} octets of {expected}"))
                    .await;
            }
            Err(error) => return self.unreadable(error).await,
        };
        let (from, records, positions) = match sending.file.layout {
            None => ((restart * BLOCK).min(expected), None, None),
            Some(layout) => {
                let spool = self.station.spool.clone();
                match find(layout, &sending.file, spool, Arc::clone(&blob), restart).await {
                    Ok((reader, check)) => {
                        (reader.position().octets, Some(Box::new(reader)), check)
                    }
                    Err(RecordError::Spool(error)) => return self.unreadable(error).await,
                    Err(problem) => return self.park_damaged(id, problem.to_string()).await,
                }
            }
        };
        sending.stage = Stage::Open {
            check: self.station.late_checks.begin(id, &blob, from, positions),
            blob,
            position: from,
            records,
        };
        let file = self.sending.as_ref().map(Sending::name);
        self.tell(Happening::Sending {
            session: self.talk(),
            transfer: id,
            file: file.unwrap_or_default(),
            from,
            octets: expected,
        });
        Ok(())
    }

    /// What cannot be read at the moment is offered again, as often as what is refused; what is gone is not.
    async fn unreadable(&mut self, error: SpoolError) -> Result<(), Trouble> {
        let id = self.sending.as_ref().map(Sending::id);
        if let Some(id) = id.filter(|_| error.is_gone()) {
            return self.park_damaged(id, error.to_string()).await;
        }
        let Some(sending) = self.sending.take() else {
            return Err(error.into());
        };
        let why = format!("its content cannot be read now: {error}");
        let waits = self
            .park_or_wait(&sending, true, FileReason::AccessMethod, why)
            .await;
        self.conclude(sending, waits)?;
        Err(Trouble::OutOfStep("the file to send cannot be read"))
    }

    /// Content that is lost cannot be sent by trying again: an operator must see it.
    async fn park_damaged(&mut self, id: TransferId, why: String) -> Result<(), Trouble> {
        let file = self.sending.as_ref().map(Sending::name);
        let why = format!("its content in the spool is damaged: {why}; queue the file anew");
        self.tell(Happening::ContentDamaged {
            session: self.talk(),
            transfer: id,
            file: file.clone().unwrap_or_default(),
            reason: why.clone(),
        });
        self.station.ledger.park(id, &why).await?;
        self.sending = None;
        self.tell(Happening::SendRefused {
            session: self.talk(),
            transfer: id,
            file: file.unwrap_or_default(),
            reason: why,
        });
        Err(Trouble::OutOfStep("the file to send is damaged"))
    }

    /// Hands the engine what it takes of the open file. False when it takes nothing now.
    pub async fn feed(&mut self, session: &mut Session) -> bool {
        match self.feed_once(session).await {
            Ok(fed) => fed,
            Err(trouble) => {
                let sending = self.sending.as_ref().map(Sending::id);
                let concluded = match (trouble, sending) {
                    (
                        Trouble::Spool(error) | Trouble::Records(RecordError::Spool(error)),
                        Some(_),
                    ) => self.unreadable(error).await,
                    (Trouble::Records(problem), Some(id)) => {
                        self.park_damaged(id, problem.to_string()).await
                    }
                    (trouble, _) => Err(trouble),
                };
                let trouble = concluded
                    .err()
                    .unwrap_or(Trouble::OutOfStep("the file cannot be read"));
                self.tell(Happening::Trouble {
                    session: self.talk(),
                    reason: trouble.to_string(),
                });
                session.abort(
                    oftp::SessionReason::LocalEmergency,
                    "the file cannot be read",
                );
                true
            }
        }
    }

    async fn feed_once(&mut self, session: &mut Session) -> Result<bool, Trouble> {
        let Some(Sending {
            file,
            stage:
                Stage::Open {
                    blob,
                    position,
                    check,
                    records,
                },
            told,
            shown,
            ..
        }) = &mut self.sending
        else {
            return Ok(false);
        };
        let mut wanted = session.want_data().min(CHUNK);
        if wanted == 0 {
            return Ok(false);
        }
        if records.is_some() {
            // Room for what the layout adds, so that no line end or length is cut in two for ever.
            wanted = wanted.max(4096);
        }
        let (reader, at) = (Arc::clone(blob), *position);
        let octets = blocking(move || {
            let mut octets = vec![0; wanted];
            let count = reader.read_at(at, &mut octets)?;
            octets.truncate(count);
            Ok(octets)
        })
        .await?;
        if octets.is_empty() && at < file.octets {
            return Err(Trouble::OutOfStep("the file to send got shorter"));
        }
        let ends = at + octets.len() as u64 >= file.octets;
        let taken = match records {
            Some(records) => send_records(session, records, &octets, ends)?,
            None => match session.send_data(&octets, ends) {
                Ok(taken) => taken,
                Err(_) => return Ok(false),
            },
        };
        *position = at + taken as u64;
        check.sent(octets.get(..taken).unwrap_or_default());
        shown.moved(*position);
        let done = ends && taken == octets.len();
        let (id, sent, total) = (file.id, *position, file.octets);
        if done || told.elapsed() > PROGRESS {
            *told = Instant::now();
            self.station.events.tell(Happening::Progress {
                transfer: id,
                sent,
                octets: total,
            });
        }
        if done {
            self.close(session, PATIENCE).await?;
        }
        Ok(true)
    }

    /// Once EFID leaves, only the peer knows whether it has the file: that is written down first. What is not what was
    /// queued gets no EFID, so the partner does not keep it.
    async fn close(&mut self, session: &mut Session, patience: Duration) -> Result<(), Trouble> {
        if let Some((id, why)) = self.is_damaged(patience).await? {
            return self.park_damaged(id, why).await;
        }
        let Some(sending) = &mut self.sending else {
            return Ok(());
        };
        sending.stage = Stage::Closed;
        let id = sending.file.id;
        let in_doubt = self.station.ledger.in_doubt(id).await?;
        promise::efid(session, sending.file.counts, in_doubt);
        if planted("sent-with-efid") {
            self.station.ledger.sent(id, "EFID").await?;
        }
        Ok(())
    }

    /// Whether the file that was sent to its end is another than was queued, and in which way.
    async fn is_damaged(
        &mut self,
        patience: Duration,
    ) -> Result<Option<(TransferId, String)>, Trouble> {
        let Some(sending) = &mut self.sending else {
            return Ok(None);
        };
        let Stage::Open { check, .. } = &mut sending.stage else {
            return Ok(None);
        };
        let (id, queued) = (sending.file.id, &sending.file.digest);
        let Some(content) = check.content(patience).await? else {
            self.station.late_checks.keep(id, std::mem::take(check));
            let file = sending.name();
            self.tell(Happening::ContentUnread {
                session: self.talk(),
                transfer: id,
                file,
            });
            return Err(Trouble::OutOfStep(
                "the file to send takes longer to be compared than a partner waits",
            ));
        };
        let found = content.digest;
        let why = if found != *queued {
            format!("it is not what was queued: blake3 {found}, not {queued}")
        } else if content.positions_are_wrong {
            "the positions of records in its sidecar are not its own, and the partner may have got wrong records".to_owned()
        } else {
            return Ok(None);
        };
        Ok(Some((id, why)))
    }

    pub(super) async fn close_answered(
        &mut self,
        answer: Result<(), CloseRefusal>,
        session: &Session,
    ) -> Result<(), Trouble> {
        // EFPA may have asked for the turn: then CD is on its way, and the next turn is another.
        if session.state_name() != StateName::IdleSp {
            self.turn = None;
        }
        let Some(sending) = self.sending.take() else {
            return Ok(());
        };
        let concluded = match answer {
            Ok(()) => self.file_sent(&sending, "EFPA").await,
            // It looks for duplicates when it has the file once more (RFC 5024, 5.3.10, reason 13).
            Err(CloseRefusal { reason, .. })
                if reason == FileReason::Duplicate && sending.file.may_have =>
            {
                let how = "EFNA 13 after an attempt whose answer was lost";
                self.file_sent(&sending, how).await
            }
            Err(CloseRefusal { reason, text }) => {
                let why = format!("EFNA {:02} {}: {text}", reason.code(), reason.meaning());
                match self.station.ledger.not_there(sending.file.id).await {
                    Ok(()) => self.park_or_wait(&sending, true, reason, why).await,
                    Err(error) => Err(error.into()),
                }
            }
        };
        self.conclude(sending, concluded)
    }

    /// A file whose end could not be written down is given back when the session ends.
    fn conclude(
        &mut self,
        sending: Sending,
        concluded: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        if concluded.is_err() {
            self.sending = Some(sending);
        }
        concluded
    }

    pub(super) async fn file_refused(
        &mut self,
        reason: FileReason,
        retry: bool,
        text: &str,
    ) -> Result<(), Trouble> {
        let Some(sending) = self.sending.take() else {
            return Ok(());
        };
        // The EFPA of an earlier attempt was lost: the peer has the file (RFC 5024, 5.3.5, reason 13).
        let doubted = sending.file.in_doubt && !planted("doubt-ignored");
        let concluded = if reason == FileReason::Duplicate && doubted {
            let how = "SFNA 13 after an attempt whose answer was lost";
            self.file_sent(&sending, how).await
        } else {
            let why = format!("SFNA {:02} {}: {text}", reason.code(), reason.meaning());
            self.park_or_wait(&sending, retry, reason, why).await
        };
        self.conclude(sending, concluded)
    }

    async fn file_sent(&mut self, sending: &Sending, how: &str) -> Result<(), Trouble> {
        self.station.ledger.sent(sending.file.id, how).await?;
        self.tell_policies(sending, types::TransferOutcome::Completed)
            .await?;
        self.tell(Happening::FileSent {
            session: self.talk(),
            transfer: sending.file.id,
            file: sending.name(),
        });
        Ok(())
    }

    async fn park_or_wait(
        &mut self,
        sending: &Sending,
        retry: bool,
        reason: FileReason,
        why: String,
    ) -> Result<(), Trouble> {
        let id = sending.file.id;
        let retries = self.profile.as_ref().map(Profile::retry);
        let refusals = sending.file.refusals + 1;
        let again = retries
            .filter(|retries| retry && refusals < retries.offers)
            .map(|retries| retries.refused.after(refusals));
        let what = if let Some(rest) = again {
            self.station
                .ledger
                .refused(id, SystemTime::now() + rest, &why)
                .await?;
            format!("{why}; it is offered again in {} seconds", rest.as_secs())
        } else {
            self.station.ledger.park(id, &why).await?;
            let because = match retry {
                true => {
                    format!("it was refused {refusals} times, as often as `retry.offers` allows")
                }
                false => "the partner refused it for good".to_owned(),
            };
            format!("{why}; it is parked, since {because}")
        };
        let refusal = types::Refusal {
            reason: reason.code(),
            text: why,
            retry,
        };
        self.tell_policies(sending, types::TransferOutcome::Refused(refusal))
            .await?;
        self.tell(Happening::SendRefused {
            session: self.talk(),
            transfer: id,
            file: sending.name(),
            reason: what,
        });
        Ok(())
    }

    pub(super) async fn tell_policies(
        &mut self,
        sending: &Sending,
        outcome: types::TransferOutcome,
    ) -> Result<(), Trouble> {
        let done = Finished {
            received: false,
            header: &sending.file.header,
            outcome,
            target: None,
            counts: sending.counts(),
            held: 0,
            digest: None,
            took: sending.began.elapsed(),
            labels: &sending.file.labels,
            asked: 0,
        };
        let connection = self.connection()?.clone();
        self.policies
            .end_transfer(&connection, &facts::transfer(&done), SystemTime::now())
            .await;
        Ok(())
    }
}

/// A reader at the end of the records that the partner has; and a check of the positions that it was found by.
async fn find(
    layout: RecordLayout,
    file: &OutboundFile,
    spool: Spool,
    blob: Arc<Blob>,
    restart: u64,
) -> Result<(RecordReader, Option<PositionsCheck>), RecordError> {
    let mut reader = RecordReader::new(layout, file.header.format);
    if let Some(end) = layout.end_of(file.header.format, restart) {
        // The last line may lack its end.
        let octets = end.octets.min(file.octets);
        reader.go_to(Position { octets, ..end });
        return Ok((reader, None));
    }
    if restart == 0 {
        return Ok((reader, None));
    }
    let id = file.id;
    let read = move || {
        let positions = spool.positions(id);
        let check = PositionsCheck::new(reader.clone(), &positions);
        if records::find_from(&blob, &mut reader, &positions, restart)? {
            return Ok((reader, Some(check)));
        }
        records::read_on(&blob, &mut reader, restart)?;
        Ok((reader, None))
    };
    let found = tokio::task::spawn_blocking(read).await;
    found.unwrap_or_else(|lost| Err(lost_thread(&lost).into()))
}

/// Hands over record by record as much as the engine takes; gives back octets of the local file.
fn send_records(
    session: &mut Session,
    reader: &mut RecordReader,
    octets: &[u8],
    last: bool,
) -> Result<usize, Trouble> {
    let mut done = 0;
    while session.want_data() > 0 {
        let rest = octets.get(done..).unwrap_or_default();
        let piece = reader.peek(rest, last).map_err(RecordError::from)?;
        let content = rest.get(piece.from..piece.from + piece.length);
        if piece.needs_more() {
            break;
        }
        let Ok(taken) = session.send_data(content.unwrap_or_default(), piece.ends) else {
            break;
        };
        let consumed = reader.advance(&piece, taken);
        if consumed == 0 {
            break;
        }
        done += consumed;
    }
    Ok(done)
}

/// The furthest position the peer may answer with: after a broken attempt, the whole file's blocks or records.
fn restart_position(file: &OutboundFile, session: &Session) -> u64 {
    let agreed = session.agreement().is_some_and(|agreed| agreed.restart);
    match file.layout {
        _ if !agreed || file.attempts == 0 => 0,
        Some(_) => file.counts.records,
        None => file.octets / BLOCK,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::oneshot;

    use super::*;
    use crate::config::Config;
    use crate::net::wire::Wire;
    use crate::outbound::enqueue::{SendAs, enqueue};
    use crate::session::user_monitor::Errand;
    use crate::station::{Inbox, Station};

    const CONFIG: &str = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                          partners:\n  them: {ssid: O0013THEM, password: THEIRS, address: '127.0.0.1:1'}\n";

    /// A session that has sent a file to its end from where it broke off; nobody has read its beginning yet.
    async fn at_the_end_of_a_file(folder: &Path) -> (Monitor, Session, TransferId) {
        let path = folder.join("pointsman.yaml");
        std::fs::write(&path, CONFIG).unwrap();
        std::fs::write(folder.join("ORDERS"), "octets").unwrap();
        let config = Config::load(&path).unwrap();
        let profile = Profile::by_name(&config, "them").unwrap();
        let station = Station::open(config, "test", Inbox::Made).await.unwrap();
        let file = folder.join("ORDERS");
        let queued = enqueue(&station, &profile, &file, &SendAs::default()).await;
        let (id, _) = queued.unwrap();
        let nowhere = "127.0.0.1:1".parse().unwrap();
        let wire = Wire {
            local: nowhere,
            remote: nowhere,
            dialled: true,
            tls: None,
        };
        let session = Session::initiator(profile.params(&station.config), Duration::ZERO);
        let errand = Errand::default();
        let mut monitor = Monitor::dialled(Arc::clone(&station), wire, profile, errand);
        let lessee = lessee(&station, &monitor.id);
        let work = station
            .ledger
            .claim("them", &lessee, Longest::UNKNOWN, Files::Any)
            .await;
        let Some(Work::File(file)) = work.unwrap() else {
            panic!("the file waits");
        };
        let (found, finding) = oneshot::channel();
        // Whoever reads it goes on.
        std::mem::forget(found);
        let shown = monitor.line.begin(FileNow {
            transfer: id.to_string(),
            file: file.header.key.to_string(),
            received: false,
            octets: 0,
            size: file.octets,
            since: SystemTime::now(),
        });
        monitor.sending = Some(Sending {
            stage: Stage::Open {
                blob: Arc::new(station.spool.outgoing(id).unwrap()),
                position: file.octets,
                check: Check::Beside(finding),
                records: None,
            },
            file: *file,
            began: Instant::now(),
            told: Instant::now(),
            shown,
        });
        (monitor, session, id)
    }

    #[tokio::test]
    async fn a_file_whose_beginning_takes_long_to_read_gets_no_efid_and_the_next_session_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (mut monitor, mut session, id) = at_the_end_of_a_file(folder.path()).await;
        let closed = monitor.close(&mut session, Duration::from_millis(1)).await;
        let trouble = closed.expect_err("the session ends").to_string();
        assert!(trouble.contains("longer to be compared"), "{trouble}");
        let open = matches!(
            monitor.sending,
            Some(Sending {
                stage: Stage::Open { .. },
                ..
            })
        );
        assert!(open, "EFID is not on its way");
        let station = Arc::clone(&monitor.station);
        let blob = Arc::new(station.spool.outgoing(id).unwrap());
        let mut next = station.late_checks.begin(id, &blob, 1, None);
        let content = next.content(Duration::from_millis(1)).await.unwrap();
        assert_eq!(content, None, "it is read by whoever began to");
    }
}
