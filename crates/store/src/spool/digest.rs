//! BLAKE3 of contents: of octets that pass, of files, and of files that are still being written.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

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

/// Of a whole file.
pub(super) fn hash_of(file: &mut File) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0))?;
    io::copy(file, &mut hasher)?;
    Ok(hasher)
}

/// The digest of a blob that is being written.
#[derive(Debug)]
pub(super) enum Sum {
    /// Of all its octets so far.
    Here(Box<blake3::Hasher>),
    /// A thread takes the digest: it reads from the first octet on, until it has read everything that is written by
    /// then.
    Behind(BesideReader),
    /// The thread failed.
    Lost,
}

/// Reads a blob while more of it is written.
#[derive(Debug)]
pub(super) struct BesideReader {
    /// How many octets may be read. The thread ends when this is dropped.
    written: Arc<AtomicU64>,
    /// The digest, and of how many octets it is.
    thread: JoinHandle<io::Result<(Box<blake3::Hasher>, u64)>>,
}

/// Octets that are read before a partial is resumed, which takes a moment. A partner would give up before gigabytes
/// were read.
const AT_ONCE: u64 = 16 << 20;

impl Sum {
    /// The digest of a partial with so many octets, to which more are appended next.
    pub(super) fn of(file: &mut File, octets: u64) -> io::Result<Self> {
        if octets <= AT_ONCE {
            return Ok(Self::Here(Box::new(hash_of(file)?)));
        }
        file.seek(SeekFrom::End(0))?;
        let read = file.try_clone()?;
        let written = Arc::new(AtomicU64::new(octets));
        let wanted = Arc::downgrade(&written);
        let reading = std::thread::Builder::new().name("digest".to_owned());
        let thread = reading.spawn(move || read_behind(&read, &wanted))?;
        Ok(Self::Behind(BesideReader { written, thread }))
    }

    /// Adds octets that were written, after which there are `now` octets.
    pub(super) fn written(&mut self, file: &File, octets: &[u8], now: u64) -> io::Result<()> {
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

    /// The digest of all octets. Waits for the thread, if there is one, and reads the few octets that were written
    /// since it ended.
    pub(super) fn caught_up(&mut self, file: &File, now: u64) -> io::Result<Box<blake3::Hasher>> {
        match std::mem::replace(self, Self::Lost) {
            Self::Here(hasher) => Ok(hasher),
            Self::Behind(BesideReader { written, thread }) => {
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

/// Reads from the first octet on, until everything that is written was read, or nobody needs the digest any more.
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

/// Reads some octets from this position on, none beyond `until`. Returns how many.
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
