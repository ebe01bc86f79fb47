//! What happens, emitted once: to the log, and to whoever watches.
//!
//! Each event is one row of the files beside this one ([`pointsman_log::events!`]): what it means, its code, name, level,
//! rate, fields, sentence, and what an operator does about it. The rows of all files together are one enum, [`Event`].
//! The crates below have tables of the same form for what happens in them. `docs/operating.md` has the table of all of
//! them, which `cargo xtask events` writes. The log is the one place that all of them go through: [`pointsman_log::watch`]
//! gives the events of every crate.
//!
//! To add one: take the next code of its family, one that was never used before, add its row, and log it by
//! [`Events::emit`], or by [`emit`] where there is no server. Fields are named alike in all of them: `session`, `partner`, `remote` (all of them by a
//! [`Talk`]), `transfer`, `file`, `reason`, `policy`, `path`.

mod limit;
mod policies;
mod receipts;
mod received;
mod sent;
mod server;
mod sessions;
mod talk;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pointsman_log::events;
use pointsman_store::TransferId;
use tokio::sync::broadcast;

use self::policies::policies;
use self::receipts::receipts;
use self::received::received;
use self::sent::sent;
use self::server::server;
use self::sessions::sessions;

pub use self::limit::Limit;
pub use self::talk::Talk;
pub use pointsman_log::emit;

// The macro of each file adds its rows to those above and passes all of them on to the next; `declare` is the last.
macro_rules! declare {
    (; $($rows:tt)*) => {
        events! {
            /// Something an operator may want to know.
            pub enum Event of "server";

            $($rows)*
        }
    };
}

server! { sessions received sent receipts policies declare; }

/// What a decision is about.
fn subject(session: Option<&str>, transfer: Option<TransferId>) -> String {
    match (session, transfer) {
        (Some(session), _) => format!("session {session}: "),
        (None, Some(transfer)) => format!("transfer {transfer}: "),
        (None, None) => String::new(),
    }
}

fn of(partner: &Option<String>) -> String {
    partner
        .as_ref()
        .map_or_else(String::new, |partner| format!(" of {partner}"))
}

fn because(error: &Option<String>) -> String {
    error
        .as_ref()
        .map_or_else(String::new, |error| format!(" ({error})"))
}

/// Where everything that happens is told.
#[derive(Clone, Debug)]
pub struct Events(broadcast::Sender<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(4096).0)
    }
}

impl Events {
    /// Emits it to the log and whoever watches that, and to who acts on what this server does.
    pub fn emit(&self, event: Event) {
        self.emit_or_count(event);
    }

    /// The same; false where the log only counted it.
    pub fn emit_or_count(&self, event: Event) -> bool {
        let written = pointsman_log::emit_or_count(&event);
        // Nobody need be watching.
        let _ = self.0.send(event);
        written
    }

    /// The events of this server alone from now on, for who acts on them. All events of all crates, for who shows them:
    /// [`pointsman_log::watch`].
    #[must_use]
    pub fn own(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_words_stay_on_their_line() {
        let event = Event::PolicyRefused {
            policy: "days".to_owned(),
            reason: "FAKE\n2026 INFO \u{1b}[31m\u{202e}".to_owned(),
        };
        let told = event.to_string();
        assert!(!told.contains(['\n', '\u{1b}', '\u{202e}']), "{told}");
        assert!(told.contains("FAKE\\u{a}2026"), "{told}");
    }
}
