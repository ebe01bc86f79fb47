//! `cargo xtask siege`: how long a good session takes alone, and beside each attack.
//!
//! A good session connects, introduces itself, sends a small file to its EFPA, gives the turn away, takes the receipt and
//! ends. The attackers call from another address of this machine, as strangers or as another partner. Beside an attack the
//! 99th percentile may be three times that of the session alone, and 20 ms.

mod attacks;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bench::peer::{Peer, VirtualFile};
use crate::bench::{Options, Station};
use crate::campaign;

use attacks::{ATTACKS, Target};

/// What a good session may take beside an attack, beyond three times what it takes alone.
const GRACE: Duration = Duration::from_millis(20);

/// Measures.
///
/// # Errors
/// The station does not start, or a good session was too slow beside an attack.
pub fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let options = Options::read(arguments)?;
    let program = options.program(root)?;
    let count = options.number("--count", 200)? as usize;
    println!(
        "{:<28} {:>9} {:>9} {:>9}",
        "beside", "p50 ms", "p99 ms", "at most"
    );
    let alone = measure(&program, &options, count, None)?;
    let most = alone.1 * 3 + GRACE;
    tell("nothing", alone, most);
    let mut slow = Vec::new();
    for (name, attack) in ATTACKS {
        let beside = measure(&program, &options, count, Some(attack))?;
        tell(name, beside, most);
        if beside.1 > most {
            slow.push(name);
        }
    }
    match slow.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "a good session is too slow beside: {}",
            slow.join(", ")
        )),
    }
}

fn tell(name: &str, (half, most_of_all): (Duration, Duration), most: Duration) {
    let shown = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    println!(
        "{name:<28} {:>9} {:>9} {:>9}",
        shown(half),
        shown(most_of_all),
        shown(most)
    );
}

/// The median and the 99th percentile of so many good sessions, one after the other.
fn measure(
    program: &Path,
    options: &Options,
    count: usize,
    attack: Option<attacks::Attack>,
) -> Result<(Duration, Duration), String> {
    let folder = options.folder()?;
    let config = folder.path().join("pointsman.yaml");
    std::fs::write(&config, attacks::configuration()).map_err(campaign::at(&config))?;
    let station = Station::start(program, &config)?;
    let target = Target {
        address: station.address,
        over: AtomicBool::new(false),
    };
    let mut times = std::thread::scope(|scope| {
        if let Some(attack) = attack {
            attack(scope, &target);
            std::thread::sleep(Duration::from_secs(2));
        }
        let times: Vec<Duration> = (0..count)
            .map(|number| good_session(&station, number))
            .collect();
        target.over.store(true, Ordering::Relaxed);
        times
    });
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied();
    let last = times.last().copied().unwrap_or_default();
    Ok((at(50).unwrap_or_default(), at(99).unwrap_or(last)))
}

fn good_session(station: &Station, number: usize) -> Duration {
    let began = Instant::now();
    let mut peer = Peer::session(station.address);
    peer.send(&VirtualFile::new(
        &format!("GOOD{number:06}"),
        vec![b'x'; 1000],
    ));
    peer.take_receipts();
    began.elapsed()
}
