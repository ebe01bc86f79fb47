//! Lists the files that got a sidecar last. A start compares the newest files with the ledger; finding them among a
//! million would mean listing their folder, which takes seconds. So the name of each file is appended to a list beside
//! the folder.
//!
//! No promise relies on a list, and its lines are not synced: where a power cut takes lines from its end, fewer files
//! are compared. A list that is missing, unreadable or damaged anywhere is not used: the folder is listed, and the list
//! is rewritten. What the disk refuses is logged, and no caller fails of it.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pointsman_log::emit;

use super::error::{SpoolError, at};
use super::files::{length, read_all};
use super::layout::Spool;
use super::lock::Locked;
use super::names::{SIDECAR, folder_of};
use crate::events::StoreEvent;
use crate::private::private_file;
use crate::state::Direction;
use crate::transfer::TransferId;

/// Size in octets at which another list is begun. The previous list is kept, so that there are always at least so many
/// octets: some 1,700 names.
const LONG: u64 = 64 * 1024;

/// The first line of a list. A list without it was lost in a crash.
const MARK: &str = "newest";

impl Spool {
    /// The files of a direction that got a sidecar last: at most `most`, the newest first, in the order of the list.
    /// Their ids do not matter, since the clock may have been wrong when they were made.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub(crate) fn newest(
        &self,
        direction: Direction,
        most: usize,
    ) -> Result<Vec<TransferId>, SpoolError> {
        let Some(listed) = self.lists(direction).names() else {
            return self.begin_list(direction, most);
        };
        let mut seen = BTreeSet::new();
        let mut newest = Vec::new();
        for id in listed.into_iter().rev() {
            if newest.len() == most {
                break;
            }
            // What came to nothing has no sidecar any more.
            if seen.insert(id) && length(&self.sidecar_path(direction, id))?.is_some() {
                newest.push(id);
            }
        }
        Ok(newest)
    }

    /// Appends a file that has got its sidecar. Where there is no list, the next start writes it.
    pub(super) fn list(&self, direction: Direction, id: TransferId) {
        let lists = self.lists(direction);
        let appended = append(&lists.list, id).and_then(|octets| match octets {
            LONG.. => lists.turn(),
            _ => Ok(()),
        });
        // A list that lacks a name makes a start compare less, which is no reason to fail the file.
        if let Err(error) = appended
            && !error.is_gone()
        {
            lists.behind(&error);
        }
    }

    /// Lists the folder, and writes the list with the newest files in it.
    fn begin_list(&self, direction: Direction, most: usize) -> Result<Vec<TransferId>, SpoolError> {
        let mut ids = self.ids(folder_of(direction), SIDECAR)?;
        ids.sort_unstable();
        ids.drain(..ids.len().saturating_sub(most));
        let names: String = ids.iter().map(line).collect();
        let lists = self.lists(direction);
        // Where it cannot be made, the next start lists the folder again.
        if let Err(error) = lists.begin(&names) {
            lists.behind(&error);
        }
        ids.reverse();
        Ok(ids)
    }

    fn lists(&self, direction: Direction) -> Lists {
        let list = self.root.join(format!("newest-{}", folder_of(direction)));
        let before = list.with_extension("before");
        Lists { list, before }
    }
}

/// The list that is added to, and the one before it.
struct Lists {
    list: PathBuf,
    before: PathBuf,
}

impl Lists {
    /// All names of both, the newest last. None where the folder is to be listed instead.
    fn names(&self) -> Option<Vec<TransferId>> {
        let earlier = match read(&self.before)? {
            Some(text) => names(&text)?,
            None => Vec::new(),
        };
        let last = names(&read(&self.list)??)?;
        Some(earlier.into_iter().chain(last).collect())
    }

    /// Begins the first list, with these lines.
    fn begin(&self, lines: &str) -> Result<(), SpoolError> {
        match std::fs::remove_file(&self.before) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(at(&self.before))?,
        }
        rename(&write_beside(&self.list, lines)?, &self.list)
    }

    /// Begins another list. Where several programs find the list long, one of them does it.
    fn turn(&self) -> Result<(), SpoolError> {
        let _mine = match Locked::at(&self.list, OpenOptions::new().append(true)) {
            Err(SpoolError::Busy(_)) => return Ok(()),
            locked => locked?,
        };
        if length(&self.list)?.is_none_or(|octets| octets < LONG) {
            return Ok(());
        }
        let beside = write_beside(&self.list, "")?;
        rename(&self.list, &self.before)?;
        rename(&beside, &self.list)
    }

    /// Logs that a list could not be written.
    fn behind(&self, error: &SpoolError) {
        emit(&StoreEvent::NewestListBehind {
            list: self.list.clone(),
            reason: error.to_string(),
        });
    }
}

