//! `cargo xtask state-tables`, `model` and `fuzz`: what shows that the protocol engine is right.

use std::fs::{self, File};
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

/// The fuzz targets of each folder, and the most octets of an input.
const TARGETS: [(&str, &[&str], u32); 3] = [
    (
        "crates/oftp/fuzz",
        &["stream_header", "command", "data_buffer", "session"],
        400,
    ),
    ("crates/cms/fuzz", &["gate", "unwrap"], 4000),
    (
        "crates/keys/fuzz",
        &[
            "pfx", "jks", "jceks", "bcfks", "pem", "der", "p7b", "ssh", "ppk", "xml", "jwk", "any",
        ],
        4000,
    ),
];

/// Runs each fuzz target of a crate, or of all, so many times, from the corpus that is kept; needs no cargo-fuzz.
pub fn fuzz(root: &Path, arguments: &[String]) -> Result<(), String> {
    const USAGE: &str = "usage: cargo xtask fuzz [oftp | cms | keys] [--runs N]";
    let (of, arguments) = match arguments {
        [of, rest @ ..] if !of.starts_with('-') => (Some(of.as_str()), rest),
        all => (None, all),
    };
    let runs: u64 = match arguments {
        [] => 1_000_000,
        [flag, runs] if flag == "--runs" => runs
            .parse()
            .map_err(|_| format!("fuzz: --runs {runs} is not a number"))?,
        _ => return Err(USAGE.into()),
    };
    let is_meant = |folder: &str| of.is_none_or(|of| folder == format!("crates/{of}/fuzz"));
    let meant: Vec<_> = TARGETS
        .iter()
        .filter(|(folder, ..)| is_meant(folder))
        .collect();
    if meant.is_empty() {
        return Err(USAGE.into());
    }
    for (folder, targets, longest) in meant {
        fuzz_all(root, &root.join(folder), targets, *longest, runs)?;
    }
    Ok(())
}

/// Builds the targets of a folder and runs each.
fn fuzz_all(
    root: &Path,
    folder: &Path,
    targets: &[&str],
    longest: u32,
    runs: u64,
) -> Result<(), String> {
    let host = host_triple()?;
    let manifest = folder.join("Cargo.toml").display().to_string();
    let build = [
        "build",
        "--release",
        "--manifest-path",
        &manifest,
        "--target",
        &host,
    ];
    run(cargo(root, &build).env("RUSTFLAGS", COVERAGE.join(" ")))?;
    for target in targets {
        let binary = folder
            .join("target")
            .join(&host)
            .join("release")
            .join(target);
        println!(
            "{target}: {} runs, nothing found",
            fuzz_one(folder, target, &binary, longest, runs)?
        );
    }
    Ok(())
}

/// Runs one target; gives back how often it ran. What libFuzzer says goes to a log.
fn fuzz_one(
    folder: &Path,
    target: &str,
    binary: &Path,
    longest: u32,
    runs: u64,
) -> Result<String, String> {
    let found = folder.join("artifacts").join(target);
    let fresh = folder.join("target/corpus").join(target);
    for folder in [&found, &fresh] {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let log = folder.join("target").join(target).with_extension("log");
    let file = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let mut command = Command::new(binary);
    command.arg(&fresh).arg(folder.join("corpus").join(target));
    command.arg(format!("-runs={runs}"));
    command.arg(format!("-max_len={longest}"));
    command.arg("-print_final_stats=1");
    command.arg(format!("-artifact_prefix={}/", found.display()));
    run(command.stderr(file)).map_err(|error| {
        let (log, found) = (log.display(), found.display());
        format!("{error}\nWhat happened is in {log}, the input in {found}")
    })?;
    let told = fs::read_to_string(&log).unwrap_or_default();
    let count = told
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units: "));
    count
        .map(|count| count.trim().to_owned())
        .ok_or_else(|| format!("{} ends early", log.display()))
}

/// What libFuzzer wants to know of a program: which of its edges were taken.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "--cfg=fuzzing",
];

/// Build scripts are not to be instrumented, and are not if the target is named.
fn host_triple() -> Result<String, String> {
    let told = Command::new("rustc").args(["-vV"]).output();
    let told = told.map_err(|e| format!("cannot ask rustc for its host: {e}"))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".into())
}

pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(root).args(arguments);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|e| format!("cannot start {command:?}: {e}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{command:?} ended with {status}"))
}
