//! All automation of the repository.

mod bench;
mod campaign;
mod ci;
mod exceptions;
mod fuzz;
mod guests;
mod measure;
mod proofs;
mod siege;
mod source;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  bench    small files over many sessions (files), a start with many rows (start), memory of idle sessions (idle)
  campaign  two stations, and something that goes wrong again and again: kill, syscalls, io, power, full or teeth; --count N --seed S
  ci       everything a change must pass, in the order that fails soonest
  events   write the table of events in docs/operating.md
  fuzz     fuzz the protocol engine, files and key stores: oftp, cms, keys or a target, --runs N for each, --mistakes
  guests   build the policy components into target/guests
  measure  how hard the code is to read, in figures: --json, --arrows of circles, --root PATH of another checkout
  model    search what two sessions can come to: --long for millions of states, --mutants with bugs planted
  new-policy FOLDER [EXAMPLE]  a policy of your own outside of the repository, from that example or the smallest
  siege    how long a good session takes beside each attack: --count N sessions, --program PATH
  state-tables  write docs/state-tables.md
  tidy     the rules that no compiler keeps: floors, lengths, circles, names, words, links; --all";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let rest: Vec<String> = std::env::args().skip(2).collect();
    let outcome = match command.as_deref() {
        Some("bench") => repository().and_then(|root| bench::run(&root, &rest)),
        Some("campaign") => repository().and_then(|root| campaign::run(&root, &rest)),
        Some("ci") => repository().and_then(|root| ci::run(&root)),
        Some("events") => repository()
            .and_then(|root| tidy::events::write(&root))
            .map(|told| println!("{told}")),
        Some("fuzz") => repository().and_then(|root| fuzz::fuzz(&root, &rest)),
        Some("guests") => guests::run(),
        Some("measure") => repository().and_then(|root| measure::run(&root, &rest)),
        Some("model") => repository().and_then(|root| proofs::model(&root, &rest)),
        Some("new-policy") => repository().and_then(|root| guests::new::run(&root, &rest)),
        Some("siege") => repository().and_then(|root| siege::run(&root, &rest)),
        Some("state-tables") => repository().and_then(|root| proofs::state_tables(&root)),
        Some("tidy") => repository()
            .and_then(|root| tidy::run(&root, &rest))
            .map(|told| println!("{told}")),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn repository() -> Result<PathBuf, String> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| "xtask has no folder above it".to_owned())
}
