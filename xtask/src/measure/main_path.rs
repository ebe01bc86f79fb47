//! The main path: what ARCHITECTURE.md wants a newcomer to read, how long that is, and how often it makes its reader
//! look elsewhere.
//!
//! The path is the first table of the section "The main path". A row names one file by its whole path in backquotes;
//! the cell behind it names in backquotes the functions and types to read of it, or nothing for all of it. Pages (`.md`)
//! may stand there too; they have no code. Lines are lines with code.
//!
//! A *jump* is a file that is not on the path, but in the room of one that is (a room is a folder or file directly below
//! `src`), and defines a function that is called by what is read: an own method (`self.f(…)`) or a function (`f(…)`,
//! `module::f(…)`). It counts once for each file it is called from. A call of what another room offers is not
//! counted as a jump: such a name was made for readers outside. *Names from elsewhere* counts all files that are not on
//! the path and define anything that what is read mentions, in whatever room.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::source::file::SourceFile;
use crate::source::lexer::{Token, TokenKind};
use crate::source::modules::{Crates, FilePlace};
use crate::source::tree::Tree;

pub const PAGE: &str = "ARCHITECTURE.md";
const SECTION: &str = "## The main path";

/// A row of the table, measured.
#[derive(Debug, Default)]
pub struct Step {
    pub path: String,
    pub parts: Vec<String>,
    pub code: usize,
    /// Files that are not on the path, and have to be opened.
    pub jumps: BTreeSet<String>,
    /// Files that are not on the path, and define something that is mentioned.
    pub elsewhere: BTreeSet<String>,
}

/// Measures the path, if the page has one as a table.
///
/// # Errors
/// A file, function or type that is not there.
pub fn read(tree: &Tree, crates: &Crates) -> Result<Vec<Step>, String> {
    if !tree.holds(PAGE) {
        return Ok(Vec::new());
    }
    let rows = rows(&tree.text(PAGE)?);
    let on_path: BTreeSet<&str> = rows.iter().map(|(path, _)| path.as_str()).collect();
    rows.iter()
        .map(|(path, parts)| {
            let mut step = Step {
                path: path.clone(),
                parts: parts.clone(),
                ..Step::default()
            };
            if !path.ends_with(".rs") {
                return Ok(step);
            }
            let Some(place) = crates.named(path) else {
                // A guest: code, but of no crate that is looked at.
                step.code = SourceFile::parse(path, Vec::new(), &tree.text(path)?)
                    .lines
                    .code;
                return Ok(step);
            };
            let reader = PathReader {
                crates,
                place,
                on_path: &on_path,
            };
            reader.read(&mut step)?;
            Ok(step)
        })
        .collect()
}

pub fn code(steps: &[Step]) -> usize {
    steps.iter().map(|step| step.code).sum()
}

pub fn jumps(steps: &[Step]) -> usize {
    steps.iter().map(|step| step.jumps.len()).sum()
}

/// All files that are not on the path, and that it mentions something of.
pub fn elsewhere(steps: &[Step]) -> BTreeSet<&str> {
    steps
        .iter()
        .flat_map(|step| step.elsewhere.iter().map(String::as_str))
        .collect()
}

pub fn as_json(steps: &[Step]) -> Value {
    let rows: Vec<Value> = steps
        .iter()
        .map(|step| json!({ "path": step.path, "parts": step.parts, "code": step.code, "jumps": step.jumps }))
        .collect();
    json!({
        "code": code(steps),
        "jumps": jumps(steps),
        "names-from-elsewhere": elsewhere(steps).len(),
        "steps": rows,
    })
}

/// Path and parts of each row of the first table in the section.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let section = page.lines().skip_while(|line| *line != SECTION).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let table = section
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    table.filter_map(row).collect()
}

fn row(line: &str) -> Option<(String, Vec<String>)> {
    let mut cells = line.split('|').map(quoted);
    let path = cells.find_map(|cell| {
        let mut paths = cell.into_iter();
        paths.find(|text| text.contains('/') && (text.ends_with(".rs") || text.ends_with(".md")))
    })?;
    Some((path, cells.next().unwrap_or_default()))
}

/// What stands in backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Reads one file of the path.
struct PathReader<'a> {
    crates: &'a Crates,
    place: FilePlace,
    on_path: &'a BTreeSet<&'a str>,
}

