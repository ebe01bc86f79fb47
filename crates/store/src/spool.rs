//! The spool: the octets of files, each under its transfer's id.
//!
//! ```text
//! <spool>/incoming/<id>   being received, or being imported; locked by its writer
//! <spool>/sealed/<id>     received whole: written, renamed here, synced with its folder before its row says so
//! <spool>/outgoing/<id>   to be sent, sealed the same way; it stays when it is sent
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
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Advice, AtFlags, FlockOperation, Mode, OFlags, RenameFlags};

use crate::flush::Folders;
use crate::planted;
use crate::sidecar::{Entry, Record, Sidecar, SidecarError};
use crate::transfer::{Direction, TransferId};
use crate::transition::reached;

const INCOMING: &str = "incoming";
const SEALED: &str = "sealed";
const OUTGOING: &str = "outgoing";
/// How the name of a sidecar ends.
const SIDECAR: &str = ".jsonl";

/// How long a partial must be left alone before it makes room for others.
const LEFT_ALONE: Duration = Duration::from_secs(10 * 60);

/// A spool folder.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
    /// Octets of its file system that files leave free.
    reserve: u64,
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
        for part in [INCOMING, SEALED, OUTGOING] {
            let folder = root.join(part);
            make_folder(&folder).map_err(at(&folder))?;
        }
        sync_folder(root).map_err(at(root))?;
        Ok(Self {
            root: root.to_owned(),
            reserve: 0,
            unmeasured: Arc::default(),
            folders: Arc::default(),
        })
    }

    /// From now on files leave so many octets of the file system free: room for receipts and the ledger.
    #[must_use]
    pub fn with_reserve(mut self, octets: u64) -> Self {
        self.reserve = octets;
        self
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
        if let Err(error) = self.hold(id) {
            if matches!(error, SpoolError::Busy(_)) {
                remove(&path)?;
            }
            return Err(error);
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
        Ok(writer.finish())
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
        if length(&path)?.is_none() {
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
        if length(&self.path(SEALED, id))?.is_none() {
            self.forget(Direction::Inbound, id)?;
        }
        if length(&self.path(OUTGOING, id))?.is_none() {
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

    /// Renames a sealed file to `path` below `inbox`, which its row says already and its sidecar hears now.
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
        let heard = self.append(Direction::Inbound, id, &Entry::Placing(path.to_owned()));
        if let Err(error) = heard {
            tracing::warn!(event = "sidecar-behind", transfer = %id, %error);
        }
        let changed = [
            (
                self.folders.enter(&inbox.join(folders.join("/"))),
                &folder,
                path,
            ),
            (self.folders.enter(&self.root.join(SEALED)), &sealed, SEALED),
        ];
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
        for (changed, synced, part) in changed {
            if let Err(source) = changed.sync(|| Ok(rustix::fs::fsync(synced)?)) {
                take_back(&folder, name, &sealed, id);
                let path = part.to_owned();
                return Err(PlaceError::Io { path, source });
            }
            reached("inbox.folder.synced");
        }
        reached("inbox.placement.durable");
        Ok(())
    }

    /// Makes durable that a file was renamed to `path` below `inbox`, where it is not known that it is: a crash, or
    /// another, may have come between the rename and its syncs. A folder that its reader removed needs no sync.
    ///
    /// # Errors
    /// A folder cannot be synced.
    pub fn settle_placed(&self, inbox: &Path, path: &str) -> Result<(), PlaceError> {
        let (folders, _) = split(path)?;
        let place = inbox.join(folders.join("/"));
        for (folder, name) in [(place, path), (self.root.join(SEALED), SEALED)] {
            let synced = self.folders.sync(&folder, || sync_folder(&folder));
            match synced {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let path = name.to_owned();
                    return Err(PlaceError::Io {
                        path,
                        source: error,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Ids of the sealed blobs: after a crash, to compare with the ledger.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sealed(&self) -> Result<Vec<TransferId>, SpoolError> {
        self.ids(SEALED, "")
    }

    /// Ids of the received files that have a sidecar, the newest last.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn described(&self) -> Result<Vec<TransferId>, SpoolError> {
        let mut ids = self.ids(SEALED, SIDECAR)?;
        ids.sort_unstable();
        Ok(ids)
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

    /// Whether so many octets fit without touching the reserve.
    ///
    /// # Errors
    /// [`SpoolError::NoRoom`] where they do not; or the file system cannot be asked.
    pub fn has_room_for(&self, octets: u64) -> Result<(), SpoolError> {
        self.has_room_at(&self.root, octets)
    }

    /// Looks at the room now and again while octets are written, by whomever.
    fn measure(&self, octets: usize) -> Result<(), SpoolError> {
        let octets = octets as u64;
        let written = self.unmeasured.fetch_add(octets, Ordering::Relaxed) + octets;
        if self.reserve == 0 || written < MEASURE.min(self.reserve / 8) {
            return Ok(());
        }
        self.unmeasured.store(0, Ordering::Relaxed);
        self.has_room_for(octets)
    }

    /// Removes partials that were left alone, the oldest first, until so many octets fit beside the reserve; none
    /// where all of them would not do. Gives their transfers: nobody was told that they are kept, and who offers them
    /// again begins again.
    ///
    /// # Errors
    /// The folder cannot be looked at.
    pub fn make_room(&self, octets: u64) -> Result<Vec<TransferId>, SpoolError> {
        let room = room(&self.root).map_err(at(&self.root))?;
        // Where the reserve is touched, the ledger itself may want for room.
        let idle = if room < self.reserve {
            Duration::ZERO
        } else {
            LEFT_ALONE
        };
        let partials = self.left_alone(idle)?;
        let all: u64 = partials.iter().map(|(_, length, _)| length).sum();
        if room.saturating_add(all) < self.reserve.saturating_add(octets) {
            return Ok(Vec::new());
        }
        let mut removed = Vec::new();
        for (_, _, id) in partials {
            if self.has_room_for(octets).is_ok() {
                break;
            }
            // Busy: somebody is at work on it after all.
            if self.discard_partial(id).is_ok() {
                removed.push(id);
            }
        }
        Ok(removed)
    }

    /// Partials that nobody wrote to for so long: when they were written last, and their octets.
    fn left_alone(&self, idle: Duration) -> Result<Vec<(SystemTime, u64, TransferId)>, SpoolError> {
        let mut partials = Vec::new();
        for id in self.partials()? {
            // Another may have taken it away meanwhile.
            let Ok(meta) = self.path(INCOMING, id).symlink_metadata() else {
                continue;
            };
            let written = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if meta.len() > 0 && written.elapsed().unwrap_or_default() >= idle {
                partials.push((written, meta.len(), id));
            }
        }
        partials.sort();
        Ok(partials)
    }

    /// The same of another folder, which the ledger lies in: its reserve is as big.
    ///
    /// # Errors
    /// As for [`Spool::has_room_for`].
    pub fn has_room_at(&self, folder: &Path, octets: u64) -> Result<(), SpoolError> {
        let room = room(folder).map_err(at(folder))?;
        if room >= self.reserve.saturating_add(octets) {
            return Ok(());
        }
        Err(SpoolError::NoRoom {
            folder: folder.to_owned(),
            room,
            octets,
            reserve: self.reserve,
        })
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

    /// Writes a sidecar that nothing relies on before it and its folder are synced. What is left of an earlier one is
    /// overwritten.
    fn begin_sidecar(&self, sidecar: &Sidecar) -> Result<(PathBuf, File), SpoolError> {
        let path = self.sidecar_path(sidecar.direction(), sidecar.id);
        let mut file = File::create(&path).map_err(at(&path))?;
        let line = sidecar.line().map_err(unreadable(&path))?;
        file.write_all(&line).map_err(at(&path))?;
        reached("spool.sidecar.written");
        if planted("sidecar-not-synced") {
            return Ok((path, file));
        }
        // Begins to write it, so that one flush does for it and for what is synced first. Only advice.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        Ok((path, file))
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
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(SpoolError::Busy(path.to_owned())),
            Err(error) => Err(at(path)(error.into())),
        }
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

/// Octets that are written between two looks at the room that is left, where the reserve is not smaller.
const MEASURE: u64 = 1 << 20;

impl BlobWriter {
    /// Adds octets at the end.
    ///
    /// # Errors
    /// The write failed, or the disk has only its reserve left; the blob is to be given up or resumed at its last
    /// checkpoint.
    pub fn append(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.spool.measure(octets.len())?;
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

    /// Ends the blob, under its first name still and not durable yet: what becomes of it is to be decided.
    #[must_use]
    pub fn finish(self) -> Whole {
        self.finish_with(Vec::new())
    }

    /// The same with these octets at the end, which are written when the blob is kept: a small file is written and
    /// synced in one go.
    #[must_use]
    pub fn finish_with(mut self, rest: Vec<u8>) -> Whole {
        self.hasher.update(&rest);
        self.octets += rest.len() as u64;
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
            rest,
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

/// A blob that has all its octets, not all of them written yet perhaps, and which nobody was told about: what it is
/// can still be decided.
#[derive(Debug)]
pub struct Whole {
    spool: Spool,
    id: TransferId,
    path: PathBuf,
    file: Locked,
    seal: Seal,
    /// The last octets, which are still to be written.
    rest: Vec<u8>,
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
    /// The names come first, so that one flush of the file system's log does for all that is synced then: the
    /// octets, the sidecar, and both folders for every session that waits. A crash before the end leaves a sealed
    /// blob, whole or not, whose row does not say so, and that is removed.
    ///
    /// # Errors
    /// As for [`BlobWriter::sync`].
    pub fn keep(mut self, sidecar: &Sidecar) -> Result<Hold, SpoolError> {
        let kept = self.settle(sidecar);
        if kept.is_err() {
            // Nothing is left that could be mistaken for a file. What cannot be removed now, the next start removes.
            let _ = self.spool.forget(sidecar.direction(), self.id);
            let _ = remove(&self.spool.path(folder_of(sidecar.direction()), self.id));
        }
        kept.map(|()| Hold(self.file))
    }

    fn settle(&mut self, sidecar: &Sidecar) -> Result<(), SpoolError> {
        self.spool.measure(self.rest.len())?;
        self.file.0.write_all(&self.rest).map_err(at(&self.path))?;
        let (spool, part) = (&self.spool, folder_of(sidecar.direction()));
        let (described, description) = spool.begin_sidecar(sidecar)?;
        let sealed = spool.path(part, self.id);
        let names_last = planted("sealed-folders-not-synced");
        if names_last {
            self.file.0.sync_all().map_err(at(&self.path))?;
            description.sync_all().map_err(at(&described))?;
        }
        let folders = [part, INCOMING].map(|part| spool.root.join(part));
        let changed = folders.each_ref().map(|folder| spool.folders.enter(folder));
        std::fs::rename(&self.path, &sealed).map_err(at(&sealed))?;
        reached("spool.blob.renamed");
        if names_last {
            return Ok(());
        }
        let imported = sidecar.direction() == Direction::Outbound && planted("import-not-synced");
        if !imported && !planted("blob-not-synced") {
            self.file.0.sync_all().map_err(at(&sealed))?;
        }
        reached("spool.blob.synced");
        if !planted("sidecar-not-synced") {
            description.sync_all().map_err(at(&described))?;
        }
        reached("spool.sidecar.synced");
        for (changed, folder) in changed.iter().zip(&folders) {
            let synced = changed.sync(|| sync_folder(folder));
            synced.map_err(at(folder))?;
            reached("spool.folder.synced");
        }
        reached("spool.blob.sealed");
        Ok(())
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
            Self::NoRoom { .. } => true,
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

/// Makes a folder where it is missing, and those above it.
///
/// # Errors
/// It cannot be made. As [`std::fs::create_dir_all`], which says "File exists" where the disk gives another error.
pub fn make_folder(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::create_dir_all(path),
        made => made,
    }
}

/// Octets that can still be written to the file system `folder` lies on, by who is not root.
fn room(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// What a disk kept of a rename whose sync failed nobody can tell, and to sync again tells less: only a new rename is
/// written anew. So the file goes back to where the next delivery finds it, unless its reader has it by now.
fn take_back(folder: &OwnedFd, name: &str, sealed: &OwnedFd, id: TransferId) {
    let no_other = RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(folder, name, sealed, id.to_string(), no_other) {
        Ok(()) => tracing::warn!(event = "placing-taken-back", transfer = %id, name),
        Err(error) => {
            tracing::warn!(event = "placing-not-taken-back", transfer = %id, name, %error);
        }
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
