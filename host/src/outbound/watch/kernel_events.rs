//! Gets the kernel's events of watched folders. One watcher serves all folders: the kernel gives a user few (128), and
//! other programs may need them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// The most names of one folder that are kept from one look to the next, since a user may create any number.
const MOST_NAMES: usize = 10_000;

/// What the kernel has reported of one folder.
#[derive(Debug, Default)]
pub(super) struct FolderEvents {
    pub news: Notify,
    changes: Mutex<FileChanges>,
    /// The folder was removed. The kernel reports nothing of a folder that was created in its place, even with the same
    /// inode.
    gone: AtomicBool,
}

/// What happened to files of one folder.
#[derive(Debug, Default)]
pub(super) struct FileChanges {
    /// They were renamed into the folder and not written to since then, so they are complete.
    pub arrived: BTreeSet<String>,
    /// They were closed by a program that had them open for writing, and not opened since then.
    pub closed: BTreeSet<String>,
    /// They were opened, or written to, after everything that the kernel had reported of them before.
    pub opened: BTreeSet<String>,
    /// The kernel has dropped events, so what it reported earlier may not hold any more.
    pub lost: bool,
}

impl FileChanges {
    fn note(&mut self, kind: EventKind, name: String) {
        let names = self.arrived.len() + self.closed.len() + self.opened.len();
        if names >= MOST_NAMES {
            self.forget();
        }
        match kind {
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
                self.arrived.insert(name);
            }
            CLOSED => {
                self.opened.remove(&name);
                self.closed.insert(name);
            }
            // The kernel does not say whether for writing.
            OPENED => {
                self.closed.remove(&name);
                self.opened.insert(name);
            }
            EventKind::Modify(ModifyKind::Data(_)) => {
                self.closed.remove(&name);
                self.arrived.remove(&name);
                self.opened.insert(name);
            }
            _ => {}
        }
    }

    fn forget(&mut self) {
        *self = Self {
            lost: true,
            ..Self::default()
        };
    }
}

impl FolderEvents {
    /// The events since the last call.
    pub(super) fn changes(&self) -> FileChanges {
        std::mem::take(&mut *self.locked())
    }

    /// Whether the folder was removed since its events are watched.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    fn locked(&self) -> MutexGuard<'_, FileChanges> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Folders = Arc<Mutex<BTreeMap<PathBuf, Arc<FolderEvents>>>>;

/// The one watcher of this process, and the folders whose events it takes.
#[derive(Default)]
pub struct KernelEvents {
    folders: Folders,
    /// Created when the first folder is watched.
    watcher: Mutex<Option<RecommendedWatcher>>,
    /// Which folder each path leads to.
    places: Mutex<BTreeMap<PathBuf, (u64, u64)>>,
}

impl KernelEvents {
    /// Notes which folder this path leads to. Fails with the other path where one leads to the same folder, since links
    /// and mounts may change at any time, and two watchers of one folder would send each other's files.
    pub(super) fn claim(&self, folder: &Path, place: (u64, u64)) -> Result<(), PathBuf> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = places.iter().filter(|(path, _)| *path != folder);
        if let Some((other, _)) = others.find(|(_, taken)| **taken == place) {
            let other = other.clone();
            places.remove(folder);
            return Err(other);
        }
        places.insert(folder.to_owned(), place);
        Ok(())
    }

    /// Ends the watching of this folder.
    pub(super) fn release(&self, folder: &Path) {
        self.places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(folder);
        self.folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(folder);
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watcher) = &mut *watcher {
            let _ = watcher.unwatch(folder);
        }
    }

    /// Has the kernel report changes of the folder that is at this path now. It is a system call and may block.
    pub(super) fn listen(&self, folder: &Path, events: Arc<FolderEvents>) -> notify::Result<()> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let watcher = match &mut *watcher {
            Some(watcher) => watcher,
            empty => {
                let folders = Arc::clone(&self.folders);
                empty.insert(notify::recommended_watcher(move |event| {
                    pass_on(&folders, event);
                })?)
            }
        };
        // The kernel reports nothing of what happens until it watches the folder again.
        events.locked().forget();
        events.gone.store(false, Ordering::Release);
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(folder.to_owned(), events);
        drop(folders);
        // Another folder may have been there when this was done last.
        let _ = watcher.unwatch(folder);
        watcher.watch(folder, RecursiveMode::NonRecursive)
    }
}

