//! A watched folder and this program's subfolders in it, each opened once. A user who may write into the folder can put
//! anything under any name between two steps. So each step uses these descriptors, and a file is checked once more
//! after it was renamed into `.taken`, which no other user can reach.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use pointsman_folder::{
    EntryKind, FileStat, Folder, FolderError, Names, PRIVATE_FOLDER, Why, is_being_written,
    our_user,
};
use pointsman_naming::names;
use pointsman_store::TransferId;
use rustix::io::Errno;

use crate::config::files::{REFUSED, ROOMS, TAKEN};

/// The folder, and what is ours in it.
#[derive(Debug)]
pub(super) struct Rooms {
    folder: Folder,
    taken: Folder,
    refused: Folder,
}

/// The most files of a folder that are listed at a time, the first by name; the others follow when these are taken.
const MOST: usize = 10_000;

/// The most files with several names among them. They cannot be taken, any number of them is easily created, and they
/// must not crowd out other files.
const MOST_LINKED: usize = 100;

/// What lies in the folder.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Regular files, in the order of their names.
    pub files: BTreeMap<String, FileStat>,
    /// What cannot be one, and why.
    pub troubles: BTreeSet<String>,
    /// How many have several names.
    linked: usize,
}

impl Seen {
    fn file(&mut self, name: &str, look: FileStat) {
        if look.names > 1 {
            self.linked += 1;
            if self.linked > MOST_LINKED {
                return;
            }
        }
        self.files.insert(name.to_owned(), look);
        if self.files.len() > MOST {
            self.files.pop_last();
        }
    }

    fn trouble(&mut self, what: String) {
        if self.troubles.len() < MOST {
            self.troubles.insert(what);
        }
    }
}

/// The result of taking a file.
#[derive(Debug)]
pub(super) enum Taking {
    /// It lies in `.taken`.
    Taken,
    /// Somebody was quicker.
    Gone,
    /// Not now; it lies where it was. Why.
    NotNow(String),
    /// Not now: the system does not say whether a program has it open for writing.
    Unseen,
    /// Its name is longer than any that can be sent.
    TooLong,
}

impl Rooms {
    /// Opens them, and creates those that are missing. `.taken` and `refused` must belong to this program alone: other
    /// users may have put a link or a folder of their own there, which is reported and not used. Returns those that
    /// others could read until now.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<PathBuf>), FolderError> {
        let folder = Folder::make(path, Names::Operator, 0o750)?;
        let (taken, taken_mended) = folder.ours(TAKEN)?;
        let (refused, refused_mended) = folder.ours(REFUSED)?;
        let both = [(&taken, taken_mended), (&refused, refused_mended)];
        let mended = both.into_iter().filter(|(_, mended)| *mended);
        let mended = mended.map(|(room, _)| room.path().to_owned()).collect();
        let rooms = Self {
            folder,
            taken,
            refused,
        };
        Ok((rooms, mended))
    }

    /// Which folder it is, whatever its path leads to later.
    pub(super) fn place(&self) -> Result<(u64, u64), FolderError> {
        Ok(self.folder.itself()?.place)
    }

    /// The files in the folder whose names are wanted. Links are not followed, since a user who may write into the
    /// folder need not be allowed to read every file that the server can read.
    pub(super) fn candidates(&self, wanted: impl Fn(&str) -> bool) -> Result<Seen, FolderError> {
        let mut seen = Seen::default();
        self.folder.each_name(|name| {
            let Some(text) = name.to_str() else {
                let trouble = format!("{} has a name that is not UTF-8; rename it", name.display());
                return seen.trouble(trouble);
            };
            if text.starts_with('.') || !wanted(text) {
                return;
            }
            match self.folder.look(name) {
                Ok(Some(look)) if look.kind == EntryKind::File => seen.file(text, look),
                Ok(_) => {}
                Err(error) => seen.trouble(format!(
                    "{text} cannot be looked at, and is tried again: {error}"
                )),
            }
        })?;
        Ok(seen)
    }

    /// Takes a complete file for a transfer. Where the system does not say whether a program has it open for writing,
    /// `closed` says it.
    pub(super) fn take(&self, name: &str, id: TransferId, closed: bool) -> Taking {
        // Asked first, so that what must wait need not be moved to and fro.
        if let Some(not_now) = not_now(&self.folder, name.as_ref(), name, closed) {
            return not_now;
        }
        let place = place(id, name);
        match self.folder.rename(name, &self.taken, &place) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Taking::Gone,
            Err(Errno::NAMETOOLONG) => return Taking::TooLong,
            Err(error) => {
                let error = io::Error::from(error);
                return Taking::NotNow(format!(
                    "{name} cannot be taken, and is tried again: {error}"
                ));
            }
        }
        // Another file may have been put there in the meantime. From now on it cannot change any more, since no other
        // user can reach it.
        let Some(not_now) = not_now(&self.taken, place.as_ref(), name, closed) else {
            return Taking::Taken;
        };
        match rename_numbered(&self.taken, place.as_ref(), &self.folder, name) {
            Ok(()) | Err(Errno::NOENT) => not_now,
            Err(error) => Taking::NotNow(format!(
                "{name} cannot be put back: {}",
                io::Error::from(error)
            )),
        }
    }

    /// Files that were taken before and are not put away yet.
    pub(super) fn taken(&self) -> Result<Vec<(TransferId, String)>, FolderError> {
        let mut taken: Vec<_> = self.taken.names()?.iter().filter_map(parts).collect();
        taken.sort();
        Ok(taken)
    }

    /// Opens a file that was taken, to send it. It must be a regular file with no other name.
    pub(super) fn open_taken(
        &self,
        id: TransferId,
        name: &str,
    ) -> Result<(File, FileStat), FolderError> {
        self.taken.sole_file(place(id, name))
    }

    /// Makes the names of taken files durable before the ledger has their transfers: otherwise a power cut could put
    /// them back under their first names, to be sent once more. The ledger's own syncs would be enough only where it is
    /// on the same disk.
    pub(super) fn secure(&self) -> Result<(), FolderError> {
        self.taken.sync()?;
        self.folder.sync()
    }

    /// Puts a taken file back under its name.
    pub(super) fn put_back(&self, id: TransferId, name: &str) -> io::Result<()> {
        let moved = rename_numbered(&self.taken, place(id, name).as_ref(), &self.folder, name);
        Ok(moved?)
    }

    /// Moves a taken file that cannot be sent to `refused`.
    pub(super) fn refuse(&self, id: TransferId, name: &str) -> io::Result<()> {
        let moved = rename_numbered(&self.taken, place(id, name).as_ref(), &self.refused, name);
        Ok(moved?)
    }

    /// Moves a file that cannot be taken to `refused`.
    pub(super) fn refuse_untaken(&self, name: &str) -> io::Result<()> {
        let moved = rename_numbered(&self.folder, name.as_ref(), &self.refused, name);
        Ok(moved?)
    }

    /// Moves a queued file into a folder. Only links of the operator may lead to that folder, and no other user may
    /// have put it there. On another file system the file is copied, where there is `room` for it.
    pub(super) fn keep(
        &self,
        id: TransferId,
        name: &str,
        keep_in: &Path,
        room: impl Fn(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let keep = Folder::make(keep_in, Names::Keeper, PRIVATE_FOLDER)?;
        let place = place(id, name);
        match rename_numbered(&self.taken, place.as_ref(), &keep, name) {
            Err(Errno::XDEV) => copy_to(&self.taken, place.as_ref(), &keep, (id, name), room),
            moved => Ok(moved?),
        }
    }

    /// Removes a queued file.
    pub(super) fn remove(&self, id: TransferId, name: &str) -> Result<(), FolderError> {
        self.taken.remove(place(id, name))
    }
}

