//! The rooms of the host: folders and files directly below `host/src`. Which of them uses which. `lib.rs` counts as one
//! that is above all others: what it defines, calls and passes on.

use std::collections::BTreeMap;

use super::modules::{Crates, FilePlace};

const FOLDER: &str = "host/src/";

/// The program that calls the library is no room of it.
const APART: &str = "main";

/// Two rooms, of which the first uses the second, and the files that do.
pub type Arrows = BTreeMap<(String, String), Vec<String>>;

/// The room of a file, if it is in one.
pub fn room(path: &str) -> Option<&str> {
    let first = path.strip_prefix(FOLDER)?.split('/').next()?;
    let name = first.trim_end_matches(".rs");
    (name != APART).then_some(name)
}

/// All rooms, sorted.
pub fn rooms(crates: &Crates) -> Vec<String> {
    let files = crates.all.iter().flat_map(|one| &one.files);
    let mut rooms: Vec<String> = files
        .filter_map(|file| room(&file.path))
        .map(str::to_owned)
        .collect();
    rooms.sort();
    rooms.dedup();
    rooms
}

/// The arrows between different rooms.
pub fn arrows(crates: &Crates) -> Arrows {
    let mut found = Arrows::new();
    for (krate, one) in crates.all.iter().enumerate() {
        for (index, file) in one.files.iter().enumerate() {
            let Some(from) = room(&file.path) else {
                continue;
            };
            for to in used_rooms(crates, (krate, index)) {
                if to != from {
                    let users = found.entry((from.to_owned(), to)).or_default();
                    users.push(file.path.clone());
                }
            }
        }
    }
    found
}

fn used_rooms(crates: &Crates, place: FilePlace) -> Vec<String> {
    // What a room passes on to others it knows, too.
    let used = crates.used_by(place).into_iter();
    let used = used.chain(crates.passed_on_by(place));
    let files = used.filter_map(|place| crates.file(place));
    let mut rooms: Vec<String> = files
        .filter_map(|file| room(&file.path))
        .map(str::to_owned)
        .collect();
    rooms.sort();
    rooms.dedup();
    rooms
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn arrows_run_from_the_room_that_uses_to_the_room_that_is_used() {
        let (_folder, tree) = Tree::planted(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"host\"]"),
            ("host/Cargo.toml", "[package]\nname = \"pointsman\""),
            ("host/src/lib.rs", "mod a; mod b; mod c; use a::A;"),
            ("host/src/a/mod.rs", "mod d; use d::D; use crate::b::B;"),
            (
                "host/src/a/d.rs",
                "use super::super::c; fn f() { crate::b::g() }",
            ),
            ("host/src/b.rs", ""),
            ("host/src/c.rs", "#[cfg(test)] use crate::a::A;"),
        ]);
        let crates = Crates::read(&tree).unwrap();
        assert_eq!(rooms(&crates), ["a", "b", "c", "lib"]);
        let found: Vec<((String, String), Vec<String>)> = arrows(&crates).into_iter().collect();
        let arrow = |to: &str| ("a".to_owned(), to.to_owned());
        let files = |files: &[&str]| {
            files
                .iter()
                .map(|file| (*file).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found,
            [
                (arrow("b"), files(&["host/src/a/d.rs", "host/src/a/mod.rs"])),
                (arrow("c"), files(&["host/src/a/d.rs"])),
                (
                    ("lib".to_owned(), "a".to_owned()),
                    files(&["host/src/lib.rs"])
                ),
            ]
        );
    }
}
