//! `cargo xtask ci`: everything a change must pass.
//!
//! What is cheap and fails often comes first; the first failure ends it. The output of each step goes to
//! `target/ci/STEP.log` and is shown where the step fails.

mod once;
mod readme;

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::{guests, tidy};

/// How long one call of cargo may take: several times what the longest takes on two cores.
const PATIENCE: Duration = Duration::from_secs(40 * 60);

/// The packages of a build with planted mistakes, and a feature; more may follow it.
const PLANTED_CMS: &str = "--package pointsman-store --package pointsman-cms --package pointsman --features pointsman-cms/planted";

/// Runs every step on the repository at `root`.
///
/// # Errors
/// The first step that fails, with its output.
pub fn run(root: &Path) -> Result<(), String> {
    let mut ci = Ci::begin(root)?;
    let outcome = ci.steps();
    ci.summary(outcome.is_ok());
    outcome
}

struct Ci {
    root: PathBuf,
    logs: PathBuf,
    /// Where the demonstration plays.
    stage: TempDir,
    done: Vec<(&'static str, Duration)>,
}

impl Ci {
    fn begin(root: &Path) -> Result<Self, String> {
        let logs = root.join("target/ci");
        fs::create_dir_all(&logs)
            .map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
        let stage =
            TempDir::new().map_err(|error| format!("there is no temporary folder: {error}"))?;
        Ok(Self {
            root: root.to_owned(),
            logs,
            stage,
            done: Vec::new(),
        })
    }

    fn steps(&mut self) -> Result<(), String> {
        let tests = readme::test_command(&self.root)?;
        self.cargo("format", "fmt --all --check")?;
        self.cargo(
            "format-guests",
            "fmt --all --check --manifest-path guest-examples/Cargo.toml",
        )?;
        self.step("tidy", |ci| tidy::run(&ci.root, &[]))?;
        self.step("built-once", |ci| once::look(&ci.root))?;
        self.cargo(
            "clippy",
            "clippy --workspace --all-targets --locked -- -D warnings",
        )?;
        // What only the campaigns and planted mistakes build, so that it builds the day it is needed; `pointsman` is named
        // so that both are built with the features of the whole workspace, and OpenSSL and SQLite not once more.
        self.cargo(
            "clippy-planted",
            &format!("clippy {PLANTED_CMS},pointsman/failpoints,pointsman/planted --all-targets --locked -- -D warnings"),
        )?;
        let guests = "clippy --manifest-path guest-examples/Cargo.toml --workspace --target wasm32-wasip2 --locked -- -D warnings";
        self.cargo("clippy-guests", guests)?;
        self.cargo(
            "tests-guests",
            "test --manifest-path guest-examples/Cargo.toml --workspace --locked",
        )?;
        self.step("guests", |_| guests::run().map(|()| String::new()))?;
        self.step("new-policy", Self::new_policy)?;
        self.cargo("tests", &tests)?;
        self.cargo("model-mutants", "xtask model --mutants")?;
        self.cargo(
            "planted-cms",
            &format!("test {PLANTED_CMS} --test planted --locked"),
        )?;
        // Those of file security and key stores build OpenSSL once more: their crates have random tests of their own.
        self.cargo("fuzz", "xtask fuzz oftp --runs 200000")?;
        self.step("demonstration", Self::demonstration)?;
        self.step("example", Self::example)?;
        let program = "target/debug/pointsman";
        self.cargo(
            "campaign",
            &format!("xtask campaign kill --count 20 --seed 5024 --program {program}"),
        )
    }

    /// The README's first command, which ends by itself here.
    fn demonstration(&self) -> Result<String, String> {
        let folder = self.scene();
        let told = self.run(
            "demonstration",
            &[
                "run",
                "--locked",
                "--",
                "demo",
                "--once",
                "--dir",
                &folder.to_string_lossy(),
            ],
        )?;
        let inbox = folder.join("nordwerk/inbox");
        let files = count_files(&inbox);
        if files == 2 {
            Ok(told)
        } else {
            Err(format!(
                "{} holds {files} files after the demonstration, not 2",
                inbox.display()
            ))
        }
    }

    /// `policies/example.yaml` is one the program takes, in a folder such as the demonstration makes.
    fn example(&self) -> Result<String, String> {
        let station = self.scene().join("nordwerk");
        let example = station.join("example.yaml");
        fs::copy(self.root.join("policies/example.yaml"), &example).map_err(|error| {
            format!(
                "cannot copy policies/example.yaml to {}: {error}",
                station.display()
            )
        })?;
        self.run(
            "example",
            &[
                "run",
                "--locked",
                "--",
                "check",
                "-c",
                &example.to_string_lossy(),
            ],
        )
    }

    /// A policy that was begun outside of the repository builds there, as README says, whichever example it is from.
    fn new_policy(&self) -> Result<String, String> {
        let examples = guests::new::examples(&self.root)?;
        for example in &examples {
            self.new_policy_from(example)?;
        }
        Ok(format!("{} examples", examples.len()))
    }

