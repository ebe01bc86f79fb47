//! `cargo xtask state-tables` and `model`: what shows that the protocol engine is right.

use std::path::Path;
use std::process::Command;

/// Rewrites `docs/state-tables.md` from the data the tests read.
pub fn state_tables(root: &Path) -> Result<(), String> {
    let page = [
        "test",
        "--package",
        "oftp",
        "--test",
        "tables",
        "the_page_says_what_the_tests_do",
    ];
    run(cargo(root, &page).env("STATE_TABLES", "write"))
}

/// Searches what two sessions can come to: small bounds, `--long` larger ones (minutes, some
/// gigabytes), `--mutants` with bugs planted that have to be found.
pub fn model(root: &Path, arguments: &[String]) -> Result<(), String> {
    let more: &[&str] = match arguments.first().map(String::as_str) {
        None => &["--release", "--", "--nocapture"],
        Some("--long") => &["--release", "--", "--nocapture", "--ignored"],
        Some("--mutants") => &["--features", "mutants", "--", "--nocapture"],
        Some(other) => return Err(format!("model: {other}? There are --long and --mutants.")),
    };
    run(cargo(root, &["test", "--package", "oftp", "--test", "model"]).args(more))
}

pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(root).args(arguments);
    command
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|e| format!("cannot start {command:?}: {e}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{command:?} ended with {status}"))
}
