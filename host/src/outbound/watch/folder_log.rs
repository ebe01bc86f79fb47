//! What was logged of a watched folder: each trouble once while it lasts.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::events::{Event, Events};

/// The most troubles that are remembered; further ones are logged at each look, within the rate of the log.
const MOST: usize = 1000;

/// How often a folder may be logged as unusable, since a user who may write into it can cause that, and undo it, at
/// each look.
const UNUSABLE: Duration = Duration::from_secs(10);

pub(super) struct FolderLog {
    events: Events,
    folder: String,
    partner: String,
    troubles: Mutex<Troubles>,
    /// Why the folder cannot be used, once that was logged.
    unusable: Option<String>,
    /// When that was logged last.
    when: Option<Instant>,
}

#[derive(Default)]
struct Troubles {
    /// At the look before.
    before: BTreeSet<String>,
    /// At this one.
    now: BTreeSet<String>,
}

impl FolderLog {
    pub(super) fn new(events: Events, folder: &Path, partner: &str) -> Self {
        Self {
            events,
            folder: folder.display().to_string(),
            partner: partner.to_owned(),
            troubles: Mutex::default(),
            unusable: None,
            when: None,
        }
    }

    /// Logs a trouble with a file when it begins. Where the log only counts it, it is logged at the next look.
    pub(super) fn trouble(&self, what: &str) {
        let mut troubles = self.troubles();
        let is_logged = troubles.before.contains(what) || troubles.now.contains(what);
        let is_logged = is_logged || {
            self.events.emit_or_count(Event::WatchTrouble {
                folder: self.folder.clone(),
                partner: self.partner.clone(),
                reason: what.to_owned(),
            })
        };
        if is_logged && troubles.now.len() < MOST {
            troubles.now.insert(what.to_owned());
        }
    }

    /// Logs that a file was moved to `refused`.
    pub(super) fn put_aside(&self, file: &str, reason: &str) {
        self.events.emit(Event::FilePutAside {
            folder: self.folder.clone(),
            partner: self.partner.clone(),
            file: file.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// The whole folder was looked at: troubles that have ended are logged again when they come back.
    pub(super) fn looked(&mut self) {
        let mut troubles = self.troubles();
        troubles.before = std::mem::take(&mut troubles.now);
        drop(troubles);
        if self.unusable.take().is_some() {
            self.events.emit(Event::FolderUsable {
                folder: self.folder.clone(),
                partner: self.partner.clone(),
            });
        }
    }

    /// Logs that the folder could not be looked at.
    pub(super) fn unusable(&mut self, why: &str) {
        let is_logged = self.unusable.as_deref() == Some(why);
        if is_logged || self.when.is_some_and(|when| when.elapsed() < UNUSABLE) {
            return;
        }
        self.events.emit(Event::FolderUnusable {
            folder: self.folder.clone(),
            partner: self.partner.clone(),
            reason: why.to_owned(),
        });
        self.unusable = Some(why.to_owned());
        self.when = Some(Instant::now());
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(watcher: &mut tokio::sync::broadcast::Receiver<Event>) -> Vec<&'static str> {
        let logged = std::iter::from_fn(|| watcher.try_recv().ok());
        logged
            .map(|event| pointsman_log::LogEvent::facts(&event).event)
            .collect()
    }

    #[test]
    fn what_was_mended_and_comes_again_is_said_again() {
        let events = Events::default();
        let mut watcher = events.own();
        let mut log = FolderLog::new(events, Path::new("out"), "mueller");
        for _ in 0..3 {
            log.trouble("no room");
            log.trouble("no room");
            log.looked();
        }
        assert_eq!(logged(&mut watcher), ["watch-trouble"]);
        log.looked();
        log.trouble("no room");
        assert_eq!(logged(&mut watcher), ["watch-trouble"]);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_said_once_and_when_it_can() {
        let events = Events::default();
        let mut watcher = events.own();
        let mut log = FolderLog::new(events, Path::new("out"), "mueller");
        log.trouble("no room");
        log.unusable("no such folder");
        log.unusable("no such folder");
        log.looked();
        // Whoever makes it so at each look fills no log.
        for _ in 0..100 {
            log.unusable("a link is in the way");
            log.looked();
        }
        assert_eq!(
            logged(&mut watcher),
            ["watch-trouble", "folder-unusable", "folder-usable"]
        );
    }
}
