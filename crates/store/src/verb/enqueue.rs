//! A file to send is queued.

use std::time::SystemTime;

use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::OutboundState;
use crate::transfer::NewFile;

/// The row of a file that is queued, and the entry for its sidecar. Without that entry a rebuilt ledger parks the file,
/// since its content may have been copied into the spool and never queued.
pub(crate) fn queued(file: &NewFile, now: SystemTime) -> (Row, Entry) {
    let ready = Entry::State(OutboundState::Ready, None);
    (Row::queued(file, now), ready)
}
