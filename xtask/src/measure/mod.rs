//! `cargo xtask measure`: how hard the code is to read, in figures.
//!
//! All of them are made from tokens, so strings and comments are no code, and neither is what only tests are built from.
//! - *code*: lines with code on them. *Test lines* are those of inline tests and of the crate's `tests` folder (of the
//!   program: `/tests`, but for the policies that tests deploy).
//! - *Files* are measured by all of their lines, comments and blank ones too, without their test modules; *functions* by
//!   their lines with code, from `fn` to the closing brace.
//! - *Circles* (`--arrows` shows what they consist of) are files of one crate that use each other, by imports and by paths that begin with `crate`, `super`,
//!   `self` or the name of a module below. A name that is only passed on (`pub use`) leads to the file that defines it.
//! - *Rooms* are the folders and files directly below `host/src`; an arrow joins two of them, however many files use it.
//! - *Names with two meanings* are those of two public types (`pub`, `pub(crate)` …) anywhere in the repository.
//! - [`main_path`] says what its lines and jumps are.

mod main_path;
mod sizes;
mod table;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::main_path::Step;
use self::sizes::{LongFunction, Sizes};
use self::table::table;
use crate::exceptions::CIRCLES;
use crate::source::circles;
use crate::source::modules::Crates;
use crate::source::names::{self, SharedName};
use crate::source::rooms::{self, Arrows};
use crate::source::tree::Tree;

const USAGE: &str = "usage: cargo xtask measure [--json] [--arrows] [--root PATH]";

/// So many of the longest functions are named.
const NAMED: usize = 20;

/// Measures the repository at `root`, or at the path of `--root`, and prints the figures.
///
/// # Errors
/// What cannot be read.
pub fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let mut root = PathBuf::from(root);
    let (mut as_json, mut as_arrows) = (false, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--json" => as_json = true,
            "--arrows" => as_arrows = true,
            "--root" => root = rest.next().ok_or(USAGE)?.into(),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let tree = Tree::read(&root)?;
    if as_arrows {
        print!("{}", arrows_in_circles(&Crates::read(&tree)?));
        return Ok(());
    }
    let figures = Figures::read(&tree)?;
    if as_json {
        println!("{:#}", figures.as_json());
    } else {
        print!("{}", figures.as_text());
    }
    Ok(())
}

/// Every arrow that is part of a circle, for whoever wants to open one.
fn arrows_in_circles(crates: &Crates) -> String {
    let mut text = String::new();
    for krate in 0..crates.all.len() {
        for circle in circles::find(crates, krate) {
            text += &format!("A circle of {} files:\n\n", circle.len());
            for (from, to) in circles::arrows(crates, &circle) {
                text += &format!("- {from} → {}\n", to.join(", "));
            }
            text += "\n";
        }
    }
    text
}

/// All that is measured.
struct Figures {
    sizes: Vec<Sizes>,
    long_files: Vec<(usize, String)>,
    longest: Vec<LongFunction>,
    circles: Vec<Vec<String>>,
    rooms: Vec<String>,
    arrows: Arrows,
    names: Vec<SharedName>,
    path: Vec<Step>,
}

impl Figures {
    fn read(tree: &Tree) -> Result<Self, String> {
        let crates = Crates::read(tree)?;
        let mut sizes: Vec<Sizes> = crates
            .product()
            .map(|one| Sizes::of(&one.name, [one]))
            .collect();
        sizes.push(Sizes::of("all of the product", crates.product()));
        let automation = crates.all.iter().filter(|one| !one.is_product());
        sizes.extend(automation.map(|one| Sizes::of(&one.name, [one])));
        Ok(Self {
            sizes,
            long_files: sizes::long_files(crates.product()),
            longest: sizes::longest(crates.product(), NAMED),
            circles: (0..crates.all.len())
                .flat_map(|krate| circles::find(&crates, krate))
                .collect(),
            rooms: rooms::rooms(&crates),
            arrows: rooms::arrows(&crates),
            names: names::shared(&crates),
            path: main_path::read(tree, &crates)?,
        })
    }

    fn names_with_two_meanings(&self) -> impl Iterator<Item = &SharedName> {
        self.names.iter().filter(|name| name.public.len() > 1)
    }

    fn as_text(&self) -> String {
        let rows: Vec<Vec<String>> = self.sizes.iter().map(Sizes::row).collect();
        [
            table(&Sizes::HEAD, &rows),
            self.summary(),
            self.too_long(),
            self.circles_and_rooms(),
            self.names(),
            self.main_path(),
        ]
        .join("\n")
    }

