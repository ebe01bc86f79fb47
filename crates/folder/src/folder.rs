//! An open folder.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::file::regular;
use crate::open_below::{GROUP_OF_FOLDER, TO_LIST, TO_READ, open_below, refused};
use crate::owner::our_user;
use crate::path::{Names, Walk, is_exchangeable};
use crate::stat::{EntryKind, FileStat};
use crate::{FolderError, Why};

/// The permissions of folders that are this program's alone.
pub const PRIVATE_FOLDER: u32 = 0o700;

/// The permissions of files that are this program's alone.
pub const PRIVATE_FILE: u32 = 0o600;

/// A file to read and write.
const TO_CHANGE: OFlags = TO_READ.difference(OFlags::RDONLY).union(OFlags::RDWR);

/// What group and others may do.
const OTHERS: u32 = 0o077;

/// Nobody but their owners removes files of a folder: several users keep some in it.
const STICKY: u32 = 0o1000;

/// A folder that was opened once: whatever becomes of its path, it stays the same.
#[derive(Debug)]
pub struct Folder {
    opened: OwnedFd,
    /// Where it was, to be shown.
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// It is not there, is no folder, or is led to by what the owner of the names does not answer for.
    pub fn open(path: &Path, names: Names) -> Result<Self, FolderError> {
        let opened = match names {
            Names::Caller => {
                let how = TO_LIST.difference(OFlags::NOFOLLOW);
                let opened = rustix::fs::open(path, how, Mode::empty());
                opened.map_err(|error| refused(path, error))?
            }
            Names::Operator | Names::Keeper => Walk::new(path, names).into_folder()?,
        };
        Ok(Self::from(opened, path))
    }

    /// The same; makes what is missing of it, with these permissions whatever the umask.
    ///
    /// # Errors
    /// As for [`Folder::open`]; or it cannot be made.
    pub fn make(path: &Path, names: Names, mode: u32) -> Result<Self, FolderError> {
        let opened = Walk::new(path, names).making(mode).into_folder()?;
        Ok(Self::from(opened, path))
    }

    fn from(opened: OwnedFd, path: &Path) -> Self {
        let path = path.to_owned();
        Self { opened, path }
    }

    /// Where it was when it was opened, to be shown.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself, as it is now.
    ///
    /// # Errors
    /// The system does not say.
    pub fn itself(&self) -> Result<FileStat, FolderError> {
        let stat = rustix::fs::fstat(&self.opened).map_err(FolderError::io(&self.path))?;
        Ok(FileStat::of(&stat))
    }

    /// Opens the folder at `path`, in which this program keeps what is its own; makes it, with these permissions, and those
    /// above it. What others may do beyond that with one that was there is for [`Folder::take_from_others`] and
    /// [`Folder::restrict_to`].
    ///
    /// # Errors
    /// It belongs to another user, or several users keep files in it; or as for [`Folder::make`].
    pub fn home(path: &Path, mode: u32) -> Result<Self, FolderError> {
        Self::make(path, Names::Operator, mode)
            .map_err(|error| closed_to_us(path, error))?
            .if_ours()
    }

    /// The same without making or changing anything. None where it is not there.
    ///
    /// # Errors
    /// It belongs to another user, or several users keep files in it; or as for [`Folder::open`].
    pub fn look_home(path: &Path) -> Result<Option<Self>, FolderError> {
        match Self::open(path, Names::Operator) {
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(closed_to_us(path, error)),
            Ok(folder) => folder.if_ours().map(Some),
        }
    }

    fn if_ours(self) -> Result<Self, FolderError> {
        let look = self.itself()?;
        if look.user != our_user() {
            return Err(FolderError::new(self.path, Why::AnotherUsers(look.user)));
        }
        if look.mode & STICKY != 0 {
            return Err(FolderError::new(self.path, Why::Shared));
        }
        Ok(self)
    }

