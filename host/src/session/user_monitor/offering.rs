//! A file is offered (RFC 5024, 9.12, OPIP): whether it is taken, where it goes, and from where it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use oftp::{
    FileAnswer, FileHeader, FileKey, FileReason, FileTicket, Format, Position, RecordLayout,
    RecordWriter, Security, Session,
};
use pointsman_policy::types;
use pointsman_store::{
    Arrived, Here, LedgerError, Offer, Offered, Partial, Repeated, SpoolError, Target, TransferId,
};

use super::closing::other_content;
use super::receiving::{Again, Receiving, Refused};
use super::{Monitor, Trouble, labelled};
use crate::config::partners;
use crate::config::{Quota, ReceivedAgain, Terms};
use crate::contents::blocking::blocking;
use crate::contents::intake::Intake;
use crate::events::Event as Happening;
use crate::naming::names;
use crate::policy::facts;
use crate::station::holders::STILL;
use crate::station::roster::{FileNow, UnderWay};

/// What the policies said about a file we take.
struct Route {
    target: Target,
    /// How its records are kept; none where records do not count.
    layout: Option<RecordLayout>,
    /// The highest restart position to answer, if not as far as we have it.
    restart: Option<u64>,
    labels: Vec<(String, String)>,
    /// Which policy decided, for the ledger.
    note: String,
}