    fn new_policy_from(&self, example: &str) -> Result<(), String> {
        let folder = self.stage.path().join(format!("from-{example}"));
        let place = folder.to_string_lossy().into_owned();
        self.run("new-policy", &["xtask", "new-policy", &place, example])?;
        let manifest = folder.join("Cargo.toml").to_string_lossy().into_owned();
        let arguments = ["build", "--release", "--target", "wasm32-wasip2"];
        // What they have in common with each other, and with the examples, is built once.
        let target = guests::work(&self.root);
        let built = target.to_string_lossy().into_owned();
        let there = ["--manifest-path", &manifest, "--target-dir", &built];
        self.run("new-policy", &[&arguments[..], &there[..]].concat())?;
        let component = format!("from_{}.wasm", example.replace('-', "_"));
        let component = target.join("wasm32-wasip2/release").join(component);
        match component.is_file() {
            true => Ok(()),
            false => Err(format!("{} was not built", component.display())),
        }
    }

    fn scene(&self) -> PathBuf {
        self.stage.path().join("pointsman-demo")
    }

    fn cargo(&mut self, name: &'static str, arguments: &str) -> Result<(), String> {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.step(name, |ci| ci.run(name, &arguments))
    }

    fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Self) -> Result<String, String>,
    ) -> Result<(), String> {
        println!("== {name}");
        let began = Instant::now();
        let outcome = work(self);
        self.done.push((name, began.elapsed()));
        match outcome {
            Ok(told) if told.is_empty() => Ok(()),
            Ok(told) => {
                println!("   {told}");
                Ok(())
            }
            Err(output) => Err(format!("{output}\nci: the step `{name}` failed")),
        }
    }

    /// Runs cargo in the repository; what it says is the error if it fails.
    fn run(&self, name: &str, arguments: &[&str]) -> Result<String, String> {
        let log = self.logs.join(format!("{name}.log"));
        let cannot = |error: std::io::Error| format!("cannot write {}: {error}", log.display());
        let output = File::create(&log).map_err(cannot)?;
        let errors = output.try_clone().map_err(cannot)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cargo = Command::new(cargo);
        // A log is read in editors and browsers, too.
        cargo
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TERM_COLOR", "never")
            .env("TERM", "dumb");
        let started = cargo.stdout(output).stderr(errors).process_group(0).spawn();
        let ended = started.and_then(|mut cargo| end_of(&mut cargo, PATIENCE));
        let ended = ended.map_err(|error| format!("cannot run cargo: {error}"))?;
        let how = match ended {
            Some(status) if status.success() => return Ok(String::new()),
            Some(status) => format!("ended with {status}"),
            None => format!("was not done after {} s and was killed", PATIENCE.as_secs()),
        };
        let output = fs::read_to_string(&log)
            .map_err(|error| format!("cannot read {}: {error}", log.display()))?;
        Err(format!("{output}\ncargo {} {how}", arguments.join(" ")))
    }

    fn summary(&self, passed: bool) {
        println!("\n== summary");
        for (name, took) in &self.done {
            println!("{:>8.1} s  {name}", took.as_secs_f64());
        }
        let all: Duration = self.done.iter().map(|(_, took)| *took).sum();
        println!(
            "{:>8.1} s  {}",
            all.as_secs_f64(),
            if passed {
                "passed"
            } else {
                "FAILED at the last one above"
            }
        );
        if passed {
            println!("{} passed, 0 failed", self.tests_passed());
        }
    }

    /// What the test runners say in their closing lines, added up.
    fn tests_passed(&self) -> u64 {
        let logs = ["tests", "tests-guests"].map(|name| self.logs.join(format!("{name}.log")));
        let texts = logs.iter().filter_map(|log| fs::read_to_string(log).ok());
        texts.map(|text| passed_in(&text)).sum()
    }
}

/// How it ended; none if it was still there after `patience` and was killed with all that it started.
/// What hangs is told by its log, not by somebody else's time limit.
fn end_of(cargo: &mut Child, patience: Duration) -> std::io::Result<Option<ExitStatus>> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if let Some(status) = cargo.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_process_group(Pid::from_child(cargo), Signal::KILL)?;
    cargo.wait()?;
    Ok(None)
}

/// The sum over lines such as `test result: ok. 13 passed; 0 failed; …`.
fn passed_in(log: &str) -> u64 {
    let counts = log.lines().filter_map(|line| {
        let rest = line.strip_prefix("test result: ok. ")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    });
    counts.sum()
}

fn count_files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_killed_with_its_family() {
        // Its child keeps the pipe open: the output ends when both are gone.
        let mut hangs = Command::new("sh")
            .args(["-c", "sleep 600 & sleep 600"])
            .stdout(std::process::Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let ended = end_of(&mut hangs, Duration::from_millis(100)).unwrap();
        assert_eq!(ended, None);
        let said = std::io::read_to_string(hangs.stdout.take().unwrap());
        assert_eq!(said.unwrap(), "");
        let mut quick = Command::new("true").process_group(0).spawn().unwrap();
        let ended = end_of(&mut quick, Duration::from_secs(60)).unwrap();
        assert!(ended.is_some_and(|status| status.success()));
    }

    #[test]
    fn tests_are_counted_over_all_runners() {
        let log = "running 2 tests\ntest result: ok. 2 passed; 0 failed\n\ntest result: ok. 40 passed; 0 failed; 1 ignored\n";
        assert_eq!(passed_in(log), 42);
        assert_eq!(passed_in("test result: FAILED. 1 passed; 1 failed"), 0);
    }
}
