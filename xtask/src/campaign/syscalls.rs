//! SIGKILL at every call by which a station changes something, and at every named transition, in small scenarios: at
//! the first, the second, the third … until a run comes to its end without.
//!
//! Calls are counted by a library that is preloaded (`killer.c`): it counts those of all threads together.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::dice::{Dice, octets};
use super::files::at;
use super::names;
use super::orders::Orders;
use super::pair::Pair;
use super::party::{PARTIES, Party};
use super::tally::Tally;

/// A pair that is not at its end by then does not come to it.
const PATIENCE: Duration = Duration::from_secs(45);

/// A scenario: who is killed, what files there are, and how sessions are.
struct Scenario {
    name: &'static str,
    victim: Party,
    /// Sizes of the files that Mueller and Nordwerk send.
    files: [&'static [u64]; 2],
    session: &'static str,
    /// The files are signed, compressed and encrypted, with a signed receipt; else every second one is.
    secured: bool,
    /// The victim's files are taken out of its inbox at once.
    eager: bool,
    before: Prepared,
    /// What Nordwerk says of the ends of files, if anything.
    ends: Option<&'static str>,
}

/// What happened before the victim is started to be killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prepared {
    Nothing,
    /// Both stations were killed in the middle of a file.
    BrokenOff,
    /// That station has died there.
    Died(Party, &'static str),
}

const SMALL: &str = "{credit: 2, buffer_size: 1024}";
const OLD: &str = "{version: '1.3', credit: 2, buffer_size: 1024}";
const NO_RESTART: &str = "{restart: false, credit: 2, buffer_size: 1024}";
const SLOW: &str = "{credit: 1, buffer_size: 128}";
/// The usual session, and what a partner's profile says beside it.
const COMPARE: &str = "{}\n    received_again: compare";
const OPENED_FIRST: &str = "{}\n    file_security: {open: before-acknowledgement}";

use Party::{Mueller, Nordwerk};

const PLAIN: Scenario = Scenario {
    name: "one file in",
    victim: Nordwerk,
    files: [&[3000], &[]],
    session: "{}",
    secured: false,
    eager: false,
    before: Prepared::Nothing,
    ends: None,
};

/// The sender has heard EFPA and not written it down: it offers the file again.
const FORGOTTEN_EFPA: Prepared = Prepared::Died(Mueller, "ledger.sent.before");

const SCENARIOS: [Scenario; 23] = [
    PLAIN,
    Scenario {
        name: "a secured file in",
        secured: true,
        ..PLAIN
    },
    Scenario {
        name: "a secured file in, opened before its acknowledgement",
        session: OPENED_FIRST,
        secured: true,
        ..PLAIN
    },
    Scenario {
        name: "a secured file out",
        victim: Mueller,
        secured: true,
        ..PLAIN
    },
    Scenario {
        name: "a secured file that is answered with a NERP",
        secured: true,
        ends: Some("negative"),
        ..PLAIN
    },
    Scenario {
        name: "one file out",
        victim: Mueller,
        ..PLAIN
    },
    Scenario {
        name: "an empty file in, taken at once",
        files: [&[0], &[]],
        eager: true,
        ..PLAIN
    },
    Scenario {
        name: "many windows in, without restart",
        files: [&[20_000], &[]],
        session: NO_RESTART,
        ..PLAIN
    },
    Scenario {
        name: "many windows out",
        victim: Mueller,
        files: [&[20_000], &[]],
        session: SMALL,
        ..PLAIN
    },
    Scenario {
        name: "three files in, taken at once",
        files: [&[10, 5000, 20], &[]],
        eager: true,
        ..PLAIN
    },
    Scenario {
        name: "both ways, the called one",
        files: [&[2000], &[2000]],
        ..PLAIN
    },
    Scenario {
        name: "both ways at an older level, the caller",
        victim: Mueller,
        files: [&[9000], &[100]],
        session: OLD,
        ..PLAIN
    },
    Scenario {
        name: "a file that resumes in the middle, in",
        files: [&[150_000], &[]],
        session: SLOW,
        before: Prepared::BrokenOff,
        ..PLAIN
    },
    Scenario {
        name: "a file that resumes in the middle, out",
        victim: Mueller,
        files: [&[150_000], &[]],
        session: SLOW,
        before: Prepared::BrokenOff,
        ..PLAIN
    },
    Scenario {
        name: "a file that is offered again, in",
        before: FORGOTTEN_EFPA,
        ..PLAIN
    },
    Scenario {
        name: "a file that is offered again, out",
        victim: Mueller,
        before: FORGOTTEN_EFPA,
        ..PLAIN
    },
    Scenario {
        name: "a file that comes again and is compared, in",
        session: COMPARE,
        before: FORGOTTEN_EFPA,
        ends: Some("later"),
        ..PLAIN
    },
    Scenario {
        name: "a file that comes again and is compared, out",
        victim: Mueller,
        session: COMPARE,
        before: FORGOTTEN_EFPA,
        ends: Some("later"),
        ..PLAIN
    },
    Scenario {
        name: "a file that was sealed and not said, in",
        before: Prepared::Died(Nordwerk, "ledger.received.before"),
        ..PLAIN
    },
    Scenario {
        name: "a delivery that was cut off, in",
        before: Prepared::Died(Nordwerk, "inbox.file.placed"),
        ..PLAIN
    },
    Scenario {
        name: "a watched file that was queued and not put away, out",
        victim: Mueller,
        before: Prepared::Died(Mueller, "ledger.enqueue.committed"),
        ..PLAIN
    },
    Scenario {
        name: "a receipt that waits for an operator",
        ends: Some("later"),
        ..PLAIN
    },
    Scenario {
        name: "a file that is answered with a NERP",
        ends: Some("negative"),
        ..PLAIN
    },
];

/// Where the victim is killed.
#[derive(Clone, Debug)]
enum DeathPoint {
    /// At that call.
    Call(u64),
    /// When it comes to that transition for that time.
    Transition(String, u64),
    /// Nowhere: it tells of its transitions.
    Nowhere,
}

/// What is needed to play: the program, and what is preloaded into it.
struct Theatre<'a> {
    program: &'a Path,
    killer: PathBuf,
    policy: PathBuf,
    seed: u64,
}

