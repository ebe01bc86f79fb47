//! The spool: the octets of files, each under its transfer's id.
//!
//! ```text
//! <spool>/incoming/<id>   being received, or being imported; locked by its writer
//! <spool>/sealed/<id>     received whole: written, synced, renamed here, folder synced
//! <spool>/outgoing/<id>   to be sent, sealed the same way; kept until its receipt is in
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

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};

use crate::planted;
use crate::sidecar::{Entry, Record, Sidecar, SidecarError};
use crate::transfer::{Direction, TransferId};
use crate::transition::reached;

const INCOMING: &str = "incoming";
const SEALED: &str = "sealed";
const OUTGOING: &str = "outgoing";
/// How the name of a sidecar ends.
const SIDECAR: &str = ".jsonl";

/// A spool folder.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
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
        for part in [INCOMING, SEALED, OUTGOING] {
            let folder = root.join(part);
            std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        }
        sync_folder(root).map_err(at(root))?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Takes the partial of a received file for this session alone; makes one where there is none.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session still has it, or has sealed it and not said so yet.
    pub fn partial(&self, id: TransferId) -> Result<Partial, SpoolError> {
        let path = self.path(INCOMING, id);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(at(&path))?;
        reached("spool.partial.opened");
        let file = Locked::new(file, &path)?;
        // Asked after the lock: a session that sealed its blob and waits for its row has let this name go.
        if matches!(self.hold(id), Err(SpoolError::Busy(_))) {
            remove(&path)?;
            return Err(SpoolError::Busy(path));
        }
        let spool = self.clone();
        Ok(Partial {
            spool,
            id,
            path,
            file,
        })
    }

    /// Copies `source` into the spool; it is a file to send once it is sealed.
    ///
    /// # Errors
    /// Reading `source` or writing the spool failed.
    pub fn import(&self, id: TransferId, source: &mut impl Read) -> Result<Whole, SpoolError> {
        let mut writer = self.partial(id)?.resume(0)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let count = source.read(&mut buffer).map_err(|source| SpoolError::Io {
                path: "the file to send".into(),
                source,
            })?;
            let Some(octets) = buffer.get(..count).filter(|octets| !octets.is_empty()) else {
                break;
            };
            writer.append(octets)?;
        }
        if planted("import-not-synced") {
            return Ok(writer.whole());
        }
        writer.finish()
    }

    /// Gives the content of `from`, a file to send, to another transfer: the same octets under a second name.
    ///
    /// # Errors
    /// The content of `from` is not there any more, or the spool cannot be written.
    pub fn send_again(&self, from: TransferId, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let (old, new) = (self.path(OUTGOING, from), self.path(OUTGOING, sidecar.id));
        std::fs::hard_link(&old, &new).map_err(at(&old))?;
        self.describe(sidecar)
    }

    /// Takes a file to send back that was not queued after all.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn withdraw(&self, id: TransferId) -> Result<(), SpoolError> {
        self.forget(Direction::Outbound, id)?;
        remove(&self.path(OUTGOING, id))
    }

    /// Writes a sidecar, or writes it anew: durable on return.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn describe(&self, sidecar: &Sidecar) -> Result<(), SpoolError> {
        self.write_sidecar(sidecar)?;
        let folder = self.root.join(folder_of(sidecar.direction()));
        sync_folder(&folder).map_err(at(&folder))
    }

    /// Adds a line to a sidecar, not synced; nothing where there is no sidecar.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn append(
        &self,
        direction: Direction,
        id: TransferId,
        entry: &Entry,
    ) -> Result<(), SpoolError> {
        let path = self.sidecar_path(direction, id);
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(at(&path)(error)),
        };
        let mut line = entry.line().map_err(unreadable(&path))?;
        if !ends_its_line(&file).map_err(at(&path))? {
            line.insert(0, b'\n');
        }
        reached("spool.sidecar.appending");
        (&file).write_all(&line).map_err(at(&path))?;
        reached("spool.sidecar.appended");
        Ok(())
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
        match std::fs::read(&path) {
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
        if !path.exists() {
            return Ok(());
        }
        remove(&path)?;
        reached("spool.sidecar.removed");
        let folder = self.root.join(folder_of(direction));
        sync_folder(&folder).map_err(at(&folder))
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

    /// Whether somebody is at work on a blob of this transfer, in this program or any other.
    #[must_use]
    pub fn is_busy(&self, id: TransferId) -> bool {
        [INCOMING, SEALED].into_iter().any(|part| {
            let path = self.path(part, id);
            File::open(&path).is_ok_and(|file| Locked::new(file, &path).is_err())
        })
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

    /// Removes a partial that no row knows, and a sidecar that was written for it before its rename.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while somebody writes it.
    pub fn discard_partial(&self, id: TransferId) -> Result<(), SpoolError> {
        let path = self.path(INCOMING, id);
        let file = File::open(&path).map_err(at(&path))?;
        let _mine = Locked::new(file, &path)?;
        if !self.path(SEALED, id).exists() {
            self.forget(Direction::Inbound, id)?;
        }
        if !self.path(OUTGOING, id).exists() {
            self.forget(Direction::Outbound, id)?;
        }
        remove(&path)
    }

    /// Opens a file to send.
    ///
    /// # Errors
    /// The blob is not there.
    pub fn outgoing(&self, id: TransferId) -> Result<Blob, SpoolError> {
        let path = self.path(OUTGOING, id);
        let file = File::open(&path).map_err(at(&path))?;
        Ok(Blob { path, file })
    }

    /// Takes a sealed blob for this task alone, in this program and any other. None when it is not there.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another has it.
    pub fn hold(&self, id: TransferId) -> Result<Option<Hold>, SpoolError> {
        let path = self.path(SEALED, id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        Ok(Some(Hold(Locked::new(file, &path)?)))
    }

    /// Renames a sealed file to `path` below `inbox`.
    ///
    /// `path` is made of parts joined by `/`; folders are made where missing, and none may be a
    /// symbolic link.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] when something of that name is there and `overwrite` is false.
    pub fn place(
        &self,
        id: TransferId,
        inbox: &Path,
        path: &str,
        overwrite: bool,
    ) -> Result<(), PlaceError> {
        let sealed = open_folder(&self.root.join(SEALED)).map_err(io_error(SEALED))?;
        let (folders, name) = split(path)?;
        let folder = descend(inbox, &folders).map_err(io_error(path))?;
        let how = if overwrite {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        let placed = if planted("placed-by-link") {
            link_and_unlink(&sealed, &id.to_string(), &folder, name)
        } else {
            rustix::fs::renameat_with(&sealed, id.to_string(), &folder, name, how)
        };
        match placed {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => return Err(PlaceError::Taken(path.to_owned())),
            Err(error) => return Err(io_error(path)(error)),
        }
        reached("inbox.file.placed");
        if planted("placed-folders-not-synced") {
            return Ok(());
        }
        rustix::fs::fsync(&folder).map_err(io_error(path))?;
        reached("inbox.folder.synced");
        rustix::fs::fsync(&sealed).map_err(io_error(SEALED))?;
        reached("inbox.placement.durable");
        Ok(())
    }

    /// Ids of the sealed blobs: after a crash, to compare with the ledger.
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

    /// The sidecar is whole or not there; its folder is not synced.
    fn write_sidecar(&self, sidecar: &Sidecar) -> Result<(), SpoolError> {
        let path = self.sidecar_path(sidecar.direction(), sidecar.id);
        let beside = path.with_extension("new");
        let mut file = File::create(&beside).map_err(at(&beside))?;
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

    fn ids(&self, part: &str, ending: &str) -> Result<Vec<TransferId>, SpoolError> {
        let folder = self.root.join(part);
        let entries = std::fs::read_dir(&folder).map_err(at(&folder))?;
        let id = |entry: std::fs::DirEntry| {
            let name = entry.file_name();
            name.to_str()?.strip_suffix(ending)?.parse().ok()
        };
        Ok(entries.flatten().filter_map(id).collect())
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

/// A partial that is this session's alone, and as it was.
#[derive(Debug)]
pub struct Partial {
    spool: Spool,
    id: TransferId,
    path: PathBuf,
    file: Locked,
}

impl Partial {
    /// Goes on at `octets`, cutting off what lies beyond; the digest is taken anew.
    ///
    /// # Errors
    /// [`SpoolError::Short`] when it has fewer octets.
    pub fn resume(mut self, octets: u64) -> Result<BlobWriter, SpoolError> {
        let length = self.octets()?;
        if length < octets {
            return Err(SpoolError::Short {
                path: self.path,
                length,
                expected: octets,
            });
        }
        if !planted("partial-not-cut") {
            self.file.0.set_len(octets).map_err(at(&self.path))?;
        }
        reached("spool.partial.cut");
        let hasher = hash_of(&mut self.file.0).map_err(at(&self.path))?;
        Ok(BlobWriter {
            spool: self.spool,
            id: self.id,
            path: self.path,
            file: self.file,
            hasher,
            octets,
        })
    }

    /// Octets it has.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn octets(&self) -> Result<u64, SpoolError> {
        let meta = self.file.0.metadata().map_err(at(&self.path))?;
        Ok(meta.len())
    }
}

/// A sealed blob that nobody else may touch while this is kept.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "the lock goes with it")] Locked);

/// An open file with a lock on it. The lock is given back by name: closing alone leaves it to a child process
/// that was forked meanwhile and has not come to its exec.
#[derive(Debug)]
struct Locked(File);

impl Locked {
    fn new(file: File, path: &Path) -> Result<Self, SpoolError> {
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| SpoolError::Busy(path.to_owned()))?;
        Ok(Self(file))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file is what is left if even this fails.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Writes one blob; holds its lock.
#[derive(Debug)]
pub struct BlobWriter {
    spool: Spool,
    id: TransferId,
    path: PathBuf,
    file: Locked,
    hasher: blake3::Hasher,
    octets: u64,
}

impl BlobWriter {
    /// Adds octets at the end.
    ///
    /// # Errors
    /// The write failed; the blob is to be given up or resumed at its last checkpoint.
    pub fn append(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.file.0.write_all(octets).map_err(at(&self.path))?;
        reached("spool.octets.written");
        self.hasher.update(octets);
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Octets so far.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Makes what was written durable, and says how much that is.
    ///
    /// # Errors
    /// A failed sync is final for this blob: what is on disk is unknown from here on.
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.syncer()?.sync()
    }

    /// A second hand on the file, to sync what is written so far while more is written.
    ///
    /// # Errors
    /// No further handle can be had.
    pub fn syncer(&self) -> Result<Syncer, SpoolError> {
        let file = self.file.0.try_clone().map_err(at(&self.path))?;
        Ok(Syncer {
            folder: self.spool.root.join(INCOMING),
            path: self.path.clone(),
            file,
            octets: self.octets,
        })
    }

    /// Ends the blob: every octet durable, under its first name still.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub fn finish(self) -> Result<Whole, SpoolError> {
        if !planted("blob-not-synced") {
            self.file.0.sync_all().map_err(at(&self.path))?;
        }
        reached("spool.blob.synced");
        Ok(self.whole())
    }

    fn whole(self) -> Whole {
        let digest = self.hasher.finalize().to_hex().to_string();
        Whole {
            spool: self.spool,
            id: self.id,
            path: self.path,
            file: self.file,
            seal: Seal {
                octets: self.octets,
                digest,
            },
        }
    }

    /// Removes the blob.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.forget(Direction::Inbound, self.id)?;
        remove(&self.path)
    }
}

/// A blob whose octets are all durable, and which nobody was told about: what it is can still be decided.
#[derive(Debug)]
pub struct Whole {
    spool: Spool,
    id: TransferId,
    path: PathBuf,
    file: Locked,
    seal: Seal,
}

impl Whole {
    /// What is known of it.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Its octets, to be read.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn blob(&self) -> Result<Blob, SpoolError> {
        let path = self.path.clone();
        let file = File::open(&path).map_err(at(&path))?;
        Ok(Blob { path, file })
    }

    /// Gives the blob its name for good, with its sidecar beside it: `sealed` for a received file, `outgoing`
    /// for one to send. Durable on return. The hold is to be kept until a row says that the blob is there:
    /// what is sealed without a row and without a hold is removed.
    ///
    /// A received file costs four flushes of the spool from its last octet to its row: its octets, the
    /// sidecar, and one of each folder, of which the first makes the name of the sidecar durable together with
    /// the blob's. Without the sidecar it would be three.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub fn keep(self, sidecar: &Sidecar) -> Result<Hold, SpoolError> {
        self.spool.write_sidecar(sidecar)?;
        let part = folder_of(sidecar.direction());
        let sealed = self.spool.path(part, self.id);
        std::fs::rename(&self.path, &sealed).map_err(at(&sealed))?;
        reached("spool.blob.renamed");
        if planted("sealed-folders-not-synced") {
            return Ok(Hold(self.file));
        }
        for folder in [part, INCOMING] {
            let folder = self.spool.root.join(folder);
            sync_folder(&folder).map_err(at(&folder))?;
            reached("spool.folder.synced");
        }
        reached("spool.blob.sealed");
        Ok(Hold(self.file))
    }

    /// Removes the blob.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.forget(Direction::Inbound, self.id)?;
        remove(&self.path)
    }
}

/// Makes durable what a [`BlobWriter`] had written when this was made.
#[derive(Debug)]
pub struct Syncer {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    octets: u64,
}

impl Syncer {
    /// Syncs; says how many octets are durable now.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub fn sync(self) -> Result<u64, SpoolError> {
        self.file.sync_data().map_err(at(&self.path))?;
        sync_folder(&self.folder).map_err(at(&self.folder))?;
        reached("spool.octets.synced");
        Ok(self.octets)
    }
}

