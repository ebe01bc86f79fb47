//! Small files over many sessions at a time.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::options::Options;
use super::partner::peer::{Peer, VirtualFile};
use super::served::{ServedStation, configure};
use crate::campaign::{Dice, at, octets};

pub fn run(program: &Path, options: &Options) -> Result<(), String> {
    let count = options.number("--count", 10_000)?;
    let sessions = options.number("--sessions", 64)?.max(1);
    let size = options.number("--octets", 10 * 1024)?;
    let rounds = options.number("--rounds", 3)?;
    println!(
        "{count} files of {size} octets over {sessions} sessions, each to its EFPA; beside {sessions} threads that"
    );
    println!(
        "create, write, fsync and rename as many files of the same size, and sync their folder after each"
    );
    println!(
        "{:>6} {:>14} {:>14} {:>7} {:>22}",
        "round", "files/s", "threads/s", "ratio", "fsync/s of one thread"
    );
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let folder = options.folder()?;
        let content = octets(&mut Dice::new(round), size);
        let fsyncs = one_thread(folder.path(), &content)?;
        let before = threads(folder.path(), "before", count / 2, sessions, &content)?;
        let files = transfers(program, folder.path(), "F", count, sessions, &content)?;
        let after = threads(
            folder.path(),
            "after",
            count - count / 2,
            sessions,
            &content,
        )?;
        let rival = count as f64 / (before + after);
        ratios.push(files / rival);
        println!(
            "{round:>6} {files:>14.0} {rival:>14.0} {:>7.2} {fsyncs:>22.0}",
            files / rival
        );
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    let (least, most) = (ratios.first().copied(), ratios.last().copied());
    println!(
        "ratio: median {median:.2}, from {:.2} to {:.2}",
        least.unwrap_or_default(),
        most.unwrap_or_default()
    );
    Ok(())
}

/// Files a second, from the first SFID to the last EFPA. Their names begin with `names`. Every one of them must be in the
/// inbox in the end.
pub(super) fn transfers(
    program: &Path,
    folder: &Path,
    names: &str,
    count: u64,
    sessions: u64,
    content: &[u8],
) -> Result<f64, String> {
    let inbox = folder.join("inbox/mueller");
    let here = || fs::read_dir(&inbox).map_or(0, |entries| entries.count() as u64);
    let wanted = here() + count;
    let config = configure(folder)?;
    let station = ServedStation::start(program, &config)?;
    let address = station.address;
    let mut peers: Vec<_> = (0..sessions).map(|_| Peer::session(address)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for (number, peer) in peers.iter_mut().enumerate() {
            scope.spawn(move || {
                for file in (number as u64..count).step_by(sessions as usize) {
                    peer.send(&VirtualFile::new(&format!("{names}{file:07}"), content));
                }
            });
        }
    });
    let took = began.elapsed().as_secs_f64();
    let patience = Instant::now();
    while here() < wanted {
        if patience.elapsed().as_secs() > 60 {
            return Err(format!("{} of {wanted} files are delivered", here()));
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(count as f64 / took)
}

/// Seconds in which as many threads write so many files as safely as files can be written one by one.
fn threads(
    folder: &Path,
    name: &str,
    count: u64,
    threads: u64,
    content: &[u8],
) -> Result<f64, String> {
    let place = folder.join(name);
    fs::create_dir(&place).map_err(at(&place))?;
    let began = Instant::now();
    let written = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..threads)
            .map(|hand| {
                let place = &place;
                scope.spawn(move || {
                    (hand..count)
                        .step_by(threads as usize)
                        .try_for_each(|file| write_one(place, file, content))
                })
            })
            .collect();
        hands.into_iter().try_for_each(|hand| {
            hand.join()
                .unwrap_or_else(|_| Err(std::io::Error::other("a thread was lost")))
        })
    });
    written.map_err(at(&place))?;
    Ok(began.elapsed().as_secs_f64())
}

fn write_one(place: &Path, number: u64, content: &[u8]) -> std::io::Result<()> {
    let beside = place.join(format!("{number}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, place.join(number.to_string()))?;
    File::open(place)?.sync_all()
}

/// How often a second one thread can append and sync.
fn one_thread(folder: &Path, content: &[u8]) -> Result<f64, String> {
    const TIMES: u32 = 300;
    let path = folder.join("appended");
    let timed = || {
        let mut file = File::create(&path)?;
        let began = Instant::now();
        for _ in 0..TIMES {
            file.write_all(content)?;
            file.sync_data()?;
        }
        Ok(f64::from(TIMES) / began.elapsed().as_secs_f64())
    };
    timed().map_err(at(&path))
}
