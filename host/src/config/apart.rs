//! Folders that must be apart: those of the storage, watched folders, and those for sent files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::leads::{FollowedPath, leads_to};
use super::plan::Plan;
use crate::config::files::ROOMS;
use crate::config::files::{own_files, spool_path};

/// Keys, and texts that say what is wrong with what they name, and what to do.
type Told = Vec<(String, String)>;

/// A folder or file of the server's own: words for it, and its path. No other file may be taken from there or put
/// there.
type Own = (String, PathBuf);

/// Where the folders of the storage are.
pub(super) struct StoragePlaces {
    inbox: PathBuf,
    /// The server's own folders, and their keys.
    kept: Vec<(&'static str, PathBuf)>,
    /// The server's own files in the folders of state and ledger, with words for them.
    own: Vec<Own>,
}

/// Where watched folders and those for sent files are, by their keys.
struct WatchedPlaces {
    watched: Vec<(String, PathBuf)>,
    kept: Vec<(String, PathBuf)>,
    /// The server's own folders in watched ones.
    rooms: Vec<Own>,
    /// The ways that cannot be followed.
    unseen: Told,
}

impl Plan {
    /// The server's own folders must not be ones that partners' files are delivered into, since partners choose the
    /// names of those: SQLite would replay a file that has the name of its log. And no folder of the storage may have
    /// the name of one of the server's own files. Returns the key of each mistake, and a text that says what to do; where
    /// it cannot be seen where a folder is, too.
    #[must_use]
    pub fn misplaced_storage(&self) -> Vec<(String, String)> {
        self.storage_places()
            .map_or_else(|unseen| unseen, |places| places.misplaced())
    }

    /// Checks that the watched folder with this key is apart from all that it must be apart from. Returns why other
    /// folders could not be seen, so that it is to be checked again.
    ///
    /// # Errors
    /// Why no file of it is taken or kept: it leads to a folder that it must be apart from, or nobody can say that it
    /// does not.
    pub fn stays_apart(&self, key: &str) -> Result<Vec<String>, String> {
        let (entangled, unseen) = self.entangled();
        let keys = ["folder", "keep_in"].map(|of| format!("{key}.{of}"));
        let mut told = unseen.iter().chain(&entangled);
        if let Some((key, why)) = told.find(|(of, _)| keys.contains(of)) {
            return Err(format!("{key}: {why}"));
        }
        let unseen = unseen.into_iter();
        Ok(unseen.map(|(key, why)| format!("{key}: {why}")).collect())
    }

    /// Watched folders and those for sent files that are the same as, inside of or around a folder that they must be
    /// apart from, by links or another spelling of the path (equal spellings are refused before: `agreement.rs`); and
    /// those of which nobody can say it.
    pub(super) fn entangled(&self) -> (Told, Told) {
        let mut places = self.watched_places();
        match self.storage_places() {
            Ok(storage) => (places.entangled(&storage, self), places.unseen),
            // None of them is known to be apart from the storage.
            Err(unseen) => {
                for (of, why) in unseen {
                    let each = places.watched.iter();
                    let told = each.map(|(key, _)| (key.clone(), format!("{of}: {why}")));
                    places.unseen.extend(told);
                }
                (Told::new(), places.unseen)
            }
        }
    }

    /// Follows the paths of the storage; gives what cannot be followed, once for each key.
    pub(super) fn storage_places(&self) -> Result<StoragePlaces, Told> {
        let storage = &self.storage;
        let mut unseen = Told::new();
        let mut see = |key: &str, path: &Path| see(key, path, &mut unseen);
        let mut kept = vec![("storage.state", see("storage.state", &storage.state))];
        if self.ledger_is_apart() {
            kept.push(("storage.ledger", see("storage.ledger", &storage.ledger)));
        }
        let inbox = see("storage.inbox", &storage.inbox);
        let spool = ("the spool, in storage.state".to_owned(), spool_path(self));
        let files = own_files(self).map(|file| ("a file of the server's own".to_owned(), file));
        let own = [spool].into_iter().chain(files).map(|(whose, path)| {
            let key = match path.starts_with(&storage.state) {
                true => "storage.state",
                false => "storage.ledger",
            };
            (whose, see(key, &path))
        });
        let own = own.collect();
        match unseen.is_empty() {
            true => Ok(StoragePlaces { inbox, kept, own }),
            false => Err(unseen),
        }
    }

