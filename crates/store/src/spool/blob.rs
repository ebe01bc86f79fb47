//! Blobs: written, sealed, read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use pointsman_log::tell;

use super::error::{SpoolError, at};
use super::layout::{INCOMING, OUTGOING, SEALED, Spool, folder_of, remove, sync_folder};
use super::lock::Locked;
use super::pieces::hash_of;
use crate::events::Event;
use crate::planted;
use crate::private::private_file;
use crate::seal::Seal;
use crate::sidecar::Sidecar;
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::transition::reached;

impl Spool {
    /// Takes the partial of a received file for this session alone; makes one where there is none.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session still has it, or has sealed it and not said so yet.
    pub fn partial(&self, id: TransferId) -> Result<Partial, SpoolError> {
        let path = self.path(INCOMING, id);
        let mut options = private_file();
        options.read(true).write(true).create(true).truncate(false);
        let file = Locked::at(&path, &options)?;
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
        writer.finish()
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
    /// Removes it: the file came another way.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> Result<(), SpoolError> {
        remove(&self.path)
    }

    /// Goes on at `octets`, cutting off what lies beyond. The digest is taken anew: of a long beginning while more is
    /// written, so that nobody waits for it before the end.
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
        let sum = Sum::of(&mut self.file.0, octets).map_err(at(&self.path))?;
        Ok(BlobWriter {
            spool: self.spool,
            id: self.id,
            path: self.path,
            file: self.file,
            sum,
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

/// Writes one blob; holds its lock.
#[derive(Debug)]
pub struct BlobWriter {
    spool: Spool,
    id: TransferId,
    path: PathBuf,
    file: Locked,
    sum: Sum,
    octets: u64,
}

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
        self.octets += octets.len() as u64;
        let summed = self.sum.written(&self.file.0, octets, self.octets);
        summed.map_err(at(&self.path))
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
            spool: self.spool.clone(),
            path: self.path.clone(),
            file,
            octets: self.octets,
        })
    }

    /// Whether its beginning, which was there before, is still being read: [`BlobWriter::finish`] waits for that.
    #[must_use]
    pub fn is_being_read(&self) -> bool {
        matches!(self.sum, Sum::Behind(_))
    }

    /// Ends the blob, under its first name still and not durable yet: what becomes of it is to be decided.
    ///
    /// # Errors
    /// Its beginning could not be read.
    pub fn finish(self) -> Result<Whole, SpoolError> {
        self.finish_with(Vec::new())
    }

    /// The same with these octets at the end, which are written when the blob is kept: a small file is written and
    /// synced in one go.
    ///
    /// # Errors
    /// As for [`BlobWriter::finish`].
    pub fn finish_with(mut self, rest: Vec<u8>) -> Result<Whole, SpoolError> {
        let caught_up = self.sum.caught_up(&self.file.0, self.octets);
        let mut hasher = caught_up.map_err(at(&self.path))?;
        hasher.update(&rest);
        self.octets += rest.len() as u64;
        let digest = hasher.finalize().to_hex().to_string();
        Ok(Whole {
            spool: self.spool,
            id: self.id,
            path: self.path,
            file: self.file,
            seal: Seal {
                octets: self.octets,
                digest,
            },
            rest,
        })
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

/// The digest of a blob that is being written.
#[derive(Debug)]
enum Sum {
    /// Of all its octets so far.
    Here(Box<blake3::Hasher>),
    /// It is taken by a thread that reads from the first octet on, until it has read all that is written by then.
    Behind(Reading),
    /// The thread failed.
    Lost,
}

/// What reads a blob while more of it is written.
#[derive(Debug)]
struct Reading {
    /// Octets that may be read. The thread ends when nobody has this any more.
    written: Arc<AtomicU64>,
    /// The digest, and of how many octets it is.
    thread: JoinHandle<io::Result<(Box<blake3::Hasher>, u64)>>,
}

/// Octets that are read before a partial goes on: that takes a moment. At gigabytes a partner would have given up.
const AT_ONCE: u64 = 16 << 20;

impl Sum {
    /// Of a partial with so many octets, whose next one is to be written behind them.
    fn of(file: &mut File, octets: u64) -> io::Result<Self> {
        if octets <= AT_ONCE {
            return Ok(Self::Here(Box::new(hash_of(file)?)));
        }
        file.seek(SeekFrom::End(0))?;
        let read = file.try_clone()?;
        let written = Arc::new(AtomicU64::new(octets));
        let wanted = Arc::downgrade(&written);
        let reading = std::thread::Builder::new().name("digest".to_owned());
        let thread = reading.spawn(move || read_behind(&read, &wanted))?;
        Ok(Self::Behind(Reading { written, thread }))
    }

    /// These octets were written, and there are so many now.
    fn written(&mut self, file: &File, octets: &[u8], now: u64) -> io::Result<()> {
        match self {
            Self::Here(hasher) => {
                hasher.update(octets);
            }
            Self::Behind(reading) => {
                reading.written.store(now, Ordering::Release);
                if reading.thread.is_finished() {
                    *self = Self::Here(self.caught_up(file, now)?);
                }
            }
            Self::Lost => return Err(lost()),
        }
        Ok(())
    }

    /// The digest of all the octets there are; waits for the thread, if there is one. What was written since the thread
    /// ended is little.
    fn caught_up(&mut self, file: &File, now: u64) -> io::Result<Box<blake3::Hasher>> {
        match std::mem::replace(self, Self::Lost) {
            Self::Here(hasher) => Ok(hasher),
            Self::Behind(Reading { written, thread }) => {
                let (mut hasher, mut read) = thread.join().map_err(|_| lost())??;
                drop(written);
                while read < now {
                    read += read_some(file, read, now, &mut vec![0; CHUNK], &mut hasher)?;
                }
                Ok(hasher)
            }
            Self::Lost => Err(lost()),
        }
    }
}

/// Octets read at once.
const CHUNK: usize = 256 * 1024;

fn lost() -> io::Error {
    io::Error::other("what was here of it could not be read")
}

/// Reads from the first octet on until nothing is left that is written, or nobody wants to know any more.
fn read_behind(file: &File, written: &Weak<AtomicU64>) -> io::Result<(Box<blake3::Hasher>, u64)> {
    let (mut hasher, mut read) = (Box::<blake3::Hasher>::default(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let wanted = written.upgrade().ok_or_else(lost)?;
        let until = wanted.load(Ordering::Acquire);
        drop(wanted);
        if read >= until {
            return Ok((hasher, read));
        }
        read += read_some(file, read, until, &mut chunk, &mut hasher)?;
    }
}

/// Reads some octets from there on, none beyond `until`; says how many.
fn read_some(
    file: &File,
    from: u64,
    until: u64,
    chunk: &mut [u8],
    hasher: &mut blake3::Hasher,
) -> io::Result<u64> {
    let most = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
    let most = most.min(chunk.len());
    let room = chunk.get_mut(..most).unwrap_or_default();
    let count = match file.read_at(room, from) {
        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
        read => read?,
    };
    hasher.update(room.get(..count).unwrap_or_default());
    Ok(count as u64)
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
        let mut renamed = false;
        let kept = self.settle(sidecar, &mut renamed);
        if kept.is_err()
            && let Err(error) = self.clear_away(sidecar.direction(), renamed)
        {
            tell(&Event::BlobLeft {
                transfer: self.id,
                reason: error.to_string(),
            });
        }
        kept.map(|()| Hold(self.file))
    }

    /// Nothing is left that could be mistaken for a file. What cannot be removed now, the next start removes. The sidecar
    /// first: alone it would mean that the file is delivered.
    fn clear_away(&self, direction: Direction, renamed: bool) -> Result<(), SpoolError> {
        self.spool.forget(direction, self.id)?;
        if renamed {
            remove(&self.spool.path(folder_of(direction), self.id))?;
        }
        Ok(())
    }

    /// Makes it durable: its last octets are written, and the sidecar under its name; the blob is renamed beside it; the
    /// content is synced, then the sidecar, and then both folders. A sidecar whose blob still has its name in `incoming`
    /// says nothing.
    fn settle(&mut self, sidecar: &Sidecar, renamed: &mut bool) -> Result<(), SpoolError> {
        self.spool.measure(self.rest.len())?;
        self.file.0.write_all(&self.rest).map_err(at(&self.path))?;
        let (spool, part) = (&self.spool, folder_of(sidecar.direction()));
        let (described, description) = spool.begin_sidecar(sidecar)?;
        spool.list(sidecar.direction(), sidecar.id);
        let sealed = spool.path(part, self.id);
        let names_last = planted("sealed-folders-not-synced");
        if names_last {
            self.file.0.sync_all().map_err(at(&self.path))?;
            description.sync_all().map_err(at(&described))?;
        }
        let folders = [part, INCOMING].map(|part| spool.root.join(part));
        let changed = folders.each_ref().map(|folder| spool.folders.enter(folder));
        std::fs::rename(&self.path, &sealed).map_err(at(&sealed))?;
        *renamed = true;
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
    spool: Spool,
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
        self.spool.sync(INCOMING)?;
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

/// The BLAKE3 digest of octets that come one after the other.
#[derive(Clone, Debug, Default)]
pub struct Digest(blake3::Hasher);

impl Digest {
    /// These are the next.
    pub fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    /// The digest of all so far, in hexadecimal digits.
    #[must_use]
    pub fn digits(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
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