/// What was done in a scenario.
#[derive(Default)]
struct Played {
    calls: u64,
    transitions: u64,
    reached: BTreeSet<String>,
    found: Tally,
}

/// Plays every scenario, several at once.
///
/// # Errors
/// The first point after which something is lost, doubled, changed, or does not come to its end.
pub fn run(root: &Path, program: &Path, orders: &Orders) -> Result<(), String> {
    let stage = Theatre {
        program,
        killer: build_killer(root)?,
        policy: root.join("target/guests/misbehave.wasm"),
        seed: orders.seed,
    };
    let began = Instant::now();
    let wanted = |scenario: &&Scenario| {
        orders
            .only
            .as_deref()
            .is_none_or(|only| only == scenario.name)
    };
    let waiting = Mutex::new(SCENARIOS.iter().filter(wanted));
    let all = Mutex::new(Played::default());
    let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
    let work = || -> Result<(), String> {
        while let Some(scenario) = next() {
            let done = play(&stage, scenario, orders.count)?;
            println!(
                "{:5} calls, {:4} transitions ({} names), {} s: {}",
                done.calls,
                done.transitions,
                done.reached.len(),
                began.elapsed().as_secs(),
                scenario.name
            );
            if let Ok(mut all) = all.lock() {
                all.calls += done.calls;
                all.transitions += done.transitions;
                all.reached.extend(done.reached);
                all.found.add(done.found);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..orders.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| {
            let lost = |_| Err("a worker was lost".to_owned());
            worker.join().unwrap_or_else(lost)
        });
        ended.collect::<Result<Vec<()>, String>>()
    })?;
    let all = all.into_inner().map_err(|error| error.to_string())?;
    let names = names::all();
    println!(
        "killed at {} calls and {} times at {} of {} named transitions, {}",
        all.calls,
        all.transitions,
        all.reached.len(),
        names.len(),
        all.found
    );
    let rest: Vec<&String> = names
        .iter()
        .filter(|name| !all.reached.contains(*name))
        .collect();
    println!("no scenario comes to: {rest:?}");
    Ok(())
}

fn build_killer(root: &Path) -> Result<PathBuf, String> {
    let folder = root.join("target/campaign");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let library = folder.join("killer.so");
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(root.join("xtask/src/campaign/killer.c"))
        .arg("-ldl")
        .status();
    match built {
        Ok(status) if status.success() => Ok(library),
        Ok(status) => Err(format!("killer.c does not build: {status}")),
        Err(error) => Err(format!("this campaign needs a C compiler: {error}")),
    }
}

/// Every point of a scenario, `most` of each kind at most.
fn play(stage: &Theatre<'_>, scenario: &Scenario, most: u64) -> Result<Played, String> {
    let mut done = Played::default();
    let (_, told) = point(stage, scenario, &DeathPoint::Nowhere, &mut done.found)?;
    while done.calls < most {
        let call = DeathPoint::Call(done.calls + 1);
        if !point(stage, scenario, &call, &mut done.found)?.0 {
            break;
        }
        done.calls += 1;
    }
    for name in told {
        let mut hits = 0;
        while done.transitions < most {
            let hit = DeathPoint::Transition(name.clone(), hits + 1);
            if !point(stage, scenario, &hit, &mut done.found)?.0 {
                break;
            }
            (hits, done.transitions) = (hits + 1, done.transitions + 1);
        }
        if hits > 0 {
            done.reached.insert(name);
        }
    }
    if done.transitions == 0 && most > 0 {
        return Err("the program was built without `--features failpoints`".to_owned());
    }
    Ok(done)
}

