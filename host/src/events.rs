//! What happens, told once: to the log by name, and to whoever watches.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use pointsman_log::Printable;
use pointsman_store::TransferId;
use tokio::sync::broadcast;

use crate::seats::Limit;

/// Something an operator may want to know. Its text is a sentence; its name is for searching.
#[derive(Clone, Debug)]
pub enum Event {
    /// Both ends agreed how to talk.
    Connected {
        /// Session.
        session: String,
        /// Partner.
        partner: String,
        /// Version, buffer, credit, TLS.
        terms: String,
    },
    /// A policy decided something.
    Decided {
        /// Session.
        session: String,
        /// The question.
        hook: &'static str,
        /// Policy and generation.
        by: String,
        /// What it said.
        decision: String,
    },
    /// A caller found no place, and was not even answered.
    CallerRefused {
        /// Where it calls from.
        remote: SocketAddr,
        /// The limit that is reached.
        limit: Limit,
    },
    /// Somebody has given so many wrong passwords for a partner's code that its callers from there are locked out.
    LockedOut {
        /// The partner.
        partner: String,
        /// The address, or the network.
        from: String,
        /// For how long, from the last wrong password on.
        time: Duration,
    },
    /// We would not have the session.
    ConnectionRefused {
        /// Session.
        session: String,
        /// The SSID code that was presented.
        ssid: String,
        /// ESID reason and text.
        why: String,
    },
    /// A file was offered and not taken.
    FileRefused {
        /// Session.
        session: String,
        /// Partner.
        partner: String,
        /// The file.
        file: String,
        /// SFNA or EFNA reason and text.
        why: String,
    },
    /// Every octet of a file is here and durable.
    FileReceived {
        /// Session.
        session: String,
        /// Partner.
        partner: String,
        /// Transfer.
        id: TransferId,
        /// The file.
        file: String,
        /// Its size.
        octets: u64,
    },
    /// A received file is in its folder.
    Delivered {
        /// Transfer.
        id: TransferId,
        /// Path below the inbox.
        path: String,
    },
    /// A received file could not be put into its folder; it is tried again.
    NotDelivered {
        /// Transfer.
        id: TransferId,
        /// Why.
        why: String,
    },
    /// The peer confirmed our receipt.
    ReceiptGiven {
        /// Session.
        session: String,
        /// Transfer.
        id: TransferId,
    },
    /// The peer takes our file.
    Sending {
        /// Transfer.
        id: TransferId,
        /// Octets that were there before.
        from: u64,
        /// Its size.
        octets: u64,
    },
    /// So much of it is on its way.
    Progress {
        /// Transfer.
        id: TransferId,
        /// Octets sent, of the whole file.
        sent: u64,
        /// Its size.
        octets: u64,
    },
    /// The peer has every octet of our file.
    FileSent {
        /// Session.
        session: String,
        /// Transfer.
        id: TransferId,
        /// The file.
        file: String,
    },
    /// The peer would not have our file.
    SendRefused {
        /// Session.
        session: String,
        /// Transfer.
        id: TransferId,
        /// Reason, text, and what happens now.
        why: String,
    },
    /// A file from a watched folder is queued.
    Queued {
        /// Transfer.
        id: TransferId,
        /// Partner.
        partner: String,
        /// Where it was put.
        file: String,
    },
    /// A watched folder, or a file in it, is not as it should be.
    WatchTrouble {
        /// The folder.
        folder: String,
        /// What is wrong, and what became of it.
        what: String,
    },
    /// A call of ours came to nothing.
    CallFailed {
        /// Partner.
        partner: String,
        /// Why.
        why: String,
        /// How many in a row by now.
        failures: u32,
        /// When it is tried again.
        again: Duration,
    },
    /// The receipt of a file of ours did not come in time.
    ReceiptOverdue {
        /// Partner.
        partner: String,
        /// Transfer.
        id: TransferId,
    },
    /// The receipt of our file is here, and what it is worth.
    ReceiptReceived {
        /// Session.
        session: String,
        /// Transfer, if it answers one of ours.
        id: Option<TransferId>,
        /// Whether it is an EERP.
        positive: bool,
        /// What was checked, or the NERP's reason.
        detail: String,
    },
    /// A leniency was used.
    Tolerated {
        /// Session.
        session: String,
        /// Which, and where.
        what: String,
    },
    /// A session is over.
    SessionEnded {
        /// Session.
        session: String,
        /// Partner, if it came that far.
        partner: Option<String>,
        /// How.
        end: String,
        /// Whether it ended as it should.
        normal: bool,
    },
    /// Something of ours failed; the session was given up, nothing was lost.
    Trouble {
        /// Session.
        session: String,
        /// What.
        what: String,
    },
    /// A new generation of policies decides from now on.
    PolicySwapped {
        /// Policy.
        policy: String,
        /// Generation.
        generation: u64,
        /// SHA-256 of the component.
        digest: String,
    },
    /// A component decides now, but its file could not be replaced.
    PolicyNotInstalled {
        /// Policy.
        policy: String,
        /// Why.
        why: String,
    },
    /// A component was not taken; the old one goes on.
    PolicyRefused {
        /// Why.
        why: String,
    },
}

