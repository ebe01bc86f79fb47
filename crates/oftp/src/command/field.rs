//! Fields (RFC 5024, 5.3): read one after the other, leniently where allowed; written strictly.

use crate::{
    DatasetName, FileReason, InvalidField, Leniency, Level, OdetteId, SessionReason, Tolerance,
    Tolerances, UserData,
};

use super::Kind;

/// Why a command cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Malformed {
    /// What an ESID says of it: 01, 06 or 07.
    pub reason: SessionReason,
    /// Command, field and fault, for people; no content.
    pub problem: String,
    /// What it spoils, where that is not the session: else nobody knows what comes next.
    pub spoils: Option<Spoils>,
}

/// What a command that cannot be read spoils where its layout can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoils {
    /// One file: an SFNA says why it is not taken.
    File(FileReason),
    /// One response: it names no file.
    Response,
}

impl Malformed {
    /// A fault that ends the session.
    pub(crate) fn new(reason: SessionReason, problem: impl Into<String>) -> Self {
        Self {
            reason,
            problem: problem.into(),
            spoils: None,
        }
    }

    /// The same fault, which spoils no more than that, if it is one of content. A wrong length stays the session's.
    pub(super) fn spoiling(self, spoils: Spoils) -> Self {
        match self.reason {
            SessionReason::InvalidData => Self {
                spoils: Some(spoils),
                ..self
            },
            _ => self,
        }
    }

    /// The same fault; the session's again where the command is not `whole`, which has the length that it must have.
    pub(super) fn where_whole(self, whole: bool) -> Self {
        Self {
            spoils: self.spoils.filter(|_| whole),
            ..self
        }
    }

    pub(crate) fn empty() -> Self {
        let problem = "an exchange buffer without a command";
        Self::new(SessionReason::BufferSize, problem)
    }

    pub(crate) fn unknown(code: u8, level: Level) -> Self {
        let problem = format!("no command of level {level} begins with 0x{code:02X}");
        Self::new(SessionReason::UnknownCommand, problem)
    }
}

