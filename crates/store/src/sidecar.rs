//! What a blob is, written beside it: enough to rebuild its row when the ledger is lost.
//!
//! A sidecar is text, one JSON object a line. The first line is the [`Sidecar`]: durable before the row that speaks of
//! the blob, so there is no acknowledged file without it. Every later line is an [`Entry`] that is appended after a
//! verb of the ledger was committed, and, but for the four kinds below, *not* synced: promises rest on the ledger, and
//! a line that is lost in a power cut makes a rebuilt ledger more careful, never wrong (a receipt is owed again, a file
//! that may have been sent is offered again under its old identity). A torn line is ignored. These kinds are synced:
//!
//! * [`Entry::Stamped`], before its row;
//! * [`Entry::Plain`], after the plain content is durable;
//! * [`Entry::Opened`], after its row and before the delivery: it has the verdict, which the first line of such a file
//!   lacks;
//! * [`Entry::Positions`], before its row: where some records of a long file to send end. It is no step of the file;
//!   without it a restart is slow and still right.

use std::time::SystemTime;

use oftp::{Counts, FileHeader, FileKey, FileStamp, Positions, RecordLayout, Response};

use crate::content::Content;
use crate::measure::Measure;
use crate::note::Note;
use crate::positions::KeptPositions;
use crate::state::{Direction, OutboundState};
use crate::transfer::{Labels, NewFile, Target, TransferId};
use crate::verdict::{Received, Verdict};
use crate::wire_hash::WireHash;

/// What a sealed blob is: the first line beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// The transfer, by which the sidecar is called, too.
    pub id: TransferId,
    /// The partner's name in the configuration.
    pub partner: String,
    /// What its SFID said, or will say.
    pub header: FileHeader,
    /// Which of the received files of its identity it is, from 0 on. There is one alone but after a NERP, and where the
    /// partner's identities do not count.
    pub edition: u32,
    /// Size and digest of the blob.
    pub measure: Measure,
    /// The hash of the file as it is transmitted; none where it is not known, or not needed.
    pub wire_hash: Option<WireHash>,
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
        /// What becomes of its receipt. None where the file is secured and is to be opened first: [`Entry::Opened`]
        /// has it then.
        verdict: Option<Verdict>,
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

/// A step of the file after it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The file is received, and is not delivered next: the partner may have EFPA.
    Received,
    /// The file is received, and is renamed to this path below the inbox next.
    Placing(String),
    /// The receipt that waited is decided, or waits again.
    Decided(Verdict),
    /// The receipt that waited is this one, which somebody else made.
    Forwarded(Response),
    /// The hash of the received file as it was transmitted, where the first line lacks it.
    Hashed(WireHash),
    /// Our receipt is signed, and is this one.
    Signed(Response),
    /// The partner confirmed our receipt.
    Given,
    /// A file to send has this date and time from now on, if its row has them too: the row is written after this line.
    Stamped(FileStamp),
    /// An outbound file is in that state now.
    State(OutboundState, Option<String>),
    /// Whether an EFID may have arrived.
    InDoubt(bool),
    /// The partner's receipt.
    Answered(Response),
    /// The partner's receipt came, and is not taken for what it says: why. Of several in a row the first has a line.
    ReceiptInvalid(String),
    /// Where some records of a file to send end; nothing relies on it.
    Positions(KeptPositions),
    /// The plain content of the file is sealed beside the one that is on the wire, with this size and digest: synced, as
    /// it says which of the two proves a delivery.
    Plain(Measure),
    /// The file is opened by the encrypted key of this SHA-256: another content that has it was made of this one.
    ContentKey([u8; 32]),
    /// The secured file is opened; or with a negative verdict and no plain content before, it is not: synced.
    Opened {
        /// Where it goes, as it was decided last.
        target: Target,
        /// What becomes of its receipt.
        verdict: Verdict,
        /// What was said of it for policies and people, all of it.
        labels: Labels,
        /// The hash of the file as it was transmitted.
        wire_hash: Option<WireHash>,
        /// What was found in it; empty where it is not opened.
        found: Note,
    },
}

