//! Values of the configuration: text that is resolved, parsed and checked at its own place.
//!
//! `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` are replaced in string values only, after the
//! YAML is parsed, so what a secret contains is never read as YAML. `$${` stands for `${`.
//!
//! What a value stands for may lie outside of the configuration: a file, a variable, a group. It is looked for only where
//! what is to be done [needs](Needs) it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oftp::{OdetteId, Password, UserData};
use pointsman_folder::{FolderError, Names, Why};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::text::decoded;

thread_local! {
    /// What holds while a configuration is parsed: serde hands no context down to a value.
    static CONTEXT: RefCell<Context> = RefCell::new(Context::default());
}

#[derive(Default)]
struct Context {
    /// Where relative paths start.
    base: PathBuf,
    /// What is looked for outside of the configuration.
    needs: Needs,
    /// Whose values are read.
    owner: Owner,
    /// Scalars that are known to be wrong, by their number in the text.
    passed_over: BTreeSet<usize>,
    /// How many scalars were read.
    count: usize,
    /// The one that was wrong.
    failed: Option<usize>,
    /// The variables of the environment that secrets were read from.
    secret_variables: BTreeSet<String>,
}

/// What of the files, variables and groups that a configuration names must be there for what is to be done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// All of them: for a server.
    #[default]
    Everything,
    /// What a call of this partner takes: not what listeners have, nor what other partners have.
    CallOf(String),
    /// What a file that is queued for this partner takes: its values and those that are nobody's alone, but no file, password
    /// or group.
    QueueOf(String),
    /// None: for a question about what is kept or runs.
    Nothing,
}

/// Whose a value is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody's alone.
    #[default]
    All,
    Listeners,
    Partner(String),
}

impl Needs {
    /// Whether what the values of that owner stand for must be there.
    fn include(&self, owner: &Owner) -> bool {
        !matches!(self, Self::QueueOf(_)) && self.include_values(owner)
    }

    /// Whether the values of that owner must be known: nothing may stand in for them.
    pub(super) fn include_values(&self, owner: &Owner) -> bool {
        match (self, owner) {
            (Self::Everything, _) => true,
            (Self::Nothing, _) | (Self::CallOf(_) | Self::QueueOf(_), Owner::Listeners) => false,
            (Self::CallOf(called) | Self::QueueOf(called), Owner::Partner(name)) => called == name,
            (Self::CallOf(_) | Self::QueueOf(_), Owner::All) => true,
        }
    }
}

/// Reads values of that owner.
pub(super) fn of<T>(owner: Owner, read: impl FnOnce() -> T) -> T {
    let before = CONTEXT.with_borrow_mut(|context| std::mem::replace(&mut context.owner, owner));
    let done = read();
    CONTEXT.with_borrow_mut(|context| context.owner = before);
    done
}

/// Whether what the value that is read stands for must be there.
pub(super) fn is_needed() -> bool {
    CONTEXT.with_borrow(|context| context.needs.include(&context.owner))
}

/// Whether the value that is read must be known.
fn must_be_known() -> bool {
    CONTEXT.with_borrow(|context| context.needs.include_values(&context.owner))
}

/// What became of a text.
pub(super) struct Reading<T> {
    pub(super) outcome: T,
    /// The number of the scalar that was wrong and ended it.
    pub(super) failed: Option<usize>,
    /// The variables of the environment that secrets were read from.
    pub(super) secret_variables: BTreeSet<String>,
}

/// Runs `parse` with relative paths starting at `base`, and looks for what is needed. The scalars of these numbers are known to be wrong: another value
/// stands in for each, so that what is behind them is read.
pub(super) fn read<T>(
    base: &Path,
    needs: &Needs,
    passed_over: &BTreeSet<usize>,
    parse: impl FnOnce() -> T,
) -> Reading<T> {
    let before = CONTEXT.replace(Context {
        base: base.to_owned(),
        needs: needs.clone(),
        passed_over: passed_over.clone(),
        ..Context::default()
    });
    let outcome = parse();
    let after = CONTEXT.replace(before);
    Reading {
        outcome,
        failed: after.failed,
        secret_variables: after.secret_variables,
    }
}

