//! What came of all faults, by call and error.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Instant;

use super::calls::Fault;
use super::point::{FaultPoint, PointResult};
use crate::campaign::tally::Tally;

/// Why nobody can name a fault: whoever made the call does it again, has lost nothing, and tells nothing.
fn tolerated(point: FaultPoint, file: &Path) -> Option<&'static str> {
    let name = file.file_name()?.to_string_lossy();
    let once = !point.sticky;
    match point.verb.name {
        _ if point.error == Fault::ShortWrite => {
            Some("what is left of a short write is written next")
        }
        "fcntl" if name.starts_with("ledger.db") => {
            Some("SQLite takes a lock that fails for somebody else's, and asks again")
        }
        "fsync" if once && name == "state" => Some(
            "SQLite syncs the ledger's folder and does not look at the answer; the store does it again",
        ),
        "fchown" if name.starts_with("ledger.db") => {
            Some("SQLite gives its files the ledger's owner, where it may")
        }
        "openat" | "newfstatat" if once && name.starts_with("ledger.db") => {
            Some("SQLite looks for a log that need not be there")
        }
        _ => None,
    }
}

/// What came of all points, by call and error.
#[derive(Default)]
pub(super) struct FaultTable {
    rows: BTreeMap<(&'static str, Fault, bool), FaultLine>,
    all: Tally,
    pub(super) unnamed: BTreeMap<String, u64>,
    tolerated: BTreeMap<&'static str, u64>,
    pub(super) wrong: Vec<String>,
    done: u64,
}

/// Points of one call and error.
#[derive(Default)]
struct FaultLine {
    points: u64,
    /// Calls that failed.
    hits: u64,
    named: u64,
    ended_itself: u64,
    wrong: u64,
}

impl FaultTable {
    pub(super) fn add(&mut self, point: FaultPoint, outcome: PointResult, began: Instant) {
        let line = self
            .rows
            .entry((point.verb.name, point.error, point.sticky))
            .or_default();
        if !outcome.hit.is_empty() {
            line.points += 1;
            line.hits += outcome.hit.len() as u64;
            line.named += u64::from(outcome.named);
            line.ended_itself += u64::from(outcome.ended_itself);
            line.wrong += u64::from(outcome.wrong.is_some());
            self.all.add(outcome.found);
        }
        if let Some(file) = outcome.hit.first().filter(|_| !outcome.named) {
            match tolerated(point, file) {
                Some(why) => *self.tolerated.entry(why).or_default() += 1,
                None => {
                    let what = format!("{point}: {}", kind(file));
                    println!("not in the log: {what}");
                    *self.unnamed.entry(what).or_default() += 1;
                }
            }
        }
        if let Some(wrong) = outcome.wrong {
            println!("{wrong}");
            self.wrong.push(wrong);
        }
        self.done += 1;
        if self.done.is_multiple_of(50) {
            println!(
                "{} points, {}, {} s",
                self.done,
                self.all,
                began.elapsed().as_secs()
            );
        }
    }
}

impl fmt::Display for FaultTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = [
            "call",
            "error",
            "how often",
            "points",
            "failed",
            "named",
            "ended",
            "wrong",
        ];
        let [call, error, often, points, failed, named, ended, wrong] = head;
        writeln!(
            f,
            "{call:18}{error:12}{often:14}{points:>7}{failed:>8}{named:>7}{ended:>7}{wrong:>7}"
        )?;
        let mut sum = FaultLine::default();
        for ((call, error, sticky), line) in &self.rows {
            let often = if *sticky { "from then on" } else { "once" };
            writeln!(f, "{call:18}{:12}{often:14}{line}", error.name())?;
            sum.points += line.points;
            sum.hits += line.hits;
            sum.named += line.named;
            sum.ended_itself += line.ended_itself;
            sum.wrong += line.wrong;
        }
        writeln!(f, "{:44}{sum}", "all")?;
        for (why, count) in &self.tolerated {
            writeln!(f, "tolerated {count} times: {why}")?;
        }
        for (what, count) in &self.unnamed {
            writeln!(f, "not in the log {count} times: {what}")?;
        }
        write!(f, "{}", self.all)
    }
}

impl fmt::Display for FaultLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            points,
            hits,
            named,
            ended_itself,
            wrong,
        } = self;
        write!(
            f,
            "{points:>7}{hits:>8}{named:>7}{ended_itself:>7}{wrong:>7}"
        )
    }
}

/// A file without what is different in each run.
fn kind(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let folder = file
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    match folder.as_ref() {
        "incoming" | "sealed" | "outgoing" | ".taken" => {
            match ending.filter(|_| folder != ".taken") {
                Some(ending) => format!("{folder}/ID.{ending}"),
                None => format!("{folder}/ID"),
            }
        }
        _ => format!("{folder}/{name}"),
    }
}
