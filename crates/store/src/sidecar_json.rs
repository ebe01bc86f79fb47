//! How a sidecar is written: one JSON object a line.

mod written;

use std::time::SystemTime;

use oftp::{
    CipherSuite, Counts, DatasetName, FileHeader, FileKey, FileStamp, InvalidField, OdetteId,
    RecordLayout, UserData,
};
use serde::{Deserialize, Serialize};

use self::written::{WrittenReceipt, WrittenVerdict};
use crate::measure::Measure;
use crate::note::Note;
use crate::positions::KeptPositions;
use crate::sidecar::{Entry, Record, Sidecar, Way};
use crate::state::OutboundState;
use crate::transfer::{Labels, NewFile, Target};
use crate::wire_hash::{WireHash, digits_of, octets_of};
use crate::words::{format_from, format_to, from_millis, millis, security_from, security_to};

/// The layout of the first line.
const VERSION: u32 = 1;

/// Why a sidecar cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// It is not what this program writes.
    #[error("it cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A field has a value that no file can have.
    #[error("it holds what no file can have: {0}")]
    Field(#[from] InvalidField),
    /// Its `id` is no UUID.
    #[error("it has no transfer id: {0}")]
    Id(#[from] uuid::Error),
    /// A newer program wrote it.
    #[error("it has version {0}, this program knows {VERSION}: use the newer program")]
    TooNew(u32),
}

impl Sidecar {
    /// The first line, with its end.
    pub(crate) fn line(&self) -> Result<Vec<u8>, SidecarError> {
        ended(&Page::from(self))
    }
}

impl Entry {
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
            Self::Hashed(hash) => Happened::Hashed { hash: hash.clone() },
            Self::Signed(response) => Happened::Signed {
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
            Self::ReceiptInvalid(why) => Happened::ReceiptInvalid { why: why.clone() },
            Self::Positions(kept) => Happened::Positions(kept.clone()),
            Self::Plain(measure) => Happened::Plain {
                octets: measure.octets,
                blake3: measure.digest.clone(),
            },
            Self::ContentKey(sha256) => Happened::ContentKey {
                sha256: digits_of(sha256),
            },
            Self::Opened {
                target,
                verdict,
                labels,
                wire_hash,
                found,
            } => Happened::Opened {
                target: target.into(),
                verdict: verdict.into(),
                labels: labels.clone(),
                hash: wire_hash.clone(),
                found: found.text.clone(),
                found_data: found.data.clone(),
            },
        };
        ended(&Dated {
            at: millis(SystemTime::now()),
            happened,
        })
    }
}

impl Record {
    /// Reads a sidecar. Later lines that cannot be read are ignored, since an append may be torn.
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
}

fn ended(value: &impl Serialize) -> Result<Vec<u8>, SidecarError> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<WireHash>,
    session: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<WrittenVerdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    records: Option<Records>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Labels,
}

/// Whether the edition is left out of the sidecar: most files are the only ones of their identity.
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
struct Dated {
    at: i64,
    #[serde(flatten)]
    happened: Happened,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Happened {
    Received,
    Placing {
        path: String,
    },
    Decided {
        verdict: WrittenVerdict,
    },
    Forwarded {
        response: WrittenReceipt,
    },
    Hashed {
        hash: WireHash,
    },
    Signed {
        response: WrittenReceipt,
    },
    Given,
    Stamped {
        date: String,
        time: String,
    },
    State {
        state: String,
        why: Option<String>,
    },
    InDoubt {
        doubt: bool,
    },
    Answered {
        response: WrittenReceipt,
    },
    ReceiptInvalid {
        why: String,
    },
    Positions(KeptPositions),
    Plain {
        octets: u64,
        blake3: String,
    },
    ContentKey {
        sha256: String,
    },
    Opened {
        target: Place,
        verdict: WrittenVerdict,
        labels: Labels,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<WireHash>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        found: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found_data: Option<String>,
    },
}

impl Happened {
    /// None where a state has a word that is not known, a decision is missing, or a hash is none.
    fn entry(self, key: &FileKey) -> Result<Option<Entry>, InvalidField> {
        Ok(Some(match self {
            Self::Received => Entry::Received,
            Self::Placing { path } => Entry::Placing(path),
            Self::Decided { verdict } => match verdict.verdict(key)? {
                Some(verdict) => Entry::Decided(verdict),
                None => return Ok(None),
            },
            Self::Forwarded { response } => Entry::Forwarded(response.response(key)?),
            Self::Hashed { hash } => Entry::Hashed(hash),
            Self::Signed { response } => Entry::Signed(response.response(key)?),
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
            Self::ReceiptInvalid { why } => Entry::ReceiptInvalid(why),
            Self::Positions(kept) => Entry::Positions(kept),
            Self::Plain { octets, blake3 } => Entry::Plain(Measure {
                octets,
                digest: blake3,
            }),
            Self::ContentKey { sha256 } => {
                let octets = octets_of(&sha256).and_then(|octets| octets.try_into().ok());
                return Ok(octets.map(Entry::ContentKey));
            }
            Self::Opened {
                target,
                verdict,
                labels,
                hash,
                found,
                found_data,
            } => match verdict.verdict(key)? {
                Some(verdict) => Entry::Opened {
                    target: target.into(),
                    verdict,
                    labels,
                    wire_hash: hash,
                    found: Note {
                        text: found,
                        data: found_data,
                    },
                },
                None => return Ok(None),
            },
        }))
    }
}

impl From<&Sidecar> for Page {
    fn from(sidecar: &Sidecar) -> Self {
        let (target, verdict) = match &sidecar.way {
            Way::Inbound { target, verdict } => {
                (Some(Place::from(target)), Some(verdict.as_ref().into()))
            }
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
            octets: sidecar.measure.octets,
            blake3: sidecar.measure.digest.clone(),
            hash: sidecar.wire_hash.clone(),
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
            measure: Measure {
                octets: page.octets,
                digest: page.blake3,
            },
            wire_hash: page.hash,
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

#[cfg(test)]
mod tests;
