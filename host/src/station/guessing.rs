//! The brake on guessing: a caller that gives a wrong password waits for the answer, and one that continues to guess is
//! locked out.
//!
//! Failures are counted by SSID code and address, so that a partner that calls from elsewhere is not affected. Failures
//! for any code are also counted by address alone. They slow the address down and do not lock it out, since several
//! partners may share it. A right password is answered at once, unless the code is locked out.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oftp::OdetteId;

use crate::station::seats::Origin;

/// The longest wait for an answer.
const LONGEST: Duration = Duration::from_secs(4);

/// How many refusals of strangers from one address, for any code and reason, are answered without a wait for the
/// address.
const FREE: u32 = 3;

/// The most entries of each table, since an attacker may have many addresses.
const MOST_ENTRIES: usize = 16 * 1024;

/// Who gave wrong passwords lately.
#[derive(Debug)]
pub struct Guesses {
    most: AtomicU32,
    /// In milliseconds.
    lock_out: AtomicU64,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    by_code: HashMap<(OdetteId, Origin), Wrong>,
    by_origin: HashMap<Origin, Wrong>,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    times: u32,
    last: Instant,
}

/// What a wrong password brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// How long its answer is delayed because of earlier failures from its address.
    pub of_origin: Duration,
    /// How long its answer is delayed because of earlier failures for its code.
    pub of_code: Duration,
    /// Whether this failure locks the code out from this address.
    pub locks_out: bool,
}

impl Guesses {
    /// After `most` wrong passwords for a code, its callers from the same address are locked out until `lock_out` has
    /// passed.
    #[must_use]
    pub fn new(most: u32, lock_out: Duration) -> Self {
        let guesses = Self {
            most: AtomicU32::default(),
            lock_out: AtomicU64::default(),
            tables: Mutex::default(),
        };
        guesses.limit(most, lock_out);
        guesses
    }

    /// Sets the limits, which also hold for failures that were counted before.
    pub fn limit(&self, most: u32, lock_out: Duration) {
        self.most.store(most, Ordering::Relaxed);
        let lock_out = u64::try_from(lock_out.as_millis()).unwrap_or(u64::MAX);
        self.lock_out.store(lock_out, Ordering::Relaxed);
    }

    /// Whether callers with this code from this address are locked out.
    #[must_use]
    pub fn is_locked_out(&self, code: &OdetteId, origin: Origin, now: Instant) -> bool {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables.by_code.get(&(code.clone(), origin));
        known.is_some_and(|wrong| {
            wrong.times >= self.most.load(Ordering::Relaxed) && !self.is_over(wrong, now)
        })
    }

    /// Counts a wrong password for a partner's code, or another failure without a code.
    pub fn wrong(&self, code: Option<&OdetteId>, origin: Origin, now: Instant) -> Brake {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let of_origin = self.count(&mut tables.by_origin, origin, now);
        let of_code = code.map_or(0, |code| {
            self.count(&mut tables.by_code, (code.clone(), origin), now)
        });
        Brake {
            of_origin: doubled(of_origin.saturating_sub(FREE)),
            of_code: doubled(of_code.saturating_sub(1)),
            locks_out: of_code == self.most.load(Ordering::Relaxed),
        }
    }

    /// Notes a right password, which resets the failures of this code and address.
    pub fn right(&self, code: &OdetteId, origin: Origin) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.by_code.remove(&(code.clone(), origin));
    }

    fn count<K: Hash + Eq + Clone>(
        &self,
        table: &mut HashMap<K, Wrong>,
        key: K,
        now: Instant,
    ) -> u32 {
        if table.len() >= MOST_ENTRIES && !table.contains_key(&key) {
            self.shorten(table, now);
        }
        let wrong = table.entry(key).or_insert(Wrong {
            times: 0,
            last: now,
        });
        if self.is_over(wrong, now) {
            wrong.times = 0;
        }
        wrong.times = wrong.times.saturating_add(1);
        wrong.last = now;
        wrong.times
    }

    /// Removes entries that have expired; where none has, the one whose last failure is the oldest.
    fn shorten<K: Hash + Eq + Clone>(&self, table: &mut HashMap<K, Wrong>, now: Instant) {
        table.retain(|_, wrong| !self.is_over(wrong, now));
        if table.len() >= MOST_ENTRIES {
            let quietest = table.iter().min_by_key(|(_, wrong)| wrong.last);
            if let Some(key) = quietest.map(|(key, _)| key.clone()) {
                table.remove(&key);
            }
        }
    }

    fn is_over(&self, wrong: &Wrong, now: Instant) -> bool {
        now.saturating_duration_since(wrong.last)
            >= Duration::from_millis(self.lock_out.load(Ordering::Relaxed))
    }
}

/// The wait after so many failures: none at first, then one second, then twice as long each time.
fn doubled(times: u32) -> Duration {
    match times {
        0 => Duration::ZERO,
        times => Duration::from_secs(1 << (times - 1).min(8)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn code(text: &str) -> OdetteId {
        OdetteId::new(text).unwrap()
    }

    fn from(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    #[test]
    fn answers_to_wrong_passwords_take_ever_longer_and_then_the_code_is_locked_out_from_there() {
        let (guesses, now) = (Guesses::new(5, HOUR), Instant::now());
        let (partner, here) = (code("O0013PARTNER"), from("192.0.2.1:1"));
        let brakes: Vec<_> = (0..5)
            .map(|_| guesses.wrong(Some(&partner), here, now))
            .collect();
        let waits = |wait: fn(&Brake) -> Duration| -> Vec<u64> {
            brakes.iter().map(|brake| wait(brake).as_secs()).collect()
        };
        assert_eq!(waits(|brake| brake.of_code), [0, 1, 2, 4, 4]);
        assert_eq!(waits(|brake| brake.of_origin), [0, 0, 0, 1, 2]);
        assert!(brakes[4].locks_out && !brakes[3].locks_out);
        assert!(guesses.is_locked_out(&partner, here, now));
        assert!(!guesses.is_locked_out(&partner, from("192.0.2.2:1"), now));
        assert!(!guesses.is_locked_out(&code("O0013OTHER"), here, now));
        assert!(!guesses.is_locked_out(&partner, here, now + HOUR));
    }

    #[test]
    fn a_right_password_forgets_the_slips_before_it() {
        let (guesses, now) = (Guesses::new(2, HOUR), Instant::now());
        let (partner, here) = (code("O0013PARTNER"), from("192.0.2.1:1"));
        guesses.wrong(Some(&partner), here, now);
        guesses.right(&partner, here);
        assert!(!guesses.wrong(Some(&partner), here, now).locks_out);
    }

    #[test]
    fn an_address_that_tries_one_code_after_the_other_is_slowed_down() {
        let (guesses, now) = (Guesses::new(5, HOUR), Instant::now());
        let here = from("192.0.2.1:1");
        let waits: Vec<u64> = (0..6)
            .map(|_| guesses.wrong(None, here, now).of_origin.as_secs())
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4]);
    }

    #[test]
    fn the_tables_do_not_grow_without_end() {
        let (guesses, now) = (Guesses::new(5, HOUR), Instant::now());
        for number in 0..MOST_ENTRIES as u32 + 100 {
            let address = std::net::Ipv4Addr::from_bits(number);
            guesses.wrong(None, Origin::of((address, 1).into()), now);
        }
        let tables = guesses.tables.lock().unwrap();
        assert_eq!(tables.by_origin.len(), MOST_ENTRIES);
    }
}