/// A file to send.
#[derive(Debug)]
pub struct Blob {
    path: PathBuf,
    file: File,
}

impl Blob {
    /// Its size in octets.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn octets(&self) -> Result<u64, SpoolError> {
        let meta = self.file.metadata().map_err(at(&self.path))?;
        Ok(meta.len())
    }

    /// Fills `buffer` from octet `position` on; fewer octets come only at the end of the file.
    ///
    /// # Errors
    /// The read failed.
    pub fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, SpoolError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, position + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(at(&self.path)(error)),
            }
        }
        Ok(filled)
    }
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
    /// There is no room (disk or quota): the peer may try again later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Why a file could not be put into its folder.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Something of that name is there.
    #[error("{0} is there already")]
    Taken(String),
    /// The path has a part that is empty, `.`, `..`, or holds a character no file name may have.
    #[error("`{0}` is not a path below the inbox")]
    Unsafe(String),
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        /// Which path.
        path: String,
        /// Why.
        source: io::Error,
    },
}

fn split(path: &str) -> Result<(Vec<&str>, &str), PlaceError> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let safe =
        |part: &&str| !part.is_empty() && *part != "." && *part != ".." && !part.contains('\0');
    if !parts.iter().all(safe) {
        return Err(PlaceError::Unsafe(path.to_owned()));
    }
    let name = parts
        .pop()
        .ok_or_else(|| PlaceError::Unsafe(path.to_owned()))?;
    Ok((parts, name))
}

