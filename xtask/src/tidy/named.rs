//! Names on the pages that explain the code: a path in code marks leads to a file or folder, and a test that is named is
//! in the file that is named with it.

use super::offence::Offence;
use crate::source::tree::Tree;

/// Where each invariant has its test.
const INVARIANTS: &str = "docs/invariants.md";

/// What a file of this repository that a page speaks of ends with.
const ENDS: [&str; 4] = [".rs", ".sql", ".wit", ".md"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Offence>, String> {
    let files: Vec<&str> = tree.named("").collect();
    let mut found = Vec::new();
    for page in pages(&files) {
        let text = tree.text(page)?;
        for (number, what) in unknown_paths(tree, &files, page, &text) {
            let remedy = "write the path as it is, or name the room that it lies in beside it";
            found.push(Offence::new(format!("{page}:{number}"), what, remedy));
        }
        if page == INVARIANTS {
            for (number, what) in unknown_tests(tree, &files, &text)? {
                let remedy = "name the test as it is called, behind the file that it is in";
                found.push(Offence::new(format!("{page}:{number}"), what, remedy));
            }
        }
    }
    Ok(found)
}

/// The pages that speak of files: those at the root, of the contract, and directly in `docs`.
fn pages<'a>(files: &[&'a str]) -> Vec<&'a str> {
    let is_read = |path: &&str| {
        let in_docs = path.strip_prefix("docs/").is_some_and(|name| {
            let is_a_folders = name.contains('/');
            !is_a_folders && name.ends_with(".md")
        });
        in_docs || ["ARCHITECTURE.md", "README.md", "wit/README.md"].contains(path)
    };
    files.iter().copied().filter(is_read).collect()
}

fn unknown_paths(tree: &Tree, files: &[&str], page: &str, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for section in sections(text) {
        let marks: Vec<(usize, &str)> = section
            .iter()
            .flat_map(|(number, line)| marks(line).map(|mark| (*number, mark)))
            .collect();
        for (number, mark) in &marks {
            if !is_path(mark) {
                continue;
            }
            let homes = homes(tree, files, page, mark);
            let is_named = |home: &&String| marks.iter().any(|(_, room)| is_below(home, room));
            if homes.is_empty() {
                found.push((*number, format!("`{mark}` is not there")));
            } else if homes.len() > 1 && !homes.iter().any(|home| is_named(&home)) {
                let homes = homes.join(", ");
                found.push((*number, format!("`{mark}` may be any of {homes}")));
            }
        }
    }
    found
}

/// What stands between two headings, with the numbers of its lines; drawings are left out.
fn sections(text: &str) -> Vec<Vec<(usize, &str)>> {
    let (mut sections, mut is_fenced) = (vec![Vec::new()], false);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if line.starts_with('#') && !is_fenced {
            sections.push(Vec::new());
        } else if !is_fenced && let Some(section) = sections.last_mut() {
            section.push((number, line));
        }
    }
    sections
}

/// What stands in code marks.
fn marks(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(mark: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_file = ENDS
        .iter()
        .any(|end| mark.len() > end.len() && mark.ends_with(end));
    // A folder is one of ours where another stands before it.
    let is_folder = mark.ends_with('/') && mark.trim_end_matches('/').contains('/');
    mark.chars().all(is_plain) && !mark.starts_with(['/', '.']) && (is_file || is_folder)
}

/// Where a path may lie: there, beside the page, or below any folder.
fn homes(tree: &Tree, files: &[&str], page: &str, mark: &str) -> Vec<String> {
    let mark = mark.trim_end_matches('/');
    let beside = page
        .rsplit_once('/')
        .map(|(folder, _)| format!("{folder}/{mark}"));
    if let Some(there) = [Some(mark.to_owned()), beside]
        .into_iter()
        .flatten()
        .find(|path| tree.holds(path))
    {
        return vec![there];
    }
    let (as_file, as_folder) = (format!("/{mark}"), format!("/{mark}/"));
    let mut homes: Vec<String> = files
        .iter()
        .filter_map(|path| match path.find(&as_folder) {
            Some(at) => path.get(..at + as_file.len()).map(str::to_owned),
            None => path.ends_with(&as_file).then(|| (*path).to_owned()),
        })
        .collect();
    homes.dedup();
    homes
}

/// Whether a path lies below that room, or below the folder of that file, or in that crate.
fn is_below(home: &str, room: &str) -> bool {
    let room = match ENDS.iter().any(|end| room.ends_with(end)) {
        true => room.rsplit_once('/').map_or("", |(folder, _)| folder),
        false => room.trim_end_matches('/'),
    };
    !room.is_empty() && format!("/{home}").contains(&format!("/{room}/"))
}

/// Tests that are not in the file named before them, in any of those that it may be.
fn unknown_tests(tree: &Tree, files: &[&str], text: &str) -> Result<Vec<(usize, String)>, String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut named: Option<&str> = None;
        for mark in marks(line) {
            if is_path(mark) {
                named = Some(mark);
            } else if let Some(file) = named.filter(|_| is_test(mark)) {
                let mut is_there = false;
                for home in homes(tree, files, INVARIANTS, file) {
                    is_there |= has_test(tree, files, &home, mark)?;
                }
                if !is_there {
                    found.push((number, format!("the test `{mark}` is not in `{file}`")));
                }
            }
        }
    }
    Ok(found)
}

