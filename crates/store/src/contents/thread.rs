//! Disk operations run on threads that may wait.

use std::io;

use tokio::task::{JoinError, spawn_blocking};

use crate::spool::SpoolError;

/// Runs a disk operation on a thread that may block.
pub(crate) async fn on_thread<T: Send + 'static, E: From<SpoolError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|lost| Err(lost_thread(&lost).into()))
}

/// The error of a disk operation whose thread was lost.
pub(super) fn lost_thread(lost: &JoinError) -> SpoolError {
    of_the_spool(format!("the writing thread was lost: {lost}"))
}

/// An error that is not about one file.
pub(super) fn of_the_spool(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SpoolError {
    SpoolError::Io {
        path: "the spool".into(),
        source: io::Error::other(why),
    }
}
