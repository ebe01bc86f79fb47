//! A secured file is closed: it is kept as it is on the wire and opened later, or opened while the partner waits
//! (`file_security.open`).

use std::time::{Duration, SystemTime};

use oftp::FileReason;
use pointsman_policy::types;
use pointsman_store::contents::WholeContent;
use pointsman_store::{Opened, Received, Sealed, Sidecar, Undelivered};

use super::closing::{self, Close, WholeFile};
use super::file_refusal::{FileRefusal, OurFailure};
use super::judging::{self, Acceptance, Judgement};
use crate::config::WhenOpened;
use crate::events::Event;
use crate::inbound::secured_file::SecuredFile;
use crate::inbound::{keys_gone, opened, rejected};
use crate::policy::facts::Finished;
use crate::security::{OpenError, OpenedContent, found_in_words};
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::session::user_monitor::promise;
use crate::station::Station;
use crate::station::in_force::InForce;
use crate::station::openings::OpeningPlace;

/// A secured file whose content as on the wire is sealed, while no row says so.
struct SealedFile {
    secured: SecuredFile,
    received: Received,
    wire: Sealed,
    /// What is left of its arrival, for the questions to policies.
    held: u64,
    took: Duration,
}

/// Its plain content, and what was found.
struct PlainContent {
    content: Box<dyn WholeContent>,
    found: OpenedContent,
    /// Its place among those that are opened (`limits.openings`), until it is sealed.
    place: OpeningPlace,
}

impl Close<'_> {
    /// Every octet of a secured file has come, and it has its row.
    pub(super) async fn secured(self, whole: WholeFile) -> Result<(), InternalError> {
        let WholeFile {
            file,
            held,
            content,
        } = whole;
        let id = file.id;
        let received = Received {
            measure: content.measure().clone(),
            counts: self.closing.received,
            wire_hash: None,
            target: file.target.clone(),
            verdict: None,
            note: keys_gone::note(&self.context.plan.in_force, self.context.partner()),
            labels: file.labels.clone(),
            removal: None,
        };
        let (partner, session_id) = (self.context.partner().to_owned(), &self.context.id);
        let sidecar = Sidecar::inbound(id, &partner, &file.header, &received, session_id)
            .of_edition(file.edition);
        let secured = SecuredFile {
            id,
            partner,
            header: file.header,
            wire: received.measure.clone(),
            layout: file.layout,
            target: file.target,
            labels: file.labels,
            offered: SystemTime::now() - file.began.elapsed(),
        };
        let wire = match content.seal(&sidecar).await {
            Ok(sealed) => sealed,
            Err(error) => return self.refuse(id, &secured.header, error.into()).await,
        };
        let sealed = SealedFile {
            secured,
            received,
            wire,
            held,
            took: file.began.elapsed(),
        };
        let profile = self.context.profile();
        match profile.map(|profile| profile.file_security.open) {
            Some(WhenOpened::BeforeAcknowledgement) => self.open_first(sealed).await,
            _ => self.keep_secured(sealed).await,
        }
    }

    /// The ledger commits, EFPA leaves, and the file is opened. From here on nothing depends on this session.
    async fn keep_secured(self, file: SealedFile) -> Result<(), InternalError> {
        let ledger = &self.context.station.ledger;
        let stored = ledger.received(&file.wire, file.received).await?;
        let (secured, octets) = (file.secured, file.wire.measure().octets);
        promise::efpa(self.session, self.ticket, secured.id, false, stored)?;
        self.unfinished.promised(self.context, secured.id);
        let context = self.context;
        let undelivered = secured.undelivered(secured.target.clone());
        closing::log_received(context, &undelivered, octets);
        self.unfinished
            .open(context, secured.id, file.wire.into_hold());
        Ok(())
    }

    /// The file is opened while the partner waits: EFNA where that fails. Until its row says `opening` a crash leaves a sealed
    /// content of a row that says `receiving`, which the next start discards; nothing was promised.
    async fn open_first(self, file: SealedFile) -> Result<(), InternalError> {
        let station = &self.context.station;
        let in_force = &self.context.plan.in_force;
        let plain = match open_in_place(station, in_force, &file.secured).await {
            Ok(plain) => plain,
            // The session is to end: its partner sends the file again.
            Err(error @ OpenError::Stopped) => return Err(InternalError::from(error)),
            Err(error) => {
                let refused = refusal(self.context, &file.secured, error);
                return self.refuse_sealed(file, None, refused, None).await;
            }
        };
        match judge(self.context, &file, &plain).await? {
            Judgement::Kept(kept) => self.keep_opened(file, plain, kept).await,
            Judgement::Refused(refused, note) => {
                self.refuse_sealed(file, Some(plain), refused, note.data)
                    .await
            }
        }
    }

    /// Nothing is kept of the file. Its row says so before anything is removed.
    async fn refuse_sealed(
        self,
        file: SealedFile,
        plain: Option<PlainContent>,
        refused: FileRefusal,
        data: Option<String>,
    ) -> Result<(), InternalError> {
        self.write_down(file.secured.id, &refused, data).await?;
        let contents = &self.context.station.contents;
        if let Some(plain) = plain {
            plain.content.discard().await?;
        }
        contents.discard(file.secured.id).await?;
        drop(file.wire);
        self.efna(&file.secured.header, refused).await;
        Ok(())
    }

    /// Both contents are sealed, the ledger commits both, and EFPA leaves.
    async fn keep_opened(
        self,
        file: SealedFile,
        plain: PlainContent,
        kept: Acceptance,
    ) -> Result<(), InternalError> {
        let PlainContent {
            content,
            found,
            place,
        } = plain;
        let sealed = match content.seal_plain().await {
            Ok(sealed) => sealed,
            Err(error) => return self.refuse_sealed(file, None, error.into(), None).await,
        };
        drop(place);
        let opened = Opened {
            plain: sealed.measure().clone(),
            counts: found.counts,
            wire_hash: file.secured.hash_found(&found),
            target: kept.target.clone(),
            verdict: kept.verdict.clone(),
            found: opened::note_of(&found),
            note: kept.note.clone(),
            labels: [file.secured.labels.clone(), kept.labels.clone()].concat(),
            removal: rejected::removal_of(&self.context.delivery()),
        };
        let (ledger, removal) = (&self.context.station.ledger, opened.removal);
        let stored = ledger.received(&file.wire, file.received.clone()).await?;
        ledger.opened(&sealed, opened).await?;
        let (id, octets) = (file.secured.id, file.wire.measure().octets);
        promise::efpa(self.session, self.ticket, id, kept.wants_turn, stored)?;
        self.unfinished.promised(self.context, id);
        let undelivered = file.secured.undelivered(kept.target);
        let context = self.context;
        closing::log_received(context, &undelivered, octets);
        log_opened(context, &undelivered, &sealed, &found);
        closing::log_waiting(context, &undelivered, &kept.verdict, kept.note.text);
        let (verdict, hold) = (&kept.verdict, sealed.into_hold());
        self.unfinished
            .follow_up(context, undelivered, verdict, removal, hold);
        Ok(())
    }
}

