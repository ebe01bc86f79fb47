//! Power cuts: a station's folder is a file system of its own on a loop device, which is shut down without writing its
//! journal. What was not synced is gone, as after a power cut. Ledger, spool and watched folder lie on one file system
//! or on three; on three, no sync of one makes another's changes durable by chance.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::dice::{Dice, octets};
use super::files::at;
use super::orders::Orders;
use super::pair::Pair;
use super::party::{PARTIES, Party};
use super::tally::Tally;

/// Cuts before everything must have come to its end and is compared.
const ROUND: u64 = 10;
const FILES: u64 = 5;

/// How the victim's storage lies, and what becomes of what it receives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ground {
    kind: &'static str,
    apart: bool,
    /// A consumer takes at once what is delivered.
    eager: bool,
}

impl Ground {
    /// Each of the eight in its turn.
    pub(super) fn nth(nth: u64) -> Self {
        let bit = |bit: u64| !(nth >> bit).is_multiple_of(2);
        Self {
            kind: if bit(0) { "xfs" } else { "ext4" },
            apart: bit(1),
            eager: bit(2),
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disks = if self.apart {
            "three file systems"
        } else {
            "one file system"
        };
        let consumer = if self.eager { "eager" } else { "lazy" };
        write!(f, "{:4}, {disks:18}, {consumer:5}", self.kind)
    }
}

pub fn run(program: &Path, orders: Orders) -> Result<(), String> {
    let mut dice = Dice::new(orders.seed);
    let mut table: BTreeMap<Ground, (u64, Tally)> = BTreeMap::new();
    let mut cuts = 0;
    let began = Instant::now();
    while cuts < orders.count {
        let ground = Ground::nth(cuts / ROUND);
        let here = ROUND.min(orders.count - cuts);
        let found = round(program, &mut dice, ground, here)?;
        cuts += here;
        let line = table.entry(ground).or_default();
        line.0 += here;
        line.1.add(found);
        println!(
            "{cuts} power cuts, {ground}: {found}, {} s",
            began.elapsed().as_secs()
        );
    }
    let mut all = Tally::default();
    for (ground, (cuts, found)) in table {
        println!("{ground}: {cuts:>4} power cuts, {found}");
        all.add(found);
    }
    println!("{cuts} power cuts, {all}");
    Ok(())
}

fn round(program: &Path, dice: &mut Dice, ground: Ground, cuts: u64) -> Result<Tally, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let victim = either(dice);
    let session = "{credit: 4, buffer_size: 4096}";
    let mut plant = Plant::build(folder.path(), program, ground, victim, session)?;
    let eager = plant.eager();
    for party in PARTIES {
        plant.pair.start(party, &[])?;
    }
    for _ in 0..cuts {
        for _ in 0..FILES {
            let size = if dice.below(6) == 0 {
                dice.below(300_000)
            } else {
                dice.below(20_000)
            };
            plant.pair.give(either(dice), octets(dice, size))?;
        }
        let until = Instant::now() + Duration::from_micros(dice.below(400_000));
        plant.run(|_| Instant::now() < until)?;
        plant.lose_power()?;
    }
    let Plant {
        mut pair, disks, ..
    } = plant;
    let settled = pair.settle(eager)?;
    let found = pair.audit(eager)?;
    let verified = pair.verify();
    drop(pair);
    if settled && found.is_clean() && verified.is_ok() {
        return Ok(found);
    }
    let what = if settled {
        ""
    } else {
        "; it did not come to its end"
    };
    let verified = verified.err().unwrap_or_default();
    std::mem::forget(disks);
    Err(format!(
        "{ground}: {found}{what}; {verified}; the folder is {}",
        folder.keep().display()
    ))
}

/// One of the two.
pub(super) fn either(dice: &mut Dice) -> Party {
    let party = PARTIES.get(dice.below(2) as usize);
    party.copied().unwrap_or(Party::Nordwerk)
}

/// A pair of stations, one of which loses its power now and again.
pub(super) struct Plant {
    pub(super) pair: Pair,
    pub(super) disks: Disks,
    victim: Party,
    ground: Ground,
}

impl Plant {
    pub(super) fn build(
        folder: &Path,
        program: &Path,
        ground: Ground,
        victim: Party,
        session: &str,
    ) -> Result<Self, String> {
        let disks = Disks::make(folder, ground, victim)?;
        let pair = Pair::new(folder, program, session)?;
        if ground.apart {
            set_ledger_apart(&pair.folder(victim))?;
        }
        disks.sync()?;
        Ok(Self {
            pair,
            disks,
            victim,
            ground,
        })
    }

    /// Whose files are taken at once.
    pub(super) fn eager(&self) -> Option<Party> {
        self.ground.eager.then_some(self.victim)
    }