/// Checks whether [`Rooms::open`] would succeed for a folder that is there; creates and changes nothing.
pub(super) fn look(path: &Path) -> Result<(), FolderError> {
    match Folder::open(path, Names::Operator) {
        Err(error) if error.is_gone() => Ok(()),
        Err(error) => Err(error),
        Ok(folder) => ROOMS
            .into_iter()
            .try_for_each(|room| folder.look_ours(room)),
    }
}

/// The transfers of the files in `.taken` of a watched folder, which its server queues at its next look.
pub(super) fn to_be_queued(path: &Path) -> Result<BTreeSet<TransferId>, FolderError> {
    let folder = match Folder::open(path, Names::Operator) {
        Err(error) if error.is_gone() => return Ok(BTreeSet::new()),
        opened => opened?,
    };
    let taken = match folder.below(TAKEN, None) {
        Err(error) if error.is_gone() => return Ok(BTreeSet::new()),
        opened => opened?.0,
    };
    let names = taken.names()?;
    Ok(names.iter().filter_map(parts).map(|(id, _)| id).collect())
}

/// Why the file of this name cannot be taken now; none where it can.
fn not_now(folder: &Folder, entry: &OsStr, name: &str, closed: bool) -> Option<Taking> {
    match folder.sole_file(entry) {
        Err(error) if error.is_gone() => Some(Taking::Gone),
        Err(error) => {
            let what_to_do = match error.why() {
                Why::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    format!("; let user {} read it (chmod, chgrp)", our_user())
                }
                _ => String::new(),
            };
            Some(Taking::NotNow(format!(
                "{name} cannot be taken as it is: {}{what_to_do}",
                error.why()
            )))
        }
        Ok((file, _)) => match is_being_written(&file) {
            Some(true) => Some(Taking::NotNow(format!(
                "{name} is left alone, and somebody has it open for writing: it is taken when it is closed"
            ))),
            Some(false) => None,
            None => (!closed).then_some(Taking::Unseen),
        },
    }
}

fn place(id: TransferId, name: &str) -> String {
    format!("{id}.{name}")
}

fn parts(place: impl AsRef<OsStr>) -> Option<(TransferId, String)> {
    let (id, name) = place.as_ref().to_str()?.split_once('.')?;
    Some((id.parse().ok()?, name.to_owned()))
}

