//! Ports that stay free for a station while it is killed and started again.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use super::files::at;

/// Ports are given out in order, from below those that the system gives to callers.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);
const PORTS: u16 = 12_000;

/// A port that is this pair's: a restarted station must find it free, whatever other campaigns run on this machine.
pub struct LockedPort(
    pub u16,
    #[expect(dead_code, reason = "the lock goes with it")] File,
);

impl LockedPort {
    pub fn take() -> Result<Self, String> {
        let folder = Path::new("/tmp/pointsman-campaign-ports").to_owned();
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let first = (std::process::id() % u32::from(PORTS)) as u16;
        for _ in 0..PORTS {
            let next = NEXT_PORT.fetch_add(1, Ordering::Relaxed) % PORTS;
            let port = 20_000 + (first + next) % PORTS;
            let file = folder.join(port.to_string());
            let file = File::create(&file).map_err(at(&file))?;
            if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return Ok(Self(port, file));
            }
        }
        Err("no free port".to_owned())
    }
}
