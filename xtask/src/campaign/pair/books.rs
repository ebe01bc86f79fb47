//! The books an outsider keeps of two stations: what was given, what arrived, what each says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Pair;
use super::transfer_row::{RowReceipt, RowState, TransferRow};
use crate::campaign::party::{PARTIES, Party};
use crate::campaign::tally::Tally;

/// How the log says that a file waits for an operator. It is so where the partner's receipt settles it afterwards, too: then
/// the books at the end say nothing of it.
const PARKED: &str = "; it is parked, since";

impl Pair {
    /// Waits until both have brought everything to its end; says whether they did.
    pub fn settle(&mut self, eager: Option<Party>) -> Result<bool, String> {
        let (mut moved, mut before) = (Instant::now(), (0, 0));
        while moved.elapsed() < self.patience {
            if let Some(party) = eager {
                self.eat(party)?;
            }
            if self.is_settled() {
                return Ok(true);
            }
            let done: usize = PARTIES.iter().map(|party| self.done(*party)).sum();
            let now = (
                done,
                PARTIES.iter().map(|party| self.half_received(*party)).sum(),
            );
            if now != before {
                (moved, before) = (Instant::now(), now);
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        Ok(false)
    }

    /// Whether everything given to both has arrived; quicker seen than that it has come to its end.
    pub fn has_arrived(&self) -> bool {
        PARTIES.iter().all(|party| {
            let arrived = self.arrived(party.other()).unwrap_or_default();
            let mut given = self.given.get(party).into_iter().flatten();
            given.all(|(name, _)| arrived.contains_key(name))
        })
    }

    /// Octets of files on their way in: while they grow, nothing stands still.
    fn half_received(&self, party: Party) -> u64 {
        let incoming = self.folder(party).join("state/spool/incoming");
        let entries = fs::read_dir(incoming).into_iter().flatten().flatten();
        let lengths = entries.filter_map(|entry| entry.metadata().ok());
        lengths.map(|meta| meta.len()).sum()
    }

    /// Whether both have brought everything to its end.
    pub fn is_settled(&self) -> bool {
        PARTIES.iter().all(|party| self.is_done(*party))
    }

    /// Everything given to it is acknowledged, and it owes nothing.
    fn is_done(&self, party: Party) -> bool {
        self.done(party) >= self.files_of(party) + self.files_of(party.other())
    }

    /// How many files a station was given.
    fn files_of(&self, party: Party) -> usize {
        let given = self.given.get(&party).into_iter().flatten();
        given.map(|(_, contents)| contents.len()).sum()
    }

    /// The word for a file of a station that has come to its end.
    fn end_of(&self, party: Party) -> RowState {
        if self.rejecting == Some(party.other()) {
            RowState::Rejected
        } else {
            RowState::Acknowledged
        }
    }

    /// How many transfers of a station have come to their end.
    fn done(&self, party: Party) -> usize {
        let rows = self.rows(party);
        let done = rows.iter().filter(|row| match row.state {
            RowState::Delivered | RowState::Refused => row.receipt == RowReceipt::Given,
            state => state == self.end_of(party),
        });
        done.count()
    }

    /// The rows of `pointsman transfers list --json`.
    pub(super) fn rows(&self, party: Party) -> Vec<TransferRow> {
        let listed = Command::new(&self.program)
            .args(["transfers", "list", "--json", "-n", "1000000", "-c"])
            .arg(self.folder(party).join("pointsman.yaml"))
            .output();
        let Ok(listed) = listed else {
            return Vec::new();
        };
        let rows: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        rows.iter().filter_map(TransferRow::read).collect()
    }

    /// Compares what was given with what is there, by file names and octets and not by the program's own books; then
    /// its books by theirs.
    pub fn audit(&mut self, eager: Option<Party>) -> Result<Tally, String> {
        if let Some(party) = eager {
            self.eat(party)?;
        }
        let mut found = Tally::default();
        for party in PARTIES {
            let log = self.root.join(format!("{}.log", party.name()));
            let log = fs::read_to_string(log).unwrap_or_default();
            found.given_up += log.matches(PARKED).count() as u64;
            let arrived = self.arrived(party.other())?;
            let rows = self.rows(party);
            for (name, contents) in self.given.get(&party).into_iter().flatten() {
                found.transfers += contents.len() as u64;
                let places = arrived.get(name).map_or(&[] as &[PathBuf], Vec::as_slice);
                if self.rejecting == Some(party.other()) {
                    found.doubled += places.len() as u64;
                } else {
                    found.compare(contents, places)?;
                }
                let answered = rows.iter().filter(|row| {
                    row.dataset == *name
                        && row.state == self.end_of(party)
                        && row.receipt == RowReceipt::Received
                });
                found.receipts_lost += contents.len().saturating_sub(answered.count()) as u64;
            }
        }
        Ok(found)
    }

    /// Where files of each name arrived at a station, in its inbox or taken out of it.
    fn arrived(&self, party: Party) -> Result<BTreeMap<String, Vec<PathBuf>>, String> {
        let mut arrived: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let inbox = self.folder(party).join("inbox").join(party.other().name());
        let plate = self.folder(party).join("eaten");
        for (folder, before) in [(inbox, 0), (plate, 1)] {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                // A second file of a name is `NAME-1` in the inbox.
                if let Some(dataset) = name.split(['.', '-']).nth(before) {
                    arrived
                        .entry(dataset.to_owned())
                        .or_default()
                        .push(entry.path());
                }
            }
        }
        Ok(arrived)
    }

    /// What the program's own auditor says of both stores, which must be nothing.
    pub fn verify(&self) -> Result<(), String> {
        for party in PARTIES {
            let verified = Command::new(&self.program)
                .args(["verify-store", "-c"])
                .arg(self.folder(party).join("pointsman.yaml"))
                .output()
                .map_err(|error| format!("verify-store: {error}"))?;
            if !verified.status.success() {
                return Err(format!(
                    "verify-store of {}: {}{}",
                    party.name(),
                    String::from_utf8_lossy(&verified.stdout),
                    String::from_utf8_lossy(&verified.stderr)
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::PARKED;
    use std::fs;
    use std::path::Path;

    /// With other words the campaigns would be blind to parked files.
    #[test]
    fn the_program_says_in_these_words_that_a_file_is_parked() {
        let says = "../host/src/session/user_monitor/speaker/outcome.rs";
        let says = Path::new(env!("CARGO_MANIFEST_DIR")).join(says);
        let says = fs::read_to_string(says).expect("the file is there");
        assert!(
            says.contains(PARKED),
            "nothing is said in the words {PARKED:?}"
        );
    }
}