impl Event {
    /// The name to search for.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::Decided { .. } => "policy-decided",
            Self::CallerRefused { .. } => "caller-refused",
            Self::LockedOut { .. } => "locked-out",
            Self::ConnectionRefused { .. } => "connection-refused",
            Self::FileRefused { .. } => "file-refused",
            Self::FileReceived { .. } => "file-received",
            Self::Delivered { .. } => "file-delivered",
            Self::NotDelivered { .. } => "delivery-failed",
            Self::ReceiptGiven { .. } => "receipt-given",
            Self::Sending { .. } => "file-sending",
            Self::Progress { .. } => "file-progress",
            Self::FileSent { .. } => "file-sent",
            Self::SendRefused { .. } => "send-refused",
            Self::Queued { .. } => "file-queued",
            Self::WatchTrouble { .. } => "watch-trouble",
            Self::CallFailed { .. } => "call-failed",
            Self::ReceiptOverdue { .. } => "receipt-overdue",
            Self::ReceiptReceived { .. } => "receipt-received",
            Self::Tolerated { .. } => "tolerated",
            Self::SessionEnded { .. } => "session-ended",
            Self::Trouble { .. } => "trouble",
            Self::PolicySwapped { .. } => "policy-swapped",
            Self::PolicyNotInstalled { .. } => "policy-not-installed",
            Self::PolicyRefused { .. } => "policy-refused",
        }
    }

    fn level(&self) -> tracing::Level {
        match self {
            Self::Trouble { .. }
            | Self::LockedOut { .. }
            | Self::WatchTrouble { .. }
            | Self::NotDelivered { .. }
            | Self::PolicyNotInstalled { .. }
            | Self::PolicyRefused { .. } => tracing::Level::ERROR,
            Self::ConnectionRefused { .. }
            | Self::CallerRefused { .. }
            | Self::CallFailed { .. }
            | Self::ReceiptOverdue { .. }
            | Self::FileRefused { .. }
            | Self::SendRefused { .. } => tracing::Level::WARN,
            Self::SessionEnded { normal: false, .. } => tracing::Level::WARN,
            Self::Progress { .. } => tracing::Level::TRACE,
            _ => tracing::Level::INFO,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable(&Sentence(self)))
    }
}

