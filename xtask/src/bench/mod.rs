//! `cargo xtask bench`: what the whole program does on this machine, beside what the machine can do.
//!
//! * `files`: small files over many sessions at a time, each to its EFPA, beside as many threads that write, sync and
//!   rename files of the same size. In turn, so that both see the same machine.
//! * `idle`: memory of sessions that wait, and a minute after they went.
//! * `secured`: a signed, compressed and encrypted file over TLS, beside each stage alone; and its memory.
//! * `start`: how long a start takes with a ledger of so many rows.
//! * `versions`: this program beside another one, such as that of an earlier commit: a session, small files, starts.

mod files;
mod idle;
pub(crate) mod options;
pub(crate) mod partner;
mod secured;
pub(crate) mod served;
mod start;
mod versions;

use std::path::Path;

use self::options::{Options, USAGE};

/// Runs the benchmark that is named.
///
/// # Errors
/// It cannot be run here, or something is not as it must be.
pub fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (which, rest) = arguments.split_first().ok_or(USAGE)?;
    let options = Options::read(rest)?;
    let program = options.program(root)?;
    match which.as_str() {
        "files" => files::run(&program, &options),
        "idle" => idle::run(&program, &options),
        "secured" => secured::run(&program, &options),
        "start" => start::run(root, &program, &options),
        "versions" => versions::run(&program, &options),
        _ => Err(USAGE.to_owned()),
    }
}
