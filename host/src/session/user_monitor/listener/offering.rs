//! A file is offered (RFC 5024, 9.12, OPIP): whether it is taken, where it goes, and from where it is resumed.

use std::time::{Instant, SystemTime};

use oftp::{FileAnswer, FileHeader, FileReason, FileTicket, Position, Session};
use pointsman_store::contents::PartialContent;
use pointsman_store::{Committing, Here, LedgerError, Offer, Offered, TransferId};

use super::file_checks;
use super::file_refusal::{FileRefusal, Stop};
use super::partial::{self, BLOCK, FileWriter};
use super::quota::{self, SizeLimit};
use super::receiving::{Comparison, Receiving};
use super::routing::{self, Route};
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::station::roster::{FileNow, UnderWay};

/// SFID: the file is taken (SFPA), and is received from then on, or refused (SFNA).
pub(crate) async fn file_offered(
    context: &mut SessionContext,
    ticket: FileTicket,
    header: FileHeader,
    session: &mut Session,
) -> Result<Option<Receiving>, InternalError> {
    let may_resume = session.agreement().is_some_and(|agreed| agreed.restart);
    match take_in(context, &header, may_resume).await {
        Ok(receiving) => {
            let answer = FileAnswer::Accept {
                restart: receiving.writer.restart(),
                octets_held: receiving.writer.octets_held(),
            };
            let _ = session.answer_file(ticket, answer);
            Ok(Some(receiving))
        }
        Err(Stop::Refused(refused)) => {
            refused.log(context, &header, "SFNA");
            context.slow_down().await;
            let answer = FileAnswer::Refuse {
                reason: refused.reason,
                retry: refused.retry,
                text: refused.text,
            };
            let _ = session.answer_file(ticket, answer);
            Ok(None)
        }
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A file whose SFID cannot be read was refused: those behind it come all the same.
pub(crate) async fn file_unreadable(context: &SessionContext, reason: FileReason, text: String) {
    context.log(Event::FileRefused {
        session: context.talk(),
        file: "whose SFID cannot be read".to_owned(),
        reason: FileRefusal::for_good(reason, text).sentence("SFNA"),
    });
    context.slow_down().await;
}

/// What is here already comes first: whatever policies, quotas or names in use would decide about the file by now, its
/// sender must get to know that we have it.
async fn take_in(
    context: &mut SessionContext,
    header: &FileHeader,
    may_resume: bool,
) -> Result<Receiving, Stop> {
    let Some(here) = here(context, header).await? else {
        return take(context, header, may_resume).await;
    };
    if !here.is_to_be_compared {
        let what = format!("refused as a duplicate: it is `{}`", here.state);
        offered_again(context, here.id, &what).await?;
        return Err(FileRefusal::duplicate().into());
    }
    if !context.repeated().takes_other_content(&header.key) {
        return take_copy(context, header, here, FileRefusal::other_content()).await;
    }
    match take(context, header, may_resume).await {
        // It is refused if it is another file.
        Err(Stop::Refused(refused)) if refused.failure.is_none() => {
            take_copy(context, header, here, refused).await
        }
        taken => taken,
    }
}

/// What is here of the file, if it is not to be decided on like any other.
async fn here(context: &SessionContext, header: &FileHeader) -> Result<Option<Here>, LedgerError> {
    if context.profile().is_none() {
        return Ok(None);
    }
    let ledger = &context.station.ledger;
    ledger
        .here(context.partner(), header, context.repeated())
        .await
}

/// The history of a file that is here says what became of an offer of it.
async fn offered_again(
    context: &SessionContext,
    id: TransferId,
    what: &str,
) -> Result<(), LedgerError> {
    let ledger = &context.station.ledger;
    ledger.remark(id, "offered-again", what.into()).await
}

/// A file that is here, and whose sender may not know that, is taken once more to be compared. Should it be another,
/// it is refused when it has come.
async fn take_copy(
    context: &SessionContext,
    header: &FileHeader,
    here: Here,
    refused: FileRefusal,
) -> Result<Receiving, Stop> {
    file_checks::make_room_for(context, header).await?;
    let what = format!(
        "it is `{}`: taken once more to compare; other content is refused: {}",
        here.state, refused.text
    );
    offered_again(context, here.id, &what).await?;
    let id = TransferId::new();
    let (partial, holding) = partial::open(context, id).await?;
    let writer = FileWriter::new(partial, header, here.layout, Position::default()).await?;
    // What is longer than both is another file.
    let most = here.octets.max(header.size_blocks.saturating_mul(BLOCK));
    Ok(Receiving {
        id,
        edition: 0,
        header: header.clone(),
        target: here.target,
        writer,
        octets: 0,
        began: Instant::now(),
        labels: Vec::new(),
        limit: SizeLimit::of_copy(context, most),
        holding,
        is_over_limit: false,
        comparison: Some(Box::new(Comparison {
            with: here.id,
            another: Err(refused),
        })),
        committing: None,
        shown: show(context, id, header, 0),
    })
}

/// Shows the file's progress among the sessions that run.
fn show(context: &SessionContext, id: TransferId, header: &FileHeader, octets: u64) -> UnderWay {
    context.show_file(FileNow {
        transfer: id.to_string(),
        file: header.key.to_string(),
        received: true,
        octets,
        size: header.size_blocks.saturating_mul(BLOCK),
        since: SystemTime::now(),
    })
}

/// Profile, space, policies, quota, ledger, spool: in that order, the last two only for what is wanted.
async fn take(
    context: &mut SessionContext,
    header: &FileHeader,
    may_resume: bool,
) -> Result<Receiving, Stop> {
    file_checks::allows(context, header)?;
    file_checks::make_room_for(context, header).await?;
    let route = routing::route(context, header).await?;
    let offer = Offer {
        partner: context.partner().to_owned(),
        header: header.clone(),
        target: route.target.clone(),
        layout: route.layout,
        session: context.id.clone(),
        note: route.note.clone(),
        may_resume,
        repeated: context.repeated(),
    };
    let (entry, limit) = enter(context, &offer).await?;
    let (partial, holding) = partial::open(context, entry.id).await?;
    let (partial, edition, held) = resume(context, &entry, offer, &route, partial).await?;
    let writer = FileWriter::new(partial, header, route.layout, held).await?;
    let octets = writer.octets_held();
    Ok(Receiving {
        id: entry.id,
        edition,
        header: header.clone(),
        target: route.target,
        writer,
        octets,
        began: Instant::now(),
        labels: route.labels,
        limit,
        holding,
        is_over_limit: false,
        comparison: entry.comparison,
        committing: entry.committing,
        shown: show(context, entry.id, header, octets),
    })
}

/// A file as the ledger has entered it.
struct LedgerEntry {
    id: TransferId,
    edition: u32,
    /// Nothing of it was here before this offer.
    is_new: bool,
    comparison: Option<Box<Comparison>>,
    /// Its row, on the way to the disk.
    committing: Option<Committing>,
}

/// The ledger enters the file, if the quota has something left for it. One at a time where there is a quota, and the row
/// is awaited then: what one file is allowed, the next must see.
async fn enter(context: &SessionContext, offer: &Offer) -> Result<(LedgerEntry, SizeLimit), Stop> {
    let gate = quota::gate(context).await;
    let left = quota::left_for(context, &offer.header).await?;
    let (offered, committing) = context.station.ledger.offer_early(offer.clone()).await?;
    let committing = match gate {
        Some(_) => {
            committing.done().await?;
            None
        }
        None => Some(committing),
    };
    let mut entry = LedgerEntry {
        id: TransferId::new(),
        edition: 0,
        is_new: true,
        comparison: None,
        committing,
    };
    match offered {
        Offered::New(id) => entry.id = id,
        Offered::Another(id, edition) => (entry.id, entry.edition) = (id, edition),
        Offered::Again(id) => (entry.id, entry.is_new) = (id, false),
        Offered::Duplicate(_) => return Err(FileRefusal::duplicate().into()),
        // Its own content may be anywhere by now: it is taken once more under a name of its own.
        Offered::Unconfirmed(with) => {
            let another = match offer.repeated.takes_other_content(&offer.header.key) {
                true => Ok(offer.clone()),
                false => Err(FileRefusal::other_content()),
            };
            entry.comparison = Some(Box::new(Comparison { with, another }));
        }
    }
    let limit = SizeLimit::begin(context, &offer.header, entry.id, left);
    drop(gate);
    Ok((entry, limit))
}

/// From where the file is resumed, and which edition it is. The partial is ours by now, and so what its row says stays so.
/// Between the offer and this another session may have had it: have added to it, or be done with the file.
async fn resume(
    context: &SessionContext,
    entry: &LedgerEntry,
    offer: Offer,
    route: &Route,
    partial: Box<dyn PartialContent>,
) -> Result<(Box<dyn PartialContent>, u32, Position), Stop> {
    let ledger = &context.station.ledger;
    let standing = ledger.standing(entry.id, offer.clone()).await?;
    if standing.is_some_and(|standing| !standing.is_receiving) {
        return Err(overtaken(partial).await);
    }
    let edition = standing.map_or(entry.edition, |standing| standing.edition);
    // A row that is still on its way to the disk cannot be read yet.
    let is_untouched = standing.is_none_or(|standing| standing.is_untouched);
    if entry.is_new && is_untouched {
        return Ok((partial, edition, Position::default()));
    }
    let row = standing.map_or_else(Position::default, |standing| standing.position);
    let most = offer.header.restart.min(route.restart.unwrap_or(u64::MAX));
    let octets = partial.octets().await?;
    let held = partial::resume_at(&offer.header, route.layout, row, octets, most);
    // What the row says of it must hold before the partial is cut.
    ledger.begin(entry.id, offer, held).await?;
    Ok((partial, edition, held))
}

/// Between the offer and its row another session received the same file to its end: what was begun here is removed.
async fn overtaken(partial: Box<dyn PartialContent>) -> Stop {
    match partial.remove().await {
        Ok(()) => {
            let text = "another session has just received this file";
            FileRefusal::for_now(FileReason::AccessMethod, text).into()
        }
        Err(error) => error.into(),
    }
}
