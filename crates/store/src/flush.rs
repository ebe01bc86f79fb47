//! Shared syncs: sessions that need the same folder synced at the same time pay for one flush together.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The folders that are being synced, each for all tasks that wait for it.
#[derive(Debug, Default)]
pub(crate) struct FolderSyncs(Mutex<HashMap<PathBuf, Arc<FolderTurns>>>);

impl FolderSyncs {
    /// Called before a name is created or removed in `folder`. [`Entered::sync`] makes the change durable.
    pub(crate) fn enter(&self, folder: &Path) -> Entered<'_> {
        let shared = Arc::clone(held(&self.0).entry(folder.to_owned()).or_default());
        let since = held(&shared.turns).ended;
        Entered {
            folders: self,
            shared: Some(shared),
            since,
        }
    }

    /// Syncs a folder whose names were changed without [`FolderSyncs::enter`], before a crash or by another program.
    pub(crate) fn sync(
        &self,
        folder: &Path,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        self.enter(folder).sync(sync)
    }
}

/// A folder in which a caller changes a name.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    folders: &'a FolderSyncs,
    /// There until it is dropped.
    shared: Option<Arc<FolderTurns>>,
    /// How many syncs had ended before the change.
    since: u64,
}

impl Entered<'_> {
    /// Returns once a sync of this folder that started after `enter` has ended, this `sync` or that of another task.
    /// What was changed since the folder was entered is durable then.
    ///
    /// # Errors
    /// That sync failed, or any other since the folder was entered. The kernel reports a failure once, and then takes
    /// for written what was not, so the success of a second sync proves nothing: the caller must undo its change, or
    /// make it again.
    pub(crate) fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match &self.shared {
            Some(shared) => shared.sync(self.since, sync),
            None => sync(),
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        drop(self.shared.take());
        // The last task removes it, since an inbox may get a new folder every day.
        held(&self.folders.0).retain(|_, shared| Arc::strong_count(shared) > 1);
    }
}

/// One folder. Syncs are numbered; one runs at a time.
#[derive(Debug, Default)]
struct FolderTurns {
    turns: Mutex<Turns>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Turns {
    begun: u64,
    ended: u64,
    /// The last one that failed, and how.
    failed: Option<(u64, i32)>,
}

impl FolderTurns {
    fn sync(&self, since: u64, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let (mut turns, mut sync) = (held(&self.turns), Some(sync));
        // The one under way may have begun before what we want durable was there.
        let mine = turns.begun + 1;
        while turns.ended < mine {
            let is_free = turns.begun == turns.ended;
            if let Some(sync) = sync.take_if(|_| is_free) {
                turns = self.run(turns, sync);
                continue;
            }
            turns = self
                .ended
                .wait(turns)
                .unwrap_or_else(PoisonError::into_inner);
        }
        match turns.failed {
            Some((turn, error)) if turn > since => Err(io::Error::from_raw_os_error(error)),
            _ => Ok(()),
        }
    }

    fn run<'a>(
        &'a self,
        mut turns: MutexGuard<'a, Turns>,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> MutexGuard<'a, Turns> {
        turns.begun += 1;
        drop(turns);
        let outcome = sync();
        let mut turns = held(&self.turns);
        turns.ended = turns.begun;
        if let Err(error) = &outcome {
            let error = error
                .raw_os_error()
                .unwrap_or(rustix::io::Errno::IO.raw_os_error());
            turns.failed = Some((turns.ended, error));
        }
        self.ended.notify_all();
        turns
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_change_that_another_s_failed_sync_may_have_lost_is_not_durable() {
        let (folders, folder) = (FolderSyncs::default(), Path::new("inbox"));
        let (changed, other) = (folders.enter(folder), folders.enter(folder));
        let failed = other.sync(|| Err(io::Error::from_raw_os_error(5)));
        assert!(failed.is_err());
        drop(other);
        // The next sync succeeds; the kernel has told of the failure already.
        let outcome = changed.sync(|| Ok(())).map_err(|e| e.raw_os_error());
        assert!(matches!(outcome, Err(Some(5))), "{outcome:?}");
        // A change that is made again is synced.
        assert!(folders.sync(folder, || Ok(())).is_ok());
    }

    #[test]
    fn who_waits_shares_the_next_sync_and_its_failure() {
        let folders = FolderSyncs::default();
        let (runs, begun) = (AtomicU64::new(0), Barrier::new(2));
        let folder = Path::new("inbox");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                folders.sync(folder, || {
                    begun.wait();
                    std::thread::sleep(std::time::Duration::from_millis(200));
                    runs.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            });
            begun.wait();
            // The first sync has begun: eight tasks that come now wait for the second, which fails.
            let waiting: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        folders.sync(folder, || {
                            runs.fetch_add(1, Ordering::Relaxed);
                            Err(io::Error::from_raw_os_error(5))
                        })
                    })
                })
                .collect();
            for waits in waiting {
                let outcome = waits
                    .join()
                    .map(|outcome| outcome.map_err(|e| e.raw_os_error()));
                assert!(matches!(outcome, Ok(Err(Some(5)))));
            }
        });
        let runs = runs.load(Ordering::Relaxed);
        assert!((2..=8).contains(&runs), "{runs} syncs");
        assert!(held(&folders.0).is_empty(), "nobody has it any more");
    }

    #[test]
    fn a_sync_that_began_before_a_change_does_not_count_for_it() {
        let (folders, folder) = (FolderSyncs::default(), Path::new("inbox"));
        let (begun, changed) = (Barrier::new(2), Barrier::new(2));
        let runs = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                folders.sync(folder, || {
                    begun.wait();
                    changed.wait();
                    runs.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            });
            begun.wait();
            let entered = folders.enter(folder);
            changed.wait();
            let synced = entered.sync(|| {
                assert_eq!(runs.load(Ordering::Relaxed), 1, "one runs at a time");
                runs.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
            assert!(synced.is_ok());
        });
        assert_eq!(
            runs.load(Ordering::Relaxed),
            2,
            "it ran again for the change"
        );
    }

    #[test]
    fn folders_do_not_wait_for_each_other_nor_share_a_failure() {
        let folders = FolderSyncs::default();
        let one = folders.enter(Path::new("one"));
        let failed = folders.sync(Path::new("other"), || Err(io::Error::from_raw_os_error(28)));
        assert!(matches!(
            failed.map_err(|e| e.raw_os_error()),
            Err(Some(28))
        ));
        let within = one.sync(|| folders.sync(Path::new("other"), || Ok(())));
        assert!(within.is_ok(), "while one is synced, the other can be");
        drop(one);
        assert!(held(&folders.0).is_empty(), "nobody has either any more");
    }

    #[test]
    fn a_failure_that_has_no_number_is_one_of_the_disk() {
        let (folders, folder) = (FolderSyncs::default(), Path::new("inbox"));
        let failed = folders.sync(folder, || Err(io::Error::other("what")));
        assert!(matches!(failed.map_err(|e| e.raw_os_error()), Err(Some(5))));
        let entered = folders.enter(folder);
        assert!(
            entered.sync(|| Ok(())).is_ok(),
            "it came before this change"
        );
    }
}
