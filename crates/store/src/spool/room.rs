//! Free space on the disk: how much of it is reserved, and what is removed for it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use super::error::{SpoolError, at};
use super::layout::Spool;
use super::reserve::Reserve;
use crate::content::ContentKey;
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
    /// [`SpoolError::NoRoom`] where they do not fit; [`SpoolError::NoFilesLeft`] where they fit and no more files can
    /// be created; or the file system does not answer.
    pub fn has_room_for(&self, octets: u64) -> Result<(), SpoolError> {
        self.has_room_at(&self.root, octets)
    }

    /// The same for another folder, that of the ledger. Its reserve has the same size.
    ///
    /// # Errors
    /// As for [`Spool::has_room_for`].
    pub fn has_room_at(&self, folder: &Path, octets: u64) -> Result<(), SpoolError> {
        let Room {
            octets: room,
            files,
        } = room(folder).map_err(at(folder))?;
        let reserve = self.reserve.files();
        if let Some(left) = files.filter(|left| *left < reserve.saturating_add(FILES)) {
            return Err(SpoolError::NoFilesLeft {
                folder: folder.to_owned(),
                left,
                reserve,
            });
        }
        let reserve = self.reserve.octets();
        if room >= reserve.saturating_add(octets) {
            return Ok(());
        }
        Err(SpoolError::NoRoom {
            folder: folder.to_owned(),
            room,
            octets,
            reserve,
        })
    }

    /// Removes partials that no session uses, the oldest first, until so many octets fit beside the reserve; removes
    /// none where all of them would not be enough. Returns their transfers: no partner was promised that they are kept,
    /// and one that offers such a file again starts over.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn make_room(&self, octets: u64) -> Result<Vec<TransferId>, SpoolError> {
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
            if self.has_room_for(octets).is_ok() {
                break;
            }
            // A session uses it after all.
            if self.discard_partial(id).is_ok() {
                removed.push(id);
            }
        }
        Ok(removed)
    }

    /// Partials that were not written to for so long, with the time of their last write and their octets.
    fn left_alone(&self, idle: Duration) -> Result<Vec<(SystemTime, u64, TransferId)>, SpoolError> {
        let mut partials = Vec::new();
        for id in self.partials()? {
            // Another program may have removed it in the meantime.
            let Ok(meta) = self
                .partial_path(ContentKey::received(id))
                .symlink_metadata()
            else {
                continue;
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

/// Files (inodes) that one transfer needs: its blob and its sidecar.
const FILES: u64 = 2;

/// What a file system still has for users other than root.
struct Room {
    octets: u64,
    /// Files that can be created; none where the file system does not count them.
    files: Option<u64>,
}

/// The free space of the file system that `folder` is on.
fn room(folder: &Path) -> io::Result<Room> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(Room {
        octets: system.f_bavail.saturating_mul(system.f_frsize),
        files: (system.f_files > 0).then_some(system.f_favail),
    })
}
