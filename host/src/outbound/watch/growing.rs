//! Files of a watched folder that are not complete yet: since when each is unchanged, and whether its writer closed it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pointsman_folder::FileStat;

use super::kernel_events::FileChanges;

/// Files that are not complete yet, by name.
#[derive(Default)]
pub(super) struct GrowingFiles(BTreeMap<String, GrowingFile>);

/// A file that is written at the moment, or was.
#[derive(Clone, Copy)]
struct GrowingFile {
    look: FileStat,
    /// Since when it looks so.
    since: Instant,
    /// Whether the kernel reported that its writer closed it, and no program opened it or wrote to it since then.
    closed: bool,
}

impl GrowingFile {
    /// What the kernel reported of it since the previous look.
    fn note(&mut self, name: &str, changes: &FileChanges) {
        // What the kernel could not keep may be that it was opened again.
        self.closed &= !changes.lost;
        self.closed |= changes.closed.contains(name);
        self.closed &= !changes.opened.contains(name);
    }
}

impl GrowingFiles {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets those that are not there any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_there(name));
    }

    /// Forgets a file that was taken.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// How long a file is unchanged, and whether the kernel reported that its writer closed it.
    pub(super) fn rest(
        &mut self,
        name: &str,
        look: FileStat,
        changes: &FileChanges,
    ) -> (Duration, bool) {
        let new = GrowingFile {
            look,
            since: Instant::now(),
            closed: false,
        };
        let growing = self.0.entry(name.to_owned()).or_insert(new);
        if growing.look != look {
            // Whoever changes its mode or owner need not open it.
            let same = growing.look.content() == look.content();
            let closed = growing.closed && same;
            *growing = GrowingFile { closed, ..new };
        }
        growing.note(name, changes);
        (growing.since.elapsed(), growing.closed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_file_is_closed_until_it_is_opened_at_a_later_look_or_what_happened_is_lost() {
        let temp = tempfile::TempDir::new().unwrap();
        let path = temp.path().join("ORDERS");
        std::fs::write(&path, "begin").unwrap();
        let mut growing = GrowingFile {
            look: pointsman_folder::Folder::open(temp.path(), pointsman_folder::Names::Operator)
                .and_then(|folder| folder.look("ORDERS"))
                .unwrap()
                .unwrap(),
            since: Instant::now(),
            closed: false,
        };
        let of = || BTreeSet::from(["ORDERS".to_owned()]);
        let closed = || FileChanges {
            closed: of(),
            ..FileChanges::default()
        };
        let opened = FileChanges {
            opened: of(),
            ..FileChanges::default()
        };
        let lost = FileChanges {
            lost: true,
            ..FileChanges::default()
        };
        growing.note("ORDERS", &FileChanges::default());
        assert!(!growing.closed, "nobody was changes to close it");
        for then in [opened, lost] {
            growing.note("ORDERS", &closed());
            growing.note("OTHER", &FileChanges::default());
            assert!(growing.closed);
            growing.note("ORDERS", &then);
            assert!(!growing.closed, "it may be open after {then:?}");
            growing.note("ORDERS", &FileChanges::default());
            assert!(!growing.closed, "nobody was changes to close it since");
        }
        let closed_after = FileChanges {
            lost: true,
            ..closed()
        };
        growing.note("ORDERS", &closed_after);
        assert!(growing.closed, "it was closed after what is lost");
    }
}