/// Opens a file once it has its place among those that are opened (`limits.openings`), for which the session waits.
async fn open_in_place(
    station: &Station,
    in_force: &InForce,
    file: &SecuredFile,
) -> Result<PlainContent, OpenError> {
    let (openings, most) = (&station.openings, in_force.limits.openings);
    let stop = openings.stopping_awaited();
    let place = tokio::select! {
        place = openings.place(&file.partner, most) => place,
        () = stop.cancelled() => return Err(OpenError::Stopped),
    };
    let (content, found) = file.open(station, in_force, stop).await?;
    Ok(PlainContent {
        content,
        found,
        place,
    })
}

async fn judge(
    context: &mut SessionContext,
    file: &SealedFile,
    plain: &PlainContent,
) -> Result<Judgement, InternalError> {
    let secured = &file.secured;
    let security = opened::facts_of(&plain.found);
    let (header, labels) = (&secured.header, &secured.labels);
    let whole = types::TransferOutcome::Completed;
    let done = Finished {
        counts: plain.found.counts,
        held: file.held,
        digest: Some(&plain.content.measure().digest),
        can_refuse: Some(true),
        security: Some(&security),
        ..Finished::inbound(whole, header, &secured.target, labels, file.took)
    };
    judging::judge(context, &done, &secured.target).await
}

/// Why a file that could not be opened is refused: what is wrong with it, or that something failed here.
fn refusal(context: &SessionContext, file: &SecuredFile, error: OpenError) -> FileRefusal {
    let security = context.profile().map(|profile| &profile.file_security);
    let alike = security.is_none_or(|security| security.fails_alike());
    if let Some(told) = error.told(file.header.security.is_encrypted(), alike) {
        context.log(Event::FileNotOpened {
            transfer: file.id,
            partner: file.partner.clone(),
            file: file.name(),
            reason: format!("{error}; EFNA {}", told.efna),
        });
        return FileRefusal::for_good(told.efna, told.efna.meaning());
    }
    match error {
        OpenError::Spool(error) | OpenError::NoRoom { full: error, .. } => error.into(),
        OpenError::Ledger(error) => error.into(),
        error => {
            let text = "the file cannot be opened at the moment";
            FileRefusal {
                failure: Some(OurFailure::Opening(error.to_string())),
                ..FileRefusal::for_now(FileReason::AccessMethod, text)
            }
        }
    }
}

fn log_opened(context: &SessionContext, file: &Undelivered, plain: &Sealed, found: &OpenedContent) {
    context.log(Event::FileOpened {
        transfer: file.id,
        partner: file.partner.clone(),
        file: file.header.key.to_string(),
        octets: plain.measure().octets,
        found: found_in_words(&found.found),
    });
}