/// The names of tests are sentences.
fn is_test(mark: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    mark.chars().all(is_word) && mark.matches('_').count() >= 3
}

/// Looks in the file, and where it has its tests in a folder of its own, or is a folder, there.
fn has_test(tree: &Tree, files: &[&str], home: &str, test: &str) -> Result<bool, String> {
    let folder = format!("{}/", home.strip_suffix(".rs").unwrap_or(home));
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for path in files {
        let is_meant = *path == home || path.starts_with(&folder);
        if is_meant && path.ends_with(".rs") {
            let text = tree.text(path)?;
            if text.split(|c| !is_word(c)).any(|word| word == test) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(page: &str, text: &str) -> Vec<String> {
        let (_folder, tree) = Tree::planted(&[
            (page, text),
            ("host/src/one/same.rs", ""),
            ("host/src/two/same.rs", ""),
            ("host/src/two/only.rs", ""),
            ("tests/first.rs", "fn what_is_sent_is_kept() {}"),
            ("tests/other.rs", "mod more;"),
            ("tests/other/more.rs", "fn what_is_kept_is_sent() {}"),
        ]);
        let offences = check(&tree).unwrap().into_iter();
        offences
            .map(|offence| format!("{}: {}", offence.place, offence.what))
            .collect()
    }

    #[test]
    fn paths_that_are_there_are_fine() {
        let fine = "`host/src/one/same.rs`, `only.rs`, `two/same.rs`, `one/`, `a.b`, `/etc/x.md`, `Cell::rs`\n\
                    # Room\nin `two/`: `same.rs`\n```\n`gone.rs`\n```";
        assert_eq!(told("ARCHITECTURE.md", fine), Vec::<String>::new());
        assert_eq!(told("docs/deeper/a.md", "`gone.rs`"), Vec::<String>::new());
    }

    #[test]
    fn a_path_that_is_gone_is_found() {
        for page in ["ARCHITECTURE.md", "README.md", "docs/a.md", "wit/README.md"] {
            assert_eq!(
                told(page, "\n`gone.rs`, `host/src/three/`"),
                [
                    format!("{page}:2: `gone.rs` is not there"),
                    format!("{page}:2: `host/src/three/` is not there"),
                ]
            );
        }
    }

    #[test]
    fn a_name_that_may_be_two_files_is_found() {
        let either = "host/src/one/same.rs, host/src/two/same.rs";
        assert_eq!(
            told("ARCHITECTURE.md", "`same.rs`"),
            [format!(
                "ARCHITECTURE.md:1: `same.rs` may be any of {either}"
            )]
        );
    }

    #[test]
    fn a_test_that_is_not_in_its_file_is_found() {
        let fine = "| it | `tests/first.rs` `what_is_sent_is_kept`; `other.rs` `what_is_kept_is_sent`, `a_verb` |";
        assert_eq!(told("docs/invariants.md", fine), Vec::<String>::new());
        assert_eq!(
            told(
                "docs/invariants.md",
                "| it | `other.rs` `what_is_sent_is_kept` |"
            ),
            ["docs/invariants.md:1: the test `what_is_sent_is_kept` is not in `other.rs`"]
        );
    }
}
