//! Watched folders: what is put into one is queued for its partner, once.
//!
//! ```text
//! <folder>/NAME               put there by somebody
//! <folder>/.taken/<id>.NAME   ours: the transfer it becomes is named, so a crash at any point repeats nothing
//! <folder>/refused/NAME       cannot be sent as it is; the log says why
//! ```
//! A file counts when it is whole: renamed into the folder, or left alone for a while. The kernel tells of changes
//! where it can; a look at the folder now and again sees what it does not, on network file systems for one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use oftp::UserData;
use pointsman_folder::{Folder, Names, PRIVATE_FOLDER};
use pointsman_store::transition::reached;
use pointsman_store::{Direction, SpoolError, TransferId, planted};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use tokio::sync::Notify;

use crate::config::{Config, Watch};
use crate::events::Event;
use crate::names;
use crate::outbox::{self, QueueError, SendAs, Whose};
use crate::partners::Profile;
use crate::station::Station;

/// How often a folder is looked at when the kernel tells nothing.
const POLL: Duration = Duration::from_secs(2);

/// So much is remembered of what was said.
const MOST_SAID: usize = 1000;

const TAKEN: &str = ".taken";
const REFUSED: &str = "refused";

/// Watches a folder for as long as the server runs.
pub async fn keep_watching(station: Arc<Station>, profile: Profile, watch: Watch) {
    Watched::new(station, profile, watch).keep().await;
}

/// The watched folders of a configuration, and whose they are.
#[must_use]
pub fn folders(config: &Config) -> Vec<(Profile, Watch)> {
    let mut folders = Vec::new();
    for (name, partner) in &config.partners {
        let watched = partner.watch.iter().cloned();
        folders.extend(
            Profile::by_name(config, name)
                .into_iter()
                .flat_map(|profile| watched.clone().map(move |watch| (profile.clone(), watch))),
        );
    }
    folders
}

/// One watched folder.
struct Watched {
    station: Arc<Station>,
    profile: Profile,
    watch: Watch,
    path: PathBuf,
    /// What is written into it at the moment: how it looked, and since when it looks so.
    growing: BTreeMap<PathBuf, (Look, Instant)>,
    told: Arc<Told>,
    /// What was said of the folder already.
    said: Mutex<BTreeSet<String>>,
}

/// What the kernel told.
#[derive(Default)]
struct Told {
    news: Notify,
    /// Files that were renamed into the folder: whole already.
    arrived: Mutex<BTreeSet<PathBuf>>,
}

/// What changes while a file is written.
type Look = (u64, SystemTime);

impl Watched {
    fn new(station: Arc<Station>, profile: Profile, watch: Watch) -> Self {
        Self {
            station,
            profile,
            path: watch.folder.0.clone(),
            watch,
            growing: BTreeMap::new(),
            told: Arc::new(Told::default()),
            said: Mutex::default(),
        }
    }

