//! What the two sides offer each other and what they agree upon (RFC 5024, 5.3.2, 9.7).

use std::time::Duration;

use super::abort::Abort;
use crate::{Level, OdetteId, Password, SessionReason, Tolerances, UserData};

/// Which way files may go (SSIDSR), seen from the side that says so. Responses go either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `B`.
    Both,
    /// `S`.
    SendOnly,
    /// `R`.
    ReceiveOnly,
}

impl Mode {
    /// Whether files go from there.
    #[must_use]
    pub fn sends(self) -> bool {
        self != Self::ReceiveOnly
    }

    /// Whether files are taken there.
    #[must_use]
    pub fn receives(self) -> bool {
        self != Self::SendOnly
    }
}

/// How long to wait. The RFC names no values (4.7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// From the start until the session stands. 60 s.
    pub setup: Duration,
    /// While nothing moves. 300 s. Counted again from every whole command, every answer, and every `least` octets.
    pub idle: Duration,
    /// Octets of a file or of a command that count as movement. 1 KiB. So a file that comes more slowly than `least`
    /// octets in the time of `idle` ends the session.
    pub least: u64,
    /// After our ESID, for the partner to close the connection. 5 s.
    pub disconnect: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let [setup, idle, disconnect] = [60, 300, 5].map(Duration::from_secs);
        Self {
            setup,
            idle,
            least: 1024,
            disconnect,
        }
    }
}

/// Our side of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Params {
    /// The highest level we speak.
    pub level: Level,
    /// Our identification code, SSIDCODE.
    pub code: OdetteId,
    /// Our password, as SSIDPSWD sends it (RFC 5024, 5.3.2).
    pub password: Password,
    /// SSIDUSER.
    pub user: UserData,
    /// Largest DATA buffer, 128 to 99,999 octets with `D` and without stream header.
    pub buffer_size: u32,
    /// Which way files may go.
    pub mode: Mode,
    /// Whether we can compress buffers.
    pub compression: bool,
    /// Whether we can restart files.
    pub restart: bool,
    /// DATA buffers sent before waiting for credit, 1 to 999.
    pub credit: u16,
    /// Whether we require session authentication. Not negotiable, and impossible below level 2.0.
    pub authentication: bool,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What to forgive.
    pub tolerances: Tolerances,
}

impl Params {
    /// Level 2.0, the largest buffer and window, both ways, restart, neither compression nor
    /// authentication.
    pub fn new(code: OdetteId, password: Password) -> Self {
        Self {
            level: Level::V20,
            code,
            password,
            user: UserData::default(),
            buffer_size: LARGEST_BUFFER,
            mode: Mode::Both,
            compression: false,
            restart: true,
            credit: LARGEST_CREDIT,
            authentication: false,
            timeouts: Timeouts::default(),
            tolerances: Tolerances::default(),
        }
    }

    /// What an initiator says of itself.
    pub(crate) fn offer(&self) -> Ssid {
        Ssid {
            level: self.level.code(),
            code: self.code.clone(),
            password: self.password.clone(),
            user: self.user.clone(),
            buffer_size: self.buffer_size.clamp(SMALLEST_BUFFER, LARGEST_BUFFER),
            mode: self.mode,
            compression: self.compression,
            restart: self.restart,
            special_logic: false,
            credit: self.credit.clamp(1, LARGEST_CREDIT),
            authentication: self.authentication,
        }
    }

    /// What a responder says of itself: what was agreed.
    pub(crate) fn answer(&self, agreed: &Agreement) -> Ssid {
        Ssid {
            level: agreed.level.code(),
            buffer_size: agreed.buffer_size,
            mode: match (agreed.may_send, agreed.may_receive) {
                (true, false) => Mode::SendOnly,
                (false, true) => Mode::ReceiveOnly,
                _ => Mode::Both,
            },
            compression: agreed.compression,
            restart: agreed.restart,
            credit: agreed.credit,
            authentication: agreed.authentication,
            ..self.offer()
        }
    }
}

/// What the partner said of itself in its SSID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ssid {
    /// The digit on the wire; may be above what we know.
    pub level: u8,
    /// Its identification code, SSIDCODE.
    pub code: OdetteId,
    /// Its password; compare with [`Password::matches`].
    pub password: Password,
    /// SSIDUSER.
    pub user: UserData,
    /// SSIDSDEB, octets.
    pub buffer_size: u32,
    /// SSIDSR, seen from its side.
    pub mode: Mode,
    /// SSIDCMPR.
    pub compression: bool,
    /// SSIDREST.
    pub restart: bool,
    /// SSIDSPEC; never agreed to.
    pub special_logic: bool,
    /// SSIDCRED.
    pub credit: u16,
    /// SSIDAUTH; false below level 2.0.
    pub authentication: bool,
}

/// What holds for a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agreement {
    /// What the partner's SSID said, as it was sent.
    pub partner: Ssid,
    /// The lower of the two levels: every layout follows it.
    pub level: Level,
    /// Largest DATA buffer either way, octets.
    pub buffer_size: u32,
    /// DATA buffers before credit is needed.
    pub credit: u16,
    /// Whether buffers may be compressed.
    pub compression: bool,
    /// Whether files may be restarted.
    pub restart: bool,
    /// Whether the session is authenticated.
    pub authentication: bool,
    /// Whether we may send files.
    pub may_send: bool,
    /// Whether we may receive files.
    pub may_receive: bool,
}

const SMALLEST_BUFFER: u32 = 128;
const LARGEST_BUFFER: u32 = 99_999;
const LARGEST_CREDIT: u16 = 999;

impl Agreement {
    /// Compares what we are with what the partner offers (RFC 5024, 9.8.3, P2, P8 and P10).
    ///
    /// The reason to refuse is that of level 2.0; writing an ESID maps it down.
    pub(crate) fn reach(own: &Params, partner: Ssid) -> Result<Self, Abort> {
        let ours = own.offer();
        let level = own.level.min(Level::at_most(partner.level));
        if partner.buffer_size < SMALLEST_BUFFER {
            return Err(incompatible("the buffer size is below 128 octets"));
        }
        if partner.credit == 0 {
            return Err(incompatible("a credit of 0 lets nothing through"));
        }
        let agreed = Self {
            level,
            buffer_size: ours.buffer_size.min(partner.buffer_size),
            credit: ours.credit.min(partner.credit),
            compression: ours.compression && partner.compression,
            restart: ours.restart && partner.restart,
            authentication: own.authentication,
            may_send: ours.mode.sends() && partner.mode.receives(),
            may_receive: ours.mode.receives() && partner.mode.sends(),
            partner,
        };
        agreed.check_authentication()?;
        if !agreed.may_send && !agreed.may_receive {
            return Err(incompatible("both sides can only send, or only receive"));
        }
        Ok(agreed)
    }

    fn check_authentication(&self) -> Result<(), Abort> {
        let partner = self.level >= Level::V20 && self.partner.authentication;
        let problem = match (self.authentication, partner) {
            (true, false) if self.level < Level::V20 => {
                "session authentication is required and needs level 2.0"
            }
            (true, false) => "session authentication is required and was not offered",
            (false, true) => "session authentication was asked for and is not set up",
            _ => return Ok(()),
        };
        Err(Abort {
            reason: SessionReason::AuthenticationIncompatible,
            text: problem.into(),
        })
    }
}

fn incompatible(problem: &str) -> Abort {
    Abort::new(SessionReason::Incompatible, problem)
}
