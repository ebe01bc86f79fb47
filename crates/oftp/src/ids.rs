//! Names: what exists is valid.
//!
//! `new` is strict and is for what we write ourselves; `from_wire` is lenient and is for what a
//! partner wrote (RFC 5024, 8.2 asks for both). Either way a value can be sent as it stands.

use std::fmt;

/// Why a text cannot be the field it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidField {
    /// The field in words, such as `Odette ID`.
    pub field: &'static str,
    /// What is wrong with it. Never holds the value itself: it may be a password.
    pub problem: FieldProblem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Nothing but blanks where a name is needed.
    #[error("is empty: a name is needed")]
    Empty,
    /// More characters than the field holds.
    #[error("has {length} characters, and at most {limit} fit")]
    TooLong {
        /// Characters given.
        length: usize,
        /// Characters that fit.
        limit: usize,
    },
    /// A character outside the set the field allows.
    #[error("character {position} is not allowed: use {allowed}")]
    Character {
        /// Position of the first such character, counted from 1.
        position: usize,
        /// The allowed set, in words.
        allowed: &'static str,
    },
    /// Blanks before the name: fields are left justified.
    #[error("begins with a blank: names are left justified")]
    LeadingBlank,
    /// Not eight digits that are a date of the calendar.
    #[error("is not a date: write CCYYMMDD")]
    NotADate,
    /// Not ten digits that are a time of day and a counter.
    #[error("is not a time: write HHMMSScccc")]
    NotATime,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $field:literal, $limit:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The longest, in characters.
            pub const LIMIT: usize = $limit;

            /// The text, without the blanks that fill its field on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes what a partner sent: any printable ISO 646, blanks on the right dropped.
            ///
            /// # Errors
            /// [`InvalidField`] for octets that are not printable, or too many of them.
            pub fn from_wire(octets: &[u8]) -> Result<Self, InvalidField> {
                Self::accept(printable($field, octets, $limit)?)
            }

            fn strict(text: &str) -> Result<Self, InvalidField> {
                Self::accept(strict($field, text, $limit, $allowed)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// An ODETTE identification code, at most 25 characters (RFC 5024, 5.4).
    ///
    /// Compared as it stands, upper and lower case apart. One taken from the wire may be empty:
    /// it names nobody, and refusing it is the policy's business.
    OdetteId, "Odette ID", 25, RFC_SET
);
name!(
    /// A virtual file's dataset name, 1 to 26 characters (SFIDDSN, RFC 5024, 5.3.3).
    ///
    /// `new` takes the RFC's set and what practice adds: lower case, `_` and blanks inside
    /// (`ODETTE_CERTIFICATE_REQUEST` needs the first of them); `as_is` takes all that the field can carry, for partners
    /// that agreed to it. `/` is legal: never a path as it is.
    DatasetName, "dataset name", 26, NAME_SET
);
name!(
    /// Eight characters of bilateral meaning (SSIDUSER, SFIDUSER, EERPUSER; RFC 5024, 5.3.2).
    #[derive(Default)]
    UserData, "user data", 8, PRINTABLE_SET
);

impl OdetteId {
    /// Takes an identification code in the RFC's character set; blanks inside are allowed, as
    /// SIOORG has them (RFC 5024, 5.4).
    ///
    /// # Errors
    /// [`InvalidField`] says which character or length is wrong.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        not_empty("Odette ID", text)?;
        Self::strict(text)
    }

    fn accept(text: String) -> Result<Self, InvalidField> {
        Ok(Self(text))
    }
}

impl DatasetName {
    /// Takes a dataset name.
    ///
    /// # Errors
    /// [`InvalidField`] says which character or length is wrong.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        Self::strict(text)
    }

    /// Takes any name that the field can carry: printable ISO 646, no blank before it. Blanks behind it fill the field,
    /// and are not part of it.
    ///
    /// # Errors
    /// [`InvalidField`] says which character or length is wrong.
    pub fn as_is(text: &str) -> Result<Self, InvalidField> {
        Self::accept(strict("dataset name", text, Self::LIMIT, PRINTABLE_SET)?)
    }

    fn accept(text: String) -> Result<Self, InvalidField> {
        not_empty("dataset name", &text)?;
        Ok(Self(text))
    }
}

