//! What a blob is, written beside it: enough to make its row anew when the ledger is lost.
//!
//! A sidecar is text, one JSON object a line. The first line is the [`Sidecar`]: durable before the row that
//! speaks of the blob, so there is no acknowledged file without it. Every later line but two kinds is an [`Entry`] that is
//! appended after a verb of the ledger was committed, and *not* synced: the ledger is what promises, and a line that a
//! power cut takes makes a rebuilt ledger more careful, never wrong (a receipt is owed again, a file that may
//! have been sent is offered again under its old identity). The
//! exceptions are [`Entry::Stamped`], which is synced before its row, and [`Entry::Plain`]. A torn line is passed over. One entry is no step of
//! the file: where some records of a long file to send end ([`Entry::Positions`]). It is here since it is of the
//! blob, goes where that goes, and may be lost as other lines may.

use std::time::SystemTime;

use oftp::{
    CipherSuite, Counts, DatasetName, Eerp, FileHeader, FileKey, FileStamp, InvalidField, Nerp,
    NerpReason, OdetteId, Positions, RecordLayout, Response, UserData,
};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::positions::KeptPositions;
use crate::seal::Seal;
use crate::state::{Direction, OutboundState};
use crate::transfer::{Labels, NewFile, Target, TransferId};
use crate::verdict::{Received, Verdict};
use crate::words::{format_from, format_to, from_millis, millis, security_from, security_to};

/// The layout of the first line.
const VERSION: u32 = 1;

/// What a sealed blob is: the first line beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// The transfer.
    pub id: TransferId,
    /// The partner's name in the configuration.
    pub partner: String,
    /// What its SFID said, or will say.
    pub header: FileHeader,
    /// Which of the received files of its identity it is, from 0 on. There is one alone but after a NERP, and where the
    /// partner's identities do not count.
    pub edition: u32,
    /// Size and digest of the blob.
    pub seal: Seal,
    /// The session it came in, or none.
    pub session: String,
    /// When it was sealed.
    pub at: SystemTime,
    /// What was said of it for policies and people.
    pub labels: Labels,
    /// Which way it goes, and what only that way has.
    pub way: Way,
}

/// What only one direction has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Received.
    Inbound {
        /// Where it goes.
        target: Target,
        /// What becomes of its receipt.
        verdict: Verdict,
    },
    /// To send.
    Outbound {
        /// 0 to 9; higher goes first.
        priority: u8,
        /// How its records stand in the blob; none where records do not count.
        layout: Option<RecordLayout>,
        /// The totals of the virtual file.
        counts: Counts,
    },
}

/// Something that became of the file after it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The row says that it is here, though it is not to be delivered: the partner may have EFPA.
    Received,
    /// The row says that it is here, and this is the path below the inbox that it is renamed to next.
    Placing(String),
    /// The receipt that waited is decided, or waits again.
    Decided(Verdict),
    /// The receipt that waited is this one, which somebody else made.
    Forwarded(Response),
    /// The partner confirmed our receipt.
    Given,
    /// A file to send has this date and time from now on, if its row says so: that comes after this line.
    Stamped(FileStamp),
    /// An outbound file is in that state now.
    State(OutboundState, Option<String>),
    /// Whether an EFID may have arrived.
    InDoubt(bool),
    /// The partner's receipt.
    Answered(Response),
    /// Where some records of a file to send end; nothing relies on it.
    Positions(KeptPositions),
    /// The plain content of the file is sealed beside the one that is on the wire, with this size and digest: synced, as
    /// it says which of the two proves a delivery.
    Plain(Seal),
}

/// A sidecar as it is read: what the file is, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The first line.
    pub sidecar: Sidecar,
    /// The others, oldest first.
    pub entries: Vec<Entry>,
}

