//! What a session is doing: OFTP is half duplex, so it is one thing at a time.

use pointsman_store::TransferId;

use super::error::InternalError;
use super::listener::receiving::Receiving;
use super::speaker::sending::Sending;

/// What a session is doing.
#[derive(Debug, Default)]
pub(super) enum Activity {
    /// No file and no receipt is under way.
    #[default]
    Idle,
    /// From the SFPA to a file until its EFID.
    Receiving(Box<Receiving>),
    /// From the SFID of a file until the answer to it, or to its EFID.
    Sending(Box<Sending>),
    /// From our EERP or NERP for that file until RTR.
    Answering(TransferId),
}

impl From<Receiving> for Activity {
    fn from(file: Receiving) -> Self {
        Self::Receiving(Box::new(file))
    }
}

impl From<Sending> for Activity {
    fn from(file: Sending) -> Self {
        Self::Sending(Box::new(file))
    }
}

impl Activity {
    /// The file that is being received.
    pub fn receiving(&mut self) -> Result<&mut Receiving, InternalError> {
        match self {
            Self::Receiving(file) => Ok(file),
            _ => Err(InternalError::OutOfStep("no file is being received")),
        }
    }

    /// The partner has sent the whole file: only its end is left to be answered.
    pub fn end_receiving(&mut self) -> Result<Receiving, InternalError> {
        match std::mem::take(self) {
            Self::Receiving(file) => Ok(*file),
            other => {
                *self = other;
                Err(InternalError::OutOfStep(
                    "a file was closed that was not open",
                ))
            }
        }
    }

    /// The file that is being sent.
    pub fn sending(&mut self) -> Result<&mut Sending, InternalError> {
        match self {
            Self::Sending(file) => Ok(file),
            _ => Err(InternalError::OutOfStep("no file is being sent")),
        }
    }

    /// The file whose receipt is on its way to the partner.
    pub fn answering(&self) -> Result<TransferId, InternalError> {
        match self {
            Self::Answering(id) => Ok(*id),
            _ => Err(InternalError::OutOfStep("no receipt is on its way")),
        }
    }
}
