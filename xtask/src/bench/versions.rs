//! Two programs in one run: what a change costs, or gains.
//!
//! Each round measures both, the other one first in every second round, so that both see the same machine. Each has
//! folders of its own that last for all rounds: the ledger of a start grows with the rounds alike.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::files::transfers;
use super::options::{Options, USAGE};
use super::served::{OURS, ServedStation, THEIRS, THEM, US, configure};
use crate::campaign::{Dice, at, octets};

/// What a program did in one round.
struct Round {
    /// Octets a second of one large file, by `pointsman send` to its EFPA and receipt.
    session: f64,
    /// Small files a second, over many sessions, to their EFPA.
    files: f64,
    /// Starts a second, beside a ledger that has the small files of all rounds.
    starts: f64,
}

struct Load {
    large: Vec<u8>,
    small: Vec<u8>,
    count: u64,
    sessions: u64,
}

pub fn run(program: &Path, options: &Options) -> Result<(), String> {
    let other = options.path("--beside").ok_or(USAGE)?;
    let load = Load {
        large: octets(&mut Dice::new(1), options.number("--megabytes", 256)? << 20),
        small: octets(&mut Dice::new(2), options.number("--octets", 10 * 1024)?),
        count: options.number("--count", 3_000)?,
        sessions: options.number("--sessions", 64)?.max(1),
    };
    println!("{} beside {}", program.display(), other.display());
    println!(
        "a file of {} MiB in one session; {} files of {} octets over {} sessions; starts",
        load.large.len() >> 20,
        load.count,
        load.small.len(),
        load.sessions
    );
    println!(
        "{:>6} {:>20} {:>20} {:>20}",
        "round", "session MB/s", "small files/s", "start ms"
    );
    let folders = [options.folder()?, options.folder()?];
    let mut ratios: [Vec<f64>; 3] = Default::default();
    for round in 0..options.number("--rounds", 5)? {
        let measure = |which: usize| {
            let [ours, theirs] = &folders;
            if which == 0 {
                measure(program, ours.path(), &load, round)
            } else {
                measure(&other, theirs.path(), &load, round)
            }
        };
        let (ours, theirs) = if round % 2 == 0 {
            let ours = measure(0)?;
            (ours, measure(1)?)
        } else {
            let theirs = measure(1)?;
            (measure(0)?, theirs)
        };
        println!(
            "{round:>6} {:>9.0} / {:>8.0} {:>9.0} / {:>8.0} {:>9.1} / {:>8.1}",
            ours.session / 1e6,
            theirs.session / 1e6,
            ours.files,
            theirs.files,
            1e3 / ours.starts,
            1e3 / theirs.starts
        );
        for (all, (a, b)) in ratios.iter_mut().zip([
            (ours.session, theirs.session),
            (ours.files, theirs.files),
            (ours.starts, theirs.starts),
        ]) {
            all.push(a / b);
        }
    }
    for (name, mut all) in ["session", "small files", "start"].into_iter().zip(ratios) {
        all.sort_by(f64::total_cmp);
        let middle = all.get(all.len() / 2).copied().unwrap_or_default();
        println!(
            "speed of {name}: median {middle:.3}, from {:.3} to {:.3}",
            all.first().unwrap_or(&0.0),
            all.last().unwrap_or(&0.0)
        );
    }
    Ok(())
}

fn measure(program: &Path, folder: &Path, load: &Load, round: u64) -> Result<Round, String> {
    let small = folder.join("small");
    std::fs::create_dir_all(&small).map_err(at(&small))?;
    let names = format!("R{round}F");
    let files = transfers(
        program,
        &small,
        &names,
        load.count,
        load.sessions,
        &load.small,
    )?;
    let starts = starts(program, &small)?;
    let session = session(program, &folder.join(format!("large{round}")), &load.large)?;
    Ok(Round {
        session,
        files,
        starts,
    })
}

/// Starts a second, of ten.
fn starts(program: &Path, folder: &Path) -> Result<f64, String> {
    const TIMES: u32 = 10;
    let config = configure(folder)?;
    let mut took = 0.0;
    for _ in 0..TIMES {
        let began = Instant::now();
        let station = ServedStation::start(program, &config)?;
        took += began.elapsed().as_secs_f64();
        drop(station);
    }
    Ok(f64::from(TIMES) / took)
}

/// Octets a second of a large file between two stations of one program.
fn session(program: &Path, folder: &Path, content: &[u8]) -> Result<f64, String> {
    let (near, far) = (folder.join("near"), folder.join("far"));
    for place in [&near, &far] {
        std::fs::create_dir_all(place).map_err(at(place))?;
    }
    let station = ServedStation::start(program, &configure(&far)?)?;
    let config = configure_caller(&near, &station)?;
    let file = near.join("LARGE");
    let mut written = File::create(&file).map_err(at(&file))?;
    written
        .write_all(content)
        .and_then(|()| written.sync_all())
        .map_err(at(&file))?;
    let began = Instant::now();
    let sent = Command::new(program)
        .args(["send", "-c"])
        .arg(&config)
        .args(["--to", "nordwerk"])
        .arg(&file)
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .status()
        .map_err(at(program))?;
    let took = began.elapsed().as_secs_f64();
    if !sent.success() {
        return Err(format!("the large file was not sent: {sent}"));
    }
    std::fs::remove_dir_all(folder).map_err(at(folder))?;
    Ok(content.len() as f64 / took)
}

/// The partner of the station that [`configure`] writes.
fn configure_caller(folder: &Path, called: &ServedStation) -> Result<PathBuf, String> {
    let path = folder.join("pointsman.yaml");
    let yaml = format!(
        "version: 1\nstation: {{ssid: {THEM}, password: {THEIRS}}}\nstorage: {{state: state, inbox: inbox}}\n\
         partners:\n  nordwerk: {{ssid: {US}, password: {OURS}, address: '{}'}}\n",
        called.address
    );
    std::fs::write(&path, yaml).map_err(at(&path))?;
    Ok(path)
}
