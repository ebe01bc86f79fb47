//! `cargo xtask campaign`: two stations of the real program, files both ways, and something that goes wrong again and
//! again. What was put into the watched folders must arrive, once, unchanged, and every receipt must be recorded.
//!
//! * `kill`: SIGKILL at random. `--count N` kills, `--seed S`; it can run for days.
//! * `syscalls`: SIGKILL at the first, second, third … call that changes something, until a run comes to its end
//!   without; then the same at each named transition. `--jobs N` scenarios at once. Needs a C compiler.
//! * `io`: a call by which a station uses its storage fails, once or from then on: each call, each error, in mixed order
//!   up to `--count`. Needs a kernel that lets a supervisor answer system calls (5.6 and later).
//! * `power`: the file system under a station, or each of three, is shut down without its journal, which is what a power
//!   cut leaves. Needs root, loop devices and `xfs_io`.
//! * `full`: the disk under a station has no page free, or one, two, three …, up to `--count`. Needs root.
//! * `teeth`: the program with a mistake planted, another each time; `kill` and `power` must find every one. `--only NAME`.

mod dice;
mod files;
mod full;
mod gate;
mod io;
mod kill;
mod names;
mod orders;
mod pair;
mod party;
mod ports;
mod power;
mod program;
mod round;
mod syscalls;
mod tally;
mod teeth;

use std::path::Path;

use self::orders::Orders;

pub use self::dice::{Dice, octets};
pub use self::files::at;
pub use self::pair::{CERTIFICATE, KEY};
pub use self::program::build;

const USAGE: &str = "usage: cargo xtask campaign kill|syscalls|io|full|power|teeth [--count N] [--seed S] [--jobs N] [--only NAME] [--release | --program PATH]";

/// Runs the campaign that is named.
///
/// # Errors
/// What was lost, doubled or changed; or why the campaign cannot be run here.
pub fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (which, rest) = arguments.split_first().ok_or(USAGE)?;
    let mut orders = Orders {
        count: if which == "syscalls" { u64::MAX } else { 100 },
        seed: std::process::id().into(),
        jobs: 2,
        only: None,
    };
    let (mut release, mut built) = (false, None);
    let mut rest = rest.iter();
    while let Some(flag) = rest.next() {
        if flag == "--release" {
            release = true;
            continue;
        }
        let value = rest.next().ok_or(USAGE)?;
        if flag == "--program" {
            built = Some(std::path::PathBuf::from(value));
            continue;
        }
        if flag == "--only" {
            orders.only = Some(value.clone());
            continue;
        }
        let value = value.parse().map_err(|_| USAGE)?;
        match flag.as_str() {
            "--count" => orders.count = value,
            "--seed" => orders.seed = value,
            "--jobs" => orders.jobs = value,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let program = match built {
        Some(program) => program,
        None if which == "syscalls" => program::build_for_campaigns(root, "failpoints", release)?,
        None if which == "teeth" => {
            program::build_for_campaigns(root, "failpoints,planted", release)?
        }
        None => program::build(root, release)?,
    };
    println!("--seed {}", orders.seed);
    match which.as_str() {
        "kill" => kill::run(&program, orders),
        "syscalls" => syscalls::run(root, &program, &orders),
        "io" => io::run(&program, &orders),
        "full" => full::run(&program, &orders),
        "teeth" => teeth::run(&program, &orders),
        "power" => power::run(&program, orders),
        _ => Err(USAGE.to_owned()),
    }
}