/// What a list has. The inner one is none where there is no list, the outer where it cannot be read, which is logged.
fn read(list: &Path) -> Option<Option<Vec<u8>>> {
    match read_all(list) {
        Ok(text) => Some(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(None),
        Err(error) => {
            emit(&StoreEvent::NewestListUnread {
                list: list.to_owned(),
                reason: error.to_string(),
            });
            None
        }
    }
}

/// Appends a name and returns the size of the list. It is one write, so that the lines of several programs do not mix.
fn append(list: &Path, id: TransferId) -> Result<u64, SpoolError> {
    let opened = OpenOptions::new().append(true).open(list);
    let mut file = opened.map_err(at(list))?;
    file.write_all(line(&id).as_bytes()).map_err(at(list))?;
    Ok(file.metadata().map_err(at(list))?.len())
}

fn rename(from: &Path, to: &Path) -> Result<(), SpoolError> {
    std::fs::rename(from, to).map_err(at(from))
}

/// The line feed comes before the name, so that a line that a full disk cut short ends there.
fn line(id: &TransferId) -> String {
    format!("\n{id}")
}

/// All names in the text of a list. None where any of its lines is damaged.
fn names(text: &[u8]) -> Option<Vec<TransferId>> {
    let mut lines = std::str::from_utf8(text).ok()?.split('\n');
    lines.next().filter(|first| *first == MARK)?;
    lines.map(|line| line.parse().ok()).collect()
}

/// Writes a list of these lines under another name, from which it is renamed to its own.
fn write_beside(list: &Path, lines: &str) -> Result<PathBuf, SpoolError> {
    let beside = list.with_extension("new");
    let write = || {
        let mut file: File = private_file()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&beside)?;
        file.write_all(format!("{MARK}{lines}").as_bytes())?;
        // Else a power cut could leave its name alone.
        file.sync_all()
    };
    write().map_err(at(&beside))?;
    Ok(beside)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

    use super::*;

    fn spool() -> (tempfile::TempDir, Spool) {
        let folder = tempfile::TempDir::new().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        (folder, spool)
    }

    /// A file to send that got its sidecar.
    fn described(spool: &Spool) -> TransferId {
        let id = TransferId::new();
        File::create(spool.sidecar_path(Direction::Outbound, id)).unwrap();
        spool.list(Direction::Outbound, id);
        id
    }

    fn newest(spool: &Spool, most: usize) -> Vec<TransferId> {
        spool.newest(Direction::Outbound, most).unwrap()
    }

    #[test]
    fn the_folder_is_listed_once_and_never_again() {
        let (_folder, spool) = spool();
        let before = [described(&spool), described(&spool), described(&spool)];
        assert_eq!(newest(&spool, 2), [before[2], before[1]], "by a listing");
        let after = described(&spool);
        assert_eq!(newest(&spool, 9), [after, before[2], before[1]]);
        let path = spool.sidecar_path(Direction::Outbound, TransferId::new());
        File::create(&path).unwrap();
        assert_eq!(newest(&spool, 1), [after], "what is not on the list");
        let list = spool.lists(Direction::Outbound).list;
        std::fs::remove_file(&list).unwrap();
        assert_eq!(newest(&spool, 9).len(), 5, "where there is no list");
        std::fs::remove_file(&list).unwrap();
        std::fs::create_dir(&list).unwrap();
        assert_eq!(newest(&spool, 9).len(), 5, "where there can be none");
        assert_eq!(spool.newest(Direction::Inbound, 9).unwrap(), []);
    }

    #[test]
    fn a_list_keeps_the_newest_and_stays_short() {
        let (_folder, spool) = spool();
        newest(&spool, 0);
        let ids: Vec<_> = (0..6000).map(|_| described(&spool)).collect();
        let last: Vec<_> = ids.iter().rev().take(1700).copied().collect();
        assert_eq!(newest(&spool, 1700), last);
        let Lists { list, before } = spool.lists(Direction::Outbound);
        let octets = [list, before].map(|list| list.metadata().unwrap().len());
        assert!(
            octets.iter().all(|octets| *octets < LONG + 37),
            "{octets:?}"
        );
    }

    #[test]
    fn a_list_of_which_anything_is_damaged_is_none() {
        let (_folder, spool) = spool();
        let ids = [described(&spool), described(&spool)];
        let newest_first = [ids[1], ids[0]];
        let Lists { list, before } = spool.lists(Direction::Outbound);
        for damaged in [&list, &before] {
            for content in [&b""[..], &[0; 400], b"newest\n\0\0\0", b"newest\xff"] {
                newest(&spool, 9);
                std::fs::write(damaged, content).unwrap();
                assert_eq!(newest(&spool, 9), newest_first, "{content:?}");
                let rewritten = std::fs::read(&list).unwrap();
                assert!(names(&rewritten).is_some() && !before.exists());
            }
        }
    }

    #[test]
    fn the_newest_are_those_that_were_listed_last_whatever_the_clock_showed() {
        let (_folder, spool) = spool();
        newest(&spool, 0);
        // Of a year far ahead.
        let ahead: TransferId = "f192f0c1-2345-7000-8000-000000000000".parse().unwrap();
        File::create(spool.sidecar_path(Direction::Outbound, ahead)).unwrap();
        spool.list(Direction::Outbound, ahead);
        let put_right = described(&spool);
        assert_eq!(newest(&spool, 1), [put_right]);
        assert_eq!(newest(&spool, 9), [put_right, ahead]);
    }

    #[test]
    fn what_a_crash_damaged_and_what_came_to_nothing_is_left_out() {
        let (_folder, spool) = spool();
        newest(&spool, 0);
        let list = spool.lists(Direction::Outbound).list;
        let (first, removed) = (described(&spool), described(&spool));
        spool.forget(Direction::Outbound, removed).unwrap();
        let mut torn = OpenOptions::new().append(true).open(&list).unwrap();
        torn.write_all(b"\n0192f0c1-2345\0\0\xff").unwrap();
        let last = described(&spool);
        assert_eq!(newest(&spool, 9), [last, first]);
    }
}
