//! What becomes of a file that is here: its name, who is told, and what is kept of one that is refused.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::value::{Between, ExistingFile, Millis, Scalar, Size, Value};
use crate::template::Template;

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
            keeps_rejected: self
                .rejected
                .or(station.rejected)
                .is_none_or(|rejected| rejected.0 == Rejected::Keep),
        }
    }
}

/// What holds for the files of one partner.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How files are called that no policy gives a name.
    pub name: Option<Template>,
    /// Who takes them.
    pub command: Option<HandOver>,
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

/// A program that must be there, and arguments.
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
        Ok(Self {
            program: ExistingFile::read(&program)?.0,
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

/// What to do with a file that is here already, and whose sender may never have seen our EFPA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceivedAgain {
    /// SFNA 13: it is told that we have it (RFC 5024, 5.3.5).
    #[default]
    Refuse,
    /// It is taken once more and compared; the same content gets its EFPA again.
    Compare,
}

impl Scalar for ReceivedAgain {
    const WHAT: &'static str = "refuse or compare";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "compare" => Ok(Self::Compare),
            _ => Err(format!("`{text}` is not refuse or compare")),
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
