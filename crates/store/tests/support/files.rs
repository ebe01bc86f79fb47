//! Files for the spool, and the sidecars that they get.

use oftp::{DatasetName, FileHeader, FileKey, FileStamp, OdetteId};
use pointsman_store::{Measure, NewFile, Received, Sidecar, Target, TransferId, Verdict};

/// The sidecar of a received file.
pub fn inbound(id: TransferId, measure: &Measure) -> Sidecar {
    let received = Received {
        measure: measure.clone(),
        counts: oftp::Counts::default(),
        target: Target {
            directory: String::new(),
            file_name: "FILE".to_owned(),
            overwrite: false,
        },
        wire_hash: None,
        verdict: Some(Verdict::Positive),
        note: String::new().into(),
        labels: Vec::new(),
        removal: None,
    };
    Sidecar::inbound(id, "them", &header(measure), &received, "S1")
}

/// The sidecar of a file to send.
pub fn to_send(id: TransferId, measure: &Measure) -> Sidecar {
    Sidecar::outbound(&NewFile {
        id,
        partner: "them".to_owned(),
        header: header(measure),
        octets: measure.octets,
        digest: measure.digest.clone(),
        layout: None,
        counts: oftp::Counts::default(),
        wire_hash: None,
        priority: 3,
        labels: Vec::new(),
        note: Default::default(),
    })
}

fn header(measure: &Measure) -> FileHeader {
    let key = FileKey {
        dataset: DatasetName::new("ORDER").unwrap(),
        stamp: FileStamp::new("20261122", "0815300001").unwrap(),
        originator: OdetteId::new("O0013THEM").unwrap(),
        destination: OdetteId::new("O0013US").unwrap(),
    };
    FileHeader::plain(key, measure.octets)
}
