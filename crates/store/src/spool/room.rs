//! Free space on the disk: how much of it is reserved, and what is removed for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use pointsman_log::emit;

use super::error::{SpoolError, at};
use super::layout::Spool;
use super::reserve::{FILES, Reserve, Room, room};
use crate::content::ContentKey;
use crate::events::StoreEvent;
use crate::transfer::TransferId;

/// How long a partial must be unused before it may be removed for other files.
const LEFT_ALONE: Duration = Duration::from_secs(10 * 60);

/// Octets that are written between two measurements of the free space, where the reserve is not smaller.
const MEASURE: u64 = 1 << 20;

impl Spool {
    /// The same spool; its files leave that much free.
    #[must_use]
    pub fn with_reserve(mut self, reserve: Arc<Reserve>) -> Self {
        self.reserve = reserve;
        self
    }

    /// Whether so many octets fit without touching the reserve.
    ///
    /// # Errors
    /// As for [`Reserve::has_room_at`].
    pub fn has_room_for(&self, octets: u64) -> Result<(), SpoolError> {
        self.reserve.has_room_at(&self.root, octets)
    }

    /// Removes plain contents that are half made and that nobody makes any more, since they are made again from the
    /// content as on the wire. Then removes partials that no session uses, the oldest first, until so many octets fit
    /// beside the reserve; removes none where all of them would not be enough. Returns their transfers: no partner was
    /// promised that they are kept, and one that offers such a file again starts over.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn make_room(&self, octets: u64) -> Result<Vec<TransferId>, SpoolError> {
        if let Err(error) = self.discard_plain_partials() {
            not_made(&error);
        }
        let Room {
            octets: room,
            files,
        } = room(&self.root).map_err(at(&self.root))?;
        let reserve = self.reserve.octets();
        let short_of_files = files.is_some_and(|left| left < self.reserve.files() + FILES);
        // Where the reserve is in use already, the ledger itself may need the space.
        let idle = if room < reserve || short_of_files {
            Duration::ZERO
        } else {
            LEFT_ALONE
        };
        let partials = self.left_alone(idle)?;
        let all: u64 = partials.iter().map(|(_, length, _)| length).sum();
        if !short_of_files && room.saturating_add(all) < reserve.saturating_add(octets) {
            return Ok(Vec::new());
        }
        let mut removed = Vec::new();
        for (_, _, id) in partials {
            match self.has_room_for(octets) {
                Err(error) if error.is_full() => {}
                Ok(()) => break,
                Err(error) => {
                    not_made(&error);
                    break;
                }
            }
            match self.discard_partial(id) {
                Ok(()) => removed.push(id),
                // A session uses it after all, or another program removed it.
                Err(SpoolError::Busy(_)) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => not_made(&error),
            }
        }
        Ok(removed)
    }

    /// Partials that were not written to for so long, with the time of their last write and their octets.
    fn left_alone(&self, idle: Duration) -> Result<Vec<(SystemTime, u64, TransferId)>, SpoolError> {
        let mut partials = Vec::new();
        for id in self.partials()? {
            // Another program may have removed it in the meantime.
            let path = self.partial_path(ContentKey::wire_received(id));
            let meta = match path.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                looked => looked.map_err(at(&path))?,
            };
            let written = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            // The time of the write is in the future: the clock was ahead then and has been corrected.
            let age = written.elapsed().unwrap_or_else(|ahead| ahead.duration());
            if age >= idle {
                partials.push((written, meta.len(), id));
            }
        }
        partials.sort();
        Ok(partials)
    }

    /// Measures the free space once so many octets were written by all writers together.
    pub(super) fn note_written(&self, octets: usize) -> Result<(), SpoolError> {
        let octets = octets as u64;
        let written = self.unmeasured.fetch_add(octets, Relaxed) + octets;
        let reserve = self.reserve.octets();
        if reserve == 0 || written < MEASURE.min(reserve / 8) {
            return Ok(());
        }
        self.unmeasured.store(0, Relaxed);
        self.has_room_for(octets)
    }
}

fn not_made(error: &SpoolError) {
    emit(&StoreEvent::RoomNotMade {
        reason: error.to_string(),
    });
}
