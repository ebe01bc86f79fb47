//! I/O errors: a call by which a station uses its storage fails, once or from then on; every call, every error.
//!
//! After an error that came once, everything must come to its end without a restart, unless the station ended itself;
//! after one that stays, with the next start. And the log must name what failed, but for what `tolerated` in `io/table.rs` lists.

mod calls;
mod point;
mod storage;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use self::calls::{CALLS, Fault};
use self::point::{FaultPoint, PointResult};
use self::storage::VictimStorage;
use self::table::FaultTable;
use super::dice::{Dice, octets};
use super::gate::{self, Reaction};
use super::orders::Orders;
use super::pair::Pair;
use super::party::{PARTIES, Party};

/// Whose storage fails. It is called, it calls, it sends and receives.
const VICTIM: Party = Party::Nordwerk;
/// Small windows: a file takes several.
const SESSION: &str = "{credit: 2, buffer_size: 1024}";
/// Sizes of the files that Mueller and Nordwerk send.
const FILES: [&[u64]; 2] = [&[20_000, 10, 0], &[9000, 100]];
/// Points at a time: they mostly wait.
const WORKERS: usize = 6;
/// How long a station continues with an error that stays; and how long where its log does not name it.
const STICKY: [Duration; 2] = [Duration::from_millis(1500), Duration::from_secs(6)];
/// How long a pair may take to come to its end; a delivery that failed is tried again after 15 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(program: &Path, orders: &Orders) -> Result<(), String> {
    let mut dice = Dice::new(orders.seed);
    let mut counts = survey(program, orders.seed)?;
    if let Some(only) = &orders.only {
        let numbers = CALLS.iter().filter(|verb| verb.name == only);
        let numbers: Vec<i64> = numbers.map(|verb| verb.number).collect();
        counts.retain(|number, _| numbers.contains(number));
    }
    let points = choose(&counts, &mut dice, orders.count);
    println!("{} points", points.len());
    let table = play(program, orders.seed, points);
    println!("{table}");
    match (table.wrong.len(), table.unnamed.values().sum::<u64>()) {
        (0, 0) => Ok(()),
        (wrong, unnamed) => Err(format!(
            "{wrong} points went wrong, {unnamed} are not in the log"
        )),
    }
}

/// How often each call comes in a run without faults.
fn survey(program: &Path, seed: u64) -> Result<BTreeMap<i64, u64>, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let mut pair = prepare(folder.path(), program, seed)?;
    let numbers: Vec<i64> = CALLS.iter().map(|verb| verb.number).collect();
    let counts: Arc<Mutex<BTreeMap<i64, u64>>> = Arc::default();
    let (storage, counting) = (VictimStorage::of(&pair, VICTIM), Arc::clone(&counts));
    pair.launch(VICTIM, |command| {
        gate::spawn(command, &numbers, move |call| {
            if storage.file(call).is_some() {
                let mut counts = counting.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry(call.number).or_default() += 1;
            }
            Reaction::Go
        })
    })
    .map_err(|error| format!("this campaign needs seccomp's user notification: {error}"))?;
    pair.start(VICTIM.other(), &[])?;
    if !settle(&mut pair, || false) {
        return Err("without a fault it does not come to its end".to_owned());
    }
    drop(pair);
    let counts = counts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    for verb in CALLS {
        if let Some(count) = counts.get(&verb.number) {
            println!("{count:>5} {}", verb.name);
        }
    }
    Ok(counts)
}

/// All points, or as many as are asked for, mixed.
fn choose(counts: &BTreeMap<i64, u64>, dice: &mut Dice, most: u64) -> Vec<FaultPoint> {
    let mut points = Vec::new();
    for verb in CALLS {
        for nth in 1..=counts.get(&verb.number).copied().unwrap_or(0) {
            for error in verb.errors {
                points.extend([false, true].map(|sticky| FaultPoint {
                    verb,
                    error: *error,
                    nth,
                    sticky,
                }));
            }
        }
    }
    for left in (1..points.len()).rev() {
        points.swap(left, dice.below(left as u64 + 1) as usize);
    }
    points.truncate(most as usize);
    points
}

/// Plays the points, some at a time.
fn play(program: &Path, seed: u64, points: Vec<FaultPoint>) -> FaultTable {
    let (left, table) = (Mutex::new(points), Mutex::new(FaultTable::default()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some(point) = next else { return };
                    let outcome = at(program, seed, point).unwrap_or_else(|error| PointResult {
                        wrong: Some(error),
                        ..PointResult::default()
                    });
                    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                    table.add(point, outcome, began);
                }
            });
        }
    });
    table.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Two stations that have files for each other, and do not run yet.