    async fn keep(mut self) {
        let mut watcher = None;
        let mut failing = false;
        loop {
            match self.look().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    self.trouble(&format!("it cannot be used, and is tried again: {error}"));
                }
                Err(_) => {}
            }
            if watcher.is_none() {
                watcher = self.listen();
            }
            tokio::select! {
                () = self.told.news.notified() => {}
                () = tokio::time::sleep(self.pace()) => {}
            }
        }
    }

    /// Often enough for what is growing to be taken when its time has come.
    fn pace(&self) -> Duration {
        if self.growing.is_empty() {
            POLL
        } else {
            POLL.min(self.quiet() / 2)
        }
    }

    fn quiet(&self) -> Duration {
        self.watch
            .quiet
            .map_or(Duration::from_secs(5), |quiet| quiet.0.0)
    }

    /// Has the kernel tell of changes; none where it does not, and the looks must do.
    fn listen(&self) -> Option<RecommendedWatcher> {
        let told = Arc::clone(&self.told);
        let tell = move |event: notify::Result<notify::Event>| {
            let Some(event) = event.ok().filter(|event| is_news(event.kind)) else {
                return;
            };
            if event.kind == EventKind::Modify(ModifyKind::Name(RenameMode::To)) {
                let mut arrived = told.arrived.lock().unwrap_or_else(PoisonError::into_inner);
                arrived.extend(event.paths);
            }
            told.news.notify_one();
        };
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(&self.path, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        watcher
            .inspect_err(|error| {
                self.trouble(&format!(
                    "the system tells nothing of it, so it is looked at every other second: {error}"
                ));
            })
            .ok()
    }

    async fn look(&mut self) -> io::Result<()> {
        self.be_ready().await?;
        for (id, name) in self.taken()? {
            self.queue(id, &name).await;
        }
        // Only what is there at this look counts as renamed in: a later file of the same name may be written slowly.
        let arrived = std::mem::take(
            &mut *self
                .told
                .arrived
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let mut seen = BTreeSet::new();
        for (path, look) in tokio::task::block_in_place(|| self.candidates())? {
            if arrived.contains(&path) || self.is_left_alone(&path, look) {
                if self.is_being_written(&path).await {
                    self.trouble(&format!(
                        "{} is left alone, and somebody has it open for writing: it is taken when it is closed",
                        path.file_name().unwrap_or_default().display()
                    ));
                } else {
                    self.take(&path).await;
                }
            }
            seen.insert(path);
        }
        self.growing.retain(|path, _| seen.contains(path));
        Ok(())
    }

    /// `.taken` and `refused` are this program's alone: in a folder that others write into they may have put a link or a
    /// folder of their own there, which is named and not used.
    async fn be_ready(&self) -> io::Result<()> {
        let path = self.path.clone();
        let ready = tokio::task::spawn_blocking(move || {
            let folder = Folder::make(&path, Names::Operator, 0o750)?;
            let mut mended = Vec::new();
            for part in [TAKEN, REFUSED] {
                let (ours, changed) = folder.ours(part)?;
                mended.extend(changed.then(|| ours.path().display().to_string()));
            }
            Ok::<_, pointsman_folder::FolderError>(mended)
        });
        for folder in ready.await.map_err(io::Error::other)?? {
            self.trouble(&format!(
                "{folder} could be read by others, and is private now"
            ));
        }
        Ok(())
    }

    /// Whether somebody has it open for writing still, as far as the kernel tells.
    async fn is_being_written(&self, path: &Path) -> bool {
        let (folder, path) = (self.path.clone(), path.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let folder = Folder::open(&folder, Names::Operator).ok()?;
            let (file, _) = folder.file(path.file_name()?).ok()?;
            pointsman_folder::is_being_written(&file)
        });
        asked.await.ok().flatten().unwrap_or_default()
    }

    /// Takes a file that is whole, under the transfer it becomes.
    async fn take(&mut self, path: &Path) {
        self.growing.remove(path);
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return;
        };
        let id = TransferId::new();
        let moved =
            rustix::fs::renameat_with(CWD, path, CWD, self.place(id, name), RenameFlags::NOREPLACE);
        match moved {
            Ok(()) => {
                reached("watch.file.taken");
                self.queue(id, name).await;
            }
            // Somebody was quicker.
            Err(rustix::io::Errno::NOENT) => {}
            Err(rustix::io::Errno::NAMETOOLONG) => {
                self.trouble(&format!(
                    "the name {name} is too long to be sent; it lies in `{REFUSED}` now"
                ));
                self.put(path, &self.path.join(REFUSED), name);
            }
            Err(error) => self.trouble(&format!(
                "{name} cannot be taken, and is tried again: {error}"
            )),
        }
    }

    /// Files that are to be sent, in the order of their names.
    fn candidates(&self) -> io::Result<Vec<(PathBuf, Look)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let wanted = match name.to_str() {
                Some(name) => !name.starts_with('.') && self.watch.pattern.0.matches(name),
                None => {
                    self.trouble(&format!(
                        "{} has a name that is not UTF-8; rename it",
                        name.display()
                    ));
                    false
                }
            };
            if !wanted {
                continue;
            }
            // Links are not followed: who may write into the folder may not read everything for that.
            match entry.metadata() {
                Ok(meta) if meta.is_file() => {
                    found.push((entry.path(), (meta.len(), meta.modified()?)));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.trouble(&format!(
                        "{} cannot be looked at, and is tried again: {error}",
                        name.display()
                    ));
                }
                _ => {}
            }
        }
        found.sort();
        Ok(found)
    }

    fn is_left_alone(&mut self, path: &Path, look: Look) -> bool {
        let quiet = self.quiet();
        let since = self
            .growing
            .entry(path.to_owned())
            .or_insert((look, Instant::now()));
        if since.0 != look {
            *since = (look, Instant::now());
        }
        since.1.elapsed() >= quiet
    }

    /// What was taken before and not brought to its end.
    fn taken(&self) -> io::Result<Vec<(TransferId, String)>> {
        let mut taken = Vec::new();
        for entry in std::fs::read_dir(self.path.join(TAKEN))? {
            let name = entry?.file_name();
            let parts = name.to_str().and_then(|name| name.split_once('.'));
            if let Some((id, name)) = parts
                && let Ok(id) = id.parse()
            {
                taken.push((id, name.to_owned()));
            }
        }
        taken.sort();
        Ok(taken)
    }

    fn place(&self, id: TransferId, name: &str) -> PathBuf {
        self.path.join(TAKEN).join(format!("{id}.{name}"))
    }

    /// Queues what was taken, unless it was queued before a crash; then the file is put away.
    async fn queue(&self, id: TransferId, name: &str) {
        let path = self.place(id, name);
        let id = if planted("watched-under-a-new-id") {
            TransferId::new()
        } else {
            id
        };
        let outcome = match self.station.ledger.show(id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => self.enqueue(id, &path, name).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(()) => self.put_away(&path, name),
            Err(QueueError::Folder(error)) if error.is_refused() => {
                self.trouble(&format!(
                    "{name} is not what it was when it was looked at, and lies in `{REFUSED}` now: {error}"
                ));
                self.put(&path, &self.path.join(REFUSED), name);
            }
            // Ours to mend; the file stays where it is and is tried again.
            Err(
                error @ (QueueError::Spool(_)
                | QueueError::Ledger(_)
                | QueueError::Folder(_)
                | QueueError::Source { .. }),
            ) => {
                self.trouble(&format!(
                    "{name} cannot be queued now, and is tried again: {error}"
                ));
            }
            Err(error) => {
                self.trouble(&format!(
                    "{name} cannot be sent, and lies in `{REFUSED}` now: {error}"
                ));
                self.put(&path, &self.path.join(REFUSED), name);
            }
        }
    }

    /// It is queued: the queue has a copy of it.
    fn put_away(&self, path: &Path, name: &str) {
        reached("watch.file.queued");
        match &self.watch.keep_in {
            Some(folder) => self.put(path, &folder.0, name),
            None => {
                if let Err(error) = std::fs::remove_file(path) {
                    self.trouble(&format!("{name} is queued and cannot be removed: {error}"));
                }
            }
        }
        reached("watch.file.put-away");
    }

    async fn enqueue(&self, id: TransferId, path: &Path, name: &str) -> Result<(), QueueError> {
        // What has content in the spool was secured before it had.
        let secured = match self.station.spool.record(Direction::Outbound, id) {
            Ok(record) => record.is_some(),
            // A crash came before it was whole, and its row.
            Err(SpoolError::Sidecar { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !secured && let Err(source) = self.secure().await {
            // To sync again would say nothing (see `Spool::place`): it is taken anew, after a while.
            self.station.spool.withdraw(id)?;
            self.put(path, &self.path, name);
            tokio::time::sleep(POLL).await;
            let path = self.path.display().to_string();
            return Err(QueueError::Source { path, source });
        }
        let how = SendAs {
            name: Some(name.to_owned()),
            format: self.watch.format(),
            layout: self.watch.records.map(|layout| layout.0),
            pad: self.watch.pad,
            destination: self.watch.destination.clone().map(|code| code.0),
            originator: self.watch.originator.clone().map(|code| code.0),
            user: self
                .watch
                .user_data
                .clone()
                .map_or_else(UserData::default, |user| user.0),
            ..SendAs::default()
        };
        outbox::enqueue_as(&self.station, &self.profile, id, path, Whose::Ours, &how).await?;
        let partner = self.profile.name.clone();
        let file = self.path.join(name).display().to_string();
        self.station.events.tell(Event::Queued {
            transfer: id,
            partner,
            file,
        });
        Ok(())
    }

    /// Makes durable which transfers the files that were taken become, before the ledger has them: a power cut would put
    /// them back under their first names, to be sent once more. Where the ledger lies on the same disk, its own syncs
    /// would do; it need not.
    async fn secure(&self) -> io::Result<()> {
        let folders = [self.path.join(TAKEN), self.path.clone()];
        let sync = move || {
            folders
                .iter()
                .try_for_each(|folder| File::open(folder)?.sync_all())
        };
        let synced = tokio::task::spawn_blocking(sync).await;
        synced.unwrap_or_else(|lost| Err(io::Error::other(lost)))
    }

    fn put(&self, path: &Path, folder: &Path, name: &str) {
        // Another file system means a copy, which takes its time.
        if let Err(error) = tokio::task::block_in_place(|| move_to(path, folder, name)) {
            self.trouble(&format!(
                "{name} cannot be moved to {}: {error}",
                folder.display()
            ));
        }
    }

    /// Says what is wrong, once: the folder is looked at every other second.
    fn trouble(&self, what: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= MOST_SAID {
            said.clear();
        }
        if !said.insert(what.to_owned()) {
            return;
        }
        self.station.events.tell(Event::WatchTrouble {
            folder: self.path.display().to_string(),
            partner: self.profile.name.clone(),
            reason: what.to_owned(),
        });
    }
}

/// Whether the folder may be another now. Our own looks open it, too: taken for news, each would lead to the next.
fn is_news(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// Moves a file into a folder, under a number where its name is taken. The folder is led to by no link but the
/// operator's, and is none that somebody else put there.
fn move_to(path: &Path, folder: &Path, name: &str) -> io::Result<()> {
    let above = path.parent().unwrap_or(Path::new("."));
    let from = Folder::open(above, Names::Operator)?;
    let to = Folder::make(folder, Names::Keeper, PRIVATE_FOLDER)?;
    let old = path.file_name().unwrap_or_default();
    match rename_numbered(&from, old, &to, name) {
        Err(Errno::XDEV) => copy_to(&from, old, &to, name),
        moved => Ok(moved?),
    }
}

fn rename_numbered(from: &Folder, old: &OsStr, to: &Folder, name: &str) -> Result<(), Errno> {
    let mut number = 0;
    loop {
        match from.rename(old, to, names::numbered(name, number)) {
            Err(Errno::EXIST) => number += 1,
            moved => return moved,
        }
    }
}

/// The same to another file system: whole under its name, or not at all.
fn copy_to(from: &Folder, old: &OsStr, to: &Folder, name: &str) -> io::Result<()> {
    let half = format!(".{}", TransferId::new());
    let copy = || {
        let (mut source, _) = from.file(old)?;
        let mut copied = to.create(&half)?;
        io::copy(&mut source, &mut copied)?;
        copied.set_permissions(source.metadata()?.permissions())?;
        copied.sync_all()?;
        rename_numbered(to, half.as_ref(), to, name).map_err(io::Error::from)
    };
    if let Err(error) = copy() {
        // It is tried again, under another name.
        let _ = to.remove(&half);
        return Err(error);
    }
    to.sync()?;
    Ok(from.remove(old)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this a server with a watched folder looks at it thousands of times a second.
    #[test]
    fn a_look_is_no_news_and_a_written_file_is() {
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(!is_news(opened));
        assert!(is_news(written));
    }
}