/// Notes an event of the kernel for the folders that it is about.
fn pass_on(folders: &Folders, event: notify::Result<Event>) {
    let folders = folders.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(event) = event else {
        return;
    };
    // More happened than the kernel could keep: each folder looks for itself.
    if event.need_rescan() {
        for events in folders.values() {
            events.locked().forget();
            events.gone.store(true, Ordering::Release);
            events.news.notify_one();
        }
    }
    for path in &event.paths {
        if let Some(events) = folders.get(path).filter(|_| event.kind.is_remove()) {
            events.gone.store(true, Ordering::Release);
            events.news.notify_one();
        }
        let above = path.parent().and_then(|above| folders.get(above));
        let Some(events) = above.or_else(|| folders.get(path)) else {
            continue;
        };
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            events.locked().note(event.kind, name.to_owned());
        }
        if is_news(event.kind) {
            events.news.notify_one();
        }
    }
}

/// A program opened the file, to read or to write.
const OPENED: EventKind = EventKind::Access(AccessKind::Open(AccessMode::Any));

/// A program closed the file that it may have written to.
const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));

/// Whether the content of the folder may have changed. Our own looks open it too, and must not count: each would cause
/// the next.
fn is_news(kind: EventKind) -> bool {
    !kind.is_access() || kind == CLOSED
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Without this a server with a watched folder looks at it thousands of times a second.
    #[test]
    fn a_look_is_no_news_and_a_written_file_is() {
        assert!(!is_news(OPENED));
        assert!(is_news(CLOSED));
    }

    #[test]
    fn no_more_is_kept_of_a_folder_at_which_nobody_looks_than_some_names() {
        let mut changes = FileChanges::default();
        for number in 0..3 * MOST_NAMES {
            changes.note(CLOSED, number.to_string());
        }
        assert!(changes.closed.len() <= MOST_NAMES);
        assert!(changes.lost, "what is dropped is reported as lost");
        assert!(changes.closed.contains(&(3 * MOST_NAMES - 1).to_string()));
    }

    #[test]
    fn what_is_opened_or_written_to_is_closed_no_more() {
        let mut changes = FileChanges::default();
        let written = EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any));
        for reopened in [OPENED, written] {
            changes.note(CLOSED, "ORDERS".to_owned());
            assert!(changes.closed.contains("ORDERS") && !changes.opened.contains("ORDERS"));
            changes.note(reopened, "ORDERS".to_owned());
            assert!(!changes.closed.contains("ORDERS") && changes.opened.contains("ORDERS"));
        }
    }

    fn watchers_of_this_process() -> usize {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let leads = open.filter_map(|open| std::fs::read_link(open.unwrap().path()).ok());
        leads
            .filter(|to| to.to_string_lossy().contains("inotify"))
            .count()
    }

    #[tokio::test]
    async fn one_watcher_has_all_folders_and_each_gets_its_own_events() {
        let temp = tempfile::TempDir::new().unwrap();
        let kernel = KernelEvents::default();
        let before = watchers_of_this_process();
        let mut all = Vec::new();
        for number in 0..300 {
            let folder = temp.path().join(number.to_string());
            std::fs::create_dir(&folder).unwrap();
            let events = Arc::new(FolderEvents::default());
            kernel.listen(&folder, Arc::clone(&events)).unwrap();
            all.push((folder, events));
        }
        assert_eq!(watchers_of_this_process(), before + 1);
        // A folder that was removed and created again is another one.
        let (folder, events) = &all[7];
        std::fs::remove_dir(folder).unwrap();
        std::fs::create_dir(folder).unwrap();
        kernel.listen(folder, Arc::clone(events)).unwrap();
        std::fs::write(temp.path().join("whole"), "").unwrap();
        std::fs::rename(temp.path().join("whole"), folder.join("ORDERS")).unwrap();
        std::fs::write(folder.join("WRITTEN"), "").unwrap();
        let mut all_changes = FileChanges::default();
        while !all_changes.arrived.contains("ORDERS") || !all_changes.closed.contains("WRITTEN") {
            let news = tokio::time::timeout(Duration::from_secs(60), events.news.notified());
            news.await.expect("the kernel reports what happened");
            let changes = events.changes();
            all_changes.arrived.extend(changes.arrived);
            all_changes.closed.extend(changes.closed);
        }
        assert!(!all_changes.arrived.contains("WRITTEN"));
        for (other, events) in all.iter().filter(|(other, _)| other != folder) {
            let changes = events.changes();
            let nothing = changes.arrived.is_empty() && changes.closed.is_empty();
            assert!(nothing, "{}", other.display());
        }
    }
}
