//! A file is offered (RFC 5024, 9.12, OPIP): whether it is taken, where it goes, and from where it is resumed.

use std::time::{Instant, SystemTime};

use oftp::{FileHeader, FileReason, FileTicket, Position, Session};
use pointsman_store::contents::PartialContent;
use pointsman_store::transition::VerbName;
use pointsman_store::{Committing, Direction, KnownFile, LedgerError, Offer, Offered, TransferId};

use super::file_checks;
use super::file_refusal::{FileRefusal, Stop};
use super::partial::{self, FileWriter};
use super::receiving::{Comparison, IfAnother, Incoming, Receiving};
use super::routing::{self, Route};
use crate::events::Event;
use crate::session::user_monitor::context::SessionContext;
use crate::session::user_monitor::error::InternalError;
use crate::station::roster::{FileNow, UnderWay};
use crate::station::size_limit::SizeLimit;

/// What an SFID said, and when it came.
#[derive(Clone, Copy)]
struct Sfid<'a> {
    header: &'a FileHeader,
    /// Restarts are agreed (RFC 5024, 5.3.2, SSIDREST).
    may_resume: bool,
    came: Instant,
}

impl Sfid<'_> {
    /// The file as the ledger is asked for it.
    fn offer(&self, context: &SessionContext, route: &Route) -> Offer {
        Offer {
            partner: context.partner().to_owned(),
            header: self.header.clone(),
            target: route.target.clone(),
            layout: route.layout,
            session: context.id.clone(),
            note: route.note.clone(),
            may_resume: self.may_resume,
            repeated: context.repeated(),
        }
    }

    /// The file as it is received from then on.
    fn incoming(&self, id: TransferId, edition: u32, route: Route) -> Incoming {
        Incoming {
            id,
            edition,
            header: self.header.clone(),
            target: route.target,
            began: self.came,
            labels: route.labels,
            layout: route.layout,
        }
    }
}

