//! From the spool to the inbox.
//!
//! The name is chosen and committed first (`placing`), then the file is renamed, then that is committed
//! (`delivered`, which owes the receipt). After a crash in between, the blob tells which of the two it was:
//! still in the spool, or gone to its name. So a file is delivered once, wherever the program is killed. Two things alone
//! can show it to its reader twice: a power cut on a file system that does not rename in one step, and a folder that could
//! not be synced (`placing-taken-back`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pointsman_naming::names;
use pointsman_store::contents::Handing;
use pointsman_store::transition::reached;
use pointsman_store::{
    Content, ContentKey, Direction, Hold, InboundState, LedgerError, PlaceError, SpoolError, State,
    Undelivered, planted,
};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::events::Event;
use crate::policy::facts;
use crate::security::is_to_be_opened;
use crate::station::Station;
use crate::station::hashing::{self, HashError};
use crate::station::partner_tasks::TaskClaim;
use crate::station::waiting::WaitingFiles;

/// How often files that could not be delivered are tried again.
const AGAIN: Duration = Duration::from_secs(15);

/// The same while more of them wait than have a task.
const SOON: Duration = Duration::from_secs(1);

/// How many names are tried where the first is taken.
const NAMES: u32 = 10_000;

/// Delivers a file on a task of its own, which keeps running when the session that brought the file ends. The session
/// that sealed the blob passes its hold on.
#[must_use]
pub fn start(station: Arc<Station>, file: Undelivered, hold: Option<Hold>) -> JoinHandle<()> {
    let mut first = claim(&station, &file);
    tokio::spawn(async move {
        // A task that looked for what was left behind may be at it, and find that the content is held here: then it
        // is ours to deliver.
        let claim = loop {
            match first.take().or_else(|| claim(&station, &file)) {
                Some(claim) => break claim,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        deliver_and_report(&station, &file, hold, claim).await;
    })
}

async fn deliver_and_report(
    station: &Arc<Station>,
    file: &Undelivered,
    hold: Option<Hold>,
    _claim: TaskClaim,
) {
    match deliver(station, file, hold).await {
        // Another task was quicker: the list this came from is older than its delivery. Or somebody holds the
        // content, and delivers it.
        Ok(())
        | Err(
            DeliveryError::Ledger(LedgerError::WrongState { .. })
            | DeliveryError::Spool(SpoolError::Busy(_)),
        ) => {}
        Err(error @ DeliveryError::Damaged { .. }) => {
            station.damaged.give_up(file.id);
            station.events.emit(Event::ContentLost {
                transfer: file.id,
                partner: file.partner.clone(),
                file: file.header.key.to_string(),
                reason: error.to_string(),
            });
        }
        Err(error) => station.events.emit(Event::NotDelivered {
            transfer: file.id,
            partner: file.partner.clone(),
            file: file.header.key.to_string(),
            reason: error.to_string(),
        }),
    }
}

fn claim(station: &Station, file: &Undelivered) -> Option<TaskClaim> {
    station.deliveries.take(file.id, &file.partner)
}

/// Delivers what a crash, an error or a busy session left behind, now and again.
pub async fn keep_delivering(station: Arc<Station>) {
    loop {
        let soon = deliver_left(&station).await.unwrap_or_else(|error| {
            station.events.emit(Event::UndeliveredUnknown {
                reason: error.to_string(),
            });
            false
        });
        tokio::time::sleep(if soon { SOON } else { AGAIN }).await;
    }
}

/// Delivers what no task has. True where more of them wait than have a task.
async fn deliver_left(station: &Arc<Station>) -> Result<bool, LedgerError> {
    let mut waiting = WaitingFiles::of(station.ledger.as_ref());
    let mut soon = false;
    while let Some(page) = waiting.undelivered().await? {
        for file in page {
            soon |= !planted("undelivered-files-forgotten") && !deliver_if_idle(station, file);
        }
    }
    Ok(soon)
}

/// Delivers a file that no task is delivering. False where its partner has tasks enough.
fn deliver_if_idle(station: &Arc<Station>, file: Undelivered) -> bool {
    if station.damaged.is_given_up(file.id) {
        return true;
    }
    if station.deliveries.is_crowded(&file.partner) {
        return false;
    }
    if let Some(claim) = claim(station, &file) {
        let station = Arc::clone(station);
        tokio::spawn(async move { deliver_and_report(&station, &file, None, claim).await });
    }
    true
}

/// Why a file is not in its folder.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("the hash for its signed receipt cannot be made: {0}")]
    Hash(#[from] HashError),
    #[error(
        "its content is not in the spool, and it was never put anywhere; no receipt is given. Look for it in a backup"
    )]
    Missing,
    #[error("its content in the spool is not what was received: blake3 {found}, not {expected}")]
    Damaged { found: String, expected: String },
    #[error(
        "{NAMES} files of the name {0} are there already; empty the folder, or give files other names"
    )]
    NoNameLeft(String),
}

