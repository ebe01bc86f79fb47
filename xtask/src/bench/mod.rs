//! `cargo xtask bench`: what the whole program does on this machine, beside what the machine can do.
//!
//! * `files`: small files over many sessions at a time, each to its EFPA, beside as many threads that write, sync and
//!   rename files of the same size. In turn, so that both see the same machine.
//! * `idle`: memory of sessions that wait, and a minute after they went.
//! * `start`: how long a start takes with a ledger of so many rows.

mod files;
mod idle;
mod start;

// A partner made of octets: the same that the tests from outside speak with.
#[path = "../../../tests/support/patience.rs"]
#[allow(clippy::panic, reason = "written for tests")]
mod patience;
#[path = "../../../tests/support/peer.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "written for tests"
)]
pub(crate) mod peer;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::campaign;

/// The stations of the partner above.
pub(crate) const US: &str = "O0013000001NORDWERK";
pub(crate) const THEM: &str = "O0013000007MUELLER";
pub(crate) const OURS: &str = "OURPASS";
pub(crate) const THEIRS: &str = "THEIRS";

const USAGE: &str = "\
usage: cargo xtask bench files [--count N] [--sessions N] [--octets N] [--rounds N] [--in FOLDER] [--program PATH]
       cargo xtask bench idle [--sessions N] [--program PATH]
       cargo xtask bench start [--finished N] [--open N] [--in FOLDER] [--program PATH]";

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
        "start" => start::run(root, &program, &options),
        _ => Err(USAGE.to_owned()),
    }
}

/// What was said behind the name of the benchmark.
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads pairs of a name and a value.
    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self(BTreeMap::new());
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(USAGE.to_owned());
            };
            options.0.insert(name.clone(), value.clone());
        }
        Ok(options)
    }

    /// The program that is named, or else the one of this tree, built as it is released.
    pub(crate) fn program(&self, root: &Path) -> Result<PathBuf, String> {
        match self.0.get("--program") {
            Some(built) => Ok(PathBuf::from(built)),
            None => campaign::build(root, true),
        }
    }

    pub(crate) fn number(&self, name: &str, usual: u64) -> Result<u64, String> {
        match self.0.get(name) {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .map_err(|_| format!("{name} {text}: not a number\n{USAGE}")),
        }
    }

    pub(crate) fn address(&self, name: &str, usual: Ipv4Addr) -> Result<Ipv4Addr, String> {
        match self.0.get(name) {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .ok()
                .filter(Ipv4Addr::is_loopback)
                .ok_or_else(|| format!("{name} {text}: not an address of this machine\n{USAGE}")),
        }
    }

    /// A folder for what is written, gone at the end. Where it lies decides which disk is measured.
    pub(crate) fn folder(&self) -> Result<tempfile::TempDir, String> {
        let made = match self.0.get("--in") {
            Some(place) => tempfile::TempDir::new_in(place),
            None => tempfile::TempDir::new(),
        };
        made.map_err(|error| format!("no folder: {error}"))
    }
}

/// Writes the configuration of a station with one partner.
fn configure(folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join("pointsman.yaml");
    let yaml = format!(
        "version: 1\nstation: {{ssid: {US}, password: {OURS}}}\nstorage: {{state: state, inbox: inbox}}\n\
         listeners: [{{address: '127.0.0.1:0'}}]\npartners:\n  mueller: {{ssid: {THEM}, password: {THEIRS}}}\n"
    );
    std::fs::write(&path, yaml).map_err(campaign::at(&path))?;
    Ok(path)
}

/// A station that runs, killed at the end.
pub(crate) struct Station {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Station {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(program: &Path, config: &Path) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(["serve", "-c"])
            .arg(config)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(campaign::at(program))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut line);
        }
        let address = line.split_whitespace().nth(2).unwrap_or_default().parse();
        let station = Self {
            child,
            address: address.unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0))),
        };
        if station.address.port() == 0 {
            return Err(format!("the station does not listen: {line}"));
        }
        Ok(station)
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
