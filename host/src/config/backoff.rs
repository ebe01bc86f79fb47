//! How long to wait before the next try.

use std::time::Duration;

/// Waiting times that double from the first to the longest. Each is up to a fifth longer or shorter by chance, so that
/// attempts that failed together are not repeated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// After many.
    pub most: Duration,
}

impl Backoff {
    /// The wait after so many failures in a row, 1 or more.
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let regular = self
            .first
            .saturating_mul(1 << doublings)
            .min(self.most.max(self.first));
        regular.mul_f64(fastrand::f64().mul_add(0.4, 0.8))
    }

    /// No wait is longer.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.most.max(self.first).mul_f64(1.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_have_an_end() {
        let backoff = Backoff {
            first: Duration::from_secs(10),
            most: Duration::from_secs(60),
        };
        for (failures, regular) in [(1, 10.0), (2, 20.0), (3, 40.0), (4, 60.0), (90, 60.0)] {
            let mut seen = (f64::MAX, 0.0_f64);
            for _ in 0..1000 {
                let wait = backoff.after(failures).as_secs_f64();
                seen = (seen.0.min(wait), seen.1.max(wait));
            }
            assert!(
                seen.0 >= regular * 0.8 && seen.1 <= regular * 1.2,
                "{failures}: {seen:?}"
            );
            assert!(seen.1 <= backoff.longest().as_secs_f64());
            assert!(seen.1 - seen.0 > regular * 0.3, "by chance: {seen:?}");
        }
    }
}
