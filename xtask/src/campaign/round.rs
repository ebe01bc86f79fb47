//! How a round of a campaign ends: the pair comes to rest, and is looked at.

use std::path::PathBuf;

use tempfile::TempDir;

use super::pair::Pair;
use super::party::Party;
use super::tally::Tally;

/// What a round came to.
pub struct RoundResult {
    pub found: Tally,
    /// Everything came to its end.
    pub settled: bool,
    /// Stations that do not run any more.
    pub gone: Vec<&'static str>,
    /// What the program's own auditor says.
    pub verified: Result<(), String>,
    folder: TempDir,
}

impl RoundResult {
    /// Leaves the pair in peace, and compares.
    pub fn reach(mut pair: Pair, folder: TempDir, eager: Option<Party>) -> Result<Self, String> {
        let settled = pair.settle(eager)?;
        Ok(Self {
            gone: pair.gone(),
            found: pair.audit(eager)?,
            settled,
            verified: pair.verify(),
            folder,
        })
    }

    /// What is wrong, if anything is.
    pub fn wrong(&self) -> Option<String> {
        if self.settled && self.found.is_clean() && self.verified.is_ok() {
            return None;
        }
        let mut wrong = vec![self.found.to_string()];
        if !self.settled {
            wrong.push("it did not come to its end".to_owned());
        }
        wrong.extend(self.gone.iter().map(|name| format!("{name} has ended")));
        wrong.extend(self.verified.as_ref().err().cloned());
        Some(wrong.join("; "))
    }

    /// Keeps the folder, to be looked at.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}
