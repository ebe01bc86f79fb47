//! Scalars of the configuration: texts, codes, passwords, paths, time spans, sizes, addresses and numbers.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use oftp::{OdetteId, Password, UserData};
use pointsman_folder::Names;

use super::context::{absolute, is_needed};
use super::typed::{Scalar, resolve, what_to_do};

impl Scalar for String {
    const WHAT: &'static str = "a text";
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn unread(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Scalar for OdetteId {
    const WHAT: &'static str = "an identification code (at most 25 characters)";
    fn read(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|error| error.to_string())
    }

    fn unknown(_text: &str) -> Option<Self> {
        Self::new("NOT-KNOWN").ok()
    }
}

impl Scalar for UserData {
    const WHAT: &'static str = "user data (at most 8 characters)";
    fn read(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|error| error.to_string())
    }
}

/// A label of a file that is sent: `NAME=VALUE`, or a word alone, whose value is empty. Policies get it like their own
/// labels, and it has the same limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name, 1 to 256 octets.
    pub name: String,
    /// Its value, at most 256 octets.
    pub value: String,
}

impl Label {
    /// So many may be given to one file.
    pub const MOST: usize = 64;
    const LONGEST: usize = 256;
}

impl Scalar for Label {
    const WHAT: &'static str = "a label: NAME=VALUE, or a word";
    fn read(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let wrong = if name.is_empty() {
            "it has no name"
        } else if name.len() > Self::LONGEST || value.len() > Self::LONGEST {
            "name and value have at most 256 octets each"
        } else if text.contains(char::is_control) {
            "it has control characters"
        } else {
            return Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            });
        };
        Err(format!("`{}` is no label: {wrong}", text.escape_debug()))
    }
}

/// A password that is agreed with a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// What was agreed, or what was read from the environment or a file.
    Known(Password),
    /// It was not read: no password matches it, and it is never sent.
    NotLookedFor,
}

impl Secret {
    /// Whether it is the one that was sent.
    #[must_use]
    pub fn matches(&self, sent: &Password) -> bool {
        match self {
            Self::Known(password) => password.matches(sent),
            Self::NotLookedFor => false,
        }
    }

    /// Whether it is known that there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Known(password) if password.is_none())
    }

    /// What is sent for it.
    #[must_use]
    pub fn to_send(&self) -> Password {
        match self {
            Self::Known(password) => password.clone(),
            Self::NotLookedFor => Password::none(),
        }
    }
}

impl Scalar for Secret {
    const WHAT: &'static str = "a password (at most 8 characters)";
    const IS_SECRET: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        // An empty YAML value arrives as one of these words.
        if matches!(text, "" | "~" | "null") {
            return Err(
                "a password is missing; write it, or ${env:NAME}, or ${file:PATH}".to_owned(),
            );
        }
        let password = Password::new(text).map_err(|error| error.to_string())?;
        Ok(Self::Known(password))
    }

    fn unread(_text: &str) -> Option<Self> {
        Some(Self::NotLookedFor)
    }
}

/// A path, relative to the configuration file.
impl Scalar for PathBuf {
    const WHAT: &'static str = "a path";
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        Ok(absolute(text))
    }

    fn unknown(_text: &str) -> Option<Self> {
        None
    }
}

/// A file, which must be there and readable where it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingFile(pub PathBuf);

impl Scalar for ExistingFile {
    const WHAT: &'static str = "the path of a file";
    fn read(text: &str) -> Result<Self, String> {
        let path = absolute(text);
        if is_needed() {
            pointsman_folder::open(&path, Names::Operator).map_err(|error| what_to_do(&error))?;
        }
        Ok(Self(path))
    }

    fn unread(text: &str) -> Option<Self> {
        let resolved = resolve(text, false).unwrap_or_else(|_| text.to_owned());
        Some(Self(absolute(&resolved)))
    }

    fn stand_in() -> Option<Self> {
        Some(Self(PathBuf::new()))
    }
}

/// A time span such as `250ms`, `30s`, `5m`, above zero and at most [`LONGEST`](Self::LONGEST).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub Duration);

impl Millis {
    /// Ten years of 365 days: longer than any sensible wait, and short enough to be multiplied and added to a time.
    pub const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
}

impl Scalar for Millis {
    const WHAT: &'static str = "a time span such as 250ms, 30s or 5m";
    fn read(text: &str) -> Result<Self, String> {
        let span: jiff::SignedDuration = text.parse().map_err(|_| {
            format!("`{text}` is not a time span; write one such as 250ms, 30s or 5m")
        })?;
        let span = Duration::try_from(span).map_err(|_| format!("`{text}` is negative"))?;
        if span.is_zero() {
            return Err("a time span of zero would end everything at once".to_owned());
        }
        if span > Self::LONGEST {
            return Err(format!(
                "`{text}` is too long: a time span is at most {}h (ten years)",
                Self::LONGEST.as_secs() / 3600
            ));
        }
        Ok(Self(span))
    }

    fn unknown(_text: &str) -> Option<Self> {
        Some(Self(Self::LONGEST))
    }
}

/// A size such as `64KiB`, `32MiB`, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Scalar for Size {
    const WHAT: &'static str = "a size such as 64KiB or 32MiB";
    fn read(text: &str) -> Result<Self, String> {
        let size: bytesize::ByteSize = text
            .parse()
            .map_err(|_| format!("`{text}` is not a size; write one such as 64KiB or 32MiB"))?;
        Ok(Self(size.as_u64()))
    }
}

impl Scalar for SocketAddr {
    const WHAT: &'static str = "an address and port such as 0.0.0.0:3305 or [::]:6619";
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            format!(
                "`{text}` is not an address and port; write one such as 0.0.0.0:3305 or [::]:6619"
            )
        })
    }
}

/// A host and port to dial: a name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or address; the text itself where it was not needed and its reference could not be resolved.
    pub host: String,
    /// Port; 0 there.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.port == 0 {
            return f.write_str(&self.host);
        }
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Scalar for Address {
    const WHAT: &'static str = "a host and port such as oftp.example.com:6619";
    fn read(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a host and port; write one such as oftp.example.com:6619");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(wrong)?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    fn unknown(text: &str) -> Option<Self> {
        Some(Self {
            host: text.to_owned(),
            port: 0,
        })
    }
}

/// A number that must lie between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between<const MIN: u32, const MAX: u32>(pub u32);

impl<const MIN: u32, const MAX: u32> Scalar for Between<MIN, MAX> {
    const WHAT: &'static str = "a number";
    fn read(text: &str) -> Result<Self, String> {
        let number = text
            .parse()
            .ok()
            .filter(|number| (MIN..=MAX).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a number from {MIN} to {MAX}"))
    }

    fn stand_in() -> Option<Self> {
        Some(Self(MIN))
    }
}
