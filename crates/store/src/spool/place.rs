//! Delivery: one rename from the spool into the inbox, durable.

use std::fs::File;
use std::io;
use std::path::Path;

use pointsman_folder::{FileStat, Folder, FolderError, Names, PRIVATE_FOLDER};
use pointsman_log::emit;
use rustix::fs::{AtFlags, Gid, Mode, RenameFlags};

use super::files::sync_folder;
use super::layout::{Spool, file_name};
use super::names::SEALED;
use crate::content::ContentKey;
use crate::events::StoreEvent;
use crate::planted;
use crate::transfer::TransferId;
use crate::transition::reached;

impl Spool {
    /// Renames a sealed content to `path` below `inbox`, which is in its row and in its sidecar already (`Ledger::placing`).
    ///
    /// `path` is made of parts joined by `/`; folders are made where missing, and none may be a
    /// symbolic link.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] when something of that name is there and `overwrite` is false.
    pub fn place(
        &self,
        key: ContentKey,
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
        // Both folders are entered before the rename: a sync that another task began earlier need not cover it.
        let entered = [inbox.join(folders.join("/")), self.root.join(SEALED)];
        let changed = entered.each_ref().map(|folder| self.folders.enter(folder));
        let blob = sealed.file(file_name(key)).map_err(io_error(path))?;
        // The permissions are set while no reader can reach the file.
        access.give(&blob, &folder).map_err(io_error(path))?;
        let placing = Placing {
            sealed: &sealed,
            from: file_name(key),
            id: key.id,
            inode: blob.1.place.1,
            folder: &folder,
            name,
        };
        placing.rename(path, overwrite)?;
        reached("inbox.file.placed");
        if planted("placed-folders-not-synced") {
            return Ok(());
        }
        // The inbox first: on a file system that does not rename in one step, a power cut between the two syncs leaves the
        // file under both names, and not under none.
        for (changed, (synced, part)) in changed.iter().zip([(&folder, path), (&sealed, SEALED)]) {
            if let Err(source) = changed.sync(|| Ok(rustix::fs::fsync(synced)?)) {
                placing.take_back();
                let path = part.to_owned();
                return Err(PlaceError::Io { path, source });
            }
            reached("inbox.folder.synced");
        }
        reached("inbox.placement.durable");
        Ok(())
    }

    /// Makes durable that a file was renamed to `path` below `inbox`, where a crash may have come between the rename
    /// and its syncs. A folder that its reader removed needs no sync.
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
        // A clean-up job may have removed the folder while the server runs.
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

/// What other users may do with delivered files, and with the folders that are created for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The permissions of a file, such as `0o640`.
    pub mode: u32,
    /// The group that the files get. Where none is named, that of this program, or that of the folder where it passes
    /// its group on (set-group-ID).
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
    /// The permissions of folders that are created: a user that may read a file may enter its folder, and one that may
    /// write a file may remove it.
    #[must_use]
    pub(crate) fn of_folders(self) -> u32 {
        self.mode | (self.mode & 0o444) >> 2
    }

    /// Opens the inbox; makes it where it is missing.
    ///
    /// # Errors
    /// It cannot be created or given to the group, or another user could have put one of the folders above it there.
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

    /// Checks whether [`Access::inbox`] would succeed, and creates nothing. It does not say whether a missing folder
    /// could be created.
    ///
    /// # Errors
    /// As for that.
    pub fn look_inbox(path: &Path) -> Result<(), FolderError> {
        match Folder::open(path, Names::Keeper) {
            Err(error) if error.is_gone() => Ok(()),
            opened => opened.map(drop),
        }
    }

    /// Sets the group of a folder that was just created, and then its permissions.
    fn give_folder(self, folder: &Folder) -> Result<(), FolderError> {
        match self.group {
            Some(group) => folder.give_to(group),
            None => Ok(()),
        }
    }

    /// Sets the group and permissions of a file before it has its name. They are not synced: the rename comes later in
    /// the file system's log, and where they are lost, the rename is lost too.
    fn give(self, (file, look): &(File, FileStat), folder: &Folder) -> io::Result<()> {
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
            // The file gets the group of the folder, as any file that is created there; where this program has no right
            // to do that, it keeps its own group.
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
    /// There is a file of that name.
    #[error("{0} is there already")]
    Taken(String),
    /// The path has a part that is empty, `.`, `..`, or holds a character no file name may have.
    #[error("`{0}` is not a path below the inbox")]
    Unsafe(String),
    /// The operating system reported an error.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder that failed.
        path: String,
        /// What the operating system says.
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

/// One rename, from `sealed` into a folder below the inbox.
struct Placing<'a> {
    sealed: &'a Folder,
    /// Its name there.
    from: String,
    id: TransferId,
    inode: u64,
    folder: &'a Folder,
    /// Its name in the inbox.
    name: &'a str,
}

impl Placing<'_> {
    fn rename(&self, path: &str, overwrite: bool) -> Result<(), PlaceError> {
        let how = if overwrite {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        let renamed = if planted("placed-by-link") {
            self.link_and_unlink()
        } else {
            rustix::fs::renameat_with(self.sealed, &self.from, self.folder, self.name, how)
        };
        match renamed {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(PlaceError::Taken(path.to_owned())),
            Err(error) => Err(io_error(path)(error)),
        }
    }

    /// A mistake to plant: in two steps, between which the file is in both places.
    fn link_and_unlink(&self) -> rustix::io::Result<()> {
        let (from, no_flags) = (self.from.as_str(), AtFlags::empty());
        rustix::fs::linkat(self.sealed, from, self.folder, self.name, no_flags)?;
        reached("inbox.file.placed");
        rustix::fs::fsync(self.folder)?;
        rustix::fs::unlinkat(self.sealed, from, no_flags)
    }

    /// After a failed sync the state on disk is unknown, and a second sync may report success wrongly. Only a new rename
    /// is written again. So the file goes back to where the next delivery finds it, unless its reader has it by now.
    fn take_back(&self) {
        let (transfer, file) = (self.id, self.name.to_owned());
        match self.is_still_ours().and_then(|()| self.rename_back()) {
            Ok(()) => emit(&StoreEvent::PlacingTakenBack { transfer, file }),
            Err(error) => emit(&StoreEvent::PlacingNotTakenBack {
                transfer,
                file,
                reason: error.to_string(),
            }),
        }
    }

    fn is_still_ours(&self) -> rustix::io::Result<()> {
        let there = rustix::fs::statat(self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if there.st_ino == self.inode {
            Ok(())
        } else {
            Err(rustix::io::Errno::NOENT)
        }
    }

    fn rename_back(&self) -> rustix::io::Result<()> {
        let no_other = RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(self.folder, self.name, self.sealed, &self.from, no_other)
    }
}

fn io_error<E: Into<io::Error>>(path: &str) -> impl Fn(E) -> PlaceError + '_ {
    move |error: E| PlaceError::Io {
        path: path.to_owned(),
        source: error.into(),
    }
}

#[cfg(test)]
mod tests;
