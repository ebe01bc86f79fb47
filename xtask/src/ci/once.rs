//! What `cargo run` built is what `cargo test --workspace` needs: no crate is built a second time with other features.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use serde_json::Value;

use crate::proofs::cargo;

/// Looks at what cargo would build for both; builds nothing.
///
/// # Errors
/// The crates that would be built twice, and which features make it so.
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
            "{} crates are built by `cargo run`, and again by `cargo test --workspace`:\n  {}\n\
             since that asks for other features of:\n  {}\n\
             add these features to a package that both build, as host/Cargo.toml does with zerocopy",
            again.len(),
            again.join("\n  "),
            more_features(&run, &test).join("\n  ")
        )),
    }
}

/// One thing that cargo builds.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Unit {
    package: String,
    /// Target, mode, platform and what of the profile decides about the code.
    how: String,
    features: String,
    /// All of the above, and the same of everything that it is built from: what cargo builds once.
    identity: u64,
}

fn units(root: &Path, arguments: &[&str]) -> Result<Vec<Unit>, String> {
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

fn read(graph: &[u8]) -> Result<Vec<Unit>, String> {
    let graph: Value = serde_json::from_slice(graph)
        .map_err(|error| format!("cargo told no graph of units: {error}"))?;
    let told = graph.get("units").and_then(Value::as_array);
    let told = told.ok_or("the graph of units has no `units`: has its form changed?")?;
    let mut identities = BTreeMap::new();
    let units = told.iter().enumerate().map(|(at, unit)| Unit {
        package: package(unit),
        how: how(unit),
        features: text(unit, "features"),
        identity: identity(at, told, &mut identities),
    });
    Ok(units.collect())
}

fn package(unit: &Value) -> String {
    let id = unit.get("pkg_id").and_then(Value::as_str);
    id.unwrap_or_default().to_owned()
}

fn how(unit: &Value) -> String {
    let mut profile = unit.get("profile").cloned().unwrap_or_default();
    // `dev` and `test` build the same code, where nothing but the name differs.
    if let Some(profile) = profile.as_object_mut() {
        profile.remove("name");
    }
    let rest = ["target", "mode", "platform"].map(|key| text(unit, key));
    format!("{} {profile}", rest.join(" "))
}

fn text(unit: &Value, key: &str) -> String {
    unit.get(key).cloned().unwrap_or_default().to_string()
}

/// The number of what the unit at `at` is and is built from; `known` are those that were found already.
fn identity(at: usize, units: &[Value], known: &mut BTreeMap<usize, u64>) -> u64 {
    if let Some(identity) = known.get(&at) {
        return *identity;
    }
    let unit = units.get(at).unwrap_or(&Value::Null);
    let needs = unit.get("dependencies").and_then(Value::as_array);
    let needs = needs.into_iter().flatten();
    let needs = needs.filter_map(|one| one.get("index")?.as_u64());
    let mut needs: Vec<u64> = needs
        .map(|index| identity(index as usize, units, known))
        .collect();
    needs.sort_unstable();
    let mut hasher = DefaultHasher::new();
    (package(unit), how(unit), text(unit, "features"), needs).hash(&mut hasher);
    let identity = hasher.finish();
    known.insert(at, identity);
    identity
}

/// What `cargo run` built, and the tests cannot use.
fn again(run: &[Unit], test: &[Unit]) -> Vec<String> {
    let of_tests: BTreeSet<u64> = test.iter().map(|unit| unit.identity).collect();
    let other = run.iter().filter(|unit| !of_tests.contains(&unit.identity));
    let named: BTreeSet<String> = other.map(|unit| unit.package.clone()).collect();
    named.into_iter().collect()
}

/// The crates that both build, and the tests with features that `cargo run` does not ask for.
fn more_features(run: &[Unit], test: &[Unit]) -> Vec<String> {
    let same = |one: &Unit, other: &Unit| (&one.package, &one.how) == (&other.package, &other.how);
    let more = test.iter().filter(|unit| {
        let mut before = run.iter().filter(|other| same(unit, other)).peekable();
        before.peek().is_some() && !before.any(|other| other.features == unit.features)
    });
    let named: BTreeSet<String> = more
        .map(|unit| format!("{} {}", unit.package, unit.features))
        .collect();
    named.into_iter().collect()
}

fn crates(units: &[Unit]) -> usize {
    let names: BTreeSet<&String> = units.iter().map(|unit| &unit.package).collect();
    names.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program, the library it uses, and one below that with `features`, as `profile` builds them.
    fn graph(profile: &str, features: &str) -> Vec<Unit> {
        let unit = |package: &str, features: &str, needs: &str| {
            format!(
                r#"{{"pkg_id": "{package}", "target": {{"name": "it"}}, "mode": "build", "platform": null,
                "profile": {{"name": "{profile}", "opt_level": "2"}}, "features": {features}, "dependencies": {needs}}}"#
            )
        };
        let units = [
            unit("ours", "[]", r#"[{"index": 1}]"#),
            unit("object@0.39", "[]", r#"[{"index": 2}]"#),
            unit("memchr@2.8", features, "[]"),
        ];
        read(format!(r#"{{"units": [{}]}}"#, units.join(",")).as_bytes()).unwrap()
    }

    #[test]
    fn what_is_built_for_both_in_one_form_is_built_once() {
        let run = graph("dev", r#"["std"]"#);
        let test = graph("test", r#"["std"]"#);
        assert_eq!(again(&run, &test), Vec::<String>::new());
        assert_eq!(more_features(&run, &test), Vec::<String>::new());
        assert_eq!(crates(&run), 3);
    }

    #[test]
    fn a_crate_that_tests_need_with_other_features_is_named_with_all_that_is_built_on_it() {
        let run = graph("dev", r#"["std"]"#);
        let test = graph("test", r#"["default","std"]"#);
        assert_eq!(again(&run, &test), ["memchr@2.8", "object@0.39", "ours"]);
        let more = more_features(&run, &test);
        assert_eq!(more, [r#"memchr@2.8 ["default","std"]"#]);
    }
}
