//! What a file looks like, to tell whether it changed.

use rustix::fs::{FileType, Stat};

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder, whether or not a file system is mounted on it.
    Folder,
    /// A symbolic link.
    Link,
    /// A named pipe, a device or a socket.
    Other,
}

/// A file or folder as it was at one moment. Two that are equal had no change in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileStat {
    /// When it was written last: seconds since 1970, and nanoseconds.
    pub modified: (i64, i64),
    /// When its content, name, owner or mode changed last: nobody can set this back.
    pub changed: (i64, i64),
    /// Size in octets.
    pub octets: u64,
    /// What it is.
    pub kind: EntryKind,
    /// Its file system and its number there.
    pub place: (u64, u64),
    /// Its owner, as the number of a user.
    pub user: u32,
    /// The number of its group.
    pub group: u32,
    /// Its permissions, with the set-id and sticky bits.
    pub mode: u32,
    /// How many names it has.
    pub names: u64,
}

impl FileStat {
    /// What changes with its content alone, as far as its owner lets it: another file, its size, when it was written last.
    #[must_use]
    pub fn content(&self) -> impl PartialEq + use<> {
        (self.place, self.octets, self.modified)
    }

    /// An open file as it is now.
    ///
    /// # Errors
    /// The system does not say.
    pub fn of_file(file: &std::fs::File) -> std::io::Result<Self> {
        Ok(Self::of(&rustix::fs::fstat(file)?))
    }

    #[allow(
        clippy::unnecessary_cast,
        reason = "the widths of these fields differ between processors"
    )]
    pub(crate) fn of(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink => EntryKind::Link,
            _ => EntryKind::Other,
        };
        Self {
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            octets: u64::try_from(stat.st_size).unwrap_or_default(),
            kind,
            place: (stat.st_dev as u64, stat.st_ino as u64),
            user: stat.st_uid,
            group: stat.st_gid,
            mode: stat.st_mode & 0o7777,
            names: stat.st_nlink as u64,
        }
    }

    /// Whether others than its owner may change the names in this folder.
    pub(crate) fn is_shared(&self) -> bool {
        self.mode & 0o022 != 0
    }
}
