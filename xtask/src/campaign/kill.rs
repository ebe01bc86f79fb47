//! SIGKILL to one station or both while files go both ways: at random, and at named transitions where the program has
//! them (`--features failpoints`).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::dice::{Dice, octets};
use super::names;
use super::orders::Orders;
use super::pair::Pair;
use super::party::{PARTIES, Party};
use super::round::RoundResult;
use super::tally::Tally;

/// Kills before everything must have come to its end and is compared.
const ROUND: u64 = 50;
/// Files given before each kill, at least as many as are asked for in the end.
const FILES: u64 = 11;

pub fn run(program: &Path, orders: Orders) -> Result<(), String> {
    let mut dice = Dice::new(orders.seed);
    let (mut all, mut kills) = (Tally::default(), 0);
    let began = Instant::now();
    while kills < orders.count {
        let kills_here = ROUND.min(orders.count - kills);
        let plan = KillPlan {
            kills: kills_here,
            files: FILES,
            ..KillPlan::default()
        };
        let verdict = round(program, &mut dice, &plan)?;
        if let Some(wrong) = verdict.wrong() {
            let kept = verdict.keep();
            return Err(format!("{wrong}; the folder is {}", kept.display()));
        }
        kills += kills_here;
        all.add(verdict.found);
        println!("{kills} kills, {all}, {} s", began.elapsed().as_secs());
    }
    Ok(())
}

/// A round: a fresh pair, killed so often, then left in peace.
#[derive(Clone, Debug)]
pub struct KillPlan {
    pub kills: u64,
    /// Files given before each kill.
    pub files: u64,
    /// How long a pair may stand still.
    pub patience: Option<Duration>,
    /// What the stations find in their environment.
    pub environment: Vec<String>,
    /// Stations are started to die at a named transition, if they come that far.
    pub named: bool,
}

impl Default for KillPlan {
    fn default() -> Self {
        Self {
            kills: ROUND,
            files: FILES,
            patience: None,
            environment: Vec::new(),
            named: false,
        }
    }
}

pub fn round(program: &Path, dice: &mut Dice, plan: &KillPlan) -> Result<RoundResult, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let sessions = [
        "{credit: 2, buffer_size: 1024}",
        "{}",
        "{credit: 1, buffer_size: 128}",
        "{compression: true}",
    ];
    let session = sessions.get(dice.below(4) as usize).unwrap_or(&"{}");
    let mut pair = Pair::new(folder.path(), program, session)?;
    pair.set_environment(plan.environment.clone());
    if let Some(patience) = plan.patience {
        pair.be_patient_for(patience);
    }
    let eager = PARTIES.get(dice.below(2) as usize).copied();
    let mut dying = BTreeMap::new();
    for party in PARTIES {
        start(&mut pair, party, dice, plan.named, &mut dying)?;
    }
    for _ in 0..plan.kills {
        give(&mut pair, dice, plan.files)?;
        let wait = Duration::from_micros(dice.below(250_000));
        let victims: &[Party] = match dice.below(5) {
            0 | 1 => &[Party::Mueller],
            2 | 3 => &[Party::Nordwerk],
            _ => &PARTIES,
        };
        // Who dies by itself, at its transition, is one that is killed.
        let end = Instant::now() + wait * if plan.named { 2 } else { 1 };
        while Instant::now() < end && !victims.iter().any(|party| pair.is_gone(*party)) {
            std::thread::sleep(Duration::from_millis(2));
        }
        victims.iter().for_each(|party| pair.kill(*party));
        for party in PARTIES {
            if pair.is_gone(party) {
                start(&mut pair, party, dice, plan.named, &mut dying)?;
            }
        }
    }
    // A station without a point to die at continues as it is: a start would mend what it has forgotten to give back.
    for (party, dies) in dying {
        if dies {
            pair.kill(party);
            pair.start(party, &[])?;
        }
    }
    RoundResult::reach(pair, folder, eager)
}

/// Files for both, some of them under a name that was given before.
fn give(pair: &mut Pair, dice: &mut Dice, files: u64) -> Result<(), String> {
    for _ in 0..files {
        let size = match dice.below(10) {
            0 => 0,
            1 => dice.below(400_000),
            _ => dice.below(20_000),
        };
        let party = if dice.below(2) == 0 {
            Party::Mueller
        } else {
            Party::Nordwerk
        };
        let content = octets(dice, size);
        if dice.below(8) == 0 {
            pair.give_again(party, "DAILY", content)?;
        } else {
            pair.give(party, content)?;
        }
    }
    Ok(())
}

/// Starts a station, with a point at which it dies or without one.
fn start(
    pair: &mut Pair,
    party: Party,
    dice: &mut Dice,
    named: bool,
    dying: &mut BTreeMap<Party, bool>,
) -> Result<(), String> {
    let words = if dice.below(3) == 0 {
        Vec::new()
    } else {
        point_to_die_at(dice, named)
    };
    dying.insert(party, !words.is_empty());
    pair.start(party, &words)
}

/// How a station is started that is to die at a named transition, if it comes that far.
fn point_to_die_at(dice: &mut Dice, named: bool) -> Vec<String> {
    // What others see is where they may come to differ from us: half of them die there.
    let seen = named && dice.below(2) == 0;
    let names = if seen {
        names::seen_by_others()
    } else {
        names::all()
    };
    let name = names.get(dice.below(names.len() as u64) as usize);
    match name {
        Some(name) if named => {
            let kill = names::kill_at(name, 1 + dice.below(3));
            vec!["env".to_owned(), kill]
        }
        _ => Vec::new(),
    }
}
