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

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};

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

    /// Begins a received file, forgetting what an earlier attempt left.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session still writes it.
    pub fn create(&self, id: TransferId) -> Result<BlobWriter, SpoolError> {
        self.resume(id, 0)
    }

    /// Goes on with a partial at `octets`, cutting off what lies beyond; the digest is taken anew.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session still writes it, [`SpoolError::Short`] when it has fewer octets.
    pub fn resume(&self, id: TransferId, octets: u64) -> Result<BlobWriter, SpoolError> {
        let path = self.path(INCOMING, id);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(at(&path))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| SpoolError::Busy(path.clone()))?;
        let length = file.metadata().map_err(at(&path))?.len();
        if length < octets {
            return Err(SpoolError::Short {
                path,
                length,
                expected: octets,
            });
        }
        file.set_len(octets).map_err(at(&path))?;
        let hasher = hash_of(&mut file).map_err(at(&path))?;
        Ok(BlobWriter {
            spool: self.clone(),
            id,
            path,
            file,
            hasher,
            octets,
        })
    }

    /// Copies `source` into the spool as a file to send.
    ///
    /// # Errors
    /// Reading `source` or writing the spool failed.
    pub fn import(&self, id: TransferId, source: &mut impl Read) -> Result<Seal, SpoolError> {
        let mut writer = self.create(id)?;
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
        writer.seal_into(OUTGOING)
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

    /// Renames a sealed file to `path` below `inbox`. Says whether that had happened before.
    ///
    /// `path` is made of parts joined by `/`; folders are made where missing, and none may be a symbolic link.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] when something of that name is there and `overwrite` is false.
    pub fn place(
        &self,
        id: TransferId,
        inbox: &Path,
        path: &str,
        overwrite: bool,
    ) -> Result<Placed, PlaceError> {
        let sealed = open_folder(&self.root.join(SEALED)).map_err(io_error(SEALED))?;
        if !exists(&sealed, &id.to_string()).map_err(io_error(SEALED))? {
            return Ok(Placed::Before);
        }
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
        rustix::fs::fsync(&sealed).map_err(io_error(SEALED))?;
        Ok(Placed::Now)
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

    /// The octets a sealed blob has, if there is one.
    #[must_use]
    pub fn sealed_octets(&self, id: TransferId) -> Option<u64> {
        self.path(SEALED, id).metadata().ok().map(|meta| meta.len())
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

/// Writes one blob; holds its lock.
#[derive(Debug)]
pub struct BlobWriter {
    spool: Spool,
    id: TransferId,
    path: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    octets: u64,
}

impl BlobWriter {
    /// Adds octets at the end.
    ///
    /// # Errors
    /// The write failed; the blob is to be given up or resumed at its last checkpoint.
    pub fn append(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.file.write_all(octets).map_err(at(&self.path))?;
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
        self.file.sync_data().map_err(at(&self.path))?;
        Ok(self.octets)
    }

    /// A second hand on the file, to sync what is written so far while more is written.
    ///
    /// # Errors
    /// No further handle can be had.
    pub fn syncer(&self) -> Result<Syncer, SpoolError> {
        let file = self.file.try_clone().map_err(at(&self.path))?;
        Ok(Syncer {
            path: self.path.clone(),
            file,
            octets: self.octets,
        })
    }

    /// Ends the blob: synced, renamed to `sealed`, both folders synced.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub fn seal(self) -> Result<Seal, SpoolError> {
        self.seal_into(SEALED)
    }

    /// Removes the blob.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), SpoolError> {
        remove(&self.path)
    }

    fn seal_into(self, part: &str) -> Result<Seal, SpoolError> {
        self.file.sync_all().map_err(at(&self.path))?;
        let sealed = self.spool.path(part, self.id);
        std::fs::rename(&self.path, &sealed).map_err(at(&sealed))?;
        for folder in [part, INCOMING] {
            let folder = self.spool.root.join(folder);
            sync_folder(&folder).map_err(at(&folder))?;
        }
        Ok(Seal {
            octets: self.octets,
            digest: self.hasher.finalize().to_hex().to_string(),
        })
    }
}

/// Makes durable what a [`BlobWriter`] had written when this was made.
#[derive(Debug)]
pub struct Syncer {
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

/// Whether [`Spool::place`] did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Just now.
    Now,
    /// The blob had left `sealed` before.
    Before,
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

fn exists(folder: &OwnedFd, name: &str) -> rustix::io::Result<bool> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
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
