//! Which folders the paths of a watched folder lead to.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::config::WatchedFolder;
use crate::config::leads::look;

/// The watched folder and the one for sent files, by file system and inode; none where none is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) folder: Option<(u64, u64)>,
    keep_in: Option<(u64, u64)>,
}

impl Places {
    /// # Errors
    /// One of the paths cannot be followed.
    pub(super) fn of(watch: &WatchedFolder) -> io::Result<Self> {
        let keep_in = watch.keep_in.as_deref().map(place).transpose()?;
        Ok(Self {
            folder: place(&watch.folder)?,
            keep_in: keep_in.flatten(),
        })
    }
}

fn place(path: &Path) -> io::Result<Option<(u64, u64)>> {
    let there = look(path).map_err(|error| {
        let why = format!("{} cannot be looked at: {error}", path.display());
        io::Error::new(error.kind(), why)
    })?;
    Ok(there.map(|there| (there.dev(), there.ino())))
}
