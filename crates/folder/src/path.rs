//! The way along a path, part by part.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::open_below::{GROUP_OF_FOLDER, TO_LIST, TO_READ, open_below, refused};
use crate::owner::our_user;
use crate::stat::{EntryKind, FileStat};
use crate::{FolderError, Why};

/// Whose the names of a path are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The user's who calls this program, with no rights but that user's own: links are followed as usual.
    Caller,
    /// The operator's, who wrote them into the configuration. On the way a link is followed that belongs to root or
    /// to the user that this program runs as: nobody else can make one.
    Operator,
    /// The same of a folder that keeps what is not everybody's: no folder on the way may be one that somebody else
    /// put there, either.
    Keeper,
}

/// Links that a path may go through.
const MOST_LINKS: u32 = 40;

/// A folder on the way: only to continue from.
const STEP: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The permissions of folders that are made on the way to one that is asked for.
const PASSAGE: u32 = 0o755;

/// A walk along a path of the configuration.
pub(crate) struct Walk<'a> {
    whole: &'a Path,
    names: Names,
    /// Where it has come to, opened, and as text.
    here: Option<OwnedFd>,
    walked: PathBuf,
    /// What is left to go, the next part last.
    left: Vec<OsString>,
    links: u32,
    /// The permissions of folders that are made where they are missing.
    make: Option<u32>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(whole: &'a Path, names: Names) -> Self {
        let mut walk = Self {
            whole,
            names,
            here: None,
            walked: PathBuf::new(),
            left: Vec::new(),
            links: 0,
            make: None,
        };
        walk.add(whole);
        walk
    }

    pub(crate) fn making(mut self, mode: u32) -> Self {
        self.make = Some(mode);
        self
    }

    /// Opens the folder at its end.
    pub(crate) fn into_folder(mut self) -> Result<OwnedFd, FolderError> {
        while let Some(part) = self.left.pop() {
            if !self.stepped_aside(&part)? {
                self.step_into(&part)?;
            }
        }
        let opened = rustix::fs::openat(self.at(), ".", TO_LIST, Mode::empty());
        opened.map_err(FolderError::io(self.whole))
    }

    /// Opens the file at its end to read it; whether it is one is for the caller to ask.
    pub(crate) fn into_file(mut self) -> Result<OwnedFd, FolderError> {
        while let Some(part) = self.left.pop() {
            if self.stepped_aside(&part)? {
                continue;
            }
            if !self.left.is_empty() {
                self.step_into(&part)?;
                continue;
            }
            let opened = open_below(self.at(), &part, TO_READ);
            return opened.map_err(|error| self.refused(&part, error));
        }
        Err(FolderError::new(self.whole, Why::NotAFile))
    }

    fn add(&mut self, path: &Path) {
        let parts: Vec<OsString> = path
            .components()
            .filter(|part| *part != Component::CurDir)
            .map(|part| part.as_os_str().to_owned())
            .collect();
        self.left.extend(parts.into_iter().rev());
    }

    fn at(&self) -> rustix::fd::BorrowedFd<'_> {
        use std::os::fd::AsFd;
        self.here.as_ref().map_or(CWD, AsFd::as_fd)
    }

    /// Whether a part is not simply gone into: a link, whose parts are to go now; or a folder that was just made.
    fn stepped_aside(&mut self, part: &OsStr) -> Result<bool, FolderError> {
        if part == "/" || part == ".." {
            return Ok(false);
        }
        let there = rustix::fs::statat(self.at(), part, AtFlags::SYMLINK_NOFOLLOW);
        match there.map(|stat| FileStat::of(&stat)) {
            Ok(look) if look.kind == EntryKind::Link => {
                self.follow(part, &look)?;
                Ok(true)
            }
            Err(Errno::NOENT) if self.make.is_some() => {
                self.make(part)?;
                Ok(false)
            }
            Err(error) => Err(self.refused(part, error)),
            Ok(_) => Ok(false),
        }
    }

    fn follow(&mut self, part: &OsStr, link: &FileStat) -> Result<(), FolderError> {
        if link.user != 0 && link.user != our_user() {
            return Err(FolderError::new(
                self.walked.join(part),
                Why::LinkOf(link.user),
            ));
        }
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(self.refused(part, Errno::LOOP));
        }
        let leads = rustix::fs::readlinkat(self.at(), part, Vec::new());
        let leads = leads.map_err(|error| self.refused(part, error))?;
        self.add(Path::new(&OsString::from_vec(leads.into_bytes())));
        Ok(())
    }

    fn make(&mut self, part: &OsStr) -> Result<(), FolderError> {
        // Those above the last are ways to it, and to others: an inbox may lie beside the state.
        let wanted = if self.left.is_empty() {
            self.make.unwrap_or_default()
        } else {
            PASSAGE
        };
        let mode = Mode::from_raw_mode(wanted);
        match rustix::fs::mkdirat(self.at(), part, mode) {
            Err(error) if error != Errno::EXIST => return Err(self.refused(part, error)),
            Err(_) => return Ok(()),
            Ok(()) => {}
        }
        // Whatever the umask took away.
        let made = open_below(self.at(), part, TO_LIST);
        let made = made.map_err(|error| self.refused(part, error))?;
        let inherited = Mode::from_raw_mode(self.look_at(&made)?.mode & GROUP_OF_FOLDER);
        rustix::fs::fchmod(&made, mode | inherited).map_err(|error| self.refused(part, error))?;
        match rustix::fs::openat(self.at(), ".", TO_LIST, Mode::empty()) {
            // A folder that may not be listed cannot be synced either; it is synced with what is put into it later.
            Err(Errno::ACCESS) => Ok(()),
            above => above
                .and_then(rustix::fs::fsync)
                .map_err(|error| self.refused(part, error)),
        }
    }

    fn step_into(&mut self, part: &OsStr) -> Result<(), FolderError> {
        let next = if part == "/" || part == ".." {
            rustix::fs::openat(self.at(), part, STEP, Mode::empty())
        } else {
            open_below(self.at(), part, STEP)
        };
        let next = next.map_err(|error| self.refused(part, error))?;
        if self.names == Names::Keeper && part != "/" && part != ".." {
            let (above, there) = (self.look_at(self.at())?, self.look_at(&next)?);
            if is_exchangeable(&above, &there) {
                return Err(FolderError::new(
                    self.walked.join(part),
                    Why::Exchangeable(there.user),
                ));
            }
        }
        self.here = Some(next);
        self.walked.push(part);
        Ok(())
    }

    fn look_at(&self, folder: impl rustix::fd::AsFd) -> Result<FileStat, FolderError> {
        // The working folder is no descriptor.
        let stat = rustix::fs::statat(folder, "", AtFlags::EMPTY_PATH);
        Ok(FileStat::of(&stat.map_err(FolderError::io(self.whole))?))
    }

    fn refused(&self, part: &OsStr, error: Errno) -> FolderError {
        refused(&self.walked.join(part), error)
    }
}

/// Whether somebody else may have put this folder where it lies: others may change names there, and it belongs
/// neither to root, nor to us, nor to the owner of the folder above.
pub(crate) fn is_exchangeable(above: &FileStat, folder: &FileStat) -> bool {
    above.is_shared() && ![0, our_user(), above.user].contains(&folder.user)
}
