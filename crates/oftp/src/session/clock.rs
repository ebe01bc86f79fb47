//! The timers (RFC 5024, 4.7.2). Time is only ever told.

use std::time::Duration;

use super::params::Timeouts;

/// What time it was when something last moved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    timeouts: Timeouts,
    started: Duration,
    moved: Duration,
    /// Something moved since, in a call that did not tell the time.
    touched: bool,
    /// From when on to wait for the partner to close the connection.
    ended: Option<Duration>,
}

impl Clock {
    pub(super) fn start(now: Duration, timeouts: Timeouts) -> Self {
        Self {
            timeouts,
            started: now,
            moved: now,
            touched: false,
            ended: None,
        }
    }

    pub(super) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Octets arrived.
    pub(super) fn moved(&mut self, now: Duration) {
        self.moved = self.moved.max(now);
        self.touched = false;
    }

    /// An answer was given or octets were taken to be sent, just now, whenever that is.
    pub(super) fn touch(&mut self) {
        self.touched = true;
    }

    pub(super) fn setup_deadline(&self) -> Duration {
        self.started.saturating_add(self.timeouts.setup)
    }

    pub(super) fn idle_deadline(&self) -> Duration {
        self.moved.saturating_add(self.timeouts.idle)
    }

    pub(super) fn disconnect_deadline(&self) -> Duration {
        self.ended
            .unwrap_or(self.moved)
            .saturating_add(self.timeouts.disconnect)
    }

    /// Our ESID was sent, at the last time told.
    pub(super) fn end(&mut self) {
        self.ended = Some(self.moved);
    }

    /// At a deadline: whether it was moved on, because something moved since time was last told.
    pub(super) fn renew(&mut self, now: Duration) -> bool {
        let moved_on = self.touched;
        if moved_on {
            self.moved(now);
            self.ended = self.ended.map(|_| now);
        }
        moved_on
    }
}
