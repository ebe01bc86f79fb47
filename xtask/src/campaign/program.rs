//! Builds the program that a campaign runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::files::at;

/// Builds the program with features that only campaigns want, beside the program proper; gives its path.
pub fn build_for_campaigns(root: &Path, features: &str, release: bool) -> Result<PathBuf, String> {
    let built = build_with(root, release, &["--features", features])?;
    let folder = root.join("target/campaign");
    let kept = folder.join("pointsman");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    fs::copy(&built, &kept).map_err(at(&kept))?;
    Ok(kept)
}

/// Builds the program; gives its path.
pub fn build(root: &Path, release: bool) -> Result<PathBuf, String> {
    build_with(root, release, &[])
}

fn build_with(root: &Path, release: bool, more: &[&str]) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .current_dir(root)
        .args(["build", "--quiet", "--package", "pointsman"])
        .args(more);
    if release {
        build.arg("--release");
    }
    let status = build
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("the program does not build: {status}"));
    }
    let profile = if release { "release" } else { "debug" };
    Ok(root.join("target").join(profile).join("pointsman"))
}
