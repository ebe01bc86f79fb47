//! The folders of the spool, and the paths in them.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pointsman_folder::{Folder, PRIVATE_FOLDER};

use super::error::{SpoolError, at};
use super::files::sync_folder;
use super::names::{INCOMING, OUTGOING, PLAIN, PROCESSES, SEALED, SIDECAR, folder_of};
use super::reserve::Reserve;
use crate::content::{Content, ContentKey};
use crate::flush::FolderSyncs;
use crate::private::{OwnFiles, keep_private};
use crate::state::Direction;
use crate::transfer::TransferId;

/// A spool folder.
#[derive(Clone, Debug)]
pub struct Spool {
    pub(super) root: PathBuf,
    /// Octets and files of its file system that are kept free.
    pub(super) reserve: Arc<Reserve>,
    /// Octets that all its writers wrote since the free space was measured.
    pub(super) unmeasured: Arc<AtomicU64>,
    pub(super) folders: Arc<FolderSyncs>,
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

    /// Checks whether [`Spool::open`] would succeed; creates and changes nothing. None where the spool is not there, or
    /// was never completed.
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
            reserve: Arc::default(),
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
            found.extend(self.ids_of_any(part)?);
        }
        Ok(found)
    }

    /// Whether there is any file that the ledger must know, so that there must be a ledger.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn is_used(&self) -> Result<bool, SpoolError> {
        for part in [SEALED, OUTGOING] {
            if !self.ids_of_any(part)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ids of the received files that are sealed. Lists their folder, which also has the sidecars of all files ever
    /// received.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sealed(&self) -> Result<Vec<TransferId>, SpoolError> {
        self.ids(SEALED, "")
    }

    /// Ids of the partials, those of plain contents left out.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn partials(&self) -> Result<Vec<TransferId>, SpoolError> {
        self.ids(INCOMING, "")
    }

    /// Whether `other` is on the spool's file system, as a delivery by rename requires.
    ///
    /// # Errors
    /// One of the two cannot be looked at.
    pub fn shares_file_system(&self, other: &Path) -> Result<bool, SpoolError> {
        let device = |path: &Path| path.metadata().map(|meta| meta.dev()).map_err(at(path));
        Ok(device(&self.root)? == device(other)?)
    }

    /// The first folder in `inbox` that is on another file system than the spool, so that no delivery can reach it.
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

    /// The path of a content while it is written. Both directions share one folder.
    pub(super) fn partial_path(&self, key: ContentKey) -> PathBuf {
        self.root.join(partial_below_spool(key))
    }

    pub(super) fn sealed_path(&self, key: ContentKey) -> PathBuf {
        self.root.join(file_below_spool(key))
    }

    pub(super) fn sidecar_path(&self, direction: Direction, id: TransferId) -> PathBuf {
        self.root
            .join(folder_of(direction))
            .join(format!("{id}{SIDECAR}"))
    }

    /// Ids of the files of a folder whose names end so, and are nothing but an id before that.
    pub(super) fn ids(&self, part: &str, ending: &str) -> Result<Vec<TransferId>, SpoolError> {
        self.ids_by(part, |name| name.strip_suffix(ending)?.parse().ok())
    }

    /// Ids of all files of a folder that are of a transfer: contents and sidecars.
    fn ids_of_any(&self, part: &str) -> Result<Vec<TransferId>, SpoolError> {
        self.ids_by(part, |name| {
            let mut endings = ["", PLAIN, SIDECAR].into_iter();
            endings.find_map(|ending| name.strip_suffix(ending)?.parse().ok())
        })
    }

    fn ids_by(
        &self,
        part: &str,
        id_of: impl Fn(&str) -> Option<TransferId>,
    ) -> Result<Vec<TransferId>, SpoolError> {
        let folder = self.root.join(part);
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
            let name = entry.map_err(at(&folder))?.file_name();
            ids.extend(name.to_str().and_then(&id_of));
        }
        Ok(ids)
    }
}

/// The name of the file of a content, in whichever folder.
pub(super) fn file_name(key: ContentKey) -> String {
    match key.content {
        Content::Wire => key.id.to_string(),
        Content::Plain => format!("{}{PLAIN}", key.id),
    }
}

/// The path of a sealed content, below the spool.
pub(crate) fn file_below_spool(key: ContentKey) -> String {
    format!("{}/{}", folder_of(key.direction), file_name(key))
}

/// The path of a content while it is written, below the spool.
pub(crate) fn partial_below_spool(key: ContentKey) -> String {
    format!("{INCOMING}/{}", file_name(key))
}

/// All folders of a spool, itself the first.
fn folders(root: &Path) -> impl Iterator<Item = PathBuf> {
    let parts = [INCOMING, SEALED, OUTGOING, PROCESSES];
    let root = root.to_owned();
    std::iter::once(root.clone()).chain(parts.into_iter().map(move |part| root.join(part)))
}

/// A folder of the spool: nobody else's.
fn keep(folder: &Path) -> Result<(), SpoolError> {
    match keep_private(folder, PRIVATE_FOLDER, OwnFiles::All) {
        Ok(_) => Ok(()),
        Err(error) => Err(at(folder)(error.into_io())),
    }
}
