//! The system calls by which a program uses its storage, and what can go wrong with each.

/// A system call, and how to see which file it is about.
pub(super) struct StorageCall {
    pub(super) name: &'static str,
    pub(super) number: i64,
    pub(super) about: CallSubject,
    pub(super) errors: &'static [Fault],
}

/// Where a call says which file it is about.
#[derive(Clone, Copy)]
pub(super) enum CallSubject {
    /// A descriptor, the first argument.
    Open,
    /// The same, for a command that takes a lock or another descriptor.
    Command,
    /// A path, the first argument.
    Path,
    /// A folder, the first argument, and a path in it.
    Within,
    /// A path, the second argument; the first is of no matter.
    Second,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Io,
    NoSpace,
    Quota,
    TooManyFiles,
    /// Half is written, which is said.
    ShortWrite,
}

const READING: &[Fault] = &[Fault::Io];
const OPENING: &[Fault] = &[Fault::Io, Fault::NoSpace, Fault::Quota, Fault::TooManyFiles];
const CHANGING: &[Fault] = &[Fault::Io, Fault::NoSpace, Fault::Quota];
const WRITING: &[Fault] = &[Fault::Io, Fault::NoSpace, Fault::Quota, Fault::ShortWrite];

const fn verb(
    name: &'static str,
    number: i64,
    about: CallSubject,
    errors: &'static [Fault],
) -> StorageCall {
    StorageCall {
        name,
        number,
        about,
        errors,
    }
}

/// The calls by which a program uses its storage.
pub(super) const CALLS: &[StorageCall] = &[
    verb("openat", libc::SYS_openat, CallSubject::Within, OPENING),
    verb("write", libc::SYS_write, CallSubject::Open, WRITING),
    verb("pwrite64", libc::SYS_pwrite64, CallSubject::Open, WRITING),
    verb("fsync", libc::SYS_fsync, CallSubject::Open, CHANGING),
    verb(
        "fdatasync",
        libc::SYS_fdatasync,
        CallSubject::Open,
        CHANGING,
    ),
    verb(
        "ftruncate",
        libc::SYS_ftruncate,
        CallSubject::Open,
        CHANGING,
    ),
    verb(
        "fallocate",
        libc::SYS_fallocate,
        CallSubject::Open,
        CHANGING,
    ),
    verb("fchmod", libc::SYS_fchmod, CallSubject::Open, READING),
    verb("fchown", libc::SYS_fchown, CallSubject::Open, READING),
    verb(
        "renameat",
        libc::SYS_renameat,
        CallSubject::Within,
        CHANGING,
    ),
    verb(
        "renameat2",
        libc::SYS_renameat2,
        CallSubject::Within,
        CHANGING,
    ),
    verb(
        "unlinkat",
        libc::SYS_unlinkat,
        CallSubject::Within,
        CHANGING,
    ),
    verb("mkdirat", libc::SYS_mkdirat, CallSubject::Within, CHANGING),
    verb("linkat", libc::SYS_linkat, CallSubject::Within, CHANGING),
    verb(
        "inotify_add_watch",
        libc::SYS_inotify_add_watch,
        CallSubject::Second,
        CHANGING,
    ),
    verb("read", libc::SYS_read, CallSubject::Open, READING),
    verb("pread64", libc::SYS_pread64, CallSubject::Open, READING),
    verb(
        "copy_file_range",
        libc::SYS_copy_file_range,
        CallSubject::Open,
        READING,
    ),
    verb("sendfile", libc::SYS_sendfile, CallSubject::Open, READING),
    verb(
        "getdents64",
        libc::SYS_getdents64,
        CallSubject::Open,
        READING,
    ),
    verb("lseek", libc::SYS_lseek, CallSubject::Open, READING),
    verb("statx", libc::SYS_statx, CallSubject::Within, READING),
    verb(
        "newfstatat",
        libc::SYS_newfstatat,
        CallSubject::Within,
        READING,
    ),
    verb("fstat", libc::SYS_fstat, CallSubject::Open, READING),
    verb("fstatfs", libc::SYS_fstatfs, CallSubject::Open, READING),
    verb("statfs", libc::SYS_statfs, CallSubject::Path, READING),
    verb(
        "faccessat",
        libc::SYS_faccessat,
        CallSubject::Within,
        READING,
    ),
    verb(
        "faccessat2",
        libc::SYS_faccessat2,
        CallSubject::Within,
        READING,
    ),
    verb(
        "readlinkat",
        libc::SYS_readlinkat,
        CallSubject::Within,
        READING,
    ),
    verb("flock", libc::SYS_flock, CallSubject::Command, READING),
    verb("fcntl", libc::SYS_fcntl, CallSubject::Command, READING),
    #[cfg(target_arch = "x86_64")]
    verb("open", libc::SYS_open, CallSubject::Path, OPENING),
    #[cfg(target_arch = "x86_64")]
    verb("rename", libc::SYS_rename, CallSubject::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("unlink", libc::SYS_unlink, CallSubject::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("mkdir", libc::SYS_mkdir, CallSubject::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("link", libc::SYS_link, CallSubject::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("stat", libc::SYS_stat, CallSubject::Path, READING),
    #[cfg(target_arch = "x86_64")]
    verb("lstat", libc::SYS_lstat, CallSubject::Path, READING),
    #[cfg(target_arch = "x86_64")]
    verb("access", libc::SYS_access, CallSubject::Path, READING),
    #[cfg(target_arch = "x86_64")]
    verb("readlink", libc::SYS_readlink, CallSubject::Path, READING),
];

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Io => "EIO",
            Self::NoSpace => "ENOSPC",
            Self::Quota => "EDQUOT",
            Self::TooManyFiles => "EMFILE",
            Self::ShortWrite => "short write",
        }
    }

    pub(super) fn number(self) -> Option<i32> {
        match self {
            Self::Io => Some(libc::EIO),
            Self::NoSpace => Some(libc::ENOSPC),
            Self::Quota => Some(libc::EDQUOT),
            Self::TooManyFiles => Some(libc::EMFILE),
            Self::ShortWrite => None,
        }
    }
}