/// SFID: the file is taken (SFPA), and is received from then on, or refused (SFNA).
pub(crate) async fn file_offered(
    context: &mut SessionContext,
    ticket: FileTicket,
    header: FileHeader,
    session: &mut Session,
) -> Result<Option<Receiving>, InternalError> {
    let sfid = Sfid {
        header: &header,
        may_resume: session.agreement().is_some_and(|agreed| agreed.restart),
        came: Instant::now(),
    };
    match decide_on_offer(context, sfid).await {
        Ok(file) => {
            let _ = session.answer_file(ticket, file.writer.sfpa());
            Ok(Some(file))
        }
        Err(Stop::Refused(refused)) => {
            refused.log(context, &header, "SFNA");
            context.slow_down().await;
            let _ = session.answer_file(ticket, refused.sfna());
            Ok(None)
        }
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A file whose SFID cannot be read was refused: those behind it come all the same.
pub(crate) async fn file_unreadable(context: &SessionContext, reason: FileReason, text: String) {
    context.log(Event::InboundFileRefused {
        session: context.talk(),
        file: "whose SFID cannot be read".to_owned(),
        reason: FileRefusal::for_good(reason, text).sentence("SFNA"),
    });
    context.slow_down().await;
}

/// What is here already comes first. Its sender must get to know that we have it, whatever policies, quotas and names in
/// use would decide about the file by now; so no rule for new files is asked, but where another file may have this
/// identity.
async fn decide_on_offer(context: &mut SessionContext, sfid: Sfid<'_>) -> Result<Receiving, Stop> {
    let Some(known) = known_file(context, sfid.header).await? else {
        return accept_new(context, sfid).await;
    };
    if !known.is_to_be_compared {
        let what = format!("refused as a duplicate: it is `{}`", known.state);
        offered_again(context, known.id, &what).await?;
        return Err(FileRefusal::duplicate().into());
    }
    if !context.repeated().takes_other_content(&sfid.header.key) {
        return accept_to_compare(context, sfid, known, FileRefusal::other_content()).await;
    }
    match accept_new(context, sfid).await {
        // As another file it is not wanted, but it may be the one that is here.
        Err(Stop::Refused(refused)) if refused.failure.is_none() => {
            accept_to_compare(context, sfid, known, refused).await
        }
        accepted => accepted,
    }
}

/// What is here of the file, if it is not to be decided on like any other.
async fn known_file(
    context: &SessionContext,
    header: &FileHeader,
) -> Result<Option<KnownFile>, LedgerError> {
    if context.profile().is_none() {
        return Ok(None);
    }
    let ledger = &context.station.ledger;
    ledger
        .known(context.partner(), header, context.repeated())
        .await
}

/// The history of a file that is here says what became of an offer of it.
async fn offered_again(
    context: &SessionContext,
    id: TransferId,
    what: &str,
) -> Result<(), LedgerError> {
    let ledger = &context.station.ledger;
    ledger
        .remark(id, VerbName::Another.in_history(), what.into())
        .await
}

/// A file that is here, and whose sender may not know that, is received once more to be compared. Should it be another
/// one, EFNA gives this refusal.
async fn accept_to_compare(
    context: &SessionContext,
    sfid: Sfid<'_>,
    known: KnownFile,
    refused: FileRefusal,
) -> Result<Receiving, Stop> {
    let header = sfid.header;
    file_checks::make_room_for(context, header).await?;
    let what = format!(
        "it is `{}`: taken once more to compare; other content is refused: {}",
        known.state, refused.text
    );
    offered_again(context, known.id, &what).await?;
    let id = TransferId::new();
    let (partial, holding) = partial::open(context, id).await?;
    let writer = FileWriter::new(partial, header, known.layout, Position::default()).await?;
    // What is longer than both is another file.
    let most = known.octets.max(header.announced_octets());
    let file = Incoming {
        id,
        edition: 0,
        header: header.clone(),
        target: known.target,
        began: sfid.came,
        labels: Vec::new(),
        layout: known.layout,
    };
    Ok(Receiving {
        file,
        writer,
        octets: 0,
        limit: SizeLimit::fixed(most.min(context.largest_file())),
        holding,
        over_limit: None,
        comparison: Some(Box::new(Comparison {
            with: known.id,
            if_another: IfAnother::Refuse(refused),
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
        direction: Direction::Inbound,
        octets,
        size: header.announced_octets(),
        since: SystemTime::now(),
    })
}

/// A file like any other. Profile, free space, policies, quota, ledger and spool are looked at in that order, the last two
/// only for a file that is wanted.
async fn accept_new(context: &mut SessionContext, sfid: Sfid<'_>) -> Result<Receiving, Stop> {
    let header = sfid.header;
    file_checks::allows(context, header)?;
    file_checks::make_room_for(context, header).await?;
    let route = routing::route(context, header).await?;
    let offer = sfid.offer(context, &route);
    let (entered, limit) = enter_in_ledger(context, &offer).await?;
    // The partial is locked before the ledger says how much of it may be resumed: until then another session may write it.
    let (partial, holding) = partial::open(context, entered.id).await?;
    let most = route.restart.unwrap_or(u64::MAX);
    let Some((edition, held)) = resume(context, &entered, offer, most, partial.as_ref()).await?
    else {
        return Err(came_elsewhere(partial).await);
    };
    let writer = FileWriter::new(partial, header, route.layout, held).await?;
    let octets = writer.octets_held();
    Ok(Receiving {
        file: sfid.incoming(entered.id, edition, route),
        writer,
        octets,
        limit,
        holding,
        over_limit: None,
        comparison: entered.comparison,
        committing: entered.committing,
        shown: show(context, entered.id, header, octets),
    })
}

/// A file as the ledger has entered it.
struct EnteredFile {
    id: TransferId,
    edition: u32,
    /// Nothing of it was here before this offer.
    is_new: bool,
    comparison: Option<Box<Comparison>>,
    /// Its row, on the way to the disk.
    committing: Option<Committing>,
}

impl EnteredFile {
    fn new(id: TransferId, edition: u32, committing: Option<Committing>) -> Self {
        Self {
            id,
            edition,
            is_new: true,
            comparison: None,
            committing,
        }
    }
}

/// The ledger enters the file, if the quota has something left for it. One at a time where there is a quota, and the row
/// is awaited then: what one file is allowed, the next must see.
async fn enter_in_ledger(
    context: &SessionContext,
    offer: &Offer,
) -> Result<(EnteredFile, SizeLimit), Stop> {
    let room = context.quota().room_for(&offer.header).await?;
    let (offered, committing) = context.station.ledger.offer_early(offer.clone()).await?;
    let committing = room.await_row(committing).await?;
    let entered = match offered {
        Offered::New(id) => EnteredFile::new(id, 0, committing),
        Offered::Another(id, edition) => EnteredFile::new(id, edition, committing),
        Offered::Again(id) => EnteredFile {
            is_new: false,
            ..EnteredFile::new(id, 0, committing)
        },
        Offered::Duplicate(_) => return Err(FileRefusal::duplicate().into()),
        // The content that is here may be anywhere by now: the copy gets an id of its own.
        Offered::Unconfirmed(with) => EnteredFile {
            comparison: Some(Box::new(Comparison::of_offer(with, offer))),
            ..EnteredFile::new(TransferId::new(), 0, committing)
        },
    };
    let limit = room.take(&offer.header, entered.id);
    Ok((entered, limit))
}

/// Which edition the file is, and from where it is resumed: at most from `most`. None where another session has received
/// the file to its end since the ledger was asked. This session has the partial by now, so what the row says stays so.
/// `Ledger::standing` gives position 0 where nothing may be resumed: restart is not agreed, or the identity does not name
/// one content.
async fn resume(
    context: &SessionContext,
    entered: &EnteredFile,
    offer: Offer,
    most: u64,
    partial: &dyn PartialContent,
) -> Result<Option<(u32, Position)>, Stop> {
    let ledger = &context.station.ledger;
    let standing = ledger.standing(entered.id, offer.clone()).await?;
    if standing.is_some_and(|standing| !standing.is_receiving) {
        return Ok(None);
    }
    let edition = standing.map_or(entered.edition, |standing| standing.edition);
    // No row: that of a new file is still on its way to the disk, and a copy has none.
    let is_untouched = standing.is_none_or(|standing| standing.is_untouched);
    if entered.is_new && is_untouched {
        return Ok(Some((edition, Position::default())));
    }
    let row = standing.map_or_else(Position::default, |standing| standing.position);
    let most = most.min(offer.header.restart);
    let held = partial::resume_at(&offer, row, partial.octets().await?, most);
    // What the row says of it must hold before the partial is cut.
    ledger.begin(entered.id, offer, held).await?;
    Ok(Some((edition, held)))
}

/// Another session received the same file to its end meanwhile: what was begun here is removed.
async fn came_elsewhere(partial: Box<dyn PartialContent>) -> Stop {
    match partial.remove().await {
        Ok(()) => {
            let text = "another session has just received this file";
            FileRefusal::for_now(FileReason::AccessMethod, text).into()
        }
        Err(error) => error.into(),
    }
}
