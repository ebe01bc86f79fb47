//! Keeps the files of this program from other users: one who can read them reads partners' files, and one who can lock
//! them stops the server.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pointsman_folder::{Folder, FolderError, PRIVATE_FILE};
use pointsman_log::emit;

use crate::events::StoreEvent;

/// Which files of a folder are this program's.
#[derive(Clone, Copy, Debug)]
pub enum OwnFiles {
    /// All of them. They are many, so they are examined only where others could enter the folder.
    All,
    /// Those whose names begin so.
    Named(&'static [&'static str]),
}

/// Opens a folder of this program; creates it where it is missing, whatever the umask. Others lose all rights to an
/// existing folder beyond `most`, and all rights to its files; the log says so.
///
/// # Errors
/// The folder belongs to another user, or cannot be made or changed.
pub fn keep_private(path: &Path, most: u32, kept: OwnFiles) -> Result<Folder, FolderError> {
    let folder = Folder::home(path, most)?;
    let mode = folder.itself()?.mode & 0o777;
    let is_open = mode & !most != 0;
    // The files first: if this is cut off, the next start sees the open folder again.
    let mut files = 0_u64;
    let in_question = match kept {
        OwnFiles::All if !is_open => Vec::new(),
        OwnFiles::All | OwnFiles::Named(_) => folder.names()?,
    };
    for name in in_question {
        if kept.has(&name.to_string_lossy()) && folder.take_from_others(&name)? {
            files += 1;
        }
    }
    if is_open {
        folder.restrict_to(mode & most)?;
    }
    if is_open || files > 0 {
        emit(&StoreEvent::MadePrivate {
            path: path.to_owned(),
            files,
        });
    }
    Ok(folder)
}

/// Options to create a file that no other user can open, whatever the umask.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(PRIVATE_FILE);
    options
}

impl OwnFiles {
    fn has(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(beginnings) => beginnings.iter().any(|begin| name.starts_with(begin)),
        }
    }
}