impl UserData {
    /// Takes user data: any printable ISO 646.
    ///
    /// # Errors
    /// [`InvalidField`] says which character or length is wrong.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        Self::strict(text)
    }

    fn accept(text: String) -> Result<Self, InvalidField> {
        Ok(Self(text))
    }
}

/// A session password, at most 8 characters (SSIDPSWD, RFC 5024, 5.3.2).
///
/// Not displayed, redacted in `Debug`, and to be compared with [`Password::matches`] only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password(String);

impl Password {
    /// The longest, in characters.
    pub const LIMIT: usize = 8;

    /// Takes a password: any printable ISO 646.
    ///
    /// # Errors
    /// [`InvalidField`] without the value.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        strict("password", text, Self::LIMIT, PRINTABLE_SET).map(Self)
    }

    /// None: eight blanks on the wire.
    #[must_use]
    pub fn none() -> Self {
        Self(String::new())
    }

    /// Whether it is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.trim_ascii_end().is_empty()
    }

    /// Takes what a partner sent, blanks on the right dropped.
    ///
    /// # Errors
    /// [`InvalidField`] without the value.
    pub fn from_wire(octets: &[u8]) -> Result<Self, InvalidField> {
        printable("password", octets, Self::LIMIT).map(Self)
    }

    /// Compares in constant time, blanks on the right not counting.
    pub fn matches(&self, other: &Self) -> bool {
        let differences = self
            .padded()
            .zip(other.padded())
            .fold(0, |seen, (a, b)| seen | (a ^ b));
        differences == 0
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    fn padded(&self) -> impl Iterator<Item = u8> {
        self.0
            .bytes()
            .chain(std::iter::repeat(b' '))
            .take(Self::LIMIT)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

type Allowed = (fn(char) -> bool, &'static str);

const RFC_SET: Allowed = (
    in_rfc_set,
    "0-9 A-Z / - . & ( ) and blanks inside (RFC 5024, 5.3)",
);
const NAME_SET: Allowed = (
    in_name_set,
    "0-9 A-Z a-z / - . & ( ) _ and blanks inside (RFC 5024, 5.3)",
);
const PRINTABLE_SET: Allowed = (is_printable, "printable ISO 646");

fn in_rfc_set(c: char) -> bool {
    matches!(c, '0'..='9' | 'A'..='Z' | '/' | '-' | '.' | '&' | '(' | ')' | ' ')
}

fn in_name_set(c: char) -> bool {
    in_rfc_set(c) || matches!(c, 'a'..='z' | '_')
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn not_empty(field: &'static str, text: &str) -> Result<(), InvalidField> {
    if text.trim_end_matches(' ').is_empty() {
        return Err(InvalidField {
            field,
            problem: FieldProblem::Empty,
        });
    }
    Ok(())
}

fn strict(
    field: &'static str,
    text: &str,
    limit: usize,
    allowed: Allowed,
) -> Result<String, InvalidField> {
    let text = text.trim_end_matches(' ');
    if text.starts_with(' ') {
        return Err(InvalidField {
            field,
            problem: FieldProblem::LeadingBlank,
        });
    }
    check(field, text, limit, allowed)
}

fn printable(field: &'static str, octets: &[u8], limit: usize) -> Result<String, InvalidField> {
    let text: String = octets.iter().map(|&octet| char::from(octet)).collect();
    check(field, text.trim_end_matches(' '), limit, PRINTABLE_SET)
}

fn check(
    field: &'static str,
    text: &str,
    limit: usize,
    allowed: Allowed,
) -> Result<String, InvalidField> {
    let (is_allowed, allowed) = allowed;
    if let Some(at) = text.chars().position(|c| !is_allowed(c)) {
        return Err(InvalidField {
            field,
            problem: FieldProblem::Character {
                position: at + 1,
                allowed,
            },
        });
    }
    if text.len() > limit {
        return Err(InvalidField {
            field,
            problem: FieldProblem::TooLong {
                length: text.len(),
                limit,
            },
        });
    }
    Ok(text.to_owned())
}
