//! The files beside the blobs, which say what they are.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use oftp::Positions;
use pointsman_log::emit;
use rustix::fs::Advice;

use super::error::{SpoolError, at};
use super::files::{length, read_all, remove, sync_folder};
use super::layout::Spool;
use super::names::folder_of;
use crate::events::StoreEvent;
use crate::measure::Measure;
use crate::planted;
use crate::positions::KeptPositions;
use crate::private::private_file;
use crate::sidecar::{Entry, Record, Sidecar};
use crate::sidecar_json::SidecarError;
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::transition::reached;

impl Spool {
    /// Writes a sidecar, or replaces it. It is durable on return.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn describe(&self, sidecar: &Sidecar) -> Result<(), SpoolError> {
        self.write_sidecar(sidecar)?;
        self.sync(folder_of(sidecar.direction()))
    }

    /// Appends a line to a sidecar without a sync. Does nothing where there is no sidecar, or the line is its last one
    /// already.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn append(
        &self,
        direction: Direction,
        id: TransferId,
        entry: &Entry,
    ) -> Result<(), SpoolError> {
        self.add(direction, id, entry).map(drop)
    }

    /// The same, and durable on return: for entries that a rebuilt ledger must not miss. Returns whether there is a
    /// sidecar.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub(crate) fn append_synced(
        &self,
        direction: Direction,
        id: TransferId,
        entry: &Entry,
    ) -> Result<bool, SpoolError> {
        let Some(file) = self.add(direction, id, entry)? else {
            return Ok(false);
        };
        let path = self.sidecar_path(direction, id);
        file.sync_data().map_err(at(&path))?;
        Ok(true)
    }

    /// Appends to the sidecar of a file to send where some of its records end; durable on return. A failure is
    /// tolerated: without the positions a restart reads the file from its start.
    pub fn keep_positions(&self, id: TransferId, measure: &Measure, positions: &Positions) {
        if positions.points().is_empty() {
            return;
        }
        let entry = Entry::Positions(KeptPositions::new(positions, measure));
        if let Err(error) = self.append_synced(Direction::Outbound, id, &entry) {
            behind(id, &error);
        }
    }

    /// Where some records of a file to send end; none where that was not noted, or cannot be read any more, which is
    /// logged.
    #[must_use]
    pub fn positions(&self, id: TransferId) -> Positions {
        let record = self
            .record(Direction::Outbound, id)
            .unwrap_or_else(|error| {
                emit(&StoreEvent::PositionsUnread {
                    transfer: id,
                    reason: error.to_string(),
                });
                None
            });
        let positions = record.and_then(|record| record.positions());
        positions.unwrap_or_default()
    }

    fn add(
        &self,
        direction: Direction,
        id: TransferId,
        entry: &Entry,
    ) -> Result<Option<File>, SpoolError> {
        let path = self.sidecar_path(direction, id);
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        let mut line = entry.line().map_err(unreadable(&path))?;
        if ends_with(&file, &line).map_err(at(&path))? {
            return Ok(Some(file));
        }
        if !ends_with(&file, b"\n").map_err(at(&path))? {
            line.insert(0, b'\n');
        }
        reached("spool.sidecar.appending");
        (&file).write_all(&line).map_err(at(&path))?;
        reached("spool.sidecar.appended");
        Ok(Some(file))
    }

    /// Reads the sidecar of a transfer. None where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn record(
        &self,
        direction: Direction,
        id: TransferId,
    ) -> Result<Option<Record>, SpoolError> {
        let path = self.sidecar_path(direction, id);
        match read_all(&path) {
            Ok(text) => Record::parse(&text).map(Some).map_err(unreadable(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Removes a sidecar, durable on return.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn forget(&self, direction: Direction, id: TransferId) -> Result<(), SpoolError> {
        let path = self.sidecar_path(direction, id);
        if length(&path)?.is_none() {
            return Ok(());
        }
        remove(&path)?;
        reached("spool.sidecar.removed");
        self.sync(folder_of(direction))
    }

    /// Makes the names in a folder of the spool durable.
    pub(super) fn sync(&self, part: &str) -> Result<(), SpoolError> {
        let folder = self.root.join(part);
        let synced = self.folders.sync(&folder, || sync_folder(&folder));
        synced.map_err(at(&folder))
    }

    /// Writes a sidecar without a sync: nothing relies on it before it and its folder are synced. The rest of an
    /// earlier sidecar is overwritten.
    pub(super) fn begin_sidecar(&self, sidecar: &Sidecar) -> Result<(PathBuf, File), SpoolError> {
        let path = self.sidecar_path(sidecar.direction(), sidecar.id);
        let mut file = fresh(&path)?;
        let line = sidecar.line().map_err(unreadable(&path))?;
        file.write_all(&line).map_err(at(&path))?;
        reached("spool.sidecar.written");
        if planted("sidecar-not-synced") {
            return Ok((path, file));
        }
        // Has the kernel start writing it, so that one flush covers it and what is synced first. This is advice only.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        Ok((path, file))
    }

    /// Writes a sidecar, which is then whole or not there; does not sync its folder.
    pub(super) fn write_sidecar(&self, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let path = self.sidecar_path(sidecar.direction(), sidecar.id);
        let beside = path.with_extension("new");
        let mut file = fresh(&beside)?;
        let line = sidecar.line().map_err(unreadable(&beside))?;
        file.write_all(&line).map_err(at(&beside))?;
        reached("spool.sidecar.written");
        if !planted("sidecar-not-synced") {
            file.sync_all().map_err(at(&beside))?;
        }
        reached("spool.sidecar.synced");
        std::fs::rename(&beside, &path).map_err(at(&path))?;
        reached("spool.sidecar.renamed");
        Ok(())
    }
}

/// Logs that a sidecar lacks its newest line. The step that the line is about has not failed.
pub(crate) fn behind(transfer: TransferId, error: &dyn Display) {
    emit(&StoreEvent::SidecarBehind {
        transfer,
        reason: error.to_string(),
    });
}

/// Creates the file, or empties it.
fn fresh(path: &Path) -> Result<File, SpoolError> {
    let mut how = private_file();
    let file = how.write(true).create(true).truncate(true).open(path);
    file.map_err(at(path))
}

fn ends_with(file: &File, tail: &[u8]) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let Some(at) = length.checked_sub(tail.len() as u64) else {
        return Ok(false);
    };
    let mut last = vec![0; tail.len()];
    file.read_exact_at(&mut last, at)?;
    Ok(last == tail)
}

fn unreadable(path: &Path) -> impl FnOnce(SidecarError) -> SpoolError + '_ {
    move |source| SpoolError::Sidecar {
        path: path.to_owned(),
        source,
    }
}
