//! The spool: the octets of files, each under its transfer's id.
//!
//! ```text
//! <spool>/incoming/<id>   being received, or being imported; locked by its writer
//! <spool>/sealed/<id>     received whole: written, renamed here, synced with its folder before its row says so
//! <spool>/outgoing/<id>   to be sent, sealed the same way; it stays when it is sent
//! <spool>/newest-<folder>  which files of that folder got a sidecar last
//! <spool>/processes/<name> the programs that are at work, each locked by its own
//! <spool>/sealed/<id>.jsonl, outgoing/<id>.jsonl   what the blob is: its sidecar
//! ```
//! A crash leaves a partial in `incoming` (cut to its checkpoint when it goes on), or a sealed blob whose
//! row does not say so yet (removed at the next start: nothing positive was said about it). Delivery is a
//! rename out of `sealed`, so that the blob being gone proves the file is in its folder.
//!
//! A sidecar never moves and stays after its blob has left: a file that was delivered is known as a duplicate
//! even to a ledger that was made anew. So a sidecar without a blob means "delivered", unless a partial of the
//! same id is still in `incoming`: then the crash came before the rename, and the sidecar means nothing. Who
//! removes a blob or such a partial removes the sidecar first.

mod blob;
mod newest;
mod place;
mod process;
mod room;
mod sidecars;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pointsman_folder::{Folder, PRIVATE_FOLDER};

use self::blob::Locked;
pub use self::blob::{Blob, BlobWriter, Digest, Hold, Partial, Syncer, Whole};
pub use self::place::{Access, PlaceError};
pub use self::process::Process;
pub(crate) use self::sidecars::behind;
use crate::flush::Folders;
use crate::private::{Kept, keep_private};
use crate::sidecar::{Sidecar, SidecarError};
use crate::transfer::{Direction, TransferId};
use crate::transition::reached;

const INCOMING: &str = "incoming";
const SEALED: &str = "sealed";
const OUTGOING: &str = "outgoing";
const PROCESSES: &str = "processes";
/// How the name of a sidecar ends.
const SIDECAR: &str = ".jsonl";

/// A spool folder.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
    /// Octets of its file system that files leave free.
    reserve: u64,
    /// Files that are left to be made there.
    reserve_files: u64,
    /// Octets that all its writers wrote since the room was looked at.
    unmeasured: Arc<AtomicU64>,
    folders: Arc<Folders>,
}

