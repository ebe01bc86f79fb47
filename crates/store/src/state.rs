//! The states of files and receipts, and which way a file goes.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares an enum whose variants are kept in the ledger under fixed words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// The word the ledger keeps.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// All of them, in the order in which a transfer goes through them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Their words.
            pub const WORDS: &[&str] = &[$($word,)+];

            /// What is kept under that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = String::deserialize(from)?;
                Self::parse(&word).ok_or_else(|| D::Error::unknown_variant(&word, Self::WORDS))
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Which way a virtual file goes, seen from here.
    Direction {
        /// From a partner to us.
        Inbound = "in",
        /// From us to a partner.
        Outbound = "out",
    }
}

words! {
    /// The states of a received file. After a crash a file is in one of these and no other.
    InboundState {
        /// Offered and not received yet: it is being received, broke off, or was refused (SFNA after its row, EFNA).
        /// The spool may have a partial. After a crash the partner offers it again.
        Receiving = "receiving",
        /// A secured file: all octets as on the wire are sealed and committed, so the partner may have our EFPA. It is not
        /// opened yet, so there is nothing to deliver. After a crash opening starts over.
        Opening = "opening",
        /// Sealed and committed: the partner may have our EFPA. After a crash it is delivered. Of a file that was secured
        /// the plain content is sealed too.
        Received = "received",
        /// The visible name is chosen and committed; the rename may or may not have happened.
        Placing = "placing",
        /// In its folder. A receipt is owed in the same transaction unless a policy asked to wait, or a command is to take it.
        Delivered = "delivered",
        /// Refused after EFPA; the content is kept unless the configuration says otherwise, and a NERP is owed in the same
        /// transaction.
        Rejected = "rejected",
    }
}

words! {
    /// The states of a file to send. A session may have claimed one that is `Ready`; the claim ends with the session or
    /// its program.
    OutboundState {
        /// Waits for a session with its partner.
        Ready = "ready",
        /// EFPA came: the partner has every octet. Its receipt is awaited.
        Sent = "sent",
        /// Sent, and its receipt has not come in time. The receipt is still awaited.
        Overdue = "overdue",
        /// The EERP is here and recorded.
        Acknowledged = "acknowledged",
        /// A NERP is here and recorded.
        Rejected = "rejected",
        /// Refused finally: it is not tried again until an operator decides.
        Parked = "parked",
        /// Kept back by an operator until it is released.
        Held = "held",
        /// Taken out of the queue by an operator; the content stays in the spool.
        Cancelled = "cancelled",
    }
}

impl OutboundState {
    /// Whether neither its EFPA nor its receipt has come: it is in the queue, or was taken out of it.
    #[must_use]
    pub(crate) fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Held | Self::Parked | Self::Cancelled
        )
    }
}

words! {
    /// How far an EERP or NERP is, ours or the partner's.
    ReceiptState {
        /// Ours: the partner has not confirmed it by RTR yet.
        Owed = "owed",
        /// Ours: the partner has confirmed it, or it is not supported at the partner's level.
        Given = "given",
        /// The partner's.
        Received = "received",
    }
}

/// The state of a file, whichever way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Of a received file.
    Inbound(InboundState),
    /// Of a file to send.
    Outbound(OutboundState),
}

impl State {
    /// The state of this word for a file of this direction.
    #[must_use]
    pub fn of(direction: Direction, word: &str) -> Option<Self> {
        match direction {
            Direction::Inbound => InboundState::parse(word).map(Self::Inbound),
            Direction::Outbound => OutboundState::parse(word).map(Self::Outbound),
        }
    }

    /// Every state of this word: a received file and a file to send may have states of the same word.
    #[must_use]
    pub fn called(word: &str) -> Vec<Self> {
        let ways = Direction::ALL.iter();
        ways.filter_map(|way| Self::of(*way, word)).collect()
    }

    /// The direction of the file.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Self::Inbound(_) => Direction::Inbound,
            Self::Outbound(_) => Direction::Outbound,
        }
    }

    /// The word the ledger keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound(state) => state.as_str(),
            Self::Outbound(state) => state.as_str(),
        }
    }
}

impl From<InboundState> for State {
    fn from(state: InboundState) -> Self {
        Self::Inbound(state)
    }
}

impl From<OutboundState> for State {
    fn from(state: OutboundState) -> Self {
        Self::Outbound(state)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_what_it_was_written_for() {
        for state in InboundState::ALL {
            let state = State::from(*state);
            assert_eq!(State::of(Direction::Inbound, state.as_str()), Some(state));
        }
        for state in OutboundState::ALL {
            let state = State::from(*state);
            assert_eq!(State::of(Direction::Outbound, state.as_str()), Some(state));
        }
        for state in ReceiptState::ALL {
            assert_eq!(ReceiptState::parse(state.as_str()), Some(*state));
        }
        assert_eq!(State::of(Direction::Inbound, "ready"), None);
        assert_eq!(State::of(Direction::Outbound, "Ready"), None);
    }

    #[test]
    fn a_word_of_both_ways_names_two_states() {
        let both = [
            InboundState::Rejected.into(),
            OutboundState::Rejected.into(),
        ];
        assert_eq!(State::called("rejected"), both);
        assert_eq!(State::called("parked"), [OutboundState::Parked.into()]);
        assert_eq!(State::called(""), []);
    }

    #[test]
    fn a_state_is_shown_and_serialized_as_its_word() {
        let state = State::from(InboundState::Placing);
        assert_eq!(format!("{state:9}|"), "placing  |");
        assert_eq!(serde_json::to_string(&state).unwrap(), "\"placing\"");
        let receipt = ReceiptState::Owed;
        assert_eq!(serde_json::to_string(&Some(receipt)).unwrap(), "\"owed\"");
        assert_eq!(
            serde_json::from_str::<ReceiptState>("\"owed\"").unwrap(),
            receipt
        );
        let unknown = serde_json::from_str::<ReceiptState>("\"Owed\"").unwrap_err();
        assert!(unknown.to_string().contains("`given`"), "{unknown}");
        assert_eq!(
            serde_json::to_string(&Direction::Outbound).unwrap(),
            "\"out\""
        );
    }
}
