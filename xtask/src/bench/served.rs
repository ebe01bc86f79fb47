//! A station to measure: the real program in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::campaign;

/// Codes and passwords of the station and its partner.
pub(crate) const US: &str = "O0013000001NORDWERK";
pub(crate) const THEM: &str = "O0013000007MUELLER";
pub(crate) const OURS: &str = "OURPASS";
pub(crate) const THEIRS: &str = "THEIRS";

/// Writes the configuration of a station with one partner.
pub(super) fn configure(folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join("pointsman.yaml");
    let yaml = format!(
        "version: 1\nstation: {{ssid: {US}, password: {OURS}}}\nstorage: {{state: state, inbox: inbox}}\n\
         listeners: [{{address: '127.0.0.1:0'}}]\npartners:\n  mueller: {{ssid: {THEM}, password: {THEIRS}}}\n"
    );
    std::fs::write(&path, yaml).map_err(campaign::at(&path))?;
    Ok(path)
}

/// A station that runs, killed at the end.
pub(crate) struct ServedStation {
    pub(super) child: Child,
    pub(crate) address: SocketAddr,
}

impl ServedStation {
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

impl Drop for ServedStation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory of a process, in KiB, by a line of its status: `VmRSS:` what it has, `VmHWM:` the most it had.
pub(super) fn memory(process: u32, which: &str) -> Result<u64, String> {
    let path = PathBuf::from(format!("/proc/{process}/status"));
    let status = std::fs::read_to_string(&path).map_err(campaign::at(&path))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| format!("{} says nothing of {which}", path.display()))
}
