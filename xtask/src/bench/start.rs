//! A start with a ledger of many rows, and a spool of the files that belong to them.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::options::Options;
use super::served::{ServedStation, configure};

/// In which a start must be ready, in seconds.
const MOST: f64 = 10.0;

pub fn run(root: &Path, program: &Path, options: &Options) -> Result<(), String> {
    let finished = options.number("--finished", 1_000_000)?;
    let open = options.number("--open", 100_000)?;
    let folder = options.folder()?;
    let config = configure(folder.path())?;
    println!(
        "an empty station: ready in {:.2} s",
        ready(program, &config)?
    );
    fill(root, folder.path(), finished, open)?;
    println!("{finished} finished and {open} open transfers:");
    let cold = ready(program, &config)?;
    println!("  first start: ready in {cold:.2} s");
    let warm = ready(program, &config)?;
    println!("  next start:  ready in {warm:.2} s");
    if cold.max(warm) > MOST {
        return Err(format!("more than {MOST} s"));
    }
    Ok(())
}

/// Seconds until it listens.
fn ready(program: &Path, config: &Path) -> Result<f64, String> {
    let began = Instant::now();
    let station = ServedStation::start(program, config)?;
    let took = began.elapsed().as_secs_f64();
    drop(station);
    Ok(took)
}

/// What only the store's own crate knows how to write.
fn fill(root: &Path, folder: &Path, finished: u64, open: u64) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let filled = Command::new(cargo)
        .current_dir(root)
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "pointsman-store",
        ])
        .args(["--example", "many_rows", "--"])
        .arg(folder.join("state"))
        .args([finished.to_string(), open.to_string()])
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if filled.success() {
        return Ok(());
    }
    Err(format!("the store was not filled: {filled}"))
}