async fn deliver(
    station: &Arc<Station>,
    file: &Undelivered,
    hold: Option<Hold>,
) -> Result<(), DeliveryError> {
    if planted("placing-is-delivered")
        && let Some(chosen) = &file.placing
    {
        return finish(station, file, chosen).await;
    }
    let was_here = hold.is_none();
    // Held to the end: a `send` beside the server delivers what it receives, too.
    let hold = match hold {
        Some(hold) => Some(hold),
        None => station.contents.hold_to_deliver(file.id).await?,
    };
    let Some(hold) = hold else {
        return finish_or_miss(station, file).await;
    };
    reached("delivery.held");
    // What a session brings was read as it came; what was here before may have rotted.
    if was_here {
        compare(station, hold.key()).await?;
    }
    if file.header.signed_receipt {
        hashing::hash_for_receipt(station, file.id).await?;
    }
    let name = &file.target.file_name;
    for number in 0..NAMES {
        let mut target = file.target.clone();
        target.file_name = names::numbered(name, number);
        let path = facts::path(&target);
        if place(station, file, hold.key(), &path).await? {
            return finish(station, file, &path).await;
        }
    }
    Err(DeliveryError::NoNameLeft(name.clone()))
}

/// The name is committed, then the file is renamed to it. False where something else has the name.
async fn place(
    station: &Station,
    file: &Undelivered,
    content: ContentKey,
    path: &str,
) -> Result<bool, DeliveryError> {
    let overwrite = file.target.overwrite;
    // A name that is plainly taken need not be committed. Whether it is free, only the rename can tell.
    if !overwrite && is_plainly_taken(station, file, path).await {
        return Ok(false);
    }
    station.ledger.placing(file.id, path).await?;
    // By the plan in force now, which need not be that of the session.
    let access = station.plan().delivery_of(&file.partner).access;
    let how = Handing { overwrite, access };
    let contents = &station.contents;
    // Durable on return (`Spool::place`).
    match contents.hand_to(&station.inbox, path, content, how).await {
        Ok(()) => Ok(true),
        Err(PlaceError::Taken(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether something is seen to have that name in the inbox.
async fn is_plainly_taken(station: &Station, file: &Undelivered, path: &str) -> bool {
    is_taken(station, path).await.unwrap_or_else(|error| {
        station.events.emit(Event::NameUnknown {
            transfer: file.id,
            path: path.to_owned(),
            reason: error.to_string(),
        });
        false
    })
}

/// Whether something has that name in the inbox, be it a link that leads nowhere.
///
/// # Errors
/// The name cannot be looked at.
pub async fn is_taken(station: &Station, path: &str) -> io::Result<bool> {
    let wanted = station.inbox.join(path);
    let look = move || match wanted.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    let looked = spawn_blocking(look).await;
    looked.unwrap_or_else(|lost| Err(io::Error::other(lost)))
}

/// Reads the content once more, whether it is what was received. Its row knows both digests, also where its sidecar is lost.
async fn compare(station: &Station, key: ContentKey) -> Result<(), DeliveryError> {
    let row = station.ledger.row(key.id).await?;
    let row = row.ok_or(LedgerError::NotFound(key.id))?;
    let plain = row.inbound().and_then(|file| file.plain.as_ref());
    let measure = match key.content {
        Content::Wire => &row.measure,
        Content::Plain => plain.unwrap_or(&row.measure),
    };
    let (found, expected) = (station.contents.digest(key).await?, measure.digest.clone());
    match found == expected {
        true => Ok(()),
        false => Err(DeliveryError::Damaged { found, expected }),
    }
}

/// The blob has left the spool. Only a name that was committed before can be where it went.
async fn finish_or_miss(station: &Station, file: &Undelivered) -> Result<(), DeliveryError> {
    let id = file.id;
    let row = station.ledger.show(id).await?;
    let row = row.ok_or(LedgerError::NotFound(id))?;
    match (row.state, row.path) {
        (State::Inbound(InboundState::Placing), Some(path)) if !planted("placed-is-missing") => {
            let contents = &station.contents;
            contents.confirm_handed(&station.inbox, &path).await?;
            finish(station, file, &path).await
        }
        (State::Inbound(InboundState::Received), _) => Err(DeliveryError::Missing),
        _ => Ok(()),
    }
}

async fn finish(station: &Station, file: &Undelivered, path: &str) -> Result<(), DeliveryError> {
    // What was delivered is the plain content; before its row says so, or a crash would leave the other one for ever.
    if is_to_be_opened(&file.header) {
        let contents = &station.contents;
        contents
            .discard_contents(Direction::Inbound, file.id)
            .await?;
    }
    station.ledger.delivered(file.id).await?;
    reached("delivery.ended");
    // Where a command takes it, that is its turn now.
    station.questions.wake();
    station.events.emit(Event::Delivered {
        transfer: file.id,
        partner: file.partner.clone(),
        file: file.header.key.to_string(),
        path: path.to_owned(),
    });
    Ok(())
}
