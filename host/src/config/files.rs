//! The files and folders that the server creates in the folders of the configuration.

use std::path::{Path, PathBuf};

use super::Plan;

/// The lock's name in the state folder.
pub(crate) const LOCK: &str = "lock";

/// The socket's name in the state folder.
pub(crate) const SOCKET: &str = "control.sock";

/// The ledger's name in its folder.
const LEDGER: &str = "ledger.db";

/// The server's own files in the state folder, which may have other files as well.
pub(crate) const OURS: &[&str] = &[LOCK, SOCKET, LEDGER];

/// Endings of the files that SQLite creates for a database.
const BESIDE_LEDGER: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The subfolder of a watched folder for files that were taken.
pub(crate) const TAKEN: &str = ".taken";

/// The subfolder of a watched folder for files that cannot be sent.
pub(crate) const REFUSED: &str = "refused";

/// The folders of this program in a watched folder.
pub(crate) const ROOMS: [&str; 2] = [TAKEN, REFUSED];

/// The files that a server creates in the folders of state and ledger.
pub fn own_files(plan: &Plan) -> impl Iterator<Item = PathBuf> {
    let (state, ledger) = (&plan.storage.state, &plan.storage.ledger);
    let of_ledger = BESIDE_LEDGER.map(|beside| ledger.join(format!("{LEDGER}{beside}")));
    let others = [LOCK, SOCKET].map(|name| state.join(name));
    others.into_iter().chain(of_ledger)
}

/// The spool folder of a plan.
#[must_use]
pub fn spool_path(plan: &Plan) -> PathBuf {
    Path::join(&plan.storage.state, "spool")
}

/// The ledger file of a plan.
#[must_use]
pub fn ledger_path(plan: &Plan) -> PathBuf {
    plan.storage.ledger.join(LEDGER)
}

/// Where the control socket is.
pub(crate) fn socket(plan: &Plan) -> PathBuf {
    plan.storage.state.join(SOCKET)
}
