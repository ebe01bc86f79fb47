//! Power cuts: a station's folder is a file system of its own on a loop device, which is shut down without writing its
//! journal. What was not synced is gone, as after a power cut.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::pair::{Found, Pair, SIDES, Side, at, octets};
use super::{Dice, Orders};

/// Cuts before everything must have come to its end and is compared.
const ROUND: u64 = 10;
const FILES: u64 = 5;

pub fn run(program: &Path, orders: Orders) -> Result<(), String> {
    let mut dice = Dice::new(orders.seed);
    let (mut all, mut cuts) = (Found::default(), 0);
    let began = Instant::now();
    while cuts < orders.count {
        let kind = if (cuts / ROUND).is_multiple_of(2) {
            "ext4"
        } else {
            "xfs"
        };
        let here = ROUND.min(orders.count - cuts);
        let found = round(program, &mut dice, kind, here)?;
        cuts += here;
        all.add(found);
        println!("{cuts} power cuts, {all}, {} s", began.elapsed().as_secs());
    }
    Ok(())
}

fn round(program: &Path, dice: &mut Dice, kind: &str, cuts: u64) -> Result<Found, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let victim = SIDES
        .get(dice.below(2) as usize)
        .copied()
        .unwrap_or(Side::Nordwerk);
    let disk = Disk::make(folder.path(), kind, &folder.path().join(victim.name()))?;
    let mut pair = Pair::new(folder.path(), program, "{credit: 4, buffer_size: 4096}")?;
    disk.sync()?;
    let eager = (dice.below(2) == 0).then_some(victim);
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
        disk.cut()?;
        pair.kill(victim);
        disk.mount_again()?;
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
    std::mem::forget(disk);
    Err(format!(
        "{kind}: {found}{what}; {verified}; the folder is {}",
        folder.keep().display()
    ))
}

/// A file system on a loop device.
pub struct Disk {
    image: PathBuf,
    place: PathBuf,
}

impl Disk {
    pub fn make(folder: &Path, kind: &str, place: &Path) -> Result<Self, String> {
        let image = folder.join("disk.img");
        File::create(&image)
            .and_then(|file| file.set_len(400 << 20))
            .map_err(at(&image))?;
        fs::create_dir_all(place).map_err(at(place))?;
        let image_name = image.display().to_string();
        let made = match kind {
            "ext4" => command("mkfs.ext4", &["-q", "-F", &image_name]),
            _ => command("mkfs.xfs", &["-q", "-f", &image_name]),
        };
        made.map_err(|error| {
            format!("this campaign needs root, loop devices, e2fsprogs and xfsprogs: {error}")
        })?;
        let disk = Self {
            image,
            place: place.to_owned(),
        };
        disk.mount()?;
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

fn command(program: &str, arguments: &[&str]) -> Result<(), String> {
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
