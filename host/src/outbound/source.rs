//! Files to send as they lie with others: opened, and copied whole or not at all.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Order};

use pointsman_folder::{FileStat, FolderError, Names};
use pointsman_store::TransferId;
use pointsman_store::contents::{Contents, Padded, WholeContent};

use super::send_as::QueueError;

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

    /// Copies all of it, with short lines filled to that length. Where it changes in between, nothing is kept.
    pub(super) async fn copy_to(
        self,
        contents: &dyn Contents,
        id: TransferId,
        padded: Option<u32>,
    ) -> Result<Box<dyn WholeContent>, QueueError> {
        let path = self.path;
        let unreadable = |source| QueueError::Source {
            path: path.clone(),
            source,
        };
        let looked = self.file.try_clone().map_err(unreadable)?;
        let size = self.before.octets;
        // A file may be said to be larger than any disk, and cost its owner nothing.
        contents.has_room_for(size).await?;
        let read = Arc::new(AtomicU64::new(0));
        let source = CountedReader {
            // One octet more than there are, which tells whether that is so.
            file: self.file.take(size.saturating_add(1)),
            read: Arc::clone(&read),
        };
        let source: Box<dyn Read + Send> = match padded {
            Some(length) => Box::new(Padded::new(source, length)),
            None => Box::new(source),
        };
        let whole = contents.import(id, source).await?;
        let is_changed = FileStat::of_file(&looked).map_err(unreadable)? != self.before;
        if let Some(why) = why_incomplete(is_changed, size, read.load(Order::Relaxed)) {
            whole.discard().await?;
            return Err(unreadable(io::Error::other(why)));
        }
        Ok(whole)
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
