//! What a benchmark is asked to do.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::campaign;

pub(super) const USAGE: &str = "\
usage: cargo xtask bench files [--count N] [--sessions N] [--octets N] [--rounds N] [--in FOLDER] [--program PATH]
       cargo xtask bench idle [--sessions N] [--program PATH]
       cargo xtask bench secured [--megabytes N] [--rounds N] [--in FOLDER] [--program PATH]
       cargo xtask bench start [--finished N] [--open N] [--in FOLDER] [--program PATH]
       cargo xtask bench versions --beside PATH [--rounds N] [--megabytes N] [--count N] [--sessions N] [--octets N]
                                  [--in FOLDER] [--program PATH]";

/// The options behind the name of the benchmark.
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

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
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
