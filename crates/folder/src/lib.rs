//! Files and folders whose names others may change.
//!
//! Between two looks at a path whoever may write into one of its folders can put a link, a named pipe or another
//! folder there. So nothing here is looked at by its path twice: a [`Folder`] is an open descriptor, what lies in it
//! is opened relative to that, no link is followed, no open waits for anybody, and what was opened is asked what it
//! is. Who owns the names decides what is believed of them:
//!
//! | use | whose the names are | call |
//! |---|---|---|
//! | a file that the caller of the program names (`send FILE`, `policy swap FILE`) | [`Names::Caller`] | [`open`], [`read`] |
//! | a path of the configuration: a policy's component, a certificate, the watched folder itself | [`Names::Operator`] | [`open`], [`read`], [`Folder::open`], [`Folder::make`] |
//! | a folder of the configuration that files are put into: inbox, `keep_in` | [`Names::Keeper`] | [`Folder::open`], [`Folder::make`] |
//! | what lies in a watched folder | anybody's who may write there | [`Folder::look`], [`Folder::sole_file`] |
//! | folders below the inbox | anybody's who may write there | [`Folder::below`] |
//! | `.taken` and `refused` in a watched folder | this program's alone, below names that are anybody's | [`Folder::ours`] |
//! | what lies in `.taken` | this program's alone; what it is, was anybody's until it was renamed | [`Folder::sole_file`] |
//! | `storage.state`, `storage.ledger`, and the spool | this program's alone, at a path of the operator's | [`Folder::home`] |
//! | the lock | this program's alone | [`Folder::own_file`] |
//!
//! All of it are calls to the disk: they belong on a thread that may block.

mod file;
mod folder;
mod open_below;
mod owner;
mod path;
mod stat;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use file::{is_being_written, open, read};
pub use folder::{Folder, PRIVATE_FILE, PRIVATE_FOLDER};
pub use owner::{group_id, may_give_to, our_user};
pub use path::Names;
pub use stat::{EntryKind, FileStat};

/// Why a file or folder is not used.
#[derive(Debug)]
pub struct FolderError {
    path: PathBuf,
    why: Why,
}

/// What is wrong with it.
#[derive(Debug)]
pub enum Why {
    /// The operating system says so.
    Io(io::Error),
    /// A symbolic link stands where none is followed.
    Link,
    /// A symbolic link of this user, whom a path of the configuration is not led by.
    LinkOf(u32),
    /// It is no folder.
    NotAFolder,
    /// It is no regular file, but a folder, a named pipe, a device or a socket.
    NotAFile,
    /// It belongs to this user, and not to the one that this program runs as.
    SomebodyElses(u32),
    /// It is the folder that this program keeps its own in, and belongs to this user.
    AnotherUsers(u32),
    /// It is to be the folder that this program keeps its own in, and is one that several users keep files in (sticky).
    Shared,
    /// It belongs to this user, and lies in a folder in which others may change names.
    Exchangeable(u32),
    /// It is a file with so many names (hard links), where one that may be read by all that may name it is wanted.
    ManyNames(u64),
    /// It has more octets than were asked for at most.
    TooBig(u64),
    /// A name with a `/`, or one that is empty, `.` or `..`.
    BadName,
}

impl FolderError {
    pub(crate) fn new(path: impl Into<PathBuf>, why: Why) -> Self {
        let path = path.into();
        Self { path, why }
    }

    pub(crate) fn io<E: Into<io::Error>>(path: &Path) -> impl FnOnce(E) -> Self + '_ {
        move |error| Self::new(path, Why::Io(error.into()))
    }

    /// Which file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it.
    #[must_use]
    pub fn why(&self) -> &Why {
        &self.why
    }

    /// The same as an error of the system, without the path.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self.why {
            Why::Io(error) => error,
            why => io::Error::new(io::ErrorKind::InvalidInput, why.to_string()),
        }
    }

    /// Nothing of that name is there.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(&self.why, Why::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// What is there is not of the kind that is used, or not by whom: to try again alone changes nothing.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !matches!(self.why, Why::Io(_))
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for FolderError {}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Link => f.write_str("this is a symbolic link, and none is followed here; put the file or folder itself there"),
            Self::LinkOf(user) => write!(
                f,
                "this is a symbolic link of user {user}, and only links of root or of the user that this program runs as are followed; name the place it points to"
            ),
            Self::NotAFolder => f.write_str("this is not a folder"),
            Self::NotAFile => f.write_str("this is not a file"),
            Self::SomebodyElses(user) => write!(
                f,
                "this belongs to user {user}, and this program runs as user {}: remove it, or give it to that user (chown)",
                our_user()
            ),
            Self::AnotherUsers(user) => write!(
                f,
                "this folder belongs to user {user}, and this program runs as user {us}: run it as user {user} (sudo -u '#{user}'), give the folder and what is in it to user {us} (chown -R), or name a folder below it",
                us = our_user()
            ),
            Self::Shared => f.write_str(
                "several users keep files in this folder (it has the sticky bit, as /tmp has), and what this program keeps is nobody else's: name a folder of its own, below it for one",
            ),
            Self::Exchangeable(user) => write!(
                f,
                "this belongs to user {user} and lies in a folder in which others may put another in its place: give it to the user that this program runs as ({}), or take the right to write from the folder above",
                our_user()
            ),
            Self::ManyNames(names) => write!(
                f,
                "this file has {names} names (hard links), so it may be one that was not meant to be put here: put a copy here, or remove the others"
            ),
            Self::TooBig(most) => write!(f, "this has more than {most} octets"),
            Self::BadName => f.write_str("this is not the name of a file"),
        }
    }
}

impl From<FolderError> for io::Error {
    fn from(error: FolderError) -> Self {
        let kind = match &error.why {
            Why::Io(source) => source.kind(),
            Why::TooBig(_) => io::ErrorKind::FileTooLarge,
            Why::NotAFolder => io::ErrorKind::NotADirectory,
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
