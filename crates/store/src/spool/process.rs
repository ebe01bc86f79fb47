//! The programs that use the spool. Each has a file that it keeps locked while it runs. The kernel releases the lock
//! when the program ends, in whatever way, so trying to lock the file shows whether the program runs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use super::error::{SpoolError, at};
use super::files::remove;
use super::layout::Spool;
use super::lock::Locked;
use super::names::PROCESSES;
use crate::contents::on_thread;
use crate::private::private_file;
use crate::transfer::TransferId;

/// This program's presence at a spool, until it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    path: PathBuf,
    _locked: Locked,
}

impl Process {
    /// Its name, which no other program has ever had.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A file that stays behind is not locked, so it means the same.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The programs that work on one spool and its ledger.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Spool {
    /// The programs that use it.
    #[must_use]
    pub fn programs(&self) -> Programs {
        Programs {
            folder: self.root.join(PROCESSES),
        }
    }
}

impl Programs {
    /// Registers this program. `role` is a word for what it does.
    ///
    /// # Errors
    /// Its file cannot be made.
    pub fn begin(&self, role: &str) -> Result<Process, SpoolError> {
        let folder = &self.folder;
        let name = format!("{role}-{}", TransferId::new());
        // The file is locked before it gets its name, so that no program ever sees it without the lock.
        let beside = folder.join(format!("{name}.new"));
        let mut how = private_file();
        let file = how.write(true).create_new(true).open(&beside);
        let file = file.map_err(at(&beside))?;
        let locked = Locked::new(file, &beside)?;
        let path = folder.join(&name);
        std::fs::rename(&beside, &path).map_err(at(&path))?;
        Ok(Process {
            name,
            path,
            _locked: locked,
        })
    }

    /// Whether this program still runs.
    ///
    /// # Errors
    /// Its file cannot be examined.
    pub fn is_running(&self, name: &str) -> Result<bool, SpoolError> {
        // A name that is not valid for a file was never given to a program.
        if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
            return Ok(false);
        }
        let path = self.folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(at(&path)(error)),
        };
        // The lock is shared, since other programs may be asking at the same time.
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(at(&path)(error.into())),
        }
    }

    /// Those of these programs that do not run any more.
    ///
    /// # Errors
    /// The file of a program cannot be examined.
    pub async fn gone(&self, names: BTreeSet<String>) -> Result<BTreeSet<String>, SpoolError> {
        let programs = self.clone();
        let asked = move || {
            let mut gone = BTreeSet::new();
            for name in names {
                if !programs.is_running(&name)? {
                    gone.insert(name);
                }
            }
            Ok(gone)
        };
        on_thread(asked).await
    }

    /// Removes the files of programs that were killed. A program without a file does not run either.
    ///
    /// # Errors
    /// The folder cannot be read, or a file in it cannot be removed.
    pub fn forget_gone(&self) -> Result<(), SpoolError> {
        let folder = &self.folder;
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(at(folder)(error)),
        };
        for entry in entries {
            let name = entry.map_err(at(folder))?.file_name();
            let Some(name) = name.to_str() else { continue };
            // A file that is just being created does not have its final name yet.
            if !name.ends_with(".new") && !self.is_running(name)? {
                remove(&folder.join(name))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
