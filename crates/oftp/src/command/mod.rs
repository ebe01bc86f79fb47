//! The commands (RFC 5024, 5.3): one file a command, layouts of every level in it.
//!
//! Decoding forgives what [`Tolerances`] allow and reports each leniency; encoding is strict.

mod auch;
mod aurp;
mod cd;
mod cdt;
mod data;
mod eerp;
mod efid;
mod efna;
mod efpa;
mod esid;
mod field;
mod kind;
mod nerp;
mod rtr;
mod secd;
mod sfid;
mod sfna;
mod sfpa;
mod ssid;
mod ssrm;

pub use efna::Efna;
pub use esid::Esid;
pub(crate) use field::MOST_BEHIND;
pub use field::{Malformed, Spoils};
pub use kind::Kind;
pub use sfna::Sfna;

use crate::{Challenge, Counts, Eerp, FileHeader, Level, Nerp, Ssid, Tolerance, Tolerances};
use field::{Fields, Layout};

/// A command but DATA, which the session reads in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start Session Ready Message.
    Ssrm,
    /// Start Session.
    Ssid(Box<Ssid>),
    /// Start File.
    Sfid(Box<FileHeader>),
    /// Start File Positive Answer: the restart position.
    Sfpa(u64),
    /// Start File Negative Answer.
    Sfna(Sfna),
    /// Set Credit.
    Cdt,
    /// End File: totals.
    Efid(Counts),
    /// End File Positive Answer: whether the turn is asked for.
    Efpa(bool),
    /// End File Negative Answer.
    Efna(Efna),
    /// End Session.
    Esid(Esid),
    /// Change Direction.
    Cd,
    /// End to End Response.
    Eerp(Box<Eerp>),
    /// Negative End Response.
    Nerp(Box<Nerp>),
    /// Ready To Receive.
    Rtr,
    /// Security Change Direction.
    Secd,
    /// Authentication Challenge: CMS EnvelopedData.
    Auch(Vec<u8>),
    /// Authentication Response.
    Aurp(Challenge),
}

impl Command {
    /// Which command it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ssrm => Kind::Ssrm,
            Self::Ssid(_) => Kind::Ssid,
            Self::Sfid(_) => Kind::Sfid,
            Self::Sfpa(_) => Kind::Sfpa,
            Self::Sfna(_) => Kind::Sfna,
            Self::Cdt => Kind::Cdt,
            Self::Efid(_) => Kind::Efid,
            Self::Efpa(_) => Kind::Efpa,
            Self::Efna(_) => Kind::Efna,
            Self::Esid(_) => Kind::Esid,
            Self::Cd => Kind::Cd,
            Self::Eerp(_) => Kind::Eerp,
            Self::Nerp(_) => Kind::Nerp,
            Self::Rtr => Kind::Rtr,
            Self::Secd => Kind::Secd,
            Self::Auch(_) => Kind::Auch,
            Self::Aurp(_) => Kind::Aurp,
        }
    }

    /// Appends the exchange buffer, without the stream transmission header, as that level has it.
    /// Numbers too large for their field are written as its largest, texts cut on a character.
    pub fn encode(&self, level: Level, out: &mut Vec<u8>) {
        let layout = &mut Layout::new(self.kind(), out);
        match self {
            Self::Ssrm => ssrm::encode(layout),
            Self::Ssid(offer) => ssid::encode(offer, layout),
            Self::Sfid(header) => sfid::encode(header, level, layout),
            Self::Sfpa(restart) => sfpa::encode(*restart, level, layout),
            Self::Sfna(sfna) => sfna::encode(sfna, level, layout),
            Self::Cdt => cdt::encode(layout),
            Self::Efid(counts) => efid::encode(*counts, level, layout),
            Self::Efpa(change_direction) => efpa::encode(*change_direction, layout),
            Self::Efna(efna) => efna::encode(efna, level, layout),
            Self::Esid(esid) => esid::encode(esid, level, layout),
            Self::Cd => cd::encode(layout),
            Self::Eerp(eerp) => eerp::encode(eerp, level, layout),
            Self::Nerp(nerp) => nerp::encode(nerp, level, layout),
            Self::Rtr => rtr::encode(layout),
            Self::Secd => secd::encode(layout),
            Self::Auch(challenge) => auch::encode(challenge, layout),
            Self::Aurp(response) => aurp::encode(response, layout),
        }
    }
}

/// Reads one whole exchange buffer that is not DATA, as that level has it.
///
/// # Errors
/// [`Malformed`], with the reason an ESID gives for it: 01 for a command this level does not have,
/// 06 for a field's content, 07 for a length the command does not imply.
pub fn decode(
    buffer: &[u8],
    level: Level,
    tolerances: &Tolerances,
    tolerated: &mut Vec<Tolerance>,
) -> Result<Command, Malformed> {
    let (&code, rest) = buffer.split_first().ok_or_else(Malformed::empty)?;
    let kind = Kind::from_code(code).filter(|kind| kind.exists_at(level));
    let kind = kind.ok_or_else(|| Malformed::unknown(code, level))?;
    let mut fields = Fields::new(kind, rest, tolerances, tolerated);
    let command = read(kind, level, &mut fields)?;
    fields.finish()?;
    Ok(command)
}

fn read(kind: Kind, level: Level, fields: &mut Fields<'_>) -> Result<Command, Malformed> {
    Ok(match kind {
        Kind::Ssrm => ssrm::decode(fields).map(|()| Command::Ssrm)?,
        Kind::Ssid => Command::Ssid(Box::new(ssid::decode(fields)?)),
        Kind::Sfid => Command::Sfid(Box::new(sfid::decode(level, fields)?)),
        Kind::Sfpa => Command::Sfpa(sfpa::decode(level, fields)?),
        Kind::Sfna => Command::Sfna(sfna::decode(level, fields)?),
        Kind::Data => return Err(data::not_here()),
        Kind::Cdt => cdt::decode(fields).map(|()| Command::Cdt)?,
        Kind::Efid => Command::Efid(efid::decode(level, fields)?),
        Kind::Efpa => Command::Efpa(efpa::decode(fields)?),
        Kind::Efna => Command::Efna(efna::decode(level, fields)?),
        Kind::Esid => Command::Esid(esid::decode(fields)?),
        Kind::Cd => Command::Cd,
        Kind::Eerp => Command::Eerp(Box::new(eerp::decode(level, fields)?)),
        Kind::Nerp => Command::Nerp(Box::new(nerp::decode(level, fields)?)),
        Kind::Rtr => Command::Rtr,
        Kind::Secd => Command::Secd,
        Kind::Auch => Command::Auch(auch::decode(fields)?),
        Kind::Aurp => Command::Aurp(aurp::decode(fields)?),
    })
}
