//! The moments at which policies are asked, and what is done when one of them fails.

use std::fmt;
use std::str::FromStr;

/// One row a hook: its name, and the interface of `wit/` that has its function.
macro_rules! hooks {
    ($($(#[$doc:meta])* $hook:ident = $name:literal of $interface:literal,)*) => {
        /// A moment at which policies are asked. Written in kebab-case, as in the WIT files.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Hook {
            $($(#[$doc])* $hook,)*
        }

        impl Hook {
            /// All hooks, in the order a session meets them; then those outside of sessions.
            pub const ALL: [Hook; [$($name),*].len()] = [$(Hook::$hook),*];

            /// Its name: `accept-connection` and so on.
            pub fn name(self) -> &'static str {
                match self {
                    $(Hook::$hook => $name,)*
                }
            }

            /// The interface of `oftp:policy` that a component exports to be asked: `connections` and so on.
            pub fn interface(self) -> &'static str {
                match self {
                    $(Hook::$hook => $interface,)*
                }
            }
        }
    };
}

hooks! {
    /// The partner's SSID has come (RFC 5024 section 4.2).
    AcceptConnection = "accept-connection" of "connections",
    /// The partner offers a file: SFID (RFC 5024 section 4.3).
    AcceptFile = "accept-file" of "files",
    /// A transfer has ended (RFC 5024 section 4.5).
    EndTransfer = "end-transfer" of "transfers",
    /// The turn is ours (RFC 5024 section 3.3.4).
    ReadyToSend = "ready-to-send" of "turns",
    /// An EERP or NERP has come (RFC 5024 sections 4.3.6 and 4.3.7).
    EndResponse = "end-response" of "responses",
    /// A file of ours is to be queued; outside of sessions.
    QueueFile = "queue-file" of "queue",
}

/// What a policy's failure (trap, deadline, impossible answer, ...) means for the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnFailure {
    /// The protocol's temporary refusal: the partner may come again.
    #[default]
    Retry,
    /// A refusal for good.
    Refuse,
    /// As if the policy had passed.
    Accept,
}

impl OnFailure {
    /// All of them.
    pub const ALL: [OnFailure; 3] = [OnFailure::Retry, OnFailure::Refuse, OnFailure::Accept];

    /// Its name: `retry`, `refuse` or `accept`.
    pub fn name(self) -> &'static str {
        match self {
            OnFailure::Retry => "retry",
            OnFailure::Refuse => "refuse",
            OnFailure::Accept => "accept",
        }
    }
}

/// A name that is none of those that are expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is no {what}; known are {known}")]
pub struct UnknownName {
    /// What was read.
    pub got: String,
    /// What it should have been.
    pub what: &'static str,
    /// The names there are, with commas between.
    pub known: String,
}

impl FromStr for Hook {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named(text, "hook", Hook::ALL, Hook::name)
    }
}

impl FromStr for OnFailure {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named(text, "on-failure mode", OnFailure::ALL, OnFailure::name)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn named<T: Copy, const N: usize>(
    text: &str,
    what: &'static str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, UnknownName> {
    all.into_iter()
        .find(|one| name(*one) == text)
        .ok_or_else(|| UnknownName {
            got: text.to_owned(),
            what,
            known: all.map(name).join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_they_are_written() {
        for hook in Hook::ALL {
            assert_eq!(hook.to_string().parse(), Ok(hook));
        }
        for mode in OnFailure::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "AcceptFile".parse::<Hook>().unwrap_err();
        let names = Hook::ALL.map(|hook| hook.to_string()).join(", ");
        assert_eq!(
            error.to_string(),
            format!("`AcceptFile` is no hook; known are {names}")
        );
    }
}
