//! The engine's time.

use std::time::{Duration, Instant};

/// What has passed since the session began.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Time 0 of a session's engine is the moment of this call.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since then, as the engine's `handle_timeout` wants it.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }

    pub(super) async fn until(&self, deadline: Option<Duration>) {
        match deadline {
            Some(deadline) => tokio::time::sleep_until((self.0 + deadline).into()).await,
            None => std::future::pending().await,
        }
    }
}
