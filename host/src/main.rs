//! `pointsman`: see [`pointsman::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    pointsman::cli::main()
}
