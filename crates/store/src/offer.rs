//! A file that a partner offers, and what is here of it already.

use oftp::{FileHeader, FileKey, Position, RecordLayout};

use crate::note::Note;
use crate::state::InboundState;
use crate::transfer::{Target, TransferId};

/// The offer of a partner, and what was decided about it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The partner's name in the configuration.
    pub partner: String,
    /// Its SFID.
    pub header: FileHeader,
    /// Where it is to go.
    pub target: Target,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// The session that it was offered in, as the history names it.
    pub session: String,
    /// Which policy generation decided, and why.
    pub note: Note,
    /// The restart position may be used (RFC 5.3.2, SSIDREST).
    pub may_resume: bool,
    /// How a file of the same identity that is here already is treated.
    pub repeated: Repeated,
}

/// How an offered file is treated whose identity a file has that is here already. A file whose NERP the partner has
/// confirmed does not count as here: the file that is offered then is the corrected one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeated {
    /// It is a duplicate.
    #[default]
    Refused,
    /// It is received once more and compared with the last one where its sender may not know that we have that, or has
    /// no date for its files. Different content makes it a duplicate all the same, or another file where it has no
    /// date.
    Compared,
    /// It is another file, since the identities of this partner do not count. Where its sender may not know that we
    /// have the last one, it is compared with that, and the same content makes it the same file.
    Taken,
}

impl Repeated {
    /// Whether other content makes it another file than the last one of its identity, which is `key`.
    #[must_use]
    pub fn takes_other_content(self, key: &FileKey) -> bool {
        match self {
            Self::Refused => false,
            Self::Compared => key.stamp.is_undated(),
            Self::Taken => true,
        }
    }

    /// Whether all files of that identity have one content, so that one that broke off may be resumed. Nothing else in
    /// an SFID says which file a partial belongs to (RFC 5024, 5.3.3): where this is false, a file starts over.
    #[must_use]
    pub(crate) fn names_one_content(self, key: &FileKey) -> bool {
        !self.takes_other_content(key)
    }
}

/// What the ledger says to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Not seen before.
    New(TransferId),
    /// A new file as well, though files of its identity are here: its edition distinguishes it from them.
    Another(TransferId, u32),
    /// It was offered before and is not complete. [`Ledger::standing`] says how much of it is here, to the session that
    /// holds its partial.
    Again(TransferId),
    /// Received before: SFNA 13 (RFC 5.3.5).
    Duplicate(TransferId),
    /// It was received before. Its sender may never have received our EFPA, or may mean another file: the content
    /// decides.
    Unconfirmed(TransferId),
}

/// A file that is here when one of its identity is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// The transfer that it was received by.
    pub id: TransferId,
    /// Where it is.
    pub state: InboundState,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// Octets of it in the spool.
    pub octets: u64,
    /// Where it went.
    pub target: Target,
    /// Whether the file is received once more to be compared: its sender may never have received our EFPA, and the
    /// partner's profile asks for it. Otherwise the offered file is a duplicate.
    pub is_to_be_compared: bool,
}

/// How a file that was offered before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which of the files of its identity it is, from 0 on.
    pub edition: u32,
    /// Whether it is not complete yet; if not, another session has received it in the meantime.
    pub is_receiving: bool,
    /// So much of it is here and durable, and may be resumed under this offer; nothing where the offer describes other
    /// content.
    pub position: Position,
    /// Nothing of it is here, and the row says what this offer says, so it need not be written again.
    pub is_untouched: bool,
}

/// What a partner sent in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// How many files were received, whatever became of them.
    pub files: u64,
    /// Their octets.
    pub octets: u64,
}
