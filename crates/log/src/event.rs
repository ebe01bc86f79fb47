//! What an event is, and how a crate declares its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something does not work that should.
    Error,
    /// An operator should look at it some time.
    Warn,
    /// Normal operation.
    Info,
    /// Details for finding a fault.
    Debug,
    /// Every step.
    Trace,
}

impl Severity {
    /// As a line has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// Whether every event of a kind is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Each event is written: there is one for each file that is stored, or one for the whole server.
    Every,
    /// Events are written as long as they are not repeated too often for one partner or address, since others can cause
    /// any number of them.
    Counted,
}

/// What all events of a kind have in common.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Short and stable: never given to another kind of event, also when this one is gone.
    pub code: &'static str,
    /// Its name, for searching. Two codes may share one where they are the good and the bad end of the same thing.
    pub event: &'static str,
    /// How much it matters.
    pub level: Severity,
    /// Whether each is written.
    pub rate: Rate,
    /// The part of the program that emits it, for `RUST_LOG`.
    pub part: &'static str,
    /// What an operator does about it; a dash where there is nothing to do.
    pub remedy: &'static str,
}

/// Something an operator may want to know. Declared by [`events!`](crate::events!).
pub trait LogEvent {
    /// What is the same in all events of its kind.
    fn facts(&self) -> &'static Facts;
    /// Shows each field that has a value.
    fn fields(&self, see: &mut dyn FnMut(&'static str, FieldValue<'_>));
    /// The event as a sentence, without a line end. Texts of others are in it unchanged.
    ///
    /// # Errors
    /// Those of the formatter.
    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// What stands in a field of an event: as JSON writes it in a line of the log, and as a watcher gets it.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A text, or what is shown as one.
    Text(Cow<'a, str>),
    /// A count, a size in octets, or a number of the RFC.
    Number(u64),
    /// A duration in seconds, with their fractions.
    Seconds(f64),
    /// Yes or no.
    Flag(bool),
}

impl<'a> FieldValue<'a> {
    /// What is shown as a text.
    #[must_use]
    pub fn shown(what: &dyn fmt::Display) -> Self {
        Self::Text(Cow::Owned(what.to_string()))
    }

    /// The same, which borrows nothing.
    pub(crate) fn into_owned(self) -> FieldValue<'static> {
        match self {
            Self::Text(text) => FieldValue::Text(Cow::Owned(text.into_owned())),
            Self::Number(number) => FieldValue::Number(number),
            Self::Seconds(seconds) => FieldValue::Seconds(seconds),
            Self::Flag(flag) => FieldValue::Flag(flag),
        }
    }
}

impl Serialize for FieldValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Seconds(seconds) => serializer.serialize_f64(*seconds),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
        }
    }
}

/// An event as data, with the keys that its line has in JSON but for the time, and with its remedy.
///
/// # Errors
/// Those of the serializer.
#[doc(hidden)]
pub fn serialize<S: Serializer>(event: &dyn LogEvent, serializer: S) -> Result<S::Ok, S::Error> {
    let facts = event.facts();
    let mut fields = BTreeMap::new();
    event.fields(&mut |name, value| {
        // What is borrowed from the event outlives this call as a value of JSON only.
        let value = serde_json::to_value(value).unwrap_or_default();
        fields.insert(name, value);
    });
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("level", facts.level.name())?;
    map.serialize_entry("code", facts.code)?;
    map.serialize_entry("event", facts.event)?;
    for (name, value) in fields {
        map.serialize_entry(name, &value)?;
    }
    let message = fmt::from_fn(|f| event.sentence(f)).to_string();
    map.serialize_entry("message", &message)?;
    map.serialize_entry("remedy", facts.remedy)?;
    map.end()
}

/// What a field of an event may be. One type may show several fields, or none.
pub trait Field {
    /// Shows its value under this name.
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>));
}

macro_rules! fields_of {
    ($($type:ty => |$value:ident| $shown:expr;)+) => {
        $(impl Field for $type {
            fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
                let $value = self;
                see(name, $shown);
            }
        })+
    };
}

fields_of! {
    String => |text| FieldValue::Text(Cow::Borrowed(text));
    &'static str => |text| FieldValue::Text(Cow::Borrowed(text));
    Arc<str> => |text| FieldValue::Text(Cow::Borrowed(text));
    u64 => |number| FieldValue::Number(*number);
    u32 => |number| FieldValue::Number((*number).into());
    usize => |number| FieldValue::Number(*number as u64);
    bool => |flag| FieldValue::Flag(*flag);
    Duration => |time| FieldValue::Seconds((time.as_secs_f64() * 1000.0).round() / 1000.0);
    SocketAddr => |address| FieldValue::shown(address);
    IpAddr => |address| FieldValue::shown(address);
    PathBuf => |path| FieldValue::shown(&path.display());
}

