//! How anything in a folder is opened: relative to it, by one name, without following a link.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::stat::{EntryKind, FileStat};
use crate::{FolderError, Why};

/// How a file is opened to be read: a named pipe or a device must not keep us waiting, nor a terminal become ours.
pub(crate) const TO_READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A folder to work in.
pub(crate) const TO_LIST: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Files in a folder belong to the folder's group (set-group-ID).
pub(crate) const GROUP_OF_FOLDER: u32 = 0o2000;

/// Opens what lies in a folder under one name, and follows no link. The kernel keeps the way below the folder, too,
/// where it is not too old to know how (Linux 5.6).
pub(crate) fn open_below(
    folder: impl rustix::fd::AsFd,
    name: &OsStr,
    how: OFlags,
) -> Result<OwnedFd, Errno> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let how = how | OFlags::NOFOLLOW;
    match rustix::fs::openat2(folder.as_fd(), name, how, Mode::empty(), beneath) {
        // Unknown, or forbidden by a sandbox that does not know it.
        Err(Errno::NOSYS | Errno::PERM) => rustix::fs::openat(folder, name, how, Mode::empty()),
        opened => opened,
    }
}

/// What an open that failed says.
pub(crate) fn refused(path: &Path, error: Errno) -> FolderError {
    let why = match error {
        Errno::LOOP => Why::Link,
        Errno::NOTDIR => match rustix::fs::lstat(path).map(|stat| FileStat::of(&stat).kind) {
            Ok(EntryKind::Link) => Why::Link,
            Ok(_) => Why::NotAFolder,
            Err(_) => Why::Io(error.into()),
        },
        // A socket, or a pipe that is opened for writing and nobody reads.
        Errno::NXIO => Why::NotAFile,
        error => Why::Io(error.into()),
    };
    FolderError::new(path, why)
}
