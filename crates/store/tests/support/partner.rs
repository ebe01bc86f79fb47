//! The partner `them`: what it offers, and what receipts say of its files and of ours.

use std::time::{Duration, SystemTime};

use oftp::{
    DatasetName, Eerp, FileHeader, FileKey, FileStamp, Nerp, NerpReason, OdetteId, Response,
    UserData,
};
use pointsman_store::{Note, Offer, Repeated, Target};

pub fn key(dataset: &str) -> FileKey {
    FileKey {
        dataset: DatasetName::new(dataset).unwrap(),
        stamp: FileStamp::new("20261122", "0815300001").unwrap(),
        originator: OdetteId::new("O0013THEM").unwrap(),
        destination: OdetteId::new("O0013US").unwrap(),
    }
}

pub fn nerp(dataset: &str) -> Nerp {
    Nerp {
        key: key(dataset),
        creator: OdetteId::new("O0013US").unwrap(),
        reason: NerpReason::from_code(34),
        text: "not usable".to_owned(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}

pub fn eerp(dataset: &str) -> Response {
    Response::Positive(Eerp {
        key: key(dataset),
        user: UserData::default(),
        hash: Vec::new(),
        signature: Vec::new(),
    })
}

/// An offer of a file of so many octets.
pub fn offer_of(dataset: &str, octets: u64, note: Note) -> Offer {
    Offer {
        partner: "them".to_owned(),
        header: FileHeader::plain(key(dataset), octets),
        target: Target {
            directory: "in".to_owned(),
            file_name: dataset.to_owned(),
            overwrite: false,
        },
        layout: None,
        session: "S1".to_owned(),
        note,
        may_resume: true,
        repeated: Repeated::Refused,
    }
}

/// Later than any test takes.
pub fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(600)
}
