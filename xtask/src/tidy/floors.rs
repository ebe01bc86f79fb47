//! The floors: an arrow between crates goes down, never up and never sideways; a heavy dependency stays in
//! its room; the protocol stands on nothing.

use toml::{Table, Value};

use super::offence::Offence;
use crate::source::tree::Tree;

/// The floor of every crate of the workspace.
const FLOORS: [(&str, u8); 12] = [
    ("oftp", 0),
    ("pointsman-folder", 0),
    ("pointsman-kernel", 0),
    ("pointsman-log", 0),
    ("pointsman-policy-serde", 0),
    ("pointsman-cms", 1),
    ("pointsman-store", 1),
    ("pointsman-policy", 1),
    ("pointsman-naming", 1),
    ("pointsman-keys", 2),
    ("pointsman", 3),
    ("xtask", 4),
];

/// Heavy dependencies, with all that begins with their name and a dash, and the crates that may have them.
const ROOMS: [(&str, &[&str]); 7] = [
    ("wasmtime", &["pointsman-policy"]),
    ("wasmparser", &["pointsman-policy"]),
    ("rusqlite", &["pointsman-store"]),
    ("openssl", &["pointsman-cms", "pointsman-keys"]),
    ("flate2", &["pointsman-cms"]),
    ("rustls", &["pointsman"]),
    ("tokio-rustls", &["pointsman"]),
];

/// What the protocol may be built from: a session is a value, and does nothing by itself.
const UNDER_OFTP: [&str; 2] = ["thiserror", "fearless_simd"];

const MAP: &str = "see `The floors` in ARCHITECTURE.md";

/// A crate of the workspace.
struct Member {
    manifest: String,
    name: String,
    needs: Vec<Need>,
}

/// What a crate depends on.
struct Need {
    package: String,
    for_tests: bool,
}

pub(super) fn check(tree: &Tree) -> Result<Vec<Offence>, String> {
    Ok(members(tree)?.iter().flat_map(check_member).collect())
}

fn check_member(member: &Member) -> Vec<Offence> {
    let Some(floor) = floor(&member.name) else {
        let what = format!("`{}` has no floor", member.name);
        return vec![Offence::new(
            &member.manifest,
            what,
            "give it one in xtask/src/tidy/floors.rs and on the map in ARCHITECTURE.md",
        )];
    };
    member
        .needs
        .iter()
        .filter_map(|need| check_arrow(member, floor, need).or_else(|| check_room(member, need)))
        .collect()
}

fn check_arrow(member: &Member, from: u8, need: &Need) -> Option<Offence> {
    let to = floor(&need.package).filter(|to| *to >= from)?;
    let way = if to == from { "sideways" } else { "up" };
    let what = format!(
        "`{}` (floor {from}) depends on `{}` (floor {to}): that arrow runs {way}",
        member.name, need.package
    );
    Some(Offence::new(
        &member.manifest,
        what,
        format!("let a crate above introduce the two, or move what they share down; {MAP}"),
    ))
}

fn check_room(member: &Member, need: &Need) -> Option<Offence> {
    let package = &need.package;
    if member.name == "oftp" && !need.for_tests && !UNDER_OFTP.contains(&package.as_str()) {
        let what = format!(
            "`oftp` depends on `{package}`: the protocol stands on nothing but {}",
            UNDER_OFTP.join(", ")
        );
        return Some(Offence::new(
            &member.manifest,
            what,
            format!("do it in the host and hand the protocol the result; {MAP}"),
        ));
    }
    let (_, rooms) = ROOMS
        .iter()
        .find(|(heavy, _)| package == heavy || package.starts_with(&format!("{heavy}-")))?;
    (!rooms.contains(&member.name.as_str())).then(|| {
        let rooms = rooms.join("` and `");
        let what = format!(
            "`{}` depends on `{package}`, which belongs in `{rooms}` alone",
            member.name
        );
        Offence::new(
            &member.manifest,
            what,
            format!("ask `{rooms}` for what is needed; {MAP}"),
        )
    })
}

fn floor(package: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == package)
        .map(|(_, floor)| *floor)
}

fn members(tree: &Tree) -> Result<Vec<Member>, String> {
    let root = manifest(tree, "Cargo.toml")?;
    let workspace = root
        .get("workspace")
        .and_then(Value::as_table)
        .ok_or("Cargo.toml: there is no workspace in it")?;
    let folders = workspace
        .get("members")
        .and_then(Value::as_array)
        .ok_or("Cargo.toml: the workspace has no members")?;
    let shared = workspace
        .get("dependencies")
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    folders
        .iter()
        .filter_map(Value::as_str)
        .map(|folder| member(tree, &shared, format!("{folder}/Cargo.toml")))
        .collect()
}

fn member(tree: &Tree, shared: &Table, path: String) -> Result<Member, String> {
    let manifest = manifest(tree, &path)?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str);
    let name = name
        .ok_or_else(|| format!("{path}: the package has no name"))?
        .to_owned();
    let mut needs = needs(&manifest, shared);
    let targets = manifest.get("target").and_then(Value::as_table);
    for target in targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table)
    {
        needs.extend(self::needs(target, shared));
    }
    Ok(Member {
        manifest: path,
        name,
        needs,
    })
}

