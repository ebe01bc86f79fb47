//! The sessions that run: their partner, address and start, and the progress of their file.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use pointsman_store::Direction;
use serde::{Deserialize, Serialize};

use super::mutex::locked;

/// A session, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNow {
    /// Its name, as in the log and in the histories of files.
    pub session: String,
    /// The partner's name in the configuration; none for a caller that has not identified itself.
    pub partner: Option<String>,
    /// The other end.
    pub remote: SocketAddr,
    /// Whether we dialled.
    pub dialled: bool,
    /// What both sides agreed on, and the TLS, once they have.
    pub terms: Option<String>,
    /// When the connection was there.
    pub since: SystemTime,
    /// The file that is under way.
    pub file: Option<FileNow>,
}

/// A file that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNow {
    pub transfer: String,
    /// The file's identity.
    pub file: String,
    /// Whether we receive it or send it.
    pub direction: Direction,
    /// Octets that have been moved so far, including those of earlier sessions.
    pub octets: u64,
    /// Its size in octets; for a received file the announced size, a multiple of 1024.
    pub size: u64,
    /// When it began in this session.
    pub since: SystemTime,
}

/// Every session that runs.
#[derive(Debug, Default)]
pub struct Roster {
    next: AtomicU64,
    sessions: Mutex<BTreeMap<u64, Arc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    shown: Mutex<SessionNow>,
    /// Octets of the file so far. It is updated for each buffer, so it has no lock.
    octets: AtomicU64,
}

/// A session's entry in the roster. Dropping it removes the entry.
#[derive(Debug)]
pub struct Enrolled {
    roster: Arc<Roster>,
    number: u64,
    entry: Arc<Entry>,
}

/// The file in a session's entry. Dropping it removes the file.
#[derive(Debug)]
pub struct UnderWay(Arc<Entry>);

impl Roster {
    /// A session begins.
    #[must_use]
    pub fn enrol(self: &Arc<Self>, session: SessionNow) -> Enrolled {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            shown: Mutex::new(session),
            octets: AtomicU64::new(0),
        });
        locked(&self.sessions).insert(number, Arc::clone(&entry));
        Enrolled {
            roster: Arc::clone(self),
            number,
            entry,
        }
    }

    /// The sessions of now, the oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionNow> {
        let entries: Vec<Arc<Entry>> = locked(&self.sessions).values().cloned().collect();
        entries.iter().map(|entry| entry.look()).collect()
    }

    /// How many of them are with a partner: callers that have not identified themselves do not count.
    #[must_use]
    pub fn of_partners(&self) -> usize {
        let sessions = locked(&self.sessions);
        let is_partners = |entry: &&Arc<Entry>| locked(&entry.shown).partner.is_some();
        sessions.values().filter(is_partners).count()
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> HashSet<String> {
        let entries: Vec<Arc<Entry>> = locked(&self.sessions).values().cloned().collect();
        let name = |entry: &Arc<Entry>| locked(&entry.shown).session.clone();
        entries.iter().map(name).collect()
    }
}

impl Entry {
    fn look(&self) -> SessionNow {
        let mut shown = locked(&self.shown).clone();
        if let Some(file) = &mut shown.file {
            file.octets = self.octets.load(Ordering::Relaxed);
        }
        shown
    }
}

impl Enrolled {
    /// Notes the partner of the session, and what was agreed.
    pub fn agreed(&self, partner: &str, terms: &str) {
        let mut shown = locked(&self.entry.shown);
        shown.partner = Some(partner.to_owned());
        shown.terms = Some(terms.to_owned());
    }

    /// Notes that a file begins, with the octets that were moved before.
    #[must_use]
    pub fn begin(&self, file: FileNow) -> UnderWay {
        self.entry.octets.store(file.octets, Ordering::Relaxed);
        locked(&self.entry.shown).file = Some(file);
        UnderWay(Arc::clone(&self.entry))
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        locked(&self.roster.sessions).remove(&self.number);
    }
}

impl UnderWay {
    /// Notes how many octets of it have been moved so far.
    pub fn moved(&self, octets: u64) {
        self.0.octets.store(octets, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        locked(&self.0.shown).file = None;
    }
}
