//! Checks folders and programs of the configuration as the user that runs this program. So trouble is reported before
//! the server starts, or the first file comes.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use pointsman_folder::our_user;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::plan::Plan;
use crate::config::files::ROOMS;
use crate::config::files::{own_files, spool_path};

/// The longest path of a socket (`sockaddr_un`), in octets.
const SOCKET_PATH: usize = 107;

impl Plan {
    /// What is wrong with the folders of the storage: the key of each, and a text that says what to do.
    #[must_use]
    pub fn unusable_storage(&self) -> Vec<(String, String)> {
        let mut folders = vec![
            ("storage.state".to_owned(), &self.storage.state),
            ("storage.inbox".to_owned(), &self.storage.inbox),
        ];
        if self.ledger_is_apart() {
            folders.push(("storage.ledger".to_owned(), &self.storage.ledger));
        }
        let mut told: Vec<(String, String)> = folders
            .into_iter()
            .filter_map(|(key, folder)| Some((key, unusable(folder)?)))
            .collect();
        let socket = crate::config::files::socket(self);
        if socket.as_os_str().len() > SOCKET_PATH {
            told.push((
                "storage.state".to_owned(),
                format!(
                    "{} is too long for a socket, which the system allows {SOCKET_PATH} octets: choose a shorter folder",
                    socket.display()
                ),
            ));
        }
        told.extend(self.misplaced_storage());
        told
    }

    /// The same for watched folders and those for sent files. The server runs nevertheless, since other users can make
    /// such a folder unusable: only that folder is not looked at.
    #[must_use]
    pub fn unusable_watched(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for (key, _, watch) in self.watched() {
            let kept = watch.keep_in.as_ref().map(|kept| ("keep_in", kept));
            for (of, folder) in kept.into_iter().chain([("folder", &watch.folder)]) {
                told.extend(unusable(folder).map(|why| (format!("{key}.{of}"), why)));
            }
        }
        told.extend(self.entangled_folders());
        told
    }

    /// Why no file of the watched folder with this key is taken or kept: it leads to a folder that it must be apart
    /// from. None where it does not.
    #[must_use]
    pub fn entangled(&self, key: &str) -> Option<String> {
        let keys = ["folder", "keep_in"].map(|of| format!("{key}.{of}"));
        let mut entangled = self.entangled_folders().into_iter();
        let (key, why) = entangled.find(|(key, _)| keys.contains(key))?;
        Some(format!("{key}: {why}"))
    }

    /// The server's own folders must not be ones that partners' files are delivered into, since partners choose the
    /// names of those: SQLite would replay a file that has the name of its log. And no folder of the storage may have
    /// the name of one of the server's own files. Returns the key of each mistake, and a text that says what to do.
    #[must_use]
    pub fn misplaced_storage(&self) -> Vec<(String, String)> {
        let (own, inbox) = (self.own(), leads_to(&self.storage.inbox));
        let mut told = Vec::new();
        for (key, folder) in self.kept_folders() {
            if folder.starts_with(&inbox) {
                let (folder, inbox) = (folder.display(), inbox.display());
                told.push((
                    key.to_owned(),
                    format!(
                        "it leads to {folder}, and storage.inbox to {inbox}: partners' files would be delivered among what the server keeps for itself, under names that partners choose; keep it out of the inbox"
                    ),
                ));
            } else {
                told.extend(taken(key, &folder, &own));
            }
        }
        told.extend(taken("storage.inbox", &inbox, &own));
        told
    }

    /// The server's own folders, and their keys.
    fn kept_folders(&self) -> Vec<(&'static str, PathBuf)> {
        let apart = self.ledger_is_apart();
        let ledger = apart.then(|| ("storage.ledger", leads_to(&self.storage.ledger)));
        let state = ("storage.state", leads_to(&self.storage.state));
        [state].into_iter().chain(ledger).collect()
    }

    /// Watched folders and those for sent files that are the same as, inside of or around a folder that they must be
    /// apart from, by links or another spelling of the path. (Equal spellings are refused before: `agreement.rs`.)
    fn entangled_folders(&self) -> Vec<(String, String)> {
        let inbox = ("storage.inbox", leads_to(&self.storage.inbox));
        let storage: Vec<_> = self.kept_folders().into_iter().chain([inbox]).collect();
        let (mut told, mut watched) = (Vec::new(), Vec::<(String, PathBuf)>::new());
        let mut kept = Vec::new();
        for (key, _, watch) in self.watched() {
            let folder = leads_to(&watch.folder);
            let lies = |other: &Path| other.starts_with(&folder) || folder.starts_with(other);
            if let Some((what, other)) = storage.iter().find(|(_, other)| lies(other)) {
                let (folder, other) = (folder.display(), other.display());
                told.push((
                        format!("{key}.folder"),
                        format!("it leads to {folder}, and {what} to {other}, which lie in each other; keep them apart"),
                    ));
            }
            if let Some((other, _)) = watched.iter().find(|(_, path)| *path == folder) {
                let folder = folder.display();
                told.push((
                        format!("{key}.folder"),
                        format!("it leads to {folder}, as {other} does: a folder that is watched twice, so that nobody could say for whom its files are"),
                    ));
            }
            if let Some(keep_in) = &watch.keep_in {
                kept.push((format!("{key}.keep_in"), leads_to(keep_in)));
            }
            watched.push((format!("{key}.folder"), folder));
        }
        let own: Vec<Own> = self.own().into_iter().chain(rooms(&watched)).collect();
        for (key, folder) in watched.iter().chain(&kept) {
            // One remark for each key is enough.
            if !told.iter().any(|(of, _)| of == key) {
                told.extend(taken(key, folder, &own));
            }
        }
        for (key, folder) in kept {
            if let Some((other, _)) = watched.iter().find(|(_, path)| *path == folder) {
                told.push((
                    key,
                    format!(
                        "it leads to {}, as {other} does: its files would go out once more",
                        folder.display()
                    ),
                ));
            } else if let Some(wrong) = self.mixes_up(&folder) {
                told.push((key, format!("it leads to {}, {wrong}", folder.display())));
            }
        }
        told
    }