/// A sidecar as it is read: what the file is, and its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The first line.
    pub sidecar: Sidecar,
    /// The others, oldest first.
    pub entries: Vec<Entry>,
}

impl Sidecar {
    /// The sidecar of a received file. A secured one has no verdict yet.
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
            measure: received.measure.clone(),
            wire_hash: received.wire_hash.clone(),
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
            measure: Measure {
                octets: file.octets,
                digest: file.digest.clone(),
            },
            wire_hash: file.wire_hash.clone(),
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

    /// Whether it is a received file that is to be opened before it is delivered.
    #[must_use]
    pub(crate) fn is_secured(&self) -> bool {
        matches!(&self.way, Way::Inbound { verdict: None, .. })
    }
}

impl Entry {
    /// Whether it says that a row had the file as received.
    pub(crate) fn says_received(&self) -> bool {
        matches!(
            self,
            Self::Received
                | Self::Placing(_)
                | Self::Decided(_)
                | Self::Forwarded(_)
                | Self::Hashed(_)
                | Self::Signed(_)
                | Self::Given
                | Self::Opened { .. }
        )
    }

    /// Whether it is synced where its verb appends it.
    pub(crate) fn is_synced(&self) -> bool {
        matches!(self, Self::Opened { .. })
    }
}

impl Record {
    /// The path of the last [`Entry::Placing`].
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Placing(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// Whether its receipt was decided after the file had been delivered, which is done once.
    #[must_use]
    pub(crate) fn is_decided(&self) -> bool {
        self.entries.iter().any(|entry| {
            matches!(
                entry,
                Entry::Decided(Verdict::Positive | Verdict::Negative(_))
                    | Entry::Forwarded(_)
                    | Entry::Signed(_)
                    | Entry::Given
            )
        })
    }

    /// The identity of the file, with the last date and time that its row was to have.
    #[must_use]
    pub fn key(&self) -> FileKey {
        let mut key = self.sidecar.header.key.clone();
        if let Some(stamp) = self.stamps().last() {
            key.stamp = stamp.clone();
        }
        key
    }

    /// Whether its row may have this identity. A crash may have come between a line with another date and time and the
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

    /// Whether a row had the file as received, so that it must not be removed.
    #[must_use]
    pub(crate) fn is_received(&self) -> bool {
        self.entries.iter().any(Entry::says_received)
    }

    /// The last state of a file to send, and its reason; none where it was never queued.
    #[must_use]
    pub fn state(&self) -> Option<(OutboundState, Option<&str>)> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::State(state, why) => Some((*state, why.as_deref())),
            _ => None,
        })
    }

    /// The SHA-256 of each encrypted key by which it is opened: one, unless our keys have changed meanwhile.
    pub(crate) fn content_keys(&self) -> impl Iterator<Item = [u8; 32]> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::ContentKey(sha256) => Some(*sha256),
            _ => None,
        })
    }

    /// The size and digest of the plain content. None where the file has only the content on the wire, or is not opened
    /// yet.
    #[must_use]
    pub fn plain(&self) -> Option<&Measure> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Plain(measure) => Some(measure),
            _ => None,
        })
    }

    /// The size and digest of a content, if it was sealed.
    #[must_use]
    pub(crate) fn measure_of(&self, content: Content) -> Option<&Measure> {
        match content {
            Content::Wire => Some(&self.sidecar.measure),
            Content::Plain => self.plain(),
        }
    }

    /// The content that goes into the inbox. It is gone from the spool once it is there. None where the file is secured
    /// and is not opened: then nothing of it may go there.
    #[must_use]
    pub(crate) fn delivered_content(&self) -> Option<Content> {
        match self.plain() {
            Some(_) => Some(Content::Plain),
            None => (!self.sidecar.is_secured()).then_some(Content::Wire),
        }
    }

    /// Where some records of a file to send end. None where that was not noted, or was noted of another content.
    #[must_use]
    pub fn positions(&self) -> Option<Positions> {
        self.kept_positions()?.of(&self.sidecar.measure)
    }

    /// Whether positions were noted that do not belong to this content.
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