    /// Lets both work for as long as that says.
    pub(super) fn run(&mut self, continues: impl Fn(&Pair) -> bool) -> Result<(), String> {
        let eager = self.eager();
        while continues(&self.pair) {
            if let Some(party) = eager {
                self.pair.eat(party)?;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Without power nothing is said any more: the station stands still before its disk does.
    pub(super) fn lose_power(&mut self) -> Result<(), String> {
        self.pair.freeze(self.victim)?;
        self.disks.cut()?;
        self.pair.kill(self.victim);
        self.disks.mount_again()?;
        self.pair.start(self.victim, &[])
    }
}

fn set_ledger_apart(station: &Path) -> Result<(), String> {
    let file = station.join("pointsman.yaml");
    let yaml = fs::read_to_string(&file).map_err(at(&file))?;
    let yaml = yaml.replace("  state: state\n", "  state: state\n  ledger: ledger\n");
    fs::write(&file, yaml).map_err(at(&file))
}

/// Makes folders of a station in another place, with links to them where it looks for them.
pub(super) fn lay_apart(place: &Path, station: &Path, folders: &[&str]) -> Result<(), String> {
    for part in folders {
        fs::create_dir(place.join(part)).map_err(at(place))?;
        symlink(place.join(part), station.join(part)).map_err(at(station))?;
    }
    Ok(())
}

/// The file systems under a station.
pub(super) struct Disks(Vec<LoopDisk>);

impl Disks {
    /// One for the station's whole folder; or one for the ledger, one for spool and inbox, which a delivery's rename keeps
    /// together, and one for the files to send.
    fn make(folder: &Path, ground: Ground, victim: Party) -> Result<Self, String> {
        let station = folder.join(victim.name());
        if !ground.apart {
            return Ok(Self(vec![LoopDisk::make(
                folder,
                ground.kind,
                "disk",
                &station,
            )?]));
        }
        fs::create_dir_all(&station).map_err(at(&station))?;
        let parts: [(&str, &[&str]); 3] = [
            ("disk-ledger", &["ledger"]),
            ("disk-state", &["state", "inbox", "eaten"]),
            ("disk-out", &["out", "beside"]),
        ];
        let mut disks = Vec::new();
        for (name, folders) in parts {
            let place = folder.join(name);
            disks.push(LoopDisk::make(folder, ground.kind, name, &place)?);
            lay_apart(&place, &station, folders)?;
        }
        Ok(Self(disks))
    }

    fn sync(&self) -> Result<(), String> {
        self.0.iter().try_for_each(LoopDisk::sync)
    }

    /// All at the same instant, as nearly as can be.
    fn cut(&self) -> Result<(), String> {
        std::thread::scope(|scope| {
            let cuts: Vec<_> = self
                .0
                .iter()
                .map(|disk| scope.spawn(|| disk.cut()))
                .collect();
            cuts.into_iter().try_for_each(|cut| {
                cut.join()
                    .unwrap_or_else(|_| Err("a cutting thread was lost".to_owned()))
            })
        })
    }

    fn mount_again(&self) -> Result<(), String> {
        self.0.iter().try_for_each(LoopDisk::mount_again)
    }
}

/// A file system on a loop device.
struct LoopDisk {
    image: PathBuf,
    place: PathBuf,
}

impl LoopDisk {
    fn make(folder: &Path, kind: &str, name: &str, place: &Path) -> Result<Self, String> {
        let image = folder.join(format!("{name}.img"));
        File::create(&image)
            .and_then(|file| file.set_len(400 << 20))
            .map_err(at(&image))?;
        fs::create_dir_all(place).map_err(at(place))?;
        let image_name = image.display().to_string();
        let made = match kind {
            "ext4" => command("mkfs.ext4", &["-q", "-F", &image_name]),
            _ => command("mkfs.xfs", &["-q", "-f", &image_name]),
        };
        made.map_err(needs)?;
        let disk = Self {
            image,
            place: place.to_owned(),
        };
        disk.mount().map_err(needs)?;
        Ok(disk)
    }

    fn mount(&self) -> Result<(), String> {
        let (image, place) = (
            self.image.display().to_string(),
            self.place.display().to_string(),
        );
        command("mount", &["-o", "loop", &image, &place])
    }

    fn sync(&self) -> Result<(), String> {
        command("sync", &["-f", &self.place.display().to_string()])
    }

    /// Shut down as it is: neither data nor journal are written any more.
    fn cut(&self) -> Result<(), String> {
        command(
            "xfs_io",
            &["-x", "-c", "shutdown", &self.place.display().to_string()],
        )
    }

    fn mount_again(&self) -> Result<(), String> {
        self.unmount()?;
        self.mount()
    }

    fn unmount(&self) -> Result<(), String> {
        // The killed station's files may be open for a moment yet.
        for _ in 0..200 {
            if command("umount", &[&self.place.display().to_string()]).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        command("umount", &[&self.place.display().to_string()])
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        let _ = command("umount", &["-l", &self.place.display().to_string()]);
    }
}

fn needs(error: String) -> String {
    format!("this campaign needs root, loop devices, e2fsprogs and xfsprogs (`xfs_io`): {error}")
}

pub(super) fn command(program: &str, arguments: &[&str]) -> Result<(), String> {
    let done = Command::new(program).args(arguments).output();
    let done = done.map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!(
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&done.stderr)
    ))
}
