//! What was written and has not arrived.

use std::time::Duration;

use oftp::Session;
use pointsman_kernel as kernel;
use tokio::net::TcpStream;

use super::clock::Clock;

/// TCP reports in steps what the other end has taken, each as large as its window: how much longer silence may be while
/// octets are on their way.
const STEPS: Duration = Duration::from_secs(5);

/// What was written and has not arrived: a partner that takes it, however slowly, is not silent.
pub(super) struct InFlight {
    /// Octets on their way at the last look, and those written since.
    there: u64,
    written: u64,
    looked: Duration,
}

impl InFlight {
    pub fn new(clock: &Clock) -> Self {
        Self {
            there: 0,
            written: 0,
            looked: clock.now(),
        }
    }

    pub fn wrote(&mut self, octets: usize) {
        self.written += octets as u64;
    }

    /// When to come back: at the engine's deadline, and before it while octets are on their way.
    pub fn deadline(&self, engine: Option<Duration>) -> Option<Duration> {
        let engine = engine?;
        if self.is_empty() {
            return Some(engine);
        }
        let idle = engine.saturating_sub(self.looked);
        let soon = (idle / 16).clamp(Duration::from_millis(50), Duration::from_secs(1));
        Some((engine + STEPS).min(self.looked + soon))
    }

    fn is_empty(&self) -> bool {
        self.there + self.written == 0
    }

    /// Whether the engine's deadline has come.
    pub fn is_due(&self, engine: Option<Duration>, now: Duration) -> bool {
        let steps = if self.is_empty() {
            Duration::ZERO
        } else {
            STEPS
        };
        engine.is_some_and(|engine| now >= engine + steps)
    }

    /// Reports to the engine what arrived since the last look. It is dated at that look, so that no partner gains time by it.
    pub fn look(&mut self, socket: &TcpStream, session: &mut Session, clock: &Clock) {
        if self.is_empty() {
            self.looked = clock.now();
            return;
        }
        let there = kernel::unacknowledged(socket).unwrap_or_default();
        let arrived = (self.there + self.written).saturating_sub(there);
        if self.there > 0 {
            session.progressed(arrived, self.looked);
        }
        (self.there, self.written, self.looked) = (there, 0, clock.now());
    }
}
