//! Syncing together: what many sessions need at the same time costs one flush, not one each.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Folders that are synced for everybody who waits.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<HashMap<PathBuf, Arc<Shared>>>);

impl Folders {
    /// Returns when `sync`, or another's of the same folder, has run from its begin to its end: what was renamed
    /// before this call is durable then.
    pub(crate) fn sync(
        &self,
        folder: &Path,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let shared = Arc::clone(held(&self.0).entry(folder.to_owned()).or_default());
        let outcome = shared.sync(sync);
        drop(shared);
        // Whoever is last removes it: an inbox may see a new folder every day.
        held(&self.0).retain(|_, shared| Arc::strong_count(shared) > 1);
        outcome
    }
}

/// One folder. Syncs are numbered; one runs at a time.
#[derive(Debug, Default)]
struct Shared {
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

impl Shared {
    fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut turns = held(&self.turns);
        // The one under way may have begun before what we want durable was there.
        let mine = turns.begun + 1;
        while turns.ended < mine {
            if turns.begun == turns.ended {
                return self.run(turns, sync);
            }
            turns = self
                .ended
                .wait(turns)
                .unwrap_or_else(PoisonError::into_inner);
        }
        match turns.failed {
            // The kernel tells of a failure once: it is everybody's who waited.
            Some((turn, error)) if turn >= mine => Err(io::Error::from_raw_os_error(error)),
            _ => Ok(()),
        }
    }

    fn run(
        &self,
        mut turns: MutexGuard<'_, Turns>,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
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
        outcome
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
    fn who_waits_shares_the_next_sync_and_its_failure() {
        let folders = Folders::default();
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
            // The first sync has begun: eight who come now wait for the second, which fails.
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
}
