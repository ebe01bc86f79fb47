//! `cargo xtask fuzz`: octets that libFuzzer thinks of, for the engine, the readers of secured files and those of key stores.
//! It needs no cargo-fuzz.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::proofs::{cargo, run};

const USAGE: &str = "usage: cargo xtask fuzz [oftp | cms | keys | TARGET | --mistakes] [--runs N]";

/// A target's name, and the most octets of an input.
type Target = (&'static str, u32);

/// The folders of targets.
const FOLDERS: [(&str, &[Target]); 3] = [
    (
        "crates/oftp/fuzz",
        &[
            ("stream_header", 400),
            ("command", 400),
            ("data_buffer", 400),
            ("session", 400),
        ],
    ),
    // What is changed of a file has four octets a change, and eight changes count.
    ("crates/cms/fuzz", &[("gate", 4000), ("unwrap", 34)]),
    (
        "crates/keys/fuzz",
        &[
            ("pfx", 4000),
            ("jks", 4000),
            ("jceks", 4000),
            ("bcfks", 4000),
            ("pem", 4000),
            ("der", 4000),
            ("p7b", 4000),
            ("ssh", 4000),
            ("ppk", 4000),
            ("xml", 4000),
            ("jwk", 4000),
            ("any", 4000),
            ("sealed", 2000),
        ],
    ),
];

/// Bounds of libFuzzer: no run takes more than ten seconds, no allocation more than 64 MiB, a whole process not more than
/// 512 MiB. What is beyond is a finding.
const BOUNDS: [&str; 3] = ["-timeout=10", "-malloc_limit_mb=64", "-rss_limit_mb=512"];

/// Mistakes of `pointsman-cms` that show in what `unwrap` looks at.
const MISTAKES: [&str; 7] = [
    "SignatureNotVerified",
    "DigestNotCompared",
    "AttributesTakenAsContent",
    "FailedSignerPassedOver",
    "UnknownSignerTaken",
    "RsaFailureReported",
    "InnerFailureReported",
];

/// Runs one fuzz target, those of a crate, or all, so many times each, from the corpus that is kept. With `--mistakes`
/// the target `unwrap` has to find each of some planted mistakes in so many runs.
pub fn fuzz(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (of, arguments) = match arguments {
        [of, rest @ ..] if of != "--runs" => (Some(of.as_str()), rest),
        all => (None, all),
    };
    let runs: u64 = match arguments {
        [] => 1_000_000,
        [flag, runs] if flag == "--runs" => runs
            .parse()
            .map_err(|_| format!("fuzz: --runs {runs} is not a number"))?,
        _ => return Err(USAGE.into()),
    };
    if of == Some("--mistakes") {
        return mistakes(root, runs);
    }
    let mut any = false;
    for (folder, targets) in FOLDERS {
        let is_meant =
            |name| of.is_none_or(|of| of == name || folder.split('/').nth(1) == Some(of));
        let meant: Vec<_> = targets.iter().filter(|(name, _)| is_meant(*name)).collect();
        if meant.is_empty() {
            continue;
        }
        any = true;
        let place = build(root, folder, &[])?;
        for (name, longest) in meant {
            let told = Run::of(root, folder, name, *longest, runs).start(&place)?;
            println!("{name}: {told}, nothing found");
        }
    }
    any.then_some(()).ok_or_else(|| USAGE.into())
}

/// Plants mistakes, one after the other, each of which has to be found.
fn mistakes(root: &Path, runs: u64) -> Result<(), String> {
    const FOLDER: &str = "crates/cms/fuzz";
    let place = build(root, FOLDER, &["--features", "planted"])?;
    for mistake in MISTAKES {
        let mut planted = Run::of(root, FOLDER, "unwrap", 34, runs);
        planted.planted = Some(mistake);
        let outcome = planted.start(&place);
        let log = fs::read_to_string(planted.log()).unwrap_or_default();
        match outcome {
            Err(_) if log.contains("panicked at") => println!("{mistake}: found"),
            Err(error) => return Err(error),
            Ok(told) => return Err(format!("{mistake}: {told}, not found")),
        }
    }
    Ok(())
}

/// Builds the targets of a folder: where they are.
fn build(root: &Path, folder: &str, more: &[&str]) -> Result<PathBuf, String> {
    let host = host_triple()?;
    let manifest = root.join(folder).join("Cargo.toml").display().to_string();
    let build = ["build", "--release", "--manifest-path", &manifest];
    let mut build = cargo(root, &build);
    // Build scripts are not to be instrumented, and are not if the target is named.
    build.args(["--target", &host]).args(more);
    run(build.env("RUSTFLAGS", COVERAGE.join(" ")))?;
    Ok(root.join(folder).join("target").join(host).join("release"))
}

/// A target that runs.
struct Run {
    folder: PathBuf,
    name: &'static str,
    longest: u32,
    runs: u64,
    planted: Option<&'static str>,
}

impl Run {
    fn of(root: &Path, folder: &str, name: &'static str, longest: u32, runs: u64) -> Self {
        Self {
            folder: root.join(folder),
            name,
            longest,
            runs,
            planted: None,
        }
    }

    fn log(&self) -> PathBuf {
        let name = self.planted.unwrap_or(self.name);
        self.folder.join("target").join(name).with_extension("log")
    }

    /// Runs it: how often and how fast it ran. What libFuzzer says goes to a log.
    fn start(&self, place: &Path) -> Result<String, String> {
        let kept = if self.planted.is_some() {
            "planted"
        } else {
            "corpus"
        };
        let target = self.folder.join("target");
        let found = match self.planted {
            None => self.folder.join("artifacts").join(self.name),
            Some(mistake) => target.join("planted").join(mistake),
        };
        let fresh = target.join(kept).join(self.name);
        for folder in [&found, &fresh] {
            fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        let log = self.log();
        let file = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let mut command = Command::new(place.join(self.name));
        command.arg(&fresh);
        command.arg(self.folder.join("corpus").join(self.name));
        command.arg(format!("-runs={}", self.runs));
        command.arg(format!("-max_len={}", self.longest));
        command.args(BOUNDS).arg("-print_final_stats=1");
        command.arg(format!("-artifact_prefix={}/", found.display()));
        command.envs(self.planted.map(|mistake| ("POINTSMAN_PLANTED", mistake)));
        run(command.stderr(file)).map_err(|error| {
            let (log, found) = (log.display(), found.display());
            format!("{error}\nWhat happened is in {log}, the input in {found}")
        })?;
        let told = fs::read_to_string(&log).unwrap_or_default();
        told_by(&told).ok_or_else(|| format!("{} ends early", log.display()))
    }
}

/// How often a target ran, and how fast, by its log.
fn told_by(log: &str) -> Option<String> {
    let figure = |name: &str| {
        let mut lines = log.lines();
        lines.find_map(|line| Some(line.strip_prefix("stat::")?.strip_prefix(name)?.trim()))
    };
    let runs = figure("number_of_executed_units:")?;
    let speed = figure("average_exec_per_sec:")?;
    Some(format!("{runs} runs, {speed} a second"))
}

/// What libFuzzer wants to know of a program: which of its edges were taken.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "--cfg=fuzzing",
];

/// The target that is named, this machine.
fn host_triple() -> Result<String, String> {
    let told = Command::new("rustc").args(["-vV"]).output();
    let told = told.map_err(|e| format!("cannot ask rustc for its host: {e}"))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_how_often_and_how_fast() {
        let log =
            "#7\tDONE\nstat::number_of_executed_units: 12\nstat::average_exec_per_sec:     3\n";
        assert_eq!(told_by(log).unwrap(), "12 runs, 3 a second");
        assert_eq!(told_by("Done 12 runs"), None);
    }
}
