//! What `cargo run` built is what `cargo test --workspace` needs: no crate is built a second time with other features.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::proofs::cargo;

/// Looks at what cargo would build for both; builds nothing.
///
/// # Errors
/// The crates that would be built twice.
pub(super) fn look(root: &Path) -> Result<String, String> {
    let run = units(root, &["build", "--locked"])?;
    let test = units(root, &["test", "--workspace", "--locked"])?;
    let again = again(&run, &test);
    match again.as_slice() {
        [] => Ok(format!(
            "{} crates are built for `cargo run`, {} for `cargo test --workspace`; twice: 0",
            crates(&run),
            crates(&test)
        )),
        again => Err(format!(
            "{} crates are built by `cargo run`, and with other features again by `cargo test --workspace`:\n  {}\n\
             add the missing features to a package that both build, as host/Cargo.toml does with zerocopy",
            again.len(),
            again.join("\n  ")
        )),
    }
}

/// The features of each thing that is built: by crate, target, what is done with it, and profile.
type Units = BTreeMap<[String; 4], BTreeSet<String>>;

fn units(root: &Path, arguments: &[&str]) -> Result<Units, String> {
    let told = cargo(root, arguments)
        .args(["--unit-graph", "-Z", "unstable-options"])
        // The graph is not stable yet; what it says is only looked at.
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned());
    }
    read(&told.stdout)
}

fn read(graph: &[u8]) -> Result<Units, String> {
    let graph: Value = serde_json::from_slice(graph)
        .map_err(|error| format!("cargo told no graph of units: {error}"))?;
    let units = graph.get("units").and_then(Value::as_array);
    let units = units.ok_or("the graph of units has no `units`: has its form changed?")?;
    let mut found = Units::new();
    for unit in units {
        let of = |key: &str| unit.get(key).cloned().unwrap_or_default();
        let package = of("pkg_id").as_str().unwrap_or_default().to_owned();
        // What is ours is built as a library and for its own tests.
        if !package.starts_with("registry+") {
            continue;
        }
        let name = of("target").get("name").cloned().unwrap_or_default();
        let what = [
            package,
            name.to_string(),
            of("mode").to_string(),
            of("profile").to_string(),
        ];
        found
            .entry(what)
            .or_default()
            .insert(of("features").to_string());
    }
    Ok(found)
}

/// What both need, and the second in another form.
fn again(run: &Units, test: &Units) -> Vec<String> {
    let other = test.iter().filter_map(|(what, features)| {
        let before = run.get(what)?;
        let more: Vec<&str> = features.difference(before).map(String::as_str).collect();
        let [package, ..] = what;
        (!more.is_empty()).then(|| format!("{package} {}", more.join(" ")))
    });
    let named: BTreeSet<String> = other.collect();
    named.into_iter().collect()
}

fn crates(units: &Units) -> usize {
    let names: BTreeSet<&String> = units.keys().map(|[package, ..]| package).collect();
    names.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_built_with_other_features_is_named() {
        let graph = |features: &str| {
            let unit = format!(
                r#"{{"units": [{{"pkg_id": "registry+x#bytes@1.0", "target": {{"name": "bytes"}}, "mode": "build",
                "profile": {{"opt_level": "2"}}, "features": {features}}}, {{"pkg_id": "path+file:///ours"}}]}}"#
            );
            read(unit.as_bytes()).unwrap()
        };
        let (run, test) = (graph(r#"["std"]"#), graph(r#"["serde", "std"]"#));
        assert_eq!(again(&run, &run), Vec::<String>::new());
        let named = again(&run, &test);
        assert_eq!(named.len(), 1);
        assert!(
            named[0].contains("bytes@1.0") && named[0].contains("serde"),
            "{named:?}"
        );
        assert_eq!(crates(&run), 1);
    }
}
