//! Limits how many failures a partner may have in a second before the next one has to wait.
//!
//! A partner whose program repeats a failing attempt as fast as it can costs the others disk and processor time. It is
//! not refused but slowed down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SECOND_IN_NANOS: u64 = 1_000_000_000;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(1);

/// Counts by the name of a partner.
#[derive(Debug)]
pub struct Pace {
    /// How much of a partner's time one failure takes up, in nanoseconds.
    each: AtomicU64,
    /// Until when the failures so far take up the time of each partner.
    taken: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// Allows so many failures a second, and those of two seconds at once.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let pace = Self {
            each: AtomicU64::new(0),
            taken: Mutex::default(),
        };
        pace.limit(per_second);
        pace
    }

    /// From now on allows so many a second.
    pub fn limit(&self, per_second: u32) {
        let each = SECOND_IN_NANOS / u64::from(per_second.max(1));
        self.each.store(each, Ordering::Relaxed);
    }

    /// Counts a failure.
    pub fn count(&self, partner: &str, now: Instant) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Partners are those of the configuration, so the table is small.
        let until = taken.entry(partner.to_owned()).or_insert(now);
        let most = now + BURST + LONGEST;
        *until = (*until)
            .max(now)
            .checked_add(Duration::from_nanos(self.each.load(Ordering::Relaxed)))
            .map_or(most, |until| until.min(most));
    }

    /// How long the partner has to wait before its session continues.
    pub fn wait(&self, partner: &str, now: Instant) -> Duration {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let until = taken.get(partner).copied().unwrap_or(now);
        until.saturating_duration_since(now + BURST).min(LONGEST)
    }
}

/// How much of a partner's time may be taken up in advance: a few failures in a row cause no wait.
const BURST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_too_often_waits_and_others_do_not() {
        let (pace, now) = (Pace::new(10), Instant::now());
        for _ in 0..20 {
            assert_eq!(pace.wait("a", now), Duration::ZERO);
            pace.count("a", now);
        }
        pace.count("a", now);
        assert_eq!(pace.wait("a", now), Duration::from_millis(100));
        assert_eq!(pace.wait("b", now), Duration::ZERO);
        assert_eq!(pace.wait("a", now + LONGEST), Duration::ZERO);
        for _ in 0..1000 {
            pace.count("a", now);
        }
        assert_eq!(pace.wait("a", now), LONGEST);
        assert_eq!(pace.wait("a", now + BURST + LONGEST), Duration::ZERO);
    }
}
