//! SIGKILL at every call of every system call that changes something, in small scenarios.

use std::path::Path;
use std::process::Command;

use super::pair::{Found, Pair, SIDES, Side, octets};
use super::{Dice, Orders};

/// System calls by which the program changes what others can see.
const CALLS: [&str; 10] = [
    "fsync",
    "fdatasync",
    "pwrite64",
    "write",
    "rename",
    "renameat2",
    "unlink",
    "ftruncate",
    "openat",
    "sendto",
];

/// A scenario: who is killed, what files there are, and how sessions are.
struct Scenario {
    name: &'static str,
    victim: Side,
    /// Sizes of the files that Mueller and Nordwerk send.
    files: [&'static [u64]; 2],
    session: &'static str,
    eager: bool,
}

const fn scenario(
    name: &'static str,
    victim: Side,
    files: [&'static [u64]; 2],
    session: &'static str,
    eager: bool,
) -> Scenario {
    Scenario {
        name,
        victim,
        files,
        session,
        eager,
    }
}

const SMALL: &str = "{credit: 2, buffer_size: 1024}";

const SCENARIOS: [Scenario; 12] = [
    scenario("one file in", Side::Nordwerk, [&[3000], &[]], "{}", false),
    scenario("one file out", Side::Mueller, [&[3000], &[]], "{}", false),
    scenario("an empty file in", Side::Nordwerk, [&[0], &[]], "{}", true),
    scenario("an empty file out", Side::Mueller, [&[0], &[]], "{}", true),
    scenario(
        "many windows in",
        Side::Nordwerk,
        [&[40_000], &[]],
        SMALL,
        false,
    ),
    scenario(
        "many windows out",
        Side::Mueller,
        [&[40_000], &[]],
        SMALL,
        false,
    ),
    scenario(
        "files in, taken at once",
        Side::Nordwerk,
        [&[10, 5000, 20], &[]],
        "{}",
        true,
    ),
    scenario(
        "files out, taken at once",
        Side::Mueller,
        [&[10, 5000, 20], &[]],
        "{}",
        true,
    ),
    scenario(
        "both ways, the called one",
        Side::Nordwerk,
        [&[2000], &[2000]],
        "{}",
        false,
    ),
    scenario(
        "both ways, the caller",
        Side::Mueller,
        [&[2000], &[2000]],
        "{}",
        false,
    ),
    scenario(
        "without restart in",
        Side::Nordwerk,
        [&[40_000], &[]],
        "{restart: false, credit: 2, buffer_size: 1024}",
        false,
    ),
    scenario(
        "an older level out",
        Side::Mueller,
        [&[9000], &[100]],
        "{version: '1.3', credit: 2, buffer_size: 1024}",
        false,
    ),
];

pub fn run(program: &Path, orders: Orders) -> Result<(), String> {
    if Command::new("strace").arg("-V").output().is_err() {
        return Err("this campaign needs `strace`, which is not here".to_owned());
    }
    let mut dice = Dice::new(orders.seed);
    let (mut all, mut points) = (Found::default(), 0);
    for scenario in &SCENARIOS {
        let mut here = 0;
        for call in CALLS {
            let mut nth = 1;
            while points < orders.count {
                let (found, killed) = point(program, scenario, call, nth, &mut dice)?;
                all.add(found);
                if !killed {
                    break;
                }
                (points, here, nth) = (points + 1, here + 1, nth + 1);
            }
        }
        println!("{here} kills in: {}", scenario.name);
    }
    println!("{points} kills, each at another call, {all}");
    Ok(())
}

/// Plays the scenario with the victim killed at that call; then starts it again. Whether it was killed.
fn point(
    program: &Path,
    scenario: &Scenario,
    call: &str,
    nth: u64,
    dice: &mut Dice,
) -> Result<(Found, bool), String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let mut pair = Pair::new(folder.path(), program, scenario.session)?;
    let eager = scenario.eager.then_some(scenario.victim);
    for (side, sizes) in SIDES.into_iter().zip(scenario.files) {
        for size in sizes {
            pair.give(side, octets(dice, *size))?;
        }
    }
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let trace = folder.path().join("strace.log").display().to_string();
    let words = [
        "strace",
        "-f",
        "-qq",
        "-o",
        &trace,
        "-e",
        &format!("trace={call}"),
        "-e",
        &inject,
    ];
    let wrap: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    pair.start(scenario.victim, &wrap)?;
    pair.start(scenario.victim.other(), &[])?;
    // Until it is killed, or everything has come to its end without.
    let killed = loop {
        if pair.is_gone(scenario.victim) {
            break true;
        }
        if let Some(side) = eager {
            pair.eat(side)?;
        }
        if pair.is_settled() {
            break false;
        }
        std::thread::sleep(std::time::Duration::from_millis(40));
    };
    if killed {
        pair.kill(scenario.victim);
        pair.start(scenario.victim, &[])?;
    }
    let settled = pair.settle(eager)?;
    let found = pair.audit(eager)?;
    let verified = pair.verify();
    if settled && found.is_clean() && verified.is_ok() {
        return Ok((found, killed));
    }
    drop(pair);
    Err(format!(
        "{}: killed at {call} number {nth}: {found}{}; {}; the folder is {}",
        scenario.name,
        if settled {
            ""
        } else {
            "; it did not come to its end"
        },
        verified.err().unwrap_or_default(),
        folder.keep().display()
    ))
}