impl PathReader<'_> {
    fn read(&self, step: &mut Step) -> Result<(), String> {
        let Some(file) = self.crates.file(self.place) else {
            return Ok(());
        };
        let ranges = extents(file, &step.parts)?;
        let mut lines = BTreeSet::new();
        for range in ranges {
            lines.extend(range);
        }
        step.code = lines
            .iter()
            .filter(|line| file.code_between(**line, **line) > 0)
            .count();
        self.jumps(file, &lines, step);
        self.elsewhere(file, &lines, step);
        Ok(())
    }

    fn jumps(&self, file: &SourceFile, lines: &BTreeSet<usize>, step: &mut Step) {
        for (at, token) in file.code.iter().enumerate() {
            let called = token.kind == TokenKind::Word
                && token.text.starts_with(|c: char| c.is_lowercase())
                && file.code.get(at + 1).is_some_and(|next| next.is("("));
            if !called || !lines.contains(&token.line) {
                continue;
            }
            let before = path_before(&file.code, at);
            let target = match before {
                CallPrefix::Own => self.own_method(file, token),
                CallPrefix::Path(mut path) => {
                    path.push(token.text.clone());
                    self.crates.resolve(self.place, &[], &path)
                }
                CallPrefix::Other => None,
            };
            let there = target.and_then(|place| self.crates.file(place));
            step.jumps.extend(
                there
                    .filter(|there| {
                        self.is_off_path(there) && room(&there.path) == room(&file.path)
                    })
                    .map(|there| there.path.clone()),
            );
        }
    }

    /// The file of a method of the type in whose block the call stands.
    fn own_method(&self, file: &SourceFile, token: &Token) -> Option<FilePlace> {
        let around = file.functions.iter();
        let mut around =
            around.filter(|function| (function.first..=function.last).contains(&token.line));
        let owner = around.next_back()?.owner.as_ref()?;
        let (krate, _) = self.place;
        let files = self.crates.all.get(krate)?.files.iter();
        let index = files.clone().position(|file| {
            let mut functions = file.functions.iter();
            functions.any(|function| {
                function.name == token.text && function.owner.as_ref() == Some(owner)
            })
        })?;
        Some((krate, index))
    }

    fn elsewhere(&self, file: &SourceFile, lines: &BTreeSet<usize>, step: &mut Step) {
        let words: BTreeSet<&str> = file
            .words()
            .filter(|(line, _)| lines.contains(line))
            .map(|(_, word)| word)
            .collect();
        let imports = file
            .imports
            .iter()
            .filter(|import| words.contains(import.name.as_str()));
        let imports =
            imports.map(|import| self.crates.resolve(self.place, &import.scope, &import.path));
        let paths = file
            .paths()
            .into_iter()
            .filter(|(line, _)| lines.contains(line));
        let paths = paths.map(|(_, path)| self.crates.resolve(self.place, &[], &path));
        let files = imports
            .chain(paths)
            .flatten()
            .filter_map(|place| self.crates.file(place));
        step.elsewhere.extend(
            files
                .filter(|file| self.is_off_path(file))
                .map(|file| file.path.clone()),
        );
    }

    fn is_off_path(&self, file: &SourceFile) -> bool {
        !self.on_path.contains(file.path.as_str())
    }
}

/// What stands before the name of a call.
enum CallPrefix {
    /// `self.`
    Own,
    /// `module::`, or nothing.
    Path(Vec<String>),
    /// A method of something else, or the function's own head.
    Other,
}

fn path_before(code: &[Token], at: usize) -> CallPrefix {
    let back = |count: usize| at.checked_sub(count).and_then(|index| code.get(index));
    let is = |count: usize, text: &str| back(count).is_some_and(|token| token.is(text));
    if is(1, ".") {
        let own = is(2, "self") && !is(3, ".");
        return if own {
            CallPrefix::Own
        } else {
            CallPrefix::Other
        };
    }
    if is(1, "fn") {
        return CallPrefix::Other;
    }
    let mut path = Vec::new();
    let mut count = 1;
    while is(count, "::") {
        match back(count + 1).filter(|token| token.kind == TokenKind::Word) {
            Some(word) if word.is("Self") && path.is_empty() => return CallPrefix::Own,
            Some(word) => path.insert(0, word.text.clone()),
            None => return CallPrefix::Other,
        }
        count += 2;
    }
    CallPrefix::Path(path)
}

