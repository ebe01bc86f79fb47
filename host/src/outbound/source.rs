//! Files to send as they lie with others: opened, and copied whole or not at all.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Order};

use pointsman_cms::Wrapping;
use pointsman_folder::{FileStat, FolderError, Names};
use pointsman_store::contents::{Contents, Padded, WholeContent};
use pointsman_store::{SpoolError, TransferId};
use tokio::task::spawn_blocking;

use super::send_as::QueueError;
use crate::security::virtual_file::{VirtualError, VirtualShape};
use crate::security::wrapping::{Secured, WrappingError, WrappingOutcome, WrappingReader, measure};

/// A file to send that was opened: a regular file, without waiting, and off the async threads.
#[derive(Debug)]
pub struct OpenedFile {
    /// Where it is, to be shown.
    pub(super) path: String,
    file: File,
    /// As it was when it was opened.
    before: FileStat,
}

impl OpenedFile {
    /// Opens the file of a caller.
    ///
    /// # Errors
    /// As for [`OpenedFile::opened`].
    pub(super) async fn at(path: &Path) -> Result<Self, QueueError> {
        let owned = path.to_owned();
        let opening = move || pointsman_folder::open(&owned, Names::Caller);
        Self::opened(path.display().to_string(), opening).await
    }

    /// Opens it in the given way.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read.
    pub async fn opened(
        path: String,
        open: impl FnOnce() -> Result<(File, FileStat), FolderError> + Send + 'static,
    ) -> Result<Self, QueueError> {
        let opening = tokio::task::spawn_blocking(open).await;
        match opening {
            Ok(opened) => {
                let (file, before) = opened.map_err(QueueError::Folder)?;
                Ok(Self { path, file, before })
            }
            Err(lost) => Err(QueueError::Source {
                path,
                source: io::Error::other(lost),
            }),
        }
    }

    /// Octets that it had when it was opened.
    pub(super) fn octets(&self) -> u64 {
        self.before.octets
    }

    /// Copies all of it, secured or as it is. Where it changes in between, nothing is kept.
    pub(super) async fn copy_to(
        self,
        contents: &dyn Contents,
        id: TransferId,
        how: CopyAs,
    ) -> Result<Copied, QueueError> {
        let path = self.path.clone();
        let size = self.before.octets;
        // A file may be said to be larger than any disk, and cost its owner nothing.
        contents.has_room_for(size).await?;
        let read = Arc::new(AtomicU64::new(0));
        let looked = self.file.try_clone().map_err(unreadable(&path))?;
        let before = self.before;
        let (source, outcome) = self.source(how, Arc::clone(&read)).await?;
        let whole = match contents.import(id, source).await {
            Ok(whole) => whole,
            Err(error) => return Err(why_not_copied(error, outcome, &path)),
        };
        let is_changed = FileStat::of_file(&looked).map_err(unreadable(&path))? != before;
        if let Some(why) = why_incomplete(is_changed, size, read.load(Order::Relaxed)) {
            whole.discard().await?;
            return Err(unreadable(&path)(io::Error::other(why)));
        }
        let secured = outcome.map(|outcome| outcome.take()).transpose();
        match secured {
            Ok(secured) => Ok(Copied { whole, secured }),
            Err(error) => {
                whole.discard().await?;
                Err(QueueError::of_wrapping(&path, error))
            }
        }
    }

    /// The file as it goes into the spool, and what becomes of it where it is secured on its way.
    pub(super) async fn source(
        self,
        how: CopyAs,
        read: Arc<AtomicU64>,
    ) -> Result<(Source, Option<WrappingOutcome>), QueueError> {
        let path = self.path.clone();
        let Some(secure) = how.secure else {
            let source = self.begin(how.padded, read).map_err(unreadable(&path))?;
            return Ok((source, None));
        };
        let wrapping = move || {
            let SecureAs {
                wrapping,
                shape,
                is_measured,
            } = secure;
            let unread = || self.begin(how.padded, Arc::default());
            let measured = is_measured.then(|| measure(unread, shape, &wrapping));
            let measured = measured.transpose()?;
            let source = self.begin(how.padded, read).map_err(VirtualError::Io)?;
            WrappingReader::new(source, shape, &wrapping, measured)
        };
        let lost = |_| Err(WrappingError::NotAtItsEnd);
        let wrapped = spawn_blocking(wrapping).await.unwrap_or_else(lost);
        let (reader, outcome) = wrapped.map_err(|error| QueueError::of_wrapping(&path, error))?;
        Ok((Box::new(reader), Some(outcome)))
    }

    /// The file from its start, with short lines filled to that length.
    fn begin(&self, padded: Option<u32>, read: Arc<AtomicU64>) -> io::Result<Source> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let source = CountedReader {
            // One octet more than there are, which tells whether that is so.
            file: file.take(self.before.octets.saturating_add(1)),
            read,
        };
        Ok(match padded {
            Some(length) => Box::new(Padded::new(source, length)),
            None => Box::new(source),
        })
    }
}

/// What is read of a file.
type Source = Box<dyn Read + Send>;

/// How a file goes into the spool.
#[derive(Clone, Debug, Default)]
pub(super) struct CopyAs {
    /// To which length lines are filled with blanks; none where they are not to be.
    pub(super) padded: Option<u32>,
    /// None where it is copied as it is.
    pub(super) secure: Option<SecureAs>,
}

/// How a file is secured.
#[derive(Clone, Debug)]
pub(super) struct SecureAs {
    pub(super) wrapping: Wrapping,
    pub(super) shape: VirtualShape,
    /// Whether it is measured first, for definite lengths.
    pub(super) is_measured: bool,
}

/// A file that is in the spool, and is not sealed.
pub(super) struct Copied {
    pub(super) whole: Box<dyn WholeContent>,
    /// What it was before it was secured, where it is.
    pub(super) secured: Option<Secured>,
}

fn unreadable(path: &str) -> impl Fn(io::Error) -> QueueError + '_ {
    |source| QueueError::Source {
        path: path.to_owned(),
        source,
    }
}

/// The spool only knows that it could not read; what secures the file knows why.
fn why_not_copied(error: SpoolError, outcome: Option<WrappingOutcome>, path: &str) -> QueueError {
    match outcome.map(|outcome| outcome.take()) {
        Some(Err(why)) if !matches!(why, WrappingError::NotAtItsEnd) => {
            QueueError::of_wrapping(path, why)
        }
        _ => error.into(),
    }
}

/// Counts the octets that are read of a file.
struct CountedReader {
    file: io::Take<File>,
    read: Arc<AtomicU64>,
}

impl Read for CountedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Order::Relaxed);
        Ok(count)
    }
}

/// Why what was read of a file may not be all of it. Some file systems do not know how large their files are, or learn
/// late what others wrote.
fn why_incomplete(changed: bool, told: u64, read: u64) -> Option<String> {
    let what = match read.cmp(&told) {
        _ if changed => "it was written to while it was copied".to_owned(),
        Ordering::Equal => return None,
        Ordering::Less => format!("its size is {told} octets, and only {read} can be read"),
        Ordering::Greater => format!("its size is {told} octets, and more can be read"),
    };
    let advice = if changed {
        ""
    } else {
        "; where it is not being written to, its file system does not know its size: copy it to a disk, and send the copy"
    };
    Some(format!("{what}; nothing of it is queued{advice}"))
}