/// Why a sidecar cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// It is not what this program writes.
    #[error("it cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A field holds what no file can have.
    #[error("it holds what no file can have: {0}")]
    Field(#[from] InvalidField),
    /// The id.
    #[error("it has no transfer id: {0}")]
    Id(#[from] uuid::Error),
    /// A newer program wrote it.
    #[error("it has version {0}, this program knows {VERSION}: use the newer program")]
    TooNew(u32),
}

impl Sidecar {
    /// The sidecar of a received file.
    #[must_use]
    pub fn inbound(
        id: TransferId,
        partner: &str,
        header: &FileHeader,
        received: &Received,
        session: &str,
    ) -> Self {
        Self {
            id,
            partner: partner.to_owned(),
            header: header.clone(),
            edition: 0,
            seal: received.seal.clone(),
            session: session.to_owned(),
            at: SystemTime::now(),
            labels: received.labels.clone(),
            way: Way::Inbound {
                target: received.target.clone(),
                verdict: received.verdict.clone(),
            },
        }
    }

    /// The same, of a received file whose identity others have.
    #[must_use]
    pub fn of_edition(self, edition: u32) -> Self {
        Self { edition, ..self }
    }

    /// The sidecar of a file to send.
    #[must_use]
    pub fn outbound(file: &NewFile) -> Self {
        Self {
            id: file.id,
            partner: file.partner.clone(),
            header: file.header.clone(),
            edition: 0,
            seal: Seal {
                octets: file.octets,
                digest: file.digest.clone(),
            },
            session: String::new(),
            at: SystemTime::now(),
            labels: file.labels.clone(),
            way: Way::Outbound {
                priority: file.priority,
                layout: file.layout,
                counts: file.counts,
            },
        }
    }

    /// Which way it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self.way {
            Way::Inbound { .. } => Direction::Inbound,
            Way::Outbound { .. } => Direction::Outbound,
        }
    }

    /// The first line, with its end.
    pub(crate) fn line(&self) -> Result<Vec<u8>, SidecarError> {
        ended(&Page::from(self))
    }
}

impl Entry {
    /// Of a file to send that was just queued.
    pub(crate) fn queued() -> Self {
        Self::State(OutboundState::Ready, None)
    }

    /// One line, with its end.
    pub(crate) fn line(&self) -> Result<Vec<u8>, SidecarError> {
        let happened = match self {
            Self::Received => Happened::Received,
            Self::Placing(path) => Happened::Placing { path: path.clone() },
            Self::Decided(verdict) => Happened::Decided {
                verdict: verdict.into(),
            },
            Self::Forwarded(response) => Happened::Forwarded {
                response: response.into(),
            },
            Self::Given => Happened::Given,
            Self::Stamped(stamp) => Happened::Stamped {
                date: stamp.date().to_owned(),
                time: stamp.time().to_owned(),
            },
            Self::State(state, why) => Happened::State {
                state: state.as_str().to_owned(),
                why: why.clone(),
            },
            Self::InDoubt(doubt) => Happened::InDoubt { doubt: *doubt },
            Self::Answered(response) => Happened::Answered {
                response: response.into(),
            },
            Self::Positions(kept) => Happened::Positions(kept.clone()),
            Self::Plain(seal) => Happened::Plain {
                octets: seal.octets,
                blake3: seal.digest.clone(),
            },
        };
        ended(&Dated {
            at: millis(SystemTime::now()),
            happened,
        })
    }
}

impl Record {
    /// Reads a sidecar. Lines after the first that cannot be read are passed over: an append may be torn.
    ///
    /// # Errors
    /// The first line is not a sidecar of this program's.
    pub fn parse(text: &[u8]) -> Result<Self, SidecarError> {
        let mut lines = text.split(|octet| *octet == b'\n');
        let first = lines.next().unwrap_or_default();
        let version: Versioned = serde_json::from_slice(first)?;
        if version.version > VERSION {
            return Err(SidecarError::TooNew(version.version));
        }
        let sidecar = Sidecar::try_from(serde_json::from_slice::<Page>(first)?)?;
        let key = &sidecar.header.key;
        let entries = lines
            .filter_map(|line| serde_json::from_slice::<Dated>(line).ok())
            .filter_map(|dated| dated.happened.entry(key).ok().flatten())
            .collect();
        Ok(Self { sidecar, entries })
    }

