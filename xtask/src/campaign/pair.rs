//! Two stations that send each other files, and the books an outsider keeps of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::Dice;

/// How long two stations may stand still before everything has come to its end, once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(90);

/// Ports are given out in order, from below those that the system gives to callers.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);
const PORTS: u16 = 12_000;

/// Builds the program with features that only campaigns want, beside the program proper; gives its path.
pub fn build_for_campaigns(root: &Path, features: &str, release: bool) -> Result<PathBuf, String> {
    let built = build_with(root, release, &["--features", features])?;
    let folder = root.join("target/campaign");
    let kept = folder.join("pointsman");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    fs::copy(&built, &kept).map_err(at(&kept))?;
    Ok(kept)
}

/// Builds the program; gives its path.
pub fn build(root: &Path, release: bool) -> Result<PathBuf, String> {
    build_with(root, release, &[])
}

fn build_with(root: &Path, release: bool, more: &[&str]) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .current_dir(root)
        .args(["build", "--quiet", "--package", "pointsman"])
        .args(more);
    if release {
        build.arg("--release");
    }
    let status = build
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the program does not build: {status}"));
    }
    let profile = if release { "release" } else { "debug" };
    Ok(root.join("target").join(profile).join("pointsman"))
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The supplier.
    Mueller,
    /// The car maker.
    Nordwerk,
}

pub const SIDES: [Side; 2] = [Side::Mueller, Side::Nordwerk];

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mueller => "mueller",
            Self::Nordwerk => "nordwerk",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Mueller => Self::Nordwerk,
            Self::Nordwerk => Self::Mueller,
        }
    }

    fn ssid(self) -> &'static str {
        match self {
            Self::Mueller => "O0013000007MUELLER",
            Self::Nordwerk => "O0013000001NORDWERK",
        }
    }
}

/// How a station is started.
pub type Wrap<'a> = &'a [String];

/// Two stations in a folder, and what was given them to send.
pub struct Pair {
    root: PathBuf,
    program: PathBuf,
    running: BTreeMap<Side, Child>,
    /// Files given to each, by name.
    given: BTreeMap<Side, BTreeMap<String, Vec<Vec<u8>>>>,
    /// Files a consumer took out of each one's inbox.
    eaten: BTreeMap<Side, Vec<String>>,
    next: u64,
    patience: Duration,
    /// Who answers each file with a NERP.
    rejecting: Option<Side>,
    /// What the stations find in their environment, each `NAME=VALUE`.
    environment: Vec<String>,
    _ports: [Port; 2],
}

/// What a round came to.
pub struct Verdict {
    pub found: Found,
    /// Everything came to its end.
    pub settled: bool,
    /// Stations that do not run any more.
    pub gone: Vec<&'static str>,
    /// What the program's own auditor says.
    pub verified: Result<(), String>,
    folder: TempDir,
}

impl Verdict {
    /// Leaves the pair in peace, and compares.
    pub fn reach(mut pair: Pair, folder: TempDir, eager: Option<Side>) -> Result<Self, String> {
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

/// What an outsider found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub transfers: u64,
    pub lost: u64,
    pub doubled: u64,
    pub corrupted: u64,
    pub receipts_lost: u64,
    /// Files that a station parked: nothing here is refused for good, so no operator should be asked for anything.
    pub given_up: u64,
}

impl Found {
    pub fn is_clean(&self) -> bool {
        let lost = (self.lost, self.receipts_lost, self.given_up);
        (lost, self.doubled, self.corrupted) == ((0, 0, 0), 0, 0)
    }

