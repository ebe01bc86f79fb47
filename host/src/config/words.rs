//! Words of the configuration for values of the protocol, of partners and of policies.

use std::fmt;

use oftp::{Leniency, Level, Mode, RecordLayout};
use pointsman_naming::names;
use pointsman_policy::{Hook, OnFailure};
use pointsman_store::Repeated;
use serde::Deserialize;

use super::typed::Scalar;

/// Whether a caller must show a TLS certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// It is not asked for one.
    #[default]
    None,
    /// It is asked; one that comes must be good.
    Request,
    /// Without a good one there is no session.
    Require,
}

/// The lowest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V13,
}

/// How data set names with characters outside of RFC 5024, 5.3 are sent: that has `A-Z 0-9 / - . & ( )`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatasetNames {
    /// Files of such names are not queued.
    #[default]
    Strict,
    /// Small letters become capitals, every other character `-`.
    Mapped,
    /// They are sent as they are, where the wire can carry them: printable ISO 646, no blank before the name.
    AsIs,
}

impl Scalar for DatasetNames {
    const WHAT: &'static str = "what becomes of data set names: strict, mapped or as-is";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "strict" => Ok(Self::Strict),
            "mapped" => Ok(Self::Mapped),
            "as-is" => Ok(Self::AsIs),
            _ => Err(format!(
                "`{text}` is not known for names; there are strict, mapped and as-is"
            )),
        }
    }
}

/// SFIDFMT (RFC 5024, 5.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatLetter {
    /// Unstructured.
    #[default]
    U,
    /// Text.
    T,
    /// Fixed records.
    F,
    /// Variable records.
    V,
}

impl Scalar for FormatLetter {
    const WHAT: &'static str = "a format: U, T, F or V";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "U" => Ok(Self::U),
            "T" => Ok(Self::T),
            "F" => Ok(Self::F),
            "V" => Ok(Self::V),
            _ => Err(format!("`{text}` is not a format; there are U, T, F and V")),
        }
    }
}

/// The name of a folder below the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderName(pub String);

impl Scalar for FolderName {
    const WHAT: &'static str = "a folder's name, such as mueller";
    fn read(text: &str) -> Result<Self, String> {
        if names::safe(text) == text {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{text}` cannot be the name of a folder: it has letters (without marks), digits, `.`, `_` and `-`, at most {} of them, and begins with no `.`; nor may it be a device's, such as NUL",
            names::LONGEST
        ))
    }
}

/// Names of files, with `*` and `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Whether the name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl Default for Pattern {
    fn default() -> Self {
        Self(glob::Pattern::new("*").unwrap_or_default())
    }
}

impl Scalar for Pattern {
    const WHAT: &'static str = "a pattern of file names such as *.edi";
    fn read(text: &str) -> Result<Self, String> {
        let pattern = glob::Pattern::new(text);
        pattern.map(Self).map_err(|error| match error.msg {
            "invalid range pattern" => format!(
                "`{text}` is not a pattern: its brackets do not close; `[ab]` is one of those characters, and `[[]` a bracket itself"
            ),
            other => format!("`{text}` is not a pattern: {other}"),
        })
    }
}

/// A time of day without its day, by the time zone of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(pub jiff::civil::Time);

impl Scalar for TimeOfDay {
    const WHAT: &'static str = "a time of day such as '06:30'";
    fn read(text: &str) -> Result<Self, String> {
        let time = text.parse().map_err(|_| {
            format!("`{text}` is not a time of day; write one such as '06:30', in quotes")
        })?;
        Ok(Self(time))
    }
}

/// A setting that a policy reads by name. It may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting(pub String);

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Scalar for Setting {
    const WHAT: &'static str = "a text";
    const IS_SECRET: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn unread(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

/// The form of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Scalar for Version {
    const WHAT: &'static str = "the number 1";
    fn read(text: &str) -> Result<Self, String> {
        if text == "1" {
            Ok(Self)
        } else {
            Err(format!(
                "this program reads version 1 of this file, not `{text}`"
            ))
        }
    }
}

/// An OFTP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release(pub Level);

impl Scalar for Release {
    const WHAT: &'static str = "an OFTP version: 1.2, 1.3, 1.4 or 2.0";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self(Level::V12)),
            "1.3" => Ok(Self(Level::V13)),
            "1.4" => Ok(Self(Level::V14)),
            "2.0" => Ok(Self(Level::V20)),
            _ => Err(format!(
                "`{text}` is not an OFTP version; there are 1.2, 1.3, 1.4 and 2.0"
            )),
        }
    }
}

/// SSIDSR, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionMode(pub Mode);

impl Scalar for SessionMode {
    const WHAT: &'static str = "both, send-only or receive-only";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "both" => Ok(Self(Mode::Both)),
            "send-only" => Ok(Self(Mode::SendOnly)),
            "receive-only" => Ok(Self(Mode::ReceiveOnly)),
            _ => Err(format!(
                "`{text}` is no direction of files; there are both, send-only and receive-only"
            )),
        }
    }
}

impl Scalar for Leniency {
    const WHAT: &'static str = "the name of a tolerance, such as line_ends";
    fn read(text: &str) -> Result<Self, String> {
        Self::from_name(text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|known| known.name()).collect();
            format!(
                "`{text}` is not a tolerance; there are {}",
                names.join(", ")
            )
        })
    }
}

impl Scalar for RecordLayout {
    const WHAT: &'static str = "raw, lines or length-prefixed";
    fn read(text: &str) -> Result<Self, String> {
        Self::from_name(text).ok_or_else(|| {
            format!("`{text}` is no way to keep records; there are raw, lines and length-prefixed")
        })
    }
}

/// How records of variable length are stored in local files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableRecords(pub RecordLayout);

impl Default for VariableRecords {
    fn default() -> Self {
        Self(RecordLayout::Lines)
    }
}

impl Scalar for VariableRecords {
    const WHAT: &'static str = "lines or length-prefixed";
    fn read(text: &str) -> Result<Self, String> {
        match RecordLayout::from_name(text) {
            Some(RecordLayout::Raw) => Err(
                "variable records kept raw could not be told apart; there are lines and length-prefixed"
                    .to_owned(),
            ),
            Some(layout) => Ok(Self(layout)),
            None => Err(format!(
                "`{text}` is no way to keep variable records; there are lines and length-prefixed"
            )),
        }
    }
}

impl Scalar for Hook {
    const WHAT: &'static str = "the name of a question, such as accept-file";
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            let names = Self::ALL.map(|hook| hook.to_string()).join(", ");
            format!("`{text}` is not a question; there are {names}")
        })
    }
}

impl Scalar for OnFailure {
    const WHAT: &'static str = "retry, refuse or accept";
    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is not retry, refuse or accept"))
    }
}

impl Scalar for Repeated {
    const WHAT: &'static str = "refuse, compare or take";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refused),
            "compare" => Ok(Self::Compared),
            "take" => Ok(Self::Taken),
            _ => Err(format!("`{text}` is not refuse, compare or take")),
        }
    }
}
