//! Builds the example policies into `OUT_DIR`, from where the demonstration embeds them:
//! `known-partners.wasm` and `route-by-name.wasm`.

#[path = "../xtask/src/guests/build.rs"]
mod guests;

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    if let Err(error) = build() {
        // Each line of it, or cargo shows only the first.
        for line in error.lines() {
            println!("cargo::error={line}");
        }
    }
}

fn build() -> Result<(), String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("the host has no folder above it")?;
    for source in guests::sources(repository) {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo gives no OUT_DIR")?);
    guests::build(repository, guests::EXAMPLES, &out.join("guests"), &out)?;
    Ok(())
}