    /// One figure a row, for the whole.
    fn summary(&self) -> String {
        let row = |what: &str, figure: usize| vec![what.to_owned(), figure.to_string()];
        let without_reason = self
            .circles
            .iter()
            .filter(|circle| circles::reason(circle, CIRCLES).is_none())
            .count();
        let offending = self.names.iter().filter(|name| name.is_offence()).count();
        table(
            &["measure", "figure"],
            &[
                row("product files above 500 lines", self.long_files.len()),
                row("circles of files", self.circles.len()),
                row("circles without a reason", without_reason),
                row("rooms of the host", self.rooms.len()),
                row("arrows between them", self.arrows.len()),
                row(
                    "names of two public types",
                    self.names_with_two_meanings().count(),
                ),
                row("names of two public types without a reason", offending),
                row("names of two types, private ones too", self.names.len()),
                row("main path: lines of code", main_path::code(&self.path)),
                row("main path: jumps", main_path::jumps(&self.path)),
                row(
                    "main path: files it has names from",
                    main_path::elsewhere(&self.path).len(),
                ),
            ],
        )
    }

    fn too_long(&self) -> String {
        let mut text = String::from("Product files above 500 lines:\n\n");
        for (lines, path) in &self.long_files {
            text += &format!("- {lines} {path}\n");
        }
        text += "\nThe longest functions:\n\n";
        for LongFunction {
            length,
            place,
            name,
        } in &self.longest
        {
            text += &format!("- {length} {place} `{name}`\n");
        }
        text
    }

    fn circles_and_rooms(&self) -> String {
        let mut text = String::from("Circles of files:\n\n");
        for circle in &self.circles {
            let reason = circles::reason(circle, CIRCLES).unwrap_or("no reason is given");
            text += &format!(
                "- {} files ({reason}): {}\n",
                circle.len(),
                circle.join(", ")
            );
        }
        text += "\nArrows between the host's rooms:\n\n";
        for room in &self.rooms {
            let to = self
                .arrows
                .keys()
                .filter(|(from, _)| from == room)
                .map(|(_, to)| to.as_str());
            text += &format!("- {room} → {}\n", to.collect::<Vec<_>>().join(", "));
        }
        text
    }

    fn names(&self) -> String {
        let mut text = String::from("Names of two public types:\n\n");
        for name in self.names_with_two_meanings() {
            text += &format!("- `{}`: {}\n", name.name, name.public.join(", "));
        }
        text
    }

    fn main_path(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .path
            .iter()
            .map(|step| {
                let jumps = step.jumps.iter();
                let jumps: Vec<&str> = jumps
                    .map(|path| {
                        path.split_once("/src/")
                            .map_or(path.as_str(), |(_, rest)| rest)
                    })
                    .collect();
                vec![
                    step.path.clone(),
                    step.code.to_string(),
                    step.jumps.len().to_string(),
                    jumps.join(", "),
                ]
            })
            .collect();
        table(&["main path", "code", "jumps", "to"], &rows)
    }

    fn as_json(&self) -> Value {
        let arrows: Vec<Value> = self
            .arrows
            .iter()
            .map(|((from, to), files)| json!({ "from": from, "to": to, "files": files }))
            .collect();
        let long_files = self.long_files.iter();
        let longest = self.longest.iter();
        json!({
            "sizes": self.sizes.iter().map(Sizes::json).collect::<Vec<_>>(),
            "long-files": long_files.map(|(lines, path)| json!({ "lines": lines, "path": path })).collect::<Vec<_>>(),
            "longest-functions": longest.map(|one| json!({ "lines": one.length, "place": one.place, "name": one.name })).collect::<Vec<_>>(),
            "circles": self.circles,
            "rooms": self.rooms,
            "arrows": arrows,
            "names": self.names.iter().map(|name| json!({ "name": name.name, "public": name.public, "private": name.private })).collect::<Vec<_>>(),
            "main-path": main_path::as_json(&self.path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_measured() {
        let tree = Tree::read(&crate::repository().unwrap()).unwrap();
        let figures = Figures::read(&tree).unwrap();
        let text = figures.as_text();
        for crate_name in [
            "oftp",
            "pointsman-store",
            "pointsman",
            "all of the product",
            "xtask",
        ] {
            assert!(text.contains(&format!("| {crate_name} ")), "{text}");
        }
        assert!(
            figures.rooms.len() > 5 && figures.arrows.len() > 5,
            "{text}"
        );
        assert_eq!(figures.longest.len(), NAMED);
        assert!(figures.as_json()["sizes"].as_array().unwrap().len() > 7);
    }
}
