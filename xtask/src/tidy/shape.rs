//! The shape of the product: files and functions of a length that can be read, no circles of files, one meaning a name,
//! and floors among the rooms of the host as there are among the crates.

use super::offence::Offence;
use crate::exceptions::{CIRCLES, LEFT, LONG_FILES, LONG_FUNCTIONS};
use crate::source::modules::Crates;
use crate::source::rooms::{self, Arrows};
use crate::source::{LONG_FILE, LONG_FUNCTION, circles, names};

/// The rooms of the host from the top down: each may use those that come after it. The first is `lib.rs`.
const FLOORS: [&str; 12] = [
    "lib", "cli", "server", "operator", "outbound", "session", "inbound", "station", "policy",
    "security", "events", "config",
];

const EXCEPTIONS: &str = "or give a reason in xtask/src/exceptions.rs";

/// What each rule finds, and how much of it is let pass.
pub(super) fn check(crates: &Crates) -> Vec<(Vec<Offence>, usize)> {
    vec![
        (long_files(crates), LEFT.files),
        (long_functions(crates), LEFT.functions),
        (files_in_circles(crates), LEFT.circles),
        (shared_names(crates), LEFT.names),
        (upward(&rooms::rooms(crates), &rooms::arrows(crates)), 0),
    ]
}

fn long_files(crates: &Crates) -> Vec<Offence> {
    let files = crates.product().flat_map(|one| &one.files);
    files
        .filter(|file| file.lines.all > LONG_FILE)
        .filter(|file| LONG_FILES.iter().all(|(path, _)| *path != file.path))
        .map(|file| {
            let what = format!("{} lines; a file has at most {LONG_FILE}", file.lines.all);
            Offence::new(
                &file.path,
                what,
                format!("cut it into its thoughts, {EXCEPTIONS}"),
            )
        })
        .collect()
}

fn long_functions(crates: &Crates) -> Vec<Offence> {
    let mut found = Vec::new();
    for file in crates.product().flat_map(|one| &one.files) {
        for function in &file.functions {
            let key = format!("{} {}", file.path, function.name);
            let has_reason = LONG_FUNCTIONS.iter().any(|(allowed, _)| *allowed == key);
            if function.length > LONG_FUNCTION && !has_reason {
                let what = format!(
                    "`{}` has {} lines of code; a function has at most {LONG_FUNCTION}",
                    function.name, function.length
                );
                found.push(Offence::new(
                    format!("{}:{}", file.path, function.first),
                    what,
                    format!("give its steps names, {EXCEPTIONS}"),
                ));
            }
        }
    }
    found
}

fn files_in_circles(crates: &Crates) -> Vec<Offence> {
    let circles = (0..crates.all.len()).flat_map(|krate| circles::find(crates, krate));
    circles
        .filter(|circle| circles::reason(circle, CIRCLES).is_none())
        .map(|circle| {
            let what = format!("files that use each other in a circle: {}", circle.join(", "));
            let remedy = format!(
                "move what both need into a file below (`cargo xtask measure --arrows` shows who uses whom), {EXCEPTIONS}"
            );
            Offence::new(circle.first().cloned().unwrap_or_default(), what, remedy)
        })
        .collect()
}

fn shared_names(crates: &Crates) -> Vec<Offence> {
    let shared = names::shared(crates)
        .into_iter()
        .filter(names::SharedName::is_offence);
    shared
        .map(|name| {
            let what = format!(
                "`{}` is the name of several types: {}",
                name.name,
                name.public.join(", ")
            );
            let remedy = format!(
                "give each a name of its own (docs/glossary.md has the words), {EXCEPTIONS}"
            );
            Offence::new(
                name.public.first().cloned().unwrap_or_default(),
                what,
                remedy,
            )
        })
        .collect()
}

