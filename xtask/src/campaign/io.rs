//! I/O errors: a call by which a station uses its storage fails, once or from then on; every call, every error.
//!
//! After an error that came once, everything must come to its end without a restart, unless the station ended itself;
//! after one that stays, with the next start. And the log must name what failed, but for [`borne`].

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::gate::{self, Answer, Call};
use super::pair::{Found, Pair, SIDES, Side, octets};
use super::{Dice, Orders};

/// Whose storage fails. It is called, it calls, it sends and receives.
const VICTIM: Side = Side::Nordwerk;
/// Small windows: a file takes several.
const SESSION: &str = "{credit: 2, buffer_size: 1024}";
/// Sizes of the files that Mueller and Nordwerk send.
const FILES: [&[u64]; 2] = [&[20_000, 10, 0], &[9000, 100]];
/// Points at a time: they mostly wait.
const WORKERS: usize = 6;
/// How long a station goes on with an error that stays.
const STICKY: Duration = Duration::from_millis(1500);
/// How long a pair may take to come to its end; a delivery that failed is tried again after 15 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A system call, and how to see which file it is about.
struct Verb {
    name: &'static str,
    number: i64,
    about: About,
    errors: &'static [Error],
}

/// Where a call says which file it is about.
#[derive(Clone, Copy)]
enum About {
    /// A descriptor, the first argument.
    Open,
    /// The same, for a command that takes a lock or another descriptor.
    Command,
    /// A path, the first argument.
    Path,
    /// A folder, the first argument, and a path in it.
    Within,
    /// A path, the second argument; the first is of no matter.
    Second,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Error {
    Io,
    NoSpace,
    Quota,
    TooManyFiles,
    /// Half is written, which is said.
    ShortWrite,
}

const READING: &[Error] = &[Error::Io];
const OPENING: &[Error] = &[Error::Io, Error::NoSpace, Error::Quota, Error::TooManyFiles];
const CHANGING: &[Error] = &[Error::Io, Error::NoSpace, Error::Quota];
const WRITING: &[Error] = &[Error::Io, Error::NoSpace, Error::Quota, Error::ShortWrite];

const fn verb(name: &'static str, number: i64, about: About, errors: &'static [Error]) -> Verb {
    Verb {
        name,
        number,
        about,
        errors,
    }
}

/// The calls by which a program uses its storage.
const VERBS: &[Verb] = &[
    verb("openat", libc::SYS_openat, About::Within, OPENING),
    verb("write", libc::SYS_write, About::Open, WRITING),
    verb("pwrite64", libc::SYS_pwrite64, About::Open, WRITING),
    verb("fsync", libc::SYS_fsync, About::Open, CHANGING),
    verb("fdatasync", libc::SYS_fdatasync, About::Open, CHANGING),
    verb("ftruncate", libc::SYS_ftruncate, About::Open, CHANGING),
    verb("fallocate", libc::SYS_fallocate, About::Open, CHANGING),
    verb("fchmod", libc::SYS_fchmod, About::Open, READING),
    verb("fchown", libc::SYS_fchown, About::Open, READING),
    verb("renameat", libc::SYS_renameat, About::Within, CHANGING),
    verb("renameat2", libc::SYS_renameat2, About::Within, CHANGING),
    verb("unlinkat", libc::SYS_unlinkat, About::Within, CHANGING),
    verb("mkdirat", libc::SYS_mkdirat, About::Within, CHANGING),
    verb("linkat", libc::SYS_linkat, About::Within, CHANGING),
    verb(
        "inotify_add_watch",
        libc::SYS_inotify_add_watch,
        About::Second,
        CHANGING,
    ),
    verb("read", libc::SYS_read, About::Open, READING),
    verb("pread64", libc::SYS_pread64, About::Open, READING),
    verb(
        "copy_file_range",
        libc::SYS_copy_file_range,
        About::Open,
        READING,
    ),
    verb("sendfile", libc::SYS_sendfile, About::Open, READING),
    verb("getdents64", libc::SYS_getdents64, About::Open, READING),
    verb("lseek", libc::SYS_lseek, About::Open, READING),
    verb("statx", libc::SYS_statx, About::Within, READING),
    verb("newfstatat", libc::SYS_newfstatat, About::Within, READING),
    verb("fstat", libc::SYS_fstat, About::Open, READING),
    verb("fstatfs", libc::SYS_fstatfs, About::Open, READING),
    verb("statfs", libc::SYS_statfs, About::Path, READING),
    verb("faccessat", libc::SYS_faccessat, About::Within, READING),
    verb("readlinkat", libc::SYS_readlinkat, About::Within, READING),
    verb("flock", libc::SYS_flock, About::Command, READING),
    verb("fcntl", libc::SYS_fcntl, About::Command, READING),
    #[cfg(target_arch = "x86_64")]
    verb("open", libc::SYS_open, About::Path, OPENING),
    #[cfg(target_arch = "x86_64")]
    verb("rename", libc::SYS_rename, About::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("unlink", libc::SYS_unlink, About::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("mkdir", libc::SYS_mkdir, About::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("link", libc::SYS_link, About::Path, CHANGING),
    #[cfg(target_arch = "x86_64")]
    verb("stat", libc::SYS_stat, About::Path, READING),
    #[cfg(target_arch = "x86_64")]
    verb("lstat", libc::SYS_lstat, About::Path, READING),
    #[cfg(target_arch = "x86_64")]
    verb("access", libc::SYS_access, About::Path, READING),
    #[cfg(target_arch = "x86_64")]
    verb("readlink", libc::SYS_readlink, About::Path, READING),
];

impl Error {
    fn name(self) -> &'static str {
        match self {
            Self::Io => "EIO",
            Self::NoSpace => "ENOSPC",
            Self::Quota => "EDQUOT",
            Self::TooManyFiles => "EMFILE",
            Self::ShortWrite => "short write",
        }
    }

    fn number(self) -> Option<i32> {
        match self {
            Self::Io => Some(libc::EIO),
            Self::NoSpace => Some(libc::ENOSPC),
            Self::Quota => Some(libc::EDQUOT),
            Self::TooManyFiles => Some(libc::EMFILE),
            Self::ShortWrite => None,
        }
    }
}

/// One fault: the nth of these calls fails, or all from the nth on.
#[derive(Clone, Copy)]
struct Point {
    verb: &'static Verb,
    error: Error,
    nth: u64,
    sticky: bool,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, nth, error) = (self.verb.name, self.nth, self.error.name());
        let how = if self.sticky { "from then on" } else { "once" };
        write!(f, "{verb} number {nth}, {error} {how}")
    }
}

/// What came of a point.
#[derive(Debug, Default)]
struct Outcome {
    /// The files whose calls failed, in that order.
    hit: Vec<PathBuf>,
    named: bool,
    ended_itself: bool,
    found: Found,
    /// What must not be.
    wrong: Option<String>,
}

pub fn run(program: &Path, orders: &Orders) -> Result<(), String> {
    let mut dice = Dice::new(orders.seed);
    let points = choose(&survey(program, orders.seed)?, &mut dice, orders.count);
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
    let numbers: Vec<i64> = VERBS.iter().map(|verb| verb.number).collect();
    let counts: Arc<Mutex<BTreeMap<i64, u64>>> = Arc::default();
    let (storage, counting) = (Storage::of(&pair), Arc::clone(&counts));
    pair.launch(VICTIM, |command| {
        gate::spawn(command, &numbers, move |call| {
            if storage.file(call).is_some() {
                let mut counts = counting.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry(call.number).or_default() += 1;
            }
            Answer::Go
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
    for verb in VERBS {
        if let Some(count) = counts.get(&verb.number) {
            println!("{count:>5} {}", verb.name);
        }
    }
    Ok(counts)
}

/// All points, or as many as are asked for, mixed.
fn choose(counts: &BTreeMap<i64, u64>, dice: &mut Dice, most: u64) -> Vec<Point> {
    let mut points = Vec::new();
    for verb in VERBS {
        for nth in 1..=counts.get(&verb.number).copied().unwrap_or(0) {
            for error in verb.errors {
                points.extend([false, true].map(|sticky| Point {
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
fn play(program: &Path, seed: u64, points: Vec<Point>) -> Table {
    let (left, table) = (Mutex::new(points), Mutex::new(Table::default()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some(point) = next else { return };
                    let outcome = at(program, seed, point).unwrap_or_else(|error| Outcome {
                        wrong: Some(error),
                        ..Outcome::default()
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
    for (side, sizes) in SIDES.into_iter().zip(FILES) {
        for size in sizes {
            pair.give(side, octets(&mut dice, *size))?;
        }
    }
    Ok(pair)
}

/// Plays one point, and looks at what is there afterwards.
fn at(program: &Path, seed: u64, point: Point) -> Result<Outcome, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let mut pair = prepare(folder.path(), program, seed)?;
    let hit = fault(&mut pair, point)?;
    pair.start(VICTIM.other(), &[])?;
    let since = Mutex::new(None::<Instant>);
    let enough = || {
        let is_hit = !hit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty();
        let mut since = since.lock().unwrap_or_else(PoisonError::into_inner);
        point.sticky && is_hit && since.get_or_insert_with(Instant::now).elapsed() > STICKY
    };
    let mut settled = settle(&mut pair, enough);
    let ended_itself = pair.is_gone(VICTIM);
    if point.sticky || ended_itself {
        pair.kill(VICTIM);
        pair.start(VICTIM, &[])?;
        settled = settle(&mut pair, || false);
    }
    let found = pair.audit(None)?;
    let verified = pair.verify();
    let named = is_named(&pair, point.error);
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
    Ok(Outcome {
        hit,
        named,
        ended_itself,
        found,
        wrong,
    })
}

/// Starts the victim with the fault; gives the files whose calls have failed, by and by.
fn fault(pair: &mut Pair, point: Point) -> Result<Arc<Mutex<Vec<PathBuf>>>, String> {
    let hit: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let (storage, hits) = (Storage::of(pair), Arc::clone(&hit));
    let passed = AtomicU64::new(0);
    pair.launch(VICTIM, |command| {
        gate::spawn(command, &[point.verb.number], move |call| {
            let Some(file) = storage.file(call) else {
                return Answer::Go;
            };
            let nth = passed.fetch_add(1, Ordering::Relaxed) + 1;
            if nth < point.nth || (nth > point.nth && !point.sticky) {
                return Answer::Go;
            }
            let answer = match point.error.number() {
                Some(error) => Answer::Error(error),
                None => call.write_half().map_or(Answer::Go, Answer::Gives),
            };
            if answer != Answer::Go {
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

/// The folders that a station's storage is in.
struct Storage(Vec<PathBuf>);

impl Storage {
    fn of(pair: &Pair) -> Self {
        let folder = pair.folder(VICTIM);
        Self(
            ["state", "inbox", "out"]
                .map(|part| folder.join(part))
                .into(),
        )
    }

    /// The file of the storage that a call is about.
    fn file(&self, call: &Call) -> Option<PathBuf> {
        let verb = VERBS.iter().find(|verb| verb.number == call.number)?;
        let file = match verb.about {
            About::Open => call.descriptor(0),
            About::Command => is_wanted(call).then(|| call.descriptor(0)).flatten(),
            About::Path => call.path(None, 0),
            About::Within => call.path(Some(0), 1),
            About::Second => call.path(None, 1),
        }?;
        self.0
            .iter()
            .any(|part| file.starts_with(part))
            .then_some(file)
    }
}

/// Of the commands of `fcntl` and `flock`, those that can fail on a sound system: to give a lock back is not one.
fn is_wanted(call: &Call) -> bool {
    let command = call.number_of(1);
    match call.number {
        libc::SYS_flock => command.is_some_and(|command| command & libc::LOCK_UN == 0),
        _ if command == Some(libc::F_DUPFD_CLOEXEC) => true,
        _ if command == Some(libc::F_SETLK) => call
            .small_number_at(2)
            .is_some_and(|kind| i32::from(kind) != libc::F_UNLCK),
        _ => false,
    }
}

/// Whether the victim's log has the error, in the words of the operating system or of SQLite.
fn is_named(pair: &Pair, error: Error) -> bool {
    let log = fs::read_to_string(pair.log(VICTIM)).unwrap_or_default();
    let number = error.number().map(|number| format!("os error {number})"));
    let words = [
        "disk I/O error",
        "database or disk is full",
        "unable to open database file",
        // What SQLite bears by itself, told by the store.
        "ledger-trouble",
        "ledger-checkpoint-failed",
        "ledger-locked",
        // ENOSPC of inotify, in the words of the `notify` crate.
        "OS file watch limit reached",
    ];
    log.contains(&number.unwrap_or_else(|| "os error".to_owned()))
        || words.iter().any(|words| log.contains(words))
}

/// Why nobody can name a fault: whoever made the call does it again, has lost nothing, and tells nothing.
fn borne(point: Point, file: &Path) -> Option<&'static str> {
    let name = file.file_name()?.to_string_lossy();
    let once = !point.sticky;
    match point.verb.name {
        _ if point.error == Error::ShortWrite => {
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
struct Table {
    rows: BTreeMap<(&'static str, Error, bool), Line>,
    all: Found,
    unnamed: BTreeMap<String, u64>,
    borne: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
    done: u64,
}

/// Points of one call and error.
#[derive(Default)]
struct Line {
    points: u64,
    /// Calls that failed.
    hits: u64,
    named: u64,
    ended_itself: u64,
    wrong: u64,
}

impl Table {
    fn add(&mut self, point: Point, outcome: Outcome, began: Instant) {
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
            match borne(point, file) {
                Some(why) => *self.borne.entry(why).or_default() += 1,
                None => {
                    let what = format!("{point}: {}", kind(file));
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

impl fmt::Display for Table {
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
        let mut sum = Line::default();
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
        for (why, count) in &self.borne {
            writeln!(f, "borne {count} times: {why}")?;
        }
        for (what, count) in &self.unnamed {
            writeln!(f, "not in the log {count} times: {what}")?;
        }
        write!(f, "{}", self.all)
    }
}

impl fmt::Display for Line {
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