/// Why a file is not taken in: the peer hears of the one, the operator of the other.
enum Stop {
    Refused(Refused),
    Trouble(Trouble),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Refused(error.into())
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
        let answer = match self.take_in(&header, may_resume).await {
            Ok(receiving) => {
                let restart = match receiving.records {
                    Some(_) => receiving.held.records,
                    None => receiving.held.octets / BLOCK,
                };
                let octets_held = receiving.octets_held();
                self.receiving = Some(receiving);
                FileAnswer::Accept {
                    restart,
                    octets_held,
                }
            }
            Err(Stop::Refused(refused)) => {
                self.tell_refused(&header, "SFNA", &refused);
                self.slow_down().await;
                let Refused {
                    reason,
                    retry,
                    text,
                    ..
                } = refused;
                FileAnswer::Refuse {
                    reason,
                    retry,
                    text,
                }
            }
            Err(Stop::Trouble(trouble)) => return Err(trouble),
        };
        let _ = session.answer_file(ticket, answer);
        Ok(())
    }

    /// A file whose SFID cannot be read was refused: those behind it come all the same.
    pub(super) async fn file_unreadable(&mut self, reason: FileReason, text: &str) {
        self.tell(Happening::FileRefused {
            session: self.talk(),
            file: "whose SFID cannot be read".to_owned(),
            reason: format!("SFNA {:02} {}: {text}", reason.code(), reason.meaning()),
        });
        self.slow_down().await;
    }

    /// A partner whose files are refused one after the other, as fast as it can offer them, or whose receipts change
    /// nothing, waits for its answers.
    pub(super) async fn slow_down(&mut self) {
        let (refusals, now) = (&self.station.refusals, Instant::now());
        refusals.count(self.partner(), now);
        let wait = refusals.wait(self.partner(), now);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// What is here already comes first: whatever policies, quotas and names that are taken would say of the file by now,
    /// its sender is to hear that we have it.
    async fn take_in(&mut self, header: &FileHeader, may_resume: bool) -> Result<Receiving, Stop> {
        let Some(here) = self.here(header).await? else {
            return self.take(header, may_resume).await;
        };
        if !here.is_to_be_compared {
            let what = format!("refused as a duplicate: it is `{}`", here.state);
            self.offered_again(here.id, &what).await?;
            return Err(duplicate().into());
        }
        if !self.repeated().takes_other_content(&header.key) {
            return self.take_copy(header, here, other_content()).await;
        }
        match self.take(header, may_resume).await {
            // It is refused if it is another file.
            Err(Stop::Refused(refused)) if refused.cause.is_none() => {
                self.take_copy(header, here, refused).await
            }
            taken => taken,
        }
    }

    /// What is here of the file, if it is not to be decided on like any other.
    async fn here(&self, header: &FileHeader) -> Result<Option<Here>, LedgerError> {
        if self.profile.is_none() {
            return Ok(None);
        }
        let ledger = &self.station.ledger;
        ledger.here(self.partner(), header, self.repeated()).await
    }

    /// The history of a file that is here says what became of an offer of it.
    async fn offered_again(&self, id: TransferId, what: &str) -> Result<(), LedgerError> {
        let ledger = &self.station.ledger;
        ledger.remark(id, "offered-again", what).await
    }

    /// A file that is here, and whose sender may not know that, is taken once more to be compared. Should it be another,
    /// it is refused when it has come.
    async fn take_copy(
        &mut self,
        header: &FileHeader,
        here: Here,
        refused: Refused,
    ) -> Result<Receiving, Stop> {
        self.make_room_for(header).await?;
        let what = format!(
            "it is `{}`: taken once more to compare; other content is refused: {}",
            here.state, refused.text
        );
        self.offered_again(here.id, &what).await?;
        let id = TransferId::new();
        let partial = self.partial(id).await.map_err(Refused::from)?;
        let holding = self.station.holders.enter(id, Arc::clone(&self.overtaken));
        let writer = blocking(move || partial.resume(0)).await;
        let writer = writer.map_err(Refused::from)?;
        let held = Position::default();
        let records = here
            .layout
            .map(|layout| (layout, RecordWriter::new(layout, header.format, held)));
        // What is longer than both is another file.
        let most = here.octets.max(header.size_blocks.saturating_mul(BLOCK));
        Ok(Receiving {
            id,
            edition: 0,
            header: header.clone(),
            target: here.target,
            intake: Intake::new(writer),
            records,
            held,
            octets: 0,
            began: Instant::now(),
            labels: Vec::new(),
            most: most.min(self.most_octets()),
            allowance: None,
            holding,
            over_limit: false,
            again: Some(Box::new(Again {
                of: here.id,
                another: Err(refused),
            })),
            committing: None,
            shown: self.show(id, header, 0),
        })
    }

    /// Whoever looks at the sessions sees how far the file is.
    fn show(&self, id: TransferId, header: &FileHeader, octets: u64) -> UnderWay {
        self.line.begin(FileNow {
            transfer: id.to_string(),
            file: header.key.to_string(),
            received: true,
            octets,
            size: header.size_blocks.saturating_mul(BLOCK),
            since: SystemTime::now(),
        })
    }

    async fn make_room_for(&self, header: &FileHeader) -> Result<(), Refused> {
        let announced = announced(header);
        if self.has_room_for(announced).is_err() {
            self.station.make_room(announced).await?;
            self.has_room_for(announced)?;
        }
        Ok(())
    }

    /// Profile, room, policies, quota, ledger, spool: in that order, the last two only for what is wanted.
    async fn take(&mut self, header: &FileHeader, may_resume: bool) -> Result<Receiving, Stop> {
        self.allows(header)?;
        self.make_room_for(header).await?;
        let route = self.route(header).await?;
        let offer = Offer {
            partner: self.partner().to_owned(),
            header: header.clone(),
            target: route.target.clone(),
            layout: route.layout,
            session: self.id.clone(),
            note: route.note,
            may_resume,
            repeated: self.repeated(),
        };
        let mut again = None;
        // One at a time where there is a quota: what one is allowed, the next must see.
        let station = Arc::clone(&self.station);
        let has_quota = self.quota().is_some();
        let gate = match has_quota {
            true => Some(station.quotas.gate(self.partner()).await),
            false => None,
        };
        let allowance = self.allowance(header).await?;
        let (offered, committing) = self.station.ledger.offer_early(offer.clone()).await?;
        let committing = match gate {
            Some(_) => {
                committing.done().await?;
                None
            }
            None => Some(committing),
        };
        let mut edition = 0;
        let (id, is_new) = match offered {
            Offered::New(id) => (id, true),
            Offered::Another(id, which) => {
                edition = which;
                (id, true)
            }
            Offered::Again(id) => (id, false),
            Offered::Duplicate(_) => return Err(duplicate().into()),
            // Its own content may be anywhere by now: it is taken once more under a name of its own.
            Offered::Unconfirmed(of) => {
                let another = match offer.repeated.takes_other_content(&header.key) {
                    true => Ok(offer.clone()),
                    false => Err(other_content()),
                };
                again = Some(Box::new(Again { of, another }));
                (TransferId::new(), true)
            }
        };
        // As much as it announced at first; what is more it asks for when it comes.
        let announced = header.size_blocks.saturating_mul(BLOCK);
        let granted = allowance.min(announced);
        let counted = match self.is_counted(id) {
            true => announced,
            false => 0,
        };
        let quota = has_quota.then(|| station.quotas.begin(self.partner(), id, counted));
        if let Some(quota) = &quota {
            quota.grant(granted);
        }
        drop(gate);
        let partial = self.partial(id).await.map_err(Refused::from)?;
        let leaves = Arc::clone(&self.overtaken);
        let holding = self.station.holders.enter(id, leaves);
        // The partial is ours, and what its row says stays so. Between the offer and this another session may have had
        // it: have added to it, or be done with the file.
        let standing = self.station.ledger.standing(id, offer.clone()).await?;
        if standing.is_some_and(|standing| !standing.is_receiving) {
            return Err(overtaken(partial).await);
        }
        let edition = standing.map_or(edition, |standing| standing.edition);
        let held = if is_new && standing.is_none_or(|standing| standing.is_untouched) {
            Position::default()
        } else {
            let here = standing.map_or_else(Position::default, |standing| standing.position);
            let most = header.restart.min(route.restart.unwrap_or(u64::MAX));
            let size = partial.octets().map_err(Refused::from)?;
            let held = match route.layout {
                // Blocks of it cannot be found among line ends of ours.
                Some(_) if header.format == Format::Text => Position::default(),
                Some(layout) => whole_records(header.format, layout, here, size, most),
                None => whole_blocks(here.octets.min(size), most),
            };
            // What the row says of it must hold before it is cut.
            self.station.ledger.begin(id, offer, held).await?;
            held
        };
        let writer = blocking(move || partial.resume(held.octets)).await;
        let writer = writer.map_err(Refused::from)?;
        let octets = route
            .layout
            .map_or(held.octets, |layout| layout.virtual_octets(held));
        let shown = self.show(id, header, octets);
        Ok(Receiving {
            id,
            edition,
            header: header.clone(),
            target: route.target,
            intake: Intake::new(writer),
            records: route
                .layout
                .map(|layout| (layout, RecordWriter::new(layout, header.format, held))),
            held,
            octets,
            began: Instant::now(),
            labels: route.labels,
            most: match has_quota {
                true => self.most_octets().min(granted),
                false => self.most_octets(),
            },
            allowance: quota,
            holding,
            over_limit: false,
            again,
            committing,
            shown,
        })
    }

    /// The partial of that file for this session alone. Where the partner's own session before this one has it, and it
    /// stands still there, that one is ended.
    async fn partial(&mut self, id: TransferId) -> Result<Partial, SpoolError> {
        let began = Instant::now();
        let mut ends = false;
        loop {
            let spool = self.station.spool.clone();
            match blocking(move || spool.partial(id)).await {
                Err(SpoolError::Busy(path)) => {
                    ends |= self.station.holders.end_if_still(id);
                    let patience = if ends { LEAVING } else { STILL + STILL / 4 };
                    if began.elapsed() >= patience {
                        return Err(SpoolError::Busy(path));
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return other,
            }
        }
    }

    pub(super) fn quota(&self) -> Option<Quota> {
        self.profile
            .as_ref()
            .and_then(|profile| profile.partner.quota)
    }

    /// Octets that the partner's quota has left for that file, files under way being counted with what they have.
    pub(super) async fn quota_left(
        &mut self,
        key: &FileKey,
        id: Option<TransferId>,
    ) -> Result<u64, LedgerError> {
        let Some(quota) = self.quota() else {
            return Ok(u64::MAX);
        };
        let arrived = self.arrived(key, &quota).await?;
        let octets = quota.size.map_or(u64::MAX, |size| size.0.0);
        let beyond = self.station.quotas.beyond(self.partner(), id);
        Ok(octets.saturating_sub(arrived.octets.saturating_add(beyond)))
    }

    /// Whether a file that is all here, and has its row, is beyond the partner's quota after all, be it by its size or
    /// as one file more.
    pub(super) async fn is_beyond_quota(
        &mut self,
        key: &FileKey,
        id: TransferId,
        octets: u64,
    ) -> Result<bool, LedgerError> {
        let Some(quota) = self.quota() else {
            return Ok(false);
        };
        let files = quota.files.map_or(u64::MAX, |files| files.0.0.into());
        Ok(self.arrived(key, &quota).await?.files >= files
            || octets > self.quota_left(key, Some(id)).await?)
    }

    async fn arrived(&mut self, key: &FileKey, quota: &Quota) -> Result<Arrived, LedgerError> {
        let since = SystemTime::now().checked_sub(quota.per.0.0);
        let since = since.unwrap_or(SystemTime::UNIX_EPOCH);
        let ledger = &self.station.ledger;
        ledger
            .arrived(self.partner(), since, key, self.repeated())
            .await
    }

    /// Whether the ledger counts a file under way for the partner's quota: it was begun in the time that this is for.
    fn is_counted(&self, id: TransferId) -> bool {
        let Some((quota, made)) = self.quota().zip(id.made()) else {
            return true;
        };
        let age = SystemTime::now().duration_since(made);
        age.is_ok_and(|age| age <= quota.per.0.0)
    }

    /// Octets a file may have in this session.
    pub(super) fn most_octets(&self) -> u64 {
        self.terms
            .max_file_blocks
            .map_or(u64::MAX, |blocks| blocks.saturating_mul(BLOCK))
    }

    /// Whether the disks have room for so many octets, and for receipts and the ledger.
    fn has_room_for(&self, announced: u64) -> Result<(), Refused> {
        let spool = &self.station.spool;
        spool.has_room_for(announced)?;
        Ok(spool.has_room_at(self.station.config.storage.ledger(), 0)?)
    }

    /// Octets of this file that are still within the partner's quota.
    async fn allowance(&mut self, header: &FileHeader) -> Result<u64, Stop> {
        let Some(quota) = self.quota() else {
            return Ok(u64::MAX);
        };
        let arrived = self.arrived(&header.key, &quota).await?;
        let files = quota.files.map_or(u64::MAX, |files| files.0.0.into());
        let left = self.quota_left(&header.key, None).await?;
        // SFIDFSIZ is rounded up to a block.
        let announced = header.size_blocks.saturating_sub(1).saturating_mul(BLOCK);
        if arrived.files >= files || announced > left || left == 0 {
            let text = format!(
                "the quota of this partner is used up for now: {} files and {} octets came in the last {:?}",
                arrived.files, arrived.octets, quota.per.0.0
            );
            return Err(Refused::for_now(FileReason::TooBig, text).into());
        }
        Ok(left)
    }

    /// What becomes of a file of this partner whose identity another has that is here.
    pub(super) fn repeated(&self) -> Repeated {
        let profile = self.profile.as_ref();
        match profile.map(|profile| profile.partner.received_again.0) {
            None | Some(ReceivedAgain::Refuse) => Repeated::Refused,
            Some(ReceivedAgain::Compare) => Repeated::Compared,
            Some(ReceivedAgain::Take) => Repeated::Taken,
        }
    }

    fn allows(&self, header: &FileHeader) -> Result<(), Refused> {
        let Some(profile) = &self.profile else {
            return Err(Refused::for_now(FileReason::Unspecified, "no partner"));
        };
        let key = &header.key;
        let any_case = profile.forgives_case(&self.station.config);
        let Some(originator) = profile.may_originate(&key.originator, any_case) else {
            return Err(Refused::for_good(
                FileReason::InvalidOrigin,
                format!(
                    "`{}` is not agreed for files of this partner",
                    key.originator
                ),
            ));
        };
        let Some(destination) = partners::is_ours(&self.station.config, &key.destination, any_case)
        else {
            return Err(Refused::for_good(
                FileReason::InvalidDestination,
                format!("`{}` is not a station here", key.destination),
            ));
        };
        self.tell_case("SFID SFIDORIG", &key.originator, originator);
        self.tell_case("SFID SFIDDEST", &key.destination, destination);
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
        if header.enveloped {
            let text = "enveloped files are not agreed";
            return Err(Refused::for_good(FileReason::Unspecified, text));
        }
        if header.signed_receipt && !profile.partner.unsigned_receipts {
            let text = "SFIDSIGN asks for a signed receipt, and receipts are not signed here";
            return Err(Refused::for_good(FileReason::SignedNotAllowed, text));
        }
        if matches!(header.format, Format::Fixed(0)) {
            let text = "fixed records need a length";
            return Err(Refused::for_good(FileReason::RecordLength, text));
        }
        if !self.terms.takes_files {
            let text = "no files are taken in this session";
            return Err(Refused::for_good(FileReason::DirectionRefused, text));
        }
        match self.terms.max_file_blocks {
            Some(most) if header.size_blocks > most => Err(too_big(most)),
            _ => Ok(()),
        }
    }

    /// The log says that a receipt will not be what its partner asks for.
    fn tell_unsigned(&self, header: &FileHeader) {
        if header.signed_receipt {
            self.tolerate(format!(
                "SFID of {}: SFIDSIGN asks for a signed receipt, and it gets one without a signature (unsigned_receipts)",
                header.key
            ));
        }
    }

    /// Asks where the file goes.
    async fn route(&mut self, header: &FileHeader) -> Result<Route, Stop> {
        let connection = self.connection()?.clone();
        let answer = self
            .policies
            .accept_file(&connection, &facts::file(header), SystemTime::now())
            .await;
        let terms = match &answer.decision {
            types::FileDecision::Pass => types::FileTerms::default(),
            types::FileDecision::Accept(terms) => terms.clone(),
            types::FileDecision::Refuse(no) => {
                let shown = format!("refused with SFNA {:02} {}", no.reason, no.text);
                self.note(("accept-file", Some(&header.key)), &answer, shown);
                let (reason, text) = (FileReason::from_code(no.reason), no.text.clone());
                let refused = Refused::for_good(reason, text);
                return Err(Refused {
                    retry: no.retry,
                    ..refused
                }
                .into());
            }
        };
        let directory = terms
            .directory
            .as_deref()
            .or(self.terms.directory.as_deref());
        let replaces = terms.overwrite.unwrap_or(false);
        let profile = self.profile.as_ref();
        let folder = profile.map(|own| own.partner.folder(&own.name));
        let target = names::target(
            &folder.unwrap_or_default(),
            header,
            directory,
            terms.file_name.as_deref(),
            self.delivery().name.as_ref(),
            replaces,
        );
        let target = match target {
            Ok(target) => target,
            Err(bad) => {
                self.note(
                    ("accept-file", Some(&header.key)),
                    &answer,
                    format!("not usable: {bad}"),
                );
                let text = "no place could be decided for this file";
                return Err(Refused::for_now(FileReason::AccessMethod, text).into());
            }
        };
        let layout = match self.layout(header, terms.record_layout) {
            Ok(layout) => layout,
            Err(unfit) => {
                let what = format!("records of this file cannot be kept {unfit}");
                self.note(
                    ("accept-file", Some(&header.key)),
                    &answer,
                    format!("not usable: {what}"),
                );
                return Err(Refused::for_good(FileReason::RecordLength, what).into());
            }
        };
        // To refuse what is there is the policy's wish; without one the new file gets a number.
        if terms.overwrite == Some(false) && self.station.inbox.join(facts::path(&target)).exists()
        {
            let text = format!("a file of the name {} is there", target.file_name);
            self.note(
                ("accept-file", Some(&header.key)),
                &answer,
                format!("refused with SFNA 12: {text}"),
            );
            // Not 13, which would say that this very file is here: of one that is, 13 was said before.
            return Err(Refused::for_good(FileReason::AccessMethod, text).into());
        }
        self.tell_unsigned(header);
        let note = self.note(
            ("accept-file", Some(&header.key)),
            &answer,
            format!(
                "accepted, to {}{}",
                facts::path(&target),
                labelled(&terms.labels)
            ),
        );
        Ok(Route {
            target,
            layout,
            restart: terms.restart,
            labels: terms.labels,
            note,
        })
    }
}

impl Monitor {
    /// What becomes of this partner's files.
    pub(super) fn delivery(&self) -> Terms {
        partners::delivery(&self.station.config, self.partner())
    }

    /// How the records of a file are kept: as the policies say, else as the profile does.
    fn layout(
        &self,
        header: &FileHeader,
        wanted: Option<types::RecordLayout>,
    ) -> Result<Option<RecordLayout>, RecordLayout> {
        if !header.goes_in_records() {
            let ends_lines = self
                .profile
                .as_ref()
                .is_some_and(|profile| profile.partner.text_line_ends);
            let text = header.format == Format::Text && !header.is_secured();
            return Ok((text && ends_lines).then_some(RecordLayout::Lines));
        }
        let of_profile = self
            .profile
            .as_ref()
            .and_then(|profile| profile.record_layout(header.format));
        let layout = wanted
            .map(facts::record_layout)
            .or(of_profile)
            .unwrap_or(RecordLayout::LengthPrefixed);
        if layout.suits(header.format) {
            Ok(Some(layout))
        } else {
            Err(layout)
        }
    }
}

/// Between the offer and its row another session came to its end with the same file: what was begun here is not needed.
async fn overtaken(partial: Partial) -> Stop {
    match blocking(move || partial.remove()).await {
        Ok(()) => {
            let text = "another session has just received this file";
            Refused::for_now(FileReason::AccessMethod, text).into()
        }
        Err(error) => Refused::from(error).into(),
    }
}

/// Against a file that is here.
fn duplicate() -> Refused {
    let text = "this file was received before";
    Refused::for_good(FileReason::Duplicate, text)
}

/// How long a session that is ended may take to let its file go.
const LEAVING: Duration = Duration::from_secs(8);

/// Octets that are announced beyond what is said to be here.
fn announced(header: &FileHeader) -> u64 {
    let here = if header.goes_in_records() {
        0
    } else {
        header.restart
    };
    let blocks = header.size_blocks.saturating_sub(here);
    blocks.saturating_mul(BLOCK)
}

/// Octets in one step of a restart position of a file without records (RFC 5024, 5.3.3, SFIDREST).
pub(super) const BLOCK: u64 = 1024;

/// From where a file goes on: whole blocks, and never more than was asked for (RFC 5024, 5.3.4).
fn whole_blocks(octets: u64, most: u64) -> Position {
    let octets = (octets / BLOCK).min(most) * BLOCK;
    Position { octets, records: 0 }
}

/// The same of a file of records. Where fewer are asked for than are here, only records of fixed length
/// can be found; others go on from the start.
fn whole_records(
    format: Format,
    layout: RecordLayout,
    here: Position,
    size: u64,
    most: u64,
) -> Position {
    if size < here.octets {
        return Position::default();
    }
    if here.records <= most {
        return here;
    }
    layout.end_of(format, most).unwrap_or_default()
}

pub(super) fn too_big(most: u64) -> Refused {
    Refused::for_good(
        FileReason::TooBig,
        format!("files of more than {most} KiB are not agreed"),
    )
}
