//! When a partner is called next, and why what waits for it does not go.

use std::collections::BTreeMap;
use std::time::SystemTime;

use oftp::Mode;
use pointsman_log::printable;
use pointsman_store::{Backlog, Contact, ContactKind};
use serde::{Deserialize, Serialize};

use super::running::SessionReport;
use super::utc_time::UtcTime;
use crate::config::Partner;
use crate::station::contacts::NextCall;

/// Why files for a partner wait, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitsReport {
    /// When the partner is called next, in words.
    pub next_call: String,
    /// Why nothing goes, if something waits and does not go by itself just now.
    pub why_it_waits: Option<String>,
}

/// What is known of one partner at a moment.
pub(super) struct PartnerView<'a> {
    pub name: &'a str,
    pub profile: &'a Partner,
    pub contacts: BTreeMap<ContactKind, &'a Contact>,
    pub backlog: Backlog,
    /// Whether a server runs on this configuration.
    pub serving: bool,
    /// When the server calls it next, as far as it knows.
    pub next: Option<NextCall>,
    pub sessions: Vec<&'a SessionReport>,
}

impl PartnerView<'_> {
    /// Both of the two below.
    pub fn waits(&self) -> WaitsReport {
        WaitsReport {
            next_call: self.next_call(),
            why_it_waits: self.why(),
        }
    }

    /// Why nothing goes, if something waits and does not go by itself just now; in the order in which an operator would
    /// look.
    pub fn why(&self) -> Option<String> {
        let waiting = &self.backlog;
        let idle = waiting.files + waiting.owed == 0;
        if idle || waiting.in_session > 0 || self.next == Some(NextCall::Calling) {
            return None;
        }
        if !self.serving {
            return Some(self.without_server());
        }
        self.all_stopped()
            .or_else(|| self.last_one_failed())
            .or_else(|| self.stayed())
            .or_else(|| self.without_address())
            .or_else(|| self.all_backing_off())
            .or_else(|| self.not_called())
            .or_else(|| self.takes_no_files())
            .or_else(|| {
                let reason = waiting.reason.as_deref().map(printable);
                reason.map(|reason| format!("the last session did not send it: {reason}"))
            })
    }

    fn without_server(&self) -> String {
        let or_send = match self.profile.address {
            Some(_) => format!(", or send it with `pointsman send --to {}`", self.name),
            None => String::new(),
        };
        let stayed = self.stayed();
        let stayed = stayed.map_or_else(String::new, |why| format!("; {why}"));
        format!("no server runs on this configuration: start `pointsman serve`{or_send}{stayed}")
    }

    /// Files that an operator must release.
    fn stopped(&self) -> u64 {
        self.backlog.held + self.backlog.parked
    }

    fn all_stopped(&self) -> Option<String> {
        let waiting = &self.backlog;
        (waiting.owed == 0 && self.stopped() == waiting.files).then(|| {
            format!(
                "what waits is held or parked, and goes when you say so: `pointsman queue list --partner {}`, then `queue release ID`",
                self.name
            )
        })
    }

    fn last_one_failed(&self) -> Option<String> {
        let failure = self.failure()?;
        let what = match failure.dialled {
            true => "the last call failed",
            false => "its last session failed",
        };
        Some(format!("{what}: {}", printable(&failure.words)))
    }

    fn without_address(&self) -> Option<String> {
        if self.profile.address.is_some() {
            return None;
        }
        let refused = self.refusal().map_or_else(String::new, |refusal| {
            format!(
                "; a caller with its code was not let in: {}",
                printable(&refusal.words)
            )
        });
        Some(format!(
            "its profile has no `address`, so it is not called: what waits goes when it calls us{refused}"
        ))
    }

    fn all_backing_off(&self) -> Option<String> {
        let waiting = &self.backlog;
        if waiting.owed > 0 || self.stopped() + waiting.backing_off != waiting.files {
            return None;
        }
        let until = waiting.backs_off_until.map(shown).unwrap_or_default();
        let reason = waiting.reason.as_deref().map(printable);
        Some(format!(
            "what waits backs off until {until}: {}",
            reason.unwrap_or_default()
        ))
    }

    fn not_called(&self) -> Option<String> {
        if self.profile.is_called() && self.profile.calls.queued {
            return None;
        }
        Some(format!(
            "it is not called for what waits (`calls.queued: false`): it goes with its own call, the next one by the clock, or `pointsman send --to {}`",
            self.name
        ))
    }

    fn takes_no_files(&self) -> Option<String> {
        let mode = self.profile.offer.mode;
        let has_files = self.backlog.files > self.stopped();
        (has_files && mode == Mode::ReceiveOnly)
            .then(|| "its `session.mode` is receive-only: no file goes to it".to_owned())
    }

    /// Why files that were there at the last session, and could have gone, did not go in it.
    fn stayed(&self) -> Option<String> {
        let waiting = &self.backlog;
        let last = self.contacts.get(&ContactKind::Session)?;
        let was_there = waiting.ready_since.is_some_and(|since| since <= last.at);
        let why = last.stayed.as_deref().filter(|_| was_there)?;
        Some(format!(
            "the last session did not send it: {}",
            printable(why)
        ))
    }

    /// The last failure, if no session since has come to its end as it should.
    fn failure(&self) -> Option<&Contact> {
        self.since_good(ContactKind::Failure)
    }

    fn refusal(&self) -> Option<&Contact> {
        self.since_good(ContactKind::Refusal)
    }

    fn since_good(&self, kind: ContactKind) -> Option<&Contact> {
        let good = self.contacts.get(&ContactKind::Good);
        let found = self.contacts.get(&kind).copied();
        found.filter(|found| good.is_none_or(|good| found.at > good.at))
    }

    /// When the next call is, in words.
    pub fn next_call(&self) -> String {
        let files = self.backlog.files - self.backlog.held - self.backlog.parked;
        let waits = files + self.backlog.owed > 0 && self.profile.calls.queued;
        match self.next {
            _ if !self.profile.is_called() && self.profile.address.is_none() => {
                "never: its profile has no `address`".to_owned()
            }
            _ if !self.profile.is_called() => "never by itself: see `calls`".to_owned(),
            None if !self.serving => "none: no server runs".to_owned(),
            // The server has just started and has not looked yet.
            None => "soon".to_owned(),
            Some(NextCall::Calling) => "it is being called".to_owned(),
            Some(NextCall::At(at)) => ahead(at),
            Some(NextCall::NotBefore(at)) if waits => ahead(at),
            Some(NextCall::NotBefore(at)) => {
                format!("as soon as something waits, and not before {}", shown(at))
            }
            Some(NextCall::WhenSomethingWaits) => {
                match self.backlog.backs_off_until.filter(|_| waits) {
                    Some(at) => ahead(at),
                    None => "as soon as something waits".to_owned(),
                }
            }
        }
    }
}

fn shown(at: SystemTime) -> String {
    UtcTime(at).to_string()
}

/// A moment to come, and how long that is.
fn ahead(at: SystemTime) -> String {
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    match left.as_secs() {
        0 => "now".to_owned(),
        seconds => format!("{}, in {}", shown(at), span(seconds)),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
