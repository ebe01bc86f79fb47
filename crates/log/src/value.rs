//! What a line is made of.

use std::borrow::Cow;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something does not work that should.
    Error,
    /// Somebody should look at it some time.
    Warn,
    /// What happens in the course of things.
    Info,
    /// For who looks for a fault.
    Debug,
    /// Every step.
    Trace,
}

impl Level {
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

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A text, or what is shown as one.
    Text(Cow<'a, str>),
    /// A count.
    Number(u64),
    /// Yes or no.
    Flag(bool),
}
