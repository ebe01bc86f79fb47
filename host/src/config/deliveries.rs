//! What becomes of a file that is here: its name, who is told, and what is kept of one that is refused.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use pointsman_store::Access;

use super::places;
use super::value::{Between, ExistingFile, Millis, Scalar, Size, Value, is_needed, resolve};
use crate::naming::template::Template;

/// How long a command may take where nothing is said.
const COMMAND_TIME: Duration = Duration::from_secs(5 * 60);

/// How often it is run before an operator is needed, where nothing is said.
const COMMAND_TRIES: u32 = 10;

/// What becomes of received files: of all of them, and where a partner has other wishes, of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// The name a file is given where no policy says one; macros such as `%VirtualFileName%` stand for what the
    /// file says of itself.
    pub name: Option<Value<Template>>,
    /// A program and its first arguments, run for each delivered file before its receipt.
    pub command: Option<Command>,
    /// How long it may take (default 5m).
    pub command_time: Option<Value<Millis>>,
    /// How often it is run before an operator is needed (default 10).
    pub command_tries: Option<Value<Between<1, 1_000_000>>>,
    /// The permissions of delivered files (default 0640), and after them those of folders that are made for them.
    pub mode: Option<Value<FileMode>>,
    /// The group that delivered files and their folders are given to.
    pub group: Option<Value<Group>>,
    /// Whether the content of a file that its NERP refuses is kept in the spool (the default) or deleted.
    pub rejected: Option<Value<Rejected>>,
}

impl Delivery {
    /// What holds for a partner with these wishes: where it has none, the station's do.
    #[must_use]
    pub fn or(&self, station: &Self) -> Terms {
        let command = self.command.as_ref().or(station.command.as_ref());
        let name = self.name.as_ref().or(station.name.as_ref());
        Terms {
            name: name.map(|name| name.0.clone()),
            command: command.map(|command| HandOver {
                program: command.program.clone(),
                arguments: command.arguments.clone(),
                time: self
                    .command_time
                    .or(station.command_time)
                    .map_or(COMMAND_TIME, |time| time.0.0),
                tries: self
                    .command_tries
                    .or(station.command_tries)
                    .map_or(COMMAND_TRIES, |tries| tries.0.0),
            }),
            access: Access {
                mode: self.mode.or(station.mode).unwrap_or_default().0.0,
                group: self.group.or(station.group).and_then(|group| group.0.0),
            },
            keeps_rejected: self
                .rejected
                .or(station.rejected)
                .is_none_or(|rejected| rejected.0 == Rejected::Keep),
        }
    }
}

impl Delivery {
    /// Who may read and remove what is delivered for partners that have no other wishes.
    #[must_use]
    pub fn access(&self) -> Access {
        self.or(self).access
    }
}

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

/// A group of this machine, which this program may give files to; where it is not needed, maybe not, or none.
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

/// What holds for the files of one partner.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How files are called that no policy gives a name.
    pub name: Option<Template>,
    /// Who takes them.
    pub command: Option<HandOver>,
    /// Who may read and remove what is delivered.
    pub access: Access,
    /// Whether the content of refused ones is kept.
    pub keeps_rejected: bool,
}

/// A command that takes delivered files.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments; the path of the file is the last.
    pub arguments: Vec<String>,
    /// How long it may take.
    pub time: Duration,
    /// How often it is tried.
    pub tries: u32,
}

/// A program that must be there, where it is needed, and arguments.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Value<String>>")]
pub struct Command {
    program: PathBuf,
    arguments: Vec<String>,
}

impl TryFrom<Vec<Value<String>>> for Command {
    type Error = String;
    fn try_from(words: Vec<Value<String>>) -> Result<Self, String> {
        let mut words = words.into_iter().map(|word| word.0);
        let program = words
            .next()
            .ok_or("a command needs a program, as in [/usr/local/bin/import]")?;
        let program = ExistingFile::read(&program)?.0;
        if is_needed() && !places::runs(&program) {
            return Err(format!(
                "{}: this user may not execute it; chmod +x it, or name the program that does",
                program.display()
            ));
        }
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }
}

/// What becomes of the content of a file that its NERP refuses.
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

/// What to do with a file whose identity another has that is here already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceivedAgain {
    /// SFNA 13: it is told that we have it (RFC 5024, 5.3.5).
    #[default]
    Refuse,
    /// Where its sender may never have seen our EFPA, it is taken once more and compared; the same content gets its EFPA
    /// again. So is one without a date, and where its content is another it is another file.
    Compare,
    /// It is another file. Where its sender may never have seen our EFPA, it is compared first.
    Take,
}

impl Scalar for ReceivedAgain {
    const WHAT: &'static str = "refuse, compare or take";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "compare" => Ok(Self::Compare),
            "take" => Ok(Self::Take),
            _ => Err(format!("`{text}` is not refuse, compare or take")),
        }
    }
}

/// How much a partner may send in a time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Files.
    pub files: Option<Value<Between<1, 1_000_000_000>>>,
    /// Octets.
    pub size: Option<Value<Size>>,
    /// In which time (default 24h).
    #[serde(default = "day")]
    pub per: Value<Millis>,
}

fn day() -> Value<Millis> {
    Value(Millis(Duration::from_secs(24 * 60 * 60)))
}
