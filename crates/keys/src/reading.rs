//! How a store is read: its kind, its passwords, and what it may cost.

use std::cell::Cell;
use std::fmt;

use crate::error::StoreFault;
use crate::kind::KeyStoreKind;

/// The most octets of a store.
pub const MOST_OCTETS: usize = 16 * 1024 * 1024;

/// The most entries of a store: keys and certificates together.
pub const MOST_ENTRIES: usize = 10_000;

/// How a store is read.
#[derive(Clone, Copy, Default)]
pub struct StoreReading<'a> {
    /// Its kind; found out from its content where it is not given.
    pub kind: Option<KeyStoreKind>,
    /// Its password.
    pub password: Option<&'a str>,
    /// The password of the keys in it, where that is another one (JKS and JCEKS have two).
    pub key_password: Option<&'a str>,
    /// The label of the token, where its library has several.
    pub token: Option<&'a str>,
    /// What messages call it: a path, or a key of the configuration.
    pub name: &'a str,
    /// What its key derivation may cost.
    pub limits: ReadingLimits,
}

impl fmt::Debug for StoreReading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreReading")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What the key derivation of a store may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingLimits {
    /// Rounds of one derivation.
    pub rounds: u64,
    /// Rounds of all derivations of a store.
    pub all_rounds: u64,
    /// Octets of memory of one derivation by scrypt or Argon2.
    pub memory: u64,
}

impl Default for ReadingLimits {
    /// Ten million rounds, which take about ten seconds; ten times as many in all; 1 GiB.
    fn default() -> Self {
        Self {
            rounds: 10_000_000,
            all_rounds: 100_000_000,
            memory: 1 << 30,
        }
    }
}

/// The passwords of a store, and what its reading has cost so far.
pub(crate) struct KeyAccess<'a> {
    password: Option<&'a str>,
    key_password: Option<&'a str>,
    limits: ReadingLimits,
    spent: Cell<u64>,
}

impl<'a> KeyAccess<'a> {
    pub(crate) fn of(reading: &StoreReading<'a>) -> Self {
        Self {
            password: reading.password,
            key_password: reading.key_password,
            limits: reading.limits,
            spent: Cell::new(0),
        }
    }

    /// The password of the store, if there is one.
    pub(crate) fn password(&self) -> Option<&'a str> {
        self.password
    }

    /// The password of the keys in the store, if there is one.
    pub(crate) fn key_password(&self) -> Option<&'a str> {
        self.key_password.or(self.password)
    }

    /// The password of the keys in the store.
    pub(crate) fn needed_for_key(&self, what: &'static str) -> Result<&'a str, StoreFault> {
        self.key_password().ok_or(StoreFault::PasswordMissing(what))
    }

    /// Takes that many rounds from what the store may cost.
    pub(crate) fn spend(&self, rounds: u64) -> Result<usize, StoreFault> {
        within("rounds of a key derivation", rounds, self.limits.rounds)?;
        let spent = self.spent.get().saturating_add(rounds);
        within(
            "rounds of all key derivations of the store",
            spent,
            self.limits.all_rounds,
        )?;
        self.spent.set(spent);
        usize::try_from(rounds).map_err(|_| StoreFault::Excess {
            what: "rounds of a key derivation",
            number: rounds,
            most: self.limits.rounds,
        })
    }

    /// Looks whether a derivation may have that many octets of memory.
    pub(crate) fn memory(&self, octets: u64) -> Result<(), StoreFault> {
        within(
            "octets of memory of a key derivation",
            octets,
            self.limits.memory,
        )
    }

    /// The most octets of memory of a derivation.
    pub(crate) fn most_memory(&self) -> u64 {
        self.limits.memory
    }
}

/// That a number is not above its bound.
pub(crate) fn within(what: &'static str, number: u64, most: u64) -> Result<(), StoreFault> {
    match number <= most {
        true => Ok(()),
        false => Err(StoreFault::Excess { what, number, most }),
    }
}

/// That a store has not too many entries.
pub(crate) fn few_entries(number: usize) -> Result<(), StoreFault> {
    within("entries", number as u64, MOST_ENTRIES as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_counted_one_by_one_and_together() {
        let limits = ReadingLimits {
            rounds: 10,
            all_rounds: 15,
            memory: 100,
        };
        let access = KeyAccess::of(&StoreReading {
            limits,
            ..StoreReading::default()
        });
        assert!(matches!(
            access.spend(11),
            Err(StoreFault::Excess {
                number: 11,
                most: 10,
                ..
            })
        ));
        assert_eq!(access.spend(10), Ok(10));
        assert!(matches!(
            access.spend(6),
            Err(StoreFault::Excess {
                number: 16,
                most: 15,
                ..
            })
        ));
        assert_eq!(access.spend(5), Ok(5));
        assert!(access.memory(101).is_err() && access.memory(100).is_ok());
    }

    #[test]
    fn debug_output_has_no_password() {
        let reading = StoreReading {
            password: Some("geheim"),
            key_password: Some("geheimer"),
            name: "a.p12",
            ..StoreReading::default()
        };
        let shown = format!("{reading:?}");
        assert!(
            shown.contains("a.p12") && !shown.contains("geheim"),
            "{shown}"
        );
    }
}
