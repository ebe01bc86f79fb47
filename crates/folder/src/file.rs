//! Regular files.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode};

use crate::open_below::{TO_READ, refused};
use crate::path::{Names, Walk};
use crate::stat::{EntryKind, FileStat};
use crate::{FolderError, Why};

/// Opens the regular file at `path` to read it. Never waits for a writer.
///
/// # Errors
/// It is not there, may not be read, is no regular file, or is led to by a link that the owner of the names does not
/// answer for.
pub fn open(path: &Path, names: Names) -> Result<(File, FileStat), FolderError> {
    let opened = match names {
        Names::Caller => rustix::fs::openat(CWD, path, TO_READ, Mode::empty())
            .map_err(|error| refused(path, error))?,
        Names::Operator | Names::Keeper => Walk::new(path, names).into_file()?,
    };
    regular(opened, path)
}

/// Reads the regular file at `path` whole, where it has at most so many octets.
///
/// # Errors
/// As for [`open`]; or it is bigger.
pub fn read(path: &Path, most: u64, names: Names) -> Result<(Vec<u8>, FileStat), FolderError> {
    let (file, look) = open(path, names)?;
    if look.octets > most {
        return Err(FolderError::new(path, Why::TooBig(most)));
    }
    let mut octets = Vec::new();
    let mut limited = file.take(most.saturating_add(1));
    let read = limited.read_to_end(&mut octets);
    read.map_err(FolderError::io(path))?;
    // It may have grown since it was looked at.
    if octets.len() as u64 > most {
        return Err(FolderError::new(path, Why::TooBig(most)));
    }
    Ok((octets, look))
}

/// The command of `fcntl(2)` that sets which signal reports events of a descriptor; libc does not have it.
const F_SETSIG: libc::c_int = 10;

/// What was opened, if it is a regular file.
pub(crate) fn regular(opened: OwnedFd, path: &Path) -> Result<(File, FileStat), FolderError> {
    let stat = rustix::fs::fstat(&opened).map_err(FolderError::io(path))?;
    let look = FileStat::of(&stat);
    match look.kind {
        EntryKind::File => Ok((File::from(opened), look)),
        _ => Err(FolderError::new(path, Why::NotAFile)),
    }
}

/// Whether anybody has this file open for writing, who might continue. `file` must be open for reading alone. None where
/// the system does not tell: on some network file systems, and for a file of another user unless this program runs as
/// root or has the capability `CAP_LEASE`.
#[must_use]
#[allow(unsafe_code, reason = "see the safety comments")]
pub fn is_being_written(file: &File) -> Option<bool> {
    let file = file.as_raw_fd();
    // Whoever opens it to write while we have the lease makes the kernel send us a signal. The usual one would end the
    // program, this one is ignored by default.
    // SAFETY: the descriptor is open as long as `file` is borrowed; the argument is a number.
    let heard = unsafe { libc::fcntl(file, F_SETSIG, libc::SIGURG) };
    if heard != 0 {
        return None;
    }
    // SAFETY: as above.
    let leased = unsafe { libc::fcntl(file, libc::F_SETLEASE, libc::F_RDLCK) };
    if leased != 0 {
        let told = std::io::Error::last_os_error().raw_os_error();
        return (told == Some(libc::EAGAIN)).then_some(true);
    }
    // The lease is released at once, since a writer would wait for it. SAFETY: as above.
    unsafe { libc::fcntl(file, libc::F_SETLEASE, libc::F_UNLCK) };
    Some(false)
}
