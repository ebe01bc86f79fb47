//! Building the repository's components, for `cargo xtask guests`, the host's build script and the
//! tests of the policy crate, which all include this file. It uses the standard library only.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// A component of this repository.
#[derive(Clone, Copy)]
pub struct Guest {
    /// Its workspace, from the root of the repository.
    workspace: &'static str,
    /// Its package; the component is called `{package}.wasm`.
    package: &'static str,
}

/// The policies to learn from.
pub const EXAMPLES: &[Guest] = &[
    Guest {
        workspace: "guest-examples",
        package: "known-partners",
    },
    Guest {
        workspace: "guest-examples",
        package: "route-by-name",
    },
    Guest {
        workspace: "guest-examples",
        package: "route-by-day",
    },
    Guest {
        workspace: "guest-examples",
        package: "secure-by-name",
    },
];

/// The policies that only tests deploy.
#[allow(dead_code, reason = "the host's build script has no use for them")]
pub const FOR_TESTS: &[Guest] = &[
    Guest {
        workspace: "tests/guests",
        package: "misbehave",
    },
    Guest {
        workspace: "tests/guests",
        package: "traps-at-start",
    },
    Guest {
        workspace: "tests/guests",
        package: "terms",
    },
    Guest {
        workspace: "tests/guests",
        package: "older",
    },
    Guest {
        workspace: "tests/guests",
        package: "one-hook",
    },
];

/// Build components into `out`. `repository` is its root, `work` a folder for what cargo makes on
/// the way. Gives the components' paths in the guests' order.
pub fn build(
    repository: &Path,
    guests: &[Guest],
    work: &Path,
    out: &Path,
) -> Result<Vec<PathBuf>, String> {
    have_target(repository)?;
    fs::create_dir_all(out).map_err(|e| format!("cannot make {}: {e}", out.display()))?;
    guests
        .iter()
        .map(|guest| {
            cargo_build(repository, guest, work)?;
            put_in_place(guest, work, out)
        })
        .collect()
}

/// Files and folders the examples are made from: when one of these changes, they must be rebuilt.
#[allow(dead_code, reason = "for the build script only")]
pub fn sources(repository: &Path) -> Vec<PathBuf> {
    [
        "wit",
        "crates/policy-sdk/Cargo.toml",
        "crates/policy-sdk/src",
        "guest-examples/Cargo.toml",
        "guest-examples/Cargo.lock",
        "guest-examples/rust-known-partners",
        "guest-examples/rust-route-by-day",
        "guest-examples/rust-route-by-name",
        "guest-examples/rust-secure-by-name",
        "xtask/src/guests/build.rs",
    ]
    .map(|path| repository.join(path))
    .to_vec()
}

/// The standard library for components; asks rustup for it if it is not there.
fn have_target(repository: &Path) -> Result<(), String> {
    if target_installed(repository) {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(repository)
        .output();
    if target_installed(repository) {
        return Ok(());
    }
    let why = match added {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(e) => format!("rustup cannot be run: {e}"),
    };
    Err(format!(
        "the Rust target {TARGET} is missing, and policies are built for it. Install it with \
         `rustup target add {TARGET}`, or your distribution's package of it. It was tried: {why}"
    ))
}

fn target_installed(repository: &Path) -> bool {
    Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(repository)
        .output()
        .is_ok_and(|output| {
            output.status.success()
                && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        })
}

/// A cargo of its own: nothing of an outer cargo's flags, wrappers and folders may reach it.
fn cargo_build(repository: &Path, guest: &Guest, work: &Path) -> Result<(), String> {
    let manifest = repository.join(guest.workspace).join("Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| is_outer(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    let output = cargo
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            TARGET,
            "--package",
            guest.package,
        ])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(work)
        .env("CARGO_ENCODED_RUSTFLAGS", plain_paths(repository))
        .current_dir(repository)
        .output()
        .map_err(|e| format!("cannot run cargo for {}: {e}", manifest.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{} was not built:\n{}",
        manifest.display(),
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn is_outer(name: &str) -> bool {
    matches!(
        name,
        "RUSTC"
            | "RUSTDOC"
            | "RUSTFLAGS"
            | "RUSTC_WRAPPER"
            | "RUSTC_WORKSPACE_WRAPPER"
            | "CARGO_ENCODED_RUSTFLAGS"
            | "CARGO_INCREMENTAL"
            | "CARGO_MAKEFLAGS"
            | "MAKEFLAGS"
    ) || [
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "CARGO_UNSTABLE_",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// Panic messages hold paths of source files. Without the folders they happen to be in here, a
/// component is the same octets, and so the same digest, wherever it is built.
fn plain_paths(repository: &Path) -> String {
    let mut flags = vec![format!("--remap-path-prefix={}=", repository.display())];
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags.join("\u{1f}")
}

/// Copied beside its place and renamed into it, so that nobody ever reads half a component.
fn put_in_place(guest: &Guest, work: &Path, out: &Path) -> Result<PathBuf, String> {
    let package = guest.package;
    let made = work
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", package.replace('-', "_")));
    let place = out.join(format!("{package}.wasm"));
    let beside = out.join(format!("{package}.wasm.tmp"));
    fs::copy(&made, &beside)
        .and_then(|_| fs::rename(&beside, &place))
        .map_err(|e| format!("cannot copy {} to {}: {e}", made.display(), place.display()))?;
    Ok(place)
}
