//! Delivery: one rename from the spool into the inbox, durable.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use pointsman_folder::Names;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};

use super::{SEALED, Spool, sync_folder};
use crate::planted;
use crate::sidecar::Entry;
use crate::transfer::{Direction, TransferId};
use crate::transition::reached;

impl Spool {
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
        let folder = self.descend(inbox, &folders).map_err(io_error(path))?;
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
        let blob = rustix::fs::statat(&sealed, id.to_string(), AtFlags::SYMLINK_NOFOLLOW);
        let inode = blob.map_err(io_error(path))?.st_ino;
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
                take_back((&folder, name), inode, &sealed, id);
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

    /// Opens a folder below `inbox` part by part, following no link, making and syncing what is missing.
    fn descend(&self, inbox: &Path, folders: &[&str]) -> io::Result<OwnedFd> {
        // A job that tidies up may have removed it while we run.
        let made = pointsman_folder::Folder::make(inbox, Names::Keeper, 0o750)?;
        let mut here = made.as_fd().try_clone_to_owned()?;
        let mut path = inbox.to_owned();
        for part in folders {
            match rustix::fs::mkdirat(&here, *part, Mode::from_raw_mode(0o750)) {
                Ok(()) => {
                    reached("inbox.folder.made");
                    self.folders.sync(&path, || Ok(rustix::fs::fsync(&here)?))?;
                }
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            here = rustix::fs::openat(
                &here,
                *part,
                OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            path.push(part);
        }
        Ok(here)
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

/// What a disk kept of a rename whose sync failed nobody can tell, and to sync again tells less: only a new rename is
/// written anew. So the file goes back to where the next delivery finds it, unless its reader has it by now.
fn take_back((folder, name): (&OwnedFd, &str), inode: u64, sealed: &OwnedFd, id: TransferId) {
    let is_ours = || match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) if there.st_ino == inode => Ok(()),
        Ok(_) => Err(rustix::io::Errno::NOENT),
        Err(error) => Err(error),
    };
    let back = || {
        let no_other = RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(folder, name, sealed, id.to_string(), no_other)
    };
    match is_ours().and_then(|()| back()) {
        Ok(()) => tracing::warn!(event = "placing-taken-back", transfer = %id, name),
        Err(error) => {
            tracing::warn!(event = "placing-not-taken-back", transfer = %id, name, %error);
        }
    }
}

fn io_error<E: Into<io::Error>>(path: &str) -> impl Fn(E) -> PlaceError + '_ {
    move |error: E| PlaceError::Io {
        path: path.to_owned(),
        source: error.into(),
    }
}
