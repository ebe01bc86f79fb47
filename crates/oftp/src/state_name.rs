//! The states of a session by name (RFC 5024, 9.3).

use std::fmt;

macro_rules! state_names {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// Where a session is, by the name of RFC 5024, 9.3. Displayed as the RFC writes it.
        ///
        /// Names that begin with I belong to an initiator, those with A to a responder. States of the RFC in which a
        /// caller's request would be stored (RTR, CD or EERP pending) have no name here: a session asks for the next
        /// request only where it can serve it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum StateName {
            $($(#[$doc])* $variant,)*
        }

        impl StateName {
            /// Every name, in the order of a session.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as the RFC writes it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The state that the RFC calls so, if a session can be in it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

state_names! {
    /// Connected; waiting for the ready message (SSRM).
    IWfRm "I_WF_RM",
    /// Introduced; waiting for the partner's SSID.
    IWfSsid "I_WF_SSID",
    /// Called; the ready message is out, and the caller's SSID has not come yet.
    ANcOnly "A_NC_ONLY",
    /// The caller introduced itself; waiting for the answer to `ConnectionOffered`.
    AWfConrs "A_WF_CONRS",
    /// Waiting for the partner's challenge (AUCH), or for the answer to `ChallengeOffered`.
    WfAuch "WF_AUCH",
    /// Waiting for SECD, or for the answer to `ChallengeWanted`.
    WfSecd "WF_SECD",
    /// Challenged the partner; waiting for its response (AURP).
    WfAurp "WF_AURP",
    /// Speaker with nothing under way: `YourTurn` is waiting.
    IdleSp "IDLESP",
    /// The same after CD: the session may be released here.
    IdleSpCd "IDLESPCD",
    /// EERP or NERP is out; waiting for RTR.
    WfRtr "WF_RTR",
    /// EFPA asked for the turn; waiting for CD.
    WfCd "WF_CD",
    /// A file is offered (SFID); waiting for SFPA or SFNA.
    Opop "OPOP",
    /// A file is open to send, with credit.
    Opo "OPO",
    /// A file is open to send; waiting for credit (CDT).
    Opowfc "OPOWFC",
    /// A file was sent whole (EFID); waiting for EFPA or EFNA.
    Clop "CLOP",
    /// Listener with nothing under way.
    IdleLi "IDLELI",
    /// The same after our CD: the partner may release the session here.
    IdleLiCd "IDLELICD",
    /// The partner offers a file; waiting for the answer to `FileOffered`.
    Opip "OPIP",
    /// A file is open to receive.
    Opi "OPI",
    /// The partner sent a file whole; waiting for the answer to `FileClosed`.
    Clip "CLIP",
    /// A response came; waiting for the answer to `ResponseOffered`.
    Rtrp "RTRP",
    /// ESID is out; waiting for the partner to close the connection.
    WfNdisc "WF_NDISC",
    /// The session is over.
    Idle "IDLE",
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
