//! `pointsman`: an OFTP server and the commands of its operator.

use std::process::ExitCode;

fn main() -> ExitCode {
    pointsman::main()
}