/// The number of this scalar, and whether it is passed over.
fn next_scalar() -> (usize, bool) {
    CONTEXT.with_borrow_mut(|context| {
        let number = context.count;
        context.count += 1;
        (number, context.passed_over.contains(&number))
    })
}

/// A scalar that is a `T`; the error of a bad one points at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value<T>(pub T);

impl<T> Deref for Value<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default> Default for Value<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

/// What can stand as a scalar in the configuration.
pub trait Scalar: Sized {
    /// What is expected, for the error.
    const WHAT: &'static str;

    /// Whether it is nobody else's to know.
    const IS_SECRET: bool = false;

    /// Reads the resolved text.
    ///
    /// # Errors
    /// Says what is wrong and what to write.
    fn read(text: &str) -> Result<Self, String>;

    /// What stands for a text that is not looked into, since nobody needs what it stands for. None of a value whose text
    /// is all there is to it.
    fn unread(_text: &str) -> Option<Self> {
        None
    }

    /// What stands for a value that is not needed, and whose reference leads nowhere. None of what every command needs.
    fn unknown(_text: &str) -> Option<Self> {
        Self::stand_in()
    }

    /// Any value, to find out what else is wrong behind a bad one: of the examples in [`WHAT`](Self::WHAT) the first.
    fn stand_in() -> Option<Self> {
        let words = Self::WHAT.split([' ', ',', '\'']);
        words.into_iter().find_map(|word| Self::read(word).ok())
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text is read inside the visitor: only there does an error get the scalar's own place.
        struct Reader<T>(PhantomData<T>);

        impl<T: Scalar> Visitor<'_> for Reader<T> {
            type Value = Value<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let (number, is_passed_over) = next_scalar();
                let read = match T::stand_in().filter(|_| is_passed_over) {
                    Some(value) => Ok(value),
                    None => read_scalar(text),
                };
                read.map(Value).map_err(|error| {
                    CONTEXT.with_borrow_mut(|context| context.failed = Some(number));
                    // No error of a secret quotes it.
                    E::custom(match T::IS_SECRET {
                        true => error,
                        false => Blame::told(&error, text, T::WHAT),
                    })
                })
            }
        }

        deserializer.deserialize_str(Reader(PhantomData))
    }
}

/// An error of a scalar, with the text that it may quote and what is expected, on its way through the YAML library.
pub(super) struct Blame<'t> {
    pub(super) error: &'t str,
    pub(super) text: &'t str,
    pub(super) expected: &'t str,
}

impl Blame<'_> {
    /// Stands around each of the three: no text of a configuration has it.
    const MARK: char = '\u{1}';

    fn told(error: &str, text: &str, expected: &str) -> String {
        let parts = [error, text, expected];
        let marked: String = parts.map(|part| format!("{}{part}", Self::MARK)).concat();
        format!("{marked}{}", Self::MARK)
    }
}

impl<'t> Blame<'t> {
    /// What the YAML library made of it: its words before, the error, and its words after.
    pub(super) fn find(said: &'t str) -> Option<(&'t str, Self, &'t str)> {
        let (before, rest) = said.split_once(Self::MARK)?;
        let (error, rest) = rest.split_once(Self::MARK)?;
        let (rest, after) = rest.rsplit_once(Self::MARK)?;
        let (text, expected) = rest.rsplit_once(Self::MARK)?;
        let blame = Self {
            error,
            text,
            expected,
        };
        Some((before, blame, after))
    }
}

fn read_scalar<T: Scalar>(text: &str) -> Result<T, String> {
    if !is_needed()
        && let Some(unread) = T::unread(text)
    {
        if T::IS_SECRET {
            variables(text).for_each(is_secret);
        }
        return Ok(unread);
    }
    let resolved = match resolve(text, T::IS_SECRET) {
        Ok(resolved) => resolved,
        Err(error) if must_be_known() => return Err(error),
        Err(error) => return T::unknown(text).ok_or(error),
    };
    // What a reference stands for may be a secret: the error shows the reference.
    T::read(&resolved).map_err(|error| match resolved.is_empty() {
        true => error,
        false => error.replace(&resolved, text),
    })
}

