//! Where a session is: the states of RFC 5024, 9.3, each with what only it needs.
//!
//! A state says its name and which commands belong in it. What a command does there is in `connecting` (9.8),
//! `speaking` (9.10, 9.11), `listening` (9.12) and `ends` (9.9).

use crate::command::Kind;
use crate::{Challenge, Ssid, StateName};

use super::open_file::{OpenInput, OpenOutput};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SessionState {
    Connecting(Connecting),
    Speaking(Speaking),
    Listening(Listening),
    /// Our ESID is on its way, and what still arrives is dropped. The partner closes the connection, so that our ESID
    /// is not lost to a reset.
    WfNdisc,
    /// The session is over.
    Idle,
}

/// States of 9.8.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Connecting {
    IWfRm,
    IWfSsid,
    ANcOnly,
    AWfConrs(Box<Ssid>),
    WfAuch,
    /// WF_AUCH, the challenge being opened.
    Opening,
    WfSecd,
    /// WF_SECD, our challenge being made.
    Challenging,
    /// WF_AURP, with the challenge that is to come back.
    WfAurp(Challenge),
}

/// States of 9.10 and 9.11.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Speaking {
    IdleSp,
    IdleSpCd,
    WfRtr,
    WfCd,
    Opop {
        /// SFIDREST: the partner's answer may not be above it.
        restart: u64,
        in_records: bool,
    },
    /// OPO, and OPOWFC while there is no credit.
    Opo(OpenOutput),
    Clop,
}

/// States of 9.12.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Listening {
    IdleLi,
    IdleLiCd,
    Opip {
        /// SFIDREST: our answer may not be above it.
        restart: u64,
        in_records: bool,
    },
    Opi(OpenInput),
    Clip,
    Rtrp,
}

impl SessionState {
    pub(super) fn name(&self) -> StateName {
        match self {
            Self::Connecting(state) => state.name(),
            Self::Speaking(state) => state.name(),
            Self::Listening(state) => state.name(),
            Self::WfNdisc => StateName::WfNdisc,
            Self::Idle => StateName::Idle,
        }
    }

    /// The commands that belong here. ESID does everywhere.
    pub(super) fn expects(&self) -> &'static [Kind] {
        match self {
            Self::Connecting(state) => state.expects(),
            Self::Speaking(state) => state.expects(),
            Self::Listening(state) => state.expects(),
            Self::WfNdisc | Self::Idle => &[],
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::WfNdisc | Self::Idle)
    }

    /// Whether a file's octets are on their way.
    pub(super) fn is_in_a_file(&self) -> bool {
        matches!(
            self,
            Self::Speaking(Speaking::Opo(_)) | Self::Listening(Listening::Opi(_))
        )
    }
}

impl Connecting {
    fn name(&self) -> StateName {
        match self {
            Self::IWfRm => StateName::IWfRm,
            Self::IWfSsid => StateName::IWfSsid,
            Self::ANcOnly => StateName::ANcOnly,
            Self::AWfConrs(_) => StateName::AWfConrs,
            Self::WfAuch | Self::Opening => StateName::WfAuch,
            Self::WfSecd | Self::Challenging => StateName::WfSecd,
            Self::WfAurp(_) => StateName::WfAurp,
        }
    }

    fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IWfRm => &[Kind::Ssrm],
            Self::IWfSsid | Self::ANcOnly => &[Kind::Ssid],
            Self::WfAuch => &[Kind::Auch],
            Self::WfSecd => &[Kind::Secd],
            Self::WfAurp(_) => &[Kind::Aurp],
            Self::AWfConrs(_) | Self::Opening | Self::Challenging => &[],
        }
    }
}

impl Speaking {
    fn name(&self) -> StateName {
        match self {
            Self::IdleSp => StateName::IdleSp,
            Self::IdleSpCd => StateName::IdleSpCd,
            Self::WfRtr => StateName::WfRtr,
            Self::WfCd => StateName::WfCd,
            Self::Opop { .. } => StateName::Opop,
            Self::Opo(file) if file.credit > 0 => StateName::Opo,
            Self::Opo(_) => StateName::Opowfc,
            Self::Clop => StateName::Clop,
        }
    }

    fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IdleSp | Self::IdleSpCd => &[],
            Self::WfRtr => &[Kind::Rtr],
            Self::WfCd => &[Kind::Cd],
            Self::Opop { .. } => &[Kind::Sfpa, Kind::Sfna],
            Self::Opo(_) => &[Kind::Cdt],
            Self::Clop => &[Kind::Efpa, Kind::Efna, Kind::Cdt],
        }
    }
}

impl Listening {
    fn name(&self) -> StateName {
        match self {
            Self::IdleLi => StateName::IdleLi,
            Self::IdleLiCd => StateName::IdleLiCd,
            Self::Opip { .. } => StateName::Opip,
            Self::Opi(_) => StateName::Opi,
            Self::Clip => StateName::Clip,
            Self::Rtrp => StateName::Rtrp,
        }
    }

    fn expects(&self) -> &'static [Kind] {
        match self {
            Self::IdleLi => &[Kind::Sfid, Kind::Eerp, Kind::Nerp, Kind::Cd],
            Self::IdleLiCd => &[Kind::Sfid, Kind::Eerp, Kind::Nerp],
            Self::Opi(_) => &[Kind::Data, Kind::Efid],
            Self::Opip { .. } | Self::Clip | Self::Rtrp => &[],
        }
    }
}

impl From<Connecting> for SessionState {
    fn from(state: Connecting) -> Self {
        Self::Connecting(state)
    }
}

impl From<Speaking> for SessionState {
    fn from(state: Speaking) -> Self {
        Self::Speaking(state)
    }
}

impl From<Listening> for SessionState {
    fn from(state: Listening) -> Self {
        Self::Listening(state)
    }
}