/// Opens a folder below `inbox` part by part, following no link, making and syncing what is missing.
fn descend(inbox: &Path, folders: &[&str]) -> rustix::io::Result<OwnedFd> {
    let mut here = open_folder(inbox)?;
    for part in folders {
        match rustix::fs::mkdirat(&here, *part, Mode::from_raw_mode(0o750)) {
            Ok(()) => {
                reached("inbox.folder.made");
                rustix::fs::fsync(&here)?;
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        here = rustix::fs::openat(
            &here,
            *part,
            OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
    }
    Ok(here)
}

/// A mistake to plant: in two steps, between which the file is in both places.
fn link_and_unlink(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> rustix::io::Result<()> {
    rustix::fs::linkat(from, old, to, new, AtFlags::empty())?;
    reached("inbox.file.placed");
    rustix::fs::fsync(to)?;
    rustix::fs::unlinkat(from, old, AtFlags::empty())
}

fn open_folder(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
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

/// Whether the last append came to its end.
fn ends_its_line(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let mut last = [0];
    Ok(length > 0 && file.read_at(&mut last, length - 1)? == 1 && last == [b'\n'])
}

fn hash_of(file: &mut File) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0))?;
    io::copy(file, &mut hasher)?;
    Ok(hasher)
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

fn unreadable(path: &Path) -> impl FnOnce(SidecarError) -> SpoolError + '_ {
    move |source| SpoolError::Sidecar {
        path: path.to_owned(),
        source,
    }
}

fn io_error(path: &str) -> impl Fn(rustix::io::Errno) -> PlaceError + '_ {
    move |error| PlaceError::Io {
        path: path.to_owned(),
        source: error.into(),
    }
}