/// What is known of a sealed blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Size in octets.
    pub octets: u64,
    /// BLAKE3 of the content, hexadecimal: fast enough to be taken of every octet that passes.
    pub digest: String,
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

    /// Gives the content of `from`, a file to send, to another transfer: the same octets under a second name.
    ///
    /// # Errors
    /// The content of `from` is not there any more, or the spool cannot be written.
    pub fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let (old, new) = (self.path(OUTGOING, from), self.path(OUTGOING, sidecar.id));
        std::fs::hard_link(&old, &new).map_err(at(&old))?;
        self.describe(sidecar)?;
        self.list(Direction::Outbound, sidecar.id);
        Ok(())
    }

    /// Takes a file to send back that was not queued after all.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn withdraw(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Outbound, id)?;
        remove(&self.path(OUTGOING, id))
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

    /// What the spool has of one transfer.
    ///
    /// # Errors
    /// Something of it cannot be looked at.
    pub fn pieces(&self, id: TransferId) -> Result<Pieces, SpoolError> {
        Ok(Pieces {
            incoming: length(&self.path(INCOMING, id))?,
            sealed: length(&self.path(SEALED, id))?,
            outgoing: length(&self.path(OUTGOING, id))?,
            inbound_sidecar: length(&self.sidecar_path(Direction::Inbound, id))?.is_some(),
            outbound_sidecar: length(&self.sidecar_path(Direction::Outbound, id))?.is_some(),
        })
    }

    /// Where the sealed content of a transfer lies, if it is here.
    #[must_use]
    pub fn place_of(&self, direction: Direction, id: TransferId) -> Option<PathBuf> {
        Some(self.path(folder_of(direction), id)).filter(|path| path.exists())
    }

    /// Whether somebody is at work on a blob of this transfer, in this program or any other.
    #[must_use]
    pub fn is_busy(&self, id: TransferId) -> bool {
        [INCOMING, SEALED].into_iter().any(|part| {
            let path = self.path(part, id);
            File::open(&path).is_ok_and(|file| Locked::new(file, &path).is_err())
        })
    }

    /// Removes what was begun of a file that is here already. Its sidecar stays.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_surplus(&self, id: TransferId) -> Result<(), SpoolError> {
        let path = self.path(INCOMING, id);
        let _mine = Locked::at(&path, OpenOptions::new().read(true))?;
        remove(&path)
    }

    /// Whether a sidecar says that a row had the file as received. One that is not whole says nothing.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_received(&self, id: TransferId) -> Result<bool, SpoolError> {
        match self.record(Direction::Inbound, id) {
            Ok(record) => Ok(record.is_some_and(|record| record.is_received())),
            Err(SpoolError::Sidecar { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// BLAKE3 of a sealed or outgoing blob as it lies on the disk, hexadecimal.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn digest(&self, direction: Direction, id: TransferId) -> Result<String, SpoolError> {
        let path = self.path(folder_of(direction), id);
        let mut file = File::open(&path).map_err(at(&path))?;
        let hasher = hash_of(&mut file).map_err(at(&path))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Removes a partial that no row knows, and a sidecar that was written for it before its rename; not one that
    /// says that the file was received.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError> {
        let path = self.path(INCOMING, id);
        let _mine = Locked::at(&path, OpenOptions::new().read(true))?;
        if length(&self.path(SEALED, id))?.is_none() && !self.is_received(id)? {
            self.forget(Direction::Inbound, id)?;
        }
        if length(&self.path(OUTGOING, id))?.is_none() {
            self.forget(Direction::Outbound, id)?;
        }
        remove(&path)
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

    /// Removes a sealed blob nothing positive was said about, and its sidecar: that first, for without its
    /// blob it would mean that the file is delivered.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn discard(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Inbound, id)?;
        remove(&self.path(SEALED, id))
    }

    /// Removes the content of a file that its NERP has refused; its sidecar stays, so that the file is known.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn discard_content(&self, id: TransferId) -> Result<(), SpoolError> {
        remove(&self.path(SEALED, id))
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

    /// Whether `other` lies on the spool's file system: only there is a delivery one rename.
    ///
    /// # Errors
    /// One of the two cannot be looked at.
    pub fn shares_file_system(&self, other: &Path) -> Result<bool, SpoolError> {
        let device = |path: &Path| path.metadata().map(|meta| meta.dev()).map_err(at(path));
        Ok(device(&self.root)? == device(other)?)
    }

    fn path(&self, part: &str, id: TransferId) -> PathBuf {
        self.root.join(part).join(id.to_string())
    }

    fn sidecar_path(&self, direction: Direction, id: TransferId) -> PathBuf {
        self.root
            .join(folder_of(direction))
            .join(format!("{id}{SIDECAR}"))
    }

    fn ids(&self, part: &str, ending: &str) -> Result<Vec<TransferId>, SpoolError> {
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

/// What the spool has of one transfer: the length of each blob, and whether there is a sidecar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// In `incoming`.
    pub incoming: Option<u64>,
    /// In `sealed`.
    pub sealed: Option<u64>,
    /// In `outgoing`.
    pub outgoing: Option<u64>,
    /// In `sealed`.
    pub inbound_sidecar: bool,
    /// In `outgoing`.
    pub outbound_sidecar: bool,
}

/// Why the spool could not do it.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The operating system says so.
    #[error("spool: {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A sidecar is not one.
    #[error("spool: {path}: {source}")]
    Sidecar {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SidecarError,
    },
    /// There is room, but no more files (inodes) can be made beside the reserve.
    #[error(
        "spool: the file system of {folder} can take {left} more files (inodes) and {reserve} of them are kept free; remove files there, or make it with more inodes"
    )]
    NoFilesLeft {
        /// Which folder.
        folder: PathBuf,
        /// How many there are left.
        left: u64,
        /// How many are kept free.
        reserve: u64,
    },
    /// The disk has only its reserve left.
    #[error(
        "the disk of {folder} has {room} octets left, of which {reserve} are kept for receipts and the ledger (limits.reserve): there is no room for {octets} more; make room"
    )]
    NoRoom {
        /// A folder on it.
        folder: PathBuf,
        /// Octets that are left.
        room: u64,
        /// Octets that were to be written.
        octets: u64,
        /// Octets that stay free.
        reserve: u64,
    },
    /// Another session of this file is still open.
    #[error("spool: {0} is being written by another session")]
    Busy(PathBuf),
    /// The partial has lost octets that were durable.
    #[error("spool: {path} has {length} octets where its checkpoint says {expected}")]
    Short {
        /// Which file.
        path: PathBuf,
        /// What it has.
        length: u64,
        /// What it had.
        expected: u64,
    },
}

impl SpoolError {
    /// The file is not there: to try again would not bring it back.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// There is no room (disk or quota): the peer may try again later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_full(source),
            Self::NoRoom { .. } | Self::NoFilesLeft { .. } => true,
            _ => false,
        }
    }
}

/// Whether the operating system says that there is no room, by disk or by quota.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn folder_of(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => SEALED,
        Direction::Outbound => OUTGOING,
    }
}

fn length(path: &Path) -> Result<Option<u64>, SpoolError> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

fn hash_of(file: &mut File) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0))?;
    io::copy(file, &mut hasher)?;
    Ok(hasher)
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

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove(path: &Path) -> Result<(), SpoolError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => {
            reached("spool.blob.removed");
            Ok(())
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SpoolError + '_ {
    move |source| SpoolError::Io {
        path: path.to_owned(),
        source,
    }
}
