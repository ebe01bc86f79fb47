//! `cargo xtask new-policy FOLDER [EXAMPLE]`: a policy of one's own, outside of the repository. It is one of the examples,
//! the smallest where none is named, with the SDK and the contract beside it, so that it needs nothing of the repository
//! any more.

use std::fs;
use std::path::Path;

/// The example that it begins with where none is named.
const SMALLEST: &str = "rust-route-by-day";
/// Where the examples are, each in a folder of its own.
const EXAMPLES: &str = "guest-examples";
/// What the SDK is made from, in the same places as in the repository.
const NEEDED: [&str; 4] = [
    "wit",
    "crates/policy-sdk/src",
    "crates/policy-sdk/Cargo.toml",
    "rust-toolchain.toml",
];

/// Makes it in the first argument, a folder that is not there yet, whose name is the policy's; the second is the folder of
/// an example.
///
/// # Errors
/// There is something already, the name is none for a package, there is no such example, or it cannot be written.
pub fn run(repository: &Path, arguments: &[String]) -> Result<(), String> {
    let (folder, example) = match arguments {
        [folder] => (folder, SMALLEST),
        [folder, example] => (folder, example.as_str()),
        _ => return Err("usage: cargo xtask new-policy FOLDER [EXAMPLE]".to_owned()),
    };
    let known = examples(repository)?;
    if !known.iter().any(|known| known == example) {
        let known = known.join(", ");
        return Err(format!("`{example}` is no example; there are {known}"));
    }
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
    let example = repository.join(EXAMPLES).join(example);
    copy(&example.join("src"), &folder.join("src"))?;
    let all = repository.join(EXAMPLES);
    copy(&all.join("Cargo.lock"), &folder.join("Cargo.lock"))?;
    let workspace = read(&all.join("Cargo.toml"))?;
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

/// The folders of the examples.
///
/// # Errors
/// They cannot be listed.
pub fn examples(repository: &Path) -> Result<Vec<String>, String> {
    let all = repository.join(EXAMPLES);
    let entries = fs::read_dir(&all).map_err(|error| shown("list", &all, &error))?;
    let folders = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// The example's, as a workspace of its own with the lints and the profile of all examples.
fn manifest(example: &str, workspace: &str, name: &str) -> Result<String, String> {
    let missing = |what: &str| format!("the example's manifests are not as expected: no {what}");
    let (_, shared) = workspace
        .split_once("[workspace.lints.clippy]")
        .ok_or_else(|| missing("[workspace.lints.clippy]"))?;
    let named = example
        .lines()
        .find(|line| line.starts_with("name = "))
        .ok_or_else(|| missing("name"))?;
    let mut own = example.to_owned();
    for (of_the_example, here) in [
        (named, format!("name = \"{name}\"")),
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