fn needs(table: &Table, shared: &Table) -> Vec<Need> {
    let sections = [
        ("dependencies", false),
        ("build-dependencies", false),
        ("dev-dependencies", true),
    ];
    let mut needs = Vec::new();
    for (section, for_tests) in sections {
        let entries = table.get(section).and_then(Value::as_table);
        for (key, entry) in entries.into_iter().flatten() {
            needs.push(Need {
                package: package(key, entry, shared),
                for_tests,
            });
        }
    }
    needs
}

/// The package behind a dependency's name, which may be another where `package` says so.
fn package(key: &str, entry: &Value, shared: &Table) -> String {
    let renamed = |entry: &Value| {
        entry
            .get("package")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    renamed(entry)
        .or_else(|| shared.get(key).and_then(renamed))
        .unwrap_or_else(|| key.to_owned())
}

fn manifest(tree: &Tree, path: &str) -> Result<Table, String> {
    tree.text(path)?
        .parse()
        .map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a workspace with these manifests; the folder is the package.
    fn told(root: &str, manifests: &[(&str, &str)]) -> Vec<String> {
        let folders: Vec<String> = manifests
            .iter()
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        let root = format!("[workspace]\nmembers = [{}]\n{root}", folders.join(", "));
        let mut files = vec![("Cargo.toml".to_owned(), root)];
        for (name, needs) in manifests {
            files.push((
                format!("{name}/Cargo.toml"),
                format!("[package]\nname = {name:?}\n{needs}"),
            ));
        }
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let (_folder, tree) = Tree::planted(&files);
        check(&tree)
            .unwrap()
            .into_iter()
            .map(|offence| format!("{}: {}", offence.place, offence.what))
            .collect()
    }

    #[test]
    fn arrows_that_go_down_are_fine() {
        let fine = [
            (
                "oftp",
                "[dependencies]\nthiserror = \"2\"\n[dev-dependencies]\nproptest = \"1\"",
            ),
            (
                "pointsman-store",
                "[dependencies]\noftp.workspace = true\nrusqlite = \"1\"",
            ),
            (
                "pointsman",
                "[dependencies]\noftp.workspace = true\npointsman-store.workspace = true\nrustls-pki-types = \"1\"",
            ),
        ];
        assert_eq!(told("", &fine), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_up_and_one_sideways_are_found() {
        let up = told(
            "",
            &[(
                "pointsman-store",
                "[dependencies]\npointsman = { path = \"../pointsman\" }",
            )],
        );
        assert_eq!(
            up,
            [
                "pointsman-store/Cargo.toml: `pointsman-store` (floor 1) depends on `pointsman` (floor 3): that arrow runs up"
            ]
        );
        let sideways = told(
            "",
            &[(
                "pointsman-policy",
                "[dev-dependencies]\npointsman-store.workspace = true",
            )],
        );
        assert!(
            sideways.join("").ends_with("that arrow runs sideways"),
            "{sideways:?}"
        );
        let hidden = told(
            "",
            &[(
                "oftp",
                "[target.'cfg(unix)'.dev-dependencies]\nxtask = \"1\"",
            )],
        );
        assert!(
            hidden.join("").ends_with("that arrow runs up"),
            "{hidden:?}"
        );
    }

    #[test]
    fn a_heavy_dependency_outside_its_room_is_found_under_any_name() {
        let plain = told(
            "",
            &[("pointsman", "[dependencies]\nwasmtime-wasi = \"48\"")],
        );
        assert_eq!(
            plain,
            [
                "pointsman/Cargo.toml: `pointsman` depends on `wasmtime-wasi`, which belongs in `pointsman-policy` alone"
            ]
        );
        let renamed = told(
            "",
            &[(
                "xtask",
                "[build-dependencies]\ndb = { package = \"rusqlite\", version = \"1\" }",
            )],
        );
        assert!(renamed.join("").contains("`rusqlite`"), "{renamed:?}");
        let inherited =
            "[workspace.dependencies]\nsecrets = { package = \"rustls\", version = \"1\" }";
        let inherited = told(
            inherited,
            &[(
                "pointsman-store",
                "[dependencies]\nsecrets.workspace = true",
            )],
        );
        assert!(inherited.join("").contains("`rustls`"), "{inherited:?}");
    }

    #[test]
    fn the_protocol_gets_nothing_to_do_things_with() {
        let clock = told("", &[("oftp", "[dependencies]\ntokio = \"1\"")]);
        assert_eq!(
            clock,
            [
                "oftp/Cargo.toml: `oftp` depends on `tokio`: the protocol stands on nothing but thiserror, fearless_simd"
            ]
        );
    }

    #[test]
    fn a_crate_without_a_floor_is_found() {
        assert_eq!(
            told("", &[("annex", "")]),
            ["annex/Cargo.toml: `annex` has no floor"]
        );
    }
}
