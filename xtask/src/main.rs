//! All automation of the repository.

mod ci;
mod guests;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  ci       everything a change must pass, in the order that fails soonest
  guests   build the policy components into target/guests
  tidy     the rules of the house that no compiler keeps: floors, names, links";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let outcome = match command.as_deref() {
        Some("ci") => repository().and_then(|root| ci::run(&root)),
        Some("guests") => guests::run(),
        Some("tidy") => repository()
            .and_then(|root| tidy::run(&root))
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
