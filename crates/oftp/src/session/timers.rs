//! The timers (RFC 5024, 4.7.2). Time is only ever told.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::params::Timeouts;

/// What time it was when something last moved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Timers {
    timeouts: Timeouts,
    started: Duration,
    /// The latest time that was told.
    now: Duration,
    moved: Duration,
    /// Octets that came, and that the partner took, since either last counted as movement.
    came: Octets,
    taken: Octets,
    /// From when on to wait for the partner to close the connection.
    ended: Option<Duration>,
}

impl Timers {
    pub(super) fn start(now: Duration, timeouts: Timeouts) -> Self {
        Self {
            timeouts,
            started: now,
            now,
            moved: now,
            came: Octets::default(),
            taken: Octets::default(),
            ended: None,
        }
    }

    pub(super) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// It is so late now.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// A command came whole, an answer was given, or octets were taken to be sent: just now, at the latest time told.
    pub(super) fn touch(&mut self) {
        self.moved = self.moved.max(self.now);
        (self.came, self.taken) = (Octets::default(), Octets::default());
    }

    /// Octets arrived: movement, once they are enough.
    pub(super) fn came(&mut self, octets: usize) {
        self.came.0 = self.came.0.saturating_add(octets as u64);
        if self.came.0 >= self.timeouts.least {
            self.touch();
        }
    }

    /// The partner has taken octets of ours, at that time: movement, once they are enough.
    pub(super) fn taken(&mut self, octets: u64, at: Duration) {
        self.taken.0 = self.taken.0.saturating_add(octets);
        if self.taken.0 >= self.timeouts.least {
            self.taken = Octets::default();
            self.moved = self.moved.max(at);
        }
    }

    pub(super) fn setup_deadline(&self) -> Duration {
        self.started.saturating_add(self.timeouts.setup)
    }

    pub(super) fn idle_deadline(&self) -> Duration {
        self.moved.saturating_add(self.timeouts.idle)
    }

    /// None before our ESID.
    pub(super) fn disconnect_deadline(&self) -> Option<Duration> {
        self.ended
            .map(|ended| ended.saturating_add(self.timeouts.disconnect))
    }

    /// Our ESID was sent, at the latest time told.
    pub(super) fn end(&mut self) {
        self.ended = (!planted!(WaitsForEver)).then_some(self.now);
    }
}

/// Octets that do not count yet. They are nothing a session can be told apart by.
#[derive(Debug, Clone, Copy, Default)]
struct Octets(u64);

impl PartialEq for Octets {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Octets {}

impl Hash for Octets {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
