//! All automation of the repository.

mod guests;
mod proofs;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  guests   build the policy components into target/guests
  fuzz [--runs N]            fuzz the protocol engine, each target N times
  model [--long|--mutants]   search what two sessions can come to
  state-tables               write docs/state-tables.md anew";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let rest: Vec<String> = std::env::args().skip(2).collect();
    let outcome = match command.as_deref() {
        Some("guests") => guests::run(),
        Some("fuzz") => proofs::fuzz(&rest),
        Some("model") => proofs::model(&rest),
        Some("state-tables") => proofs::state_tables(),
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
