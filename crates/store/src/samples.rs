//! What the tests of this crate have rows and sidecars of.

use std::time::{Duration, SystemTime};

use oftp::{DatasetName, Eerp, FileKey, FileStamp, Nerp, NerpReason, OdetteId, Response, UserData};

/// A fixed time, so many seconds after 1970.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
}

pub(crate) fn key() -> FileKey {
    FileKey {
        dataset: DatasetName::new("ORDERS").unwrap(),
        stamp: FileStamp::from_wire(b"20261129", b"1200000001").unwrap(),
        originator: OdetteId::new("OTHEM").unwrap(),
        destination: OdetteId::new("OUS").unwrap(),
    }
}

pub(crate) fn eerp(signature: &[u8]) -> Response {
    Response::Positive(Eerp {
        key: key(),
        user: UserData::from_wire(b"").unwrap(),
        hash: Vec::new(),
        signature: signature.to_vec(),
    })
}

pub(crate) fn nerp() -> Nerp {
    Nerp {
        key: key(),
        creator: OdetteId::new("OUS").unwrap(),
        reason: NerpReason::from_code(34),
        text: "no good".to_owned(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}
