//! Disk operations run on threads that may wait.

use pointsman_store::SpoolError;
use tokio::task::spawn_blocking;

/// Runs a disk operation off the async threads.
///
/// # Errors
/// Its own, or that its thread was lost.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|lost| Err(lost_thread(&lost)))
}

/// The error of a disk operation whose thread was lost.
#[must_use]
pub fn lost_thread(lost: &tokio::task::JoinError) -> SpoolError {
    SpoolError::Io {
        path: "the spool".into(),
        source: std::io::Error::other(format!("the writing thread was lost: {lost}")),
    }
}