    /// The path the file was to be renamed to last.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Placing(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// The last word on the receipt of a received file.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        let decided = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Decided(verdict) => Some(verdict),
            _ => None,
        });
        decided.or(match &self.sidecar.way {
            Way::Inbound { verdict, .. } => Some(verdict),
            Way::Outbound { .. } => None,
        })
    }

    /// The receipt that somebody else made, if ours is one.
    #[must_use]
    pub fn forwarded(&self) -> Option<&Response> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Forwarded(response) => Some(response),
            _ => None,
        })
    }

    /// Whether its receipt was decided after the file had been delivered, which is done once.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.entries.iter().any(|entry| {
            matches!(
                entry,
                Entry::Decided(Verdict::Positive | Verdict::Negative(_))
                    | Entry::Forwarded(_)
                    | Entry::Given
            )
        })
    }

    /// Whether the partner confirmed our receipt.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.entries.contains(&Entry::Given)
    }

    /// What the file is called: by the last date and time that its row was to have.
    #[must_use]
    pub fn key(&self) -> FileKey {
        let mut key = self.sidecar.header.key.clone();
        if let Some(stamp) = self.stamps().last() {
            key.stamp = stamp.clone();
        }
        key
    }

    /// Whether its row may say that: a crash may have come between a line that gives it another date and time and its
    /// row.
    #[must_use]
    pub fn is_of(&self, key: &FileKey) -> bool {
        let first = &self.sidecar.header.key;
        let stamped = |stamp: &FileStamp| FileKey {
            stamp: stamp.clone(),
            ..first.clone()
        };
        key == first || self.stamps().any(|stamp| stamped(stamp) == *key)
    }

    fn stamps(&self) -> impl Iterator<Item = &FileStamp> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Stamped(stamp) => Some(stamp),
            _ => None,
        })
    }

    /// Whether a row said that the file is here, so that nothing may throw it away.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.entries.iter().any(|entry| {
            matches!(
                entry,
                Entry::Received
                    | Entry::Placing(_)
                    | Entry::Decided(_)
                    | Entry::Forwarded(_)
                    | Entry::Given
            )
        })
    }

    /// The last state of a file to send, and why; none where it was never said to be queued.
    #[must_use]
    pub fn state(&self) -> Option<(OutboundState, Option<&str>)> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::State(state, why) => Some((*state, why.as_deref())),
            _ => None,
        })
    }

    /// What was sealed as the plain content of the file; none where it has no other content than the one on the wire, or
    /// is not opened yet.
    #[must_use]
    pub fn plain(&self) -> Option<&Seal> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Plain(seal) => Some(seal),
            _ => None,
        })
    }

    /// What is known of that content, if it was sealed.
    #[must_use]
    pub fn seal_of(&self, content: Content) -> Option<&Seal> {
        match content {
            Content::Wire => Some(&self.sidecar.seal),
            Content::Plain => self.plain(),
        }
    }

    /// The content that goes into the inbox, and which is gone from the spool once it is there.
    #[must_use]
    pub fn delivered_content(&self) -> Content {
        match self.plain() {
            Some(_) => Content::Plain,
            None => Content::Wire,
        }
    }

    /// The partner's receipt.
    #[must_use]
    pub fn answer(&self) -> Option<&Response> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Answered(response) => Some(response),
            _ => None,
        })
    }

    /// Where some records of a file to send end, if that was noted. They are what was noted of this content, or none.
    #[must_use]
    pub fn positions(&self) -> Option<Positions> {
        self.kept_positions()?.of(&self.sidecar.seal)
    }

    /// Whether positions were noted, and are not what was noted of this content.
    #[must_use]
    pub(crate) fn has_damaged_positions(&self) -> bool {
        self.kept_positions().is_some() && self.positions().is_none()
    }

    fn kept_positions(&self) -> Option<&KeptPositions> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Positions(kept) => Some(kept),
            _ => None,
        })
    }
}

fn ended(value: &impl Serialize) -> Result<Vec<u8>, SidecarError> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

// What follows is how it is written.

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Page {
    version: u32,
    id: String,
    direction: String,
    partner: String,
    file: Head,
    #[serde(default, skip_serializing_if = "is_first")]
    edition: u32,
    octets: u64,
    blake3: String,
    session: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<Judgement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    records: Option<Records>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Labels,
}

/// Most files are the only ones of their identities, and their sidecars do not mention it.
fn is_first(edition: &u32) -> bool {
    *edition == 0
}

/// How the records of a file to send stand in the blob, and the totals of the virtual file.
#[derive(Serialize, Deserialize)]
struct Records {
    layout: String,
    records: u64,
    octets: u64,
}

/// The SFID (RFC 5024, 5.3.3).
#[derive(Serialize, Deserialize)]
struct Head {
    dataset: String,
    date: String,
    time: String,
    originator: String,
    destination: String,
    user: String,
    format: String,
    record: u32,
    size_blocks: u64,
    original_blocks: u64,
    security: u8,
    cipher: u8,
    compressed: bool,
    enveloped: bool,
    signed_receipt: bool,
    description: String,
}