/// The lines of the parts that are to be read.
fn extents(file: &SourceFile, parts: &[String]) -> Result<Vec<RangeInclusive<usize>>, String> {
    if parts.is_empty() {
        return Ok(vec![0..=usize::from(u16::MAX)]);
    }
    let mut found = Vec::new();
    for part in parts {
        let name = part.rsplit("::").next().unwrap_or(part);
        let functions = file
            .functions
            .iter()
            .filter(|function| function.name == name);
        let types = file.types.iter().filter(|found| found.name == name);
        let before = found.len();
        found.extend(functions.map(|function| function.first..=function.last));
        found.extend(types.map(|found| found.line..=end_of_type(file, found.line)));
        if found.len() == before {
            return Err(format!(
                "{PAGE}: the main path names `{part}`, which is not in {}",
                file.path
            ));
        }
    }
    Ok(found)
}

/// The line on which the type ends that begins on that line.
fn end_of_type(file: &SourceFile, first: usize) -> usize {
    let mut depth = 0_usize;
    for token in file.code.iter().skip_while(|token| token.line < first) {
        match token.text.as_str() {
            "{" | "(" if token.kind == TokenKind::Mark => depth += 1,
            "}" | ")" if token.kind == TokenKind::Mark => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return token.line,
            _ => continue,
        }
        if depth == 0 && token.is("}") {
            return token.line;
        }
    }
    first
}

/// The folder or file directly below `src` that a file stands in.
fn room(path: &str) -> Option<(&str, &str)> {
    let (krate, rest) = path.split_once("/src/")?;
    Some((krate, rest.split('/').next()?.trim_end_matches(".rs")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "# Map\n## The main path\nWords with `a/src/x.rs`.\n\n| step | file | read | why |\n|---|---|---|---|\n| 1 | [`a/README.md`](a/README.md) | | `first` |\n| 2 | `a/src/m/b.rs` | `B`, `B::go` | |\n| 3 | `a/src/m/c.rs` | | |\n\n| another | `a/src/x.rs` |\n## Next\n";

    const B: &str = "use super::d::{help, D};\npub struct B {\n    d: D,\n}\nimpl B {\n    fn go(&self) {\n        self.step();\n        help();\n        crate::e::far();\n        super::c::near();\n        self.d.other();\n    }\n    fn unread(&self) { super::f::f(); }\n}\n";

    fn steps(map: &str) -> Result<Vec<Step>, String> {
        let (_folder, tree) = Tree::planted(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]"),
            ("a/Cargo.toml", "[package]\nname = \"a\""),
            (PAGE, map),
            ("a/src/lib.rs", "mod m; mod e;"),
            ("a/src/m/mod.rs", "mod b; mod c; mod d; mod f; mod g;"),
            ("a/src/m/b.rs", B),
            ("a/src/m/c.rs", "pub fn near() {}\n"),
            (
                "a/src/m/d.rs",
                "pub struct D;\npub fn help() {}\nfn other() {}",
            ),
            ("a/src/m/f.rs", "pub fn f() {}"),
            (
                "a/src/m/g.rs",
                "use super::b::B;\nimpl B { fn step(&self) {} }",
            ),
            ("a/src/e.rs", "pub fn far() {}"),
        ]);
        read(&tree, &Crates::read(&tree)?)
    }

    #[test]
    fn the_path_is_the_first_table_of_its_section() {
        let steps = steps(MAP).unwrap();
        let paths: Vec<&str> = steps.iter().map(|step| step.path.as_str()).collect();
        assert_eq!(paths, ["a/README.md", "a/src/m/b.rs", "a/src/m/c.rs"]);
        assert_eq!(steps[1].parts, ["B", "B::go"]);
    }

    #[test]
    fn lines_are_those_of_what_is_read() {
        let steps = steps(MAP).unwrap();
        assert_eq!(
            steps.iter().map(|step| step.code).collect::<Vec<_>>(),
            [0, 10, 1]
        );
        assert_eq!(code(&steps), 11);
    }

    #[test]
    fn a_jump_is_a_call_within_the_room_that_leaves_the_path() {
        let steps = steps(MAP).unwrap();
        assert_eq!(
            Vec::from_iter(&steps[1].jumps),
            ["a/src/m/d.rs", "a/src/m/g.rs"]
        );
        assert_eq!(jumps(&steps), 2);
        assert_eq!(
            Vec::from_iter(elsewhere(&steps)),
            ["a/src/e.rs", "a/src/m/d.rs"]
        );
    }

    #[test]
    fn a_part_that_is_not_there_is_an_error() {
        let error = steps(&MAP.replace("`B::go`", "`B::gone`")).unwrap_err();
        assert_eq!(
            error,
            "ARCHITECTURE.md: the main path names `B::gone`, which is not in a/src/m/b.rs"
        );
        assert!(
            steps(&MAP.replace("m/c.rs", "m/z.rs"))
                .unwrap_err()
                .contains("m/z.rs")
        );
    }
}