    /// What was given under a name against what is there under it.
    fn compare(&mut self, given: &[Vec<u8>], places: &[PathBuf]) -> Result<(), String> {
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

impl fmt::Display for Found {
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

impl Pair {
    /// Writes the configurations below `root`, in which each station has a folder that may be a file system of its own.
    pub fn new(root: &Path, program: &Path, session: &str) -> Result<Self, String> {
        let ports = [Port::take()?, Port::take()?];
        for (side, [own, others]) in [
            (Side::Mueller, [ports[0].0, ports[1].0]),
            (Side::Nordwerk, [ports[1].0, ports[0].0]),
        ] {
            let (name, partner) = (side.name(), side.other());
            let wait = "{first: 30ms, most: 200ms}";
            let yaml = format!(
                "version: 1\nstation:\n  ssid: {}\n  password: {name}\nstorage:\n  state: state\n  inbox: inbox\n\
                 listeners:\n  - address: 127.0.0.1:{own}\npartners:\n  {}:\n    ssid: {}\n    password: {}\n    \
                 address: 127.0.0.1:{others}\n    calls: {{delay: 20ms}}\n    retry: {{unreachable: {wait}, session: {wait}, \
                 broken: {wait}, refused: {wait}, offers: 1000}}\n    watch:\n      - folder: out\n        quiet: 200ms\n    \
                 session: {session}\n",
                side.ssid(),
                partner.name(),
                partner.ssid(),
                partner.name()
            );
            let folder = root.join(name);
            for part in ["out", "beside"] {
                fs::create_dir_all(folder.join(part)).map_err(at(&folder))?;
            }
            fs::write(folder.join("pointsman.yaml"), yaml).map_err(at(&folder))?;
        }
        Ok(Self {
            root: root.to_owned(),
            program: program.to_owned(),
            running: BTreeMap::new(),
            given: SIDES.map(|side| (side, BTreeMap::new())).into(),
            eaten: SIDES.map(|side| (side, Vec::new())).into(),
            next: 0,
            patience: PATIENCE,
            rejecting: None,
            environment: Vec::new(),
            _ports: ports,
        })
    }

    /// What the stations find in their environment from the next start on.
    pub fn set_environment(&mut self, environment: Vec<String>) {
        self.environment = environment;
    }

    /// Waits that long for a pair that stands still.
    pub fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Has a station decide about the ends of files by the tests' policy; `later` or `negative`.
    pub fn decide(&mut self, side: Side, component: &Path, how: &str) -> Result<(), String> {
        let path = self.folder(side).join("pointsman.yaml");
        let policies = format!(
            "policies:\n  ends:\n    component: {}\n    hooks: [end-transfer]\n    settings: {{misbehave: {how}, seconds: '0'}}\n",
            component.display()
        );
        let yaml = fs::read_to_string(&path).map_err(at(&path))? + &policies;
        self.rejecting = (how == "negative").then_some(side);
        fs::write(&path, yaml).map_err(at(&path))
    }

    /// Agrees another session from the next start on.
    pub fn change_session(&self, from: &str, to: &str) -> Result<(), String> {
        for side in SIDES {
            let path = self.folder(side).join("pointsman.yaml");
            let yaml = fs::read_to_string(&path).map_err(at(&path))?;
            fs::write(&path, yaml.replace(from, to)).map_err(at(&path))?;
        }
        Ok(())
    }

    /// Answers, as an operator, what a station has not answered and its sender knows to be sent: until then the sender
    /// offers it again.
    pub fn answer(&self, side: Side) -> Result<(), String> {
        let waits = |row: &Row| row.state == "delivered" && row.receipt == "none";
        let waiting: Vec<Row> = self.rows(side).into_iter().filter(waits).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let sent = self.rows(side.other());
        let is_sent = |row: &&Row| {
            let mut sent = sent.iter().filter(|sent| sent.way == "out");
            sent.any(|sent| sent.dataset == row.dataset && sent.state == "sent")
        };
        for row in waiting.iter().filter(is_sent) {
            let answered = Command::new(&self.program)
                .args(["transfers", "answer", &row.id, "-c"])
                .arg(self.folder(side).join("pointsman.yaml"))
                .output();
            // A station that is killed meanwhile is asked again.
            answered.map_err(|error| format!("transfers answer: {error}"))?;
        }
        Ok(())
    }

    pub fn folder(&self, side: Side) -> PathBuf {
        self.root.join(side.name())
    }

    /// Starts a station, inside of another program if one is named; waits until it listens or is gone.
    pub fn start(&mut self, side: Side, wrap: Wrap<'_>) -> Result<(), String> {
        let mut command = self.serve(side, wrap)?;
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        if let Some(output) = child.stdout.take() {
            // The first line says that it listens; none that it is gone already.
            let _ = BufReader::new(output).read_line(&mut String::new());
        }
        self.running.insert(side, child);
        Ok(())
    }

    /// Starts a station by somebody's hand, and does not wait: it may take as long as it likes.
    pub fn launch(
        &mut self,
        side: Side,
        spawn: impl FnOnce(&mut Command) -> std::io::Result<Child>,
    ) -> Result<(), String> {
        let mut command = self.serve(side, &[])?;
        let child = spawn(command.stdout(Stdio::null()))
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        self.running.insert(side, child);
        Ok(())
    }

    /// The command that runs a station.
    fn serve(&self, side: Side, wrap: Wrap<'_>) -> Result<Command, String> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log(side));
        let log = log.map_err(at(&self.root))?;
        let mut words = wrap
            .iter()
            .map(String::as_str)
            .map(Into::into)
            .collect::<Vec<std::ffi::OsString>>();
        words.push(self.program.clone().into());
        let (program, arguments) = words.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        let environment = self.environment.iter();
        command
            .args(arguments)
            .envs(environment.filter_map(|variable| variable.split_once('=')))
            .args(["serve", "-c"])
            .arg(self.folder(side).join("pointsman.yaml"))
            .stderr(log);
        Ok(command)
    }

    /// Where a station's log is written.
    pub fn log(&self, side: Side) -> PathBuf {
        self.root.join(format!("{}.log", side.name()))
    }

    /// SIGKILL, to the program itself and whatever it runs in.
    pub fn kill(&mut self, side: Side) {
        if let Some(mut child) = self.running.remove(&side) {
            // What traces it would let it go on alone. Of one that was gone already, the number is another's by now.
            let runs = matches!(child.try_wait(), Ok(None));
            let inside = format!("/proc/{0}/task/{0}/children", child.id());
            let inside = fs::read_to_string(inside).ok().filter(|_| runs);
            let inside = inside.unwrap_or_default();
            for process in inside.split_whitespace() {
                let _ = Command::new("kill").args(["-9", process]).status();
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops a station where it is; what it is told by its system calls, it does not come to act upon.
    pub fn freeze(&mut self, side: Side) -> Result<(), String> {
        // Its number may be another process's by now.
        if self.is_gone(side) {
            return Ok(());
        }
        let Some(process) = self.running.get(&side).map(Child::id) else {
            return Ok(());
        };
        let stopped = Command::new("kill")
            .args(["-STOP", &process.to_string()])
            .status();
        stopped.map_err(|error| format!("kill: {error}"))?;
        let tasks = PathBuf::from(format!("/proc/{process}/task"));
        for _ in 0..30_000 {
            if all_stopped(&tasks) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("{} does not stand still", side.name()))
    }

    /// Whether a station that was started has ended by itself.
    pub fn is_gone(&mut self, side: Side) -> bool {
        match self.running.get_mut(&side) {
            Some(child) => child.try_wait().is_ok_and(|status| status.is_some()),
            None => true,
        }
    }

    /// Stations that have ended by themselves.
    pub fn gone(&mut self) -> Vec<&'static str> {
        let gone = SIDES.into_iter().filter(|side| self.is_gone(*side));
        gone.map(Side::name).collect()
    }

    /// Puts a new file into a station's folder, by a rename, synced: from there on it is the program's to lose.
    pub fn give(&mut self, side: Side, content: Vec<u8>) -> Result<(), String> {
        let name = format!("F{:06}", self.next);
        self.next += 1;
        self.give_as(side, &name, content)
    }

    /// The same under a name that may have been given before, unless a file of it still lies there.
    pub fn give_again(&mut self, side: Side, name: &str, content: Vec<u8>) -> Result<(), String> {
        if self.folder(side).join("out").join(name).exists() {
            return Ok(());
        }
        self.give_as(side, name, content)
    }

    fn give_as(&mut self, side: Side, name: &str, content: Vec<u8>) -> Result<(), String> {
        let (beside, out) = (
            self.folder(side).join("beside").join(name),
            self.folder(side).join("out"),
        );
        let mut file = File::create(&beside).map_err(at(&beside))?;
        file.write_all(&content)
            .and_then(|()| file.sync_all())
            .map_err(at(&beside))?;
        fs::rename(&beside, out.join(name)).map_err(at(&out))?;
        sync_folder(&out)?;
        let given = self.given.entry(side).or_default();
        given.entry(name.to_owned()).or_default().push(content);
        Ok(())
    }

    /// Takes what lies in a station's inbox, as an eager application would, and makes its taking durable.
    pub fn eat(&mut self, side: Side) -> Result<(), String> {
        let inbox = self.folder(side).join("inbox").join(side.other().name());
        let plate = self.folder(side).join("eaten");
        fs::create_dir_all(&plate).map_err(at(&plate))?;
        let Ok(entries) = fs::read_dir(&inbox) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = self.eaten.get(&side).map_or(0, Vec::len);
            let place = plate.join(format!("{number}.{name}"));
            fs::rename(entry.path(), &place).map_err(at(&place))?;
            sync_folder(&plate)?;
            sync_folder(&inbox)?;
            self.eaten.entry(side).or_default().push(name);
        }
        Ok(())
    }

    /// Waits until both have brought everything to its end; says whether they did.
    pub fn settle(&mut self, eager: Option<Side>) -> Result<bool, String> {
        let (mut moved, mut before) = (Instant::now(), (0, 0));
        while moved.elapsed() < self.patience {
            if let Some(side) = eager {
                self.eat(side)?;
            }
            if self.is_settled() {
                return Ok(true);
            }
            let done: usize = SIDES.iter().map(|side| self.done(*side)).sum();
            let now = (
                done,
                SIDES.iter().map(|side| self.half_received(*side)).sum(),
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
        SIDES.iter().all(|side| {
            let arrived = self.arrived(side.other()).unwrap_or_default();
            let mut given = self.given.get(side).into_iter().flatten();
            given.all(|(name, _)| arrived.contains_key(name))
        })
    }

    /// Octets of files on their way in: while they grow, nothing stands still.
    fn half_received(&self, side: Side) -> u64 {
        let incoming = self.folder(side).join("state/spool/incoming");
        let entries = fs::read_dir(incoming).into_iter().flatten().flatten();
        let lengths = entries.filter_map(|entry| entry.metadata().ok());
        lengths.map(|meta| meta.len()).sum()
    }

    /// Whether both have brought everything to its end.
    pub fn is_settled(&self) -> bool {
        SIDES.iter().all(|side| self.is_done(*side))
    }

    /// Everything given to it is acknowledged, and it owes nothing.
    fn is_done(&self, side: Side) -> bool {
        self.done(side) >= self.files_of(side) + self.files_of(side.other())
    }

    /// How many files a station was given.
    fn files_of(&self, side: Side) -> usize {
        let given = self.given.get(&side).into_iter().flatten();
        given.map(|(_, contents)| contents.len()).sum()
    }

    /// The word for a file of a station that has come to its end.
    fn end_of(&self, side: Side) -> &'static str {
        if self.rejecting == Some(side.other()) {
            "rejected"
        } else {
            "acknowledged"
        }
    }

    /// How many transfers of a station have come to their end.
    fn done(&self, side: Side) -> usize {
        let rows = self.rows(side);
        let done = rows.iter().filter(|row| match row.way.as_str() {
            "out" => row.state == self.end_of(side),
            _ => matches!(row.state.as_str(), "delivered" | "rejected") && row.receipt == "given",
        });
        done.count()
    }

    /// The rows of `pointsman transfers list --json`.
    fn rows(&self, side: Side) -> Vec<Row> {
        let listed = Command::new(&self.program)
            .args(["transfers", "list", "--json", "-n", "1000000", "-c"])
            .arg(self.folder(side).join("pointsman.yaml"))
            .output();
        let Ok(listed) = listed else {
            return Vec::new();
        };
        let rows: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        rows.iter().filter_map(Row::read).collect()
    }

    /// Compares what was given with what is there, by file names and octets and not by the program's own books; then
    /// its books by theirs.
    pub fn audit(&mut self, eager: Option<Side>) -> Result<Found, String> {
        if let Some(side) = eager {
            self.eat(side)?;
        }
        let mut found = Found::default();
        for side in SIDES {
            let log = self.root.join(format!("{}.log", side.name()));
            let log = fs::read_to_string(log).unwrap_or_default();
            found.given_up += log.matches("; it is parked after").count() as u64;
            let arrived = self.arrived(side.other())?;
            let rows = self.rows(side);
            for (name, contents) in self.given.get(&side).into_iter().flatten() {
                found.transfers += contents.len() as u64;
                let places = arrived.get(name).map_or(&[] as &[PathBuf], Vec::as_slice);
                if self.rejecting == Some(side.other()) {
                    found.doubled += places.len() as u64;
                } else {
                    found.compare(contents, places)?;
                }
                let answered = rows.iter().filter(|row| {
                    row.way == "out"
                        && row.dataset == *name
                        && row.state == self.end_of(side)
                        && row.receipt == "received"
                });
                found.receipts_lost += contents.len().saturating_sub(answered.count()) as u64;
            }
        }
        Ok(found)
    }

    /// Where files of each name arrived at a station, in its inbox or taken out of it.
    fn arrived(&self, side: Side) -> Result<BTreeMap<String, Vec<PathBuf>>, String> {
        let mut arrived: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let inbox = self.folder(side).join("inbox").join(side.other().name());
        let plate = self.folder(side).join("eaten");
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
        for side in SIDES {
            let verified = Command::new(&self.program)
                .args(["verify-store", "-c"])
                .arg(self.folder(side).join("pointsman.yaml"))
                .output()
                .map_err(|error| format!("verify-store: {error}"))?;
            if !verified.status.success() {
                return Err(format!(
                    "verify-store of {}: {}{}",
                    side.name(),
                    String::from_utf8_lossy(&verified.stdout),
                    String::from_utf8_lossy(&verified.stderr)
                ));
            }
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        SIDES.iter().for_each(|side| self.kill(*side));
    }
}

/// Whether every thread stands still.
fn all_stopped(tasks: &Path) -> bool {
    let Ok(tasks) = fs::read_dir(tasks) else {
        return true;
    };
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.trim_start().chars().next());
        matches!(state, None | Some('T' | 't'))
    })
}

/// A row of `pointsman transfers list --json`.
struct Row {
    id: String,
    way: String,
    state: String,
    receipt: String,
    dataset: String,
}

impl Row {
    fn read(row: &Value) -> Option<Self> {
        let text = |at: &str| row.pointer(at)?.as_str().map(str::to_owned);
        Some(Self {
            id: text("/transfer")?,
            way: text("/direction")?,
            state: text("/state")?,
            receipt: text("/receipt")?,
            dataset: text("/file/dataset")?,
        })
    }
}

/// Octets that look like nothing.
pub fn octets(dice: &mut Dice, count: u64) -> Vec<u8> {
    (0..count.div_ceil(8))
        .flat_map(|_| dice.below(u64::MAX).to_le_bytes())
        .take(count as usize)
        .collect()
}

pub fn sync_folder(folder: &Path) -> Result<(), String> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at(folder))
}

pub fn at(path: &Path) -> impl Fn(std::io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}

/// A port that is this pair's: a restarted station must find it free, whatever other campaigns run on this machine.
struct Port(
    u16,
    #[expect(dead_code, reason = "the lock goes with it")] File,
);

impl Port {
    fn take() -> Result<Self, String> {
        let folder = Path::new("/tmp/pointsman-campaign-ports").to_owned();
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let first = (std::process::id() % u32::from(PORTS)) as u16;
        for _ in 0..PORTS {
            let next = NEXT_PORT.fetch_add(1, Ordering::Relaxed) % PORTS;
            let port = 20_000 + (first + next) % PORTS;
            let file = folder.join(port.to_string());
            let file = File::create(&file).map_err(at(&file))?;
            if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return Ok(Self(port, file));
            }
        }
        Err("no free port".to_owned())
    }
}