    /// Why sent files cannot be kept in this folder: users who fill a watched folder choose the names of its files.
    fn mixes_up(&self, kept: &Path) -> Option<String> {
        let mut ours = self.kept_folders().into_iter();
        if let Some((key, _)) = ours.find(|(_, folder)| folder == kept) {
            return Some(format!(
                "as {key} does: what was sent would lie among what the server keeps for itself, under names that others choose; name another folder"
            ));
        }
        let below = kept.strip_prefix(leads_to(&self.storage.inbox)).ok()?;
        let Some(first) = below.components().next() else {
            return Some("as storage.inbox does: what was sent would be taken for what was received; name another folder".to_owned());
        };
        let mut partners = self.partners.iter();
        let (name, _) =
            partners.find(|(_, partner)| first.as_os_str() == OsStr::new(&partner.inbox_folder))?;
        Some(format!(
            "where files of partner `{name}` are delivered: what was sent would be taken for what was received; name another folder"
        ))
    }

    /// The server's own files in the folders of state and ledger, with words for them.
    fn own(&self) -> Vec<Own> {
        let spool = ("the spool, in storage.state".to_owned(), spool_path(self));
        let files = own_files(self).map(|file| ("a file of the server's own".to_owned(), file));
        let own = [spool].into_iter().chain(files);
        own.map(|(whose, path)| (whose, leads_to(&path))).collect()
    }
}

/// A folder or file of the server's own: words for it, and its path. No other file may be taken from there or put
/// there.
type Own = (String, PathBuf);

/// The server's own folders in watched folders.
fn rooms(watched: &[(String, PathBuf)]) -> Vec<Own> {
    let rooms = watched.iter().flat_map(|(key, folder)| {
        ROOMS.map(|room| {
            let whose = format!("the server's own, in {key}");
            (whose, leads_to(&folder.join(room)))
        })
    });
    rooms.collect()
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

/// Where a path leads once links and `..` are followed, including links to paths that do not exist yet.
fn leads_to(path: &Path) -> PathBuf {
    /// As many links as the kernel follows.
    const LINKS: usize = 40;
    let mut links = LINKS;
    follow(path, &mut links)
}

/// Follows at most so many links, since they may lead to each other.
fn follow(path: &Path, links: &mut usize) -> PathBuf {
    let mut led = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                led.pop();
            }
            part => led.push(part),
        }
        if let Ok(there) = led.canonicalize() {
            led = there;
        } else if *links > 0
            && let Ok(target) = led.read_link()
        {
            *links -= 1;
            led.pop();
            led = follow(&led.join(target), links);
        }
    }
    led
}

/// Why this user cannot create files in the folder, or the folder itself.
fn unusable(folder: &Path) -> Option<String> {
    if folder.exists() {
        return blocked(folder, folder);
    }
    let above = nearest(folder)?;
    blocked(&above, folder)
}

/// The nearest folder above that is there.
fn nearest(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors().skip(1);
    let found =
        above.find(|path| path.as_os_str().is_empty() || path.symlink_metadata().is_ok())?;
    match found.as_os_str().is_empty() {
        true => Some(PathBuf::from(".")),
        false => Some(found.to_owned()),
    }
}

fn blocked(there: &Path, folder: &Path) -> Option<String> {
    let makes = match there == folder {
        true => String::new(),
        false => format!("{} is not there, and cannot be made: ", folder.display()),
    };
    if !there.is_dir() {
        return Some(format!(
            "{makes}{} is not a folder: move it away, or name another folder",
            there.display()
        ));
    }
    if may(there, Access::WRITE_OK | Access::EXEC_OK) {
        return None;
    }
    let owner = there.metadata().map(|meta| meta.uid());
    let run_as = match owner {
        Ok(owner) if owner != our_user() => {
            format!("run this as user {owner}, whose folder it is, ")
        }
        _ => String::new(),
    };
    Some(format!(
        "{makes}this user may not write into {}: {run_as}give it the folder (chown), or name another",
        there.display()
    ))
}

/// Whether this user may execute the file.
pub(super) fn runs(program: &Path) -> bool {
    may(program, Access::EXEC_OK)
}

fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}