struct Sentence<'a>(&'a Event);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::Connected {
                session,
                partner,
                terms,
            } => write!(f, "session {session} with {partner}: {terms}"),
            Event::Decided {
                session,
                hook,
                by,
                decision,
            } => write!(f, "session {session}: {hook}: policy {by}: {decision}"),
            Event::CallerRefused { remote, limit } => {
                write!(f, "caller at {remote} turned away: {limit} is reached")
            }
            Event::LockedOut {
                partner,
                from,
                time,
            } => write!(
                f,
                "one wrong password after the other for {partner} from {from}: its code is locked out from there until {} s have passed without another; if it is the partner, agree on the password and let it wait",
                time.as_secs()
            ),
            Event::ConnectionRefused { session, ssid, why } => {
                write!(f, "session {session}: caller `{ssid}` refused: {why}")
            }
            Event::FileRefused {
                session,
                partner,
                file,
                why,
            } => {
                write!(
                    f,
                    "session {session}: file {file} of {partner} refused: {why}"
                )
            }
            Event::FileReceived {
                session,
                partner,
                id,
                file,
                octets,
            } => {
                write!(
                    f,
                    "session {session}: received {file} of {partner}, {octets} octets, as transfer {id}"
                )
            }
            Event::Delivered { id, path } => write!(f, "transfer {id} delivered to {path}"),
            Event::NotDelivered { id, why } => write!(
                f,
                "transfer {id} is not delivered yet, and will be tried again: {why}"
            ),
            Event::ReceiptGiven { session, id } => write!(
                f,
                "session {session}: the partner has our receipt of transfer {id}"
            ),
            Event::Sending { id, from, octets } => {
                write!(f, "sending transfer {id} from octet {from} of {octets}")
            }
            Event::Progress { id, sent, octets } => {
                write!(f, "transfer {id}: {sent} of {octets} octets")
            }
            Event::FileSent { session, id, file } => write!(
                f,
                "session {session}: the partner has {file}, transfer {id}"
            ),
            Event::SendRefused { session, id, why } => {
                write!(f, "session {session}: transfer {id} refused: {why}")
            }
            Event::Queued { id, partner, file } => {
                write!(f, "{file} is queued for {partner} as transfer {id}")
            }
            Event::WatchTrouble { folder, what } => write!(f, "watched folder {folder}: {what}"),
            Event::CallFailed {
                partner,
                why,
                failures,
                again,
            } => write!(
                f,
                "call to {partner} failed ({failures} in a row), again in {} s: {why}",
                again.as_secs()
            ),
            Event::ReceiptOverdue { partner, id } => write!(
                f,
                "the receipt of transfer {id} is overdue; ask {partner} for it"
            ),
            Event::ReceiptReceived {
                session,
                id,
                positive,
                detail,
            } => {
                let kind = if *positive { "EERP" } else { "NERP" };
                match id {
                    Some(id) => write!(f, "session {session}: {kind} for transfer {id}: {detail}"),
                    None => write!(
                        f,
                        "session {session}: {kind} for a file we did not send: {detail}"
                    ),
                }
            }
            Event::Tolerated { session, what } => write!(f, "session {session}: tolerated: {what}"),
            Event::SessionEnded {
                session,
                partner,
                end,
                ..
            } => {
                write!(
                    f,
                    "session {session} with {}: {end}",
                    partner.as_deref().unwrap_or("an unknown caller")
                )
            }
            Event::Trouble { session, what } => write!(f, "session {session}: {what}"),
            Event::PolicySwapped {
                policy,
                generation,
                digest,
            } => {
                write!(
                    f,
                    "policy {policy} is now sha256:{digest}, generation {generation}"
                )
            }
            Event::PolicyNotInstalled { policy, why } => write!(
                f,
                "policy {policy} decides now, but the one before comes back with the next start: {why}"
            ),
            Event::PolicyRefused { why } => write!(f, "{why}; the policies stay as they are"),
        }
    }
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
    /// Logs it, and tells whoever watches.
    pub fn tell(&self, event: Event) {
        let name = event.name();
        match event.level() {
            tracing::Level::ERROR => tracing::error!(event = name, "{event}"),
            tracing::Level::WARN => tracing::warn!(event = name, "{event}"),
            tracing::Level::INFO => tracing::info!(event = name, "{event}"),
            _ => tracing::trace!(event = name, "{event}"),
        }
        // Nobody need be watching.
        let _ = self.0.send(event);
    }

    /// Everything from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_words_stay_on_their_line() {
        let end = "FAKE\n2026 INFO \u{1b}[31m\u{202e}".to_owned();
        let event = Event::SessionEnded {
            session: "S1".to_owned(),
            partner: None,
            end,
            normal: false,
        };
        let told = event.to_string();
        assert!(!told.contains(['\n', '\u{1b}', '\u{202e}']), "{told}");
        assert!(told.contains("FAKE\\u{a}2026"), "{told}");
    }
}
