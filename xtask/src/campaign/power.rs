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

use super::pair::{Found, Pair, SIDES, Side, at, octets};
use super::{Dice, Orders};

/// Cuts before everything must have come to its end and is compared.
const ROUND: u64 = 10;
const FILES: u64 = 5;

/// How the victim's storage lies, and what becomes of what it receives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ground {
    kind: &'static str,
    apart: bool,
    /// A consumer takes at once what is delivered.
    eager: bool,
}

impl Ground {
    /// Each in its turn.
    fn of_round(round: u64) -> Self {
        Self {
            kind: if round.is_multiple_of(2) {
                "ext4"
            } else {
                "xfs"
            },
            apart: !(round / 2).is_multiple_of(2),
            eager: !(round / 4).is_multiple_of(2),
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
    let mut table: BTreeMap<Ground, (u64, Found)> = BTreeMap::new();
    let mut cuts = 0;
    let began = Instant::now();
    while cuts < orders.count {
        let ground = Ground::of_round(cuts / ROUND);
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
    let mut all = Found::default();
    for (ground, (cuts, found)) in table {
        println!("{ground}: {cuts:>4} power cuts, {found}");
        all.add(found);
    }
    println!("{cuts} power cuts, {all}");
    Ok(())
}

fn round(program: &Path, dice: &mut Dice, ground: Ground, cuts: u64) -> Result<Found, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let victim = SIDES
        .get(dice.below(2) as usize)
        .copied()
        .unwrap_or(Side::Nordwerk);
    let disks = Disks::make(folder.path(), ground, victim)?;
    let mut pair = Pair::new(folder.path(), program, "{credit: 4, buffer_size: 4096}")?;
    if ground.apart {
        set_ledger_apart(&pair.folder(victim))?;
    }
    disks.sync()?;
    let eager = ground.eager.then_some(victim);
    for side in SIDES {
        pair.start(side, &[])?;
    }
    for _ in 0..cuts {
        for _ in 0..FILES {
            let size = if dice.below(6) == 0 {
                dice.below(300_000)
            } else {
                dice.below(20_000)
            };
            let side = if dice.below(2) == 0 {
                victim
            } else {
                victim.other()
            };
            pair.give(side, octets(dice, size))?;
        }
        let until = Instant::now() + Duration::from_micros(dice.below(400_000));
        while Instant::now() < until {
            if let Some(side) = eager {
                pair.eat(side)?;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Without power nothing is said any more: the station stands still before its disk does.
        pair.freeze(victim)?;
        disks.cut()?;
        pair.kill(victim);
        disks.mount_again()?;
        pair.start(victim, &[])?;
    }
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
struct Disks(Vec<Disk>);

impl Disks {
    /// One for the station's whole folder; or one for the ledger, one for spool and inbox, which a delivery's rename keeps
    /// together, and one for the files to send.
    fn make(folder: &Path, ground: Ground, victim: Side) -> Result<Self, String> {
        let station = folder.join(victim.name());
        if !ground.apart {
            return Ok(Self(vec![Disk::make(
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
            disks.push(Disk::make(folder, ground.kind, name, &place)?);
            lay_apart(&place, &station, folders)?;
        }
        Ok(Self(disks))
    }

    fn sync(&self) -> Result<(), String> {
        self.0.iter().try_for_each(Disk::sync)
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
        self.0.iter().try_for_each(Disk::mount_again)
    }
}

/// A file system on a loop device.
pub struct Disk {
    image: PathBuf,
    place: PathBuf,
}

impl Disk {
    pub fn make(folder: &Path, kind: &str, name: &str, place: &Path) -> Result<Self, String> {
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

    pub fn mount(&self) -> Result<(), String> {
        let (image, place) = (
            self.image.display().to_string(),
            self.place.display().to_string(),
        );
        command("mount", &["-o", "loop", &image, &place])
    }

    pub fn sync(&self) -> Result<(), String> {
        command("sync", &["-f", &self.place.display().to_string()])
    }

    /// Shut down as it is: neither data nor journal are written any more.
    pub fn cut(&self) -> Result<(), String> {
        command(
            "xfs_io",
            &["-x", "-c", "shutdown", &self.place.display().to_string()],
        )
    }

    fn mount_again(&self) -> Result<(), String> {
        self.unmount()?;
        self.mount()
    }

    pub fn unmount(&self) -> Result<(), String> {
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

impl Drop for Disk {
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