/// Moves a file into a folder, with a number in its name where that is taken.
fn rename_numbered(from: &Folder, old: &OsStr, to: &Folder, name: &str) -> Result<(), Errno> {
    let mut number = 0;
    loop {
        match from.rename(old, to, names::numbered(name, number)) {
            Err(Errno::EXIST) => number += 1,
            moved => return moved,
        }
    }
}

/// The permissions of a copy, which belongs to the server: those for reading are the file's, and no others are kept. A
/// set-user-ID bit of another user would make the copy run as the server's user.
fn mode_of_copy(file: &Metadata) -> u32 {
    file.mode() & 0o044 | 0o600
}

/// The same to another file system: the file is whole under its name, or not there at all. A copy that a crash
/// interrupted is started over.
fn copy_to(
    from: &Folder,
    old: &OsStr,
    to: &Folder,
    (id, name): (TransferId, &str),
    room: impl Fn(u64) -> io::Result<()>,
) -> io::Result<()> {
    let half = format!(".{id}");
    let _ = to.remove(&half);
    let copy = || {
        let (mut source, look) = from.file(old)?;
        room(look.octets)?;
        let mut copied = to.create(&half)?;
        io::copy(&mut source, &mut copied)?;
        copied.set_permissions(Permissions::from_mode(mode_of_copy(&source.metadata()?)))?;
        copied.sync_all()?;
        rename_numbered(to, half.as_ref(), to, name).map_err(io::Error::from)
    };
    if let Err(error) = copy() {
        // It is tried again, under another name.
        let _ = to.remove(&half);
        return Err(error);
    }
    to.sync()?;
    Ok(from.remove(old)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_a_crash_left_half_done_is_started_over() {
        let temp = tempfile::TempDir::new().unwrap();
        let device = |path: &Path| path.metadata().unwrap().dev();
        let apart = match tempfile::TempDir::new_in("/dev/shm") {
            Ok(apart) if device(apart.path()) != device(temp.path()) => apart,
            // Not tried: there is one file system alone.
            _ => return,
        };
        let (rooms, _) = Rooms::open(&temp.path().join("out")).unwrap();
        std::fs::write(temp.path().join("out/ORDERS"), "whole").unwrap();
        let id = TransferId::new();
        assert!(matches!(rooms.take("ORDERS", id, true), Taking::Taken));
        std::fs::write(apart.path().join(format!(".{id}")), "wh").unwrap();
        rooms.keep(id, "ORDERS", apart.path(), |_| Ok(())).unwrap();
        let kept = std::fs::read_dir(apart.path()).unwrap();
        let kept: Vec<_> = kept.map(|one| one.unwrap().file_name()).collect();
        assert_eq!(kept, ["ORDERS"]);
        let octets = std::fs::read(apart.path().join("ORDERS")).unwrap();
        assert_eq!(octets, b"whole");
    }

    #[test]
    fn keep_in_that_somebody_put_in_its_place_keeps_nothing() {
        if our_user() != 0 {
            // Not tried: only root can make folders of other users.
            return;
        }
        let temp = tempfile::TempDir::new().unwrap();
        let shared = temp.path().join("shared");
        let keep_in = shared.join("kept");
        std::fs::create_dir_all(&keep_in).unwrap();
        std::fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
        let (rooms, _) = Rooms::open(&temp.path().join("out")).unwrap();
        std::fs::write(temp.path().join("out/ORDERS"), "whole").unwrap();
        let id = TransferId::new();
        assert!(matches!(rooms.take("ORDERS", id, true), Taking::Taken));
        std::os::unix::fs::chown(&keep_in, Some(54321), None).unwrap();
        let refused = rooms.keep(id, "ORDERS", &keep_in, |_| Ok(())).unwrap_err();
        assert!(refused.to_string().contains("54321"), "{refused}");
        assert_eq!(std::fs::read_dir(&keep_in).unwrap().count(), 0);
        std::os::unix::fs::chown(&keep_in, Some(0), None).unwrap();
        rooms.keep(id, "ORDERS", &keep_in, |_| Ok(())).unwrap();
        assert!(keep_in.join("ORDERS").exists(), "it is the operator's");
    }

    #[test]
    fn any_number_of_names_is_looked_at_some_at_a_time_and_links_are_in_nobodys_way() {
        let temp = tempfile::TempDir::new().unwrap();
        let folder = temp.path().join("out");
        let (rooms, _) = Rooms::open(&folder).unwrap();
        std::fs::write(temp.path().join("one"), "").unwrap();
        for number in 0..3 * MOST_LINKED {
            let link = folder.join(format!("A{number}"));
            std::fs::hard_link(temp.path().join("one"), link).unwrap();
        }
        for number in 0..MOST + 200 {
            std::fs::write(folder.join(format!("B{number:05}")), "").unwrap();
        }
        let seen = rooms.candidates(|_| true).unwrap();
        let (links, files): (Vec<_>, Vec<_>) =
            seen.files.keys().partition(|name| name.starts_with('A'));
        assert_eq!(links.len(), MOST_LINKED);
        assert_eq!(files.len(), MOST - MOST_LINKED);
        assert!(files.iter().is_sorted() && files[0] == "B00000");
    }
}
