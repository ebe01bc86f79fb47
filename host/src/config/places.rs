//! Checks folders and programs of the configuration as the user that runs this program. So trouble is reported before
//! the server starts, or the first file comes.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pointsman_folder::our_user;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::leads::{cannot_look, is_absence};
use super::plan::Plan;

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
        match self.storage_places() {
            Ok(places) => told.extend(places.misplaced()),
            Err(unseen) => add_unseen(&mut told, unseen),
        }
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
        let (entangled, unseen) = self.entangled();
        add_unseen(&mut told, unseen);
        told.extend(entangled);
        told
    }
}

/// Adds folders of which it cannot be seen where they are; those that are unusable have a better reason already.
fn add_unseen(told: &mut Vec<(String, String)>, mut unseen: Vec<(String, String)>) {
    unseen.retain(|(key, _)| !told.iter().any(|(of, _)| of == key));
    told.extend(unseen);
}

/// Why this user cannot create files in the folder, or the folder itself.
fn unusable(folder: &Path) -> Option<String> {
    match nearest(folder) {
        Ok(there) => blocked(&there, folder),
        Err(why) => Some(why),
    }
}

/// The folder, or the nearest folder above it that is there.
///
/// # Errors
/// Why nobody can say which it is.
fn nearest(folder: &Path) -> Result<PathBuf, String> {
    let mut looked = folder.metadata();
    let mut there = folder;
    while let Err(error) = looked {
        // What may not be entered, is one of those above.
        if !is_absence(&error) && error.kind() != ErrorKind::PermissionDenied {
            return Err(cannot_look(there, &error));
        }
        there = match there.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            _ => return Ok(PathBuf::from(".")),
        };
        looked = there.symlink_metadata();
    }
    Ok(there.to_owned())
}

fn blocked(there: &Path, folder: &Path) -> Option<String> {
    let makes = match there == folder {
        true => String::new(),
        false => format!("{} is not there, and cannot be made: ", folder.display()),
    };
    match there.metadata() {
        Ok(looked) if looked.is_dir() => not_writable(there, looked.uid()),
        Err(error) if !is_absence(&error) => Some(cannot_look(there, &error)),
        _ => Some(format!(
            "{} is not a folder: move it away, or name another folder",
            there.display()
        )),
    }
    .map(|why| format!("{makes}{why}"))
}

/// Why this user may not write into a folder of another, or anybody's.
fn not_writable(there: &Path, owner: u32) -> Option<String> {
    match may(there, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => return None,
        Err(Errno::ACCESS | Errno::PERM) => {}
        Err(error) => {
            return Some(format!(
                "{} cannot be written to: {}; look at the disk, or name another folder",
                there.display(),
                io::Error::from(error)
            ));
        }
    }
    let run_as = match owner != our_user() {
        true => format!("run this as user {owner}, whose folder it is, "),
        false => String::new(),
    };
    Some(format!(
        "this user may not write into {}: {run_as}give it the folder (chown), or name another",
        there.display()
    ))
}

/// Checks that this user may execute the file.
///
/// # Errors
/// What the operating system says.
pub(super) fn runs(program: &Path) -> io::Result<()> {
    Ok(may(program, Access::EXEC_OK)?)
}

fn may(path: &Path, access: Access) -> Result<(), Errno> {
    accessat(CWD, path, access, AtFlags::EACCESS)
}
