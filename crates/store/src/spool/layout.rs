//! The folders of the spool, and the paths in them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pointsman_folder::{Folder, PRIVATE_FOLDER};

use super::error::{SpoolError, at};
use crate::flush::Folders;
use crate::private::{Kept, keep_private};
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::transition::reached;

pub(super) const INCOMING: &str = "incoming";
pub(super) const SEALED: &str = "sealed";
pub(super) const OUTGOING: &str = "outgoing";
pub(super) const PROCESSES: &str = "processes";
/// How the name of a sidecar ends.
pub(super) const SIDECAR: &str = ".jsonl";

/// A spool folder.
#[derive(Clone, Debug)]
pub struct Spool {
    pub(super) root: PathBuf,
    /// Octets of its file system that files leave free.
    pub(super) reserve: u64,
    /// Files that are left to be made there.
    pub(super) reserve_files: u64,
    /// Octets that all its writers wrote since the room was looked at.
    pub(super) unmeasured: Arc<AtomicU64>,
    pub(super) folders: Arc<Folders>,
}

impl Spool {
    /// Opens the spool at `root`, making what is missing.
    ///
    /// # Errors
    /// A folder cannot be made or is not ours to write.
    pub fn open(root: &Path) -> Result<Self, SpoolError> {
        for folder in folders(root) {
            keep(&folder)?;
        }
        sync_folder(root).map_err(at(root))?;
        Ok(Self::at(root))
    }

    /// Looks whether [`Spool::open`] could do it, and makes and changes nothing. None where the spool is not there, or was
    /// never made whole.
    ///
    /// # Errors
    /// As for that.
    pub fn look(root: &Path) -> Result<Option<Self>, SpoolError> {
        let mut is_whole = true;
        for folder in folders(root) {
            let found = Folder::look_home(&folder);
            let found = found.map_err(|error| at(&folder)(error.into_io()))?;
            is_whole &= found.is_some();
        }
        Ok(is_whole.then(|| Self::at(root)))
    }

    fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            reserve: 0,
            reserve_files: 0,
            unmeasured: Arc::default(),
            folders: Arc::default(),
        }
    }

    /// Every transfer that any file of the spool belongs to, in order.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn transfers(&self) -> Result<BTreeSet<TransferId>, SpoolError> {
        let mut found = BTreeSet::new();
        for part in [INCOMING, SEALED, OUTGOING] {
            found.extend(self.ids(part, "")?);
            found.extend(self.ids(part, SIDECAR)?);
        }
        Ok(found)
    }

    /// Whether there is anything of a file that the ledger must know of: then there must be a ledger.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn is_used(&self) -> Result<bool, SpoolError> {
        for part in [SEALED, OUTGOING] {
            if !self.ids(part, "")?.is_empty() || !self.ids(part, SIDECAR)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ids of the sealed blobs, from a list of their folder, which sidecars of all that was ever received stay in.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sealed(&self) -> Result<Vec<TransferId>, SpoolError> {
        self.ids(SEALED, "")
    }

    /// Ids of the partials.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn partials(&self) -> Result<Vec<TransferId>, SpoolError> {
        self.ids(INCOMING, "")
    }

    /// Whether `other` lies on the spool's file system: only there is a delivery one rename.
    ///
    /// # Errors
    /// One of the two cannot be looked at.
    pub fn shares_file_system(&self, other: &Path) -> Result<bool, SpoolError> {
        let device = |path: &Path| path.metadata().map(|meta| meta.dev()).map_err(at(path));
        Ok(device(&self.root)? == device(other)?)
    }

    /// The first folder in `inbox` that lies on another file system than the spool: no delivery can reach it.
    ///
    /// # Errors
    /// A folder cannot be looked at.
    pub fn cut_off(&self, inbox: &Path) -> Result<Option<PathBuf>, SpoolError> {
        for entry in std::fs::read_dir(inbox).map_err(at(inbox))? {
            let entry = entry.map_err(at(inbox))?;
            if entry.file_type().map_err(at(inbox))?.is_dir()
                && !self.shares_file_system(&entry.path())?
            {
                return Ok(Some(entry.path()));
            }
        }
        Ok(None)
    }

    pub(super) fn path(&self, part: &str, id: TransferId) -> PathBuf {
        self.root.join(part).join(id.to_string())
    }

    pub(super) fn sidecar_path(&self, direction: Direction, id: TransferId) -> PathBuf {
        self.root
            .join(folder_of(direction))
            .join(format!("{id}{SIDECAR}"))
    }

    pub(super) fn ids(&self, part: &str, ending: &str) -> Result<Vec<TransferId>, SpoolError> {
        let folder = self.root.join(part);
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
            let name = entry.map_err(at(&folder))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(ending));
            ids.extend(id.and_then(|id| id.parse::<TransferId>().ok()));
        }
        Ok(ids)
    }
}

pub(super) fn folder_of(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => SEALED,
        Direction::Outbound => OUTGOING,
    }
}

pub(super) fn length(path: &Path) -> Result<Option<u64>, SpoolError> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// All folders of a spool, itself the first.
fn folders(root: &Path) -> impl Iterator<Item = PathBuf> {
    let parts = [INCOMING, SEALED, OUTGOING, PROCESSES];
    let root = root.to_owned();
    std::iter::once(root.clone()).chain(parts.into_iter().map(move |part| root.join(part)))
}

/// A folder of the spool: nobody else's.
fn keep(folder: &Path) -> Result<(), SpoolError> {
    match keep_private(folder, PRIVATE_FOLDER, Kept::All) {
        Ok(_) => Ok(()),
        Err(error) => Err(at(folder)(error.into_io())),
    }
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(super) fn remove(path: &Path) -> Result<(), SpoolError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => {
            reached("spool.blob.removed");
            Ok(())
        }
    }
}