impl<T: Field> Field for Option<T> {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        if let Some(value) = self {
            value.show(name, see);
        }
    }
}

/// Stops the compiler at a field that would put a key of every line of JSON there twice.
#[doc(hidden)]
pub const fn is_no_key(field: &str) {
    assert!(
        !matches!(
            field.as_bytes(),
            b"time" | b"level" | b"code" | b"event" | b"message" | b"remedy"
        ),
        "each line of the log has this key already"
    );
}

/// Declares the events of a crate as one enum.
///
/// ```
/// pointsman_log::events! {
///     /// What this crate logs.
///     pub enum Event of "store";
///
///     /// a file was put into its folder
///     "DOC-001" "file-delivered" Info Every
///     Delivered { transfer: String, path: String }
///     says("transfer {transfer} is delivered to {path}")
///     remedy("–")
/// }
///
/// let event = Event::Delivered { transfer: "1".to_owned(), path: "a/b".to_owned() };
/// assert_eq!(event.to_string(), "transfer 1 is delivered to a/b");
/// assert_eq!(
///     serde_json::to_value(&event).unwrap(),
///     serde_json::json!({
///         "level": "INFO", "code": "DOC-001", "event": "file-delivered",
///         "transfer": "1", "path": "a/b", "message": "transfer 1 is delivered to a/b", "remedy": "–",
///     })
/// );
/// ```
///
/// A field that has the name of a key of every line (`time`, `level`, `code`, `event`, `message`) does not compile:
///
/// ```compile_fail
/// pointsman_log::events! {
///     /// What this crate logs.
///     pub enum Event of "store";
///
///     /// somebody waits
///     "DOC-001" "waits" Info Every
///     Waits { time: u64 }
///     says("somebody waits {time} s")
///     remedy("–")
/// }
/// ```
///
/// Of each event: its comment says what has happened, and stands in `docs/operating.md` with the `remedy` (`cargo xtask
/// events` writes that table, `cargo xtask tidy` looks whether it is up to date); then its code, which was never used
/// before, also not by an event that is gone; its name, which the good and the bad end of one thing may share; its
/// [`Severity`] and [`Rate`]; its fields, which are the fields of the line; and the sentence, as [`format!`] takes it.
#[macro_export]
macro_rules! events {
    (
        $(#[$on_enum:meta])*
        $visible:vis enum $name:ident of $part:literal;
        $(
            $(#[doc = $means:literal])+
            $code:literal $event:literal $level:ident $rate:ident
            $variant:ident { $($field:ident: $type:ty),* $(,)? }
            says($($sentence:tt)+)
            remedy($remedy:literal)
        )+
    ) => {
        $(#[$on_enum])*
        #[derive(Clone, Debug)]
        $visible enum $name {
            $(
                $(#[doc = $means])+
                $variant {
                    $(
                        #[doc = concat!("The field `", stringify!($field), "`.")]
                        $field: $type,
                    )*
                },
            )+
        }

        impl $crate::LogEvent for $name {
            fn facts(&self) -> &'static $crate::Facts {
                match self {
                    $(Self::$variant { .. } => &$crate::Facts {
                        code: $code,
                        event: $event,
                        level: $crate::Severity::$level,
                        rate: $crate::Rate::$rate,
                        part: $part,
                        remedy: $remedy,
                    },)+
                }
            }

            fn fields(&self, see: &mut dyn FnMut(&'static str, $crate::FieldValue<'_>)) {
                let _ = &see;
                match self {
                    $(Self::$variant { $($field),* } => {
                        $(
                            const { $crate::is_no_key(stringify!($field)) };
                            $crate::Field::show($field, stringify!($field), see);
                        )*
                    })+
                }
            }

            #[allow(unused_variables, reason = "a sentence need not say every field")]
            fn sentence(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(Self::$variant { $($field),* } => ::std::write!(f, $($sentence)+),)+
                }
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                $crate::serialize(self, serializer)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let sentence = ::std::fmt::from_fn(|f| $crate::LogEvent::sentence(self, f));
                ::std::fmt::Display::fmt(&$crate::Printable(&sentence), f)
            }
        }
    };
}
