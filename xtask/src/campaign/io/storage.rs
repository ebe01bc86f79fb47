//! Which file of a station's storage a call is about.

use std::path::PathBuf;

use super::calls::{CALLS, CallSubject};
use crate::campaign::gate::Call;
use crate::campaign::pair::Pair;
use crate::campaign::party::Party;

/// The folders that a station's storage is in.
pub(super) struct VictimStorage(Vec<PathBuf>);

impl VictimStorage {
    pub(super) fn of(pair: &Pair, victim: Party) -> Self {
        let folder = pair.folder(victim);
        Self(
            ["state", "inbox", "out"]
                .map(|part| folder.join(part))
                .into(),
        )
    }

    /// The file of the storage that a call is about.
    pub(super) fn file(&self, call: &Call) -> Option<PathBuf> {
        let verb = CALLS.iter().find(|verb| verb.number == call.number)?;
        let file = match verb.about {
            CallSubject::Open => call.descriptor(0),
            CallSubject::Command => is_wanted(call).then(|| call.descriptor(0)).flatten(),
            CallSubject::Path => call.path(None, 0),
            CallSubject::Within => call.path(Some(0), 1),
            CallSubject::Second => call.path(None, 1),
        }?;
        self.0
            .iter()
            .any(|part| file.starts_with(part))
            .then_some(file)
    }
}

/// Of the commands of `fcntl` and `flock`, those that can fail on a sound system: to give a lock back is not one.
fn is_wanted(call: &Call) -> bool {
    let command = call.number_of(1);
    match call.number {
        libc::SYS_flock => command.is_some_and(|command| command & libc::LOCK_UN == 0),
        _ if command == Some(libc::F_DUPFD_CLOEXEC) => true,
        _ if command == Some(libc::F_SETLK) => call
            .small_number_at(2)
            .is_some_and(|kind| i32::from(kind) != libc::F_UNLCK),
        _ => false,
    }
}
