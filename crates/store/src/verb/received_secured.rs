//! A secured file is all here, as it is on the wire.

use std::time::SystemTime;

use super::received::enter;
use super::{Effect, Unfit, Verb};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::state::InboundState;
use crate::transition::VerbName;
use crate::verdict::{AllHere, ReceivedSecured};

/// Receiving → Opening. The ledger makes one of a content that is sealed
/// ([`Ledger::received_secured`](crate::Ledger::received_secured)).
#[derive(Debug)]
pub(crate) struct ReceiveSecured(pub(crate) ReceivedSecured);

impl Verb for ReceiveSecured {
    fn name(&self) -> VerbName {
        VerbName::ReceivedSecured
    }

    fn apply(&self, row: &mut Row, now: SystemTime) -> Result<Effect, Unfit> {
        let octets = "octets as on the wire";
        enter(
            row,
            AllHere::from(&self.0),
            InboundState::Opening,
            octets,
            now,
        )
    }

    /// It may take long to open the file, and an older ledger must not have it discarded meanwhile.
    fn entry(&self, _: &Row, _: Effect) -> Option<Entry> {
        Some(Entry::Received)
    }
}
