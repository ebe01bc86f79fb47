//! What is remembered of each partner: its last sessions, why one failed, and when it is called next.
//!
//! Sessions only note here how they ended; one task writes the latest notes to the ledger, so that a session costs no
//! commit of its own. A crash loses the notes of one second.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use pointsman_store::{Contact, ContactKind, Ledger, LedgerError};
use serde::{Deserialize, Serialize};

use super::mutex::locked;

/// The most octets of a text from a partner that are remembered.
const WORDS: usize = 1000;

/// When a partner is called next, as far as the server knows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextCall {
    /// It is being called.
    Calling,
    /// As soon as something waits for it.
    WhenSomethingWaits,
    /// As soon as something waits for it, and not before this time: it could not be reached, or its session failed.
    NotBefore(SystemTime),
    /// At this time, whether or not something waits for it.
    At(SystemTime),
}

/// Contacts that are not in the ledger yet, and when partners are called next.
#[derive(Debug, Default)]
pub struct Contacts {
    unwritten: Mutex<BTreeMap<(String, ContactKind), Contact>>,
    plans: Mutex<BTreeMap<String, NextCall>>,
}

/// The other end of a session, and who began it.
#[derive(Clone, Debug)]
pub struct Line {
    /// The partner's name in the configuration.
    pub partner: String,
    /// Whether we dialled.
    pub dialled: bool,
    /// Its address and port, or what was dialled.
    pub remote: String,
}

impl Contacts {
    /// Notes that a session ended, and why waiting files were not sent in it, where that was so.
    pub fn ended(&self, line: &Line, normal: bool, words: &str, stayed: Option<&str>) {
        let session = contact(line, ContactKind::Session, words);
        self.note(Contact {
            stayed: stayed.map(|why| cut(why).to_owned()),
            ..session
        });
        let kind = if normal {
            ContactKind::Good
        } else {
            ContactKind::Failure
        };
        self.note(contact(line, kind, words));
    }

    /// Notes that a call of ours reached nobody.
    pub fn unreached(&self, line: &Line, words: &str) {
        self.note(contact(line, ContactKind::Failure, words));
    }

    /// Notes that a caller presented the partner's code and was refused.
    pub fn refused(&self, line: &Line, words: &str) {
        self.note(contact(line, ContactKind::Refusal, words));
    }

    fn note(&self, contact: Contact) {
        let which = (contact.partner.clone(), contact.kind);
        locked(&self.unwritten).insert(which, contact);
    }

    /// Notes when the partner is called next.
    pub fn plan(&self, partner: &str, plan: NextCall) {
        let mut plans = locked(&self.plans);
        match plans.get_mut(partner) {
            Some(known) => *known = plan,
            None => drop(plans.insert(partner.to_owned(), plan)),
        }
    }

    /// Removes the plans of partners that are not in the configuration any more.
    pub fn keep_plans(&self, known: impl Fn(&str) -> bool) {
        locked(&self.plans).retain(|partner, _| known(partner));
    }

    /// When partners are called next; a partner that the server never calls by itself is missing.
    #[must_use]
    pub fn plans(&self) -> BTreeMap<String, NextCall> {
        locked(&self.plans).clone()
    }

    /// Writes new contacts to the ledger.
    ///
    /// # Errors
    /// The ledger cannot be written; the contacts are kept for the next time.
    pub async fn write_down(&self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let new = std::mem::take(&mut *locked(&self.unwritten));
        if new.is_empty() {
            return Ok(());
        }
        let written = ledger.note_contacts(new.values().cloned().collect()).await;
        if written.is_err() {
            let mut unwritten = locked(&self.unwritten);
            for (which, contact) in new {
                // There may be a later one by now.
                unwritten.entry(which).or_insert(contact);
            }
        }
        written
    }
}

fn contact(line: &Line, kind: ContactKind, words: &str) -> Contact {
    Contact {
        partner: line.partner.clone(),
        kind,
        at: SystemTime::now(),
        dialled: line.dialled,
        remote: line.remote.clone(),
        words: cut(words).to_owned(),
        stayed: None,
    }
}

/// Cuts a text to [`WORDS`] octets.
fn cut(words: &str) -> &str {
    let end = words.floor_char_boundary(WORDS);
    words.get(..end).unwrap_or_default()
}
