//! A full disk: spool, ledger and inbox of a station lie on a small file system in memory, which a ballast fills until so
//! and so many pages are free. Files go both ways meanwhile; then there is room again, and everything must come to its end
//! without a restart: of a station that keeps a reserve, and of one that does not and runs into the wall. Last, a station
//! is started on a full disk, for the first time or again: it must come up by itself when there is room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::dice::{Dice, octets};
use super::files::at;
use super::orders::Orders;
use super::pair::Pair;
use super::party::{PARTIES, Party};
use super::power::{command, lay_apart};
use super::tally::Tally;

/// Whose disk is full.
const VICTIM: Party = Party::Nordwerk;
/// What free space is counted in.
const PAGE: u64 = 4096;
/// What the victims keep free for receipts and the ledger. A pair each at a time: they mostly wait.
const RESERVES: [&str; 2] = ["0B", "256KiB"];
/// Levels before a pair's files are compared, and a fresh one takes over.
const ROUND: u64 = 20;
/// How long files flow on a full disk.
const FLOW: Duration = Duration::from_millis(600);
/// How long a station may take to come up once there is room.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(program: &Path, orders: &Orders) -> Result<(), String> {
    let began = Instant::now();
    let played = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..)
            .zip(RESERVES)
            .map(|(worker, reserve)| {
                scope.spawn(move || levels(program, orders, worker, reserve, began))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err("a worker was lost".to_owned()))
            })
            .collect::<Result<Vec<_>, _>>()
    })?;
    let (mut all, mut named) = (Tally::default(), 0);
    for (found, here) in played {
        all.add(found);
        named += here;
    }
    println!(
        "{} levels, at {named} of them the log names the full disk, {all}",
        orders.count
    );
    let starts = orders.count.div_ceil(10);
    let mut dice = Dice::new(orders.seed);
    all = Tally::default();
    for level in 0..starts {
        for first in [false, true] {
            all.add(start(program, &mut dice, level, first)?);
        }
    }
    println!(
        "{} starts on a full disk, half of them the first, {all}",
        2 * starts
    );
    Ok(())
}

/// Plays one worker's part of the levels; counts those at which the log names what is wrong.
fn levels(
    program: &Path,
    orders: &Orders,
    worker: u64,
    reserve: &str,
    began: Instant,
) -> Result<(Tally, u64), String> {
    let mut dice = Dice::new(orders.seed + worker);
    let levels: Vec<u64> = (worker..orders.count).step_by(RESERVES.len()).collect();
    let (mut all, mut named) = (Tally::default(), 0);
    for levels in levels.chunks(ROUND as usize) {
        let mut ground = SmallGround::new(program, reserve)?;
        PARTIES
            .into_iter()
            .try_for_each(|party| ground.pair.start(party, &[]))?;
        let mut wrong = None;
        for level in levels {
            match ground.level(&mut dice, *level) {
                Ok(is_named) => named += u64::from(is_named),
                Err(error) => wrong = Some(error),
            }
            if wrong.is_some() {
                break;
            }
        }
        let found = ground.compare(wrong)?;
        all.add(found);
        let (last, passed) = (
            levels.last().copied().unwrap_or(0),
            began.elapsed().as_secs(),
        );
        println!(
            "up to {} octets free, reserve {reserve}: {all}, {passed} s",
            last * PAGE
        );
    }
    Ok((all, named))
}

