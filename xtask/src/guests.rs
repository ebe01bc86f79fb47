//! `cargo xtask guests`: the repository's components into `target/guests`.

mod build;
pub mod new;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Builds the component that does on request what no policy should, and gives its path.
///
/// # Errors
/// It cannot be built.
pub fn misbehave(repository: &Path) -> Result<PathBuf, String> {
    let out = out(repository);
    let built = build::build(repository, build::FOR_TESTS, &work(repository), &out)?;
    let found = built
        .into_iter()
        .find(|path| path.ends_with("misbehave.wasm"));
    found.ok_or_else(|| "there is no misbehave.wasm".to_owned())
}

/// Build them all, and tell what was built.
pub fn run() -> Result<(), String> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let repository = xtask.parent().ok_or("xtask has no folder above it")?;
    let out = out(repository);
    let guests = [build::EXAMPLES, build::FOR_TESTS].concat();
    for component in build::build(repository, &guests, &work(repository), &out)? {
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

fn out(repository: &Path) -> PathBuf {
    repository.join("target").join("guests")
}

/// Where cargo builds components: one folder for all, so that what they have in common is built once.
pub fn work(repository: &Path) -> PathBuf {
    out(repository).join("build")
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