/// The fields of one command, read from left to right.
pub(super) struct Fields<'a> {
    kind: Kind,
    rest: &'a [u8],
    tolerances: &'a Tolerances,
    tolerated: &'a mut Vec<Tolerance>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        kind: Kind,
        rest: &'a [u8],
        tolerances: &'a Tolerances,
        tolerated: &'a mut Vec<Tolerance>,
    ) -> Self {
        Self {
            kind,
            rest,
            tolerances,
            tolerated,
        }
    }

    /// Octets that are not read yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// `n` octets as they are.
    pub(super) fn octets(&mut self, field: &str, n: usize) -> Result<&'a [u8], Malformed> {
        let Some((octets, rest)) = self.rest.split_at_checked(n) else {
            let missing = n - self.rest.len();
            return Err(self.wrong_size(format!("{field} ends {missing} octets early")));
        };
        self.rest = rest;
        Ok(octets)
    }

    /// All that is left.
    pub(super) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn octet(&mut self, field: &str) -> Result<u8, Malformed> {
        Ok(self.octets(field, 1)?.first().copied().unwrap_or_default())
    }

    /// A reserved field: whatever it holds.
    pub(super) fn reserved(&mut self, field: &str, n: usize) -> Result<(), Malformed> {
        self.octets(field, n).map(|_| ())
    }

    /// The octets of a text: NUL octets around it are a leniency.
    pub(super) fn padded(&mut self, field: &str, n: usize) -> Result<&'a [u8], Malformed> {
        let octets = self.octets(field, n)?;
        let text = without(octets, |octet| octet == 0 || octet == b' ');
        // Blanks alone are for whoever reads the text: on its left they are part of it.
        if text.contains(&0) || !octets.contains(&0) {
            return Ok(octets);
        }
        self.tolerate(Leniency::NulPadding, field)?;
        Ok(text)
    }

    pub(super) fn odette_id(&mut self, field: &str) -> Result<OdetteId, Malformed> {
        let octets = self.padded(field, OdetteId::LIMIT)?;
        OdetteId::from_wire(octets).map_err(|error| self.invalid(field, &error))
    }

    pub(super) fn dataset(&mut self, field: &str) -> Result<DatasetName, Malformed> {
        let octets = self.padded(field, DatasetName::LIMIT)?;
        DatasetName::from_wire(octets).map_err(|error| self.invalid(field, &error))
    }

    pub(super) fn user_data(&mut self, field: &str) -> Result<UserData, Malformed> {
        let octets = self.padded(field, UserData::LIMIT)?;
        UserData::from_wire(octets).map_err(|error| self.invalid(field, &error))
    }

    /// User data that nobody has to give back: octets that are no characters are a leniency.
    pub(super) fn spare_user_data(&mut self, field: &str) -> Result<UserData, Malformed> {
        let octets = self.padded(field, UserData::LIMIT)?;
        match UserData::from_wire(octets) {
            Ok(user) => Ok(user),
            Err(_) => self
                .tolerate(Leniency::UserDataOctets, field)
                .map(|()| UserData::default()),
        }
    }

    /// A number of `n` digits. Blanks for zeros, and blanks around, are a leniency; signs never.
    pub(super) fn number(&mut self, field: &str, n: usize) -> Result<u64, Malformed> {
        let octets = self.octets(field, n)?;
        let digits = without_blanks(octets);
        if digits.len() < n {
            self.tolerate(Leniency::BlankNumbers, field)?;
        }
        digits.iter().try_fold(0_u64, |number, &digit| {
            let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'));
            let value = value
                .ok_or_else(|| self.wrong(format!("{field} holds a character that is no digit")))?;
            Ok(number.saturating_mul(10).saturating_add(value))
        })
    }

    /// A code of two digits.
    pub(super) fn code(&mut self, field: &str) -> Result<u8, Malformed> {
        Ok(u8::try_from(self.number(field, 2)?).unwrap_or(99))
    }

    /// `Y` or `N`; a blank for `N` is a leniency.
    pub(super) fn flag(&mut self, field: &str) -> Result<bool, Malformed> {
        match self.octet(field)? {
            b'Y' => Ok(true),
            b'N' => Ok(false),
            b' ' => self.tolerate(Leniency::BlankFlags, field).map(|()| false),
            _ => Err(self.wrong(format!("{field} is neither Y nor N"))),
        }
    }

    /// A length of three digits and that many octets of UTF-8.
    pub(super) fn text(&mut self, field: &str) -> Result<String, Malformed> {
        if self.ends_early(field)? {
            return Ok(String::new());
        }
        let length = usize::try_from(self.number(field, 3)?).unwrap_or(999);
        let octets = self.octets(field, length)?;
        Ok(String::from_utf8_lossy(octets).into_owned())
    }

    /// A binary length of two octets and that many octets.
    pub(super) fn binary(&mut self, field: &str) -> Result<Vec<u8>, Malformed> {
        let length = self
            .octets(field, 2)?
            .iter()
            .fold(0, |length, &octet| length << 8 | usize::from(octet));
        self.octets(field, length).map(<[u8]>::to_vec)
    }

    /// Whether the command ends before a part that may be missing: a leniency.
    pub(super) fn ends_early(&mut self, field: &str) -> Result<bool, Malformed> {
        if self.rest.is_empty() {
            self.tolerate(Leniency::ShortCommands, field)?;
        }
        Ok(self.rest.is_empty())
    }

    /// The carriage return at the end: 0D or 8D; anything else, or nothing, is a leniency.
    pub(super) fn carriage_return(&mut self, field: &str) -> Result<(), Malformed> {
        match self.rest {
            [0x0D | 0x8D] => (),
            [] | [_] => self.tolerate(Leniency::LineEnds, field)?,
            _ => return Ok(()),
        }
        self.rest = &[];
        Ok(())
    }

    /// Notes a leniency, or refuses where it is not allowed.
    pub(super) fn tolerate(&mut self, leniency: Leniency, field: &str) -> Result<(), Malformed> {
        if !self.tolerances.allow(leniency) {
            let reason = if leniency == Leniency::ShortCommands {
                SessionReason::BufferSize
            } else {
                SessionReason::InvalidData
            };
            let problem = format!("{}: {field}: {leniency} (not tolerated here)", self.kind);
            return Err(Malformed::new(reason, problem));
        }
        let what = format!("{} {field}", self.kind);
        self.tolerated.push(Tolerance { leniency, what });
        Ok(())
    }

    pub(super) fn invalid(&self, field: &str, error: &InvalidField) -> Malformed {
        self.wrong(format!("{field}: {}", error.problem))
    }

    /// A fault in a field's content: ESID 06.
    pub(super) fn wrong(&self, problem: String) -> Malformed {
        Malformed::new(
            SessionReason::InvalidData,
            format!("{}: {problem}", self.kind),
        )
    }

    /// Refuses what is left over, where that is no leniency: ESID 07.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return Ok(());
        }
        if self.tolerances.octets_behind && self.rest.len() <= MOST_BEHIND {
            let what = format!("its last {} octets", self.rest.len());
            return self.tolerate(Leniency::OctetsBehind, &what);
        }
        Err(self.wrong_size(format!("{} octets too many", self.rest.len())))
    }

    fn wrong_size(&self, problem: String) -> Malformed {
        Malformed::new(
            SessionReason::BufferSize,
            format!("{}: {problem}", self.kind),
        )
    }
}

