//! Whether the campaigns can find anything: the program with a mistake planted, another each time, until kills or power
//! cuts show it. An outsider judges, as always, who does not know what is planted.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::dice::{Dice, octets};
use super::kill::{self, KillPlan};
use super::orders::Orders;
use super::party::PARTIES;
use super::power::{Ground, Plant, either};
use super::round::RoundResult;

/// The mistakes of the program, and what each is. One is chosen by `POINTSMAN_PLANTED`.
const MISTAKES: [(&str, &str); 32] = [
    (
        "blob-not-synced",
        "a received or imported file is sealed without fsync",
    ),
    (
        "import-not-synced",
        "a file to send is sealed without fsync",
    ),
    ("sidecar-not-synced", "a sidecar is written without fsync"),
    (
        "sealed-folders-not-synced",
        "no fsync of the folders after the rename to `sealed` or `outgoing`",
    ),
    (
        "placed-folders-not-synced",
        "no fsync of the folders after the delivery",
    ),
    ("sqlite-synchronous-normal", "PRAGMA synchronous = NORMAL"),
    ("sqlite-synchronous-off", "PRAGMA synchronous = OFF"),
    (
        "efpa-before-row",
        "EFPA leaves before `received` is committed",
    ),
    (
        "efid-before-doubt",
        "EFID leaves before `in_doubt` is committed",
    ),
    (
        "rtr-before-row",
        "RTR leaves before the receipt is committed",
    ),
    (
        "placed-before-row",
        "the rename into the inbox comes before `placing` is committed",
    ),
    (
        "watched-removed-before-row",
        "a watched file is removed before `enqueue` is committed",
    ),
    (
        "row-before-seal",
        "`received` is committed before the blob is sealed",
    ),
    (
        "placed-by-link",
        "the delivery is a link and an unlink, not a rename",
    ),
    (
        "placing-is-delivered",
        "after a crash, `placing` is taken for `delivered`",
    ),
    (
        "placed-is-missing",
        "after a crash, a blob that has left the spool is not taken for delivered",
    ),
    (
        "undelivered-files-forgotten",
        "after a crash, received files are not delivered",
    ),
    (
        "received-files-discarded",
        "after a crash, every sealed blob is discarded, not only the uncommitted ones",
    ),
    (
        "identity-not-unique",
        "no check for duplicates, and no UNIQUE",
    ),
    (
        "partial-not-cut",
        "a partial resumes at its checkpoint without being cut to it",
    ),
    (
        "receipt-in-its-own-transaction",
        "the receipt is owed in a transaction after `delivered`",
    ),
    (
        "receipt-given-when-sent",
        "a receipt is given when it is sent, not at RTR",
    ),
    (
        "owed-receipts-forgotten",
        "after a crash, receipts that are owed are not sent",
    ),
    (
        "leases-of-files-kept",
        "after a crash, leases of files are not given back",
    ),
    (
        "leases-of-receipts-kept",
        "after a crash, leases of receipts are not given back",
    ),
    (
        "file-of-a-broken-session-kept",
        "a session that breaks does not release the file it sends, and nobody does later",
    ),
    (
        "receipt-of-a-broken-session-kept",
        "a session that breaks does not release the receipt it sends, and nobody does later",
    ),
    (
        "doubt-ignored",
        "SFNA 13 after a lost EFPA is taken for a refusal",
    ),
    ("doubt-forgotten", "after a crash, nothing is in doubt"),
    (
        "doubted-files-under-a-new-identity",
        "after a crash, what is in doubt goes out under a new time",
    ),
    (
        "sent-with-efid",
        "`sent` is committed with EFID, not at EFPA",
    ),
    (
        "watched-under-a-new-id",
        "a watched file is queued under a new id at each try",
    ),
];

/// A pair that stands still that long does not come to its end.
const PATIENCE: Duration = Duration::from_secs(15);
/// Faults of a round, after which everything is compared.
const KILLS: u64 = 8;
const CUTS: u64 = 4;
/// Rounds of each kind before a mistake counts as not found.
const ROUNDS: u64 = 24;

