//! The compile child as a program of its own; a server has it as a subcommand.
//!
//! Component on standard input, artefact on standard output. Arguments: processor time in seconds, address space in MiB.

use std::process::ExitCode;

use pointsman_policy::compile_worker;

fn main() -> ExitCode {
    compile_worker::run(std::env::args().skip(1))
}