/// Octets that may follow a command where that is forgiven.
pub(crate) const MOST_BEHIND: usize = 64;

fn without_blanks(octets: &[u8]) -> &[u8] {
    without(octets, |octet| octet == b' ')
}

/// The octets without those around them.
fn without(mut octets: &[u8], padding: impl Fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = octets
        && padding(*first)
    {
        octets = rest;
    }
    while let [rest @ .., last] = octets
        && padding(*last)
    {
        octets = rest;
    }
    octets
}

/// A command as it is written, from left to right.
pub(super) struct Layout<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Layout<'a> {
    /// Begins with the command octet.
    pub(super) fn new(kind: Kind, out: &'a mut Vec<u8>) -> Self {
        out.push(kind.code());
        Self { out }
    }

    /// X(n): left justified, padded with blanks.
    pub(super) fn alphanumeric(&mut self, text: &str, n: usize) {
        self.out
            .extend(text.bytes().chain(std::iter::repeat(b' ')).take(n));
    }

    /// 9(n): right justified, padded with zeros; the largest the field holds if it is too large.
    pub(super) fn number(&mut self, number: u64, n: usize) {
        let largest = 10_u64.saturating_pow(u32::try_from(n).unwrap_or(u32::MAX)) - 1;
        let digits = number.min(largest).to_string();
        self.out
            .extend(std::iter::repeat_n(b'0', n.saturating_sub(digits.len())));
        self.out.extend_from_slice(digits.as_bytes());
    }

    /// A reserved field.
    pub(super) fn reserved(&mut self, n: usize) {
        self.alphanumeric("", n);
    }

    /// Y or N.
    pub(super) fn flag(&mut self, yes: bool) {
        self.out.push(if yes { b'Y' } else { b'N' });
    }

    /// Octets as they are.
    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// A length of three digits and the text, cut on a character at 999 octets.
    pub(super) fn text(&mut self, text: &str) {
        let text = text
            .get(..text.floor_char_boundary(999))
            .unwrap_or_default();
        self.number(text.len() as u64, 3);
        self.octets(text.as_bytes());
    }

    /// A binary length of two octets and the octets, at most 65,535 of them.
    pub(super) fn binary(&mut self, octets: &[u8]) {
        let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
        self.octets(&length.to_be_bytes());
        self.octets(octets.get(..usize::from(length)).unwrap_or_default());
    }

    /// The carriage return, always 0D.
    pub(super) fn carriage_return(&mut self) {
        self.out.push(0x0D);
    }
}
