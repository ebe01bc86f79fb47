//! Memory of sessions that wait.

use std::path::Path;
use std::time::Duration;

use super::options::Options;
use super::partner::peer::Peer;
use super::served::{OURS, ServedStation, THEIRS, THEM, US, memory};
use crate::campaign::at;

/// How long after its sessions the station is looked at again.
const AFTERWARDS: Duration = Duration::from_secs(60);

pub fn run(program: &Path, options: &Options) -> Result<(), String> {
    let sessions = options.number("--sessions", 8000)?;
    let folder = options.folder()?;
    let config = folder.path().join("pointsman.yaml");
    let yaml = format!(
        "version: 1\nstation: {{ssid: {US}, password: {OURS}}}\nstorage: {{state: state, inbox: inbox}}\n\
         listeners: [{{address: '127.0.0.1:0'}}]\n\
         limits: {{sessions: 100000, sessions_per_partner: 100000, sessions_per_address: 100000}}\n\
         partners:\n  mueller: {{ssid: {THEM}, password: {THEIRS}, session: {{idle_timeout: 5m}}}}\n"
    );
    std::fs::write(&config, yaml).map_err(at(&config))?;
    let station = ServedStation::start(program, &config)?;
    drop(Peer::session(station.address));
    std::thread::sleep(Duration::from_secs(1));
    let start = resident(&station)?;
    let waiting: Vec<_> = (0..sessions)
        .map(|_| Peer::session(station.address))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    let there = resident(&station)?;
    println!(
        "{sessions} sessions that wait: {:.1} KiB each",
        there.saturating_sub(start) as f64 / sessions as f64
    );
    drop(waiting);
    std::thread::sleep(AFTERWARDS);
    let after = resident(&station)?;
    println!(
        "resident: {start} KiB at the start, {there} KiB with them, {after} KiB a minute after ({:.2} of the start)",
        after as f64 / start as f64
    );
    Ok(())
}

/// Memory of the station, in KiB.
fn resident(station: &ServedStation) -> Result<u64, String> {
    memory(station.child.id(), "VmRSS:")
}
