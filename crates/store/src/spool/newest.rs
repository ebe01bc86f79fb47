//! Lists the files that got a sidecar last. A start compares the newest files with the ledger; finding them among a
//! million would mean listing their folder, which takes seconds. So the name of each file is appended to a list beside
//! the folder.
//!
//! No promise relies on a list, and its lines are not synced: where a power cut takes lines from its end, fewer files
//! are compared. A list that is missing, unreadable or damaged anywhere is not used: the folder is listed, and the list
//! is rewritten.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use super::layout::Spool;
use super::lock::Locked;
use super::names::{SIDECAR, folder_of};
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
        let Lists { list, before } = self.lists(direction);
        let earlier = match before.try_exists() {
            Ok(false) => Some(Vec::new()),
            _ => names(&before),
        };
        let (Some(earlier), Some(last)) = (earlier, names(&list)) else {
            return self.begin_list(direction, most);
        };
        let mut seen = BTreeSet::new();
        let each = earlier.into_iter().chain(last).rev();
        // What came to nothing has none any more.
        let described = |id: &TransferId| self.sidecar_path(direction, *id).exists();
        let once = each.filter(|id| seen.insert(*id));
        Ok(once.filter(described).take(most).collect())
    }

    /// Appends a file that has got its sidecar. Where there is no list, the next start writes it.
    pub(super) fn list(&self, direction: Direction, id: TransferId) {
        let lists = self.lists(direction);
        // A list that lacks a name makes a start compare less, which is no reason to fail the file.
        let _ = append(&lists.list, id).and_then(|octets| match octets {
            LONG.. => lists.turn(),
            _ => Ok(()),
        });
    }

    /// Lists the folder, and writes the list with the newest files in it.
    fn begin_list(&self, direction: Direction, most: usize) -> Result<Vec<TransferId>, SpoolError> {
        let Lists { list, before } = self.lists(direction);
        let mut ids = self.ids(folder_of(direction), SIDECAR)?;
        ids.sort_unstable();
        ids.drain(..ids.len().saturating_sub(most));
        let names: String = ids.iter().map(line).collect();
        // Where it cannot be made, the next start lists the folder again.
        let _ = std::fs::remove_file(&before);
        let _ = write_beside(&list, &names).and_then(|beside| std::fs::rename(beside, &list));
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
    /// Begins another list. Where several programs find the list long, one of them does it.
    fn turn(&self) -> io::Result<()> {
        let Ok(_mine) = Locked::at(&self.list, OpenOptions::new().append(true)) else {
            return Ok(());
        };
        if self.list.metadata()?.len() < LONG {
            return Ok(());
        }
        let beside = write_beside(&self.list, "")?;
        std::fs::rename(&self.list, &self.before)?;
        std::fs::rename(&beside, &self.list)
    }
}

/// Appends a name and returns the size of the list. It is one write, so that the lines of several programs do not mix.
fn append(list: &Path, id: TransferId) -> io::Result<u64> {
    let mut file = OpenOptions::new().append(true).open(list)?;
    file.write_all(line(&id).as_bytes())?;
    Ok(file.metadata()?.len())
}

/// The line feed comes before the name, so that a line that a full disk cut short ends there.
fn line(id: &TransferId) -> String {
    format!("\n{id}")
}

/// All names of a list. None where it is not there, or any of its lines is damaged.
fn names(list: &Path) -> Option<Vec<TransferId>> {
    let text = std::fs::read_to_string(list).ok()?;
    let mut lines = text.split('\n');
    lines.next().filter(|first| *first == MARK)?;
    lines.map(|line| line.parse().ok()).collect()
}

/// Writes a list of these lines under another name, from which it is renamed to its own.
fn write_beside(list: &Path, lines: &str) -> io::Result<PathBuf> {
    let beside = list.with_extension("new");
    let mut file: File = private_file()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&beside)?;
    file.write_all(format!("{MARK}{lines}").as_bytes())?;
    // Else a power cut could leave its name alone.
    file.sync_all()?;
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
                assert!(names(&list).is_some() && !before.exists(), "rewritten");
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
