//! SIGKILL at random, to one station or both, while files go both ways.

use std::path::Path;
use std::time::{Duration, Instant};

use super::pair::{Found, Pair, SIDES, Side, octets};
use super::{Dice, Orders};

/// Kills before everything must have come to its end and is compared.
const ROUND: u64 = 50;
/// Files given before each kill, at least as many as are asked for in the end.
const FILES: u64 = 11;

pub fn run(program: &Path, orders: Orders) -> Result<(), String> {
    let mut dice = Dice::new(orders.seed);
    let (mut all, mut kills) = (Found::default(), 0);
    let began = Instant::now();
    while kills < orders.count {
        let here = ROUND.min(orders.count - kills);
        let found = round(program, &mut dice, here)?;
        kills += here;
        all.add(found);
        println!("{kills} kills, {all}, {} s", began.elapsed().as_secs());
    }
    Ok(())
}

/// A fresh pair, killed so often, then left in peace.
fn round(program: &Path, dice: &mut Dice, kills: u64) -> Result<Found, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let sessions = [
        "{credit: 2, buffer_size: 1024}",
        "{}",
        "{credit: 1, buffer_size: 128}",
        "{compression: true}",
    ];
    let session = sessions
        .get(dice.below(4) as usize)
        .copied()
        .unwrap_or("{}");
    let mut pair = Pair::new(folder.path(), program, session)?;
    let eager = SIDES.get(dice.below(2) as usize).copied();
    for side in SIDES {
        pair.start(side, &[])?;
    }
    for _ in 0..kills {
        for _ in 0..FILES {
            let size = match dice.below(10) {
                0 => 0,
                1 => dice.below(400_000),
                _ => dice.below(20_000),
            };
            let side = if dice.below(2) == 0 {
                Side::Mueller
            } else {
                Side::Nordwerk
            };
            pair.give(side, octets(dice, size))?;
        }
        std::thread::sleep(Duration::from_micros(dice.below(250_000)));
        let victims: &[Side] = match dice.below(5) {
            0 | 1 => &[Side::Mueller],
            2 | 3 => &[Side::Nordwerk],
            _ => &SIDES,
        };
        victims.iter().for_each(|side| pair.kill(*side));
        for side in victims {
            pair.start(*side, &[])?;
        }
    }
    let settled = pair.settle(eager)?;
    let found = pair.audit(eager)?;
    let verified = pair.verify();
    if settled && found.is_clean() && verified.is_ok() {
        return Ok(found);
    }
    drop(pair);
    let kept = folder.keep();
    Err(format!(
        "{found}{}; {}; the folder is {}",
        if settled {
            ""
        } else {
            "; it did not come to its end"
        },
        verified.err().unwrap_or_default(),
        kept.display()
    ))
}
