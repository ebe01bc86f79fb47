//! What an outsider counts: files by name and octets, and receipts.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use super::files::at;

/// What an outsider found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub transfers: u64,
    pub lost: u64,
    pub doubled: u64,
    pub corrupted: u64,
    pub receipts_lost: u64,
    /// Files that a station parked: nothing here is refused for good, so no operator should be asked for anything.
    pub given_up: u64,
}

impl Tally {
    pub fn is_clean(&self) -> bool {
        let lost = (self.lost, self.receipts_lost, self.given_up);
        (lost, self.doubled, self.corrupted) == ((0, 0, 0), 0, 0)
    }

    /// What was given under a name against what is there under it.
    pub fn compare(&mut self, given: &[Vec<u8>], places: &[PathBuf]) -> Result<(), String> {
        let mut missing: Vec<&Vec<u8>> = given.iter().collect();
        let mut strange = 0;
        for place in places {
            let there = fs::read(place).map_err(at(place))?;
            match missing.iter().position(|content| **content == there) {
                Some(found) => drop(missing.swap_remove(found)),
                None if given.contains(&there) => self.doubled += 1,
                None => strange += 1,
            }
        }
        self.corrupted += strange;
        self.lost += (missing.len() as u64).saturating_sub(strange);
        Ok(())
    }

    pub fn add(&mut self, other: Self) {
        self.transfers += other.transfers;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.corrupted += other.corrupted;
        self.receipts_lost += other.receipts_lost;
        self.given_up += other.given_up;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} transfers: {} lost, {} doubled, {} corrupted, {} receipts lost",
            self.transfers, self.lost, self.doubled, self.corrupted, self.receipts_lost
        )?;
        match self.given_up {
            0 => Ok(()),
            parked => write!(f, ", {parked} given up"),
        }
    }
}
