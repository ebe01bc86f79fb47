//! The programs that are at work on the spool. Each has a file that it keeps locked for as long as it lives: the kernel
//! lets the lock go when it ends, however it ends, and whoever wants to know asks for the lock.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use super::error::{SpoolError, at};
use super::files::remove;
use super::layout::Spool;
use super::lock::Locked;
use super::names::PROCESSES;
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
    /// No other program ever had that name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What stays is not locked, so it says the same.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Spool {
    /// This program is at work from now on. `role` is what it does, in a word.
    ///
    /// # Errors
    /// Its file cannot be made.
    pub fn begin_process(&self, role: &str) -> Result<Process, SpoolError> {
        let folder = self.root.join(PROCESSES);
        let name = format!("{role}-{}", TransferId::new());
        // Locked before it has its name: nobody ever sees it without.
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

    /// Whether that program is at work still.
    ///
    /// # Errors
    /// Nobody can say: its file cannot be looked at.
    pub fn is_process_alive(&self, name: &str) -> Result<bool, SpoolError> {
        // What is no name of a file is none of a program.
        if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
            return Ok(false);
        }
        let path = self.root.join(PROCESSES).join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(at(&path)(error)),
        };
        // Shared: others may be asking, too.
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(at(&path)(error.into())),
        }
    }

    /// Removes the files of programs that were killed. Whoever is asked about them later is told the same without.
    ///
    /// # Errors
    /// The folder cannot be read, or a file in it cannot be removed.
    pub fn forget_gone_processes(&self) -> Result<(), SpoolError> {
        let folder = self.root.join(PROCESSES);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(at(&folder)(error)),
        };
        for entry in entries {
            let name = entry.map_err(at(&folder))?.file_name();
            let Some(name) = name.to_str() else { continue };
            // One that is just being made has no name yet that counts.
            if !name.ends_with(".new") && !self.is_process_alive(name)? {
                remove(&folder.join(name))?;
            }
        }
        Ok(())
    }
}
