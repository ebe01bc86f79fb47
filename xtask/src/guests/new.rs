//! `cargo xtask new-policy FOLDER`: a policy of one's own, outside of the repository. It is the smallest example, with the
//! SDK and the contract beside it, so that it needs nothing of the repository any more.

use std::fs;
use std::path::Path;

/// The example that it begins with.
const EXAMPLE: &str = "guest-examples/rust-route-by-day";
/// What the SDK is made from, in the same places as in the repository.
const NEEDED: [&str; 4] = [
    "wit",
    "crates/policy-sdk/src",
    "crates/policy-sdk/Cargo.toml",
    "rust-toolchain.toml",
];

/// Makes it in `arguments`' only one, a folder that is not there yet, whose name is the policy's.
///
/// # Errors
/// There is something already, the name is none for a package, or it cannot be written.
pub fn run(repository: &Path, arguments: &[String]) -> Result<(), String> {
    let [folder] = arguments else {
        return Err("usage: cargo xtask new-policy FOLDER".to_owned());
    };
    let folder = Path::new(folder);
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_plain) {
        return Err(format!(
            "`{name}` is no name for a policy: small letters, digits and `-`, a letter first"
        ));
    }
    if folder.exists() {
        return Err(format!("{} is there already", folder.display()));
    }
    for part in NEEDED {
        copy(&repository.join(part), &folder.join(part))?;
    }
    let example = repository.join(EXAMPLE);
    copy(&example.join("src"), &folder.join("src"))?;
    let lock = repository.join("guest-examples/Cargo.lock");
    copy(&lock, &folder.join("Cargo.lock"))?;
    let workspace = read(&repository.join("guest-examples/Cargo.toml"))?;
    let manifest = manifest(&read(&example.join("Cargo.toml"))?, &workspace, &name)?;
    write(&folder.join("Cargo.toml"), &manifest)?;
    write(&folder.join(".gitignore"), "/target\n")?;
    println!(
        "{} is made. In it, `cargo build --release --target wasm32-wasip2` makes target/wasm32-wasip2/release/{}.wasm",
        folder.display(),
        name.replace('-', "_")
    );
    Ok(())
}

/// The example's, as a workspace of its own with the lints and the profile of all examples.
fn manifest(example: &str, workspace: &str, name: &str) -> Result<String, String> {
    let missing = |what: &str| format!("the example's manifests are not as expected: no {what}");
    let (_, shared) = workspace
        .split_once("[workspace.lints.clippy]")
        .ok_or_else(|| missing("[workspace.lints.clippy]"))?;
    let mut own = example.to_owned();
    for (of_the_example, here) in [
        ("name = \"route-by-day\"", format!("name = \"{name}\"")),
        ("[lints]\nworkspace = true\n\n", String::new()),
        (
            "path = \"../../crates/policy-sdk\"",
            "path = \"crates/policy-sdk\"".to_owned(),
        ),
    ] {
        if !own.contains(of_the_example) {
            return Err(missing(of_the_example));
        }
        own = own.replace(of_the_example, &here);
    }
    Ok(format!(
        "{own}\n[workspace]\nexclude = [\"crates\"]\n\n[lints.clippy]{shared}"
    ))
}

/// A file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if !from.is_dir() {
        let octets = fs::read(from).map_err(|error| shown("read", from, &error))?;
        return write(to, octets);
    }
    let entries = fs::read_dir(from).map_err(|error| shown("read", from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| shown("read", from, &error))?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| shown("read", path, &error))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| shown("make", folder, &error))?;
    }
    fs::write(path, content).map_err(|error| shown("write", path, &error))
}

fn shown(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