/// Plays the scenario with the victim killed there; then starts it again. Whether it was killed, and the transitions
/// that it told of.
fn point(
    stage: &Theatre<'_>,
    scenario: &Scenario,
    point: &DeathPoint,
    all: &mut Tally,
) -> Result<(bool, BTreeSet<String>), String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let mut pair = Pair::new(folder.path(), stage.program, scenario.session)?;
    pair.be_patient_for(PATIENCE);
    if scenario.secured {
        pair.secure_all();
    }
    let outcome = play_once(stage, scenario, point, &mut pair, folder.path());
    let failed = match outcome {
        Ok((true, found, killed)) if found.is_clean() => match pair.verify() {
            Ok(()) => {
                all.add(found);
                return Ok((killed, told(folder.path(), scenario.victim)));
            }
            Err(error) => error,
        },
        Ok((true, found, _)) => found.to_string(),
        Ok((false, found, _)) => format!(
            "{found}; it did not come to its end; ended by themselves: {:?}",
            pair.gone()
        ),
        Err(error) => error,
    };
    drop(pair);
    Err(format!(
        "{}, killed at {point:?}: {failed}; the folder is {}",
        scenario.name,
        folder.keep().display()
    ))
}

/// Whether everything came to its end, what an outsider found, and whether the victim was killed.
fn play_once(
    stage: &Theatre<'_>,
    scenario: &Scenario,
    point: &DeathPoint,
    pair: &mut Pair,
    folder: &Path,
) -> Result<(bool, Tally, bool), String> {
    let mut dice = Dice::new(stage.seed);
    let eager = scenario.eager.then_some(scenario.victim);
    if let Some(how) = scenario.ends {
        pair.decide(Nordwerk, &stage.policy, how)?;
    }
    for (party, sizes) in PARTIES.into_iter().zip(scenario.files) {
        for size in sizes {
            pair.give(party, octets(&mut dice, *size))?;
        }
    }
    prepare(scenario.before, pair, folder)?;
    pair.start(scenario.victim, &at_point(stage, scenario, point))?;
    pair.start(scenario.victim.other(), &[])?;
    // Until it is killed, or everything has come to its end without.
    let mut settled = false;
    let mut patience = Instant::now() + PATIENCE;
    let mut killed = false;
    while !settled && Instant::now() < patience {
        if !killed && pair.is_gone(scenario.victim) {
            killed = true;
            patience = Instant::now() + PATIENCE;
            pair.kill(scenario.victim);
            pair.start(scenario.victim, &[])?;
        }
        if let Some(party) = eager {
            pair.eat(party)?;
        }
        if scenario.ends == Some("later") {
            pair.answer(Nordwerk)?;
        }
        settled = pair.is_settled();
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((settled, pair.audit(eager)?, killed))
}

/// How the victim is started.
fn at_point(stage: &Theatre<'_>, scenario: &Scenario, point: &DeathPoint) -> Vec<String> {
    let told = match point {
        DeathPoint::Nowhere => vec!["FAILPOINTS_TOLD=yes".to_owned()],
        DeathPoint::Transition(name, nth) => vec![names::kill_at(name, *nth)],
        DeathPoint::Call(nth) => {
            let mut words = vec![
                format!("LD_PRELOAD={}", stage.killer.display()),
                format!("KILLER_AT={nth}"),
            ];
            // How a storage comes about is the same in every scenario: it is killed in the first two.
            let known = ["one file in", "one file out"].contains(&scenario.name);
            if scenario.before == Prepared::Nothing && !known {
                words.push("KILLER_FROM=listen".to_owned());
            }
            words
        }
    };
    std::iter::once("env".to_owned()).chain(told).collect()
}

/// Brings a pair to where the scenario begins; both stations are gone then.
fn prepare(before: Prepared, pair: &mut Pair, folder: &Path) -> Result<(), String> {
    match before {
        Prepared::Nothing => return Ok(()),
        Prepared::BrokenOff => {
            die_at(pair, Mueller, &names::kill_at("wire.octets.written", 200))?;
            // The one that is left writes down what it has: from there it continues.
            wait(|| log(folder, Nordwerk).contains("session-ended"))?;
        }
        Prepared::Died(party, transition) => {
            die_at(pair, party, &names::kill_at(transition, 1))?;
        }
    }
    pair.kill(Mueller);
    pair.kill(Nordwerk);
    // What is left goes faster: it needs no more points than other files.
    if before == Prepared::BrokenOff {
        pair.change_session(SLOW, SMALL)?;
    }
    Ok(())
}

/// Starts both, and waits for one of them to die.
fn die_at(pair: &mut Pair, party: Party, there: &str) -> Result<(), String> {
    pair.start(party.other(), &[])?;
    pair.start(party, &["env".to_owned(), there.to_owned()])?;
    wait(|| pair.is_gone(party))
}

fn wait(mut until: impl FnMut() -> bool) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    while !until() {
        if Instant::now() > end {
            return Err("the scenario does not come to its beginning".to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn log(folder: &Path, party: Party) -> String {
    fs::read_to_string(folder.join(format!("{}.log", party.name()))).unwrap_or_default()
}

/// The transitions a station told of.
fn told(folder: &Path, party: Party) -> BTreeSet<String> {
    let log = log(folder, party);
    let lines = log
        .lines()
        .filter_map(|line| line.strip_prefix("transition "));
    lines.map(str::to_owned).collect()
}