/// The text with what its references stand for.
pub(super) fn resolve(text: &str, secret: bool) -> Result<String, String> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('$') {
            resolved.push_str(kept);
            resolved.push_str("${");
            rest = from.get(2..).unwrap_or_default();
            continue;
        }
        resolved.push_str(before);
        let end = from
            .find('}')
            .ok_or("`${` without its `}`; write `$${` for the characters themselves")?;
        resolved.push_str(&lookup(from.get(2..end).unwrap_or_default(), secret)?);
        rest = from.get(end + 1..).unwrap_or_default();
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// The names of variables in a text that nobody looks into further.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let references = text.split("${env:").skip(1);
    references.filter_map(|rest| rest.split('}').next()?.split(":-").next())
}

/// Notes a variable that holds a secret.
fn is_secret(name: &str) {
    if std::env::var_os(name).is_some() {
        let name = name.to_owned();
        CONTEXT.with_borrow_mut(|context| context.secret_variables.insert(name));
    }
}

fn lookup(reference: &str, secret: bool) -> Result<String, String> {
    if let Some(name) = reference.strip_prefix("env:") {
        let (name, default) = name
            .split_once(":-")
            .map_or((name, None), |(name, default)| (name, Some(default)));
        if secret {
            is_secret(name);
        }
        return match (std::env::var(name), default) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(default)) => Ok(default.to_owned()),
            (Err(_), None) => Err(format!(
                "the environment has no variable `{name}`; set it, or give a default: ${{env:{name}:-…}}"
            )),
        };
    }
    if let Some(file) = reference.strip_prefix("file:") {
        let path = absolute(file);
        let text = read_short(&path)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    // It may be a piece of a password that has these characters: its beginning is all that is shown.
    let kind = reference.split_once(':').map_or("", |(kind, _)| kind);
    Err(format!(
        "`${{{kind}…}}` is not a reference; there are ${{env:NAME}}, ${{env:NAME:-default}} and ${{file:PATH}}; write `$${{` for the characters themselves"
    ))
}

/// Nothing that a value can be is longer than this.
const SHORT: u64 = 64 * 1024;

fn read_short(path: &Path) -> Result<String, String> {
    let (octets, _) =
        pointsman_folder::read(path, SHORT, Names::Operator).map_err(|error| what_to_do(&error))?;
    decoded(&octets).map_err(|foreign| {
        format!(
            "{}: this is not in UTF-8 (octet {:#04x}): save it so",
            path.display(),
            foreign.octet
        )
    })
}

fn what_to_do(error: &FolderError) -> String {
    format!("{error}{}", remedy(error))
}

/// What to do about a file of the configuration that cannot be read, in words that follow on its error's.
pub(crate) fn remedy(error: &FolderError) -> &'static str {
    match error.why() {
        Why::Io(why) if why.kind() == std::io::ErrorKind::NotFound => {
            "; put the file there or correct the path"
        }
        Why::Io(why) if why.kind() == std::io::ErrorKind::PermissionDenied => {
            "; the user that runs this program must be allowed to read it (chown, chmod), and to pass the folders above"
        }
        _ => "",
    }
}

fn absolute(path: &str) -> PathBuf {
    CONTEXT.with_borrow(|context| context.base.join(path))
}

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

/// What is said of a file that is sent: `NAME=VALUE`, or a word alone, whose value is empty. Policies are told it as they
/// are told their own labels, and its bounds are those of theirs.
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
#[derive(Clone, Debug)]
pub enum Secret {
    /// This one.
    Known(Password),
    /// It was not looked for: nothing is it, and it is sent to nobody.
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

/// A file that must be there and readable, where it is needed.
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
    /// Ten years of 365 days: longer than anybody waits, and short enough to be multiplied and added to a moment.
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
    /// Name or address; the text itself where it was not needed and its reference leads nowhere.
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
