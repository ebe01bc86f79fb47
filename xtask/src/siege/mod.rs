//! `cargo xtask siege`: how long a good session takes alone, and beside each attack.
//!
//! A good session connects, introduces itself, sends a small file to its EFPA, gives the turn away, takes the receipt and
//! ends. The attackers call from another address of this machine (`--from 127.0.0.1`: from the same one), as strangers or as
//! another partner. Beside an attack the 99th percentile may be three times that of the session alone, and 20 ms.

mod attacks;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bench::options::Options;
use crate::bench::partner::peer::{Peer, VirtualFile};
use crate::bench::served::ServedStation;
use crate::{campaign, guests};

use attacks::{ATTACKS, Victim};

/// What a good session may take beside an attack, beyond three times what it takes alone.
const GRACE: Duration = Duration::from_millis(20);

/// Measures.
///
/// # Errors
/// The station does not start, or a good session was too slow beside an attack.
pub fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let options = Options::read(arguments)?;
    let siege = Siege {
        program: options.program(root)?,
        policy: guests::misbehave(root)?,
        count: options.number("--count", 200)? as usize,
        from: options.address("--from", Ipv4Addr::new(127, 0, 0, 9))?,
        options,
    };
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>12}",
        "beside", "p50 ms", "p99 ms", "at most", "strokes/s"
    );
    let alone = siege.measure(None)?;
    let most = alone.slowest * 3 + GRACE;
    alone.print("nothing", most);
    let mut slow = Vec::new();
    for (name, attack) in ATTACKS {
        let beside = siege.measure(Some(attack))?;
        beside.print(name, most);
        if beside.slowest > most {
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

struct Siege {
    program: PathBuf,
    /// A component that loops.
    policy: PathBuf,
    count: usize,
    from: Ipv4Addr,
    options: Options,
}

/// How long good sessions took, and how busy the attackers were meanwhile.
struct Measured {
    median: Duration,
    /// The 99th percentile.
    slowest: Duration,
    strokes_a_second: f64,
}

impl Measured {
    fn print(&self, name: &str, most: Duration) {
        let shown = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
        println!(
            "{name:<28} {:>9} {:>9} {:>9} {:>12.0}",
            shown(self.median),
            shown(self.slowest),
            shown(most),
            self.strokes_a_second
        );
    }
}

impl Siege {
    /// So many good sessions, one after the other.
    fn measure(&self, attack: Option<attacks::Attack>) -> Result<Measured, String> {
        let folder = self.options.folder()?;
        let config = folder.path().join("pointsman.yaml");
        std::fs::write(&config, attacks::configuration(&self.policy))
            .map_err(campaign::at(&config))?;
        let station = ServedStation::start(&self.program, &config)?;
        let target = Victim {
            address: station.address,
            from: self.from,
            strokes: AtomicU64::new(0),
            over: AtomicBool::new(false),
        };
        let began = Instant::now();
        let mut times = std::thread::scope(|scope| {
            if let Some(attack) = attack {
                attack(scope, &target);
                std::thread::sleep(Duration::from_secs(2));
            }
            let times: Vec<Duration> = (0..self.count)
                .map(|number| good_session(&station, number))
                .collect();
            target.over.store(true, Ordering::Relaxed);
            times
        });
        let strokes = target.strokes.load(Ordering::Relaxed) as f64;
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied();
        Ok(Measured {
            median: at(50).unwrap_or_default(),
            slowest: at(99).unwrap_or_default(),
            strokes_a_second: strokes / began.elapsed().as_secs_f64(),
        })
    }
}

fn good_session(station: &ServedStation, number: usize) -> Duration {
    let began = Instant::now();
    let mut peer = Peer::session(station.address);
    peer.send(&VirtualFile::new(
        &format!("GOOD{number:06}"),
        vec![b'x'; 1000],
    ));
    peer.take_receipts();
    began.elapsed()
}
