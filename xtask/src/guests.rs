//! `cargo xtask guests`: the repository's components into `target/guests`.

mod build;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Build them all, and tell what was built.
pub fn run() -> Result<(), String> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let repository = xtask.parent().ok_or("xtask has no folder above it")?;
    let out = repository.join("target").join("guests");
    let guests = [build::EXAMPLES, build::FOR_TESTS].concat();
    for component in build::build(repository, &guests, &out.join("build"), &out)? {
        let octets = fs::read(&component)
            .map_err(|e| format!("cannot read {}: {e}", component.display()))?;
        let shown = component.strip_prefix(repository).unwrap_or(&component);
        println!(
            "{:>9} {} {}",
            octets.len(),
            sha256(&octets),
            shown.display()
        );
    }
    Ok(())
}

fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets)
        .iter()
        .fold(String::new(), |mut hex, octet| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{octet:02x}");
            hex
        })
}
