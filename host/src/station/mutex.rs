//! How the tables of the station are locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex has, also after a panic of a task that had it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