#[derive(Serialize, Deserialize)]
struct Place {
    directory: String,
    file_name: String,
    overwrite: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Judgement {
    Positive,
    Negative(Answer),
    Later(Option<i64>),
    HandOver(i64),
}

/// An EERP or a NERP; what it is about is the file's own identity.
#[derive(Serialize, Deserialize)]
struct Answer {
    positive: bool,
    user: String,
    creator: String,
    reason: u8,
    text: String,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Dated {
    at: i64,
    #[serde(flatten)]
    happened: Happened,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Happened {
    Received,
    Placing { path: String },
    Decided { verdict: Judgement },
    Forwarded { response: Answer },
    Given,
    Stamped { date: String, time: String },
    State { state: String, why: Option<String> },
    InDoubt { doubt: bool },
    Answered { response: Answer },
    Positions(KeptPositions),
    Plain { octets: u64, blake3: String },
}

impl Happened {
    /// None where a state has a word that is not known.
    fn entry(self, key: &FileKey) -> Result<Option<Entry>, InvalidField> {
        Ok(Some(match self {
            Self::Received => Entry::Received,
            Self::Placing { path } => Entry::Placing(path),
            Self::Decided { verdict } => Entry::Decided(verdict.verdict(key)?),
            Self::Forwarded { response } => Entry::Forwarded(response.response(key)?),
            Self::Given => Entry::Given,
            Self::Stamped { date, time } => {
                Entry::Stamped(FileStamp::from_wire(date.as_bytes(), time.as_bytes())?)
            }
            Self::State { state, why } => match OutboundState::parse(&state) {
                Some(state) => Entry::State(state, why),
                None => return Ok(None),
            },
            Self::InDoubt { doubt } => Entry::InDoubt(doubt),
            Self::Answered { response } => Entry::Answered(response.response(key)?),
            Self::Positions(kept) => Entry::Positions(kept),
            Self::Plain { octets, blake3 } => Entry::Plain(Seal {
                octets,
                digest: blake3,
            }),
        }))
    }
}

impl From<&Sidecar> for Page {
    fn from(sidecar: &Sidecar) -> Self {
        let (target, verdict) = match &sidecar.way {
            Way::Inbound { target, verdict } => (Some(Place::from(target)), Some(verdict.into())),
            Way::Outbound { .. } => (None, None),
        };
        let (priority, records) = match &sidecar.way {
            Way::Inbound { .. } => (None, None),
            Way::Outbound {
                priority,
                layout,
                counts,
            } => {
                let records = layout.map(|layout| Records {
                    layout: layout.name().to_owned(),
                    records: counts.records,
                    octets: counts.octets,
                });
                (Some(*priority), records)
            }
        };
        Self {
            version: VERSION,
            id: sidecar.id.to_string(),
            direction: sidecar.direction().as_str().to_owned(),
            partner: sidecar.partner.clone(),
            file: Head::from(&sidecar.header),
            edition: sidecar.edition,
            octets: sidecar.seal.octets,
            blake3: sidecar.seal.digest.clone(),
            session: sidecar.session.clone(),
            at: millis(sidecar.at),
            target,
            verdict,
            priority,
            records,
            labels: sidecar.labels.clone(),
        }
    }
}

impl TryFrom<Page> for Sidecar {
    type Error = SidecarError;
    fn try_from(page: Page) -> Result<Self, Self::Error> {
        let header = FileHeader::try_from(page.file)?;
        let way = match (page.target, page.verdict) {
            (Some(target), Some(verdict)) => Way::Inbound {
                target: target.into(),
                verdict: verdict.verdict(&header.key)?,
            },
            _ => Way::Outbound {
                priority: page.priority.unwrap_or(NewFile::PRIORITY),
                layout: page
                    .records
                    .as_ref()
                    .and_then(|records| RecordLayout::from_name(&records.layout)),
                counts: page.records.map_or(
                    Counts {
                        records: 0,
                        octets: page.octets,
                    },
                    |records| Counts {
                        records: records.records,
                        octets: records.octets,
                    },
                ),
            },
        };
        Ok(Self {
            id: page.id.parse()?,
            partner: page.partner,
            header,
            edition: page.edition,
            seal: Seal {
                octets: page.octets,
                digest: page.blake3,
            },
            session: page.session,
            at: from_millis(page.at),
            labels: page.labels,
            way,
        })
    }
}

impl From<&FileHeader> for Head {
    fn from(header: &FileHeader) -> Self {
        let (format, record) = format_to(header.format);
        let key = &header.key;
        Self {
            dataset: key.dataset.as_str().to_owned(),
            date: key.stamp.date().to_owned(),
            time: key.stamp.time().to_owned(),
            originator: key.originator.as_str().to_owned(),
            destination: key.destination.as_str().to_owned(),
            user: header.user.as_str().to_owned(),
            format: format.to_owned(),
            record,
            size_blocks: header.size_blocks,
            original_blocks: header.original_size_blocks,
            security: security_to(header.security),
            cipher: header.cipher.number(),
            compressed: header.compressed,
            enveloped: header.enveloped,
            signed_receipt: header.signed_receipt,
            description: header.description.clone(),
        }
    }
}

impl TryFrom<Head> for FileHeader {
    type Error = InvalidField;
    fn try_from(head: Head) -> Result<Self, Self::Error> {
        Ok(Self {
            key: FileKey {
                dataset: DatasetName::from_wire(head.dataset.as_bytes())?,
                stamp: FileStamp::from_wire(head.date.as_bytes(), head.time.as_bytes())?,
                originator: OdetteId::from_wire(head.originator.as_bytes())?,
                destination: OdetteId::from_wire(head.destination.as_bytes())?,
            },
            user: UserData::from_wire(head.user.as_bytes())?,
            format: format_from(&head.format, head.record),
            size_blocks: head.size_blocks,
            original_size_blocks: head.original_blocks,
            restart: 0,
            security: security_from(head.security),
            cipher: CipherSuite::new(head.cipher).unwrap_or(CipherSuite::NONE),
            compressed: head.compressed,
            enveloped: head.enveloped,
            signed_receipt: head.signed_receipt,
            description: head.description,
        })
    }
}

impl From<&Target> for Place {
    fn from(target: &Target) -> Self {
        Self {
            directory: target.directory.clone(),
            file_name: target.file_name.clone(),
            overwrite: target.overwrite,
        }
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Self {
        Self {
            directory: place.directory,
            file_name: place.file_name,
            overwrite: place.overwrite,
        }
    }
}

impl From<&Verdict> for Judgement {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Positive => Self::Positive,
            Verdict::Negative(nerp) => Self::Negative(nerp.as_ref().into()),
            Verdict::Later(when) => Self::Later(when.map(millis)),
            Verdict::HandOver(when) => Self::HandOver(millis(*when)),
        }
    }
}

impl Judgement {
    fn verdict(self, key: &FileKey) -> Result<Verdict, InvalidField> {
        Ok(match self {
            Self::Positive => Verdict::Positive,
            Self::Negative(answer) => Verdict::Negative(Box::new(answer.nerp(key)?)),
            Self::Later(when) => Verdict::Later(when.map(from_millis)),
            Self::HandOver(when) => Verdict::HandOver(from_millis(when)),
        })
    }
}

impl From<&Nerp> for Answer {
    fn from(nerp: &Nerp) -> Self {
        Self {
            positive: false,
            user: String::new(),
            creator: nerp.creator.as_str().to_owned(),
            reason: nerp.reason.code(),
            text: nerp.text.clone(),
            hash: nerp.hash.clone(),
            signature: nerp.signature.clone(),
        }
    }
}

impl From<&Response> for Answer {
    fn from(response: &Response) -> Self {
        match response {
            Response::Negative(nerp) => nerp.into(),
            Response::Positive(eerp) => Self {
                positive: true,
                user: eerp.user.as_str().to_owned(),
                creator: String::new(),
                reason: 0,
                text: String::new(),
                hash: eerp.hash.clone(),
                signature: eerp.signature.clone(),
            },
        }
    }
}

impl Answer {
    fn response(self, key: &FileKey) -> Result<Response, InvalidField> {
        if !self.positive {
            return self.nerp(key).map(Response::Negative);
        }
        Ok(Response::Positive(Eerp {
            key: key.clone(),
            user: UserData::from_wire(self.user.as_bytes())?,
            hash: self.hash,
            signature: self.signature,
        }))
    }

    fn nerp(self, key: &FileKey) -> Result<Nerp, InvalidField> {
        Ok(Nerp {
            key: key.clone(),
            creator: OdetteId::from_wire(self.creator.as_bytes())?,
            reason: NerpReason::from_code(self.reason),
            text: self.text,
            hash: self.hash,
            signature: self.signature,
        })
    }
}
