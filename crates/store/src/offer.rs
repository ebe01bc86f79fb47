//! A file that a partner offers, and what is here of it already.

use oftp::{FileHeader, FileKey, Position, RecordLayout};

use crate::note::Note;
use crate::state::InboundState;
use crate::transfer::{Target, TransferId};

/// What a peer offers, and what was decided about it.
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
    /// The session.
    pub session: String,
    /// Which policy generation decided, and why.
    pub note: Note,
    /// The restart position may be used (RFC 5.3.2, SSIDREST).
    pub may_resume: bool,
    /// What becomes of it where a file of its identity is here.
    pub repeated: Repeated,
}

/// What becomes of a file whose identity another has that is here already. One whose NERP the partner has confirmed
/// stands in nobody's way: the file that comes then is the mended one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeated {
    /// It is a duplicate.
    #[default]
    Refused,
    /// It is taken once more and compared with the last one where its sender may not know that we have that, or has no
    /// date for its files. Other content is a duplicate, but without a date another file.
    Compared,
    /// It is another file: this partner's identities say nothing. Where its sender may not know that we have the last
    /// one, it is compared with that, and the same content is no other file.
    Taken,
}

impl Repeated {
    /// Whether a file that was compared with the last one of its identity, which is `key`, is another file where its
    /// content is.
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
    pub fn names_one_content(self, key: &FileKey) -> bool {
        !self.takes_other_content(key)
    }
}

/// What the ledger says to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Not seen before.
    New(TransferId),
    /// Not seen before either, though files of its identity are here: its edition tells it from them.
    Another(TransferId, u32),
    /// Offered before, and not all here. How much of it is, [`Ledger::standing`] tells whoever holds its partial.
    Again(TransferId),
    /// Received before: SFNA 13 (RFC 5.3.5).
    Duplicate(TransferId),
    /// Received before, and its sender may never have seen our EFPA, or mean another file by it: its content will tell.
    Unconfirmed(TransferId),
}

/// A file that is here when one of its identity is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// Its transfer.
    pub id: TransferId,
    /// Where it is.
    pub state: InboundState,
    /// How its records stand in the spool; none where records do not count.
    pub layout: Option<RecordLayout>,
    /// Octets of it in the spool.
    pub octets: u64,
    /// Where it went.
    pub target: Target,
    /// Its sender may never have seen our EFPA, and its partner's profile wants it to be taken once more then; else what
    /// is offered is a duplicate.
    pub is_to_be_compared: bool,
}

/// How a file that was offered before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which of the files of its identity it is, from 0 on.
    pub edition: u32,
    /// Whether its octets are still coming; else another session has received it meanwhile.
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
    /// Files.
    pub files: u64,
    /// Their octets.
    pub octets: u64,
}
