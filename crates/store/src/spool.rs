//! The spool: the octets of files, each under its transfer's id.
//!
//! ```text
//! <spool>/incoming/<id>   being received, or being imported; locked by its writer
//! <spool>/sealed/<id>     received whole: written, synced, renamed here, folder synced
//! <spool>/outgoing/<id>   to be sent, sealed the same way; kept until its receipt is in
//! ```
//! A crash leaves a partial in `incoming` (cut to its checkpoint when it goes on), or a sealed blob whose
//! row does not say so yet (removed at the next start: nothing positive was said about it). Delivery is a
//! rename out of `sealed`, so that the blob being gone proves the file is in its folder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, RenameFlags};

use crate::transfer::TransferId;

const INCOMING: &str = "incoming";
const SEALED: &str = "sealed";
const OUTGOING: &str = "outgoing";

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

    /// Copies `source` into the spool as a file to send.
    ///
    /// # Errors
    /// Reading `source` or writing the spool failed.
    pub fn import(&self, id: TransferId, source: &mut impl Read) -> Result<Seal, SpoolError> {
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
        writer.seal_into(OUTGOING).map(|(seal, _)| seal)
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

    /// Removes a file to send that was never queued.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn withdraw(&self, id: TransferId) -> Result<(), SpoolError> {
        remove(&self.path(OUTGOING, id))
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
        match rustix::fs::renameat_with(&sealed, id.to_string(), &folder, name, how) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => return Err(PlaceError::Taken(path.to_owned())),
            Err(error) => return Err(io_error(path)(error)),
        }
        rustix::fs::fsync(&folder).map_err(io_error(path))?;
        rustix::fs::fsync(&sealed).map_err(io_error(SEALED))
    }

    /// Ids of the sealed blobs: after a crash, to compare with the ledger.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sealed(&self) -> Result<Vec<TransferId>, SpoolError> {
        let folder = self.root.join(SEALED);
        let entries = std::fs::read_dir(&folder).map_err(at(&folder))?;
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect())
    }

    /// Removes a sealed blob nothing positive was said about.
    ///
    /// # Errors
    /// The file is there and cannot be removed.
    pub fn discard(&self, id: TransferId) -> Result<(), SpoolError> {
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
        self.file.0.set_len(octets).map_err(at(&self.path))?;
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

    /// Ends the blob: synced, renamed to `sealed`, both folders synced. The hold is to be kept until a
    /// row says that the blob is there: what is sealed without a row and without a hold is removed.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub fn seal(self) -> Result<(Seal, Hold), SpoolError> {
        self.seal_into(SEALED)
    }

    /// Removes the blob.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), SpoolError> {
        remove(&self.path)
    }

    fn seal_into(self, part: &str) -> Result<(Seal, Hold), SpoolError> {
        self.file.0.sync_all().map_err(at(&self.path))?;
        let sealed = self.spool.path(part, self.id);
        std::fs::rename(&self.path, &sealed).map_err(at(&sealed))?;
        for folder in [part, INCOMING] {
            let folder = self.spool.root.join(folder);
            sync_folder(&folder).map_err(at(&folder))?;
        }
        let digest = self.hasher.finalize().to_hex().to_string();
        let octets = self.octets;
        Ok((Seal { octets, digest }, Hold(self.file)))
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
            Ok(()) => rustix::fs::fsync(&here)?,
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

fn open_folder(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
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
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SpoolError + '_ {
    move |source| SpoolError::Io {
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