    /// Opens the folder `name` in it, which is this program's alone: makes it where it is missing. Says whether its
    /// permissions were wider than that, and are mended now.
    ///
    /// # Errors
    /// It is a link, no folder, or somebody else's; or cannot be made.
    pub fn ours(&self, name: &str) -> Result<(Self, bool), FolderError> {
        let part = self.part(name)?;
        let made = rustix::fs::mkdirat(&self.opened, part, Mode::from_raw_mode(PRIVATE_FOLDER));
        match made {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.refused(part, error)),
        }
        let folder = self.step_into_ours(part)?;
        let mended = folder.restrict_to(PRIVATE_FOLDER)?;
        Ok((folder, mended && made.is_err()))
    }

    /// Whether [`Folder::ours`] could do it, without making or changing anything.
    ///
    /// # Errors
    /// As for that.
    pub fn look_ours(&self, name: &str) -> Result<(), FolderError> {
        match self.look(name)? {
            None => Ok(()),
            Some(_) => self.step_into_ours(self.part(name)?).map(drop),
        }
    }

    fn step_into_ours(&self, part: &OsStr) -> Result<Self, FolderError> {
        let folder = self.step(part)?;
        let look = folder.itself()?;
        match look.user == our_user() {
            true => Ok(folder),
            false => Err(FolderError::new(folder.path, Why::SomebodyElses(look.user))),
        }
    }

    /// Opens the folder `name` in it, which no link may stand for, nor one that somebody else put there. Where it is
    /// missing and `mode` is given, makes it with these permissions whatever the umask; says whether it did.
    ///
    /// # Errors
    /// It is not there or not to be used, or cannot be made.
    pub fn below(&self, name: &str, mode: Option<u32>) -> Result<(Self, bool), FolderError> {
        let part = self.part(name)?;
        let made = match mode.map(Mode::from_raw_mode) {
            None => false,
            Some(mode) => match rustix::fs::mkdirat(&self.opened, part, mode) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(self.refused(part, error)),
            },
        };
        let folder = self.step(part)?;
        if let Some(mode) = mode.filter(|_| made) {
            folder.restrict_to(mode)?;
        }
        let look = folder.itself()?;
        if is_exchangeable(&self.itself()?, &look) {
            return Err(FolderError::new(folder.path, Why::Exchangeable(look.user)));
        }
        Ok((folder, made))
    }

    fn step(&self, part: &OsStr) -> Result<Self, FolderError> {
        let opened = open_below(&self.opened, part, TO_LIST);
        let opened = opened.map_err(|error| self.refused(part, error))?;
        Ok(Self::from(opened, &self.path.join(part)))
    }

    /// Whether what is made in it belongs to its group by itself, and which that is.
    ///
    /// # Errors
    /// The system does not say.
    pub fn group_of_files(&self) -> Result<Option<u32>, FolderError> {
        let look = self.itself()?;
        Ok((look.mode & GROUP_OF_FOLDER != 0).then_some(look.group))
    }

    /// Gives it exactly these permissions, but for the bit by which its files belong to its group; says whether it had
    /// others.
    ///
    /// # Errors
    /// It is somebody else's.
    pub fn restrict_to(&self, mode: u32) -> Result<bool, FolderError> {
        let now = self.itself()?.mode;
        let mode = mode | now & GROUP_OF_FOLDER;
        if now == mode {
            return Ok(false);
        }
        let changed = rustix::fs::fchmod(&self.opened, Mode::from_raw_mode(mode));
        changed.map_err(FolderError::io(&self.path))?;
        Ok(true)
    }

    /// Gives it to a group.
    ///
    /// # Errors
    /// This program may not.
    pub fn give_to(&self, group: u32) -> Result<(), FolderError> {
        if self.itself()?.group == group {
            return Ok(());
        }
        let given = rustix::fs::fchown(&self.opened, None, Some(Gid::from_raw(group)));
        given.map_err(FolderError::io(&self.path))
    }

    /// The names in it, in no order, without `.` and `..`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn names(&self) -> Result<Vec<OsString>, FolderError> {
        let mut names = Vec::new();
        self.each_name(|name| names.push(name.to_owned()))?;
        Ok(names)
    }

    /// The same, one after the other: there may be more than anybody wants to keep.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn each_name(&self, mut with: impl FnMut(&OsStr)) -> Result<(), FolderError> {
        let failed = || FolderError::io(&self.path);
        for entry in Dir::read_from(&self.opened).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                with(OsStr::from_bytes(name));
            }
        }
        Ok(())
    }

    /// What stands under a name, a link being itself. None where there is nothing.
    ///
    /// # Errors
    /// The system does not say.
    pub fn look(&self, name: impl AsRef<OsStr>) -> Result<Option<FileStat>, FolderError> {
        let part = self.part(name.as_ref())?;
        match rustix::fs::statat(&self.opened, part, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileStat::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.refused(part, error)),
        }
    }

    /// Takes the permissions of group and others from a file or socket that is ours; says whether there were any. Leaves
    /// what is not ours, and what is neither. The file is not opened for that: to close it would give up locks that this
    /// program has on it.
    ///
    /// # Errors
    /// The permissions cannot be changed.
    pub fn take_from_others(&self, name: impl AsRef<OsStr>) -> Result<bool, FolderError> {
        let part = self.part(name.as_ref())?;
        let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let there = match rustix::fs::openat(&self.opened, part, how, Mode::empty()) {
            Ok(there) => there,
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(self.refused(part, error)),
        };
        let failed = |error| self.refused(part, error);
        let stat = rustix::fs::fstat(&there).map_err(failed)?;
        let look = FileStat::of(&stat);
        let is_file = matches!(look.kind, EntryKind::File | EntryKind::Other);
        if !is_file || look.user != our_user() || look.mode & OTHERS == 0 {
            return Ok(false);
        }
        let same = format!("/proc/self/fd/{}", there.as_raw_fd());
        let private = Mode::from_raw_mode(look.mode & !OTHERS);
        rustix::fs::chmod(same, private).map_err(failed)?;
        Ok(true)
    }

    /// Opens a regular file to read it. Follows no link and waits for nobody.
    ///
    /// # Errors
    /// It is not there, no regular file, or may not be read.
    pub fn file(&self, name: impl AsRef<OsStr>) -> Result<(File, FileStat), FolderError> {
        self.regular(name.as_ref(), TO_READ)
    }

    /// The same of a file that has this one name: a hard link to somebody else's file can be made by whoever may not even
    /// read it, where the system does not forbid that (`fs.protected_hardlinks`).
    ///
    /// # Errors
    /// As for [`Folder::file`]; or it has more names.
    pub fn sole_file(&self, name: impl AsRef<OsStr>) -> Result<(File, FileStat), FolderError> {
        let (file, look) = self.file(name.as_ref())?;
        if look.names > 1 {
            let path = self.path.join(name.as_ref());
            return Err(FolderError::new(path, Why::ManyNames(look.names)));
        }
        Ok((file, look))
    }

    /// Opens a file that is this program's alone, to read and write it; makes it, empty, where it is missing. Says
    /// whether its permissions were wider than that, and are mended now.
    ///
    /// # Errors
    /// It is a link, no regular file, or somebody else's; or cannot be made.
    pub fn own_file(&self, name: &str) -> Result<(File, bool), FolderError> {
        let part = self.part(name)?;
        let fresh = TO_CHANGE | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let private = Mode::from_raw_mode(PRIVATE_FILE);
        let made = match rustix::fs::openat(&self.opened, part, fresh, private) {
            Ok(_) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(self.refused(part, error)),
        };
        let (file, look) = self.regular_of_ours(part)?;
        if look.mode == PRIVATE_FILE {
            return Ok((file, false));
        }
        let mended = rustix::fs::fchmod(&file, private);
        mended.map_err(|error| self.refused(part, error))?;
        Ok((file, !made))
    }

    /// Whether [`Folder::own_file`] could do it, without making or changing anything.
    ///
    /// # Errors
    /// As for that.
    pub fn look_own_file(&self, name: &str) -> Result<(), FolderError> {
        match self.look(name)? {
            None => Ok(()),
            Some(_) => self.regular_of_ours(self.part(name)?).map(drop),
        }
    }

    fn regular_of_ours(&self, part: &OsStr) -> Result<(File, FileStat), FolderError> {
        let (file, look) = self.regular(part, TO_CHANGE)?;
        match look.user == our_user() {
            true => Ok((file, look)),
            false => {
                let path = self.path.join(part);
                Err(FolderError::new(path, Why::SomebodyElses(look.user)))
            }
        }
    }

    /// Makes a file that must not be there yet, to write it; it is this program's alone.
    ///
    /// # Errors
    /// Something of that name is there, or it cannot be made.
    pub fn create(&self, name: impl AsRef<OsStr>) -> Result<File, FolderError> {
        let part = self.part(name.as_ref())?;
        let how = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let private = Mode::from_raw_mode(PRIVATE_FILE);
        let made = rustix::fs::openat(&self.opened, part, how, private);
        Ok(File::from(made.map_err(|error| self.refused(part, error))?))
    }

    fn regular(&self, name: &OsStr, how: OFlags) -> Result<(File, FileStat), FolderError> {
        let part = self.part(name)?;
        let opened = open_below(&self.opened, part, how);
        let opened = opened.map_err(|error| match error {
            // As for writing.
            Errno::ISDIR => FolderError::new(self.path.join(part), Why::NotAFile),
            error => self.refused(part, error),
        })?;
        regular(opened, &self.path.join(part))
    }

    /// Renames what stands under `name`, whatever it is, to `new` in the folder `to`, where nothing may be yet.
    ///
    /// # Errors
    /// As the system has it: `EXIST` where something is there, `XDEV` where `to` lies on another file system.
    pub fn rename(
        &self,
        name: impl AsRef<OsStr>,
        to: &Self,
        new: impl AsRef<OsStr>,
    ) -> Result<(), Errno> {
        let (part, new) = (name.as_ref(), new.as_ref());
        if !is_name(part) || !is_name(new) {
            return Err(Errno::INVAL);
        }
        rustix::fs::renameat_with(&self.opened, part, &to.opened, new, RenameFlags::NOREPLACE)
    }

    /// Removes a file, a link being itself. Nothing where there is none.
    ///
    /// # Errors
    /// It is a folder, or may not be removed.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), FolderError> {
        let part = self.part(name.as_ref())?;
        match rustix::fs::unlinkat(&self.opened, part, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.refused(part, error)),
        }
    }

    /// Makes durable what was named, renamed and removed in it.
    ///
    /// # Errors
    /// As of `fsync`: what is on the disk is unknown then.
    pub fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(&self.opened).map_err(FolderError::io(&self.path))
    }

    fn part<'a>(&self, name: &'a (impl AsRef<OsStr> + ?Sized)) -> Result<&'a OsStr, FolderError> {
        let name = name.as_ref();
        if is_name(name) {
            return Ok(name);
        }
        Err(FolderError::new(self.path.join(name), Why::BadName))
    }

    fn refused(&self, part: &OsStr, error: Errno) -> FolderError {
        let why = match (error, self.look(part)) {
            (Errno::LOOP | Errno::NOTDIR, Ok(Some(look))) if look.kind == EntryKind::Link => {
                Why::Link
            }
            (Errno::NOTDIR, Ok(Some(_))) => Why::NotAFolder,
            (Errno::NXIO, _) => Why::NotAFile,
            (error, _) => Why::Io(error.into()),
        };
        FolderError::new(self.path.join(part), why)
    }
}

/// For what is done with a folder and is not here.
impl rustix::fd::AsFd for Folder {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.opened.as_fd()
    }
}

fn is_name(name: &OsStr) -> bool {
    let octets = name.as_bytes();
    !octets.is_empty() && octets != b"." && octets != b".." && !octets.contains(&b'/')
}

/// Who may not enter a folder of another user is told whose it is, where that can be seen.
fn closed_to_us(path: &Path, error: FolderError) -> FolderError {
    let denied =
        matches!(error.why(), Why::Io(why) if why.kind() == std::io::ErrorKind::PermissionDenied);
    match rustix::fs::stat(path) {
        Ok(stat) if denied && stat.st_uid != our_user() => {
            FolderError::new(path, Why::AnotherUsers(stat.st_uid))
        }
        _ => error,
    }
}
