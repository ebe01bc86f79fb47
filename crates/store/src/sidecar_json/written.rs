//! Decisions and receipts in sidecars.

use oftp::{Eerp, FileKey, InvalidField, Nerp, NerpReason, OdetteId, Response, UserData};
use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;
use crate::words::{from_millis, millis};

/// What becomes of a receipt; or that the file is to be opened first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WrittenVerdict {
    Opening,
    Positive,
    Negative(WrittenReceipt),
    Later(Option<i64>),
    HandOver(i64),
}

/// An EERP or a NERP; what it is about is the file's own identity.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenReceipt {
    positive: bool,
    user: String,
    creator: String,
    reason: u8,
    text: String,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl From<&Verdict> for WrittenVerdict {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Positive => Self::Positive,
            Verdict::Negative(nerp) => Self::Negative(nerp.as_ref().into()),
            Verdict::Later(when) => Self::Later(when.map(millis)),
            Verdict::HandOver(when) => Self::HandOver(millis(*when)),
        }
    }
}

impl From<Option<&Verdict>> for WrittenVerdict {
    fn from(verdict: Option<&Verdict>) -> Self {
        verdict.map_or(Self::Opening, Self::from)
    }
}

impl WrittenVerdict {
    /// None where the file is to be opened first.
    pub(super) fn verdict(self, key: &FileKey) -> Result<Option<Verdict>, InvalidField> {
        Ok(Some(match self {
            Self::Opening => return Ok(None),
            Self::Positive => Verdict::Positive,
            Self::Negative(answer) => Verdict::Negative(Box::new(answer.nerp(key)?)),
            Self::Later(when) => Verdict::Later(when.map(from_millis)),
            Self::HandOver(when) => Verdict::HandOver(from_millis(when)),
        }))
    }
}

impl From<&Nerp> for WrittenReceipt {
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

impl From<&Response> for WrittenReceipt {
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

impl WrittenReceipt {
    pub(super) fn response(self, key: &FileKey) -> Result<Response, InvalidField> {
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
