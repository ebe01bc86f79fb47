//! A transfer that has files and no row.

use super::{Case, REBUILD};
use crate::spool::SpoolError;
use crate::state::Direction;

impl Case<'_> {
    pub(super) fn without_row(&mut self) -> Result<(), SpoolError> {
        let pieces = self.pieces;
        let wire = pieces.wire;
        if wire.incoming.is_some() && wire.sealed.is_none() && wire.outgoing.is_none() {
            let what = "a partial that no row knows: its sender was told nothing";
            let remedy = "nothing: the next start removes it";
            self.note("partial-without-row", self.blob("incoming"), what, remedy);
            return Ok(());
        }
        for (part, direction, here, sidecar) in [
            (
                "sealed",
                Direction::Inbound,
                wire.sealed.is_some(),
                pieces.inbound_sidecar,
            ),
            (
                "outgoing",
                Direction::Outbound,
                wire.outgoing.is_some(),
                pieces.outbound_sidecar,
            ),
        ] {
            match (here, sidecar) {
                (_, true) => self.sidecar_without_row(part, direction),
                (true, false) => self.blob_without_row(part),
                (false, false) => {}
            }
        }
        Ok(())
    }

    fn sidecar_without_row(&mut self, part: &'static str, direction: Direction) {
        let never_queued = direction == Direction::Outbound
            && match self.audit.spool.record(direction, self.id) {
                Ok(record) => record.is_some_and(|record| record.state().is_none()),
                // A crash came before it was whole.
                Err(SpoolError::Sidecar { .. }) => self.audit.to_be_queued.contains(&self.id),
                Err(_) => false,
            };
        if never_queued && self.audit.to_be_queued.contains(&self.id) {
            let what = "a file of a watched folder that was copied here and not queued yet";
            let remedy = "nothing: the server that looks at the folder next queues it";
            self.note("to-be-queued", self.blob(part), what, remedy);
        } else if never_queued {
            let what =
                "a file to send that was never queued: the command that brought it was cut off";
            let remedy =
                "send the file again if it is still wanted, then remove this blob and its .jsonl";
            self.wrong("never-queued", self.blob(part), what, remedy);
        } else {
            let what = "its sidecar knows the file, the ledger does not";
            self.wrong("sidecar-without-row", self.sidecar(part), what, REBUILD);
        }
    }

    fn blob_without_row(&mut self, part: &'static str) {
        let what = "a blob that neither the ledger nor a sidecar knows";
        let remedy = "look whether anybody misses it, then remove it";
        self.wrong("blob-without-row", self.blob(part), what, remedy);
    }
}
