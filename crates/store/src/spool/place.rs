//! Delivery: one rename from the spool into the inbox, durable.

use std::fs::File;
use std::io;
use std::path::Path;

use pointsman_folder::{Folder, FolderError, Look, Names, PRIVATE_FOLDER};
use pointsman_log::tell;
use rustix::fs::{AtFlags, Gid, Mode, RenameFlags};

use super::layout::{SEALED, Spool, sync_folder};
use super::sidecars::behind;
use crate::events::Event;
use crate::planted;
use crate::sidecar::Entry;
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::transition::reached;

impl Spool {
    /// Renames a sealed file to `path` below `inbox`, which is in its row already, and is appended to its sidecar first.
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
        access: Access,
    ) -> Result<(), PlaceError> {
        let sealed = Folder::home(&self.root.join(SEALED), PRIVATE_FOLDER);
        let sealed = sealed.map_err(io_error(SEALED))?;
        let (folders, name) = split(path)?;
        let folder = self.descend(inbox, &folders, access);
        let folder = folder.map_err(io_error(path))?;
        let how = if overwrite {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        let heard = self.append(Direction::Inbound, id, &Entry::Placing(path.to_owned()));
        if let Err(error) = heard {
            behind(id, &error);
        }
        let changed = [
            (
                self.folders.enter(&inbox.join(folders.join("/"))),
                &folder,
                path,
            ),
            (self.folders.enter(&self.root.join(SEALED)), &sealed, SEALED),
        ];
        let blob = sealed.file(id.to_string()).map_err(io_error(path))?;
        let inode = blob.1.place.1;
        access.give(&blob, &folder).map_err(io_error(path))?;
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
    fn descend(&self, inbox: &Path, folders: &[&str], access: Access) -> io::Result<Folder> {
        // A job that tidies up may have removed it while we run.
        let mut here = access.inbox(inbox)?;
        for part in folders {
            let above = here.path().to_owned();
            let (next, made) = here.below(part, Some(access.of_folders()))?;
            if made {
                access.give_folder(&next)?;
                reached("inbox.folder.made");
                self.folders
                    .sync(&above, || Ok(rustix::fs::fsync(&here)?))?;
            }
            here = next;
        }
        Ok(here)
    }
}

/// What others may do with delivered files and the folders that are made for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The permissions of a file, such as `0o640`.
    pub mode: u32,
    /// Whose group it is given to; that of this program where none is named, or that of the folder where the folder
    /// gives its group to all that is made in it (set-group-ID).
    pub group: Option<u32>,
}

impl Default for Access {
    /// The group of this program may read.
    fn default() -> Self {
        Self {
            mode: 0o640,
            group: None,
        }
    }
}

impl Access {
    /// The permissions of the folders that are made: who may read a file may enter its folder, and who may write one may
    /// remove it.
    #[must_use]
    pub fn of_folders(self) -> u32 {
        self.mode | (self.mode & 0o444) >> 2
    }

    /// Opens the inbox; makes it where it is missing.
    ///
    /// # Errors
    /// It cannot be made or given to the group, or a folder on the way is one that somebody else could have put there.
    pub fn inbox(self, path: &Path) -> Result<Folder, FolderError> {
        match Folder::open(path, Names::Keeper) {
            Err(error) if error.is_gone() => {
                let inbox = Folder::make(path, Names::Keeper, self.of_folders())?;
                self.give_folder(&inbox)?;
                Ok(inbox)
            }
            opened => opened,
        }
    }

    /// Looks whether [`Access::inbox`] could do it, and makes nothing. Whether it could be made where it is missing is not
    /// known.
    ///
    /// # Errors
    /// As for that.
    pub fn look_inbox(path: &Path) -> Result<(), FolderError> {
        match Folder::open(path, Names::Keeper) {
            Err(error) if error.is_gone() => Ok(()),
            opened => opened.map(drop),
        }
    }

    /// A folder was just made: its group, and its permissions after that.
    fn give_folder(self, folder: &Folder) -> Result<(), FolderError> {
        match self.group {
            Some(group) => folder.give_to(group),
            None => Ok(()),
        }
    }

    /// Gives a file to whom it is for, before it has its name. Not synced by itself: its rename comes later in the file
    /// system's log, and where that is lost, so is the delivery.
    fn give(self, (file, look): &(File, Look), folder: &Folder) -> io::Result<()> {
        if let Some(group) = self.group.filter(|group| *group != look.group) {
            let group = Gid::from_raw(group);
            rustix::fs::fchown(file, None, Some(group)).map_err(|error| {
                let error = io::Error::from(error);
                let why = format!(
                    "it cannot be given to the group {} (delivery.group): {error}",
                    group.as_raw()
                );
                io::Error::new(error.kind(), why)
            })?;
        } else if let Some(group) = folder.group_of_files()?.filter(|_| self.group.is_none()) {
            // As any file that is made there; without the right to it, it stays with our group.
            let _ = rustix::fs::fchown(file, None, Some(Gid::from_raw(group)));
        }
        if look.mode != self.mode {
            rustix::fs::fchmod(file, Mode::from_raw_mode(self.mode))?;
        }
        Ok(())
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
fn link_and_unlink(from: &Folder, old: &str, to: &Folder, new: &str) -> rustix::io::Result<()> {
    rustix::fs::linkat(from, old, to, new, AtFlags::empty())?;
    reached("inbox.file.placed");
    rustix::fs::fsync(to)?;
    rustix::fs::unlinkat(from, old, AtFlags::empty())
}

/// What a disk kept of a rename whose sync failed nobody can tell, and to sync again tells less: only a new rename is
/// written anew. So the file goes back to where the next delivery finds it, unless its reader has it by now.
fn take_back((folder, name): (&Folder, &str), inode: u64, sealed: &Folder, id: TransferId) {
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
        Ok(()) => tell(&Event::PlacingTakenBack {
            transfer: id,
            file: name.to_owned(),
        }),
        Err(error) => {
            tell(&Event::PlacingNotTakenBack {
                transfer: id,
                file: name.to_owned(),
                reason: error.to_string(),
            });
        }
    }
}

fn io_error<E: Into<io::Error>>(path: &str) -> impl Fn(E) -> PlaceError + '_ {
    move |error: E| PlaceError::Io {
        path: path.to_owned(),
        source: error.into(),
    }
}
