//! Values of the configuration: a text that is resolved, parsed and checked at its place in the file.
//!
//! `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` are replaced in string values only, after the
//! YAML is parsed, so what a secret contains is never read as YAML. `$${` stands for `${`.
//!
//! A value may name something outside of the configuration: a file, a variable, a group. That is checked only where the
//! command [needs](super::Needs) it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;

use pointsman_folder::{FolderError, Names, Why};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::context::{absolute, is_needed, must_be_known, next_scalar, note_failed, note_secret};
use super::text::decoded;

/// A scalar that is a `T`. The error of a wrong one has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Typed<T>(pub T);

impl<T> Deref for Typed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default> Default for Typed<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

/// A type of scalars in the configuration.
pub trait Scalar: Sized {
    /// What is expected, for the error.
    const WHAT: &'static str;

    /// Whether its values are secret.
    const IS_SECRET: bool = false;

    /// Reads the resolved text.
    ///
    /// # Errors
    /// The text of the error says what is wrong and what to write.
    fn read(text: &str) -> Result<Self, String>;

    /// The value for a text whose file, variable or group is not needed and not checked. None for types that name
    /// nothing outside of the text.
    fn unread(_text: &str) -> Option<Self> {
        None
    }

    /// The value where it is not needed and its reference cannot be resolved. None for types that every command needs.
    fn unknown(_text: &str) -> Option<Self> {
        Self::stand_in()
    }

    /// Any valid value, to replace a wrong one so that the text behind it can be checked: the first example in
    /// [`WHAT`](Self::WHAT).
    fn stand_in() -> Option<Self> {
        let words = Self::WHAT.split([' ', ',', '\'']);
        words.into_iter().find_map(|word| Self::read(word).ok())
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Typed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text is read inside the visitor, since only there an error gets the scalar's own place.
        struct Reader<T>(PhantomData<T>);

        impl<T: Scalar> Visitor<'_> for Reader<T> {
            type Value = Typed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let (number, is_passed_over) = next_scalar();
                let read = match T::stand_in().filter(|_| is_passed_over) {
                    Some(value) => Ok(value),
                    None => read_scalar(text),
                };
                read.map(Typed).map_err(|error| {
                    note_failed(number);
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

/// An error of a scalar as it passes through the YAML library, with the text that it may quote and what is expected.
pub(super) struct Blame<'t> {
    pub(super) error: &'t str,
    pub(super) text: &'t str,
    pub(super) expected: &'t str,
}

impl Blame<'_> {
    /// A mark around each of the three parts; no text of a configuration has it.
    const MARK: char = '\u{1}';

    fn told(error: &str, text: &str, expected: &str) -> String {
        let parts = [error, text, expected];
        let marked: String = parts.map(|part| format!("{}{part}", Self::MARK)).concat();
        format!("{marked}{}", Self::MARK)
    }
}

impl<'t> Blame<'t> {
    /// Finds the error in the library's message: its words before, the error, and its words after.
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
            variables(text).for_each(note_secret);
        }
        return Ok(unread);
    }
    let resolved = match resolve(text, T::IS_SECRET) {
        Ok(resolved) => resolved,
        Err(error) if must_be_known() => return Err(error),
        Err(error) => return T::unknown(text).ok_or(error),
    };
    // The value of a reference may be a secret, so the error shows the reference.
    T::read(&resolved).map_err(|error| match resolved.is_empty() {
        true => error,
        false => error.replace(&resolved, text),
    })
}

/// The text with its references replaced.
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

/// The names of variables in a text that is not resolved.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let references = text.split("${env:").skip(1);
    references.filter_map(|rest| rest.split('}').next()?.split(":-").next())
}

fn lookup(reference: &str, secret: bool) -> Result<String, String> {
    if let Some(name) = reference.strip_prefix("env:") {
        let (name, default) = name
            .split_once(":-")
            .map_or((name, None), |(name, default)| (name, Some(default)));
        if secret {
            note_secret(name);
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
    // It may be a piece of a password that has these characters, so only its beginning is shown.
    let kind = reference.split_once(':').map_or("", |(kind, _)| kind);
    Err(format!(
        "`${{{kind}…}}` is not a reference; there are ${{env:NAME}}, ${{env:NAME:-default}} and ${{file:PATH}}; write `$${{` for the characters themselves"
    ))
}

/// The most octets of a file whose content is a value.
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

pub(super) fn what_to_do(error: &FolderError) -> String {
    format!("{error}{}", remedy(error))
}

/// What to do about a file of the configuration that cannot be read, as a text that continues its error.
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
