//! Which session has which file of a partner at the moment, and when it moved last: a connection that was lost without a
//! word keeps its file for as long as its time-out is, unless the partner offers the file again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pointsman_store::TransferId;
use tokio::sync::Notify;

/// How long a file must stand still before a new session may take it.
pub const STILL: Duration = Duration::from_secs(1);

/// The files that are being received.
#[derive(Debug, Default)]
pub struct Holders(Arc<Mutex<HashMap<TransferId, Holder>>>);

#[derive(Debug)]
struct Holder {
    moved: Instant,
    overtaken: Arc<Notify>,
}

/// A session's entry; dropping it removes it.
#[derive(Debug)]
pub struct Holding {
    holders: Arc<Mutex<HashMap<TransferId, Holder>>>,
    id: TransferId,
}

impl Holders {
    /// A session receives the file; `overtaken` is notified when it is to leave it to another.
    #[must_use]
    pub fn enter(&self, id: TransferId, overtaken: Arc<Notify>) -> Holding {
        let moved = Instant::now();
        let holder = Holder { moved, overtaken };
        lock(&self.0).insert(id, holder);
        Holding {
            holders: Arc::clone(&self.0),
            id,
        }
    }

    /// Ends the session that has the file, if the file stands still in it. False where it moves, or nobody here has it.
    pub fn end_if_still(&self, id: TransferId) -> bool {
        let holders = lock(&self.0);
        let still = holders
            .get(&id)
            .filter(|holder| holder.moved.elapsed() >= STILL);
        if let Some(holder) = still {
            holder.overtaken.notify_one();
        }
        still.is_some()
    }
}

impl Holding {
    /// Octets of the file came.
    pub fn moved(&self) {
        if let Some(holder) = lock(&self.holders).get_mut(&self.id) {
            holder.moved = Instant::now();
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        lock(&self.holders).remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