/// Starts a station on a full disk, for the first time or after an end on it.
fn start(program: &Path, dice: &mut Dice, level: u64, first: bool) -> Result<Tally, String> {
    let [reserve, _] = RESERVES;
    let mut ground = SmallGround::new(program, reserve)?;
    ground.pair.start(VICTIM.other(), &[])?;
    if !first {
        ground.pair.start(VICTIM, &[])?;
        ground.give(dice)?;
    }
    ground.disk.leave(level * PAGE)?;
    ground.give(dice)?;
    std::thread::sleep(FLOW);
    ground.pair.kill(VICTIM);
    ground.disk.leave(level * PAGE)?;
    ground.pair.launch(VICTIM, std::process::Command::spawn)?;
    std::thread::sleep(4 * FLOW);
    ground.disk.leave_all()?;
    let room = Instant::now();
    let mut wrong = None;
    while wrong.is_none() && !ground.pair.is_settled() {
        if ground.pair.is_gone(VICTIM) {
            wrong =
                Some("started on a full disk, it has ended instead of waiting for room".to_owned());
        } else if room.elapsed() > PATIENCE {
            wrong = Some("started on a full disk, it did not come to its end".to_owned());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    ground.compare(wrong)
}

/// A pair, one of which has a small disk.
struct SmallGround {
    pair: Pair,
    disk: FullDisk,
    folder: tempfile::TempDir,
}

impl SmallGround {
    fn new(program: &Path, reserve: &str) -> Result<Self, String> {
        let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
        let disk = FullDisk::mount(&folder.path().join("disk"))?;
        let pair = Pair::new(folder.path(), program, "{credit: 4, buffer_size: 4096}")?;
        let station = pair.folder(VICTIM);
        lay_apart(&disk.0, &station, &["state", "inbox", "eaten"])?;
        let limits = format!("limits:\n  reserve: {reserve}\n");
        let mut yaml = File::options()
            .append(true)
            .open(station.join("pointsman.yaml"))
            .map_err(at(&station))?;
        yaml.write_all(limits.as_bytes()).map_err(at(&station))?;
        Ok(Self { pair, disk, folder })
    }

    /// Files for both, one in six of them large.
    fn give(&mut self, dice: &mut Dice) -> Result<(), String> {
        for party in [VICTIM, VICTIM.other(), VICTIM, VICTIM.other()] {
            let most = if dice.below(6) == 0 { 400_000 } else { 20_000 };
            let size = dice.below(most);
            self.pair.give(party, octets(dice, size))?;
        }
        Ok(())
    }

    /// Files go both ways with so much room, and come to their end with more. Whether the log names what was wrong.
    fn level(&mut self, dice: &mut Dice, level: u64) -> Result<bool, String> {
        let logged = self.log().len();
        self.disk.leave(level * PAGE)?;
        self.give(dice)?;
        let until = Instant::now() + FLOW;
        while Instant::now() < until {
            self.pair.eat(VICTIM)?;
            std::thread::sleep(Duration::from_millis(20));
        }
        self.disk.leave_all()?;
        if !self.pair.settle(Some(VICTIM))? {
            return Err(format!(
                "with {} octets free, then room: it did not come to its end",
                level * PAGE
            ));
        }
        if self.pair.is_gone(VICTIM) {
            return Err(format!("with {} octets free it has ended", level * PAGE));
        }
        let log = self.log();
        let new = log.get(logged..).unwrap_or_default();
        let words = [
            "os error 28",
            "disk is full",
            "disk I/O error",
            "limits.reserve",
        ];
        Ok(words.iter().any(|words| new.contains(words)))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.pair.log(VICTIM)).unwrap_or_default()
    }

    /// Looks at what is there; keeps the folder where something is wrong.
    fn compare(mut self, wrong: Option<String>) -> Result<Tally, String> {
        let found = self.pair.audit(Some(VICTIM))?;
        let verified = self.pair.verify();
        drop(self.pair);
        if found.is_clean() && verified.is_ok() && wrong.is_none() {
            return Ok(found);
        }
        std::mem::forget(self.disk);
        Err(format!(
            "{}: {found}; {}; the folder is {}",
            wrong.unwrap_or_default(),
            verified.err().unwrap_or_default(),
            self.folder.keep().display()
        ))
    }
}

/// A small file system in memory.
struct FullDisk(PathBuf);

impl FullDisk {
    fn mount(place: &Path) -> Result<Self, String> {
        fs::create_dir_all(place).map_err(at(place))?;
        let name = place.display().to_string();
        command(
            "mount",
            &["-t", "tmpfs", "-o", "size=64m", "pointsman-full", &name],
        )
        .map_err(|error| format!("this campaign needs root, to mount a tmpfs: {error}"))?;
        Ok(Self(place.to_owned()))
    }

    /// Fills it until so many octets are free. What the station takes or gives meanwhile moves the level a little.
    fn leave(&self, octets: u64) -> Result<(), String> {
        for _ in 0..3 {
            let ballast = self.ballast()?;
            let there = statvfs(&self.0).map_err(|error| at(&self.0)(error.into()))?;
            let (free, size) = (
                there.f_bavail * there.f_frsize,
                ballast.metadata().map_err(at(&self.0))?.len(),
            );
            if free > octets {
                // The station may have been quicker.
                let _ = fallocate(&ballast, FallocateFlags::empty(), size, free - octets);
            } else {
                ballast
                    .set_len(size.saturating_sub(octets - free))
                    .map_err(at(&self.0))?;
            }
        }
        Ok(())
    }

    fn leave_all(&self) -> Result<(), String> {
        self.ballast()?.set_len(0).map_err(at(&self.0))
    }

    fn ballast(&self) -> Result<File, String> {
        let path = self.0.join("ballast");
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        open.map_err(at(&path))
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        let _ = command("umount", &["-l", &self.0.display().to_string()]);
    }
}
