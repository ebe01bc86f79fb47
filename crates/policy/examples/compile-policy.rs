//! The compile child as a program of its own; a server has it as a subcommand.
//!
//! Component on standard input, artefact on standard output. Arguments, both optional: processor
//! time in seconds, address space in MiB.

use std::process::ExitCode;
use std::time::Duration;

use pointsman_policy::compile_worker::{Allowance, run_within};

fn main() -> ExitCode {
    let mut allowance = Allowance::default();
    let mut numbers = std::env::args()
        .skip(1)
        .flat_map(|argument| argument.parse::<u64>());
    if let Some(seconds) = numbers.next() {
        allowance.cpu = Duration::from_secs(seconds);
    }
    if let Some(mebibytes) = numbers.next() {
        allowance.memory = mebibytes << 20;
    }
    run_within(allowance)
}