/// Arrows between rooms that do not run down, and rooms without a floor.
fn upward(rooms: &[String], arrows: &Arrows) -> Vec<Offence> {
    let floor = |room: &str| FLOORS.iter().position(|name| *name == room);
    let mut found = Vec::new();
    for room in rooms.iter().filter(|room| floor(room).is_none()) {
        found.push(Offence::new(
            format!("host/src/{room}"),
            format!("the room `{room}` has no floor"),
            "give it one in xtask/src/tidy/shape.rs and on the map in ARCHITECTURE.md, or move it into a room",
        ));
    }
    for ((from, to), files) in arrows {
        if let (Some(above), Some(below)) = (floor(from), floor(to))
            && above > below
        {
            found.push(Offence::new(
                files.join(", "),
                format!("`{from}` uses `{to}`, which is above it"),
                "let a room above introduce the two, or move what they share down; see ARCHITECTURE.md",
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::Tree;

    fn crates(files: &[(&str, &str)]) -> Crates {
        let mut all = vec![
            ("Cargo.toml", "[workspace]\nmembers = [\"host\", \"xtask\"]"),
            ("host/Cargo.toml", "[package]\nname = \"pointsman\""),
            ("xtask/Cargo.toml", "[package]\nname = \"xtask\""),
        ];
        all.extend_from_slice(files);
        let (_folder, tree) = Tree::planted(&all);
        Crates::read(&tree).unwrap()
    }

    fn told(offences: &[Offence]) -> Vec<String> {
        let told = offences
            .iter()
            .map(|offence| format!("{}: {}", offence.place, offence.what));
        told.collect()
    }

    #[test]
    fn files_and_functions_of_the_product_have_limits() {
        let body = format!("\nfn a() {{\n{}}}\n", "b();\n".repeat(500));
        let tests = format!("#[cfg(test)] mod tests {{{body}}}");
        let crates = crates(&[
            ("host/src/lib.rs", &body),
            ("host/src/cli.rs", &tests),
            ("xtask/src/main.rs", &body),
        ]);
        assert_eq!(
            told(&long_files(&crates)),
            ["host/src/lib.rs: 503 lines; a file has at most 500"]
        );
        assert_eq!(
            told(&long_functions(&crates)),
            ["host/src/lib.rs:2: `a` has 502 lines of code; a function has at most 60"]
        );
    }

    #[test]
    fn circles_and_shared_names_are_found_in_all_crates() {
        let crates = crates(&[
            ("host/src/lib.rs", "pub struct A;"),
            ("xtask/src/main.rs", "mod b; mod c;"),
            ("xtask/src/b.rs", "use crate::c::C; pub struct A;"),
            ("xtask/src/c.rs", "use crate::b::A; pub struct C;"),
        ]);
        assert_eq!(
            told(&files_in_circles(&crates)),
            [
                "xtask/src/b.rs: files that use each other in a circle: xtask/src/b.rs, xtask/src/c.rs"
            ]
        );
        assert_eq!(
            told(&shared_names(&crates)),
            [
                "host/src/lib.rs:1: `A` is the name of several types: host/src/lib.rs:1, xtask/src/b.rs:1"
            ]
        );
    }

    #[test]
    fn arrows_between_rooms_run_down() {
        let crates = crates(&[
            (
                "host/src/lib.rs",
                "mod cli; mod station; mod annex; use cli::run;",
            ),
            ("host/src/cli.rs", "use crate::station::N;"),
            (
                "host/src/station.rs",
                "use crate::cli::C; use crate::annex::A;",
            ),
            ("host/src/annex.rs", ""),
        ]);
        let found = upward(&rooms::rooms(&crates), &rooms::arrows(&crates));
        assert_eq!(
            told(&found),
            [
                "host/src/annex: the room `annex` has no floor",
                "host/src/station.rs: `station` uses `cli`, which is above it",
            ]
        );
    }

    #[test]
    fn an_arrow_through_what_the_library_defines_or_passes_on_runs_up() {
        let found = |lib: &str, files: &[(&str, &str)]| {
            let mut all = vec![
                ("host/src/lib.rs", lib),
                (
                    "host/src/main.rs",
                    "fn main() { pointsman::main(); crate::own() } fn own() {}",
                ),
                (
                    "host/src/cli/mod.rs",
                    "pub mod scene; pub use scene::Scene;",
                ),
                ("host/src/cli/scene.rs", "pub struct Scene;"),
            ];
            all.extend_from_slice(files);
            let crates = crates(&all);
            told(&upward(&rooms::rooms(&crates), &rooms::arrows(&crates)))
        };
        let station = |text: &'static str| [("host/src/station.rs", text)];
        let uses = |room: &str| {
            [format!(
                "host/src/station.rs: `station` uses `{room}`, which is above it"
            )]
        };
        let calls = "mod cli; mod station; fn show() { cli::scene::Scene; }";
        assert_eq!(
            found(calls, &station("fn f() { crate::show() }")),
            uses("lib")
        );
        assert_eq!(
            found(calls, &station("use super::show; fn f() { show() }")),
            uses("lib")
        );
        assert_eq!(
            found("const A: u8 = 1;", &station("fn f() { crate::A; }")),
            uses("lib")
        );
        let passes = "mod cli; mod station; pub use cli::scene::Scene as Play;";
        assert_eq!(found(passes, &station("use crate::Play;")), uses("cli"));
        let all = "mod cli; mod station; pub use cli::*;";
        assert_eq!(
            found(all, &station("fn f() { crate::Scene; }")),
            uses("lib")
        );
        for whole in [
            "use crate as c; fn f() { c::A; }",
            "use crate::*; fn f() { A; }",
        ] {
            assert_eq!(found("const A: u8 = 1;", &station(whole)), uses("lib"));
        }
        // A room that uses nothing itself, and passes on what is above it.
        assert_eq!(
            found("", &station("pub use crate::cli::scene::Scene;")),
            uses("cli")
        );
        let down = "mod cli; mod station; pub use net::N; pub fn main() { cli::scene::Scene; }";
        assert_eq!(found(down, &station("pub struct N;")), Vec::<String>::new());
    }
}
