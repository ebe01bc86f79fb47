//! How a content is named: by its transfer, the direction of that, and which of its contents it is.

use std::fmt::Debug;

use crate::state::Direction;
use crate::transfer::TransferId;

/// One of the contents of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The octets of DATA. Where a file has no security services, they are the user's octets too, and its only content.
    Wire,
    /// The user's octets of a file that is signed, compressed or encrypted on the wire.
    Plain,
}

impl Content {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Wire, Self::Plain];
}

/// One content of one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentKey {
    /// The direction of the transfer.
    pub direction: Direction,
    /// The transfer that it is a content of; its files are called by this id.
    pub id: TransferId,
    /// Which of its contents.
    pub content: Content,
}

impl ContentKey {
    /// The octets of DATA of a received file.
    #[must_use]
    pub fn wire_received(id: TransferId) -> Self {
        Self::wire(Direction::Inbound, id)
    }

    /// The octets of DATA of a file to send.
    #[must_use]
    pub fn wire_to_send(id: TransferId) -> Self {
        Self::wire(Direction::Outbound, id)
    }

    /// The content of a transfer as it is on the wire.
    #[must_use]
    pub fn wire(direction: Direction, id: TransferId) -> Self {
        Self {
            direction,
            id,
            content: Content::Wire,
        }
    }

    /// The plain content of the same transfer.
    #[must_use]
    pub fn plain(self) -> Self {
        self.with(Content::Plain)
    }

    /// That content of the same transfer.
    #[must_use]
    pub fn with(self, content: Content) -> Self {
        Self { content, ..self }
    }
}

/// Exclusive access to a content, until this is dropped.
#[derive(Debug)]
pub struct Hold {
    key: ContentKey,
    _lease: Box<dyn Debug + Send + Sync>,
}

impl Hold {
    /// Others have no access until `lease` is dropped.
    pub fn new(key: ContentKey, lease: impl Debug + Send + Sync + 'static) -> Self {
        Self {
            key,
            _lease: Box::new(lease),
        }
    }

    /// Which content it is.
    #[must_use]
    pub fn key(&self) -> ContentKey {
        self.key
    }
}