/// What found a mistake, or that nothing did.
struct Hunt {
    name: &'static str,
    found: Option<(&'static str, String)>,
    kills: u64,
    cuts: u64,
    took: Duration,
}

/// Hunts every mistake, and prints the table.
///
/// # Errors
/// The program without a mistake is not clean, or a mistake was not found.
pub fn run(program: &Path, orders: &Orders) -> Result<(), String> {
    let wanted = |name: &str| orders.only.as_deref().is_none_or(|only| only == name);
    let mistakes: VecDeque<_> = MISTAKES
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .collect();
    if mistakes.is_empty() {
        return Err("no mistake has that name".to_owned());
    }
    let control = hunt(program, orders.seed, "none")?;
    println!("{}", line(&control));
    if control.found.is_some() {
        return Err("the program without a mistake is not clean".to_owned());
    }
    let (waiting, done) = (Mutex::new(mistakes), Mutex::new(Vec::new()));
    let next = || {
        waiting
            .lock()
            .ok()
            .and_then(|mut waiting| waiting.pop_front())
    };
    let work = || -> Result<(), String> {
        while let Some((name, _)) = next() {
            let hunt = hunt(program, orders.seed, name)?;
            println!("{}", line(&hunt));
            if let Ok(mut done) = done.lock() {
                done.push(hunt);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..orders.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        let lost = |_| Err("a worker was lost".to_owned());
        let ended = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(lost));
        ended.collect::<Result<Vec<()>, String>>()
    })?;
    let hunts = done.into_inner().map_err(|error| error.to_string())?;
    table(&control, &hunts)
}

/// Rounds of kills and of power cuts in turn, until one shows something.
fn hunt(program: &Path, seed: u64, name: &'static str) -> Result<Hunt, String> {
    let mut dice = Dice::new(seed);
    let began = Instant::now();
    let environment = vec![format!("POINTSMAN_PLANTED={name}")];
    let mut hunt = Hunt {
        name,
        found: None,
        kills: 0,
        cuts: 0,
        took: Duration::ZERO,
    };
    for _ in 0..ROUNDS {
        let plan = KillPlan {
            kills: KILLS,
            files: 3,
            patience: Some(PATIENCE),
            environment: environment.clone(),
            named: true,
        };
        hunt.kills += KILLS;
        let verdict = kill::round(program, &mut dice, &plan)?;
        if hunt.is_over(verdict, "kill") {
            break;
        }
        hunt.cuts += CUTS;
        let verdict = cuts(program, &mut dice, &environment)?;
        if hunt.is_over(verdict, "power") {
            break;
        }
    }
    hunt.took = began.elapsed();
    Ok(hunt)
}

impl Hunt {
    fn is_over(&mut self, verdict: RoundResult, by: &'static str) -> bool {
        let Some(mut wrong) = verdict.wrong() else {
            return false;
        };
        if self.name == "none" {
            wrong = format!("{wrong}; the folder is {}", verdict.keep().display());
        }
        self.found = Some((by, wrong));
        true
    }
}

/// A fresh pair, one of them on disks that lose their power so often.
fn cuts(program: &Path, dice: &mut Dice, environment: &[String]) -> Result<RoundResult, String> {
    let folder = tempfile::TempDir::new().map_err(|error| format!("no folder: {error}"))?;
    let (ground, victim) = (Ground::nth(dice.below(8)), either(dice));
    let session = if dice.below(3) == 0 {
        "{credit: 1, buffer_size: 128}"
    } else {
        "{credit: 4, buffer_size: 4096}"
    };
    let mut plant = Plant::build(folder.path(), program, ground, victim, session)?;
    plant.pair.set_environment(environment.to_vec());
    plant.pair.be_patient_for(PATIENCE);
    for party in PARTIES {
        plant.pair.start(party, &[])?;
    }
    for _ in 0..CUTS {
        for _ in 0..3 {
            let size = dice.below(40_000);
            plant.pair.give(either(dice), octets(dice, size))?;
        }
        // In the middle of everything, or in the quiet after it, when nothing else has reached the disk since.
        let quiet = dice.below(2) == 0;
        let wait = Duration::from_micros(dice.below(500_000));
        let until = Instant::now() + if quiet { Duration::from_secs(2) } else { wait };
        plant.run(|pair| Instant::now() < until && !(quiet && pair.is_settled()))?;
        plant.lose_power()?;
    }
    let eager = plant.eager();
    let Plant { pair, disks, .. } = plant;
    let verdict = RoundResult::reach(pair, folder, eager)?;
    // Nobody uses them any more.
    drop(disks);
    Ok(verdict)
}

fn line(hunt: &Hunt) -> String {
    let (by, what) = match &hunt.found {
        Some((by, what)) => (*by, first_words(what)),
        None => ("-", "nothing".to_owned()),
    };
    format!(
        "{:36} {by:6} {:3} kills {:3} cuts {:4} s  {what}",
        hunt.name,
        hunt.kills,
        hunt.cuts,
        hunt.took.as_secs()
    )
}

/// As much of it as a line has room for.
fn first_words(what: &str) -> String {
    let one_line = what.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(190).collect()
}

/// In the order of the list.
fn table(control: &Hunt, hunts: &[Hunt]) -> Result<(), String> {
    println!(
        "\n| mistake | what it is | found by | after | what was found |\n|---|---|---|---|---|"
    );
    println!(
        "| none | – | – | {} kills, {} power cuts | nothing |",
        control.kills, control.cuts
    );
    for (name, what) in MISTAKES {
        let Some(hunt) = hunts.iter().find(|hunt| hunt.name == name) else {
            continue;
        };
        let (by, found) = match &hunt.found {
            Some((by, found)) => (*by, first_words(found)),
            None => ("**not found**", String::new()),
        };
        let (kills, cuts) = (hunt.kills, hunt.cuts);
        println!("| `{name}` | {what} | {by} | {kills} kills, {cuts} power cuts | {found} |");
    }
    let found = hunts.iter().filter(|hunt| hunt.found.is_some()).count();
    println!("\n{found} of {} planted mistakes found", hunts.len());
    if found == hunts.len() {
        Ok(())
    } else {
        Err("a mistake was not found".to_owned())
    }
}