    fn watched_places(&self) -> WatchedPlaces {
        let mut places = WatchedPlaces {
            watched: Vec::new(),
            kept: Vec::new(),
            rooms: Vec::new(),
            unseen: Told::new(),
        };
        for (watch_key, _, watch) in self.watched() {
            let key = format!("{watch_key}.folder");
            let folder = see(&key, &watch.folder, &mut places.unseen);
            for room in ROOMS {
                let whose = format!("the server's own, in {key}");
                let room = see(&key, &folder.join(room), &mut places.unseen);
                places.rooms.push((whose, room));
            }
            places.watched.push((key, folder));
            if let Some(keep_in) = &watch.keep_in {
                let key = format!("{watch_key}.keep_in");
                let kept = see(&key, keep_in, &mut places.unseen);
                places.kept.push((key, kept));
            }
        }
        places
    }
}

/// Follows a path; why it cannot be followed, is noted once for a key.
fn see(key: &str, path: &Path, unseen: &mut Told) -> PathBuf {
    let FollowedPath { end, unseen: why } = leads_to(path);
    if let Some(why) = why.filter(|_| !unseen.iter().any(|(of, _)| of == key)) {
        unseen.push((key.to_owned(), why));
    }
    end
}

impl StoragePlaces {
    pub(super) fn misplaced(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for (key, folder) in &self.kept {
            if folder.starts_with(&self.inbox) {
                let (folder, inbox) = (folder.display(), self.inbox.display());
                told.push((
                    (*key).to_owned(),
                    format!(
                        "it leads to {folder}, and storage.inbox to {inbox}: partners' files would be delivered among what the server keeps for itself, under names that partners choose; keep it out of the inbox"
                    ),
                ));
            } else {
                told.extend(taken(key, folder, &self.own));
            }
        }
        told.extend(taken("storage.inbox", &self.inbox, &self.own));
        told
    }

    /// Why the folder cannot be where it is, if it is in one of the storage or around it.
    fn beside(&self, key: &str, folder: &Path) -> Option<(String, String)> {
        let inbox = ("storage.inbox", &self.inbox);
        let kept = self.kept.iter().map(|(key, folder)| (*key, folder));
        let (what, other) = kept
            .chain([inbox])
            .find(|(_, other)| other.starts_with(folder) || folder.starts_with(other))?;
        let (folder, other) = (folder.display(), other.display());
        let why = format!(
            "it leads to {folder}, and {what} to {other}, which lie in each other; keep them apart"
        );
        Some((key.to_owned(), why))
    }
}

impl WatchedPlaces {
    fn entangled(&self, storage: &StoragePlaces, plan: &Plan) -> Told {
        let mut told = Told::new();
        for (at, (key, folder)) in self.watched.iter().enumerate() {
            told.extend(storage.beside(key, folder));
            let mut before = self.watched.iter().take(at);
            if let Some((other, _)) = before.find(|(_, path)| path == folder) {
                let folder = folder.display();
                told.push((
                    key.clone(),
                    format!(
                        "it leads to {folder}, as {other} does: a folder that is watched twice, so that nobody could say for whom its files are"
                    ),
                ));
            }
        }
        let own: Vec<Own> = storage.own.iter().chain(&self.rooms).cloned().collect();
        for (key, folder) in self.watched.iter().chain(&self.kept) {
            // One remark for each key is enough.
            if !told.iter().any(|(of, _)| of == key) {
                told.extend(taken(key, folder, &own));
            }
        }
        for (key, folder) in &self.kept {
            if let Some(wrong) = self.mixes_up(folder, storage, plan) {
                told.push((
                    key.clone(),
                    format!("it leads to {}, {wrong}", folder.display()),
                ));
            }
        }
        told
    }

    /// Why sent files cannot be kept in this folder: users who fill a watched folder choose the names of its files.
    fn mixes_up(&self, kept: &Path, storage: &StoragePlaces, plan: &Plan) -> Option<String> {
        if let Some((other, _)) = self.watched.iter().find(|(_, path)| path == kept) {
            return Some(format!("as {other} does: its files would go out once more"));
        }
        if let Some((key, _)) = storage.kept.iter().find(|(_, folder)| folder == kept) {
            return Some(format!(
                "as {key} does: what was sent would lie among what the server keeps for itself, under names that others choose; name another folder"
            ));
        }
        let below = kept.strip_prefix(&storage.inbox).ok()?;
        let Some(first) = below.components().next() else {
            return Some("as storage.inbox does: what was sent would be taken for what was received; name another folder".to_owned());
        };
        let mut partners = plan.partners.iter();
        let (name, _) =
            partners.find(|(_, partner)| first.as_os_str() == OsStr::new(&partner.inbox_folder))?;
        Some(format!(
            "where files of partner `{name}` are delivered: what was sent would be taken for what was received; name another folder"
        ))
    }
}

/// The key, and why its folder cannot be there, if it is or is inside of one of the server's own.
fn taken(key: &str, folder: &Path, own: &[Own]) -> Option<(String, String)> {
    let (whose, room) = own.iter().find(|(_, room)| folder.starts_with(room))?;
    let (folder, room) = (folder.display(), room.display());
    let why = format!(
        "it leads to {folder}, and {room} is {whose}, where nothing else may lie: name another folder"
    );
    Some((key.to_owned(), why))
}
