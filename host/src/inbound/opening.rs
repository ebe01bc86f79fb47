//! Secured files are opened once their partner has its EFPA, beside the sessions.
//!
//! The row of such a file says `opening`, and its content as on the wire is sealed. Its plain content is made, the policies
//! are asked what it means, it is sealed, and then the row says `received`, or `rejected` with a NERP. Whenever a crash comes,
//! the row tells the next start to open the file; what is half made is removed.

use std::sync::Arc;
use std::time::Duration;

use pointsman_store::transition::reached;
use pointsman_store::{Hold, InboundState, LedgerError, SpoolError, State, TransferId};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::keys_gone;
use super::opened::{self, Outcome, Plain};
use super::secured_file::SecuredFile;
use crate::events::Event;
use crate::security::{OpenError, OpenedContent};
use crate::station::Station;
use crate::station::in_force::{InForce, Pinned};
use crate::station::partner_tasks::TaskClaim;
use crate::station::waiting::WaitingFiles;

/// How often it is looked for files that are to be opened.
const AGAIN: Duration = Duration::from_secs(15);

/// The same while more of them wait than have a task.
const SOON: Duration = Duration::from_secs(1);

/// Opens a file on a task of its own, and delivers it; the task keeps running when the session that brought the file ends.
/// None where very many of this partner wait: then the file is left to whoever looks for those.
#[must_use]
pub fn start(
    station: &Arc<Station>,
    id: TransferId,
    partner: &str,
    hold: Hold,
) -> Option<JoinHandle<()>> {
    if station.openings.is_crowded(partner) {
        drop(hold);
        station.openings.left_one();
        return None;
    }
    let (station, partner) = (Arc::clone(station), partner.to_owned());
    Some(tokio::spawn(async move {
        // A task that looked for what is left may have it, and find that its content is held here: then it is ours.
        let claim = loop {
            match station.openings.take(id, &partner) {
                Some(claim) => break claim,
                None if station.openings.stopping().is_cancelled() => return,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        open_and_report(&station, id, Some(hold), claim).await;
    }))
}

/// Opens what a crash, an error or a busy session left, now and again.
pub async fn keep_opening(station: Arc<Station>) {
    loop {
        let soon = open_left(&station).await.unwrap_or_else(|error| {
            let reason = error.to_string();
            station.events.emit(Event::UnopenedUnknown { reason });
            false
        });
        tokio::select! {
            // Others of its partner have tasks at the moment.
            () = station.openings.left() => tokio::time::sleep(SOON).await,
            () = tokio::time::sleep(if soon { SOON } else { AGAIN }) => {}
        }
    }
}

/// Opens what no task has, whoever's it is and however many wait. True where more of them wait than have a task.
async fn open_left(station: &Arc<Station>) -> Result<bool, LedgerError> {
    let mut waiting = WaitingFiles::of(station.ledger.as_ref());
    let mut soon = false;
    while let Some(page) = waiting.unopened().await? {
        for file in &page {
            soon |= !open_if_idle(station, file.id, &file.partner);
        }
    }
    Ok(soon)
}

/// Opens a file that no task has. False where its partner has tasks enough.
fn open_if_idle(station: &Arc<Station>, id: TransferId, partner: &str) -> bool {
    let openings = &station.openings;
    if station.damaged.is_given_up(id) || openings.is_put_off(id) {
        return true;
    }
    if openings.is_crowded(partner) {
        return false;
    }
    if let Some(claim) = openings.take(id, partner) {
        let station = Arc::clone(station);
        tokio::spawn(async move { open_and_report(&station, id, None, claim).await });
    }
    true
}

async fn open_and_report(
    station: &Arc<Station>,
    id: TransferId,
    hold: Option<Hold>,
    _claim: TaskClaim,
) {
    let done = open_file(station, id, hold).await;
    if done.is_ok() {
        station.openings.settled(id);
    }
    if !matches!(done, Ok(Outcome::HandedOver)) {
        // No command is run for it now: no session waits for one.
        station.questions.answered(id);
    }
    if let Err(error) = done {
        report(station, id, &error).await;
    }
}

/// The file stays to be opened.
async fn report(station: &Station, transfer: TransferId, error: &OpenError) {
    // Another program has it, or it was opened meanwhile, or the next start opens it.
    if matches!(
        error,
        OpenError::Stopped
            | OpenError::Spool(SpoolError::Busy(_))
            | OpenError::Ledger(LedgerError::WrongState { .. })
    ) {
        return;
    }
    let row = station.ledger.show(transfer).await.ok().flatten();
    let (partner, file) =
        row.map_or_else(Default::default, |row| (row.partner, row.key.to_string()));
    let reason = error.to_string();
    station.events.emit(match error {
        OpenError::Rotten { .. } | OpenError::Missing => {
            station.damaged.give_up(transfer);
            Event::ContentLost {
                transfer,
                partner,
                file,
                reason,
            }
        }
        _ => {
            let made = match error {
                OpenError::NoRoom { made, .. } => Some(*made),
                _ => None,
            };
            station.openings.put_off(transfer, made);
            Event::NotOpenedYet {
                transfer,
                partner,
                file,
                reason,
            }
        }
    });
}

/// From a row that says `opening` to its delivery, or its NERP.
async fn open_file(
    station: &Arc<Station>,
    id: TransferId,
    hold: Option<Hold>,
) -> Result<Outcome, OpenError> {
    let row = station.ledger.row(id).await?;
    let row = row.filter(|row| row.state() == State::Inbound(InboundState::Opening));
    let Some(file) = row.as_ref().and_then(SecuredFile::of_row) else {
        return Ok(Outcome::Done);
    };
    let was_here = hold.is_none();
    // Held to the end: a `send` beside the server opens what it receives, too.
    let _hold = match hold {
        Some(hold) => hold,
        None => {
            let held = station.contents.hold(file.key()).await?;
            held.ok_or(OpenError::Missing)?
        }
    };
    let (stop, most) = (station.openings.stopping(), station.plan().limits.openings);
    let place = tokio::select! {
        place = station.openings.place(&file.partner, most) => place,
        () = stop.cancelled() => return Err(OpenError::Stopped),
    };
    reached("opening.begun");
    // What a session brings was just written; what was here before may have rotted.
    if was_here {
        file.compare(station).await?;
    }
    let pinned = station.pin();
    match make_plain(station, &pinned.in_force, &file, stop).await {
        Ok((plain, found)) => {
            // Policies and the folder may take their time.
            drop(place);
            opened::settle(station, &pinned, &file, plain, &found).await
        }
        Err(error) => not_opened(station, &pinned, &file, error, was_here).await,
    }
}

/// The file could not be opened: its NERP is owed where it is to blame.
async fn not_opened(
    station: &Station,
    pinned: &Pinned,
    file: &SecuredFile,
    error: OpenError,
    is_compared: bool,
) -> Result<Outcome, OpenError> {
    let security = &file.profile(&pinned.in_force)?.file_security;
    let is_encrypted = file.header.security.is_encrypted();
    let Some(told) = error.told(is_encrypted, security.fails_alike()) else {
        return Err(error);
    };
    keys_gone::check(station, &pinned.in_force, file).await?;
    if !is_compared {
        file.compare(station).await?;
    }
    opened::refuse(station, file, security.failed, told, &error).await
}

/// The plain content: made now, or before the last crash.
async fn make_plain(
    station: &Station,
    in_force: &InForce,
    file: &SecuredFile,
    stop: &CancellationToken,
) -> Result<(Plain, OpenedContent), OpenError> {
    let Some(sealed) = station.contents.opened(file.id).await? else {
        let (plain, found) = file.open(station, in_force, stop).await?;
        reached("opening.read");
        return Ok((Plain::Whole(plain), found));
    };
    match file.look(station, in_force, stop).await {
        Ok(found) => Ok((Plain::Sealed(sealed), found)),
        // It was in order when it was sealed: the keys are others by now.
        Err(error) if error.told(false, false).is_some() => {
            Err(OpenError::NotAgain(error.to_string()))
        }
        Err(error) => Err(error),
    }
}
