//! All automation of the repository.

mod guests;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  guests   build the policy components into target/guests";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let outcome = match command.as_deref() {
        Some("guests") => guests::run(),
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