fn prepare(folder: &Path, program: &Path, seed: u64) -> Result<Pair, String> {
    let mut dice = Dice::new(seed);
    let mut pair = Pair::new(folder, program, SESSION)?;
    for (party, sizes) in PARTIES.into_iter().zip(FILES) {
        for size in sizes {
            pair.give(party, octets(&mut dice, *size))?;
        }
    }
    Ok(pair)
}

/// Plays one point, and looks at what is there afterwards.
fn at(program: &Path, seed: u64, point: FaultPoint) -> Result<PointResult, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let mut pair = prepare(folder.path(), program, seed)?;
    let hit = fault(&mut pair, point)?;
    pair.start(VICTIM.other(), &[])?;
    let since = Mutex::new(None::<Instant>);
    let log = pair.log(VICTIM);
    let enough = || point.sticky && has_lasted(point, &hit, &since, &log);
    let mut settled = settle(&mut pair, enough);
    let ended_itself = pair.is_gone(VICTIM);
    if point.sticky || ended_itself {
        pair.kill(VICTIM);
        pair.start(VICTIM, &[])?;
        settled = settle(&mut pair, || false);
    }
    let found = pair.audit(None)?;
    let verified = pair.verify();
    let named = is_named(&pair.log(VICTIM), point.error);
    drop(pair);
    let hit = hit.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let clean = settled && found.is_clean() && verified.is_ok();
    let wrong = (!clean).then(|| {
        let what = if settled {
            ""
        } else {
            "; it did not come to its end"
        };
        let file = hit.first().map(|file| file.display().to_string());
        let (file, verified) = (file.unwrap_or_default(), verified.err().unwrap_or_default());
        format!(
            "{point} ({file}): {found}{what}; {verified}; the folder is {}",
            folder.keep().display()
        )
    });
    Ok(PointResult {
        hit,
        named,
        ended_itself,
        found,
        wrong,
    })
}

/// Whether an error that stays has come, and the station has had the time for it.
fn has_lasted(
    point: FaultPoint,
    hit: &Mutex<Vec<PathBuf>>,
    since: &Mutex<Option<Instant>>,
    log: &Path,
) -> bool {
    let hit = hit.lock().unwrap_or_else(PoisonError::into_inner);
    if hit.is_empty() {
        return false;
    }
    drop(hit);
    let mut since = since.lock().unwrap_or_else(PoisonError::into_inner);
    let lasts = since.get_or_insert_with(Instant::now).elapsed();
    let [usual, most] = STICKY;
    let most = match point.error {
        Fault::ShortWrite => usual,
        _ => most,
    };
    lasts > most || (lasts > usual && is_named(log, point.error))
}

/// Starts the victim with the fault; gives the files whose calls have failed, by and by.
fn fault(pair: &mut Pair, point: FaultPoint) -> Result<Arc<Mutex<Vec<PathBuf>>>, String> {
    let hit: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let (storage, hits) = (VictimStorage::of(pair, VICTIM), Arc::clone(&hit));
    let passed = AtomicU64::new(0);
    pair.launch(VICTIM, |command| {
        gate::spawn(command, &[point.verb.number], move |call| {
            let Some(file) = storage.file(call) else {
                return Reaction::Go;
            };
            let nth = passed.fetch_add(1, Ordering::Relaxed) + 1;
            if nth < point.nth || (nth > point.nth && !point.sticky) {
                return Reaction::Go;
            }
            let answer = match point.error.number() {
                Some(error) => Reaction::Error(error),
                None => call.write_half().map_or(Reaction::Go, Reaction::Gives),
            };
            if answer != Reaction::Go {
                hits.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(file);
            }
            answer
        })
    })?;
    Ok(hit)
}

/// Waits until everything has come to its end, or the victim has, or it is enough. Whether everything has.
fn settle(pair: &mut Pair, enough: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if enough() || pair.is_gone(VICTIM) {
            return pair.is_settled();
        }
        if pair.has_arrived() && pair.is_settled() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

/// Whether the victim's log has the error, in the words of the operating system or of SQLite.
fn is_named(log: &Path, error: Fault) -> bool {
    let log = fs::read_to_string(log).unwrap_or_default();
    let number = error.number().map(|number| format!("os error {number})"));
    let words = [
        "disk I/O error",
        "database or disk is full",
        "unable to open database file",
        // What SQLite tolerates by itself, logged by the store.
        "ledger-trouble",
        "ledger-checkpoint-failed",
        "ledger-locked",
        // ENOSPC of inotify, in the words of the `notify` crate.
        "OS file watch limit reached",
    ];
    log.contains(&number.unwrap_or_else(|| "os error".to_owned()))
        || words.iter().any(|words| log.contains(words))
}
