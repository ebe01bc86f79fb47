//! Free space that files leave.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::error::{SpoolError, at};

/// What files leave free of a file system, for receipts and the ledger. It may change at any time.
#[derive(Debug, Default)]
pub struct Reserve {
    octets: AtomicU64,
    files: AtomicU64,
}

impl Reserve {
    /// So many octets, and so many more files that can still be created beside those of the spool.
    #[must_use]
    pub fn new(octets: u64, files: u64) -> Arc<Self> {
        let reserve = Arc::<Self>::default();
        reserve.change(octets, files);
        reserve
    }

    /// From now on it is so much.
    pub fn change(&self, octets: u64, files: u64) {
        self.octets.store(octets, Relaxed);
        self.files.store(files, Relaxed);
    }

    /// Whether so many octets fit in that folder, be it of the spool or another, beside the reserve, which has the same
    /// size on each disk.
    ///
    /// # Errors
    /// [`SpoolError::NoRoom`] where they do not fit; [`SpoolError::NoFilesLeft`] where they fit and no more files can
    /// be created; or the file system does not answer.
    pub fn has_room_at(&self, folder: &Path, octets: u64) -> Result<(), SpoolError> {
        let Room {
            octets: room,
            files,
        } = room(folder).map_err(at(folder))?;
        let reserve = self.files();
        if let Some(left) = files.filter(|left| *left < reserve.saturating_add(FILES)) {
            return Err(SpoolError::NoFilesLeft {
                folder: folder.to_owned(),
                left,
                reserve,
            });
        }
        let reserve = self.octets();
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

    pub(super) fn octets(&self) -> u64 {
        self.octets.load(Relaxed)
    }

    pub(super) fn files(&self) -> u64 {
        self.files.load(Relaxed)
    }
}

/// Files (inodes) that one transfer needs: its blob and its sidecar.
pub(super) const FILES: u64 = 2;

/// What a file system still has for users other than root.
pub(super) struct Room {
    pub(super) octets: u64,
    /// Files that can be created; none where the file system does not count them.
    pub(super) files: Option<u64>,
}

/// The free space of the file system that `folder` is on.
pub(super) fn room(folder: &Path) -> io::Result<Room> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(Room {
        octets: system.f_bavail.saturating_mul(system.f_frsize),
        files: (system.f_files > 0).then_some(system.f_favail),
    })
}
