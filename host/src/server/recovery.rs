//! A start leads back to work what the last run left.

use oftp::Position;
use pointsman_store::transition::reached;
use pointsman_store::{
    ContentKey, Direction, InboundState, Record, SpoolError, State, TransferId, beyond, planted,
};

use crate::config::files::ledger_path;
use crate::events::Event;
use crate::inbound::rejected::{self, RemovalError};
use crate::station::error::StartError;
use crate::station::waiting::WaitingFiles;
use crate::station::{Station, leases};

/// Leads back to work what the last run left (run twice, the same).
pub(super) async fn recover(station: &Station) -> Result<(), StartError> {
    reached("recovery.begun");
    for id in station.contents.partials().await? {
        clear_partial(station, id).await?;
    }
    station.contents.discard_plain_partials().await?;
    discard_uncounted_plain(station).await?;
    reached("recovery.partials.cleared");
    // Before anything of a sealed file is discarded: an older copy of the ledger does not know files whose EFPA was sent.
    knows_the_newest(station).await?;
    for id in station.ledger.unfinished().await? {
        discard_uncommitted(station, id).await?;
    }
    if planted("received-files-discarded") {
        let mut waiting = WaitingFiles::of(station.ledger.as_ref());
        for file in waiting.undelivered().await?.into_iter().flatten() {
            station.contents.discard(file.id).await?;
        }
    }
    reached("recovery.uncommitted.discarded");
    for partner in station.ledger.partners().await? {
        if !station.plan().partners.contains_key(&partner) {
            station.events.emit(Event::PartnerGone { partner });
        }
    }
    let leases = leases::release(station).await?;
    station.programs.forget_gone()?;
    let found = station.ledger.recover().await?;
    reached("recovery.ended");
    station.events.emit(Event::Recovered {
        leases,
        receiving: found.receiving,
        unopened: found.unopened,
        undelivered: found.undelivered,
        receipts_owed: found.owed,
        ready: found.ready,
    });
    Ok(())
}

/// How many of the newest files of each direction a start looks for in the ledger.
const NEWEST: usize = 500;

/// Removes plain contents of received files that have none by their rows: it is still to be made, or the file is not
/// secured. That of a file that is opened stays in any case: that it is gone would prove the delivery.
async fn discard_uncounted_plain(station: &Station) -> Result<(), StartError> {
    let (ledger, contents) = (station.ledger.as_ref(), &station.contents);
    let discard = async |id| {
        contents
            .discard_uncounted_plain(Direction::Inbound, id)
            .await
    };
    let mut unopened = WaitingFiles::of(ledger);
    while let Some(page) = unopened.unopened().await? {
        for file in &page {
            discard(file.id).await?;
        }
    }
    let mut undelivered = WaitingFiles::of(ledger);
    while let Some(page) = undelivered.undelivered().await? {
        for file in page.iter().filter(|file| !file.header.enveloped) {
            discard(file.id).await?;
        }
    }
    Ok(())
}

/// Each step is appended to the sidecar after it is in the row, and every sealed content has a sidecar. So a row that
/// is missing, or that knows less than the sidecar, shows that the ledger is an older one: it would take again what was
/// acknowledged, and send again what was sent.
async fn knows_the_newest(station: &Station) -> Result<(), StartError> {
    for direction in [Direction::Inbound, Direction::Outbound] {
        for (id, record) in station.contents.newest(direction, NEWEST).await? {
            if is_behind(station, direction, id, record).await? {
                let ledger = ledger_path(&station.plan());
                return Err(StartError::LedgerBehind { ledger, id });
            }
        }
    }
    Ok(())
}

async fn is_behind(
    station: &Station,
    direction: Direction,
    id: TransferId,
    record: Option<Record>,
) -> Result<bool, StartError> {
    let ledger = &station.ledger;
    if let Some(row) = ledger.row(id).await? {
        return Ok(record.is_some_and(|record| beyond(&record, &row).is_some()));
    }
    // What was copied into the spool and never queued has none. What a rebuild left out has a line in the history.
    let queued = record.is_some_and(|record| record.state().is_some());
    let expected = direction == Direction::Inbound || queued;
    Ok(expected && ledger.timeline(id).await?.is_empty())
}

/// A blob that is sealed while its row does not say so: no EFPA was sent, so the partner will send it again.
async fn discard_uncommitted(station: &Station, id: TransferId) -> Result<(), StartError> {
    // A `send` beside us may be about to say so.
    let _hold = match station.contents.hold(ContentKey::wire_received(id)).await {
        Ok(Some(hold)) => hold,
        Ok(None) | Err(SpoolError::Busy(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let known = station.ledger.show(id).await?;
    match known.as_ref().map(|row| row.state) {
        Some(State::Inbound(InboundState::Rejected)) => return remove_rejected(station, id).await,
        Some(State::Inbound(InboundState::Receiving)) | None => {}
        Some(_) => return Ok(()),
    }
    // Every crash leaves a row. Without one, or behind its sidecar, the ledger is an older one: the partner
    // may have its EFPA, and what was acknowledged is not thrown away.
    if known.is_none() || station.contents.is_received(id).await? {
        let record = station.contents.record(Direction::Inbound, id).await;
        let record = record.ok().flatten();
        let partner = record.map(|record| record.sidecar.partner);
        station.events.emit(Event::LedgerBehind {
            transfer: id,
            partner,
        });
        return Ok(());
    }
    station.ledger.checkpoint(id, Position::default()).await?;
    Ok(station.contents.discard(id).await?)
}

/// The contents of a refused file that were to be removed when the crash came.
async fn remove_rejected(station: &Station, id: TransferId) -> Result<(), StartError> {
    if station.ledger.is_content_removed(id).await? {
        rejected::remove(station, id)
            .await
            .map_err(|error| match error {
                RemovalError::Ledger(error) => StartError::from(error),
                RemovalError::Spool(error) => error.into(),
            })?;
    }
    Ok(())
}

/// A partial without a row was an import that was cut off, or a copy for comparison, or its row was not committed yet.
/// One with a sidecar was about to be sealed: until it is, the sidecar must not stand there, for without its blob it
/// would mean that the file is delivered.
async fn clear_partial(station: &Station, id: TransferId) -> Result<(), StartError> {
    let discarded = match station.ledger.show(id).await? {
        None => Some(station.contents.discard_partial(id).await),
        // Two sessions had the same file, and the other one was quicker.
        Some(row) if row.state != InboundState::Receiving.into() => {
            Some(station.contents.discard_surplus(id).await)
        }
        Some(row) => {
            station.partials.keep(&row.partner, id);
            station.bound_partials(&row.partner).await;
            None
        }
    };
    match discarded {
        // Busy: a `send` beside us imports it; gone: it has just done so.
        Some(Ok(()) | Err(SpoolError::Busy(_))) => return Ok(()),
        Some(Err(error)) if error.is_gone() => return Ok(()),
        Some(Err(error)) => return Err(error.into()),
        None => {}
    }
    Ok(station.contents.forget_unsealed(id).await?)
}
