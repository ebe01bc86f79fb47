//! Values of the configuration on what becomes of delivered files.

use std::io::ErrorKind;
use std::path::PathBuf;

use pointsman_naming::Template;
use pointsman_store::Access;
use serde::Deserialize;

use super::context::is_needed;
use super::places;
use super::scalars::ExistingFile;
use super::typed::{Scalar, Typed, resolve};

/// The permissions of delivered files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Default for FileMode {
    fn default() -> Self {
        Self(Access::default().mode)
    }
}

impl Scalar for FileMode {
    const WHAT: &'static str = "permissions of files in octal, such as 0640";
    fn read(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal = (3..=4).contains(&digits.len())
            && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal);
        let mode = mode.ok_or_else(|| {
            format!("`{text}` is not permissions of files; write them in octal, such as 0640")
        })?;
        if mode & !0o666 != 0 {
            return Err(format!(
                "`{text}`: delivered files are neither run nor do they take anybody's rights on; write permissions such as 0640"
            ));
        }
        if mode & 0o600 != 0o600 {
            return Err(format!(
                "`{text}`: this program itself must be able to read and write its files; write permissions such as 0640"
            ));
        }
        if mode & 0o002 != 0 {
            return Err(format!(
                "`{text}`: everybody on this machine could change what partners sent; name a `group`, and write 0660"
            ));
        }
        Ok(Self(mode))
    }
}

/// A group of this machine to which this program may give files. Where it is not needed, that is not checked, and there
/// may be no such group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(pub Option<u32>);

impl Scalar for Group {
    const WHAT: &'static str = "a group of this machine, by name or number";
    fn read(text: &str) -> Result<Self, String> {
        let group = pointsman_folder::group_id(text)
            .ok_or_else(|| format!("this machine has no group `{text}`; make it (groupadd)"))?;
        if !pointsman_folder::may_give_to(group) {
            return Err(format!(
                "user {}, whom this program runs as, is not in the group `{text}` and may not give files to it: add it (usermod -aG)",
                pointsman_folder::our_user()
            ));
        }
        Ok(Self(Some(group)))
    }

    fn unread(text: &str) -> Option<Self> {
        let name = resolve(text, false).ok();
        Some(Self(
            name.and_then(|name| pointsman_folder::group_id(&name)),
        ))
    }
}

/// A program, which must be there where it is needed, and its arguments.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Typed<String>>")]
pub struct CommandLine {
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

impl TryFrom<Vec<Typed<String>>> for CommandLine {
    type Error = String;
    fn try_from(words: Vec<Typed<String>>) -> Result<Self, String> {
        let mut words = words.into_iter().map(|word| word.0);
        let program = words
            .next()
            .ok_or("a command needs a program, as in [/usr/local/bin/import]")?;
        let program = ExistingFile::read(&program)?.0;
        if is_needed()
            && let Err(error) = places::runs(&program)
        {
            let why = match error.kind() {
                ErrorKind::PermissionDenied => "this user may not execute it".to_owned(),
                _ => format!("this user cannot execute it: {error}"),
            };
            return Err(format!(
                "{}: {why}; chmod +x it, or name the program that does",
                program.display()
            ));
        }
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }
}

/// Whether the content of a file that a NERP refuses is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// It stays in the spool.
    Keep,
    /// It is deleted; that the file came is remembered.
    Delete,
}

impl Scalar for Rejected {
    const WHAT: &'static str = "keep or delete";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "keep" => Ok(Self::Keep),
            "delete" => Ok(Self::Delete),
            _ => Err(format!("`{text}` is not keep or delete")),
        }
    }
}

impl Scalar for Template {
    const WHAT: &'static str = "a file name, which may have macros such as %VirtualFileName% in it";
    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}
